"""Python functions as properties, given as they are or by where they are."""

import math

import pytest

from sortilege.properties import Function, Text, measured

TEXTS = [Text("4"), Text("9", "prompt")]


class Scorer:
    @staticmethod
    def doubled(texts):
        return [2 * float(text) for text in texts]


def test_a_function_of_a_list_or_of_each():
    assert measured(Function(lambda texts: [len(texts)] * 2), TEXTS) == [2.0, 2.0]
    assert measured(Function(lambda text: math.sqrt(float(text)), each=True), TEXTS) == [2.0, 3.0]
    assert measured(Function(Scorer.doubled), TEXTS) == [8.0, 18.0]


def test_by_its_place():
    assert measured(Function("builtins:float", each=True), TEXTS) == [4.0, 9.0]
    assert measured(Function("builtins:str.__len__", each=True), TEXTS) == [
        1.0,
        1.0,
    ]


@pytest.mark.parametrize("text", ["", "math", "math:", ":sqrt", "math sqrt", "math:sqrt:x", "math:sqrt()", "a..b:c"])
def test_places_not_written_as_such_are_refused(text):
    with pytest.raises(ValueError, match=r'Function.function must be written "module:attribute", got '):
        Function(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no_such_module:score", "must be importable, got 'no_such_module:score': No module named"),
        ("math:no_such", "must be importable, got 'math:no_such': .*no attribute"),
        ("math:pi", "must be a function, got 'math:pi', a float"),
    ],
)
def test_places_without_a_function_are_refused_when_loaded(text, message):
    with pytest.raises(ValueError, match=message):
        Function(text).load()


def test_other_knobs():
    with pytest.raises(ValueError, match=r"Function.each must be true or false, got 1"):
        Function(len, each=1)
    with pytest.raises(ValueError, match=r"Function.function must be text, got 3"):
        Function(3)
