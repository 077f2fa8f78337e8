"""What a comparison found, in sentences for people, and settings short enough to read."""

import re
from collections.abc import Sequence

from sortilege.evaluation.comparison import Comparison
from sortilege.evaluation.verdicts import Verdict, verdicts_of

NAMES = {
    "nll": "nll",
    "perplexity": "perplexity",
    "judge_nll": "judge nll",
    "judge_perplexity": "judge perplexity",
    "judge_nll_per_character": "judge nll / char.",
    "repeated_4": "repeated-4",
    "longest_repeat": "longest repeat",
    "self_bleu": "self-BLEU",
    "mauve": "MAUVE",
    "entropy": "entropy",
    "between_prompts": "spread",
    "emwa_cross_ent": "moving cross-entropy",
    "target_entropy": "target entropy",
    "target_gap": "target gap",
    "target_correlation": "target correlation",
    "inlier": "Dirichlet branch",
    "temperature_ok": "target within reach",
    "tokens_per_second": "tokens/s",
}
"""What readers call a metric, where that is not its name."""

_FLOAT = re.compile(r"\d+\.\d{4,}(?:e[-+]?\d+)?")
_RATES = {"steadier": "; it holds its rate more evenly over prompts", "less steady": "; its rate is less even"}
_VERBS = {"wins": "beats", "loses": "loses to", "ties": "ties with", "trades": "trades with"}


def name_of(metric: str) -> str:
    """What readers call a metric."""
    return NAMES.get(metric, metric.replace("_", "-"))


def short(setting: str) -> str:
    """A setting with its numbers in four digits.

    >>> short("min-p(0.03404031740211206)")
    'min-p(0.03404)'
    """
    return _FLOAT.sub(lambda found: f"{float(found[0]):.4g}", setting)


def headlines(comparison: Comparison) -> list[str]:
    """A sentence for each method that is no baseline: what came of it, level by level."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts_of(comparison):
        if verdict.chosen.method not in comparison.baselines:
            found.setdefault(verdict.chosen.method, []).append(verdict)
    return [_headline(method, verdicts) for method, verdicts in found.items()]


def _headline(method: str, verdicts: Sequence[Verdict]) -> str:
    parts: list[str] = []
    for kind in ("wins", "ties", "trades", "loses"):
        of_kind = [one for one in verdicts if one.verdict == kind]
        against = dict.fromkeys((one.baseline.method, one.baseline_varied) for one in of_kind)
        for baseline in against:
            same = [one for one in of_kind if (one.baseline.method, one.baseline_varied) == baseline]
            levels = [f"{one.level:g}" for one in same if one.level is not None]
            where = f" at level {_and(levels)}" if levels else ""
            parts.append(f"{_VERBS[kind]} {baseline[0]}{'' if baseline[1] else ' (less varied)'}{where}")
    rates = {one.rate for one in verdicts}
    rate = _RATES.get(rates.pop(), "") if len(rates) == 1 else ""
    return f"{method} {_and(parts)}{rate}."


def _and(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
