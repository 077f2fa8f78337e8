"""Metrics of texts: one value for each text, so that two methods can be compared text by text.

What is a number of many texts together, such as the share of distinct n-grams, is written as the mean of what each text
contributes to it. Natural logarithms, in nats; tokens are the model's.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from sortilege.evaluation.sampling import Sample

CROSS_ENT_COEFF = 0.1
"""The rate of the moving average of the cross-entropy where the sampler keeps none: the adaptive sampler's default."""

Values = np.ndarray
"""(n,) one number for each of n texts; NaN where a text has none."""


@dataclass(frozen=True)
class Metric:
    """A metric of texts.

    doc: what it is, in a line. unit: its unit; "" for a share or a count.
    better: "lower" or "higher"; None where neither is.
    measure: the values of n texts; the metric of a set of texts is their mean.
    """

    doc: str
    unit: str
    better: str | None
    measure: Callable[[Sequence[Sample]], Values]


def nll(samples: Sequence[Sample]) -> Values:
    """The mean surprisal of a text's tokens under the model itself."""
    return _means(samples, lambda sample: -sample.raw_log_prob)


def entropy_rate(samples: Sequence[Sample]) -> Values:
    """The mean entropy of the distributions that a text's tokens were drawn from."""
    return _means(samples, lambda sample: sample.processed_entropy)


def emwa_cross_ent(samples: Sequence[Sample]) -> Values:
    """The average over a text of the moving average of the cross-entropy, after each token.

    The sampler's own ``emwa_cross_ent`` where it keeps one. Otherwise the same average of the surprisal of the tokens
    under the distribution they were drawn from, which starts at the entropy of the first one.
    """
    return _means(samples, _moving_cross_ent)


def distinct(samples: Sequence[Sample], n: int) -> Values:
    """What each text contributes to the share of distinct n-grams among all n-grams of all the texts.

    An n-gram that occurs m times in all counts 1 / m each time; a text's contribution is relative to a text of mean
    length, so that the mean of the contributions is distinct n-grams / n-grams (Li et al. 2016, there per word).
    """
    grams = [_grams(sample.tokens, n) for sample in samples]
    counts = Counter(gram for found in grams for gram in found)
    total = sum(map(len, grams))
    if not total:
        return np.full(len(samples), np.nan)
    return np.asarray([sum(1 / counts[gram] for gram in found) for found in grams]) * len(samples) / total


def repeated(samples: Sequence[Sample], n: int = 4) -> Values:
    """seq-rep-n: 1 - distinct n-grams / n-grams within each text (Welleck et al. 2020); NaN if shorter than n."""
    grams = [_grams(sample.tokens, n) for sample in samples]
    return np.asarray([1 - len(set(found)) / len(found) if found else np.nan for found in grams])


def longest_repeat(samples: Sequence[Sample]) -> Values:
    """The length in tokens of the longest span that occurs twice in a text; the two may overlap."""
    return np.asarray([float(_longest_repeat(sample.tokens.tolist())) for sample in samples])


def length(samples: Sequence[Sample]) -> Values:
    """The number of tokens."""
    return np.asarray([float(len(sample.tokens)) for sample in samples])


def target_gap(samples: Sequence[Sample]) -> Values:
    """|mean realised entropy - mean target entropy| of each text, for samplers that report a target; else NaN."""
    return np.asarray(
        [
            abs(float(np.mean(sample.processed_entropy) - np.mean(sample.report["target_entropy"])))
            if "target_entropy" in sample.report
            else np.nan
            for sample in samples
        ]
    )


def reported(name: str) -> Callable[[Sequence[Sample]], Values]:
    """The mean over each text of what the sampler reports under ``name``; NaN where it does not."""
    return lambda samples: _means(samples, lambda sample: sample.report.get(name, np.asarray([np.nan])))


def tokens_per_second(samples: Sequence[Sample]) -> Values:
    """Tokens over the time that model and sampler took for them, in batches as they were run."""
    return np.asarray([len(sample.tokens) / sample.seconds for sample in samples])


METRICS: Mapping[str, Metric] = MappingProxyType(
    {
        "nll": Metric("mean surprisal under the model itself", "nats per token", "lower", nll),
        "entropy": Metric("mean entropy of the distributions drawn from", "nats per token", None, entropy_rate),
        "emwa_cross_ent": Metric("average moving cross-entropy, the source's objective", "nats", None, emwa_cross_ent),
        **{
            f"distinct_{n}": Metric(
                f"distinct {n}-grams / {n}-grams, all texts", "", "higher", lambda s, n=n: distinct(s, n)
            )
            for n in (1, 2, 3, 4)
        },
        "repeated_4": Metric("4-grams of a text that occurred in it before", "", "lower", repeated),
        "longest_repeat": Metric("longest span that occurs twice in a text", "tokens", "lower", longest_repeat),
        "length": Metric("length", "tokens", None, length),
        "target_gap": Metric("|realised - target entropy| of a text", "nats per token", "lower", target_gap),
        "target_entropy": Metric("mean target entropy", "nats per token", None, reported("target_entropy")),
        "temperature_ok": Metric("share of tokens whose target was within reach", "", None, reported("temperature_ok")),
        "temperature": Metric("mean temperature", "", None, reported("temperature")),
        "inlier": Metric("share of tokens in the Dirichlet branch", "", None, reported("inlier")),
        "perturbation": Metric("mean weight of the Dirichlet draw", "", None, reported("perturbation")),
        "tokens_per_second": Metric("speed, model and sampler", "tokens / s", "higher", tokens_per_second),
    }
)
"""The metrics that need nothing but the samples, by name."""


def between_prompts(samples: Sequence[Sample], measure: Callable[[Sequence[Sample]], Values] = entropy_rate) -> float:
    """The standard deviation between prompts of a metric's mean over each prompt's texts; NaN for a single prompt."""
    values = measure(samples)
    prompts = np.asarray([sample.prompt for sample in samples])
    means = [np.mean(values[prompts == prompt]) for prompt in np.unique(prompts)]
    return float(np.std(means, ddof=1)) if len(means) > 1 else float("nan")


def _means(samples: Sequence[Sample], of: Callable[[Sample], np.ndarray]) -> Values:
    return np.asarray([float(np.mean(of(sample))) for sample in samples])


def _moving_cross_ent(sample: Sample) -> np.ndarray:
    """Before each token where the sampler reports its own, after it otherwise: a shift by one of a slow average."""
    if "emwa_cross_ent" in sample.report:
        return sample.report["emwa_cross_ent"]
    average, found = float(sample.processed_entropy[0]), np.empty(len(sample.tokens))
    for i, log_prob in enumerate(sample.processed_log_prob):
        average = CROSS_ENT_COEFF * -float(log_prob) + (1 - CROSS_ENT_COEFF) * average
        found[i] = average
    return found


def _grams(tokens: np.ndarray, n: int) -> list[tuple[int, ...]]:
    ids = tokens.tolist()
    return [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]


def _longest_repeat(tokens: list[int]) -> int:
    """By bisection: a span of length n that occurs twice contains one of length n - 1 that does."""
    low, high = 0, len(tokens) - 1
    while low < high:
        middle = (low + high + 1) // 2
        spans = [tuple(tokens[i : i + middle]) for i in range(len(tokens) - middle + 1)]
        low, high = (middle, high) if len(set(spans)) < len(spans) else (low, middle - 1)
    return max(low, 0)
