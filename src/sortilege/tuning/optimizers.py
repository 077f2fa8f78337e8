"""Where the next trial's values come from: TPE, CMA-ES, a grid or chance, each a function of the seed and the slot.

The optimizer is made anew for each trial and seeded by the study's seed and the trial's slot, so that a study that was
interrupted goes on as it would have gone without, and workers that share a study never draw the same numbers.
"""

import copy
import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sortilege._checks import one_of, whole
from sortilege._extras import require
from sortilege.tuning.ledger import slots_of
from sortilege.tuning.space import Dimension, Space

OPTIMIZERS = ("tpe", "cma-es", "grid", "random")
PRUNERS = ("median", "hyperband", "none")

LARGEST_GRID = 10_000

optuna = require("optuna", "tuning")


def distribution(dimension: Dimension) -> Any:
    """A dimension as Optuna has it."""
    if dimension.choices:
        return optuna.distributions.CategoricalDistribution(list(dimension.choices))
    kind = "IntDistribution" if dimension.knob.kind == "int" else "FloatDistribution"
    return getattr(optuna.distributions, kind)(dimension.low, dimension.high, log=dimension.log)


def grid_of(space: Space, points: int, seed: int) -> list[dict[str, Any]]:
    """All combinations of ``points`` values of each dimension, in an order that the seed shuffles.

    Part of a grid is then spread over all of it. Raises ValueError for one of more than ``LARGEST_GRID`` combinations.
    """
    whole("points", points, 1)
    values = [one.points(points) for one in space.dimensions]
    count = math.prod(map(len, values))
    if count > LARGEST_GRID:
        raise ValueError(
            f"a grid must have at most {LARGEST_GRID} combinations, got {count} "
            f"({' x '.join(str(len(one)) for one in values)}): vary fewer knobs, or take fewer points"
        )
    combinations = list(itertools.product(*values))
    order = np.random.default_rng(seed).permutation(count)
    names = [one.path for one in space.dimensions]
    return [dict(zip(names, combinations[i], strict=True)) for i in order]


class Seeded(optuna.samplers.BaseSampler):  # pyright: ignore[reportUntypedBaseClass]
    """A new optimizer, which Optuna calls a sampler, for each slot of a study."""

    def __init__(self, study: Any, name: str, seed: int, grid: Sequence[dict[str, Any]] = ()) -> None:
        self._study, self._name, self._seed, self._grid = study, name, seed, grid
        self._inner: Any = None
        self._slot = 0

    def before_trial(self, study: Any, trial: Any) -> None:
        self._slot = slots_of(self._study.get_trials(deepcopy=False))[trial.number]
        # 31 bits: what NumPy's older generators take.
        seed = int(np.random.SeedSequence([self._seed, self._slot]).generate_state(1)[0] >> 1)
        self._inner = self._made(seed)
        self._inner.before_trial(study, self._placed(trial))

    def infer_relative_search_space(self, study: Any, trial: Any) -> dict[str, Any]:
        return self._inner.infer_relative_search_space(study, self._placed(trial))

    def sample_relative(self, study: Any, trial: Any, search_space: dict[str, Any]) -> dict[str, Any]:
        return self._inner.sample_relative(study, self._placed(trial), search_space)

    def sample_independent(self, study: Any, trial: Any, param_name: str, param_distribution: Any) -> Any:
        if self._name == "grid":
            return self._grid[self._slot % len(self._grid)][param_name]
        return self._inner.sample_independent(study, self._placed(trial), param_name, param_distribution)

    def after_trial(self, study: Any, trial: Any, state: Any, values: Sequence[float] | None) -> None:
        if self._inner is not None:
            self._inner.after_trial(study, self._placed(trial), state, values)

    def _made(self, seed: int) -> Any:
        if self._name == "cma-es":
            require("cmaes", "tuning")
            return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
        kind = optuna.samplers.TPESampler if self._name == "tpe" else optuna.samplers.RandomSampler
        return kind(seed=seed)

    def _placed(self, trial: Any) -> Any:
        """The trial as the optimizer sees it: CMA-ES draws by its number, of which the slot takes the place."""
        if self._name != "cma-es":
            return trial
        placed = copy.copy(trial)
        placed.number = self._slot
        return placed


def chosen_pruner(pruner: str | None, optimizer: str, objectives: int) -> str:
    """The pruner's name: "auto" is the median where an optimizer can learn from a trial that was given up.

    Raises ValueError for an unknown one, and for any with several objectives, which Optuna does not prune.
    """
    pruner = "none" if pruner is None else pruner
    if pruner == "auto":
        return "median" if objectives == 1 and optimizer in ("tpe", "random") else "none"
    one_of("pruner", pruner, ("auto", *PRUNERS))
    if objectives > 1 and pruner != "none":
        raise ValueError(f"pruner must be none for several objectives (Optuna prunes by one number), got {pruner!r}")
    return pruner


def make_pruner(name: str, steps: int) -> Any:
    """Optuna's pruner of that name, for trials that report ``steps`` times."""
    if name == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=0)
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(min_resource=1, max_resource=max(steps, 1), reduction_factor=3)
    return optuna.pruners.NopPruner()
