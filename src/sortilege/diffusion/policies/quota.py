"""A fixed number of slots at each step, the best by some score: what LLaDA and Dream do."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sortilege._knobs import knob
from sortilege.diffusion.policies._base import Choice, Look, Policy
from sortilege.diffusion.policies._order import first
from sortilege.numerics.random import Stream


@dataclass(frozen=True)
class Quota(Policy):
    """Base of policies that reveal ceil(masked / steps left) slots a step, those that come first by ``order``.

    So the masks of the beginning are split over the steps as evenly as can be, the larger shares first (LLaDA's
    allocation); where the text ends early, what is left is split over the steps that are left. Without a number of
    steps, it is one slot a step. Ties go from left to right.
    """

    def order(self, look: Look) -> np.ndarray:
        """Scores (L,), the highest first."""
        raise NotImplementedError

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        count = 1 if look.steps is None else math.ceil(int(look.masked.sum()) / (look.steps - look.step))
        return Choice(first(self.order(look), look.masked, count)), state


@dataclass(frozen=True)
class Random(Quota):
    """Reveal an equal share of the masked slots at each step, any of them with equal chances.

    Source: Nie et al. 2025 (LLaDA), arXiv:2502.09992, "random remasking".
    """

    source: ClassVar[str] = "Nie et al. 2025, arXiv:2502.09992"

    def order(self, look: Look) -> np.ndarray:
        return look.uniform(Stream.REVEAL)


@dataclass(frozen=True)
class Scored(Quota):
    """Base of quota policies with a score; above temperature 0, slots are drawn without replacement.

    They are drawn one after another from softmax(score / temperature) over the masked slots (the Gumbel-top-k trick).
    """

    temperature: float = knob(
        0.0, 0, neutral=0.0, doc="of the draw of slots from softmax(score / temperature); 0 takes the best"
    )

    def score(self, look: Look) -> np.ndarray:
        """(L,) how ready a slot is to be revealed."""
        raise NotImplementedError

    def order(self, look: Look) -> np.ndarray:
        score = self.score(look)
        if self.temperature == 0:
            return score
        return score - self.temperature * np.log(-np.log(look.uniform(Stream.REVEAL)))


@dataclass(frozen=True)
class LowConfidence(Scored):
    """Reveal the slots whose tokens the model is surest of: score = p(the token drawn).

    LLaDA draws the most probable token (here ``sampler="top-k(1)"``), for which the score is the largest probability.

    Source: Chang et al. 2022 (MaskGIT), arXiv:2202.04200; Nie et al. 2025 (LLaDA), arXiv:2502.09992, "low-confidence
    remasking"; the temperature is Dream's ``alg_temp``, arXiv:2508.15487.
    """

    source: ClassVar[str] = "Chang et al. 2022, arXiv:2202.04200; Nie et al. 2025, arXiv:2502.09992"

    @property
    def weighs_tokens(self) -> bool:
        return True

    def score(self, look: Look) -> np.ndarray:
        return look.confidence


@dataclass(frozen=True)
class Margin(Scored):
    """Reveal the slots where the most probable token leads by most: score = p(1) - p(2).

    Source: Kim et al. 2025, "Train for the worst, plan for the best", arXiv:2502.06768; Dream's ``topk_margin``.
    """

    source: ClassVar[str] = "Kim et al. 2025, arXiv:2502.06768"

    def score(self, look: Look) -> np.ndarray:
        return look.margin


@dataclass(frozen=True)
class Entropy(Scored):
    """Reveal the slots whose distributions have the least entropy: score = -H, in nats.

    Source: Ye et al. 2025 (Dream 7B), arXiv:2508.15487, ``entropy``.
    """

    source: ClassVar[str] = "Ye et al. 2025, arXiv:2508.15487"

    def score(self, look: Look) -> np.ndarray:
        return -look.entropy
