"""What a study looks for: metrics to lower or raise, and guards, bands that other metrics must stay in.

    objective = "guarded" | "emwa_cross_ent" | "quality-diversity" | term {"," term}
    term      = metric | "-" metric | "+" metric         lowered or raised; without a sign, as the metric is better
    guard     = metric ["=" edge ":" edge]               an empty edge is no limit
    edge      = factor | "+" offset | "-" offset         of the reference's value of the metric

The source's objective, the average of ``emwa_cross_ent``, is lowest where the next token is certain: greedy decoding
has 0, and no other sampler less. "guarded" is that objective among the samplers whose texts are as diverse as the
reference's, and whose draws are still draws; docs/tuning.md says how the guards were chosen.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sortilege._checks import one_of
from sortilege.evaluation.metrics import METRICS
from sortilege.evaluation.sampling import Sample

OUTSIDE = 1000.0
"""What a score outside the band begins at, above any within; the distance is added, so that there is a slope."""

DEFAULT_GUARDS = ("distinct_3=0.95:1.05", "entropy=0.25:")

DEFAULT_BANDS = {
    "entropy": "0.9:1.1",
    "nll": "0.9:1.1",
    "repeated_4": ":+0.05",
    **{f"distinct_{n}": "0.95:1.05" for n in (1, 2, 3, 4)},
}

_LEAST_SCALE = 0.1  # distances are relative to the reference's value, or to this where it is nearly 0
_UNKNOWN = 100.0  # the distance of a metric without a value


@dataclass(frozen=True)
class Edge:
    """An end of a band: a factor of the reference's value, or an offset from it."""

    value: float
    offset: bool

    def of(self, reference: float) -> float:
        """Where it lies."""
        return reference + self.value if self.offset else reference * self.value

    @property
    def text(self) -> str:
        """As it is written."""
        return f"{self.value:+g}" if self.offset else f"{self.value:g}"


@dataclass(frozen=True)
class Guard:
    """A band around the reference's value of a metric; None is no limit."""

    metric: str
    low: Edge | None
    high: Edge | None

    @property
    def text(self) -> str:
        """As it is written."""
        return f"{self.metric}={self.low.text if self.low else ''}:{self.high.text if self.high else ''}"

    def limits(self, reference: Mapping[str, float]) -> tuple[float, float]:
        """The band, ends included. Raises ValueError where the reference has no value of the metric."""
        value = reference.get(self.metric, math.nan)
        if not math.isfinite(value):
            raise ValueError(f"the reference has no value of {self.metric}, which guard {self.text!r} needs")
        low = self.low.of(value) if self.low else -math.inf
        return low, self.high.of(value) if self.high else math.inf

    def distance(self, metrics: Mapping[str, float], reference: Mapping[str, float]) -> float:
        """How far outside the band a value is, relative to the reference's; 0 within."""
        low, high = self.limits(reference)
        value = metrics.get(self.metric, math.nan)
        if not math.isfinite(value):
            return _UNKNOWN
        return max(low - value, value - high, 0.0) / max(abs(reference[self.metric]), _LEAST_SCALE)


@dataclass(frozen=True)
class Term:
    """A metric, and whether it is to be raised or lowered."""

    metric: str
    maximize: bool


@dataclass(frozen=True)
class Objective:
    """Terms, one for each objective of the study, and guards, which need a single term.

    name: what it was called.
    """

    name: str
    terms: tuple[Term, ...]
    guards: tuple[Guard, ...] = ()

    @property
    def directions(self) -> list[str]:
        """What the optimizer does with each number of a score; under guards a raised term is a lowered negative."""
        return ["maximize" if term.maximize and not self.guards else "minimize" for term in self.terms]

    @property
    def metrics(self) -> list[str]:
        """The metrics it needs."""
        return [*dict.fromkeys([*(term.metric for term in self.terms), *(guard.metric for guard in self.guards)])]

    def distance(self, metrics: Mapping[str, float], reference: Mapping[str, float]) -> float:
        """How far outside all bands together; 0 where every guard holds."""
        return sum(guard.distance(metrics, reference) for guard in self.guards)

    def score(self, metrics: Mapping[str, float], reference: Mapping[str, float]) -> tuple[float, ...]:
        """The number for each term; without guards the metrics themselves.

        With guards, the metric (its negative, where it is to be raised) where all hold; elsewhere ``OUTSIDE`` and the
        distance. Raises ValueError where a metric of a term has no value.
        """
        for term in self.terms:
            if not math.isfinite(metrics.get(term.metric, math.nan)):
                raise ValueError(f"the texts have no value of {term.metric}")
        if not self.guards:
            return tuple(metrics[term.metric] for term in self.terms)
        (term,) = self.terms
        distance = self.distance(metrics, reference)
        value = -metrics[term.metric] if term.maximize else metrics[term.metric]
        return (OUTSIDE + distance if distance > 0 else value,)


def measured(samples: Sequence[Sample], names: Iterable[str] = METRICS) -> dict[str, float]:
    """The metrics of texts: means over those that have a value, NaN where none has."""
    found: dict[str, float] = {}
    for name in names:
        values = METRICS[name].measure(samples)
        values = values[np.isfinite(values)]
        found[name] = float(np.mean(values)) if len(values) else math.nan
    return found


def read_objective(text: str = "guarded", guards: Sequence[str] = (), band: str | None = None) -> Objective:
    """An objective from its text.

    guards: as text; those of "guarded" where none are given. band: the band of guards that are given without one; of
        the first of the default ones.

    Raises ValueError for an unknown objective or metric (naming the known ones), a metric that is better neither high
    nor low and has no sign, a band that cannot be read or is given twice, and guards of several objectives.

    >>> read_objective("nll", ["repeated_4"]).guards[0].text
    'repeated_4=:+0.05'
    """
    name = text.strip().replace("_", "-")
    if name == "guarded" and not guards:
        first, *rest = DEFAULT_GUARDS
        guards = [first.partition("=")[0] if band is not None else first, *rest]
    if name in ("guarded", "emwa-cross-ent"):
        terms: tuple[Term, ...] = (Term("emwa_cross_ent", False),)
        name = name.replace("emwa-cross-ent", "emwa_cross_ent")
    elif name == "quality-diversity":
        terms = (Term("nll", False), Term("distinct_3", True))
    else:
        terms = tuple(_term(part.strip(), text) for part in text.split(","))
        name = ", ".join(f"{'+' if term.maximize else '-'}{term.metric}" for term in terms)
    found = tuple(_guard(one, band) for one in guards)
    if band is not None and all("=" in one for one in guards):
        raise ValueError(f"band {band!r} is for a guard without a band of its own, and there is none")
    if found and len(terms) > 1:
        raise ValueError(f"guards go with a single objective, got {name}, which has {len(terms)}")
    for one in (terms, found):
        metrics = [part.metric for part in one]
        if len(set(metrics)) < len(metrics):
            raise ValueError(f"each metric can be given once, got {', '.join(metrics)}")
    return Objective(name, terms, found)


def _term(written: str, text: str) -> Term:
    metric = written.lstrip("+-").replace("-", "_")
    if metric not in METRICS:
        raise ValueError(
            f"unknown objective {text!r}; known: guarded, emwa_cross_ent, quality-diversity, and metrics with a sign "
            f"('-nll, +distinct_3'): {', '.join(METRICS)}"
        )
    better = METRICS[metric].better
    if written[0] in "+-":
        return Term(metric, written[0] == "+")
    if better is None:
        raise ValueError(f"{metric} is better neither high nor low: write +{metric} or -{metric}")
    return Term(metric, better == "higher")


def _guard(written: str, band: str | None) -> Guard:
    name, equals, own = written.partition("=")
    metric = one_of("the metric of a guard", name.strip().replace("-", "_"), METRICS)
    chosen = own.strip() if equals else band if band is not None else DEFAULT_BANDS.get(metric)
    if chosen is None:
        raise ValueError(f"guard {metric} needs a band: {metric}=LOW:HIGH, factors of the reference's value or offsets")
    low, colon, high = chosen.partition(":")
    edges = [_edge(edge.strip(), chosen) for edge in (low, high)]
    if not colon or edges == [None, None]:
        raise ValueError(f"the band of {metric} must be LOW:HIGH, of which one may be empty, got {chosen!r}")
    if edges[0] and edges[1] and edges[0].offset == edges[1].offset and not edges[0].value < edges[1].value:
        raise ValueError(f"the band of {metric} must have a lower end below its upper end, got {chosen!r}")
    return Guard(metric, edges[0], edges[1])


def _edge(written: str, band: str) -> Edge | None:
    if not written:
        return None
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"a band must be made of factors (0.9) or offsets (+0.1, -0.1), got {band!r}")
    return Edge(value, written[0] in "+-")
