"""The reverse process draws from the right distribution, and reveals as many slots at a time as the schedule says.

With an exact denoiser the law of the texts is known: that of the text itself for one reveal at a time, and one that can
be worked out by enumeration for a number of steps. The tests that test the tests use wrong denoisers and policies.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from diffusion.laws import ALPHA, ancestral, counts, law, masked_after, remasking, revealed_at
from diffusion.oracles import Chain, Independent, Joint, chain, lumpy
from goodness import LEVEL, kolmogorov, pearson
from scipy import stats

from sortilege.diffusion import denoise
from sortilege.diffusion.policies import Ancestral, Choice, FirstHitting, Look
from sortilege.numerics.random import Stream

TABLE = lumpy(3, 3)


def grid(steps: int) -> list[tuple[float, float]]:
    return [(1 - k / steps, 1 - (k + 1) / steps) for k in range(steps)]


def looped(t: float) -> float:
    """The alpha of ReMDM-loop with its own settings on the loglinear schedule."""
    return 0.9 * (1 - t) / 0.45 if t > 0.55 else 0.9 if t > 0.05 else 1 - 0.1 * t / 0.05


def looping(steps: int, eta: float) -> list[tuple[float, float]]:
    return [
        remasking(lambda most, t=t: min(eta, most) if 0.05 < t <= 0.55 else 0.0)(looped(t), looped(s))
        for t, s in grid(steps)
    ]


CASES = {
    "ancestral": (4, "loglinear", lambda a: [ancestral(a(t), a(s)) for t, s in grid(4)]),
    "ancestral ": (3, "cosine", lambda a: [ancestral(a(t), a(s)) for t, s in grid(3)]),
    "remdm-cap(0.3)": (5, "loglinear", lambda a: [remasking(lambda m: min(0.3, m))(a(t), a(s)) for t, s in grid(5)]),
    "remdm-rescale(0.4)": (5, "cosine", lambda a: [remasking(lambda m: 0.4 * m)(a(t), a(s)) for t, s in grid(5)]),
    "remdm-loop(0.1)": (7, "loglinear", lambda a: looping(7, 0.1)),
}


@pytest.mark.parametrize("policy", CASES)
def test_texts_have_the_law_of_so_many_steps(policy: str) -> None:
    steps, schedule, rates = CASES[policy]
    oracle = Joint(TABLE)
    expected = law(oracle, 3, rates(ALPHA[schedule]))
    assert expected.sum() == pytest.approx(1)
    texts = denoise(oracle, length=3, steps=steps, policy=policy, schedule=schedule, num_samples=1500, batch_size=500)
    assert pearson(counts(texts, 3, 3).ravel(), expected.ravel()) > LEVEL / len(CASES)


def test_that_law_comes_to_be_the_law_of_the_text() -> None:
    oracle = Joint(TABLE)
    far = [
        np.abs(law(oracle, 3, [ancestral(1 - t, 1 - s) for t, s in grid(steps)]) - TABLE).sum() / 2
        for steps in (1, 8, 64)
    ]
    assert far[0] > 0.2
    assert far[1] < far[0] / 4
    assert far[2] < far[1] / 4


@pytest.mark.parametrize("schedule", ALPHA)
def test_first_hitting_is_exact(schedule: str) -> None:
    # A joint distribution, three times (in order), and the order of the slots, which is any of six.
    texts = denoise(
        Joint(TABLE), length=3, policy="first-hitting", schedule=schedule, num_samples=1500, batch_size=500, seed=5
    )
    level = LEVEL / 10
    assert pearson(counts(texts, 3, 3).ravel(), TABLE.ravel()) > level
    orders = [tuple(record.revealed[0][0] for record in text.history) for text in texts]
    _, seen = np.unique(orders, axis=0, return_counts=True)
    assert pearson(seen, np.full(6, 1 / 6)) > level
    # From one time to the next, 1 - alpha shrinks by the largest of as many uniform numbers as slots are masked.
    times = np.asarray([[1.0, *(record.time for record in text.history)] for text in texts])
    masked = 1 - np.vectorize(ALPHA[schedule])(times)
    for k, left in enumerate((3, 2, 1)):
        assert kolmogorov((masked[:, k + 1] / masked[:, k]) ** left, lambda u: u) > level


def test_first_hitting_is_exact_at_any_length() -> None:
    oracle = chain()
    table = oracle.table(12)
    texts = denoise(oracle, length=12, policy=FirstHitting(), num_samples=300, batch_size=300)
    tokens = np.asarray([text.tokens for text in texts])
    for slots in ((0, 1), (5, 6), (4, 8), (10, 11)):
        pairs = np.zeros((4, 4), dtype=int)
        np.add.at(pairs, (tokens[:, slots[0]], tokens[:, slots[1]]), 1)
        expected = table.sum(axis=tuple(i for i in range(12) if i not in slots))
        assert pearson(pairs.ravel(), expected.ravel()) > LEVEL / 4


def test_infilling_is_exact() -> None:
    oracle = Joint(lumpy(3, 4, seed=1) + 0.002)
    texts = denoise(oracle, "_b_c", length=None, policy="first-hitting", num_samples=1000, batch_size=500)
    given = oracle.table[:, 1, :, 2]
    seen = np.zeros((3, 3), dtype=int)
    for text in texts:
        seen[text.tokens[0], text.tokens[2]] += 1
    assert pearson(seen.ravel(), (given / given.sum()).ravel()) > LEVEL


def test_an_end_token_leaves_the_law_of_the_text_before_it() -> None:
    oracle = Joint(lumpy(3, 3, seed=4) + 0.01, ends=[2])
    expected: dict[tuple[int, ...], float] = {}
    for tokens in np.ndindex(3, 3, 3):
        clipped = tokens[: tokens.index(2) + 1] if 2 in tokens else tokens
        expected[clipped] = expected.get(clipped, 0.0) + float(oracle.table[tokens])
    texts = denoise(oracle, length=3, policy="first-hitting", num_samples=1500, batch_size=500)
    kinds = list(expected)
    seen = np.zeros(len(kinds), dtype=int)
    for text in texts:
        seen[kinds.index(text.tokens)] += 1
    assert pearson(seen, np.asarray([expected[kind] for kind in kinds])) > LEVEL
    assert {text.finish_reason for text in texts} == {"end", "length"}


@dataclass(frozen=True)
class Hasty(Ancestral):
    """A reveal probability that forgets that the slot is still masked."""

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        probability = look.schedule.alpha(look.next_time) - look.schedule.alpha(look.time)
        return Choice(look.masked & (look.uniform(Stream.REVEAL) < probability), time=look.next_time), state


@dataclass(frozen=True)
class Greedy(FirstHitting):
    """Picks the slot by what the model thinks of it, and takes two at a time."""

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        choice, state = super().choose(look, state)
        return Choice(choice.reveal | (look.masked & (look.entropy == look.entropy.max())), time=choice.time), state


def test_a_wrong_denoiser_and_a_wrong_policy_are_found_out() -> None:
    wrong, right = Joint(0.7 * TABLE + 0.3 / 27), Joint(TABLE + 1e-9)
    settings: Any = {"length": 3, "num_samples": 1500, "batch_size": 500}
    texts = denoise(wrong, policy="first-hitting", **settings)
    assert pearson(counts(texts, 3, 3).ravel(), right.table.ravel()) < LEVEL
    texts = denoise(right, policy=Greedy(), **settings)
    assert pearson(counts(texts, 3, 3).ravel(), right.table.ravel()) < LEVEL


SLOTS, STEPS = 12, 4
SEVERAL = Independent(np.random.default_rng(3).dirichlet(np.ones(4), size=SLOTS))
FILTERS = (
    None,
    "top-k(2)",
    "locally-typical(0.4, alpha=0.3)",
    "locally-typical-distance(0.4, tau=0.7)",
    "temperature(0.6)",
    "mirostat(1.0)",
)


class Backwards:
    """A search of the simplest kind: it proposes the largest id everywhere."""

    def propose(self, process: Any, step: Any, rows: Sequence[int], final: Sequence[bool]) -> list[np.ndarray]:
        return [step.clean(r, np.full(len(step.slots[r]), process.denoiser.tokens - 1)) for r in rows]

    def last(self, row: Any) -> bool:
        return False

    def reports(self, process: Any, rows: Sequence[Any]) -> list[Any]:
        return ["searched"] * len(rows)


def reveals(
    policy: Any = "ancestral",
    schedule: str = "loglinear",
    sampler: str | None = None,
    proposer: Any = None,
    n: int = 300,
) -> Any:
    return denoise(
        SEVERAL,
        length=SLOTS,
        steps=STEPS if policy != "first-hitting" else None,
        policy=policy,
        schedule=schedule,
        sampler=sampler,
        proposer=proposer,
        num_samples=n,
        batch_size=150,
    )


def follows_the_schedule(texts: Any, schedule: str) -> float:
    """The smallest p-value of: the step at which a slot is revealed, and how many are masked half-way through."""
    alpha = [ALPHA[schedule](1 - k / STEPS) for k in range(STEPS + 1)]
    at_step = np.zeros(STEPS, dtype=int)
    for text in texts:
        for step, slots in revealed_at(text).items():
            at_step[step] += len(slots)
    assert at_step.sum() == len(texts) * SLOTS
    left = np.bincount(masked_after(texts, SLOTS, STEPS, SEVERAL.mask_id)[STEPS // 2 - 1], minlength=SLOTS + 1)
    binomial = stats.binom.pmf(np.arange(SLOTS + 1), SLOTS, 1 - alpha[STEPS // 2])
    return min(pearson(at_step, np.diff(alpha)), pearson(left, binomial))


@pytest.mark.parametrize("schedule", ALPHA)
def test_reveals_follow_the_schedule(schedule: str) -> None:
    assert follows_the_schedule(reveals(schedule=schedule), schedule) > LEVEL / 4


def test_reveals_that_do_not_are_found_out() -> None:
    assert follows_the_schedule(reveals(Hasty()), "loglinear") < LEVEL
    assert follows_the_schedule(reveals("ancestral"), "cosine") < LEVEL


@pytest.mark.parametrize("policy", ["ancestral", "first-hitting", "random"])
def test_filters_and_searches_change_tokens_only(policy: str) -> None:
    # The same slots at the same steps, so the law of the reveals is the same.
    plain = [revealed_at(text) for text in reveals(policy, n=40)]
    tokens = set()
    for sampler in FILTERS:
        texts = reveals(policy, sampler=sampler, n=40)
        assert [revealed_at(text) for text in texts] == plain
        tokens.add(tuple(text.tokens for text in texts))
    assert len(tokens) == len(FILTERS)
    searched = reveals(policy, proposer=Backwards(), n=40)
    assert [revealed_at(text) for text in searched] == plain
    assert {text.tokens for text in searched} == {(3,) * SLOTS}
    assert searched[0].search == "searched"


RATES = {
    "remdm-cap(0.25)": lambda t: 1 - t,
    "remdm-rescale(0.5)": lambda t: 1 - t,
    "remdm-loop(0.1)": looped,
}


def masked_share(texts: Any, alpha: Any, steps: int) -> float:
    """The smallest p-value of binomial tests of how many slots are masked after each step."""
    left = masked_after(texts, SLOTS, steps, SEVERAL.mask_id)
    assert (left[-1] == 0).all()
    return min(
        stats.binomtest(int(left[k].sum()), left[k].size * SLOTS, 1 - alpha(1 - (k + 1) / steps)).pvalue
        for k in range(steps - 1)
    )


@pytest.mark.parametrize("policy", RATES)
def test_masking_again_keeps_the_marginals(policy: str) -> None:
    texts = denoise(SEVERAL, length=SLOTS, steps=10, policy=policy, num_samples=300, batch_size=300)
    assert sum(len(record.masked) for text in texts for record in text.history) > 300
    assert masked_share(texts, RATES[policy], 10) > LEVEL / 9
    tokens = np.asarray([text.tokens for text in texts])
    for slot in range(SLOTS):
        seen = np.bincount(tokens[:, slot], minlength=4)
        assert pearson(seen, SEVERAL.probability[slot]) > LEVEL / SLOTS


def test_a_share_that_is_not_kept_is_found_out() -> None:
    # ReMDM-conf reveals at the rate of the process that masks nothing again.
    texts = denoise(SEVERAL, length=SLOTS, steps=10, policy="remdm-conf", num_samples=300, batch_size=300)
    assert masked_share(texts, lambda t: 1 - t, 10) < LEVEL


def test_the_oracles_agree() -> None:
    # Forward and backward sums against enumeration, on every canvas of three slots.
    markov = chain(3)
    joint = Joint(markov.table(3))
    for canvas in np.ndindex(4, 4, 4):
        tokens = np.asarray(canvas)
        masked = tokens == markov.mask_id
        np.testing.assert_allclose(markov.conditional(tokens)[masked], joint.conditional(tokens)[masked], atol=1e-12)
    assert isinstance(markov, Chain)
