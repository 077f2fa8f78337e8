"""The n-grams of a text and the places they are at."""

from collections import defaultdict
from typing import NamedTuple

from sortilege.properties._base import Span
from sortilege.properties._words import words

LEVELS = ("word", "character")


class Unit(NamedTuple):
    """A word or character: what it is compared by, and its place in the text."""

    key: str
    start: int
    end: int


def units(text: str, level: str) -> list[Unit]:
    """The words or the characters (code points) of a text, case ignored."""
    places = words(text) if level == "word" else [(at, at + 1) for at in range(len(text))]
    return [Unit(text[start:end].casefold(), start, end) for start, end in places]


def places(found: list[Unit], n: int) -> dict[tuple[str, ...], list[int]]:
    """The n-grams by what they are, each with the indices of the units it starts at."""
    starts: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for start in range(len(found) - n + 1):
        starts[tuple(unit.key for unit in found[start : start + n])].append(start)
    return starts


def repeated(found: list[Unit], n: int) -> list[list[int]]:
    """The starts of each n-gram that occurs more than once."""
    return [starts for starts in places(found, n).values() if len(starts) > 1]


def cover(size: int, ngrams: list[list[int]], n: int) -> list[int]:
    """How many of the given n-grams each of ``size`` units is part of."""
    counts = [0] * size
    for starts in ngrams:
        for start in starts:
            for index in range(start, start + n):
                counts[index] += 1
    return counts


def spans(found: list[Unit], counts: list[int]) -> list[Span]:
    """The units that are part of any of the n-grams, weighted by how many."""
    return [Span(unit.start, unit.end, float(count)) for unit, count in zip(found, counts, strict=True) if count]
