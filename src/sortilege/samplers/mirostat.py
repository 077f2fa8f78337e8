"""Mirostat v2: truncate by surprise, and steer the surprise towards a target."""

import math
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, array_namespace, one_hot, working
from sortilege.numerics.information import log_softmax, log_sum_exp
from sortilege.numerics.random import Key
from sortilege.samplers._base import Sampler
from sortilege.samplers._truncation import looked_up, truncate

_BIT = math.log(2)


class MirostatState(NamedTuple):
    """mu: (B,) the largest surprise kept, in bits. log_prob: (B, V) under the last truncated distribution, in nats."""

    mu: Array
    log_prob: Array


@dataclass(frozen=True)
class Mirostat(Sampler):
    """Mirostat v2: keep tokens whose surprise -log2 p is at most mu, then move mu against the surprise observed.

        mu = 2 tau at first;  mu <- mu - eta (S - tau),  S = -log2 p'(token),

    p' the distribution after the cut, renormalised. The likeliest token always stays. Surprise is in bits, as in the
    paper and in llama.cpp. For a forced token that the cut had dropped, p' is taken beyond the cut: p(token) over the
    mass kept; one that the model gives probability 0, or an unknown one (negative), leaves mu as it is.

    Source: Basu, Ramachandran, Keskar and Varshney (2021), "Mirostat: a neural text decoding algorithm that directly
    controls perplexity", ICLR; v2 is the authors' later variant, here as in llama.cpp.
    """

    source: ClassVar[str] = "Basu et al. 2021, arXiv:2007.14966; v2 as in llama.cpp"

    tau: float = knob(5.0, 0, doc="target surprise, bits per token", tune=(1, 8))
    eta: float = knob(0.1, 0, doc="rate of mu, bits per bit of error", tune=(0.01, 1), log=True)

    def init(self, logits: Array) -> MirostatState:
        xp = array_namespace(logits)
        x = working(logits)
        return MirostatState(xp.full_like(x[:, 0], 2 * self.tau), xp.zeros_like(x))

    def adjust(self, logits: Array, state: MirostatState, key: Key) -> tuple[Array, MirostatState]:
        xp = array_namespace(logits)
        log_prob = log_softmax(logits)
        likeliest = one_hot(xp.argmax(log_prob, axis=-1), logits.shape[-1])
        keep = ((-log_prob <= _BIT * state.mu[:, None]) | likeliest) & xp.isfinite(log_prob)
        total = log_sum_exp(truncate(log_prob, keep))[:, None]
        after = log_prob - xp.where(xp.isfinite(total), total, xp.zeros_like(total))
        return truncate(logits, keep), MirostatState(state.mu, after)

    def observe(self, tokens: Array, state: MirostatState) -> MirostatState:
        xp = array_namespace(state.mu)
        log_prob, known = looked_up(state.log_prob, tokens)
        error = xp.where(known & xp.isfinite(log_prob), -log_prob / _BIT - self.tau, xp.zeros_like(log_prob))
        return MirostatState(state.mu - self.eta * error, state.log_prob)

    def report(self, state: MirostatState) -> dict[str, Array]:
        """``mu`` in bits."""
        return {"mu": state.mu}
