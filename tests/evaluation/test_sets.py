"""Self-BLEU and MAUVE, numbers of sets of texts."""

import math

import numpy as np
import pytest
from sacrebleu.metrics import BLEU

from sortilege.evaluation.mauve import MINIMUM, mauve
from sortilege.evaluation.self_bleu import self_bleu

TEXTS = [
    "the old house by the sea had stood empty for years",
    "the old house on the hill had stood empty for a long time",
    "nobody came to the door, and the rain went on",
    "the rain went on and on, and nobody came",
]


def test_self_bleu_is_the_corpus_bleu_of_one_text_against_the_others() -> None:
    """Of a text with matches of every order, with which effective order and smoothing have nothing to do."""
    found = self_bleu(TEXTS)
    for i in (0, 1):
        others = [[text] for j, text in enumerate(TEXTS) if j != i]
        assert found[i] == pytest.approx(BLEU().corpus_score([TEXTS[i]], others).score / 100)


def test_self_bleu_by_hand() -> None:
    """Precisions 4/5, 3/4, 2/3, 1/2 and no brevity penalty."""
    wanted = math.exp(sum(map(math.log, (4 / 5, 3 / 4, 2 / 3, 1 / 2))) / 4)
    assert self_bleu(["a b c d e", "a b c d x"])[0] == pytest.approx(wanted)


def test_self_bleu_at_its_ends() -> None:
    assert self_bleu([TEXTS[0]] * 3) == pytest.approx([1, 1, 1])
    unlike = self_bleu(["a b c d e f", "g h i j k l", "m n o p q r"])
    assert np.max(unlike) < 0.1
    assert np.isnan(self_bleu(["alone"])).all()
    assert np.isnan(self_bleu(["", "a b", "a c"])).tolist() == [True, False, False]


def test_references_are_bounded_and_seeded() -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(list("abcdefgh"), 12)) for _ in range(30)]
    few = self_bleu(texts, references=5)
    assert few == pytest.approx(self_bleu(texts, references=5))
    assert np.abs(few - self_bleu(texts, references=5, seed=1)).max() > 0
    assert self_bleu(texts, references=29) == pytest.approx(self_bleu(texts))
    assert np.mean(few) < np.mean(self_bleu(texts))


def test_mauve_of_the_same_and_of_other_texts() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 200, 8)).astype(np.float32)
    away = other + np.asarray([20.0] + [0.0] * 7, dtype=np.float32)
    assert mauve(one, one).value == pytest.approx(1, abs=1e-6)
    near, far = mauve(one, other), mauve(one, away)
    assert near.value > 0.8
    assert far.value < 0.1
    assert near.buckets == 20
    assert mauve(one, other) == near


def test_mauve_of_too_few_texts_says_why() -> None:
    found = mauve(np.zeros((MINIMUM - 1, 3)), np.zeros((200, 3)))
    assert np.isnan(found.value)
    assert f"at least {MINIMUM} texts on either side, got {MINIMUM - 1}" in found.reason


def test_mauve_says_nothing_on_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    """What faiss warns of, too few points a cluster, comes from compiled code."""
    mauve(*np.random.default_rng(0).normal(size=(2, 60, 4)))
    assert capfd.readouterr() == ("", "")
