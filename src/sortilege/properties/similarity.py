"""Similarity to a text."""

import math
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar

from sortilege._extras import require
from sortilege._knobs import knob
from sortilege.properties._base import Property, Text
from sortilege.properties._encoders import encoder


@dataclass(frozen=True)
class Similarity(Property):
    """How alike a text and a reference are; 1 for the same text, NaN for one of nothing but spaces.

    Without a model: 2 c / (characters of both), in [0, 1], where c is the length of their longest common subsequence;
    case counts. With one: the cosine of their embeddings, in [-1, 1], an embedding being the mean of the model's last
    hidden states over the tokens, as most models of sentence-transformers are trained for.

    model: a folder, or a name on the Hugging Face Hub, that ``AutoModel`` of transformers loads.

    Raises ValueError for a reference of nothing but spaces.

    Source: the indel distance, by ``rapidfuzz``; Reimers and Gurevych (2019), "Sentence-BERT: sentence embeddings using
    Siamese BERT-networks", section 3 (mean pooling).
    """

    unit: ClassVar[str] = "similarity"
    low: ClassVar[float] = -1.0
    high: ClassVar[float] = 1.0
    tolerance: ClassVar[float] = 0.01
    source: ClassVar[str] = "indel similarity, by rapidfuzz; Reimers and Gurevych 2019, arXiv:1908.10084"

    reference: str = knob(MISSING, kind="text", doc="the text to compare with")
    model: str | None = knob(None, kind="text", optional=True, doc="embedding model: a folder, or a name on the Hub")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.reference.strip():
            raise ValueError(f"Similarity.reference must be a text of more than spaces, got {self.reference!r}")

    def load(self) -> None:
        if self.model is None:
            require("rapidfuzz.distance", "properties")
        else:
            encoder(self.model, "AutoModel")

    def measure(self, texts: Sequence[Text]) -> list[float]:
        given = [text.text for text in texts]
        alike = self._ratios(given) if self.model is None else self._cosines(given, self.model)
        return [value if text.strip() else math.nan for text, value in zip(given, alike, strict=True)]

    def _ratios(self, texts: list[str]) -> list[float]:
        alike = require("rapidfuzz.distance", "properties").Indel.normalized_similarity
        return [alike(text, self.reference) for text in texts]

    def _cosines(self, texts: list[str], model: str) -> list[float]:
        torch = require("torch", "transformers")
        found = encoder(model, "AutoModel")
        windows = found.windows([*texts, self.reference])
        sums: dict[int, Any] = {}
        for batch, inputs in found.batches(windows):
            with torch.no_grad():
                hidden = found.model(**inputs).last_hidden_state.float()
            kept = (hidden * inputs["attention_mask"][..., None]).sum(1)
            for index, total in zip(batch, kept, strict=True):
                owner = windows[index].owner
                sums[owner] = sums[owner] + total if owner in sums else total
        # The mean has the direction of the sum, and the cosine asks for no more.
        embedded = torch.stack([sums[owner] for owner in range(len(texts) + 1)])
        cosines = torch.nn.functional.cosine_similarity(embedded[:-1], embedded[-1:], dim=-1)
        return cosines.clamp(-1, 1).tolist()
