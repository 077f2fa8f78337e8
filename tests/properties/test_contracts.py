"""What holds for every property. One line in the roster each."""

import copy
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from sortilege.properties import (
    PROPERTIES,
    Classifier,
    Distinct,
    Expression,
    Function,
    Keywords,
    Length,
    Perplexity,
    Property,
    Readability,
    Repetition,
    Sentiment,
    Similarity,
    Text,
    Toxicity,
    measured,
    perplexity,
)
from sortilege.properties._encoders import encoder

Folder = Callable[[str], str]
"""The folder of a model of the fixtures by the fixture's name."""


@dataclass(frozen=True)
class Line:
    """make: the property; empty: its value for a text of no characters; tolerance: of values in other batches; blames:
    whether it says where values come from."""

    name: str
    make: Callable[[Folder], Property]
    empty: float = math.nan
    tolerance: float = 0.0
    blames: bool = True

    def __repr__(self) -> str:
        return self.name


ROSTER = (
    Line("perplexity", lambda _: Perplexity(), tolerance=1e-5),
    Line("perplexity-unconditional", lambda _: Perplexity(conditional=False), tolerance=1e-5),
    Line("classifier", lambda folder: Classifier(folder("classifier"), "stormy"), tolerance=1e-5),
    Line("classifier-sigmoid", lambda folder: Classifier(folder("tagger"), "0", "sigmoid"), tolerance=1e-5),
    Line("toxicity", lambda folder: Toxicity(folder("classifier"), "calm"), tolerance=1e-5),
    Line("sentiment", lambda _: Sentiment()),
    Line("readability", lambda _: Readability(), blames=False),
    Line("readability-smog", lambda _: Readability("smog"), blames=False),
    Line("repetition", lambda _: Repetition(n=2)),
    Line("repetition-character", lambda _: Repetition("character", 4, "ngrams")),
    Line("repetition-top", lambda _: Repetition(n=2, share="top")),
    Line("distinct", lambda _: Distinct(1)),
    Line("length", lambda _: Length(), empty=0, blames=False),
    Line("length-characters", lambda _: Length("characters"), empty=0, blames=False),
    Line("length-sentences", lambda _: Length("sentences"), empty=0, blames=False),
    Line("length-tokens", lambda _: Length("tokens"), blames=False),
    Line("expression", lambda _: Expression(r"\bsea\b|\p{L}+(?=!)"), empty=0),
    Line("expression-share", lambda _: Expression("[aeiou]", share=True)),
    Line("keywords", lambda _: Keywords("the sea, house"), empty=0),
    Line("similarity", lambda _: Similarity("the quiet sea"), blames=False),
    Line("similarity-model", lambda folder: Similarity("the sea", folder("embedder")), tolerance=1e-5, blames=False),
    Line("callable", lambda _: Function("math:ulp", each=False), blames=False),
)

TEXTS = [
    Text("The sea was calm, the sea was cold, and I love the sea!", "Once upon a time"),
    Text("a", "Once"),
    Text("No. Horrible!", ""),
    Text("The house. The house. The house. The house. The house. The house. The house.", "", (4, 5, 6)),
    Text("nai\u0308ve cafe\u0301 \U0001f600 \U0001f469\u200d\U0001f469\u200d\U0001f467 wow!", "He said"),
    Text("\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd abc \u202e!", "\u05d4"),
    Text("\u597d\u7684 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \ufdfd \U00010348", ""),
    Text("one\ntwo\r\n\tthree\x00four", "\n"),
    Text("   ", "Once"),
    Text("?! \u2014 ...", "Once"),
]


@pytest.fixture(params=ROSTER, ids=repr)
def line(request: pytest.FixtureRequest) -> Line:
    return request.param


@pytest.fixture
def property(line: Line, request: pytest.FixtureRequest) -> Property:
    made = line.make(request.getfixturevalue)
    return Function(lambda texts: [len(text) / 7 for text in texts]) if line.name == "callable" else made


def test_every_property_has_a_line(request: pytest.FixtureRequest) -> None:
    made = {type(line.make(request.getfixturevalue)) for line in ROSTER}
    assert made == set(PROPERTIES.values())


def test_every_property_describes_itself(property: Property) -> None:
    cls = type(property)
    assert cls.source
    assert "Source:" in (cls.__doc__ or "") or cls in (Classifier, Expression, Keywords, Function)
    assert cls.tolerance >= 0
    assert cls.low < cls.high
    assert cls.unit or cls is Function


def test_one_number_a_text_within_the_range(property: Property) -> None:
    property.load()
    values = measured(property, TEXTS)
    assert len(values) == len(TEXTS)
    assert all(type(value) is float for value in values)
    known = [value for value in values if not math.isnan(value)]
    assert len(known) >= (1 if isinstance(property, Length) and property.of == "tokens" else 6)
    assert all(property.low - 1e-6 <= value <= property.high + 1e-6 for value in known)
    assert measured(property, []) == []


def test_values_do_not_depend_on_batch_mates_or_order(line: Line, property: Property) -> None:
    together = measured(property, TEXTS)
    order = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5]
    shuffled = measured(property, [TEXTS[index] for index in order])
    alone = [measured(property, [text])[0] for text in TEXTS]
    close = {"rtol": line.tolerance, "atol": line.tolerance if line.name.startswith("similarity") else 0}
    np.testing.assert_allclose(shuffled, [together[index] for index in order], **close)
    np.testing.assert_allclose(alone, together, **close)


def test_the_prompt_is_not_measured(line: Line, property: Property) -> None:
    bare = measured(property, [Text(text.text, "", text.tokens) for text in TEXTS])
    if line.name != "perplexity":
        np.testing.assert_allclose(measured(property, TEXTS), bare, rtol=line.tolerance, atol=line.tolerance)


def test_an_empty_text(line: Line, property: Property) -> None:
    expected = 0.0 if line.name == "callable" else line.empty
    np.testing.assert_equal(measured(property, [Text(""), TEXTS[0], Text("", "Once")])[::2], [expected, expected])


def test_blame_lies_within_the_text(line: Line, property: Property) -> None:
    blamed = property.blame(TEXTS)
    assert (blamed is not None) == line.blames
    if blamed is None:
        return
    assert len(blamed) == len(TEXTS)
    assert any(blamed)
    for text, spans in zip(TEXTS, blamed, strict=True):
        for span in spans:
            assert 0 <= span.start < span.end <= len(text.text)
            assert span.weight > 0
            assert math.isfinite(span.weight)
    assert property.blame([Text("")]) == [[]]
    assert property.blame([]) == []


def test_nothing_touches_a_global_generator(property: Property) -> None:
    encoder.cache_clear()
    perplexity._loaded.cache_clear()
    before = random.getstate(), copy.deepcopy(np.random.get_state()), torch.get_rng_state()
    property.load()
    measured(property, TEXTS)
    property.blame(TEXTS)
    after = random.getstate(), np.random.get_state(), torch.get_rng_state()
    assert before[0] == after[0]
    np.testing.assert_equal(before[1], after[1])
    assert torch.equal(before[2], after[2])
