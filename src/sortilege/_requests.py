"""What goes into the decoding loop and what comes out of it: prompts, seeds, requests, events, results."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sortilege._checks import whole
from sortilege._text import TextStream
from sortilege.models import Model
from sortilege.trace import Record


class DecodingError(ValueError):
    """A row that cannot be drawn from. ``row`` is its index among the requests, ``position`` how many tokens it had."""

    def __init__(self, what: str, row: int, position: int) -> None:
        super().__init__(f"{what} in row {row} at position {position} hold NaN, +inf or no finite value")
        self.row, self.position = row, position


@dataclass(frozen=True)
class Result:
    """One generated text.

    prompt: the prompt; None where tokens were given. prompt_tokens: its token ids.
    text: the new text, without special tokens, and without the stop string that ended it.
    tokens: the new token ids, the end token included.
    raw_log_probs: their log-probabilities under the model, in nats.
    processed_log_probs: those under the distribution each was drawn from.
    finish_reason: "length", "end" (an end token) or "stop" (a stop string).
    seed: the request's seed.
    pieces: the text that became certain with each token; joined, they are ``text``.
    trace: one record a token where a trace was asked for; see ``sortilege.trace``.
    """

    prompt: str | None
    prompt_tokens: tuple[int, ...] = field(repr=False)
    text: str
    tokens: tuple[int, ...] = field(repr=False)
    raw_log_probs: tuple[float, ...] = field(repr=False)
    processed_log_probs: tuple[float, ...] = field(repr=False)
    finish_reason: str
    seed: int
    pieces: tuple[str, ...] = field(default=(), repr=False)
    trace: tuple[Record, ...] = field(default=(), repr=False)

    def _repr_html_(self) -> str:
        from sortilege._notebook import result_html

        return result_html(self)

    @property
    def nll(self) -> float:
        """The mean negative log-probability of the tokens under the model, in nats per token."""
        return -sum(self.raw_log_probs) / len(self.raw_log_probs)

    @property
    def perplexity(self) -> float:
        """exp(nll)."""
        return math.exp(self.nll)


@dataclass(frozen=True)
class Event:
    """One token of one request, as it comes.

    request: the index of the request, as in the list that ``generate`` returns.
    position: how many tokens the request had drawn before.
    token: its id.
    text: the text that became certain with it; empty while a character, or what may be a stop string, is unfinished.
    raw_log_prob, processed_log_prob: as in ``Result``.
    record: its trace record where a trace was asked for.
    result: the whole, with the request's last token.
    """

    request: int
    position: int
    token: int
    text: str
    raw_log_prob: float
    processed_log_prob: float
    record: Record | None
    result: Result | None


@dataclass
class Request:
    """A text being written."""

    index: int
    prompt: str | None
    prompt_tokens: tuple[int, ...]
    seed: int
    text: TextStream
    finish_reason: str | None = None
    tokens: list[int] = field(default_factory=list[int])
    raw: list[float] = field(default_factory=list[float])
    processed: list[float] = field(default_factory=list[float])
    pieces: list[str] = field(default_factory=list[str])
    trace: list[Record] = field(default_factory=list[Record])

    def take(
        self, token: int, raw: float, processed: float, record: Record | None, *, ends: frozenset[int], last: bool
    ) -> Event:
        """Append a token; the last one brings the result."""
        self.tokens.append(token)
        self.raw.append(raw)
        self.processed.append(processed)
        if record is not None:
            self.trace.append(record)
        piece = self.text.add(token)
        if token in ends:
            self.finish_reason = "end"
        elif last:
            self.finish_reason = "length"
        if self.finish_reason is not None:
            piece += self.text.close()
        if self.text.stopped:
            self.finish_reason = "stop"
        self.pieces.append(piece)
        result = self._finished(self.finish_reason) if self.finish_reason is not None else None
        return Event(self.index, len(self.tokens) - 1, token, piece, raw, processed, record, result)

    def _finished(self, finish_reason: str) -> Result:
        return Result(
            self.prompt,
            self.prompt_tokens,
            self.text.text,
            tuple(self.tokens),
            tuple(self.raw),
            tuple(self.processed),
            finish_reason,
            self.seed,
            tuple(self.pieces),
            tuple(self.trace),
        )


def tokenized(model: Model, prompt: Any) -> tuple[list[str | None], list[list[int]]]:
    """The prompts as texts (None where tokens were given) and as token ids."""
    prompts = prompts_of(prompt)
    texts: list[str | None] = []
    ids: list[list[int]] = []
    for one in prompts:
        found = model.encode(one) if isinstance(one, str) else list(one)
        if isinstance(one, str) and not found and model.start_token_id is not None:
            found = [model.start_token_id]
        if not found:
            raise ValueError(f"prompt must have at least one token, got {one!r}")
        for token in found:
            whole("prompt token", token, 0, model.vocabulary - 1)
        texts.append(one if isinstance(one, str) else None)
        ids.append(found)
    return texts, ids


def prompts_of(prompt: Any) -> list[Any]:
    """A list of prompts, each a text or a list of token ids. Raises ValueError for what is no prompt and no list."""
    given = _listed(prompt)
    if isinstance(given, str) or (isinstance(given, list | tuple) and given and isinstance(given[0], int)):
        given = [given]
    prompts = [_listed(one) for one in given] if isinstance(given, list | tuple) else []
    if not prompts or not all(isinstance(one, str | list | tuple) for one in prompts):
        raise ValueError(f"prompt must be a text, a list of token ids, or a list of those, got {prompt!r}")
    return prompts


def seeds_of(seed: int | Sequence[int], prompts: int, num_samples: int = 1) -> list[int]:
    """The seed of every text. Raises ValueError unless ``seed`` is what ``generate`` takes for so many prompts."""
    if isinstance(seed, int):
        whole("seed", seed, 0, 2**63 - prompts * num_samples)
        return [seed + row for row in range(prompts * num_samples)]
    given = _listed(seed)
    if not isinstance(given, list | tuple) or len(given) != prompts:
        raise ValueError(f"seed must be an integer >= 0 or a list of {prompts}, one for each prompt, got {seed!r}")
    return [whole("seed", one, 0, 2**63 - num_samples) + i for one in given for i in range(num_samples)]


def _listed(value: Any) -> Any:
    """An array as lists of plain numbers; anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value
