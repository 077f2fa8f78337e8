"""Who calls a logits processor. transformers does not say, and two things hang on it: when a new text begins, and
whether rows may be tried and taken back, or change places. Both are read off the frames of the callers.
"""

import inspect
from typing import Any

from sortilege._extras import require

_REFUSED = {
    "_beam_search": "beam search",
    "_group_beam_search": "beam search",
    "_constrained_beam_search": "beam search",
    "_assisted_decoding": "assisted generation",
}
"""The loops of transformers that a sampler's state cannot follow, by the names of their functions."""


def calling_list(processor: Any) -> Any:
    """The list of processors that is calling ``processor``; None where it is called by hand."""
    frame = inspect.currentframe()
    frame = frame.f_back if frame is not None else None
    while frame is not None and frame.f_locals.get("self") is processor:
        frame = frame.f_back
    caller = frame.f_locals.get("self") if frame is not None else None
    lists = require("transformers.generation.logits_process", "transformers").LogitsProcessorList
    return caller if isinstance(caller, lists) else None


def refused_loop() -> str | None:
    """The kind of decoding this is called from, where a sampler's state cannot follow it."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name in _REFUSED:
            return _REFUSED[frame.f_code.co_name]
        frame = frame.f_back
    return None
