"""What loading by name needs, whatever the model is for: where it lies, where it goes, and errors of one line."""

import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sortilege._extras import require
from sortilege.models._bundled import bundled


@dataclass(frozen=True)
class Source:
    """A model that has been found and of which no more than the configuration has been read.

    path: its folder, or its name on the Hub. place: the torch device it goes to. dtype: a torch dtype or "auto".
    """

    name: str
    path: str
    config: Any
    place: Any
    dtype: Any
    options: dict[str, Any]

    def tokenizer(self, instead: str | None = None) -> Any:
        """Its tokenizer; where it has none, the one of the name ``instead``."""
        auto = require("transformers", "transformers").AutoTokenizer
        with reading("tokenizer", self.name):
            try:
                return auto.from_pretrained(self.path, **self.options)
            except (OSError, ValueError):
                if instead is None:
                    raise
                return auto.from_pretrained(instead)

    def weights(self, auto: str) -> Any:
        """The model, as the class of transformers that is called ``auto`` loads it, ready for use."""
        with reading("weights", self.name):
            model, found = getattr(require("transformers", "transformers"), auto).from_pretrained(
                self.path, config=self.config, dtype=self.dtype, output_loading_info=True, **self.options
            )
        self.refuse_missing(found["missing_keys"])
        return model.to(self.place).eval()

    def refuse_missing(self, keys: set[str]) -> None:
        """Raise ValueError if any weight is missing, for it would be made up: the model would load and write noise."""
        if keys:
            raise ValueError(f"model {self.name!r} lacks weights: {', '.join(sorted(keys)[:3])} ...")


@contextmanager
def opened(name: str, *, device: Any, dtype: Any, revision: str | None, trust_remote_code: bool) -> Generator[Source]:
    """Find a model; while it is open, transformers keeps its bars and notes to itself where nobody watches.

    Raises ImportError when torch or transformers are not installed, and ValueError for a device that is not there, a
    dtype that is none, a damaged bundled model and a name that leads nowhere.
    """
    torch, transformers = require("torch", "transformers"), require("transformers", "transformers")
    place = _usable(torch, device if device is not None else "cuda" if torch.cuda.is_available() else "cpu")
    if dtype is None:
        dtype = torch.float32 if place.type == "cpu" else "auto"
    elif isinstance(dtype, str):
        if not isinstance(getattr(torch, dtype, None), torch.dtype):
            raise ValueError(f"dtype must be the name of a torch dtype, got {dtype!r}")
        dtype = getattr(torch, dtype)
    local = bundled().get(name)
    path = str(local.verify() if local else name)
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code, "local_files_only": local is not None}
    if revision is not None:
        options["revision"] = revision
    with _quiet(transformers.utils.logging, always=local is not None):
        with reading("configuration", name):
            config = transformers.AutoConfig.from_pretrained(path, **options)
        yield Source(name, path, config, place, dtype, options)


@contextmanager
def reading(part: str, name: str) -> Generator[None]:
    """Say in one line what of a model could not be read; transformers' own words for it go on for paragraphs."""
    broken = require("safetensors", "transformers").SafetensorError
    try:
        yield
    except (OSError, ValueError, broken) as error:
        if "trust_remote_code" in str(error):
            raise ValueError(
                f"model {name!r} comes with code of its own: trust_remote_code must be True to run it, got False"
            ) from error
        raise ValueError(
            f"model must be a bundled model ({', '.join(bundled()) or 'there is none'}), a folder with a transformers "
            f"model, or a name on the Hugging Face Hub, got {name!r}, whose {part} cannot be read: {first_line(error)}"
        ) from error


def first_line(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def _usable(torch: Any, device: Any) -> Any:
    """The torch device of that name. Raises ValueError unless torch knows it and the machine has it."""
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, NotImplementedError, TypeError) as error:
        raise ValueError(f"device must be one that torch can use here, got {device!r}: {first_line(error)}") from error


@contextmanager
def _quiet(logging: Any, always: bool) -> Generator[None]:
    """Keep transformers' bars and notes off where nobody watches: in pipes and logs, and for bundled models."""
    if sys.stderr.isatty() and not always:
        yield
        return
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
