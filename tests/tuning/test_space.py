"""The space of a method is read off the fields: ranges, names, and everything drawn from it makes a sampler."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortilege._knobs import knobs
from sortilege.samplers import AdaptiveDirichlet, LocallyTypical, MinP, Temperature, TopK, chain
from sortilege.samplers.registry import OURS
from sortilege.tuning.space import Dimension, InfeasibleError, Space, read_method

METHODS = [
    *OURS,
    "temperature(0.8), top-p ~ top_p=0.8:1",
    "adaptive-dirichlet(a=0, b=0, truncation=min-p(0.02)) ~ probs_ent_offset, truncation.min_p=0.005:0.1",
    "adaptive-dirichlet(truncation=(min-p, top-k)) ~ truncation.min_p, truncation.k=5:50:log, softmax_temperature",
    "min-p, adaptive-dirichlet(truncation=min-p) ~ min-p.min_p, adaptive-dirichlet.truncation.min_p",
    "temperature, top-k, temperature ~ temperature.temperature=0.5:1, temperature_2.temperature=1:2",
    "locally-typical ~ mass=0.2:0.9:linear, k=none|10|50",
    "top-k ~ k=1:3",
    "temperature(0.8) ~ none",
]


def values_of(space: Space) -> st.SearchStrategy[dict[str, Any]]:
    """Any point of the space, ends included."""

    def one(dimension: Dimension) -> st.SearchStrategy[Any]:
        if dimension.choices:
            return st.sampled_from(dimension.choices)
        if dimension.knob.kind == "int":
            return st.integers(int(dimension.low), int(dimension.high))
        return st.floats(dimension.low, dimension.high)

    return st.fixed_dictionaries({dimension.path: one(dimension) for dimension in space.dimensions})


@pytest.mark.parametrize("method", METHODS)
def test_every_point_makes_the_sampler_it_says(method: str) -> None:
    space = read_method(method)

    @settings(max_examples=30, deadline=None)
    @given(values_of(space))
    def check(values: dict[str, Any]) -> None:
        try:
            sampler = space.sampler(values)
        except InfeasibleError as error:
            reason = str(error)
        else:
            reason = ""
        if reason:
            assert values["a"] + values["b"] >= 1
            assert "a + b" in reason
            return
        for dimension in space.dimensions:
            found: Any = sampler
            place = dimension.place
            for number, knob in zip(place[::2], place[1::2], strict=True):
                found = getattr(found, "samplers", (found,))[number]
                found = getattr(found, knob)
            assert found == values[dimension.path]

    check()


@pytest.mark.parametrize("method", METHODS)
def test_the_text_says_it_all(method: str) -> None:
    space = read_method(method)
    assert read_method(space.text) == space


@pytest.mark.parametrize("name", OURS)
def test_all_that_has_a_range_varies_by_default(name: str) -> None:
    space = read_method(name)
    tuned = {knob: described for knob, described in knobs(OURS[name]).items() if described.tune is not None}
    assert {one.path for one in space.dimensions} == set(tuned)
    for one in space.dimensions:
        assert (one.low, one.high) == tuned[one.path].tune
        assert one.log == tuned[one.path].log
        one.knob.check(one.path, one.low)
        one.knob.check(one.path, one.high)


def test_what_is_written_does_not_vary() -> None:
    def paths(method: str) -> list[str]:
        return [one.path for one in read_method(method).dimensions]

    assert paths("dynamic-temperature(0.9)") == ["range", "exponent"]
    assert paths("min-p(0.05)") == []
    assert paths("min-p(0.05), top-p") == ["top_p"]
    assert "truncation.min_p" in paths("adaptive-dirichlet(0.1, truncation=min-p)")
    assert "a" not in paths("adaptive-dirichlet(0.1, truncation=min-p)")
    assert "truncation.min_p" not in paths("adaptive-dirichlet(truncation=min-p(min_p=0.1))")
    assert paths("temperature(0.8) ~ none") == []


def test_values_go_where_their_paths_say() -> None:
    space = read_method(
        "min-p, adaptive-dirichlet(truncation=(min-p, top-k)) ~ min_p, truncation.min_p, truncation.k=2:9"
    )
    made = space.sampler({"min_p": 0.01, "truncation.min_p": 0.2, "truncation.k": 7})
    assert made == chain(MinP(0.01), AdaptiveDirichlet(truncation=chain(MinP(0.2), TopK(7))))
    typical = read_method("locally-typical ~ k=none|3")
    assert typical.sampler({"k": None}) == LocallyTypical()
    assert typical.sampler({"k": 3}) == LocallyTypical(k=3)


def test_an_infeasible_combination_says_why() -> None:
    space = read_method("adaptive-dirichlet ~ a, b")
    with pytest.raises(InfeasibleError, match=r"a \+ b = 1.4 >= 1"):
        space.sampler({"a": 0.7, "b": 0.7})
    # The values take effect together: a base of b = 0.8 does not speak against a = 0.8.
    assert read_method("adaptive-dirichlet(b=0.8) ~ a, b").sampler({"a": 0.8, "b": 0.0}).a == 0.8  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "values must be given for the dimensions min_p, got none"),
        ({"min_p": 0.1, "k": 3}, "got min_p, k"),
        ({"min_p": 0.5}, "min_p must be in 0.001:0.3:log, got 0.5"),
        ({"min_p": math.nan}, "got nan"),
    ],
)
def test_values_outside_the_space_are_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_method("min-p").sampler(values)


def test_values_are_rounded_within_the_range() -> None:
    (one,) = read_method("min-p ~ min_p=0.0123456789:0.1").dimensions
    assert one.rounded(0.023456789) == 0.023457
    assert one.rounded(0.0123456789) == 0.012346
    (one,) = read_method("min-p ~ min_p=0.0123442:0.1").dimensions
    assert one.rounded(0.0123442) == 0.0123442  # 0.012344 is not within
    (whole,) = read_method("top-k ~ k=1:999999").dimensions
    assert whole.rounded(123456) == 123456
    (choice,) = read_method("min-p ~ min_p=0.0123456789|0.1").dimensions
    assert choice.rounded(0.0123456789) == 0.0123456789


def test_points_are_even_on_the_scale() -> None:
    (log,) = read_method("min-p ~ min_p=0.001:0.1").dimensions
    assert log.points(3) == pytest.approx([0.001, 0.01, 0.1], rel=1e-12)
    assert log.points(3)[0] == 0.001
    assert log.points(3)[-1] == 0.1
    (linear,) = read_method("temperature ~ temperature=0.5:1.5").dimensions
    assert linear.points(5) == pytest.approx([0.5, 0.75, 1.0, 1.25, 1.5])
    (whole,) = read_method("top-k ~ k=1:4").dimensions
    assert whole.points(20) == [1, 2, 3, 4]
    (choice,) = read_method("adaptive-dirichlet ~ softmax_temperature").dimensions
    assert choice.points(7) == list(choice.knob.choices)


@pytest.mark.parametrize(
    ("method", "words"),
    [
        ("min-p ~ k", "no knob 'k' to vary; known: min_p"),
        ("min-p ~", "no knob ''"),
        ("min-q ~ min_p", "unknown sampler 'min-q'"),
        (
            "temperature, temperature ~ temperature",
            "write temperature.temperature or temperature_2.temperature",
        ),
        ("locally-typical ~ k", "k has no range of its own to vary in; write k=LOW:HIGH, within integer in"),
        ("adaptive-dirichlet ~ truncation", "truncation cannot vary"),
        ("min-p ~ min_p=0:2", r"min_p must be a number in \[0, 1\], got 2.0"),
        ("top-p ~ top_p=0:1", r"top_p must be a number in \(0, 1\], got 0.0"),
        ("top-k ~ k=1.5:3", "k must be an integer >= 1, got '1.5'"),
        ("min-p ~ min_p=0.2:0.1", "a lower end below its upper end, got '0.2:0.1'"),
        ("min-p ~ min_p=0.2:nan", r"min_p must be a number in \[0, 1\], got nan"),
        ("min-p ~ min_p=0:0.1:log", "a lower end > 0 on a logarithmic scale"),
        ("min-p ~ min_p=0.1:0.2:cubic", "the scale of min_p must be one of 'log', 'linear', got 'cubic'"),
        ("min-p ~ min_p=0.1", "min_p must be written min_p=LOW:HIGH"),
        ("min-p ~ min_p=0.1:0.2, min_p", "min_p was given twice"),
        ("min-p ~ min_p=0.1|0.1", "two or more choices, all different"),
        ("adaptive-dirichlet ~ softmax_temperature=0:1", r"softmax_temperature=CHOICE\|CHOICE"),
        ("adaptive-dirichlet ~ softmax_temperature=pre|post", "softmax_temperature must be one of 'pre', 'emwa'"),
    ],
)
def test_what_is_no_space_is_refused(method: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_method(method)


def test_nothing_may_vary() -> None:
    space = read_method("temperature(0.8) ~ none")
    assert space.dimensions == ()
    assert space.sampler({}) == Temperature(0.8)
