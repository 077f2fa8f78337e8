"""Studies: search the knobs of a sampler for what an objective asks, on any model and prompts, and lose nothing."""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from sortilege._checks import one_of, whole
from sortilege._extras import require
from sortilege.evaluation.prompts import Prompt
from sortilege.evaluation.sampling import Sample
from sortilege.models import as_model
from sortilege.tuning.measuring import Texts, reference_kind
from sortilege.tuning.objectives import Objective, read_objective
from sortilege.tuning.plan import TRIALS, Plan, study_name
from sortilege.tuning.results import Trial, Tuned
from sortilege.tuning.space import Space, read_method


def tune(
    model: Any,
    prompts: Sequence[Prompt],
    space: Space | str,
    *,
    objective: Objective | str = "guarded",
    guards: Sequence[str] = (),
    band: str | None = None,
    reference: Sequence[Sample] | None = None,
    trials: int | None = None,
    seed: int = 0,
    max_new_tokens: int = 128,
    num_samples: int = 1,
    batch_size: int = 64,
    end_token_ids: Sequence[int] | None = None,
    optimizer: str = "tpe",
    pruner: str | None = "auto",
    points: int = 5,
    storage: str | None = None,
    study: str | None = None,
    workers: int = 1,
    on_trial: Callable[[Trial], None] | None = None,
    on_progress: Callable[[Tuned], None] | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> Tuned:
    """Run a study, or go on with the one of that name in the storage, until ``trials`` trials are finished.

    Every trial writes texts after the same prompts with the same random numbers; the text number r, counted over the
    prompts and their samples, has the seed ``seed`` + r. The same arguments give the same trials with one worker, also
    if the study was interrupted and gone on with. A trial whose process was killed is run again.

    model: anything ``sortilege.load`` takes, a Model, or a (model, tokenizer) pair.
    space: what varies, or a method's text (``read_method``).
    objective, guards, band: as ``read_objective`` takes them.
    reference: the texts that guards are relative to; by default the prompts' own references where every prompt has one,
        else texts of the model itself at temperature 1, with the same seeds as in the trials.
    trials: how many are to be finished by all workers together, those of earlier runs counted; 50 by default, of a grid
        all, and 1 where nothing varies. Infeasible draws do not count.
    optimizer: "tpe", "cma-es", "grid" (``points`` values of each knob) or "random".
    pruner: "median" or "hyperband" give up trials that fall behind after a part of the prompts, "none" does not;
        "auto" is the median for a single objective under TPE and random search, and none otherwise.
    storage: where the study is kept (``sortilege.tuning.storages``); None for memory. study: its name, by default that
        of the sampler.
    workers: how many processes of this machine work on the study; more than one needs a storage, and a model that can
        be loaded by its name.
    on_trial, on_progress: called after each trial of this process, with it, and with the study as it stands.
    stop: asked before each trial whether to leave it at that.

    Raises ValueError for bad input, before any text is drawn; for a study of that name with other settings, naming the
    first difference; and for a storage that cannot be used. Raises ImportError for a missing package.
    """
    space = read_method(space) if isinstance(space, str) else space
    goal = read_objective(objective, guards, band) if isinstance(objective, str) else objective
    optuna = require("optuna", "tuning")
    # Optuna is imported from here on.
    from sortilege.tuning.optimizers import OPTIMIZERS, chosen_pruner, grid_of
    from sortilege.tuning.run import Run
    from sortilege.tuning.workers import helped

    one_of("optimizer", optimizer, OPTIMIZERS)
    pruner = chosen_pruner(pruner, optimizer, len(goal.terms))
    if optimizer == "cma-es" and len(goal.terms) > 1:
        raise ValueError("optimizer cma-es is for a single objective; take tpe, grid or random for several")
    for name, value, low in (
        ("seed", seed, 0),
        ("max_new_tokens", max_new_tokens, 1),
        ("num_samples", num_samples, 1),
        ("batch_size", batch_size, 1),
        ("workers", workers, 1),
    ):
        whole(name, value, low)
    if not prompts:
        raise ValueError("prompts must be one or more, got none")
    if workers > 1 and storage is None:
        raise ValueError(f"workers must be 1 for a study in memory, got {workers}; give it a storage")
    grid = grid_of(space, points, seed) if optimizer == "grid" else []
    if trials is not None:
        whole("trials", trials, 1)
    count = len(grid) or TRIALS if trials is None else trials
    if not space.dimensions:
        count = 1
    if grid and count < len(grid):
        raise ValueError(
            f"trials must be at least {len(grid)} for this grid ({points} points of each of {len(space.dimensions)} "
            f"knobs), got {count}: vary fewer knobs, take fewer points, or random search for part of a grid"
        )
    loaded = as_model(model)
    ends = None if end_token_ids is None else tuple(end_token_ids)
    texts = Texts(loaded, tuple(prompts), max_new_tokens, num_samples, seed, batch_size, ends)
    kind = reference_kind(texts, reference)
    name = study_name(space) if study is None else study
    plan = Plan(name, storage, space, goal, texts, count, optimizer, pruner, points, tuple(grid), kind)
    with _quiet(optuna), closing(Run(plan, reference)) as run:
        if workers > 1:
            with helped(plan, workers):
                run.go_on(on_trial, on_progress, stop)
        run.go_on(on_trial, on_progress, stop)
        return run.tuned()


@contextmanager
def _quiet(optuna: Any) -> Generator[None]:
    """Optuna says nothing of trials that fail: they are reported."""
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(verbosity)
