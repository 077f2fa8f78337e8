"""The benchmark of search: what it states follows from what it measured, and it runs."""

import json
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.search import LAZY, LOCAL, METHODS, PLAIN, REFERENCE, Row, entropy, markdown, statements


def rows() -> dict[str, Row]:
    """Measurements by which every statement holds."""
    row = Row("", 16, 1.0, 0.6, 4.0, 200.0, 0.99, 3.8, 300.0, 38.0, 0.5, True)
    known = {method: replace(row, method=method) for method in METHODS}
    known[PLAIN] = replace(row, method=PLAIN, satisfied=0.1, scorer_calls=0.0)
    known[REFERENCE] = replace(row, method=REFERENCE, scorer_calls=3000.0, seconds=2.5)
    return known


def holding(known: dict[str, Row], lazy: Row, same: bool = True) -> list[bool]:
    return [claim["holds"] for claim in statements(known, lazy, same).values()]


def test_each_statement_fails_by_its_own_number() -> None:
    known = rows()
    lazy = known[LAZY]
    assert holding(known, lazy) == [True] * 8
    worse = [
        ({**known, PLAIN: replace(known[PLAIN], satisfied=0.21)}, lazy, True),
        ({**known, LOCAL: replace(known[LOCAL], satisfied=0.94)}, lazy, True),
        ({**known, LOCAL: replace(known[LOCAL], perplexity=221.0)}, lazy, True),
        (known, replace(lazy, satisfied=0.99), True),
        (known, replace(lazy, scorer_calls=301.0), True),
        (known, replace(lazy, seconds=0.51), True),
        ({**known, LAZY: replace(lazy, reused=False)}, lazy, True),
        (known, lazy, False),
    ]
    for place, measured in enumerate(worse):
        assert holding(*measured) == [i != place for i in range(8)]
    less = {**known, LOCAL: replace(known[LOCAL], distinct_4=0.89)}
    assert holding(less, lazy) == [i != 2 for i in range(8)]


def test_the_page_says_what_does_not_hold() -> None:
    known = rows()
    page = markdown(list(known.values()), statements(known, replace(known[LAZY], seconds=1.0), True))
    assert page.count("does not hold") == 1
    assert all(f"| {method} |" in page for method in METHODS)


def test_entropy_is_that_of_the_tokens_of_a_text() -> None:
    assert entropy([1, 1, 2, 2]) == pytest.approx(math.log(2))
    assert entropy([7, 7, 7]) == 0


@pytest.mark.slow
def test_it_runs() -> None:
    command = [sys.executable, "-m", "benchmarks.search", "--texts", "2", "--reference-texts", "1"]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
    last = json.loads(done.stdout.splitlines()[-1])
    assert [result["method"] for result in last["results"]] == list(METHODS)
    assert len(last["claims"]) == 8
