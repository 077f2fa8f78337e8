"""Measuring texts with code that may be anybody's: what it may do wrong becomes one kind of error."""

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from sortilege.properties._base import Bound, Property, Span, Text


class ScorerError(ValueError):
    """A property that failed on texts, or gave something other than one number for each; ``property`` is its name."""

    def __init__(self, property: str, what: str) -> None:
        super().__init__(f"property {property} {what}")
        self.property = property


def measured(scorer: Bound | Property, texts: Sequence[Text]) -> list[float]:
    """One float for each text, in order: NaN where the property gives NaN or None; infinities stay.

    Raises ScorerError, naming the property, where it raises anything (the cause is chained), gives more or fewer values
    than there are texts, or a value that is not a number.
    """
    if not texts:
        return []
    name, property = (scorer.name, scorer.property) if isinstance(scorer, Bound) else (type(scorer).__name__, scorer)
    with _failing(name):
        values = property.measure(texts)
    listed = _listed(values)
    if listed is None:
        raise ScorerError(name, f"must give a list of {len(texts)} numbers, got {values!r}")
    if len(listed) != len(texts):
        raise ScorerError(name, f"must give one number for each of {len(texts)} texts, got {len(listed)}")
    return [_number(name, index, value) for index, value in enumerate(listed)]


def blamed(bound: Bound, texts: Sequence[Text]) -> list[list[Span]]:
    """The spans to blame in each text, in order; none where the property cannot say.

    Raises ScorerError, naming the property, where it raises anything, or says it of more or fewer texts than there are.
    """
    if not texts:
        return []
    with _failing(bound.name):
        spans = bound.property.blame(texts)
    if spans is None:
        return [[] for _ in texts]
    if len(spans) != len(texts):
        raise ScorerError(bound.name, f"must give a list of spans for each of {len(texts)} texts, got {len(spans)}")
    return spans


@contextmanager
def _failing(name: str) -> Generator[None]:
    """Turn whatever is raised into a ScorerError of the property ``name``."""
    try:
        yield
    except Exception as error:
        raise ScorerError(name, f"failed: {type(error).__name__}: {error}") from error


def _listed(values: Any) -> list[Any] | None:
    """The values as a list; None where they are none."""
    if hasattr(values, "tolist"):
        values = values.tolist()  # an array, of any library and on any device
    return None if isinstance(values, str | bytes | dict) or not isinstance(values, Sequence) else list(values)


def _number(name: str, index: int, value: Any) -> float:
    if value is None:
        return math.nan
    if not isinstance(value, str | bytes) and hasattr(value, "__float__"):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise ScorerError(name, f"must give numbers, got {value!r} for text {index}")
