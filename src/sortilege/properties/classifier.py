"""The probability that a text-classification model gives a label."""

import math
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar

from sortilege._extras import require
from sortilege._knobs import knob
from sortilege.properties._base import Property, Span, Text
from sortilege.properties._encoders import Encoder, Window, encoder


@dataclass(frozen=True)
class Classifier(Property):
    """The probability of a label under any text-classification model of transformers, in [0, 1].

    The model reads the text and not the prompt. A text longer than the model's context is read in pieces, and the
    highest of their probabilities is its value. NaN for a text of nothing but spaces.

    model: a folder, or a name on the Hugging Face Hub, that ``AutoModelForSequenceClassification`` loads.
    label: one of the model's labels by name, or else by index.
    function: what makes probabilities of logits; "auto" is the one that transformers' pipeline takes: sigmoid where
    labels do not exclude each other or there is but one, softmax elsewhere.

    Raises ValueError, once the model is loaded, for an unknown label (naming the known ones), and under "auto" for a
    model of regression, whose outputs are no probabilities.
    """

    unit: ClassVar[str] = "probability"
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = 1.0
    tolerance: ClassVar[float] = 0.01
    source: ClassVar[str] = "a text-classification model, by transformers"

    model: str = knob(MISSING, kind="text", doc="classification model: a folder, or a name on the Hub")
    label: str = knob(MISSING, kind="text", doc="the label, by name or index")
    function: str = knob("auto", choices=("auto", "softmax", "sigmoid"), doc="what makes probabilities of logits")

    def load(self) -> None:
        self._log_probability(self._encoder(), None)

    def measure(self, texts: Sequence[Text]) -> list[float]:
        torch = require("torch", "transformers")
        found = self._encoder()
        windows = _windows(found, texts)
        values = [math.nan] * len(texts)
        for batch, inputs in found.batches(windows):
            with torch.no_grad():
                rows = self._log_probability(found, found.model(**inputs).logits).exp().tolist()
            for index, value in zip(batch, rows, strict=True):
                owner = windows[index].owner
                values[owner] = value if math.isnan(values[owner]) else max(values[owner], value)
        return values

    def blame(self, texts: Sequence[Text]) -> list[list[Span]]:
        """The tokens, weighted by |gradient of the label's log-probability . embedding|, the change it stands for."""
        torch = require("torch", "transformers")
        found = self._encoder()
        windows = _windows(found, texts)
        blamed: list[list[Span]] = [[] for _ in texts]
        for batch, inputs in found.batches(windows):
            with torch.enable_grad():
                embedded = found.model.get_input_embeddings()(inputs.pop("input_ids")).detach().requires_grad_()
                log_prob = self._log_probability(found, found.model(inputs_embeds=embedded, **inputs).logits)
                (gradient,) = torch.autograd.grad(log_prob.sum(), embedded)
            weights = (gradient * embedded.detach()).sum(-1).abs().tolist()
            for index, row in zip(batch, weights, strict=True):
                tokens = zip(windows[index].offsets, row, strict=False)  # what is beyond the tokens is padding
                blamed[windows[index].owner] += [
                    Span(a, b, weight) for (a, b), weight in tokens if a < b and weight > 0
                ]
        return [sorted(spans) for spans in blamed]

    def _encoder(self) -> Encoder:
        return encoder(self.model, "AutoModelForSequenceClassification")

    def _log_probability(self, found: Encoder, logits: Any) -> Any:
        """The label's log-probability (B,) from logits (B, labels); with None, only the checks."""
        config = found.model.config
        column = _column(self.label, config.id2label)
        exclusive = config.num_labels > 1 and config.problem_type != "multi_label_classification"
        if self.function == "auto" and config.problem_type == "regression":
            raise ValueError(
                f"Classifier.function must be softmax or sigmoid for {self.model!r}, a model of regression, got 'auto'"
            )
        if logits is None:
            return None
        functional = require("torch.nn.functional", "transformers")
        if self.function == "softmax" or (self.function == "auto" and exclusive):
            return functional.log_softmax(logits.float(), -1)[:, column]
        return functional.logsigmoid(logits[:, column].float())


def _windows(found: Encoder, texts: Sequence[Text]) -> list[Window]:
    """What the model reads of the texts that have more than spaces."""
    return [window for window in found.windows([text.text for text in texts]) if texts[window.owner].text.strip()]


def _column(label: str, labels: dict[int, str]) -> int:
    for column, name in labels.items():
        if name == label or (label not in labels.values() and label == str(column)):
            return column
    known = ", ".join(f"{name!r} ({column})" for column, name in labels.items())
    raise ValueError(f"Classifier.label must be one of {known}, got {label!r}")
