"""A causal model as what decoding needs: texts go in token by token, logits for the next token come out."""

import inspect
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sortilege._extras import require
from sortilege.models import Model
from sortilege.numerics._arrays import working


class Forward:
    """Texts of different lengths read side by side, padded on the left; what was read stays in the model's cache.

    tokens: (B, L) the token ids read so far. valid: (B, L) false at padding.
    """

    def __init__(self, model: Model, texts: Sequence[Sequence[int]]) -> None:
        torch = require("torch", "transformers")
        self._model = model.model
        self._takes = inspect.signature(self._model.forward).parameters.keys()
        self._past: Any = None
        longest = max(map(len, texts))
        gaps = [longest - len(text) for text in texts]
        if any(gaps) and "attention_mask" not in self._takes:
            raise ValueError("prompts of different lengths need a model with an attention mask, and it has none")
        # What fills the gaps is never attended to; any id that the embedding knows will do.
        padded = [[0] * gap + list(text) for gap, text in zip(gaps, texts, strict=True)]
        self.tokens = torch.tensor(padded, device=model.device)
        self.valid = torch.arange(longest, device=model.device) >= torch.tensor(gaps, device=model.device)[:, None]

    def logits(self) -> Any:
        """The logits (B, V) of the next token, in float32 or wider."""
        return self._run(every=False)[:, -1]

    def every_logits(self) -> Any:
        """The logits (B, L, V) of the token after each token read so far; to be asked before any other."""
        return self._run(every=True)

    def append(self, tokens: Any) -> None:
        """Read one more token a row, tokens (B,)."""
        torch = require("torch", "transformers")
        self.tokens = torch.cat([self.tokens, tokens[:, None]], dim=1)
        self.valid = torch.cat([self.valid, torch.ones_like(self.valid[:, :1])], dim=1)

    def keep(self, rows: Any) -> None:
        """Go on with the given rows (R,) only."""
        self.tokens, self.valid = self.tokens[rows], self.valid[rows]
        if self._past is not None:
            self._past.reorder_cache(rows)  # made for beams, it takes any list of rows

    def _run(self, *, every: bool) -> Any:
        torch = require("torch", "transformers")
        positions = (torch.cumsum(self.valid, dim=1) - 1).clamp(min=0)
        new = slice(None) if self._past is None else slice(-1, None)
        inputs = {
            "input_ids": self.tokens[:, new],
            "attention_mask": self.valid.long(),
            "position_ids": positions[:, new],
            "past_key_values": self._past,
            "use_cache": True,
            "logits_to_keep": 0 if every else 1,
        }
        with evaluating(self._model):
            output = self._model(**{name: value for name, value in inputs.items() if name in self._takes})
        past = getattr(output, "past_key_values", None)
        # A model with a memory of another kind is given the whole text again at each step: slow, and right.
        self._past = past if hasattr(past, "reorder_cache") else None
        return working(output.logits.to(self.tokens.device))  # a model may be spread over several devices


@contextmanager
def evaluating(model: Any) -> Generator[None]:
    """No dropout and no gradients; a model that was training goes back to it."""
    training = model.training
    if training:
        model.eval()
    try:
        with require("torch", "transformers").no_grad():
            yield
    finally:
        if training:
            model.train()
