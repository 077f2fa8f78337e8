"""Words and their places in a text, by Unicode's rules (UAX #29) as the ``regex`` package has them."""

from functools import cache
from typing import Any

from sortilege._extras import require


def words(text: str) -> list[tuple[int, int]]:
    """Where the words of a text start and end: "can't" and "3.14" are one word, so is each ideograph; "-" is none."""
    return [match.span() for match in _pattern().finditer(text)]


@cache
def _pattern() -> Any:
    regex = require("regex", "properties")
    return regex.compile(r"\b(?=\w).+?\b", regex.WORD | regex.DOTALL)
