"""Bounds: distances to them, and the bands in which distances are compared."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortilege.properties import Bound, Length, Sentiment

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("lower", "upper", "value", "distance"),
    [
        (1.0, 3.0, 2.0, 0.0),
        (1.0, 3.0, 1.0, 0.0),
        (1.0, 3.0, 3.0, 0.0),
        (1.0, 3.0, 0.5, 0.5),
        (1.0, 3.0, 7.0, 4.0),
        (2.0, 2.0, 2.0, 0.0),
        (None, 3.0, -INF, 0.0),
        (None, 3.0, INF, INF),
        (1.0, None, INF, 0.0),
        (1.0, None, -INF, INF),
        (1.0, None, NAN, INF),
        (None, 3.0, NAN, INF),
        (None, None, NAN, 0.0),
        (None, None, 9.0, 0.0),
    ],
)
def test_distance(lower, upper, value, distance):
    assert Bound("x", Length(), lower, upper).distance(value) == distance


@pytest.mark.parametrize(
    ("tolerance", "distance", "band"),
    [(0.5, 0.0, 0), (0.5, 1e-9, 1), (0.5, 0.5, 1), (0.5, 0.51, 2), (0.5, INF, INF), (0, 0.3, 0.3), (None, 0.03, 2)],
)
def test_band(tolerance, distance, band):
    assert Bound("x", Sentiment(), 0.0, tolerance=tolerance).band(distance) == band


@given(st.floats(0), st.floats(0), st.floats(1e-3, 10))
def test_bands_keep_the_order_of_distances(first, second, tolerance):
    bound = Bound("x", Length(), 0.0, tolerance=tolerance)
    near, far = sorted((first, second))
    assert bound.band(near) <= bound.band(far)
    assert (bound.band(near) == 0) == (near == 0)


def test_bounded():
    assert not Bound("x", Length()).bounded
    assert Bound("x", Length(), upper=0.0).bounded
    assert Bound("x", Length(), lower=0.0).bounded


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lower": 3.0, "upper": 1.0}, "lower bound of calm must be at most its upper bound 1, got 3"),
        ({"lower": NAN}, "lower bound of calm must be a number in .* got nan"),
        ({"upper": INF}, "upper bound of calm must be a number in .* got inf"),
        ({"upper": "3"}, "upper bound of calm must be a number in .* got '3'"),
        ({"tolerance": -0.1}, r"tolerance of calm must be a number in \[0, inf\), got -0.1"),
    ],
)
def test_refuses(given, message):
    with pytest.raises(ValueError, match=message):
        Bound("calm", Sentiment(), **given)
