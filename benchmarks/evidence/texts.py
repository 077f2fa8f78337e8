"""What is written on: beginnings of held-out novels, each with how its author went on."""

from pathlib import Path

import numpy as np

from sortilege.evaluation.prompts import Prompt

HEAD = 64
"""Tokens of a beginning."""


def beginnings(corpus: Path, count: int, tail: int, *, part: int, parts: int = 2) -> tuple[Prompt, ...]:
    """``count`` beginnings of ``HEAD`` tokens, evenly spread over the novels that no model was trained on.

    corpus: the folder that ``tools/corpus.py`` wrote. tail: tokens of the reference after each.
    part, parts: of the same number of places per part, none lies in two parts.
    """
    tokens = np.load(corpus / "validation.npy").astype(int)
    places = np.linspace(0, len(tokens) - HEAD - tail - 1, count * parts).astype(int)[part::parts]
    if len(places) > 1 and np.diff(places).min() < (HEAD + tail) // parts:
        raise ValueError(f"the held-out text has no room for {count} beginnings and {tail} tokens after each")
    return tuple(
        Prompt(tuple(tokens[at : at + HEAD].tolist()), tuple(tokens[at + HEAD : at + HEAD + tail].tolist()))
        for at in places
    )
