"""Samplers inside transformers' ``model.generate``, in two ways: as a logits processor, or as its decoding function.

    model.generate(**inputs, logits_processor=[SamplerLogitsProcessor(sampler, seed=1)])
    model.generate(**inputs, custom_generate=custom_generate, sampler=sampler, seed=1)

Both emit, for the same seeds, the tokens of ``sortilege.generate``. The second knows where texts end and which part of
a batch is padding, and can warm the sampler on the prompt; the first goes wherever a logits processor can go.
"""

import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sortilege._checks import one_of, whole
from sortilege._extras import require
from sortilege._requests import DecodingError, seeds_of
from sortilege.generate import warmed
from sortilege.integrations._callers import calling_list, refused_loop
from sortilege.models import Model
from sortilege.models.forward import Forward
from sortilege.numerics._arrays import gather, where_rows
from sortilege.numerics.random import Key, draw, drawable
from sortilege.samplers._base import Sampler, State
from sortilege.samplers.spec import parse_sampler
from sortilege.samplers.terminal import only
from sortilege.trace import Record, step_records, text_of

torch = require("torch", "transformers")
logits_process = require("transformers.generation.logits_process", "transformers")


@dataclass
class _Run:
    """One call of ``generate`` as far as it has come, with all rows of its batch, B of them."""

    processors: Callable[[], Any]  # a weak reference to the list of processors of that call
    ids: Any  # (B, L), what the processor was last called with
    key: Key
    ended: Any  # (B,), true where the text is over
    state: State = ()
    returned: float = 0.0  # when the last call for it was over

    def advance(self, state: State) -> None:
        """Go on to ``state``, but for the rows that have ended."""
        self.state = where_rows(~self.ended, state, self.state) if bool(self.ended.any()) else state


class SamplerLogitsProcessor(logits_process.LogitsProcessor):  # pyright: ignore[reportUntypedBaseClass]
    """A sampler as a logits processor of transformers.

    sampler: the sampler, or one written out, such as ``"min-p(0.05), temperature(1.5)"``.
    seed: an integer s gives row r the seed s + r; a list gives one for each prompt, and where ``num_return_sequences``
        asks for several texts a prompt (transformers allows it with ``do_sample=True``), the i-th of them, from 0, has
        i added.
    mode: "terminal" draws the token here and leaves the row where nothing else is possible: the tokens are those of
        ``sortilege.generate``, with ``do_sample`` or without, whatever the generation configuration says of
        temperature, top-k and the like. "deferred" returns the sampler's logits and leaves the draw to transformers,
        with its random numbers and after its own temperature, top-k (50 unless the model says otherwise), top-p and so
        on: turn those off (``temperature=1.0, top_k=0, top_p=1.0``) and set ``do_sample=True``; without it the token is
        the most probable one of the sampler's logits.
    end_token_ids: the tokens that end a text; its state stays as it is from then on. transformers goes on with such
        rows on padding until the whole batch is done, and their tokens appear nowhere.
    pad_token_id: the token that fills short prompts on the left, which a processor cannot tell from the prompt
        otherwise. Only samplers that look back at the prompt need it.
    trace: a list that a record of every token is appended to, for ``sortilege.trace.write_trace``; terminal mode only.
        ``text`` is the tokenizer, or a function that gives the text of a token id; ``candidates`` is how many
        alternatives to record. A record's raw distribution is the one the sampler was given.

    transformers runs its penalties and constraints (``repetition_penalty``, ``bad_words_ids`` ...) before this, so that
    the sampler sees their result. Each call of ``generate`` starts from a fresh state. Where the processor is called by
    hand, a text goes on as long as ``input_ids`` grow by one column, and anything else starts afresh.

    Raises ValueError under beam search and assisted generation, whose rows change places, or are tried and taken back,
    without a word to processors; and ``DecodingError`` (a ValueError) for rows that cannot be drawn from.
    """

    since: float | None = None
    """When decoding began, where that is known: the first token took from then on."""
    supports_continuous_batching = False  # its batches are packed anew at every step

    def __init__(
        self,
        sampler: Sampler | str,
        *,
        seed: int | Sequence[int] = 0,
        mode: str = "terminal",
        end_token_ids: int | Sequence[int] | None = None,
        pad_token_id: int | None = None,
        trace: list[Record] | None = None,
        text: Any = str,
        candidates: int = 8,
    ) -> None:
        self.sampler = parse_sampler(sampler) if isinstance(sampler, str) else sampler
        self.mode: str = one_of("mode", mode, ("terminal", "deferred"))
        seeds_of(seed, 1 if isinstance(seed, int) else len(seed))
        self.seed = seed
        ends = [end_token_ids] if isinstance(end_token_ids, int) else list(end_token_ids or ())
        self.end_token_ids = [whole("end_token_ids", token, 0) for token in ends]
        self.pad_token_id = pad_token_id
        if trace is not None and mode == "deferred":
            raise ValueError("trace must be None in deferred mode, where transformers draws from logits of its own")
        self.trace, self.text, self.candidates = trace, text_of(text), whole("candidates", candidates, 0)
        self._run: _Run | None = None

    # Exactly these two parameters: transformers looks at the signature and asks its caller for any other.
    def __call__(self, input_ids: Any, scores: Any) -> Any:
        since = time.perf_counter() if self.since is None else self.since
        run = self._run
        if run is not None and self._goes_on(run, input_ids):  # which has waited for the device
            since, began = run.returned, time.perf_counter()
            self._learn(run, input_ids)
            _check(scores, "the model's logits", run)
        else:
            run = self._begin(input_ids, scores)
            began = time.perf_counter()
        shaped = self._shape(run, scores)
        self._run = run
        if self.mode == "deferred":
            return shaped
        tokens = draw(shaped, run.key)
        if self.trace is not None:
            self.trace.extend(self._records(run, scores, shaped, tokens, since, began))
        run.returned = time.perf_counter()
        return only(tokens, shaped)

    def reset(self) -> None:
        """Forget the text so far; only needed where the processor is called by hand."""
        self._run = None

    def report(self) -> dict[str, Any]:
        """What the sampler did in the last step: see ``Sampler.report``."""
        return self.sampler.report(self._run.state) if self._run is not None else {}

    def _goes_on(self, run: _Run, input_ids: Any) -> bool:
        """Whether this call is the next step of the last one. Raises ValueError where rows have changed places.

        ``generate`` makes a new list of processors for each of its calls. That tells a new call, given the text of the
        last one as its prompt, from a next step; the tensors are the same.
        """
        if run.processors() is not calling_list(self) or input_ids.shape != (len(run.ids), run.ids.shape[1] + 1):
            return False
        before = input_ids[:, :-1]
        if torch.equal(before, run.ids):
            return True
        if bool((before[:, None] == run.ids[None]).all(-1).any(-1).all()):
            raise ValueError("the rows of input_ids have changed places, as in beam search: a sampler cannot follow")
        return False

    def _begin(self, input_ids: Any, scores: Any) -> _Run:
        loop = refused_loop()
        if loop is not None:
            raise ValueError(f"{type(self).__name__} does not work with {loop}: a sampler's state cannot follow it")
        rows = len(input_ids)
        prompts = rows if isinstance(self.seed, int) or rows % len(self.seed) else len(self.seed)
        seeds = seeds_of(self.seed, prompts, rows // prompts)
        calling = calling_list(self)
        run = _Run(
            (lambda: None) if calling is None else weakref.ref(calling),
            input_ids,
            Key.of(seeds, [0] * rows, like=scores),
            torch.zeros(rows, dtype=torch.bool, device=scores.device),
        )
        _check(scores, "the model's logits", run)
        run.state = self._first_state(input_ids, scores, seeds)
        return run

    def _first_state(self, input_ids: Any, scores: Any, seeds: Sequence[int]) -> State:
        valid = torch.ones_like(input_ids, dtype=torch.bool)
        if self.pad_token_id is not None:
            # On the left only: the same token may well end a sentence within a prompt.
            valid = torch.cumsum(input_ids != self.pad_token_id, dim=1) > 0
        return self.sampler.read(input_ids, valid, self.sampler.init(scores))

    def _learn(self, run: _Run, input_ids: Any) -> None:
        """Take in the tokens that were emitted, whoever chose them."""
        tokens = input_ids[:, -1]
        run.advance(self.sampler.observe(tokens, run.state))
        ends = torch.tensor(self.end_token_ids, dtype=tokens.dtype, device=tokens.device)
        run.ended = run.ended | torch.isin(tokens, ends)
        run.ids = input_ids
        run.key = run.key._replace(position=run.key.position + 1)

    def _shape(self, run: _Run, scores: Any) -> Any:
        shaped, state = self.sampler.adjust(scores, run.state, run.key)
        _check(shaped, "the sampler's logits", run)
        run.advance(state)
        return shaped

    def _records(self, run: _Run, raw: Any, shaped: Any, tokens: Any, since: float, began: float) -> list[Record]:
        rows = (~run.ended).nonzero()[:, 0]
        drawn = tokens[rows].cpu()  # this waits for the device
        now = time.perf_counter()
        return step_records(
            raw[rows],
            shaped[rows],
            drawn,
            gather(self.sampler.report(run.state), rows),
            requests=rows.tolist(),
            position=int(run.key.position[0]),
            seconds=now - since,
            sampler_seconds=now - began,
            text=self.text,
            candidates=self.candidates,
        )


def custom_generate(
    model: Any,
    input_ids: Any,
    logits_processor: Any,
    stopping_criteria: Any,
    generation_config: Any,
    synced_gpus: bool = False,
    streamer: Any = None,
    *,
    sampler: Sampler | str = "adaptive-dirichlet",
    seed: int | Sequence[int] = 0,
    warm: bool = False,
    trace: list[Record] | None = None,
    text: Any = str,
    candidates: int = 8,
    **model_kwargs: Any,
) -> Any:
    """A sampler as the decoding function of ``model.generate``.

        model.generate(**inputs, custom_generate=custom_generate, sampler=sampler, seed=1, max_new_tokens=40)

    sampler, seed, trace, text, candidates: as in ``SamplerLogitsProcessor``.
    warm: as in ``sortilege.generate``, at the price of one more forward pass over the prompt.

    The sampler is all that shapes and draws: the generation configuration's temperature, top-k, top-p and other warpers
    are left out, and ``do_sample`` makes no difference. Its penalties and constraints, and processors passed to
    ``generate``, run before the sampler. Returns what ``generate`` returns, with the sampler's logits as ``scores``.

    transformers does not hand a ``streamer``, an ``assistant_model`` or the ``tokenizer`` that ``stop_strings`` need on
    to functions such as this one; ``sortilege.stream`` and ``sortilege.generate`` have their own.

    Raises ValueError for beams and assisted generation, and whatever ``SamplerLogitsProcessor`` raises.
    """
    started = time.perf_counter()
    mode = generation_config.get_generation_mode()
    if mode not in ("greedy_search", "sample"):
        raise ValueError(f"custom_generate does not work with {mode.value.replace('_', ' ')}")
    ends = getattr(generation_config, "_eos_token_tensor", None)
    processor = _Prompted(
        sampler,
        seed=seed,
        end_token_ids=None if ends is None else ends.tolist(),
        trace=trace,
        text=text,
        candidates=candidates,
    )
    processor.since = started
    processor.attention_mask = model_kwargs.get("attention_mask")
    processor.warmed_by = model if warm else None
    wants_scores = generation_config.return_dict_in_generate and generation_config.output_scores
    processor.shaped = [] if wants_scores else None
    output = model._sample(
        input_ids,
        logits_processor=logits_process.LogitsProcessorList(
            [*(p for p in logits_processor if not _is_warper(p)), processor]
        ),
        stopping_criteria=stopping_criteria,
        generation_config=generation_config,
        synced_gpus=synced_gpus,
        streamer=streamer,
        **model_kwargs,
    )
    if processor.shaped is not None:
        # On some devices transformers runs one step more than it returns.
        output.scores = tuple(processor.shaped[: len(output.scores)])
    return output


class _Prompted(SamplerLogitsProcessor):
    """A processor that knows what only ``custom_generate`` can tell it, and keeps the logits it drew from."""

    attention_mask: Any = None  # (B, L); None where nothing is padding
    warmed_by: Any = None  # the model, where the sampler is to be warmed
    shaped: list[Any] | None = None

    def _first_state(self, input_ids: Any, scores: Any, seeds: Sequence[int]) -> State:
        mask = self.attention_mask
        valid = torch.ones_like(input_ids, dtype=torch.bool) if mask is None else mask[:, -input_ids.shape[1] :] > 0
        if self.warmed_by is None:
            return self.sampler.read(input_ids, valid, self.sampler.init(scores))
        texts = [row[real].tolist() for row, real in zip(input_ids, valid, strict=True)]
        prompt = Forward(Model(self.warmed_by, None, ""), texts)
        return warmed(prompt.every_logits(), prompt.tokens, prompt.valid, self.sampler, seeds)

    def _shape(self, run: _Run, scores: Any) -> Any:
        shaped = super()._shape(run, scores)
        if self.shaped is not None:
            self.shaped.append(shaped)
        return shaped


def _check(logits: Any, what: str, run: _Run) -> None:
    """Raise ``DecodingError`` for the first row, of those still being written, that cannot be drawn from."""
    bad = (~drawable(logits) & ~run.ended).nonzero()[:, 0].tolist()
    if bad:
        raise DecodingError(what, bad[0], int(run.key.position[0]))


def _is_warper(processor: Any) -> bool:
    """Whether it is one of those that transformers appends for ``do_sample``: TemperatureLogitsWarper and its like."""
    kind = type(processor)
    return kind.__module__ == logits_process.__name__ and kind.__name__.endswith("Warper")
