"""Decoding, written to be read: a batch of prompts goes in, texts come out, token by token.

Every adapter to an engine is held to this loop: for the same seeds it emits the same tokens.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from sortilege._checks import whole
from sortilege._requests import DecodingError as DecodingError
from sortilege._requests import Event as Event
from sortilege._requests import Request, seeds_of, tokenized
from sortilege._requests import Result as Result
from sortilege._text import TextStream
from sortilege.models import Model, as_model
from sortilege.models.forward import Forward
from sortilege.numerics._arrays import array_namespace, gather, where_rows
from sortilege.numerics.information import log_softmax
from sortilege.numerics.random import Key, draw, drawable
from sortilege.samplers._base import Sampler, State
from sortilege.samplers.spec import parse_sampler
from sortilege.trace import Record, step_records, text_of

WARM_POSITION = 2**30
"""While a sampler is warmed on its prompt, the noise of prompt token j has the position ``WARM_POSITION + j``."""


def generate(
    model: Any,
    prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
    sampler: Sampler | str = "adaptive-dirichlet",
    *,
    max_new_tokens: int = 128,
    seed: int | Sequence[int] = 0,
    num_samples: int = 1,
    stop: str | Sequence[str] = (),
    keep_stop: bool = False,
    end_token_ids: Sequence[int] | None = None,
    warm: bool = False,
    trace: bool = False,
    candidates: int = 8,
) -> list[Result]:
    """Continue prompts with a causal language model.

    model: a name for ``load``, a ``Model``, or a (model, tokenizer) pair of transformers.
    prompt: one prompt or a list of them, as text or as token ids. The empty text is continued from the model's
        beginning-of-text token (or else its end token); an empty list of ids is refused.
    sampler: a sampler, or one written out, such as ``"temperature(0.8), top-p(0.9)"``.
    max_new_tokens: the most tokens a text gets, >= 1. Prompt and new tokens together must fit the model's context.
    seed: an integer s >= 0 gives the r-th text, counted from 0 over prompts and their samples, the seed s + r; a list
        gives one for each prompt, to whose i-th sample i is added. A text depends on its prompt and its seed alone, not
        on what else is in the batch, up to the rounding of the model's arithmetic.
    num_samples: texts for each prompt, >= 1.
    stop: a text ends where one of these strings begins, or with it, if ``keep_stop``.
    end_token_ids: the tokens that end a text; the model's own by default, none if empty.
    warm: let the sampler adjust and observe the prompt first, as if it had drawn each of its tokens but the first, so
        that a sampler that adapts starts adapted to the prompt. A sampler that looks back at the text cannot then tell
        the prompt from what followed.
    trace: keep a record of every token, with the ``candidates`` most probable alternatives before and after.

    Returns a list: the samples of the first prompt, then those of the second, and so on.

    Raises ValueError naming the argument, its range and its value before the model runs, and ``DecodingError`` (a
    ValueError) with row and position when logits, the model's or the sampler's, cannot be drawn from.
    """
    events = stream(
        model,
        prompt,
        sampler,
        max_new_tokens=max_new_tokens,
        seed=seed,
        num_samples=num_samples,
        stop=stop,
        keep_stop=keep_stop,
        end_token_ids=end_token_ids,
        warm=warm,
        trace=trace,
        candidates=candidates,
    )
    results = {event.request: event.result for event in events if event.result is not None}
    return [results[request] for request in sorted(results)]


def stream(
    model: Any,
    prompt: str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]],
    sampler: Sampler | str = "adaptive-dirichlet",
    *,
    max_new_tokens: int = 128,
    seed: int | Sequence[int] = 0,
    num_samples: int = 1,
    stop: str | Sequence[str] = (),
    keep_stop: bool = False,
    end_token_ids: Sequence[int] | None = None,
    warm: bool = False,
    trace: bool = False,
    candidates: int = 8,
) -> Iterator[Event]:
    """The same as ``generate``, as an iterator of the tokens of all requests as they come.

    The texts of a request's events, joined, are its result's text. Arguments are checked before it returns.
    """
    whole("max_new_tokens", max_new_tokens, 1)
    whole("num_samples", num_samples, 1)
    whole("candidates", candidates, 0)
    stops = (stop,) if isinstance(stop, str) else tuple(stop)
    if "" in stops:
        raise ValueError(f"stop must be strings of at least one character, got {stop!r}")
    if isinstance(sampler, str):
        sampler = parse_sampler(sampler)
    if not isinstance(sampler, Sampler):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ValueError(f"sampler must be a Sampler or one written out, got {sampler!r}")
    loaded = as_model(model)
    texts, prompts = tokenized(loaded, prompt)
    longest = max(map(len, prompts))
    if loaded.context is not None and longest + max_new_tokens > loaded.context:
        raise ValueError(
            f"prompt and max_new_tokens must together be at most {loaded.context} tokens, the model's context, "
            f"got {longest} + {max_new_tokens}"
        )
    seeds = seeds_of(seed, len(prompts), num_samples)
    requests = [
        Request(
            index, texts[i], tuple(prompts[i]), seeds[index], TextStream(loaded.tokenizer, stops, keep_stop=keep_stop)
        )
        for index, i in enumerate(i for i in range(len(prompts)) for _ in range(num_samples))
    ]
    ends = frozenset(loaded.end_token_ids if end_token_ids is None else end_token_ids)
    return _decode(loaded, requests, sampler, max_new_tokens, ends, warm, candidates if trace else None)


def _decode(
    model: Model,
    requests: list[Request],
    sampler: Sampler,
    max_new_tokens: int,
    ends: frozenset[int],
    warm: bool,
    candidates: int | None,
) -> Iterator[Event]:
    """The loop. ``requests`` are those still being written: row r of every array belongs to the r-th of them."""
    started = time.perf_counter()
    forward = Forward(model, [request.prompt_tokens for request in requests])
    seeds = [request.seed for request in requests]
    every = forward.every_logits() if warm else None
    logits = forward.logits() if every is None else every[:, -1]
    check(logits, "the model's logits", requests, 0)
    if every is None:
        state = sampler.read(forward.tokens, forward.valid, sampler.init(logits))
    else:
        state = warmed(every, forward.tokens, forward.valid, sampler, seeds)
    key = Key.of(seeds, [0] * len(requests), like=logits)

    for position in range(max_new_tokens):
        began = time.perf_counter()  # the check of the logits has waited for the device
        shaped, state = sampler.adjust(logits, state, key)
        check(shaped, "the sampler's logits", requests, position)
        tokens = draw(shaped, key)
        report = {} if candidates is None else sampler.report(state)
        state = sampler.observe(tokens, state)
        drawn = tokens.tolist()
        ended = time.perf_counter()
        records: Sequence[Record | None] = [None] * len(requests)
        if candidates is not None:
            records = step_records(
                logits,
                shaped,
                tokens,
                report,
                requests=[request.index for request in requests],
                position=position,
                seconds=ended - started,
                sampler_seconds=ended - began,
                text=text_of(model.tokenizer),
                candidates=candidates,
            )

        raw, processed = _at(log_softmax(logits), tokens), _at(log_softmax(shaped), tokens)
        last = position + 1 == max_new_tokens
        for row, (request, token) in enumerate(zip(requests, drawn, strict=True)):
            yield request.take(token, raw[row], processed[row], records[row], ends=ends, last=last)

        going = [row for row, request in enumerate(requests) if request.finish_reason is None]
        if not going:
            return
        started = time.perf_counter()
        forward.append(tokens)
        key = key._replace(position=key.position + 1)
        if len(going) < len(requests):
            rows = array_namespace(tokens).asarray(going, device=tokens.device)
            requests = [requests[row] for row in going]
            state, key = gather(state, rows), gather(key, rows)
            forward.keep(rows)
        logits = forward.logits()
        check(logits, "the model's logits", requests, position + 1)


def warmed(logits: Any, tokens: Any, valid: Any, sampler: Sampler, seeds: Sequence[int]) -> State:
    """A sampler's state after its prompt, as if it had drawn the prompt.

    logits: (B, L, V) of a forward pass over the prompt. tokens: (B, L). valid: (B, L), false at padding on the left.

    The state begins with the first token of each prompt; from there the sampler adjusts the logits of each position and
    observes the token that the prompt has next, so that ``read`` and ``observe`` together show it each token once.
    """
    xp = array_namespace(logits)
    lengths = xp.sum(xp.astype(valid, xp.int64), axis=1)
    longest = tokens.shape[1]
    start = longest - lengths
    rows = xp.arange(tokens.shape[0], device=tokens.device)
    first = valid & (xp.cumulative_sum(xp.astype(valid, xp.int64), axis=1) == 1)
    state = sampler.read(tokens, first, sampler.init(logits[rows, start]))
    for column in range(longest - 1):
        reads = start <= column
        places = [max(0, column - s) + WARM_POSITION for s in start.tolist()]
        key = Key.of(seeds, places, like=logits)
        _, after = sampler.adjust(logits[:, column], state, key)
        after = sampler.observe(tokens[:, column + 1], after)
        state = where_rows(reads, after, state)
    return state


def check(logits: Any, what: str, requests: Sequence[Request], position: int) -> None:
    """Raise ``DecodingError`` for the first row of ``logits`` (B, V) that cannot be drawn from."""
    for request, good in zip(requests, drawable(logits).tolist(), strict=True):
        if not good:
            raise DecodingError(what, request.index, position)


def _at(log_prob: Any, tokens: Any) -> list[float]:
    """The log-probabilities of the tokens (B,)."""
    return array_namespace(log_prob).take_along_axis(log_prob, tokens[:, None], axis=-1)[:, 0].tolist()
