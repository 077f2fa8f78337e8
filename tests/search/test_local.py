"""Local search: where it ends, what it may change, in what order it tries, and its exhaustive reference."""

from collections.abc import Generator
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from diffusion.oracles import Oracle, chain
from hypothesis import given
from hypothesis import strategies as st
from search.scorers import Arbitrary, Blaming, Letters, answered, bands, judge_of

from sortilege.properties import Bound
from sortilege.search.judge import Candidate, Judge
from sortilege.search.local import Around, Neighbours, climb, exhaustive

ORACLE = chain()
LENGTH = 4


class Fixed:
    """Candidates that do not depend on the text: the ``k`` likeliest by random probabilities (L, tokens)."""

    def __init__(self, seed: int, k: int, length: int = LENGTH) -> None:
        rng = np.random.default_rng(seed)
        self.log_prob = np.log(rng.dirichlet(np.ones(4), size=length))
        self.ids = np.argsort(-self.log_prob, axis=1)[:, :k]
        self.valid = rng.random(self.ids.shape) < 0.9
        self.came: list[str] = []

    def __call__(self, tokens: np.ndarray, asked: np.ndarray) -> Generator[Any, Any, Neighbours]:
        self.came.append(ORACLE.decode(tokens.tolist()))
        ids = self.ids[asked]
        log_prob = np.take_along_axis(self.log_prob[asked], ids, axis=1)
        return Neighbours(asked, ids, self.valid[asked], log_prob, self.log_prob[asked, tokens[asked]])
        yield

    def whole(self, text: str) -> float:
        return float(self.log_prob[np.arange(len(text)), ORACLE.encode(text)].sum())

    def near(self, text: str, editable: list[int]) -> set[str]:
        """The substitutions there are."""
        found = set[str]()
        for slot in editable:
            for column in np.flatnonzero(self.valid[slot]):
                found.add(text[:slot] + "abcd"[self.ids[slot, column]] + text[slot + 1 :])
        return found - {text}


def started(judge: Judge, around: Fixed, text: str) -> Candidate:
    one = Candidate(np.asarray(ORACLE.encode(text)), around.whole(text))
    return answered(judge.ranked([one]), judge)[0]


def word(one: Candidate) -> str:
    return ORACLE.decode(one.tokens.tolist())


TEXT = st.text("abcd", min_size=LENGTH, max_size=LENGTH)
SEEDS = st.integers(0, 10**6)


def arbitrary(seed: int, count: int) -> list[Bound]:
    return [Bound(str(i), Arbitrary(12, seed + i, nan=True), upper=i) for i in range(count)]


@given(
    seed=SEEDS,
    text=TEXT,
    count=st.integers(1, 3),
    k=st.integers(1, 4),
    editable=st.permutations(range(LENGTH)).flatmap(lambda order: st.integers(0, LENGTH).map(lambda n: order[:n])),
    chunk=st.sampled_from([1, 3, 100]),
    at_once=st.sampled_from([None, 1, 2]),
    every=st.booleans(),
)
def test_no_neighbour_is_better_in_the_end(
    seed: int,
    text: str,
    count: int,
    k: int,
    editable: list[int],
    chunk: int,
    at_once: int | None,
    every: bool,
) -> None:
    bounds, around = arbitrary(seed, count), Fixed(seed, k)
    judge = judge_of(ORACLE, bounds, every=every)
    start = started(judge, around, text)
    slots = np.asarray(editable, dtype=int)
    chosen = answered(climb(judge, start, slots, around, chunk=chunk, sweeps=None, at_once=at_once), judge)
    last = word(chosen)
    assert chosen.bands == bands(bounds, last)
    assert chosen.log_prob == pytest.approx(around.whole(last), abs=1e-9)
    if chosen.holds or not editable:
        assert chosen.bands == min(chosen.bands, start.bands)
    else:
        assert all(bands(bounds, other) >= chosen.bands for other in around.near(last, editable))
    # On the way, every text is a neighbour of the one before and strictly better; nothing else ever changes.
    way = [here for here, there in pairwise([text, *around.came, last]) if here != there] + [last]
    for here, there in pairwise(way):
        assert there in around.near(here, editable)
        assert bands(bounds, there) < bands(bounds, here)
    assert judge.account.moves == len(way) - 1
    for bound in bounds:
        assert isinstance(bound.property, Arbitrary)
        assert len(set(bound.property.asked)) == len(bound.property.asked)


@given(seed=SEEDS, text=TEXT, budget=st.integers(1, 20), sweeps=st.integers(1, 3), chunk=st.sampled_from([1, 4]))
def test_budgets_and_sweeps_end_it(seed: int, text: str, budget: int, sweeps: int, chunk: int) -> None:
    bounds, around = [Bound("one", Arbitrary(1000, seed), upper=0)], Fixed(seed, 4)
    judge = judge_of(ORACLE, bounds, budgets=[budget])
    start = started(judge, around, text)
    order = np.arange(LENGTH)
    chosen = answered(climb(judge, start, order, around, chunk=chunk, sweeps=sweeps), judge)
    assert chosen.bands <= start.bands
    assert chosen.bands == bands(bounds, word(chosen))
    assert judge.account.scorer_calls <= budget
    assert judge.account.sweeps <= sweeps
    free = judge_of(ORACLE, bounds)
    further = answered(climb(free, start, order, around, chunk=chunk, sweeps=None), free)
    assert (further.bands < chosen.bands) <= (judge.left == 0 or judge.account.sweeps == sweeps)


def test_what_holds_is_left_alone() -> None:
    around = Fixed(0, 4)
    scorer = Letters("a")
    judge = judge_of(ORACLE, [Bound("a", scorer, upper=2)])
    start = started(judge, around, "abac")
    assert answered(climb(judge, start, np.arange(LENGTH), around, chunk=4, sweeps=None), judge) is start
    assert (scorer.asked, judge.account.sweeps, around.came) == (["abac"], 0, [])


@given(seed=SEEDS, text=TEXT, count=st.integers(1, 2), k=st.integers(1, 4))
def test_the_reference_measures_everything_and_takes_the_best(seed: int, text: str, count: int, k: int) -> None:
    bounds, around = arbitrary(seed, count), Fixed(seed, k)
    judge = judge_of(ORACLE, bounds, every=True)
    start = started(judge, around, text)
    editable = [0, 2, 3]
    chosen = answered(exhaustive(judge, start, np.asarray(editable), around), judge)
    near = around.near(text, editable)
    best = min([text, *near], key=lambda one: (bands(bounds, one), one != text, -around.whole(one)))
    assert word(chosen) == best
    assert chosen.log_prob == pytest.approx(around.whole(best), abs=1e-9)
    assert (judge.account.sweeps, judge.account.moves) == (1, int(best != text))
    for bound in bounds:  # position x candidate x bound
        assert isinstance(bound.property, Arbitrary)
        assert sorted(bound.property.asked) == sorted({text, *near})


def test_slots_to_blame_come_first() -> None:
    length = 30
    text = "b" * 20 + "a" + "b" * 9
    calls: dict[type, int] = {}
    for scorer in (Letters("a"), Blaming("a")):
        around = Fixed(5, 4, length)
        around.valid[:] = True
        judge = judge_of(ORACLE, [Bound("a", scorer, upper=0)], "_" * length)
        start = started(judge, around, text)
        chosen = answered(climb(judge, start, np.arange(length), around, chunk=1, sweeps=None), judge)
        assert chosen.holds
        assert judge.account.scorer_calls == len(scorer.asked) + len(scorer.blames)
        calls[type(scorer)] = judge.account.scorer_calls
    assert calls[Blaming] <= 4  # the text, its blame, and at most two other texts: "a" may come first
    assert calls[Letters] > 20


def test_blame_is_of_the_text_after_the_prompt_and_for_the_bound_that_is_broken() -> None:
    first, second = Blaming("c"), Blaming("a")
    bounds = [Bound("first", first, upper=0), Bound("second", second, upper=0)]
    judge = judge_of(ORACLE, bounds, "aa______")
    around = Fixed(1, 4, 8)
    around.valid[:] = True
    start = started(judge, around, "aabbabbb")
    chosen = answered(climb(judge, start, np.arange(2, 8), around, chunk=1, sweeps=None), judge)
    assert chosen.holds
    assert (first.blames, second.blames) == ([], ["bbabbb"])
    assert np.flatnonzero(chosen.tokens != start.tokens).tolist() == [4]


class Following:
    """Candidates that depend on the text: at each slot the letter after the sum of the others, and the one after."""

    def __init__(self) -> None:
        self.came: list[np.ndarray] = []

    def offered(self, tokens: np.ndarray, slot: int) -> list[int]:
        others = int(tokens.sum() - tokens[slot])
        return [(others + 1) % 4, (others + 2) % 4]

    def __call__(self, tokens: np.ndarray, asked: np.ndarray) -> Generator[Any, Any, Neighbours]:
        self.came.append(tokens)
        ids = np.asarray([self.offered(tokens, slot) for slot in asked.tolist()])
        return Neighbours(asked, ids, ids >= 0, np.zeros(ids.shape), np.zeros(len(asked)))
        yield


@given(seed=SEEDS, text=TEXT, chunk=st.sampled_from([1, 2, 8]), at_once=st.sampled_from([None, 1, 3]))
def test_candidates_are_those_of_the_text_as_it_is(seed: int, text: str, chunk: int, at_once: int | None) -> None:
    oracle: Oracle = chain()
    bounds, around = [Bound("one", Arbitrary(1000, seed), upper=0)], Following()
    checked: Around = around
    judge = judge_of(oracle, bounds)
    start = answered(judge.ranked([Candidate(np.asarray(oracle.encode(text)), 0.0)]), judge)[0]
    chosen = answered(climb(judge, start, np.arange(4), checked, chunk=chunk, sweeps=None, at_once=at_once), judge)
    for here, there in pairwise([start.tokens, *around.came, chosen.tokens]):
        for slot in np.flatnonzero(here != there).tolist():
            assert (here != there).sum() == 1
            assert there[slot] in around.offered(here, slot)
    for slot, token in product(range(4), range(2)):
        near = chosen.tokens.copy()
        near[slot] = around.offered(chosen.tokens, slot)[token]
        assert chosen.holds or bands(bounds, oracle.decode(near.tolist())) >= chosen.bands
