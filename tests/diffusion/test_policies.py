"""What every reveal policy has to keep to, and each one's own rule against its definition."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from diffusion.laws import canvases
from diffusion.looks import Page, masked
from diffusion.oracles import Chain, Independent, Oracle, Timed, chain
from goodness import LEVEL, pearson

from sortilege.diffusion import POLICIES, Denoised, denoise, parse_policy
from sortilege.diffusion.policies import (
    Blocks,
    Choice,
    Entropy,
    EntropyBounded,
    Factor,
    Klass,
    LowConfidence,
    Margin,
    Policy,
    Random,
    ReMDMCap,
    ReMDMConf,
    ReMDMLoop,
    ReMDMRescale,
    Threshold,
    format_policy,
)
from sortilege.diffusion.policies._order import first

ROSTER = (
    "ancestral",
    "first-hitting",
    "low-confidence",
    "low-confidence(0.2)",
    "margin",
    "margin(0.3)",
    "entropy",
    "entropy(0.5)",
    "random",
    "entropy-bounded(1.5)",
    "threshold(0.6)",
    "factor(1.5)",
    "klass(confidence=0.4, kl=0.5, history=1)",
    "remdm-cap(0.2)",
    "remdm-rescale(0.4)",
    "remdm-conf",
    "remdm-loop(0.2)",
    "blocks(3)",
    "blocks(3, ancestral)",
    "blocks(2, first-hitting)",
    "blocks(3, threshold(0.6))",
    "blocks(3, klass(confidence=0.4, kl=0.5, history=1))",
    "blocks(4, remdm-cap(0.2))",
    "blocks(6, blocks(2, margin))",
)
TEMPLATES = ("________", "ab__________", "_b__cd____a_", "dcb_", "__abcd____")
SEEDS = (3, 1, 4, 1, 2**40)


def run(policy: Any, steps: int | None = None, oracle: Oracle | None = None, **settings: Any) -> list[Denoised]:
    settings = {"prompt": list(TEMPLATES), "seed": list(SEEDS), **settings}
    return denoise(oracle or chain(), length=None, policy=policy, steps=steps, **settings)


def few(policy: str) -> int | None:
    """A number of steps for policies that need one."""
    return 9 if parse_policy(policy).default_steps is not None else None


def essence(text: Denoised) -> Any:
    return text.tokens, text.steps, text.denoiser_calls, text.history


def test_every_policy_has_a_line() -> None:
    assert {type(parse_policy(line)) for line in ROSTER} == set(POLICIES.values())


@pytest.mark.parametrize("policy", ROSTER)
def test_texts_are_finished_and_what_was_given_stays(policy: str) -> None:
    oracle = chain()
    for template, text in zip(TEMPLATES, run(policy, few(policy)), strict=True):
        ids = oracle.encode(template)
        given = tuple(token != oracle.mask_id for token in ids)
        assert text.fixed == given
        assert len(text.tokens) == len(ids)
        assert oracle.mask_id not in text.tokens
        seen = canvases(text, oracle.mask_id, ids)
        assert tuple(seen[-1]) == text.tokens
        for canvas in seen:
            assert [token for token, was in zip(canvas, given, strict=True) if was] == [t for t in ids if t != 4]
        assert text.text == oracle.decode(text.tokens[len(text.prompt_tokens) :])
        assert len(text.prompt_tokens) == template.index("_")
        assert text.prompt == template


@pytest.mark.parametrize("policy", ROSTER)
def test_the_history_says_what_happened(policy: str) -> None:
    # Later steps of lower times; nothing is masked again unless the policy does; no network call without a change.
    made, steps = parse_policy(policy), few(policy)
    for text in run(policy, steps):
        at = [record.step for record in text.history]
        assert at == sorted(set(at))
        assert all(record.revealed or record.masked for record in text.history)
        times = [record.time for record in text.history]
        assert all(0 <= time <= 1 for time in times)
        assert text.denoiser_calls <= len(text.history)
        if steps is None:
            assert len(text.history) == text.steps  # at least one slot a step
        else:
            assert text.steps <= steps
        if not made.remasks:
            assert not any(record.masked for record in text.history)
            assert times == sorted(times, reverse=True)
            assert text.history[-1].step == text.steps - 1
            slots = [slot for record in text.history for slot, _ in record.revealed]
            assert len(slots) == len(set(slots))
            # Equal predictions are not asked for twice, so this is also the number of steps that revealed something.
            assert text.denoiser_calls == len(text.history)
    if made.remasks:
        assert any(record.masked for text in run(policy, 40) for record in text.history)


@pytest.mark.parametrize("policy", ROSTER)
def test_a_text_does_not_depend_on_the_batch(policy: str) -> None:
    steps = few(policy)
    together = [essence(text) for text in run(policy, steps)]
    assert [essence(text) for text in run(policy, steps)] == together
    assert [essence(text) for text in run(policy, steps, batch_size=1)] == together
    assert [essence(text) for text in run(policy, steps, batch_size=2)] == together
    backwards = run(policy, steps, prompt=list(TEMPLATES[::-1]), seed=list(SEEDS[::-1]))
    assert [essence(text) for text in backwards] == together[::-1]


@pytest.mark.parametrize("policy", ROSTER)
@pytest.mark.parametrize("steps", [1, 3])
def test_no_more_steps_than_asked_for(policy: str, steps: int) -> None:
    for text in run(policy, steps):
        assert text.steps <= steps
        assert text.denoiser_calls <= steps
        assert 4 not in text.tokens


@pytest.mark.parametrize("policy", ROSTER)
def test_a_network_that_is_told_the_time_changes_nothing_if_it_ignores_it(policy: str) -> None:
    steps = few(policy)
    plain, timed = run(policy, steps), run(policy, steps, chain(kind=Timed))
    assert [text.tokens for text in timed] == [text.tokens for text in plain]
    assert all(text.denoiser_calls <= text.steps for text in timed)


def test_what_a_network_is_told() -> None:
    # Every step, whether or not the canvas has changed; sigma is -log alpha.
    oracle = chain(kind=Timed)
    [text] = denoise(oracle, length=2, steps=8, policy="ancestral")
    assert text.denoiser_calls == text.steps
    assert oracle.told == [1 - k / 8 for k in range(text.steps)]

    class Sigma(Chain):
        time = "sigma"

    oracle = chain(kind=Sigma)
    [text] = denoise(oracle, length=2, steps=8, policy="ancestral", schedule="cosine")
    alpha = [max(1 - np.sin(np.pi / 2 * (1 - k / 8)), 1e-5) for k in range(text.steps)]
    np.testing.assert_allclose(oracle.told, -np.log(alpha))
    oracle = chain(kind=Timed)
    denoise(oracle, length=4, policy="random")
    np.testing.assert_allclose(oracle.told, [1.0, 0.75, 0.5, 0.25])


@pytest.mark.parametrize("policy", ROSTER)
def test_text_and_policy(policy: str) -> None:
    made = parse_policy(policy)
    assert parse_policy(format_policy(made)) == made
    assert hash(made) == hash(parse_policy(policy))


@pytest.mark.parametrize("policy", ROSTER)
def test_a_proposal_is_taken_as_it_is(policy: str) -> None:
    class Letters:
        def propose(self, process: Any, step: Any, rows: Any, final: Any) -> list[np.ndarray]:
            return [step.clean(r, np.full(len(step.slots[r]), 2)) for r in rows]

        def last(self, row: Any) -> bool:
            return False

        def reports(self, process: Any, rows: Any) -> list[Any]:
            return [None] * len(rows)

    for template, text in zip(TEMPLATES, run(policy, few(policy), proposer=Letters()), strict=True):
        assert text.tokens == tuple(chain().encode(template.replace("_", "c")))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lowconfidence", "did you mean low-confidence"),
        ("threshold(1.5)", r"threshold.threshold must be a number in \[0, 1\], got 1.5"),
        ("threshold(confidence=1)", "no knob 'confidence'"),
        ("factor(0)", r"factor.factor must be a number in \(0, inf\)"),
        ("entropy-bounded(-1)", "entropy-bounded.gamma"),
        ("klass(history=0)", "klass.history must be an integer"),
        ("remdm-cap(2)", "remdm-cap.eta"),
        ("remdm-loop(t_on=0.3, t_off=0.4)", "ReMDMLoop.t_off must be below t_on = 0.3, got 0.4"),
        ("blocks(0)", "blocks.size must be an integer"),
        ("blocks(4, nothing)", "unknown policy 'nothing'"),
        ("margin, entropy", "policy must be one"),
    ],
)
def test_bad_text(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_policy(text)


def test_policies_are_written_as_they_are_read() -> None:
    for policy in ("ancestral", "margin(0.3)", "remdm-loop(eta=0.1, t_on=0.5)", "blocks(policy=threshold(0.8))"):
        assert format_policy(parse_policy(policy)) == policy


def test_blocks_of_something_else() -> None:
    wrong: Any = "margin"
    with pytest.raises(ValueError, match=r"Blocks.policy must be a policy, got 'margin'"):
        Blocks(4, wrong)


# Each policy's own rule


def sizes(text: Denoised) -> list[int]:
    return [len(record.revealed) for record in text.history]


@pytest.mark.parametrize("policy", ["random", "low-confidence", "margin(0.5)", "entropy"])
def test_quotas_are_those_of_llada(policy: str) -> None:
    for length in (1, 5, 8):
        for steps in (1, 2, 3, 5, 8, 11):
            [text] = denoise(chain(), length=length, steps=steps, policy=policy)
            share, rest = divmod(length, steps)
            assert sizes(text) == [share + (k < rest) for k in range(steps) if share + (k < rest)]
    [text] = denoise(chain(), length=7, policy=policy)
    assert sizes(text) == [1] * 7


def test_scores_and_ties() -> None:
    slots = np.asarray([True, True, False, True, True])
    page = Page(
        slots,
        steps=2,
        confidence=np.asarray([0.3, 0.6, 0, 0.6, 0.2]),
        margin=np.asarray([0.5, 0.1, 0, 0.2, 0.5]),
        entropy=np.asarray([1.0, 0.4, 0, 0.5, 0.4]),
        noise=np.asarray([0.1, 0.2, 0.9, 0.3, 0.4]),
    )
    expected = {LowConfidence(): [1, 3], Margin(): [0, 4], Entropy(): [1, 4], Random(): [3, 4]}
    for policy, picked in expected.items():
        assert np.flatnonzero(policy.choose(page, ())[0].reveal).tolist() == picked
    page.steps = None  # one slot, and of those that tie the leftmost
    for policy, picked in {LowConfidence(): 1, Margin(): 0, Entropy(): 1, Random(): 4}.items():
        assert np.flatnonzero(policy.choose(page, ())[0].reveal).tolist() == [picked]


def test_ties_go_from_left_to_right_however_many() -> None:
    score = np.asarray([1.0, 0.0] * 50)
    assert np.flatnonzero(first(score, masked(score), 30)).tolist() == list(range(0, 60, 2))
    assert np.flatnonzero(first(score, score == 0, 70)).tolist() == list(range(1, 100, 2))


def test_slots_are_drawn_without_replacement() -> None:
    # Two of four from softmax(score / temperature), one after the other.
    rng, temperature, n = np.random.default_rng(0), 0.4, 4000
    score = np.asarray([0.9, 0.2, 0.5, 0.6])
    p = np.exp(score / temperature)
    p /= p.sum()
    pairs = list(combinations(range(4), 2))
    expected = [p[i] * p[j] / (1 - p[i]) + p[j] * p[i] / (1 - p[j]) for i, j in pairs]
    for policy, law in ((LowConfidence(temperature), expected), (Random(), [1 / 6] * 6)):
        seen = np.zeros(6, dtype=int)
        for noise in rng.random((n, 4)):
            page = Page(masked(score), steps=2, confidence=score, noise=noise)
            seen[pairs.index(tuple(np.flatnonzero(policy.choose(page, ())[0].reveal).tolist()))] += 1
        assert pearson(seen, np.asarray(law)) > LEVEL / 2
        assert pearson(seen, p[[i for i, _ in pairs]] / p[[i for i, _ in pairs]].sum()) < LEVEL


def test_entropy_bounded_against_its_definition() -> None:
    rng = np.random.default_rng(1)
    several = 0
    for _ in range(200):
        entropy, slots = rng.gamma(0.5, size=6), rng.random(6) < 0.7
        slots[0] = True
        ascending = sorted((h, slot) for slot, h in enumerate(entropy) if slots[slot])
        best = max(
            n
            for n in range(1, len(ascending) + 1)
            if sum(h for h, _ in ascending[:n]) - max(h for h, _ in ascending[:n]) <= 0.3
        )
        several += best > 1
        choice, _ = EntropyBounded(0.3).choose(Page(slots, entropy=np.where(slots, entropy, 0.0)), ())
        assert np.flatnonzero(choice.reveal).tolist() == sorted(slot for _, slot in ascending[:best])
    assert 0 < several < 200
    choice, _ = EntropyBounded(0.0).choose(Page(masked(entropy), entropy=np.asarray([0.5, 0, 0.2, 0, 0.1, 0.3])), ())
    assert np.flatnonzero(choice.reveal).tolist() == [1, 3, 4]  # what is certain, and one that is not


def test_factor_against_its_definition() -> None:
    rng = np.random.default_rng(2)
    several = 0
    for _ in range(200):
        confidence = 1 - rng.gamma(0.8, 0.4, size=6).clip(max=1)
        best = 0
        descending = sorted(confidence, reverse=True)
        while best < 6 and (best + 2) * (1 - descending[best]) < 1.2:
            best += 1
        several += best > 1
        choice, _ = Factor(1.2).choose(Page(masked(confidence), confidence=confidence), ())
        picked = sorted(range(6), key=lambda slot: (-confidence[slot], slot))[: max(1, best)]
        assert np.flatnonzero(choice.reveal).tolist() == sorted(picked)
    assert 0 < several < 200


def test_threshold() -> None:
    confidence = np.asarray([0.95, 0.9, 0.0, 0.89])
    slots = np.asarray([True, True, False, True])
    assert Threshold().choose(Page(slots, confidence=confidence), ())[0].reveal.tolist() == [True, True, False, False]
    low = Page(slots, confidence=confidence / 2)
    assert Threshold().choose(low, ())[0].reveal.tolist() == [True, False, False, False]


def test_klass_waits_until_a_slot_has_settled() -> None:
    policy = Klass(confidence=0.6, kl=0.01, history=2)
    page = Page(masked(np.ones(4)), confidence=np.asarray([0.7, 0.8, 0.65, 0.5]))
    state = policy.init(page)
    changes = [[np.inf] * 4, [0.001, 0.02, 0.001, 0.0], [0.001, 0.001, 0.005, 0.0], [0.001, 0.001, 0.02, 0.0]]
    picked = []
    for divergence in changes:
        page.divergence = np.asarray(divergence)
        choice, state = policy.choose(page, state)
        picked.append(np.flatnonzero(choice.reveal).tolist())
    # Slot 1 has changed too much in the second step, slot 2 in the last; slot 3 is never sure enough.
    assert picked == [[1], [1], [0, 2], [0, 1]]


def test_klass_sees_how_predictions_change() -> None:
    # Independent slots never change their mind; so from the third step on all that are sure enough are revealed.
    oracle = Independent(np.asarray([[0.97, 0.03]] * 7 + [[0.5, 0.5]] * 3))
    [text] = denoise(oracle, length=10, policy="klass", sampler="top-k(1)")
    assert sizes(text) == [1, 1, 5, 1, 1, 1]
    [text] = denoise(oracle, length=10, policy="klass(history=1)", sampler="top-k(1)")
    assert sizes(text) == [1, 6, 1, 1, 1]


def test_what_klass_has_seen_outlasts_an_end_token() -> None:
    likely = [0.7, 0.3, 0.0]
    oracle = Independent(np.asarray([likely, likely, [0.0, 0.0, 1.0], likely, likely]), ends=[2])
    for history, expected in ((1, [1, 2]), (2, [1, 1, 1])):
        [text] = denoise(oracle, length=5, policy=Klass(history=history), sampler="top-k(1)")
        assert text.tokens == (0, 0, 2)
        assert sizes(text) == expected


def test_remdm_keeps_to_its_probabilities() -> None:
    # Half-way from the fifth to the sixth of ten steps: alpha from 0.5 to 0.6, sigma at most 0.4 / 0.5.
    page = Page(np.asarray([True, False]), np.asarray([False, True]), step=5, steps=10)
    for policy, sigma in (
        (ReMDMCap(0.1), 0.1),
        (ReMDMCap(0.9), 0.8),
        (ReMDMRescale(0.1), 0.08),
        (ReMDMRescale(1), 0.8),
    ):
        reveal = (0.6 - (1 - sigma) * 0.5) / 0.5
        for noise in (0.999 * sigma, 1.001 * sigma, 0.999 * reveal, 1.001 * reveal):
            page.noise = np.full(2, noise)
            choice, _ = policy.choose(page, ())
            assert choice.reveal.tolist() == [noise < reveal, False]
            assert choice.remask.tolist() == [False, noise < sigma]
            assert choice.time == 0.4


def test_remdm_conf_masks_what_was_unlikely() -> None:
    free = np.asarray([True, True, False, True, False])
    p = np.asarray([0.9, 0.1, 0.0, 0.5, 0.0])
    page = Page(np.asarray([False] * 4 + [True]), free, step=6, steps=10, revealed_probability=p)
    most = 0.3 / 0.6
    weight = np.exp(-p[free]) / np.exp(-p[free]).sum()
    np.testing.assert_allclose(ReMDMConf().sigma(page, most), [*(most * weight[:2]), 0, most * weight[2], 0])
    for noise, picked in ((0.999 * most * weight[0], [0, 1, 3]), (1.001 * most * weight[0], [1, 3]), (0.5, [])):
        page.noise = np.full(5, noise)
        choice, _ = ReMDMConf().choose(page, ())
        assert np.flatnonzero(choice.remask).tolist() == picked
    page.free = np.zeros(5, dtype=bool)
    assert not ReMDMConf().sigma(page, most).any()


def test_remdm_loop_stays_where_it_is_told() -> None:
    policy = ReMDMLoop(0.02, 0.55, 0.05, 0.9)
    page = Page(np.ones(1, dtype=bool), np.zeros(1, dtype=bool), steps=20, noise=np.full(1, 0.5))
    alphas, sigmas = [], []
    for step in range(20):
        page.step = step
        alphas.append(1 - policy.choose(page, ())[0].time)
        sigmas.append(policy.sigma(page, 1.0))
    np.testing.assert_allclose(alphas, [*(0.1 * k for k in range(1, 10)), *[0.9] * 10, 1.0], atol=1e-12)
    assert sigmas == [*[0.0] * 9, *[0.02] * 10, 0.0]


def blocks_of(text: Denoised, origin: int, size: int) -> list[set[int]]:
    return [
        {(slot - origin) // size for slot in (*(slot for slot, _ in record.revealed), *record.masked)}
        for record in text.history
    ]


@pytest.mark.parametrize("inner", [line for line in ROSTER if not line.startswith("blocks")])
def test_blocks_are_written_one_after_another(inner: str) -> None:
    for template, text in zip(TEMPLATES, run(Blocks(3, parse_policy(inner)), few(inner)), strict=True):
        touched = blocks_of(text, template.index("_"), 3)
        assert all(len(blocks) == 1 for blocks in touched)
        order = [next(iter(blocks)) for blocks in touched]
        assert order == sorted(order)


def test_steps_are_split_over_blocks() -> None:
    def by_step(template: str, steps: int | None, policy: str = "blocks(4, random)") -> list[int]:
        [text] = denoise(chain(), template, length=None, steps=steps, policy=policy)
        return sizes(text)

    assert by_step("_" * 10, 6) == [2, 2, 2, 2, 1, 1]
    assert by_step("_" * 10, 7) == [2, 1, 1, 2, 2, 1, 1]
    assert by_step("_" * 10, 12) == [1] * 10  # steps that are not needed are not taken
    assert by_step("ab" + "_" * 8, 4) == [2, 2, 2, 2]  # counted from the first slot to write
    assert by_step("____abcd____", 4) == [2, 2, 2, 2]  # nothing to write in the second block
    assert by_step("_" * 10, 2) == [4, 6]  # fewer steps than blocks: the last reveals all that is left
    assert by_step("_" * 10, None) == [1] * 10
    assert by_step("_" * 10, None, "blocks(4, threshold(0))") == [4, 4, 2]
    assert by_step("_" * 10, None, "blocks(4, blocks(2, threshold(0)))") == [2, 2, 2, 2, 2]


def test_a_block_is_a_canvas_of_its_own() -> None:
    # With independent slots, a block of the whole canvas does what its policy does, and times start anew in each.
    oracle = Independent(np.full((8, 3), 1 / 3))
    for inner in ROSTER:
        whole = denoise(oracle, length=8, policy=inner, steps=few(inner))
        within = denoise(oracle, length=8, policy=Blocks(8, parse_policy(inner)), steps=few(inner))
        assert [text.tokens for text in within] == [text.tokens for text in whole]
        assert [[r.revealed for r in text.history] for text in within] == [
            [r.revealed for r in text.history] for text in whole
        ]
    # 128 steps for 4 blocks of 2: each block has both slots revealed at times spread over its own 32 steps.
    texts = denoise(oracle, length=8, policy="blocks(2, ancestral)", num_samples=100, batch_size=100)
    steps = [text.history[0].step for text in texts]
    assert pearson(np.bincount(steps, minlength=32), np.diff(-((1 - np.arange(33) / 32) ** 2))) > LEVEL


def test_policies_say_what_they_need() -> None:
    weighing = {"low-confidence", "threshold", "factor", "klass", "blocks"}
    assert {name for name, cls in POLICIES.items() if cls().weighs_tokens} == weighing
    assert {name for name, cls in POLICIES.items() if cls().looks_back} == {"klass"}
    remdm = {"remdm-cap", "remdm-rescale", "remdm-conf", "remdm-loop"}
    assert {name for name, cls in POLICIES.items() if cls().remasks} == remdm
    assert {name for name, cls in POLICIES.items() if cls().default_steps} == {"ancestral", *remdm}
    nested = parse_policy("blocks(4, blocks(2, remdm-conf))")
    assert (nested.remasks, nested.default_steps, nested.weighs_tokens, nested.looks_back) == (True, 128, False, False)
    assert all(cls.source for cls in POLICIES.values())


def test_what_a_policy_sees() -> None:
    # Every score against the oracle, and 0 where nothing is to be revealed: outside of the block, or known.
    oracle = chain()
    seen: list[dict[str, Any]] = []

    class Spy(Random):
        @property
        def weighs_tokens(self) -> bool:
            return True

        @property
        def looks_back(self) -> bool:
            return True

        def choose(self, look: Any, state: Any) -> tuple[Choice, Any]:
            names = ("masked", "free", "top", "margin", "entropy", "divergence", "confidence", "revealed_probability")
            choice, state = super().choose(look, state)
            seen.append({"reveal": choice.reveal, **{name: getattr(look, name) for name in names}})
            return choice, state

    template = oracle.encode("b___c____")
    [text] = denoise(oracle, template, length=None, policy=Blocks(4, Spy()), sampler="temperature(0.5)")
    before, revealed_probability = None, np.zeros(9)
    for look, canvas, record in zip(seen, canvases(text, 4, template)[:-1], text.history, strict=True):
        p = oracle.conditional(canvas)
        block = slice(1, 5) if (canvas[1:5] == 4).any() else slice(5, 9)
        within = np.zeros(9, dtype=bool)
        within[block] = canvas[block] == 4
        np.testing.assert_array_equal(look["masked"], within)
        ordered = np.sort(p, axis=1)
        logp = np.log(np.where(p > 0, p, 1.0))
        kl = np.full(9, np.inf) if before is None else (p * (logp - np.log(np.where(p > 0, before, 1.0)))).sum(axis=1)
        expected = {
            "top": ordered[:, -1],
            "margin": ordered[:, -1] - ordered[:, -2],
            "entropy": -(p * logp).sum(axis=1),
            "divergence": kl,
        }
        for name, values in expected.items():
            np.testing.assert_allclose(look[name], np.where(within, values, 0.0), atol=1e-9, err_msg=name)
        [(slot, token)] = record.revealed
        assert look["confidence"][slot] == pytest.approx(p[slot, token])  # the model's, before the temperature
        assert not look["confidence"][~within].any()
        np.testing.assert_allclose(look["revealed_probability"], np.where(look["free"], revealed_probability, 0.0))
        assert not look["free"][[0, 4]].any()
        revealed_probability[slot], before = p[slot, token], p
    assert len(seen) == 7


def test_a_policy_that_stalls_is_a_bug_and_says_so() -> None:
    class Stuck(Policy):
        def choose(self, look: Any, state: Any) -> Any:
            return Choice(np.zeros_like(look.masked)), state

    with pytest.raises(RuntimeError, match="Stuck revealed nothing"):
        denoise(chain(), length=3, policy=Stuck())
