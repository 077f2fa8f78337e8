"""Sequences and how they compare: measured lazily, remembered by text, paid for from a budget."""

import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sortilege.diffusion._rows import Row
from sortilege.diffusion.denoiser import Denoiser
from sortilege.properties._base import Bound, Text


@dataclass(frozen=True)
class Measure:
    """A request: the values of texts under one bound's property."""

    bound: int
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Predict:
    """A request: the denoiser's logits (L, V) for canvases of one text."""

    canvases: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Blame:
    """A request: where the value of a text comes from."""

    bound: int
    text: Text


Request = Measure | Predict | Blame
Searching = Generator[Request, Any, np.ndarray]
"""A search of one row: it asks, is answered, and goes on; the searches of a batch are asked together."""


@dataclass(frozen=True)
class Candidate:
    """A clean sequence. ``log_prob`` is the model's, of its tokens at the slots in question: it settles ties."""

    tokens: np.ndarray
    log_prob: float
    bands: tuple[float, ...] = ()

    @property
    def rank(self) -> tuple[float, ...]:
        return (*self.bands, -self.log_prob)

    @property
    def holds(self) -> bool:
        return not any(self.bands)


@dataclass
class Account:
    """What a row's search has measured and spent.

    incumbent: the clean sequence (L,) last gone on with.
    known: values by property and text.
    denoiser_calls: canvases predicted for edits. predicted: canvases of a tree predicted.
    turns: how often there was something to reveal.
    closing, closed: whether all is revealed, and whether what came out has been edited.
    """

    incumbent: np.ndarray | None = None
    known: dict[tuple[int, str], float] = field(default_factory=dict[tuple[int, str], float])
    scorer_calls: int = 0
    denoiser_calls: int = 0
    predicted: int = 0
    sweeps: int = 0
    moves: int = 0
    turns: int = 0
    closing: bool = False
    closed: bool = False


def account_of(row: Row) -> Account:
    """What the row's search keeps from step to step."""
    if row.search is None:
        row.search = Account()
    return row.search


class Judge:
    """Measures the sequences of one row at one step, as far as it takes to compare them.

    bounds: those with a side that is bounded, in the order that decides.
    ends: the tokens that end a text where they were not given.
    budgets: the numbers of scorer calls in all after which it measures nothing more; None for no limit.
    every: whether to measure every candidate under every bound, and not only as far as it takes to compare.
    seen: what was measured under every bound.
    """

    def __init__(
        self,
        bounds: Sequence[Bound],
        denoiser: Denoiser,
        ends: Sequence[int],
        row: Row,
        budgets: Iterable[int | None],
        every: bool,
    ) -> None:
        self.bounds, self.denoiser, self.ends, self.account = list(bounds), denoiser, list(ends), account_of(row)
        self.prefix, self.given = row.prefix, row.given
        self.prompt = denoiser.decode(row.canvas[: row.prefix].tolist())
        self.every = every
        self.seen: list[Candidate] = []
        self.limit = min((budget for budget in budgets if budget is not None), default=math.inf)

    @property
    def left(self) -> float:
        """Scorer calls that may still be made."""
        return self.limit - self.account.scorer_calls

    def texts(self, sequences: Sequence[np.ndarray]) -> list[Text]:
        """The text of each sequence after the prompt, up to its end token."""
        ids = [self._written(sequence) for sequence in sequences]
        written = self.denoiser.decode_all(ids)
        return [Text(text, self.prompt, tuple(tokens)) for text, tokens in zip(written, ids, strict=True)]

    def _written(self, sequence: np.ndarray) -> list[int]:
        found = np.flatnonzero(np.isin(sequence, self.ends) & ~self.given[: len(sequence)]) if self.ends else []
        return sequence[self.prefix : found[0] + 1 if len(found) else None].tolist()

    def values(self, bound: int, texts: Sequence[Text]) -> Generator[Request, Any, list[float]]:
        """The value of each text; NaN for those that the budget no longer pays for."""
        known = self.account.known
        new = list(dict.fromkeys(text.text for text in texts if (bound, text.text) not in known))
        first = {text.text: text for text in reversed(texts)}
        if self.left < len(new):
            new = new[: int(self.left)]
        if new:
            self.account.scorer_calls += len(new)
            measured = yield Measure(bound, tuple(first[text] for text in new))
            known.update(((bound, text), value) for text, value in zip(new, measured, strict=True))
        return [known.get((bound, text.text), math.nan) for text in texts]

    def ranked(
        self, candidates: Sequence[Candidate], below: tuple[float, ...] | None = None
    ) -> Generator[Request, Any, list[Candidate]]:
        """The candidates with their bands, best first; without those that the model holds to be impossible.

        below: what does not come before these bands is left out as soon as that is known, and the first bound that they
        break is measured first, since most candidates fail there. Where ``every`` is set, nothing is left out.
        """
        candidates = [candidate for candidate in candidates if candidate.log_prob > -math.inf]
        order = list(range(len(self.bounds)))
        if below is not None and not self.every:
            pivot = next(i for i, band in enumerate(below) if band)
            order = [pivot, *order[:pivot], *order[pivot + 1 :]]
        bands = np.zeros((len(candidates), len(self.bounds)))  # as good as can be until it is measured
        texts = self.texts([candidate.tokens for candidate in candidates])
        going = list(range(len(candidates)))
        for bound in order:
            values = yield from self.values(bound, [texts[i] for i in going])
            for i, value in zip(going, values, strict=True):
                bands[i, bound] = self.bounds[bound].band(self.bounds[bound].distance(value))
            if below is not None and not self.every:
                going = [i for i in going if tuple(bands[i].tolist()) < below]
        found = [Candidate(candidates[i].tokens, candidates[i].log_prob, tuple(bands[i].tolist())) for i in going]
        found.sort(key=lambda candidate: candidate.rank)
        self.seen += found
        return found

    def best(self, rank: int) -> Candidate:
        """The rank-th best of all that was ranked; the last where there are fewer. Equal sequences count once."""
        different = {candidate.tokens.tobytes(): candidate for candidate in self.seen}
        ordered = sorted(different.values(), key=lambda candidate: candidate.rank)
        return ordered[min(rank, len(ordered)) - 1]
