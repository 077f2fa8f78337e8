"""Models whose code comes with them, most of it written for transformers 4.

transformers 5 builds a model without memory and fills in what the weights do not hold by rules that such code does not
know: tables of rotary positions are left as uninitialised memory, and attributes are expected that only its own models
have. Here the model is built as its code says, in memory, and its weights are copied in; nothing may be missing.
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

from sortilege._extras import require
from sortilege.models._loading import Source, first_line, reading


def remote_weights(source: Source, auto: str) -> Any:
    """The model of the class that ``config.auto_map`` names for ``auto``, ready for use. It needs safetensors files.

    Raises ValueError when weights are missing, cannot be read or do not fit the code.
    """
    torch = require("torch", "transformers")
    modules = require("transformers.dynamic_module_utils", "transformers")
    options = {key: value for key, value in source.options.items() if key != "trust_remote_code"}
    kind = modules.get_class_from_dynamic_module(source.config.auto_map[auto], source.path, **options)
    stored = getattr(source.config, "dtype", None) or torch.float32
    with _default_dtype(stored if source.dtype == "auto" else source.dtype), _as_before():
        model = kind(source.config)
    missing = model.state_dict()
    with reading("weights", source.name):
        for file in _files(source, options):
            part = require("safetensors.torch", "transformers").load_file(file)
            try:
                model.load_state_dict(part, strict=False)
            except RuntimeError as error:
                raise ValueError(first_line(error)) from error
            given = {missing[key].data_ptr() for key in part if key in missing}
            missing = {
                key: value for key, value in missing.items() if value.data_ptr() not in given
            }  # tied ones go too
    source.refuse_missing(set(missing))
    return model.to(source.place).eval()


def _files(source: Source, options: dict[str, Any]) -> list[str]:
    """The model's safetensors files, downloaded where it is on the Hub."""
    hub = require("transformers.utils.hub", "transformers")
    try:
        return [hub.cached_file(source.path, "model.safetensors", **options)]
    except OSError:
        index = hub.cached_file(source.path, "model.safetensors.index.json", **options)
    return hub.get_checkpoint_shard_files(source.path, index, **options)[0]


@contextmanager
def _default_dtype(dtype: Any) -> Generator[None]:
    torch = require("torch", "transformers")
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextmanager
def _as_before() -> Generator[None]:
    """Put back what transformers 5 no longer has, the plain rotary frequencies; draw no random weights."""
    known = require("transformers.modeling_rope_utils", "transformers").ROPE_INIT_FUNCTIONS
    added = "default" not in known
    if added:
        known["default"] = _plain_frequencies
    try:
        with require("transformers.initialization", "transformers").no_init_weights():
            yield
    finally:
        if added:
            del known["default"]


def _plain_frequencies(config: Any, device: Any = None, seq_len: int | None = None, **_: Any) -> tuple[Any, float]:
    """theta^(-2i/d), i = 0 .. d/2 - 1 (Su et al. 2021, arXiv:2104.09864, section 3.2.2), and the attention's scale."""
    torch = require("torch", "transformers")
    theta = getattr(config, "rope_theta", None) or (config.rope_parameters or {}).get("rope_theta", 10000.0)
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    powers = torch.arange(0, dim, 2, dtype=torch.float32, device=device) / dim
    return 1.0 / theta**powers, 1.0
