"""What a study is, apart from how far it has come: two runs belong to one study if their plans are the same."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sortilege.samplers._chain import stages
from sortilege.samplers.registry import SAMPLERS
from sortilege.tuning.measuring import Texts
from sortilege.tuning.objectives import Objective
from sortilege.tuning.space import Space

SCHEMA = "sortilege-study/1"

TRIALS = 50
"""How many trials a study has by default."""


@dataclass(frozen=True)
class Plan:
    """A study to be run or gone on with.

    trials: how many are to be finished, by all workers together. pruner: its name, not "auto".
    grid: the points of a grid, in the order they are tried in; empty for other optimizers.
    reference_kind: where the reference comes from.
    """

    study: str
    storage: str | None
    space: Space
    goal: Objective
    texts: Texts
    trials: int
    optimizer: str
    pruner: str
    points: int
    grid: tuple[dict[str, Any], ...]
    reference_kind: str

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides what the trials are. How many there are, and how they are batched, is not among it."""
        return {
            "method": self.space.text,
            "model": self.texts.model.name,
            "prompts": f"{len(self.texts.prompts)}, sha256 {self.texts.digest}",
            "objective": self.goal.name,
            "guards": [guard.text for guard in self.goal.guards],
            "reference": self.reference_kind,
            "optimizer": self.optimizer,
            "points": self.points if self.grid else None,
            "pruner": self.pruner,
            "seed": self.texts.seed,
            "max_new_tokens": self.texts.max_new_tokens,
            "num_samples": self.texts.num_samples,
            "end_token_ids": None if self.texts.end_token_ids is None else list(self.texts.end_token_ids),
        }

    def check(self, there: Mapping[str, Any]) -> None:
        """Raise ValueError, naming the first difference, unless a study's settings are these."""
        for name, value in self.settings.items():
            old = there.get(name)
            if old != value:
                raise ValueError(
                    f"study {self.study!r} is there already, of another {name}: {_short(old)} there, {_short(value)} "
                    "here; nothing was changed. Choose another name for the study, or the same settings"
                )


def study_name(space: Space) -> str:
    """What a study is called by default: the names of the sampler's stages."""
    return "+".join(SAMPLERS.name_of(stage) for stage in stages(space.base))


def _short(value: Any) -> str:
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 80 else shown[:77] + "..."
