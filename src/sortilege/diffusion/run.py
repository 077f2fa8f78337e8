"""Text from a masked diffusion model, in one call: arguments are checked, and the process is run."""

from collections.abc import Iterator, Sequence
from typing import Any, TypedDict, Unpack

from sortilege._checks import whole
from sortilege._requests import seeds_of
from sortilege.diffusion._requests import Denoised, row_of, templates
from sortilege.diffusion._rows import Row
from sortilege.diffusion._trace import canvas_request
from sortilege.diffusion.denoiser import as_denoiser
from sortilege.diffusion.policies._base import Policy
from sortilege.diffusion.policies.registry import parse_policy
from sortilege.diffusion.process import Process, Proposer
from sortilege.diffusion.schedule import Schedule, as_schedule
from sortilege.samplers._base import Sampler
from sortilege.samplers.spec import parse_sampler
from sortilege.trace.tokens import Record

Prompt = str | Sequence[str] | Sequence[int] | Sequence[Sequence[int]]


class Options(TypedDict, total=False):
    """What ``denoise`` takes besides model and prompt, and ``search`` as well."""

    length: int | None
    steps: int | None
    policy: Policy | str
    schedule: Schedule | str
    sampler: Sampler | str | None
    seed: int | Sequence[int]
    num_samples: int
    batch_size: int
    stop_at_end: bool
    trace: bool


def denoise(
    model: Any, prompt: Prompt = "", *, proposer: Proposer | None = None, **options: Unpack[Options]
) -> list[Denoised]:
    """Write texts with a masked diffusion model.

    model: a ``Denoiser``, a name for ``load_denoiser``, or a (model, tokenizer) pair of transformers.
    prompt: one prompt or a list of them, as text or as token ids; empty for none. It is never modified. Mask tokens in
        it (``<|mask|>``, or whatever the tokenizer calls it) are slots to write: text after them is kept in its place.
    length: slots of the canvas, the prompt included (64); masks fill up what the prompt leaves. None: the prompt is the
        canvas.
    steps: how many steps at most; by default the policy's own number, if it has one. Whatever is masked at the last
        step is revealed then.
    policy: which slots are revealed at a step, as a ``Policy`` or written out, such as ``"threshold(0.9)"``
        (``"ancestral"``).
    schedule: "loglinear", the default, or "cosine".
    sampler: filters x_theta before tokens are drawn, such as ``"temperature(0.9), top-p(0.9)"`` (none). A stateful one
        sees each canvas as a request whose tokens come in the order they are revealed, those of one step from left to
        right.
    seed: an integer s (0) gives the r-th text, counted over prompts and their samples, the seed s + r; a list gives one
        for each prompt, to whose i-th sample i is added. A text depends on its prompt, its seed and the settings, not
        on the batch, up to the rounding of the model's arithmetic.
    num_samples: texts for each prompt, >= 1 (1).
    batch_size: canvases worked on at a time, >= 1 (16).
    stop_at_end: whether an end token ends a text as soon as it is revealed (it does); what lies after it is dropped.
    trace: whether each text keeps the records of its steps (``Denoised.trace``); it does not.
    proposer: what takes the place of draws from x_theta; ``sortilege.search`` has one.

    Returns the samples of the first prompt, then those of the second, and so on.

    Raises ValueError naming the argument, its range and its value before the model runs, and ``DecodingError`` (a
    ValueError) with row and slot where logits, the model's or the sampler's, cannot be drawn from.
    """
    texts = denoise_each(model, prompt, proposer=proposer, **options)
    return [text for _, text in sorted(texts, key=lambda pair: pair[0])]


def denoise_each(
    model: Any, prompt: Prompt = "", *, proposer: Proposer | None = None, **options: Unpack[Options]
) -> Iterator[tuple[int, Denoised]]:
    """The same as ``denoise``, as an iterator of (index, text) in the order they are finished.

    Arguments are checked before it returns.
    """
    process, rows, batch_size = prepared(model, prompt, proposer, **options)
    return process.run(rows, batch_size)


def trace_requests(model: Any, prompt: Prompt = "", **options: Unpack[Options]) -> list[Record]:
    """What the header of a trace says of the texts that ``denoise`` and ``search`` make of the same arguments."""
    process, rows, _ = prepared(model, prompt, None, **options)
    return [canvas_request(row, process.denoiser) for row in rows]


def prepared(
    model: Any,
    prompt: Any,
    proposer: Proposer | None,
    *,
    length: int | None = 64,
    steps: int | None = None,
    policy: Policy | str = "ancestral",
    schedule: Schedule | str = "loglinear",
    sampler: Sampler | str | None = None,
    seed: int | Sequence[int] = 0,
    num_samples: int = 1,
    batch_size: int = 16,
    stop_at_end: bool = True,
    trace: bool = False,
) -> tuple[Process, list[Row], int]:
    """The process that ``denoise`` would run, its rows at their beginning, and how many to work on at a time."""
    whole("num_samples", num_samples, 1)
    whole("batch_size", batch_size, 1)
    policy = parse_policy(policy) if isinstance(policy, str) else policy
    sampler = parse_sampler(sampler) if isinstance(sampler, str) else sampler
    schedule = as_schedule(schedule)
    if steps is not None:
        whole("steps", steps, 1, 2**31 - 1)
    denoiser = as_denoiser(model)
    texts, canvases = templates(denoiser, prompt, length)
    seeds = seeds_of(seed, len(texts), num_samples)
    count = policy.default_steps if steps is None else steps
    rows = [
        row_of(index, seeds[index], texts[i], canvases[i], denoiser, count)
        for index, i in enumerate(i for i in range(len(texts)) for _ in range(num_samples))
    ]
    ends = denoiser.end_ids if stop_at_end else ()
    return Process(denoiser, policy, schedule, sampler, proposer, ends, trace), rows, batch_size
