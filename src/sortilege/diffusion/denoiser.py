"""What a masked denoiser is to the reverse process: a canvas goes in, predictions of the clean tokens come out."""

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from sortilege.numerics._arrays import Array


class Denoiser:
    """Base of every denoiser. Shapes: B canvases, L slots, V logits.

    A denoiser is independent of the batch: the logits of a canvas do not depend on the others or on padding, up to the
    rounding of the model's arithmetic.
    """

    name: str
    """What reports call it."""
    vocabulary: int
    """V, the number of logits; it may exceed the number of tokens the tokenizer knows."""
    mask_id: int
    """The absorbing state."""
    pad_id: int
    """What fills a canvas shorter than its batch-mates; any id the model can embed will do."""
    end_ids: tuple[int, ...] = ()
    """The tokens that end a text."""
    forbidden: tuple[int, ...] = ()
    """Ids that are never predicted: the mask, padding, and ids the tokenizer does not know."""
    max_length: int | None = None
    """The longest canvas; None where there is no limit."""
    time: Literal["none", "t", "sigma"] = "none"
    """What the network is told of the noise: nothing, t, or sigma = -log(alpha_t). With nothing, a prediction is good
    for as long as the canvas stays the same."""

    def predict(self, tokens: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Array:
        """Logits (B, L, V), float32 or wider, of any array library, for the token *at* each slot.

        tokens: (B, L) int64, ``mask_id`` where unknown, ``pad_id`` at padding. Padding is on the right.
        valid: (B, L) bool, false at padding, whose logits mean nothing.
        time: (B,) what ``self.time`` asks for; zeros where that is nothing.
        """
        raise NotImplementedError

    def encode(self, text: str) -> list[int]:
        """The token ids of a prompt, with nothing put around them; mask tokens written out become ``mask_id``."""
        raise NotImplementedError

    def decode(self, tokens: Sequence[int]) -> str:
        """The text of token ids, without special tokens.

        Raises ValueError naming the first id that is no token of the tokenizer.
        """
        raise NotImplementedError

    def piece(self, token: int) -> str:
        """The text of one token by itself, special tokens as they are written; U+FFFD for an id that is no token."""
        try:
            return self.decode([token])
        except ValueError:
            return "\ufffd"

    def decode_all(self, many: Sequence[Sequence[int]]) -> list[str]:
        """``decode`` of several sequences; denoisers with a fast tokenizer do them at once."""
        return [self.decode(tokens) for tokens in many]


def as_denoiser(model: Any) -> Denoiser:
    """A ``Denoiser`` from a Denoiser, a (model, tokenizer) pair of transformers, or a name for ``load_denoiser``.

    Raises ValueError for anything else.
    """
    if isinstance(model, Denoiser):
        return model
    from sortilege.diffusion.transformers import load_denoiser, wrap

    if isinstance(model, tuple) and len(model) == 2:
        return wrap(*model)
    if isinstance(model, str | os.PathLike):
        return load_denoiser(model)
    raise ValueError(f"model must be a name, a Denoiser or a (model, tokenizer) pair, got {type(model).__name__}")
