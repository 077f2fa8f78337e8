"""Perplexity of a text under a causal language model."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import ClassVar, NamedTuple

from sortilege._extras import require
from sortilege._knobs import knob
from sortilege.models import Model
from sortilege.models import load as load_model
from sortilege.models.forward import Forward
from sortilege.properties._base import Property, Span, Text
from sortilege.properties._batches import batches

_LOGITS = 2**26  # how many logits are held at once, a quarter of a GiB


@dataclass(frozen=True)
class Perplexity(Property):
    """exp of the mean surprisal -log p(token | what precedes it) over the tokens of a text, in [1, inf).

    The model reads the ids of the prompt followed by those of the text, tokenized apart so that the text's first
    character is where its tokens begin. The prompt's tokens are read and not counted; unconditionally, or where there
    is no prompt, the model's start token stands for it. NaN for a text without tokens to count: an empty one, or one
    token with neither prompt nor start token.

    A text longer than the model's context is read in windows that overlap by half of it: each token is conditioned on
    all that precedes it, or on at least half a context.

    A low perplexity alone is also had by repetition: bound or report ``Repetition`` or ``Distinct`` beside it.

    model: as for ``sortilege.load``; it is loaded once a process.

    Source: Jelinek, Mercer, Bahl and Baker (1977), "Perplexity: a measure of the difficulty of speech recognition
    tasks"; the model is run by ``transformers``.
    """

    unit: ClassVar[str] = "perplexity per token"
    low: ClassVar[float] = 1.0
    tolerance: ClassVar[float] = 0.5
    source: ClassVar[str] = "Jelinek et al. 1977, by a model of transformers"

    model: str = knob(
        "tiny-ar", kind="text", doc="causal language model: a bundled one, a folder, or a name on the Hub"
    )
    conditional: bool = knob(True, doc="whether the prompt is read first")

    def load(self) -> None:
        _loaded(self.model)

    def measure(self, texts: Sequence[Text]) -> list[float]:
        return [_perplexity(values) for values in self._surprisals(texts)]

    def blame(self, texts: Sequence[Text]) -> list[list[Span]] | None:
        """The tokens, weighted by their surprisal in nats."""
        tokenizer = _loaded(self.model).tokenizer
        if not tokenizer.is_fast:
            return None
        blamed: list[list[Span]] = []
        for text, values in zip(texts, self._surprisals(texts), strict=True):
            offsets = tokenizer(text.text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]
            counted = zip(offsets[len(offsets) - len(values) :], values, strict=True)
            blamed.append([Span(start, end, value) for (start, end), value in counted if start < end and value > 0])
        return blamed

    def _surprisals(self, texts: Sequence[Text]) -> list[list[float]]:
        """-log p of the tokens of each text that are counted, its last ones."""
        torch = require("torch", "transformers")
        model = _loaded(self.model)
        windows = [window for owner, text in enumerate(texts) for window in self._windows(model, owner, text)]
        surprisals: list[list[float]] = [[] for _ in texts]
        pieces: dict[int, list[float]] = {}
        lengths = [len(window.tokens) for window in windows]
        for batch in batches(lengths, max(1, _LOGITS // model.vocabulary)):
            tokens = [windows[index].tokens for index in batch]
            logits = Forward(model, [one[:-1] for one in tokens]).every_logits()
            targets = [[0] * (logits.shape[1] + 1 - len(one)) + one[1:] for one in tokens]
            of_target = logits.gather(-1, torch.tensor(targets, device=logits.device)[..., None])[..., 0]
            rows = (logits.logsumexp(-1) - of_target).tolist()
            pieces.update({index: row[-windows[index].counted :] for index, row in zip(batch, rows, strict=True)})
        for index, window in enumerate(windows):
            surprisals[window.owner] += pieces[index]
        return surprisals

    def _windows(self, model: Model, owner: int, text: Text) -> "Iterator[_Window]":
        read = model.encode(text.prompt) if self.conditional and text.prompt else []
        if not read and model.start_token_id is not None:
            read = [model.start_token_id]
        tokens = read + list(model.tokenizer(text.text, add_special_tokens=False)["input_ids"])
        done, size = max(len(read), 1), len(tokens)
        # The last token is predicted, not read.
        longest = size if model.context is None else model.context + 1
        end = max(longest, done + longest // 2)
        while done < size:
            end = min(end, size)
            yield _Window(owner, tokens[max(0, end - longest) : end], end - done)
            done, end = end, end + longest // 2


class _Window(NamedTuple):
    """Tokens of text number ``owner``; the last ``counted`` of them are counted."""

    owner: int
    tokens: list[int]
    counted: int


@cache
def _loaded(name: str) -> Model:
    return load_model(name)


def _perplexity(surprisals: list[float]) -> float:
    mean = math.fsum(surprisals) / len(surprisals) if surprisals else math.nan
    return math.inf if mean > 700 else math.exp(mean)
