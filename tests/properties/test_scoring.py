"""Whatever a scorer does wrong is one kind of error, which names it."""

import math

import numpy as np
import pytest
import torch

from sortilege.properties import Bound, Function, Length, ScorerError, Text, measured

TEXTS = [Text("a"), Text("bb"), Text("ccc")]
INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([1, 2.5, True], [1.0, 2.5, 1.0]),
        ((NAN, None, -INF), [NAN, NAN, -INF]),
        (np.array([1, 2, 3]), [1.0, 2.0, 3.0]),
        ([np.float32(0.5), np.int64(3), INF], [0.5, 3.0, INF]),
        (torch.tensor([0.5, 1.0, 2.0], dtype=torch.bfloat16, requires_grad=True), [0.5, 1.0, 2.0]),
        ([torch.tensor(1.0), torch.tensor([2.0]), 3], [1.0, 2.0, 3.0]),
    ],
)
def test_numbers_of_all_kinds(given, expected):
    values = measured(Function(lambda texts: given), TEXTS)
    np.testing.assert_equal(values, expected)
    assert all(type(value) is float for value in values)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([1.0, 2.0], "property mine must give one number for each of 3 texts, got 2"),
        ([], "for each of 3 texts, got 0"),
        ([1.0] * 4, "for each of 3 texts, got 4"),
        (1.0, "must give a list of 3 numbers, got 1.0"),
        (None, "must give a list of 3 numbers, got None"),
        ("123", "must give a list of 3 numbers, got '123'"),
        ({0: 1.0, 1: 2.0, 2: 3.0}, "must give a list of 3 numbers, got {"),
        (np.float64(3.0), "must give a list of 3 numbers"),
        ([1.0, "2", 3.0], "must give numbers, got '2' for text 1"),
        ([1.0, 2.0, 3j], "must give numbers, got 3j for text 2"),
        ([1.0, [2.0], 3.0], r"must give numbers, got \[2.0\] for text 1"),
        (np.ones((3, 2)), r"must give numbers, got \[1.0, 1.0\] for text 0"),
        ([1.0, 10**400, 3.0], "must give numbers, got 1000"),
    ],
)
def test_wrong_values(given, message):
    with pytest.raises(ScorerError, match=message) as caught:
        measured(Bound("mine", Function(lambda texts: given), 0.0), TEXTS)
    assert caught.value.property == "mine"


def test_what_is_raised_is_chained():
    def fails(texts):
        raise KeyError("key")

    with pytest.raises(ScorerError, match="property Function failed: KeyError: 'key'") as caught:
        measured(Function(fails), TEXTS)
    assert isinstance(caught.value.__cause__, KeyError)


def test_an_interrupt_is_none_of_its_errors():
    def interrupted(texts):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measured(Function(interrupted), TEXTS)


def test_a_bound_is_measured_by_its_property():
    assert measured(Bound("length", Length("characters"), 0.0), TEXTS) == [1.0, 2.0, 3.0]


def test_nothing_is_asked_about_no_texts():
    assert measured(Function(lambda texts: pytest.fail("asked")), []) == []
