"""Tree search over reveals."""

from typing import Any

import numpy as np
import pytest
from diffusion.oracles import Chain, Independent, Timed, TorchChain, chain
from search.scorers import Arbitrary, Letters

from sortilege.diffusion import Denoised, denoise
from sortilege.properties import Bound
from sortilege.search import Search, search

POLICIES = (
    "ancestral",
    "first-hitting",
    "low-confidence",
    "random",
    "threshold(0.6)",
    "klass(confidence=0.4, kl=0.5, history=1)",
    "remdm-cap(0.3)",
    "remdm-loop(0.3)",
    "blocks(4, remdm-cap(0.2))",
)
STEPS = 6


def bounds() -> list[Bound]:
    return [Bound("c", Letters("c"), upper=1), Bound("b", Letters("b"), lower=3)]


def grown(
    oracle: Chain | Independent, given: list[Bound] | None = None, prompt: Any = "", **settings: Any
) -> list[Denoised]:
    others: Any = {"length": 12, "policy": "random"}
    for name in [name for name in settings if name not in ("width", "branches", "budget", "step_budget")]:
        others[name] = settings.pop(name)
    if others["policy"].split("(")[0] == "ancestral" or "remdm" in others["policy"]:
        others.setdefault("steps", STEPS)
    return search(oracle, prompt, bounds() if given is None else given, Search("tree", **settings), **others)


@pytest.mark.parametrize("sampler", [None, "top-k(2), temperature(0.9)", "repetition-penalty(1.5)"])
@pytest.mark.parametrize("policy", POLICIES)
def test_a_tree_of_one_branch_is_the_plain_process(policy: str, sampler: str | None) -> None:
    prompts = ["", "ab", "_b__cd____a_"]
    steps = STEPS if policy == "ancestral" or "remdm" in policy else None
    settings: Any = {"length": 12, "policy": policy, "steps": steps, "sampler": sampler, "num_samples": 2, "seed": 5}
    for ends in ((), (4,)):
        plain = denoise(chain(5, ends), prompts, **settings)
        texts = grown(chain(5, ends), None, prompts, width=1, branches=1, **settings)
        for text, other in zip(texts, plain, strict=True):
            for name in ("tokens", "text", "fixed", "prompt", "finish_reason", "seed", "steps", "denoiser_calls"):
                assert getattr(text, name) == getattr(other, name)
            assert [(one.step, one.revealed, one.masked, one.time) for one in text.history] == [
                (one.step, one.revealed, one.masked, one.time) for one in other.history
            ]


@pytest.mark.parametrize("kind", [Chain, Timed, TorchChain])
@pytest.mark.parametrize("policy", POLICIES)
def test_predictions_are_counted(policy: str, kind: type[Chain]) -> None:
    oracle = chain(kind=kind)
    [text] = grown(oracle, prompt="ab__c", policy=policy, width=3, branches=2)
    assert len(oracle.seen) == text.denoiser_calls
    assert text.search.denoiser_calls == 0
    assert text.denoiser_calls <= 1 + 3 * (text.steps - 1)
    same = grown(chain(), prompt="ab__c", policy=policy, width=3, branches=2)[0]
    assert (same.tokens, same.search) == (text.tokens, text.search)


def test_one_prediction_serves_all_branches() -> None:
    oracle = Independent(np.random.default_rng(0).dirichlet(np.ones(4), size=30))
    scorer = Arbitrary(1000)
    [text] = grown(oracle, [Bound("one", scorer, upper=-1)], length=30, policy="ancestral", steps=1, branches=20)
    assert text.denoiser_calls == 1
    # The branches are draws of their own, and the best of them stays.
    assert len(scorer.asked) == 20
    assert scorer.asked[0] == denoise(oracle, length=30, policy="ancestral", steps=1)[0].text
    assert text.search.values["one"] == min(map(scorer.value, scorer.asked))


def test_canvases_are_judged_by_their_likeliest_completion() -> None:
    probability = np.random.default_rng(3).dirichlet(np.ones(4), size=5)
    likeliest = probability.argmax(axis=1)
    scorer = Arbitrary(1000)
    grown(Independent(probability), [Bound("one", scorer, upper=-1)], length=5, seed=2)
    for text in scorer.asked:
        tokens = Independent(probability).encode(text)
        assert len(tokens) == 5
    # After the first reveal a completion differs from the likeliest text in the slot revealed at most.
    first = scorer.asked[: 4 if len(scorer.asked) > 4 else 1]
    for text in first:
        assert (np.asarray(Independent(probability).encode(text)) != likeliest).sum() <= 1


def test_bounds_that_plain_text_misses_are_met_more_often() -> None:
    settings: Any = {"num_samples": 20, "seed": 11}
    plain = search(chain(), "", bounds(), Search("none"), length=12, policy="random", **settings)
    narrow, wide = (grown(chain(), width=width, branches=4, **settings) for width in (1, 4))
    met = [float(np.mean([text.search.satisfied for text in texts])) for texts in (plain, narrow, wide)]
    assert met[0] <= 0.4
    assert met[1] >= met[0] + 0.1
    assert met[2] >= met[0] + 0.3


def test_finished_canvases_wait_for_the_others() -> None:
    """Texts that end early compete with those that go on."""
    oracle = chain(5, ends=(4,))
    texts = grown(oracle, [Bound("b", Letters("b"), lower=2)], num_samples=12, width=4, branches=3)
    lengths = {len(text.tokens) for text in texts}
    assert len(lengths) > 2
    for text in texts:
        assert oracle.mask_id not in text.tokens
        assert (text.finish_reason == "end") == (text.tokens[-1] == 4)
        assert 4 not in text.tokens[:-1]
        assert text.search.values["b"] == text.text.count("b")


def test_what_was_masked_again_is_judged_as_it_was() -> None:
    """No completion has a hole: the oracle refuses to decode one."""
    for policy in ("remdm-cap(0.6)", "remdm-rescale(0.9)", "remdm-conf"):
        scorer = Letters("b")
        texts = grown(chain(), [Bound("b", scorer, lower=100)], policy=policy, steps=12, num_samples=3)
        assert any(record.masked for text in texts for record in text.history)
        assert all(len(text) == 12 for text in scorer.asked)


def test_budget() -> None:
    for budget in (1, 10, 40):
        scorer = Letters("b")
        [text] = grown(chain(), [Bound("b", scorer, lower=100)], budget=budget)
        assert text.search.scorer_calls == budget
        assert budget <= len(scorer.asked) <= budget + 1  # and the text itself, for the report
        assert text.search.values["b"] == text.text.count("b")


def test_without_bounds_a_tree_looks_for_likely_text() -> None:
    likely = grown(chain(), [], num_samples=10, width=4, branches=3)
    plain = denoise(chain(), length=12, policy="random", num_samples=10)
    table = chain()

    def surprise(texts: list[Denoised]) -> float:
        steps = [table.transition[here, there] for text in texts for here, there in zip(text.tokens, text.tokens[1:])]  # noqa: B905
        return float(-np.log(steps).mean())

    assert surprise(likely) < surprise(plain) - 0.2
