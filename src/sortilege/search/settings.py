"""How to search: the settings, each typed once."""

from dataclasses import dataclass

from sortilege._knobs import check_knobs, knob

METHODS = ("none", "best-of-n", "local-search", "exhaustive", "tree")
RULES = ("top_p", "locally_typical", "locally_typical_distance")
STARTS = ("best", "draw")
EDITS = ("never", "remask")
_BUDGETS = ("step_budget", "budget")
_DRAWS = ("num_x_theta_samples", "best_sequence_rank", "every", "last", *_BUDGETS)
_CANDIDATES = ("sampling_method", "k")
READS = {
    "none": (),
    "best-of-n": _DRAWS,
    "local-search": (*_DRAWS, "start", *_CANDIDATES, "sweeps", "chunk", "edit_revealed"),
    "exhaustive": (*_DRAWS, "start", *_CANDIDATES),
    "tree": ("width", "branches", *_BUDGETS),
    "top_p": (),
    "locally_typical": ("alpha",),
    "locally_typical_distance": ("tau",),
}
"""Which settings a method reads, and which a rule reads in addition where the method reads a rule."""


@dataclass(frozen=True)
class Search:
    """What takes the place of plain draws from x_theta, and at what price.

    method: "none" draws and only measures what came out. "best-of-n" takes the best of ``num_x_theta_samples`` draws.
        "local-search" improves it by substitutions of single tokens, lazily. "exhaustive" is the reference: at each
        step it measures every substitution there is, whether or not the bounds hold, and takes the best. "tree"
        searches over reveals instead: it keeps ``width`` canvases, continues each in ``branches`` ways, and judges a
        canvas by its likeliest completion.
    sampling_method: the rule that gives the k candidates of a slot: "top_p" takes the k most probable tokens (the name
        is that of the method's authors), "locally_typical" those with the least |s - H| + alpha s,
        "locally_typical_distance" those with the least |s - tau H|, with surprisal s and entropy H in nats.
    alpha: of "locally_typical" only. Above 1 its order is that of probability. tau: of "locally_typical_distance" only;
        1 is locally typical, 0 is the order of probability.
    start: a step's search begins at the best of the draws and of the sequence it went on with before, the incumbent.
        With "draw" it begins at the best draw though the incumbent is better, and comes back to it only if it gets no
        further. Text is more likely then, since it is always made from the latest prediction, and scorer calls are
        several times as many.

    Where all bounds hold nothing more is searched, so a budget is a ceiling and not a price.
    """

    method: str = knob("local-search", choices=METHODS, doc="what takes the place of plain draws")
    sampling_method: str = knob("locally_typical", choices=RULES, doc="rule for the candidates of a slot")
    alpha: float = knob(0.0, 0, doc="bias of locally_typical towards likely tokens", tune=(0, 1.2))
    tau: float = knob(1.0, 0, doc="share of the entropy that locally_typical_distance aims at", tune=(0, 1.2))
    k: int = knob(10, 1, kind="int", doc="candidates of a slot")
    num_x_theta_samples: int = knob(4, 1, kind="int", doc="draws from x_theta that a step starts with the best of")
    start: str = knob("best", choices=STARTS, doc="climb from the best of draws and incumbent, or of the draws alone")
    best_sequence_rank: int = knob(
        1, 1, kind="int", doc="go on with the n-th best sequence of a step instead of the best"
    )
    every: int = knob(1, 1, kind="int", doc="search at every n-th step that reveals something, and at the last")
    last: float = knob(1.0, 0, 1, doc="search while at most this share of the slots is masked; 0: the last step only")
    sweeps: int | None = knob(None, 1, kind="int", optional=True, doc="passes over the neighbours of a step at most")
    step_budget: int | None = knob(None, 1, kind="int", optional=True, doc="scorer calls at a step at most")
    budget: int | None = knob(None, 1, kind="int", optional=True, doc="scorer calls for a text at most")
    chunk: int = knob(16, 1, kind="int", doc="neighbours measured together, of which the best is taken")
    edit_revealed: str = knob(
        "never", choices=EDITS, doc="remask: at the end revealed slots too, from p(token | all others)"
    )
    width: int = knob(4, 1, kind="int", doc="canvases that tree search keeps")
    branches: int = knob(4, 1, kind="int", doc="ways in which tree search continues each")

    def __post_init__(self) -> None:
        check_knobs(self)

    @property
    def edits(self) -> bool:
        """Whether slots revealed before are changed, once all are revealed."""
        return self.method == "local-search" and self.edit_revealed == "remask"
