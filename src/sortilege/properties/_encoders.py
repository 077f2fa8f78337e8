"""Text encoders of transformers by name, kept once loaded, and texts of any length cut into what they can read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sortilege._extras import require
from sortilege.models._loading import opened, reading
from sortilege.properties._batches import batches

_BATCH = 2**13  # tokens


@dataclass(frozen=True)
class Window:
    """What a model reads at once of text number ``owner``.

    inputs: the token ids, and what else the tokenizer gives with them, by name.
    offsets: the characters of each token, (0, 0) for special ones.
    """

    owner: int
    inputs: dict[str, list[int]]
    offsets: list[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Encoder:
    """A model and its tokenizer."""

    model: Any
    tokenizer: Any

    def windows(self, texts: Sequence[str]) -> list[Window]:
        """The texts, those that are longer than the model's context in consecutive pieces that are not."""
        if not texts:
            return []
        limit = self._context()
        cut = {} if limit is None else {"truncation": True, "max_length": limit, "return_overflowing_tokens": True}
        found = self.tokenizer(list(texts), return_offsets_mapping=True, **cut)
        names = [name for name in self.tokenizer.model_input_names if name in found]
        owners = found["overflow_to_sample_mapping"] if cut else range(len(texts))
        return [
            Window(owner, {name: found[name][row] for name in names}, found["offset_mapping"][row])
            for row, owner in enumerate(owners)
        ]

    def batches(self, windows: Sequence[Window]) -> Iterator[tuple[list[int], dict[str, Any]]]:
        """Batches of like length: the indices of their windows, and the model's inputs, (B, L) padded on the right."""
        torch = require("torch", "transformers")
        pad = self.tokenizer.pad_token_id
        lengths = [len(window.inputs["input_ids"]) for window in windows]
        # A model that knows no padding reads one text at a time.
        budget = 1 if pad is None or self.model.config.pad_token_id is None else _BATCH
        for batch in batches(lengths, budget):
            longest = max(lengths[index] for index in batch)
            inputs: dict[str, Any] = {}
            for name in windows[batch[0]].inputs:
                fill = pad if name == "input_ids" else 0
                rows = [windows[index].inputs[name] for index in batch]
                padded = [row + [fill] * (longest - len(row)) for row in rows]
                inputs[name] = torch.tensor(padded, device=self.model.device)
            yield batch, inputs

    def _context(self) -> int | None:
        """The most tokens the model reads, where it says."""
        if self.tokenizer.model_max_length < 2**30:
            return self.tokenizer.model_max_length
        positions = getattr(self.model.config, "max_position_embeddings", None)
        # The family of RoBERTa counts its positions from two.
        return None if positions is None else positions - 2


@cache
def encoder(name: str, auto: str) -> Encoder:
    """The model of that name, loaded by the class of transformers called ``auto`` to where ``sortilege.load`` would.

    Raises ValueError if it cannot be read, lacks weights, or has a tokenizer that cannot tell where its tokens are.
    """
    with opened(name, device=None, dtype=None, revision=None, trust_remote_code=False) as source:
        tokenizer = source.tokenizer()
        if not tokenizer.is_fast:
            raise ValueError(f"model must have a fast tokenizer, got {name!r}, which has a {type(tokenizer).__name__}")
        if auto != "AutoModel":
            return Encoder(source.weights(auto), tokenizer)
        # The layer that pools is not used, and few checkpoints have it: transformers draws its weights.
        with reading("weights", name), require("torch", "transformers").random.fork_rng(devices=[]):
            model, found = require("transformers", "transformers").AutoModel.from_pretrained(
                source.path, config=source.config, dtype=source.dtype, output_loading_info=True, **source.options
            )
        source.refuse_missing({key for key in found["missing_keys"] if not key.startswith("pooler.")})
        return Encoder(model.to(source.place).eval(), tokenizer)
