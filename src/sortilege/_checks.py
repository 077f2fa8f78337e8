"""Errors at the door: every message names the argument, its range and the value that came."""

import math
from collections.abc import Iterable
from typing import Any


def within(name: str, value: Any, low: float, high: float, *, open_low: bool = False, open_high: bool = False) -> float:
    """Return ``value`` if it is a real number in the range from ``low`` to ``high``.

    Raises ValueError naming ``name``, the range and the value; infinite bounds are always open.
    """
    open_low, open_high = open_low or math.isinf(low), open_high or math.isinf(high)
    real = isinstance(value, int | float) and not isinstance(value, bool)
    inside = real and (value > low if open_low else value >= low) and (value < high if open_high else value <= high)
    if not inside:
        left, right = "(" if open_low else "[", ")" if open_high else "]"
        raise ValueError(f"{name} must be a number in {left}{low:g}, {high:g}{right}, got {value!r}")
    return value


def whole(name: str, value: Any, low: int, high: int | None = None) -> int:
    """Return ``value`` if it is an integer from ``low`` to ``high`` (no upper limit when None)."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low or (high is not None and value > high):
        limit = f"in [{low}, {high}]" if high is not None else f">= {low}"
        raise ValueError(f"{name} must be an integer {limit}, got {value!r}")
    return value


def one_of(name: str, value: Any, choices: Iterable[Any]) -> Any:
    """Return ``value`` if it is one of ``choices``."""
    choices = list(choices)
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, got {value!r}")
    return value
