"""Causal language models by name: the bundled ones, and any that transformers can load."""

import os
from dataclasses import dataclass
from typing import Any

from sortilege._extras import require
from sortilege.models._bundled import Bundled as Bundled
from sortilege.models._bundled import bundled as bundled
from sortilege.models._loading import opened


@dataclass(frozen=True)
class Model:
    """A causal language model and the tokenizer it was trained with.

    model: a transformers causal language model.
    tokenizer: its transformers tokenizer.
    name: what to call it in reports.
    """

    model: Any
    tokenizer: Any
    name: str

    @property
    def device(self) -> Any:
        """The device that token ids go to."""
        return self.model.device

    @property
    def context(self) -> int | None:
        """How many positions the model can attend to; None where its configuration states no limit."""
        return getattr(self.model.config.get_text_config(), "max_position_embeddings", None)

    @property
    def vocabulary(self) -> int:
        """The number of logits, V; it may exceed the number of tokens the tokenizer knows."""
        return self.model.config.get_text_config().vocab_size

    @property
    def end_token_ids(self) -> tuple[int, ...]:
        """The tokens that end a text: those of the model's generation configuration and the tokenizer's."""
        config = getattr(self.model, "generation_config", None)
        listed = getattr(config, "eos_token_id", None)
        ids = [*listed] if isinstance(listed, list | tuple) else [listed]
        return tuple(sorted({token for token in (*ids, self.tokenizer.eos_token_id) if token is not None}))

    @property
    def start_token_id(self) -> int | None:
        """The token that stands for an empty prompt: the beginning-of-text token or else the end token."""
        bos, eos = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        return bos if bos is not None else eos

    def encode(self, text: str) -> list[int]:
        """The token ids of a prompt, with whatever the tokenizer puts around a text by default."""
        return list(self.tokenizer(text)["input_ids"])


def load(
    name: str | os.PathLike[str],
    *,
    device: Any = None,
    dtype: Any = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> Model:
    """Load a causal language model for decoding.

    name: a bundled model, a folder, or a name on the Hugging Face Hub. A bundled name wins over a folder of that name.
    device: where to put it; by default a CUDA device where there is one, else the CPU.
    dtype: a torch dtype or its name, such as "bfloat16"; by default float32 on the CPU, and elsewhere as it is stored.
    revision: the branch, tag or commit on the Hub.
    trust_remote_code: whether code that comes with the model may run.

    Raises ImportError when torch or transformers are not installed, and ValueError, before any weights are read, for
    a name that leads nowhere, for a model that does not predict the next token, and for a device that is not there.
    """
    with opened(
        str(name), device=device, dtype=dtype, revision=revision, trust_remote_code=trust_remote_code
    ) as source:
        _check_causal(source.name, source.config, trust_remote_code)
        tokenizer = source.tokenizer()
        model = source.weights("AutoModelForCausalLM")
    return Model(model, tokenizer, source.name)


def as_model(model: Any) -> Model:
    """A ``Model`` from a Model, a (model, tokenizer) pair, or anything ``load`` takes."""
    if isinstance(model, Model):
        return model
    if isinstance(model, str | os.PathLike):
        return load(model)
    if isinstance(model, tuple) and len(model) == 2 and hasattr(model[0], "forward") and hasattr(model[1], "decode"):
        return Model(model[0], model[1], getattr(model[0], "name_or_path", "") or type(model[0]).__name__)
    raise ValueError(f"model must be a name, a Model or a (model, tokenizer) pair, got {type(model).__name__}")


def _check_causal(name: str, config: Any, trust_remote_code: bool) -> None:
    """Raise ValueError unless the configuration is that of a causal language model.

    A configuration's type alone does not tell (BERT has a causal variant, which its masked weights cannot fill): where
    the checkpoint says which class it was saved from, that class must be a causal one.
    """
    auto = require("transformers.models.auto.modeling_auto", "transformers")
    causal: dict[str, str] = auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
    if trust_remote_code and "AutoModelForCausalLM" in (getattr(config, "auto_map", None) or {}):
        return
    saved = list(getattr(config, "architectures", None) or [])
    if config.model_type not in causal or (saved and not set(saved) & set(causal.values())):
        raise ValueError(
            f"model must be a causal language model, got {name!r}, which is "
            f"{', '.join(saved) or 'of type ' + config.model_type}"
        )
