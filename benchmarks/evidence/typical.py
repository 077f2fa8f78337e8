"""How often the typical rules keep what top-p keeps, on the distributions of a model along held-out text."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.evidence.texts import beginnings
from sortilege import LocallyTypical, LocallyTypicalDistance, TopP
from sortilege.models import load
from sortilege.models.forward import Forward
from sortilege.numerics._arrays import host

MASSES = (0.9, 0.5, 0.3)
RULES = {
    "alpha = 0, tau = 1": lambda mass: LocallyTypical(mass),
    "alpha = 0.3": lambda mass: LocallyTypical(mass, alpha=0.3),
    "alpha = 0.8": lambda mass: LocallyTypical(mass, alpha=0.8),
    "tau = 0.8": lambda mass: LocallyTypicalDistance(mass, tau=0.8),
    "tau = 0.5": lambda mass: LocallyTypicalDistance(mass, tau=0.5),
    "top-p": lambda mass: TopP(mass),
}


@dataclass(frozen=True)
class Kept:
    """same: the share of positions at which a rule keeps exactly the tokens of top-p. tokens: the mean number kept."""

    rule: str
    mass: float
    positions: int
    same: float
    tokens: float


def kept(corpus: Path, model: str, path: Path, *, positions: int = 4000) -> list[Kept]:
    """All rules at all masses; read from ``path`` where it was measured before on as many positions."""
    if path.exists():
        known = [Kept(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
        if known and known[0].positions == positions:
            return known
    found = _measured(corpus, model, positions)
    path.write_text(json.dumps([asdict(one) for one in found]) + "\n", encoding="utf-8")
    return found


def _measured(corpus: Path, model: str, positions: int) -> list[Kept]:
    loaded = load(model)
    length = 400
    windows = beginnings(corpus, -(-positions // length), length, part=0)
    tokens: Sequence[Sequence[int]] = [[*one.given, *one.reference] for one in windows]  # type: ignore[misc]
    logits = host(Forward(loaded, [one[:length] for one in tokens]).every_logits())
    logits = logits.reshape(-1, logits.shape[-1])[:positions]
    found: list[Kept] = []
    for mass in MASSES:
        nucleus = TopP(mass).keep(logits)
        for rule, make in RULES.items():
            keep = make(mass).keep(logits)
            same = float(np.mean((keep == nucleus).all(axis=-1)))
            found.append(Kept(rule, mass, len(logits), same, float(keep.sum(axis=-1).mean())))
    return found
