"""One step of the reverse process for a batch of canvases: predictions, drawn from and scored only as far as asked."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np

from sortilege._requests import DecodingError
from sortilege.diffusion._rows import Row
from sortilege.diffusion.schedule import Schedule
from sortilege.numerics._arrays import Array, array_namespace, host, map_leaves, top_k
from sortilege.numerics.information import entropy, kl_divergence, log_softmax
from sortilege.numerics.random import Key, Stream, draw, drawable, fold, uniform
from sortilege.samplers._base import Sampler


class Step:
    """A step of B rows. Shapes: M masked slots over all rows, V vocabulary, L_r slots of row r.

    rows: the rows. slots: for each row the masked slots, m_r of them.
    """

    def __init__(
        self, rows: Sequence[Row], mask_id: int, forbidden: Sequence[int], schedule: Schedule, sampler: Sampler | None
    ) -> None:
        self.rows, self.schedule = list(rows), schedule
        self._mask_id, self._forbidden, self._sampler = mask_id, list(forbidden), sampler
        self.slots = [np.flatnonzero(row.canvas == mask_id) for row in rows]
        self._ends = np.cumsum([0, *map(len, self.slots)])
        self.seeds = fold([row.seed for row in rows], [row.step for row in rows])
        self._noise: dict[Stream, np.ndarray] = {}
        self._samples: dict[int, np.ndarray] = {}

    def span(self, r: int) -> slice:
        """Where row r's masked slots are among the M."""
        return slice(int(self._ends[r]), int(self._ends[r + 1]))

    @cached_property
    def raw(self) -> Array:
        """(M, V) log-probabilities of the model at the masked slots; ids that are never text are at -inf.

        Not to be asked for where no row has a masked slot.
        """
        return self._allowed([row.logits for row in self.rows])

    def _allowed(self, logits: Sequence[Array]) -> Array:
        xp = array_namespace(*[values for values in logits if values is not None])
        picked = [take_rows(values, slots) for values, slots in zip(logits, self.slots, strict=True) if len(slots)]
        x = without(xp.concat(picked, axis=0), self._forbidden)
        self._check(x, np.arange(self._ends[-1]), "the model's logits")
        return log_softmax(x)

    def _check(self, logits: Array, at: np.ndarray, what: str) -> None:
        """Raise ``DecodingError`` for the first of the masked slots ``at`` (N,) that cannot be drawn from."""
        good = drawable(logits)
        if not bool(array_namespace(good).all(good)):
            bad = at[~host(good)][:1]
            r = int(self._owners(bad)[0])
            raise DecodingError(what, self.rows[r].index, int(self.slots[r][bad[0] - self._ends[r]]))

    @cached_property
    def x_theta(self) -> Array:
        """(M, V) log-probabilities after the filter: what tokens are drawn from."""
        return self.raw if self._sampler is None else self._filtered(np.arange(self._ends[-1]))

    def _filtered(self, at: np.ndarray) -> Array:
        """The rows ``at`` (N,) of ``x_theta``."""
        raw, sampler = take_rows(self.raw, at), self._sampler
        if sampler is None:
            return raw
        state: Any = sampler.init(raw)
        if not sampler.stateless:
            state = gather_rows([row.sampler for row in self.rows], self._owners(at))
        shaped, _ = sampler.adjust(raw, state, self.key(at))
        self._check(shaped, at, "the sampler's logits")
        return log_softmax(shaped)

    def _owners(self, at: np.ndarray) -> np.ndarray:
        """Which row each of some masked slots is of."""
        return np.searchsorted(self._ends, at, side="right") - 1

    def key(self, at: np.ndarray, number: int = 0) -> Key:
        """The key of masked slots, by their place among the M, and of the number-th sample."""
        seeds = self.seeds if number == 0 else fold(self.seeds, [number] * len(self.seeds))
        slots = np.concatenate(self.slots)[at] if len(at) else at
        return Key.of([seeds[r] for r in self._owners(at)], slots.tolist(), like=self.raw)

    def draw(self, at: np.ndarray, number: int = 0) -> np.ndarray:
        """Tokens drawn at masked slots, by their place among the M; the same whatever else is drawn."""
        if number in self._samples:
            return self._samples[number][at]
        known = "x_theta" in self.__dict__  # else no more is filtered than is drawn from
        return host(draw(take_rows(self.x_theta, at) if known else self._filtered(at), self.key(at, number)))

    def sample(self, number: int = 0) -> np.ndarray:
        """(M,) the number-th draw of every masked slot."""
        if number not in self._samples:
            self._samples[number] = host(draw(self.x_theta, self.key(np.arange(self._ends[-1]), number)))
        return self._samples[number]

    def samples(self, rows: Sequence[int], number: int) -> dict[int, np.ndarray]:
        """The number-th draws (m_r,) of all masked slots of some rows."""
        spans = [np.arange(self.span(r).start, self.span(r).stop) for r in rows]
        drawn = self.draw(np.concatenate(spans), number)
        return dict(zip(rows, np.split(drawn, np.cumsum([len(span) for span in spans])[:-1]), strict=True))

    def clean(self, r: int, tokens: np.ndarray) -> np.ndarray:
        """Row r's canvas (L_r,) with ``tokens`` (m_r,) at its masked slots."""
        filled = self.rows[r].canvas.copy()
        filled[self.slots[r]] = tokens
        return filled

    @staticmethod
    def at(log_prob: Array, tokens: np.ndarray) -> np.ndarray:
        """(M,) entries of (M, V) log-probabilities at tokens (M,)."""
        xp = array_namespace(log_prob)
        ids = xp.asarray(tokens, device=log_prob.device)[:, None]
        return host(xp.take_along_axis(log_prob, ids, axis=-1)[:, 0]).astype(np.float64)

    @cached_property
    def confidences(self) -> np.ndarray:
        """(M,) the model's probabilities of the tokens drawn."""
        return np.exp(self.at(self.raw, self.sample()))

    @cached_property
    def entropies(self) -> np.ndarray:
        """(M,) of the model's predictions."""
        return host(entropy(self.raw)).astype(np.float64)

    def entropies_at(self, at: np.ndarray) -> np.ndarray:
        """Those of the rows ``at`` (N,)."""
        if len(at) == 0:
            return np.zeros(0)
        known = "entropies" in self.__dict__
        return self.entropies[at] if known else host(entropy(take_rows(self.raw, at))).astype(np.float64)

    @cached_property
    def two(self) -> np.ndarray:
        """(M, 2) the two largest probabilities."""
        return np.exp(host(top_k(self.raw, 2)[0]).astype(np.float64))

    @cached_property
    def divergences(self) -> np.ndarray:
        found = np.full(len(self.raw), np.inf)
        having = [r for r, row in enumerate(self.rows) if row.before is not None]
        if having:
            before = self._allowed([row.logits if row.before is None else row.before for row in self.rows])
            kl = host(kl_divergence(self.raw, before)).astype(np.float64)
            for r in having:
                found[self.span(r)] = kl[self.span(r)]
        return found

    def noise(self, stream: Stream) -> np.ndarray:
        """(B, L) uniform numbers, L the longest row."""
        if stream not in self._noise:
            key = Key.of(self.seeds, [0] * len(self.seeds), like=np.zeros(1))
            longest = max(len(row.canvas) for row in self.rows)
            self._noise[stream] = uniform(key, stream, longest, like=np.zeros((1, 1)))
        return self._noise[stream]


@dataclasses.dataclass
class RowLook:
    """Row r of a step as its policy sees it: a ``Look``.

    clean: (L_r,) the sequence that tokens would be revealed from; None for draws from x_theta.
    """

    whole: Step
    r: int
    clean: np.ndarray | None
    masked: np.ndarray
    free: np.ndarray
    step: int
    steps: int | None
    time: float

    @property
    def next_time(self) -> float:
        assert self.steps is not None
        return (self.steps - self.step - 1) / self.steps

    @property
    def schedule(self) -> Schedule:
        return self.whole.schedule

    def _spread(self, values: np.ndarray) -> np.ndarray:
        """Values of the row's masked slots (m_r,) as (L,), 0 at slots that the policy may not reveal."""
        spread = np.zeros(len(self.masked))
        spread[self.whole.slots[self.r]] = values
        return np.where(self.masked, spread, 0.0)

    @property
    def confidence(self) -> np.ndarray:
        part = self.whole.span(self.r)
        if self.clean is None:
            return self._spread(self.whole.confidences[part])
        return self._spread(np.exp(self.whole.at(self.whole.raw[part], self.clean[self.whole.slots[self.r]])))

    @property
    def top(self) -> np.ndarray:
        return self._spread(self.whole.two[self.whole.span(self.r), 0])

    @property
    def margin(self) -> np.ndarray:
        two = self.whole.two[self.whole.span(self.r)]
        return self._spread(two[:, 0] - two[:, 1])

    @property
    def entropy(self) -> np.ndarray:
        return self._spread(self.whole.entropies[self.whole.span(self.r)])

    @property
    def divergence(self) -> np.ndarray:
        return self._spread(self.whole.divergences[self.whole.span(self.r)])

    @property
    def revealed_probability(self) -> np.ndarray:
        return np.where(self.free, np.exp(self.whole.rows[self.r].revealed_log_prob), 0.0)

    def uniform(self, stream: Stream) -> np.ndarray:
        return self.whole.noise(stream)[self.r, : len(self.masked)]

    def restricted(self, slots: np.ndarray, *, step: int, steps: int | None, time: float) -> "RowLook":
        return dataclasses.replace(
            self, masked=self.masked & slots, free=self.free & slots, step=step, steps=steps, time=time
        )


def without(logits: Array, ids: Sequence[int]) -> Array:
    """Logits (..., V) with tokens ``ids`` at -inf."""
    if not len(ids):
        return logits
    xp = array_namespace(logits)
    banned = np.zeros(logits.shape[-1], dtype=bool)
    banned[list(ids)] = True
    return xp.where(xp.asarray(banned, device=logits.device), xp.full_like(logits, -xp.inf), logits)


def take_rows(x: Array, at: np.ndarray) -> Array:
    """The rows ``at`` (N,) of an array (M, ...)."""
    xp = array_namespace(x)
    return xp.take(x, xp.asarray(at, device=x.device), axis=0)


def gather_rows(states: Sequence[Any], owner: np.ndarray) -> Any:
    """States of one row each, side by side, then the rows ``owner`` (M,) of that."""

    def gathered(*leaves: Array) -> Array:
        return take_rows(array_namespace(*leaves).concat(list(leaves), axis=0), owner)

    return map_leaves(gathered, *states)
