"""The first line of a trace: what was run, on what."""

import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np

from sortilege.trace.schema import SCHEMA
from sortilege.trace.tokens import Record


def header(
    sampler: str | None,
    model: str,
    requests: Sequence[Mapping[str, Any]],
    *,
    kind: str = "tokens",
    driver: str = "sortilege.generate",
    **more: Any,
) -> Record:
    """The first line of a trace.

    sampler: the sampler, written out; None for none.
    requests: an object for each text, as ``request_of`` or ``sortilege.diffusion.trace_requests`` make it.
    kind: "tokens" or "steps". driver: what ran the sampler, as ``library.function``.
    more: whatever else is worth keeping.
    """
    return {
        "schema": SCHEMA,
        "kind": kind,
        "driver": driver,
        "sampler": sampler,
        "model": model,
        "requests": [dict(request) for request in requests],
        "versions": versions(),
        **more,
    }


def request_of(prompt: str | Sequence[int], seed: int, tokenizer: Any) -> Record:
    """What a header says of one text.

    prompt: a text, or token ids. seed: that of this text: s + r for the r-th where an adapter was given an integer s.
    tokenizer: that of transformers.
    """
    tokens = list(tokenizer(prompt)["input_ids"]) if isinstance(prompt, str) else [int(token) for token in prompt]
    return {
        "prompt": prompt if isinstance(prompt, str) else None,
        "prompt_tokens": tokens,
        "text": tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False),
        "seed": seed,
    }


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that are loaded."""
    found = {"python": platform.python_version(), "sortilege": version("sortilege"), "numpy": np.__version__}
    for name in ("torch", "transformers", "jax"):
        if name in sys.modules:
            found[name] = str(sys.modules[name].__version__)
    return found
