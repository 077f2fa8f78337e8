"""Self-BLEU: how alike the texts of one run are to each other."""

from collections.abc import Sequence

import numpy as np

from sortilege._extras import require

REFERENCES = 50
"""The most other texts that a text is held against."""


def self_bleu(texts: Sequence[str], *, references: int = REFERENCES, seed: int = 0) -> np.ndarray:
    """BLEU of each text with the others as its references, (N,) in [0, 1]; lower is more varied.

    By ``sacrebleu.sentence_bleu`` as it is by default: 4-grams, tokenizer 13a, exponential smoothing, effective order.
    Where there are more than ``references`` other texts, as many are drawn without replacement, from ``seed`` and the
    text's place alone. NaN for a text of nothing but spaces and for a single text. Its size depends on how many
    references there are: compare runs of equally many texts.

    Source: Zhu et al. (2018), "Texygen: a benchmarking platform for text generation models", arXiv:1802.01886; Post
    (2018) for sacrebleu.
    """
    bleu = require("sacrebleu", "evaluation").sentence_bleu
    found = np.full(len(texts), np.nan)
    for i, text in enumerate(texts):
        others = [j for j in range(len(texts)) if j != i]
        if not others or not text.strip():
            continue
        if len(others) > references:
            chosen = np.random.default_rng([seed, i]).choice(len(others), references, replace=False)
            others = [others[j] for j in sorted(chosen)]
        found[i] = bleu(text, [texts[j] for j in others]).score / 100
    return found
