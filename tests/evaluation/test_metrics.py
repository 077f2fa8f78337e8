"""Metrics against brute force on texts made by hand, and samples against the loop and the model they come from."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from tiny import Plain, byte_model

from sortilege import AdaptiveDirichlet, MinP, generate
from sortilege.evaluation.metrics import METRICS, between_prompts, distinct, longest_repeat, repeated
from sortilege.evaluation.prompts import Prompt, bundled_prompts, references
from sortilege.evaluation.sampling import Sample, sample, scored

PROMPTS = [Prompt("It was"), Prompt("the sea, the sea"), Prompt((72, 101, 121))]


def text_of(tokens: list[int], *, prompt: int = 0, entropy: float = 1.0, **report: Any) -> Sample:
    """A text of which only tokens, entropy and report matter."""
    ones = np.ones(len(tokens))
    return Sample(
        prompt=prompt,
        seed=0,
        prompt_tokens=(1,),
        tokens=np.asarray(tokens),
        text="",
        finish_reason="length",
        raw_log_prob=-2.0 * ones,
        raw_entropy=ones,
        processed_log_prob=-1.5 * ones,
        processed_entropy=entropy * ones,
        kept=ones,
        report={name: np.asarray(values, dtype=float) for name, values in report.items()},
        seconds=0.5,
    )


def random_texts(seed: int) -> list[list[int]]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 4, size=rng.integers(0, 25)).tolist() for _ in range(6)]


def grams(tokens: list[int], n: int) -> list[tuple[int, ...]]:
    return list(zip(*(tokens[i:] for i in range(n)), strict=False))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_distinct_n_is_distinct_over_all(seed: int, n: int) -> None:
    texts = random_texts(seed)
    everything = list(itertools.chain(*(grams(text, n) for text in texts)))
    found = distinct([text_of(text) for text in texts], n)
    assert np.mean(found) == pytest.approx(len(set(everything)) / len(everything))


@pytest.mark.parametrize("seed", range(5))
def test_repetition_by_brute_force(seed: int) -> None:
    texts = random_texts(seed)
    samples = [text_of(text) for text in texts]
    for text, share, longest in zip(texts, repeated(samples), longest_repeat(samples), strict=True):
        found = grams(text, 4)
        if found:
            assert share == pytest.approx(sum(gram in found[:i] for i, gram in enumerate(found)) / len(found))
        else:
            assert np.isnan(share)
        spans = itertools.combinations(range(len(text)), 2)
        same = [next((k for k in range(len(text) - j) if text[i + k] != text[j + k]), len(text) - j) for i, j in spans]
        assert longest == max(same, default=0)


def test_metrics_of_a_text_made_by_hand() -> None:
    text = text_of(
        [1, 2, 3, 4], entropy=1.25, target_entropy=[1, 1, 2, 2], inlier=[1, 0, 0, 0], temperature=[1, 2, 1, 2]
    )
    found = {name: metric.measure([text])[0] for name, metric in METRICS.items()}
    assert found["nll"] == 2.0
    assert found["entropy"] == 1.25
    assert found["target_entropy"] == 1.5
    assert found["target_gap"] == 0.25
    assert found["inlier"] == 0.25
    assert found["temperature"] == 1.5
    assert found["length"] == 4
    assert found["tokens_per_second"] == 8
    average, seen = 1.25, []
    for _ in range(4):
        average = 0.1 * 1.5 + 0.9 * average
        seen.append(average)
    assert found["emwa_cross_ent"] == pytest.approx(np.mean(seen))
    assert np.isnan(METRICS["target_gap"].measure([text_of([1])])[0])


def test_between_prompts_is_the_deviation_of_the_prompts_means() -> None:
    texts = [text_of([1, 2], prompt=p, entropy=e) for p, e in [(0, 1), (0, 3), (1, 4), (2, 8), (2, 8)]]
    assert between_prompts(texts) == pytest.approx(np.std([2, 4, 8], ddof=1))
    assert np.isnan(between_prompts(texts[:2]))


@pytest.mark.parametrize("sampler", [Plain(), MinP(0.1), AdaptiveDirichlet()], ids=lambda s: type(s).__name__)
def test_a_sample_is_what_generate_writes_with_the_same_seeds(sampler: Any) -> None:
    model = byte_model()
    found = sample(model, PROMPTS, sampler, max_new_tokens=6, seed=5, num_samples=2, batch_size=4)
    wanted = generate(model, [one.tokens(model) for one in PROMPTS], sampler, max_new_tokens=6, seed=5, num_samples=2)
    assert [one.tokens.tolist() for one in found] == [list(one.tokens) for one in wanted]
    assert [one.text for one in found] == [one.text for one in wanted]
    assert [(one.prompt, one.seed) for one in found] == [(r // 2, 5 + r) for r in range(6)]
    for one, result in zip(found, wanted, strict=True):
        assert one.raw_log_prob == pytest.approx(result.raw_log_probs, rel=1e-4)


def test_scoring_a_drawn_text_gives_the_log_probabilities_it_was_drawn_with() -> None:
    model = byte_model()
    drawn = sample(model, PROMPTS, Plain(), max_new_tokens=8, seed=3, end_token_ids=())
    again = scored(model, PROMPTS, [one.tokens.tolist() for one in drawn])
    for one, other in zip(drawn, again, strict=True):
        assert other.raw_log_prob == pytest.approx(one.raw_log_prob, abs=1e-4)
        assert other.raw_entropy == pytest.approx(one.raw_entropy, abs=1e-4)
        assert other.finish_reason == "given"
    cut = scored(model, PROMPTS, [one.tokens.tolist() for one in drawn], max_new_tokens=3)
    assert [len(one.tokens) for one in cut] == [3, 3, 3]


def test_scored_against_the_loss_of_transformers() -> None:
    model = byte_model()
    one = scored(model, [Prompt("It was")], [" so"])[0]
    ids = torch.tensor([[*one.prompt_tokens, *one.tokens.tolist()]])
    labels = ids.clone()
    labels[:, : len(one.prompt_tokens)] = -100
    with torch.no_grad():
        loss = model.model(input_ids=ids, labels=labels).loss
    assert -one.raw_log_prob.mean() == pytest.approx(float(loss), rel=1e-5)


def test_a_reference_of_which_nothing_is_left() -> None:
    model = byte_model()
    with pytest.raises(ValueError, match="reference of prompt 0"):
        scored(model, [Prompt("a" * 64)], ["b"])


def test_references_are_there_for_all_or_none() -> None:
    assert references([Prompt("a", "b"), Prompt("c", (1, 2))]) == ["b", (1, 2)]
    assert references([Prompt("a", "b"), Prompt("c")]) is None
    assert references(bundled_prompts()) is None
