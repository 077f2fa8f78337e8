"""Every slot that the model is sure enough of, and at least one: what parallel decoders do."""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from sortilege._knobs import knob
from sortilege.diffusion.policies._base import Choice, Look, Policy
from sortilege.diffusion.policies._order import first


@dataclass(frozen=True)
class Threshold(Policy):
    """Reveal the slots whose tokens have p >= threshold, and the surest if none has.

    p is the probability of the token drawn. Source: Wu et al. 2025, "Fast-dLLM", arXiv:2505.22618.
    """

    source: ClassVar[str] = "Wu et al. 2025, arXiv:2505.22618"

    threshold: float = knob(0.9, 0, 1, doc="probability of a token from which on it is revealed")

    @property
    def weighs_tokens(self) -> bool:
        return True

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        sure = look.masked & (look.confidence >= self.threshold)
        return Choice(sure | first(look.confidence, look.masked, 1)), state


@dataclass(frozen=True)
class Factor(Policy):
    """Reveal the n surest slots, c(1) >= c(2) >= ..., with the largest n for which (n + 1)(1 - c(n)) < factor.

    c is the probability of the token drawn; every smaller n has to fulfil the condition too, and one slot is always
    revealed. The more slots at a time, the surer they must be: with a factor of 1, the most probable tokens of n slots
    are together their most probable combination. Source: Wu et al. 2025, "Fast-dLLM", arXiv:2505.22618.
    """

    source: ClassVar[str] = "Wu et al. 2025, arXiv:2505.22618"

    factor: float = knob(1.0, 0, open_low=True, doc="bound on (n + 1)(1 - c) for the least sure of n slots")

    @property
    def weighs_tokens(self) -> bool:
        return True

    def choose(self, look: Look, state: Any) -> tuple[Choice, Any]:
        surest = -np.sort(-look.confidence[look.masked])
        fulfilled = (np.arange(len(surest)) + 2) * (1 - surest) < self.factor
        count = max(1, int(np.cumprod(fulfilled).sum()))
        return Choice(first(look.confidence, look.masked, count)), state


@dataclass(frozen=True)
class Klass(Policy):
    """Reveal the slots with p > confidence that have settled, and the surest if there is none.

    p is the probability of the token drawn. A slot has settled when in each of the last ``history`` steps its
    prediction changed by KL(now || before) < kl nats. The defaults are those of the authors for GSM8K.

    Source: Kim et al. 2025, "KLASS: KL-adaptive stability sampling", arXiv:2511.05664.
    """

    source: ClassVar[str] = "Kim et al. 2025, arXiv:2511.05664"

    confidence: float = knob(0.6, 0, 1, doc="probability of a token above which it may be revealed")
    kl: float = knob(0.015, 0, doc="change of the prediction below which it counts as settled, in nats")
    history: int = knob(2, 1, doc="steps for which it has to have been settled")

    @property
    def weighs_tokens(self) -> bool:
        return True

    @property
    def looks_back(self) -> bool:
        return True

    def init(self, look: Look) -> np.ndarray:
        """(history, L) the divergences of the last steps; infinite where there was no step."""
        return np.full((self.history, len(look.masked)), np.inf)

    def choose(self, look: Look, state: np.ndarray) -> tuple[Choice, np.ndarray]:
        state = np.concatenate([state[1:, : len(look.masked)], look.divergence[None, :]])
        settled = look.masked & (look.confidence > self.confidence) & (state < self.kl).all(axis=0)
        reveal = settled if settled.any() else first(look.confidence, look.masked, 1)
        return Choice(reveal), state
