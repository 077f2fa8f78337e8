"""What search refuses, before any work; and scorers that fail or have nothing to say."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from diffusion.oracles import chain
from search.scorers import Letters

from sortilege.diffusion import Denoised
from sortilege.properties import Bound, Function, Property, ScorerError, Span, Text
from sortilege.search import Search, search, search_each


def run(bounds: Sequence[Bound], **settings: Any) -> list[Denoised]:
    return search(chain(), "", bounds, Search(**settings), length=8, policy="random", num_samples=2)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"method": "magic"},
            "Search.method must be one of 'none', 'best-of-n', 'local-search', 'exhaustive', 'tree', got 'magic'",
        ),
        ({"sampling_method": "typical"}, "Search.sampling_method must be one of .*, got 'typical'"),
        ({"edit_revealed": "always"}, "Search.edit_revealed must be one of 'never', 'remask', got 'always'"),
        ({"alpha": -0.1}, r"Search.alpha must be .*0.*, got -0.1"),
        ({"tau": math.nan}, r"Search.tau must be .*, got nan"),
        ({"k": 0}, "Search.k must be .*1.*, got 0"),
        ({"num_x_theta_samples": 0}, "Search.num_x_theta_samples must be .*, got 0"),
        ({"best_sequence_rank": 0}, "Search.best_sequence_rank must be .*, got 0"),
        ({"every": 0}, "Search.every must be .*, got 0"),
        ({"last": 1.5}, "Search.last must be .*, got 1.5"),
        ({"sweeps": 0}, "Search.sweeps must be .*, got 0"),
        ({"budget": -3}, "Search.budget must be .*, got -3"),
        ({"step_budget": 2.5}, "Search.step_budget must be .*, got 2.5"),
        ({"chunk": 0}, "Search.chunk must be .*, got 0"),
        ({"width": 0}, "Search.width must be .*, got 0"),
        ({"branches": 0}, "Search.branches must be .*, got 0"),
    ],
)
def test_settings_out_of_range(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Search(**settings)


def test_bounds_of_one_name_and_bounds_that_cross() -> None:
    with pytest.raises(ValueError, match="bounds must have different names, got a, a"):
        search_each(chain(), "", [Bound("a", Letters("a"), upper=1), Bound("a", Letters("b"))])
    with pytest.raises(ValueError, match="lower bound of a must be at most its upper bound 1, got 2"):
        Bound("a", Letters("a"), lower=2, upper=1)


def test_everything_is_checked_before_any_work() -> None:
    oracle, scorer = chain(), Letters("a")
    bounds = [Bound("a", scorer, upper=0)]
    for bad in (
        {"batch_size": 0},
        {"num_samples": 0},
        {"steps": 0},
        {"length": 0},
        {"policy": "magic"},
        {"schedule": "magic"},
        {"sampler": "magic"},
        {"seed": -1},
        {"prompt": "abcdabcdabcd", "length": 4},
    ):
        for method in ("local-search", "tree"):
            with pytest.raises(ValueError, match=r"magic|batch_size|num_samples|steps|length|seed|prompt"):
                search_each(oracle, bounds=bounds, settings=Search(method), **bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="importable"):
        search_each(oracle, bounds=[Bound("f", Function("nowhere:nothing"))])
    assert (oracle.seen, scorer.asked) == ([], [])


METHODS = ("none", "best-of-n", "local-search", "exhaustive", "tree")


@pytest.mark.parametrize("method", METHODS)
def test_scorers_that_fail(method: str) -> None:
    def broken(texts: list[str]) -> list[float]:
        raise RuntimeError("out of memory")

    for function, said in (
        (broken, "property bad failed: RuntimeError: out of memory"),
        (lambda texts: [1.0] * (len(texts) + 1), "property bad must give one number for each of .* texts, got"),
        (lambda texts: ["high"] * len(texts), "property bad must give numbers, got 'high'"),
        (lambda texts: 1.0, "property bad must give a list of"),
    ):
        for upper in (0.5, None):  # one that is only reported, too
            with pytest.raises(ScorerError, match=said) as caught:
                run(
                    [Bound("good", Letters("a"), upper=0), Bound("bad", Function(function), upper=upper)], method=method
                )
            assert caught.value.property == "bad"


@dataclass(frozen=True)
class Accusing(Property):
    """A property whose blame is wrong."""

    wrong: str

    def measure(self, texts: Sequence[Text]) -> Sequence[float]:
        return [1.0 for _ in texts]

    def blame(self, texts: Sequence[Text]) -> list[list[Span]] | None:
        if self.wrong == "raises":
            raise KeyError("span")
        return {
            "many": [[] for _ in range(len(texts) + 1)],
            "none": None,
            "beyond": [[Span(-9, 99, 1.0)] for _ in texts],
        }[self.wrong]


def test_blame_that_fails() -> None:
    with pytest.raises(ScorerError, match="property bad failed: KeyError"):
        run([Bound("bad", Accusing("raises"), upper=0)])
    with pytest.raises(ScorerError, match="property bad must give a list of spans for each of 2 texts, got 3"):
        run([Bound("bad", Accusing("many"), upper=0)])
    for harmless in ("none", "beyond"):
        for text in run([Bound("odd", Accusing(harmless), upper=0)]):
            assert text.search.distances == {"odd": 1.0}


@pytest.mark.parametrize("method", METHODS)
def test_texts_without_a_value_are_infinitely_far(method: str) -> None:
    nothing = Function(lambda texts: [None] * len(texts))
    for text in run([Bound("nothing", nothing, lower=0), Bound("a", Letters("a"), upper=2)], method=method):
        assert math.isnan(text.search.values["nothing"])
        assert text.search.distances["nothing"] == math.inf
        assert not text.search.satisfied
    for text in run([Bound("nothing", nothing)], method=method):
        assert math.isnan(text.search.values["nothing"])
        assert text.search.satisfied  # nothing was asked for


def test_where_some_texts_have_no_value_the_others_are_found() -> None:
    some = Function(lambda text: float(text.count("b")) if text[0] != "d" else math.nan, each=True)
    texts = search(chain(), "", [Bound("b", some, lower=2)], Search(), length=8, policy="random", num_samples=10)
    assert all(text.search.satisfied and text.text[0] != "d" for text in texts)
