"""A second model that judges texts: how likely they are to it, and vectors of them.

Perplexity under the model that wrote a text says how far decoding cut into that model; it is lowest for loops. A judge
that did not write the text is the second opinion. Judges cut texts into tokens of their own, so that their numbers are
also given per character.
"""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sortilege._checks import whole
from sortilege.diffusion.denoiser import Denoiser
from sortilege.models import Model, as_model


class JudgeError(ValueError):
    """A judge that cannot judge, or a text that it cannot read."""


@dataclass(frozen=True)
class Judgement:
    """What a judge says of one text after its prompt.

    log_prob: of the text, the sum over its tokens, in nats; of a masked judge the pseudo-log-likelihood.
    tokens, characters: how long the text is, in the judge's tokens.
    """

    log_prob: float
    tokens: int
    characters: int

    @property
    def nll(self) -> float:
        """Nats per token of the judge; NaN for an empty text."""
        return -self.log_prob / self.tokens if self.tokens else math.nan

    @property
    def nll_per_character(self) -> float:
        """Nats per character, which does not depend on the judge's tokens; NaN for an empty text."""
        return -self.log_prob / self.characters if self.tokens else math.nan


class Judge:
    """Base of the judges; ``load_judge`` makes one.

    name: what reports call it. kind: what its likelihood is, in words.
    """

    name: str
    kind: str

    def score(self, prompts: Sequence[str], texts: Sequence[str]) -> list[Judgement]:
        """How likely each text is after its prompt, which is read and not counted.

        A text of nothing but spaces has no tokens and no number. Raises JudgeError, naming it, for any other text of
        which the judge's tokenizer makes nothing, and for one that does not fit the judge's context with its prompt.
        """
        raise NotImplementedError

    def features(self, texts: Sequence[str]) -> np.ndarray:
        """A vector (D,) for each text, (N, D) float32: what MAUVE compares. Raises JudgeError as ``score`` does."""
        raise NotImplementedError

    def _tokens(self, number: int, text: str, ids: list[int]) -> list[int]:
        if text.strip() and not ids:
            raise JudgeError(f"the judge {self.name!r} makes no tokens of text {number}: {text[:40]!r}")
        return ids if text.strip() else []

    def _fits(self, number: int, length: int, limit: int | None) -> None:
        if limit is not None and length > limit:
            raise JudgeError(
                f"text {number} with its prompt must be at most {limit} tokens of the judge {self.name!r}, its "
                f"context, got {length}"
            )


def load_judge(judge: Any, *, passes: int | None = 8, device: Any = None, trust_remote_code: bool = False) -> Judge:
    """The judge of that name, or of that model.

    judge: a causal language model (a name for ``sortilege.load`` or a ``Model``), or a masked one (a name for
        ``load_denoiser`` or a ``Denoiser``); a ``Judge`` is returned as it is.
    passes: of a masked judge, in how many passes a text is masked; None masks one token at a time.
    device, trust_remote_code: as for ``sortilege.load``.

    Raises JudgeError for what is neither, saying why it is not, and ImportError where torch is missing.
    """
    from sortilege.evaluation._causal_judge import CausalJudge
    from sortilege.evaluation._masked_judge import MaskedJudge

    if passes is not None:
        whole("passes", passes, 1)
    if isinstance(judge, Judge):
        return judge
    if isinstance(judge, Denoiser):
        return MaskedJudge(judge, passes)
    if not isinstance(judge, str | os.PathLike):
        return CausalJudge(judge if isinstance(judge, Model) else as_model(judge))
    from sortilege.diffusion.transformers import load_denoiser
    from sortilege.models import load

    options: dict[str, Any] = {"device": device, "trust_remote_code": trust_remote_code}
    try:
        return CausalJudge(load(judge, **options))
    except ValueError as causal:
        try:
            return MaskedJudge(load_denoiser(judge, **options), passes)
        except ValueError as masked:
            raise JudgeError(
                f"judge must be a causal or a masked language model, got {str(judge)!r}; as a causal one: {causal}; "
                f"as a masked one: {masked}"
            ) from masked
