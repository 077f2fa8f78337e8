"""Masked models of transformers, and of code that comes with them, as denoisers."""

import inspect
import os
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from sortilege._extras import require
from sortilege.diffusion.denoiser import Denoiser
from sortilege.diffusion.families import FAMILIES, PLAIN, Interface, check_masked, find_mask, interface, time_argument
from sortilege.models._loading import opened
from sortilege.models._remote import remote_weights
from sortilege.models.forward import evaluating
from sortilege.numerics._arrays import working

_WRITTEN = re.compile(r"<\|mask\|>|\[MASK\]")
"""A mask in a prompt for a tokenizer that has no mask token."""


class TransformersDenoiser(Denoiser):
    """A masked model, its tokenizer, and how the one is asked; ``wrap`` and ``load_denoiser`` make it.

    Logits are torch tensors on the model's device. A model that was training is put back to it after each prediction.
    """

    def __init__(self, model: Any, tokenizer: Any, name: str, interface: Interface) -> None:
        self.model, self.tokenizer, self.name, self.interface = model, tokenizer, name, interface
        self.vocabulary = model.config.get_text_config().vocab_size
        self.mask_id, self.pad_id = interface.mask_id, interface.pad_id
        self.end_ids, self.forbidden = interface.end_ids, interface.forbidden
        self.max_length, self.time = interface.max_length, interface.time
        self._takes = inspect.signature(model.forward).parameters.keys()
        self._known = frozenset(tokenizer.get_vocab().values())
        self._silent = frozenset((self.mask_id, self.pad_id, *self.end_ids))

    def predict(self, tokens: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Any:
        if self.interface.attention != "none":
            return self._logits(tokens, valid, time)
        lengths = np.maximum(np.sum(valid, axis=1), 1)
        parts = {int(n): np.flatnonzero(lengths == n) for n in np.unique(lengths)}
        if [*parts] == [tokens.shape[1]]:
            return self._logits(tokens, valid, time)
        logits = None
        for length, rows in parts.items():
            part = self._logits(tokens[rows, :length], valid[rows, :length], time[rows])
            if logits is None:
                logits = part.new_zeros((*tokens.shape, part.shape[-1]))
            logits[rows, :length] = part
        return logits

    def _logits(self, tokens: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Any:
        """The logits of one forward pass."""
        torch = require("torch", "transformers")
        weight = next(self.model.parameters())
        around, length = self.interface, tokens.shape[1]
        whole, seen = self._surrounded(tokens, valid)
        inputs: dict[str, Any] = {"input_ids": torch.from_numpy(whole).to(weight.device)}
        if around.attention != "none":
            inputs["attention_mask"] = self._mask(torch.from_numpy(seen).to(weight.device), weight.dtype)
        argument = time_argument(self._takes)
        if argument is not None:
            told = time if self.time != "none" else np.zeros_like(time)
            inputs[argument] = torch.from_numpy(told.astype(np.float32)).to(weight.device)
        if "use_cache" in self._takes:
            inputs["use_cache"] = False
        with evaluating(self.model):
            output = self.model(**inputs)
        if not isinstance(output, torch.Tensor):
            output = output.logits if hasattr(output, "logits") else output[0]
        logits = working(output)
        if around.shift:
            logits = torch.cat([logits[:, :1], logits[:, :-1]], dim=1)
        start = len(around.prefix_ids)
        return logits[:, start : start + length]

    def _surrounded(self, tokens: np.ndarray, valid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Canvases (B, P + L + S) between prefix and suffix, and where they hold tokens, which is from the left on."""
        prefix, suffix = self.interface.prefix_ids, self.interface.suffix_ids
        rows, length = tokens.shape
        ends = len(prefix) + np.sum(valid, axis=1)
        whole = np.full((rows, len(prefix) + length + len(suffix)), self.pad_id, dtype=np.int64)
        whole[:, : len(prefix)] = prefix
        whole[:, len(prefix) : len(prefix) + length] = np.where(valid, tokens, self.pad_id)
        for i, token in enumerate(suffix):
            whole[np.arange(rows), ends + i] = token
        return whole, np.arange(whole.shape[1]) < (ends + len(suffix))[:, None]

    def _mask(self, seen: Any, dtype: Any) -> Any:
        """What hides the padding from the network: ``seen`` (B, L) in the form it reads."""
        torch = require("torch", "transformers")
        kind, length = self.interface.attention, seen.shape[1]
        if kind == "2d":
            return seen.long()
        if kind == "full":
            return "full" if bool(seen.all()) else seen[:, None, None, :].expand(-1, 1, length, length)
        hidden = torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)
        return hidden[:, None, None, :].expand(-1, 1, length, length)

    def encode(self, text: str) -> list[int]:
        pieces = [text] if self.tokenizer.mask_token_id == self.mask_id else _WRITTEN.split(text)
        first, *others = (list(self.tokenizer(piece, add_special_tokens=False)["input_ids"]) for piece in pieces)
        return first + [token for ids in others for token in (self.mask_id, *ids)]

    def decode(self, tokens: Sequence[int]) -> str:
        return self.decode_all([tokens])[0]

    def piece(self, token: int) -> str:
        return self.tokenizer.decode([token]) if token in self._known else "\ufffd"

    def decode_all(self, many: Sequence[Sequence[int]]) -> list[str]:
        kept = [[token for token in tokens if token not in self._silent] for tokens in many]
        for tokens in kept:
            for token in tokens:
                if token not in self._known:
                    raise ValueError(f"tokens must be ids of {self.name!r}'s tokenizer, got {token}")
        return self.tokenizer.batch_decode(kept, skip_special_tokens=True, clean_up_tokenization_spaces=False)


def wrap(model: Any, tokenizer: Any, **overrides: Any) -> Denoiser:
    """A denoiser of a model and a tokenizer that are loaded already.

    model: a masked language model of transformers, or one with the interface of a family that ``families.py`` lists.
    overrides: what cannot be read off the model, or is read wrongly: any field of ``families.Interface``, such as
        ``mask_id=5``; ``shift=True, attention="4d"`` makes a denoiser of a causal model that was adapted to be one.

    Raises ValueError for what is no such pair, for a model that does not predict masked tokens or has no mask token,
    and for an override that is unknown or out of range.
    """
    if not (hasattr(model, "forward") and hasattr(model, "config") and hasattr(tokenizer, "get_vocab")):
        raise ValueError(
            "model and tokenizer must be those of transformers, "
            f"got {type(model).__name__} and {type(tokenizer).__name__}"
        )
    return _wrapped(model, tokenizer, getattr(model, "name_or_path", "") or type(model).__name__, overrides)


def load_denoiser(
    name: str | os.PathLike[str],
    *,
    device: Any = None,
    dtype: Any = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
    **overrides: Any,
) -> Denoiser:
    """Load a masked model for decoding.

    name: a bundled model, a folder, or a name on the Hugging Face Hub. A bundled name wins over a folder of that name.
    device: where to put it; by default a CUDA device where there is one, else the CPU.
    dtype: a torch dtype or its name, such as "bfloat16"; by default float32 on the CPU, and elsewhere as it is stored.
    revision: the branch, tag or commit on the Hub.
    trust_remote_code: whether code that comes with the model may run, as LLaDA, Dream and MDLM need it.
    overrides: as in ``wrap``.

    Raises ImportError when torch or transformers are not installed, and ValueError, before any weights are read, for
    a name that leads nowhere, for a model that does not predict masked tokens or has no mask token, and for a device
    that is not there.
    """
    with opened(
        str(name), device=device, dtype=dtype, revision=revision, trust_remote_code=trust_remote_code
    ) as source:
        family = FAMILIES.get(source.config.model_type, PLAIN)
        own = trust_remote_code and family.auto in (getattr(source.config, "auto_map", None) or {})
        check_masked(source.name, source.config, getattr(source.config, "architectures", None) or [], own=own)
        tokenizer = source.tokenizer(family.tokenizer)
        if overrides.get("mask_id") is None:
            find_mask(source.name, source.config, tokenizer)
        model = remote_weights(source, family.auto) if own else source.weights(family.auto)
    return _wrapped(model, tokenizer, source.name, overrides)


def _wrapped(model: Any, tokenizer: Any, name: str, overrides: dict[str, Any]) -> Denoiser:
    own = not type(model).__module__.startswith("transformers.models.")
    adapted = overrides.get("attention") == "4d"
    check_masked(name, model.config, [type(model).__name__], own=own, adapted=adapted)
    return TransformersDenoiser(model, tokenizer, name, interface(name, model, tokenizer, overrides))
