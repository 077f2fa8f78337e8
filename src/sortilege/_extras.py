"""Packages that not everyone has installed: imported on use, and a missing one says what to type."""

import importlib
from typing import Any


def require(module: str, extra: str) -> Any:
    """The module of that name. Raises ImportError naming the extra of sortilege that brings it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
            raise
        raise ImportError(f'{error.name} is not installed; pip install "sortilege[{extra}]"', name=error.name) from None
