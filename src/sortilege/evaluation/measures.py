"""All that is measured of the texts of one run, and what each number is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from sortilege.evaluation.judge import Judge
from sortilege.evaluation.mauve import MINIMUM, mauve
from sortilege.evaluation.metrics import METRICS
from sortilege.evaluation.sampling import Sample
from sortilege.evaluation.self_bleu import self_bleu


@dataclass(frozen=True)
class About:
    """What a number is. of: "text" where each text has one; "run" where only all texts of a run do."""

    doc: str
    unit: str
    better: str | None
    of: str = "text"


MEASURES: Mapping[str, About] = MappingProxyType(
    {
        **{
            # Texts are run in batches, which have one speed.
            name: About(one.doc, one.unit, one.better, "run" if name == "tokens_per_second" else "text")
            for name, one in METRICS.items()
        },
        "judge_nll": About("mean surprisal under the judge, in its tokens", "nats per token", "lower"),
        "judge_nll_per_character": About("surprisal under the judge", "nats per character", "lower"),
        "self_bleu": About("BLEU of a text against the others of its run", "", "lower"),
        "mauve": About("MAUVE against the references, features of the judge", "", "higher", "run"),
        "between_prompts": About("deviation between prompts of the entropy rate", "nats per token", "lower", "prompts"),
        "target_correlation": About("correlation of target and realised entropy over prompts", "", "higher", "prompts"),
    }
)
"""Every number of a comparison by name. "prompts": made of the means over each prompt's texts."""


@dataclass(frozen=True)
class Measured:
    """values: (n,) of each metric that texts have. run: numbers of the whole run; reasons: why one is missing."""

    values: dict[str, np.ndarray]
    run: dict[str, float]
    reasons: dict[str, str]


class Measurer:
    """Measures runs against one judge and one set of references.

    contexts: the text of each prompt. written: what people wrote after each, None where that is not known.
    """

    def __init__(self, judge: Judge | None, contexts: Sequence[str], written: Sequence[str] | None) -> None:
        self.judge, self.contexts = judge, list(contexts)
        self._features: Any = None
        self._why = ""
        if judge is None:
            self._why = "MAUVE needs a judge for its features"
        elif written is None:
            self._why = "MAUVE needs a reference for every prompt"
        elif len(written) < MINIMUM:
            self._why = f"MAUVE needs at least {MINIMUM} texts on either side, got {len(written)}"
        else:
            self._features = judge.features([a + b for a, b in zip(contexts, written, strict=True)])

    def __call__(self, samples: Sequence[Sample]) -> Measured:
        values = {name: metric.measure(samples) for name, metric in METRICS.items()}
        texts = [sample.text for sample in samples]
        contexts = [self.contexts[sample.prompt] for sample in samples]
        values["self_bleu"] = self_bleu(texts)
        run: dict[str, float] = {}
        reasons: dict[str, str] = {}
        if self.judge is not None:
            judged = self.judge.score(contexts, texts)
            values["judge_nll"] = np.asarray([one.nll for one in judged])
            values["judge_nll_per_character"] = np.asarray([one.nll_per_character for one in judged])
        if self._features is None or self.judge is None:
            reasons["mauve"] = self._why
        else:
            found = mauve(self._features, self.judge.features([a + b for a, b in zip(contexts, texts, strict=True)]))
            run["mauve"] = found.value
            if found.reason:
                reasons["mauve"] = found.reason
        return Measured(values, run, reasons)
