"""How sequences are compared: against brute force, with no more measured than that takes."""

import math
from itertools import product

import numpy as np
import pytest
from diffusion.oracles import chain
from hypothesis import assume, given
from hypothesis import strategies as st
from search.scorers import Arbitrary, Letters, Recording, answered, bands, judge_of

from sortilege.properties import Bound
from sortilege.search.judge import Candidate, Judge

ORACLE = chain()
WORDS = ["".join(word) for word in product("abc", repeat=3)]


def candidate(text: str, log_prob: float = 0.0) -> Candidate:
    return Candidate(np.asarray(ORACLE.encode(text)), log_prob)


def word(one: Candidate) -> str:
    return ORACLE.decode(one.tokens.tolist())


def asked(bound: Bound) -> list[str]:
    assert isinstance(bound.property, Recording)
    return bound.property.asked


BOUNDS = st.lists(
    st.builds(
        lambda seed, levels, upper, tolerance, nan: Bound(
            str(seed), Arbitrary(levels, seed, nan), upper=upper, tolerance=tolerance
        ),
        st.integers(0, 10**6),
        st.integers(1, 6),
        st.integers(0, 3),
        st.sampled_from([0.0, 0.5, 2.0]),
        st.booleans(),
    ),
    min_size=1,
    max_size=3,
)
CANDIDATES = st.lists(st.builds(candidate, st.sampled_from(WORDS), st.sampled_from([-1.0, -2.0, -3.0])), max_size=12)


@given(bounds=BOUNDS, candidates=CANDIDATES, current=st.sampled_from(WORDS))
def test_ranked_is_brute_force_and_lazy(bounds: list[Bound], candidates: list[Candidate], current: str) -> None:
    below = bands(bounds, current)
    assume(any(below))
    judge = judge_of(ORACLE, bounds, "___")
    ranked = answered(judge.ranked(candidates, below), judge)
    before = [one for one in candidates if bands(bounds, word(one)) < below]
    expected = sorted(before, key=lambda one: (bands(bounds, word(one)), -one.log_prob))
    assert [one.tokens.tolist() for one in ranked] == [one.tokens.tolist() for one in expected]
    assert [one.log_prob for one in ranked] == [one.log_prob for one in expected]
    assert [one.bands for one in ranked] == [bands(bounds, word(one)) for one in expected]
    # Nobody is measured twice; under another bound than the one that is broken, only those that may still come before.
    pivot = next(i for i, band in enumerate(below) if band)
    for b, bound in enumerate(bounds):
        assert len(set(asked(bound))) == len(asked(bound))
        if b != pivot:
            assert all(bands(bounds, text)[pivot] <= below[pivot] for text in asked(bound))
    assert set(asked(bounds[pivot])) == {word(one) for one in candidates}
    assert judge.account.scorer_calls == sum(len(asked(bound)) for bound in bounds)


@given(bounds=BOUNDS, candidates=CANDIDATES, every=st.booleans(), rank=st.integers(1, 14))
def test_without_a_mark_everything_is_ranked(
    bounds: list[Bound], candidates: list[Candidate], every: bool, rank: int
) -> None:
    judge = judge_of(ORACLE, bounds, "___", every=every)
    below = tuple(1.0 for _ in bounds) if every else None
    ranked = answered(judge.ranked(candidates, below), judge)
    expected = sorted(candidates, key=lambda one: (bands(bounds, word(one)), -one.log_prob))
    assert [(word(one), one.log_prob) for one in ranked] == [(word(one), one.log_prob) for one in expected]
    for bound in bounds:
        assert sorted(asked(bound)) == sorted({word(one) for one in candidates})
    if candidates:
        last = {word(one): one for one in ranked}  # a sequence that came twice counts once
        different = sorted(last.values(), key=lambda one: one.rank)
        assert word(judge.best(rank)) == word(different[min(rank, len(different)) - 1])


def test_what_is_nearer_at_a_later_bound_comes_before() -> None:
    bounds = [Bound("a", Letters("a"), lower=2), Bound("b", Letters("b"), lower=2), Bound("c", Letters("c"), upper=1)]
    judge = judge_of(ORACLE, bounds, "___")
    texts = ["adb", "acc", "dbb", "aad", "ddd"]
    ranked = answered(judge.ranked([candidate(text) for text in texts], (1.0, 2.0, 0.0)), judge)
    assert [word(one) for one in ranked] == ["aad", "adb"]
    # "acc" is no nearer than the mark under the first two bounds, and the mark holds the third.
    assert asked(bounds[1]) == ["adb", "acc", "aad"]
    assert asked(bounds[2]) == ["adb", "aad"]


def test_what_is_impossible_is_left_out() -> None:
    scorer = Letters("a")
    judge = judge_of(ORACLE, [Bound("a", scorer, lower=3)], "___")
    ranked = answered(judge.ranked([candidate("aaa", -math.inf), candidate("aab", -5.0)]), judge)
    assert [word(one) for one in ranked] == ["aab"]
    assert scorer.asked == ["aab"]


def test_a_text_is_measured_once_in_the_life_of_a_row() -> None:
    scorer = Letters("a")
    first = judge_of(ORACLE, [Bound("a", scorer, upper=0)], "___")
    again = answered(first.ranked([candidate(text) for text in ("abc", "aaa", "abc")]), first)
    assert [word(one) for one in again] == ["abc", "abc", "aaa"]
    assert scorer.asked == ["abc", "aaa"]
    owner = judge_of(ORACLE, first.bounds, "___")
    owner.account = first.account  # the same row at a later step
    answered(owner.ranked([candidate(text) for text in ("aaa", "cba")], (2.0,)), owner)
    assert scorer.asked == ["abc", "aaa", "cba"]
    assert first.account.scorer_calls == 3


@given(
    bounds=BOUNDS,
    batches=st.lists(CANDIDATES, max_size=4),
    budgets=st.lists(st.none() | st.integers(1, 20), max_size=2),
    every=st.booleans(),
)
def test_budgets_are_kept(
    bounds: list[Bound], batches: list[list[Candidate]], budgets: list[int | None], every: bool
) -> None:
    judge = judge_of(ORACLE, bounds, "___", budgets=budgets, every=every)
    for batch in batches:
        ranked = answered(judge.ranked(batch), judge)
        for one in ranked:
            for b, (bound, band) in enumerate(zip(bounds, one.bands, strict=True)):
                # What the budget did not pay for counts as infinitely far.
                paid = (b, word(one)) in judge.account.known
                assert band == (bands(bounds, word(one))[b] if paid else math.inf)
                assert paid == (word(one) in asked(bound))
    calls = sum(len(asked(bound)) for bound in bounds)
    assert calls == judge.account.scorer_calls
    limit = min([budget for budget in budgets if budget is not None], default=math.inf)
    wanted = {word(one) for batch in batches for one in batch}
    assert calls == min(limit, len(wanted) * len(bounds))
    assert judge.left == limit - calls


def test_distances_are_compared_in_bands() -> None:
    class Valued(Letters):
        def value(self, text: str) -> float:
            return {"aaa": 1.0, "baa": 1.01, "caa": 1.09, "daa": 1.11, "aab": math.nan, "aac": 9.0}[text]

    bound = Bound("value", Valued(""), upper=1.0, tolerance=0.1)
    judge = judge_of(ORACLE, [bound], "___")
    likely = {"aab": -0.1, "daa": -0.2, "caa": -1.0, "baa": -2.0, "aac": -2.5, "aaa": -3.0}
    ranked = answered(judge.ranked([candidate(text, log_prob) for text, log_prob in likely.items()]), judge)
    # Inside comes first however unlikely; 0.01 and 0.09 outside are alike, the likelier first; NaN is infinitely far.
    assert [word(one) for one in ranked] == ["aaa", "caa", "baa", "daa", "aac", "aab"]
    assert [one.bands for one in ranked] == [(0,), (1,), (1,), (2,), (80,), (math.inf,)]
    assert [one.holds for one in ranked] == [True, False, False, False, False, False]
    assert answered(judge.ranked([candidate("baa")], (1.0,)), judge) == []


@pytest.mark.parametrize(
    ("template", "sequence", "text", "prompt"),
    [
        ("____", "abcd", "abcd", ""),
        ("ab__", "abca", "ca", "ab"),
        ("____", "adcb", "ad", ""),  # up to the end token
        ("d___", "dabc", "abc", "d"),  # in the prompt it ends nothing
        ("_d__", "cdab", "cdab", ""),  # nor where it was given
        ("_d___d", "cdadbd", "cdad", ""),
    ],
)
def test_texts_are_measured_without_prompt_and_up_to_their_end(
    template: str, sequence: str, text: str, prompt: str
) -> None:
    judge: Judge = judge_of(ORACLE, [], template, ends=(3,))
    [found] = judge.texts([np.asarray(ORACLE.encode(sequence))])
    assert (found.text, found.prompt) == (text, prompt)
    assert found.tokens == tuple(ORACLE.encode(text))
    [whole] = judge_of(ORACLE, [], template).texts([np.asarray(ORACLE.encode(sequence))])
    assert whole.text == sequence[len(prompt) :]
