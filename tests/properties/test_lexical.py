"""Properties that need no model, against definitions written out and values worked out by hand."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sortilege.properties import (
    Distinct,
    Expression,
    Keywords,
    Length,
    Readability,
    Repetition,
    ScorerError,
    Sentiment,
    Similarity,
    Span,
    Text,
    expression,
    measured,
)


def value(property, text, **given):
    return measured(property, [Text(text, **given)])[0]


def blamed(property, text):
    return [(text[start:end], weight) for start, end, weight in property.blame([Text(text)])[0]]


LETTERS = st.lists(st.sampled_from(["a", "b", "cc", "ddd"]), min_size=1, max_size=14)


@given(LETTERS, st.integers(1, 4))
def test_repetition_of_words_by_brute_force(words, n):
    text = ", ".join(words)
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    counts = Counter(grams)

    def share(wanted):
        covered = {j for i, gram in enumerate(grams) if gram in wanted for j in range(i, i + n)}
        return sum(len(words[j]) for j in covered) / sum(map(len, words))

    again = [gram for gram, count in counts.items() if count > 1]
    assert value(Repetition(n=n), text) == pytest.approx(share(again))
    most = [gram for gram in again if counts[gram] == max(counts.values())]
    assert value(Repetition(n=n, share="top"), text) == pytest.approx(max((share([g]) for g in most), default=0))
    seq_rep = 1 - len(counts) / len(grams) if grams else 0.0
    assert value(Repetition(n=n, share="ngrams"), text) == pytest.approx(seq_rep)
    assert value(Distinct(n), text) == pytest.approx(1 - seq_rep)


@given(st.text("ab ", min_size=1, max_size=16), st.integers(1, 5))
def test_repetition_of_characters_by_brute_force(text, n):
    grams = [text[i : i + n] for i in range(len(text) - n + 1)]
    covered = {j for i, gram in enumerate(grams) if grams.count(gram) > 1 for j in range(i, i + n)}
    assert value(Repetition("character", n), text) == pytest.approx(len(covered) / len(text))
    assert value(Distinct(n, "character"), text) == pytest.approx(len(set(grams)) / len(grams) if grams else 1)


def test_repetition_by_hand():
    text = "The sea, the sea! A ship."
    assert value(Repetition(n=2), text) == 12 / 17  # the sea the sea, of "the sea the sea a ship"
    assert value(Repetition(n=2, share="top"), text) == 12 / 17
    assert value(Repetition(n=2, share="ngrams"), text) == pytest.approx(1 / 5)
    assert value(Repetition(n=7), text) == 0
    assert blamed(Repetition(n=2), text) == [("The", 1), ("sea", 1), ("the", 1), ("sea", 1)]
    assert blamed(Repetition(n=1, share="top"), "a b a c b a") == [("a", 1)] * 3
    assert blamed(Distinct(2), "a a a b") == [("a", 1), ("a", 2), ("a", 1)]
    assert value(Distinct(2), "a a a b") == 2 / 3
    assert math.isnan(value(Repetition(), "?!"))


def test_length_by_hand():
    text = "Well-kept ships can't sink. They don't \U0001f600 cost 3.50 pounds!"
    assert value(Length(), text) == 10
    assert value(Length("characters"), text) == len(text)
    assert value(Length("sentences"), text) == 2
    assert value(Length("characters"), "e\u0301") == 2
    assert value(Length(), "e\u0301te\u0301 \u05e9\u05dc\u05d5\u05dd") == 2
    assert value(Length("tokens"), text, tokens=(5, 6, 7)) == 3
    assert value(Length("tokens"), "", tokens=()) == 0
    assert math.isnan(value(Length("tokens"), text))


def test_expression_by_hand():
    text = "The sea. Seaside; sea!"
    assert value(Expression(r"\bsea\b"), text) == 2
    assert value(Expression(r"(?i)sea"), text) == 3
    assert value(Expression(r"\p{Lu}"), text) == 2
    assert value(Expression("sea", share=True), "sea of") == 0.5
    assert value(Expression("x*"), "ab") == 3  # empty matches count, and have no characters to blame
    assert blamed(Expression("x*"), "axx") == [("xx", 1)]
    assert blamed(Expression("x+", share=True), "axxbx") == [("xx", 2), ("x", 1)]
    assert Expression("b").blame([Text("abc")]) == [[Span(1, 2, 1.0)]]


def test_an_expression_that_backtracks_without_end_is_an_error(monkeypatch):
    monkeypatch.setattr(expression, "SECONDS", 0.05)
    with pytest.raises(ScorerError, match=r"the expression '.*' takes more than 0.05 seconds over a text of 41 char"):
        value(Expression(r"^(a|aa|a?a)+$"), "a" * 40 + "!")


@pytest.mark.parametrize("pattern", ["(", "[a", "*", r"(?P<x>a)(?P<", "a{2,1}"])
def test_patterns_that_are_none_are_refused(pattern):
    with pytest.raises(ValueError, match=r"Expression.pattern must be a regular expression, got "):
        Expression(pattern)


def test_keywords_by_hand():
    text = "The SEA was calm; the\nquiet  sea-side town. Stra\u00dfe C++"
    assert value(Keywords("sea"), text) == 1
    assert value(Keywords("sea, calm, storm"), text) == 2
    assert value(Keywords("sea, Sea,,"), text) == 1
    assert value(Keywords("quiet sea"), text) == 1
    assert value(Keywords("seas, ea, own"), text) == 0
    assert value(Keywords("STRASSE"), text) == 1
    assert value(Keywords("c++, a.m"), text) == 1
    assert blamed(Keywords("calm, sea"), text) == [("SEA", 1), ("calm", 1), ("sea", 1)]


def test_sentiment_has_the_known_direction():
    good, bad, not_good, plain = measured(
        Sentiment(), [Text("I love this."), Text("I hate this."), Text("I do not love this."), Text("It is a table.")]
    )
    assert good > 0.5
    assert bad < -0.5
    assert not_good < 0 == plain
    # By hand: "love" has valence 3.2, and 3.2 / sqrt(3.2^2 + 15) = 0.6369.
    assert good == pytest.approx(3.2 / math.sqrt(3.2**2 + 15), abs=5e-5)


def test_sentiment_blames_words_of_the_lexicon():
    assert blamed(Sentiment(), "I (love) it, :( horrible!") == [("love", 3.2), (":(", 1.9), ("horrible", 2.5)]
    assert [word for word, _ in blamed(Sentiment(), "so\U0001f60d nice")] == ["\U0001f60d", "nice"]


# 2 sentences, 12 words of one syllable, 37 strokes with the full stops.
PLAIN = "The cat sat on the mat. The dog ran to the door."
# 1 sentence, 5 words, 2 + 4 + 1 + 4 + 3 = 14 syllables, 3 words of three and more.
HARD = "Modern generations like television companies."


@pytest.mark.parametrize(
    ("formula", "text", "expected"),
    [
        ("flesch-kincaid", PLAIN, 0.39 * 6 + 11.8 * 1 - 15.59),
        ("flesch-reading-ease", PLAIN, 206.835 - 1.015 * 6 - 84.6 * 1),
        ("gunning-fog", PLAIN, 0.4 * 6),
        ("automated-readability", PLAIN, 4.71 * 37 / 12 + 0.5 * 6 - 21.43),
        ("flesch-kincaid", HARD, 0.39 * 5 + 11.8 * 14 / 5 - 15.59),
        ("flesch-reading-ease", HARD, 206.835 - 1.015 * 5 - 84.6 * 14 / 5),
        ("gunning-fog", HARD, 0.4 * (5 + 100 * 3 / 5)),
        ("smog", HARD, 1.043 * math.sqrt(3 * 30 / 1) + 3.1291),
    ],
)
def test_readability_by_hand(formula, text, expected):
    assert value(Readability(formula), text) == pytest.approx(expected, abs=1e-9)


def indel(first, second):
    """2 LCS / (length of both), by the textbook recurrence."""
    table = np.zeros((len(first) + 1, len(second) + 1), int)
    for i, j in itertools.product(range(len(first)), range(len(second))):
        best = max(table[i, j + 1], table[i + 1, j])
        table[i + 1, j + 1] = table[i, j] + 1 if first[i] == second[j] else best
    return 2 * table[-1, -1] / (len(first) + len(second))


@given(st.text("ab\u00e9\U0001f600", min_size=1, max_size=12), st.text("ab\u00e9\U0001f600", min_size=1, max_size=12))
def test_similarity_is_that_of_the_longest_common_subsequence(text, reference):
    assert value(Similarity(reference), text) == pytest.approx(indel(text, reference))


def test_similarity_of_embeddings(embedder):
    """The cosine of mean hidden states, one text at a time; a long one in pieces of the context."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(embedder).eval(), AutoTokenizer.from_pretrained(embedder)

    def embedded(text):
        tokens = tokenizer(text)["input_ids"]
        with torch.no_grad():
            hidden = [model(torch.tensor([tokens[i : i + 40]])).last_hidden_state[0] for i in range(0, len(tokens), 40)]
        return torch.cat(hidden).double().mean(0).numpy()

    reference = "the sea"
    texts = ["the sea", "a ship", "A long text, of which the model can read only a part at once: sixty and more."]
    target = embedded(reference)
    expected = [x @ target / np.linalg.norm(x) / np.linalg.norm(target) for x in map(embedded, texts)]
    values = measured(Similarity(reference, embedder), [Text(text) for text in texts])
    np.testing.assert_allclose(values, expected, atol=1e-5)
    assert values[0] == pytest.approx(1, abs=1e-6)
    assert expected[1] < 0.99
