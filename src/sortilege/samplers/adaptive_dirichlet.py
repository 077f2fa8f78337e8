"""Adaptive Dirichlet sampling: an entropy controller with Dirichlet noise around what the model has been predicting."""

import math
import warnings
from dataclasses import dataclass
from typing import Any, ClassVar

from sortilege._knobs import knob
from sortilege.numerics._arrays import Array, array_namespace, put_along_last, sum_last, where_rows, working
from sortilege.numerics.dirichlet import Pair, fit_dirichlet, log_densities
from sortilege.numerics.gamma import sample_dirichlet_log
from sortilege.numerics.information import entropy, kl_divergence, log_softmax, log_sum_exp
from sortilege.numerics.random import Key, drawable
from sortilege.numerics.temperature import solve_temperature
from sortilege.samplers._adaptive_state import AdaptiveDirichletState, Step
from sortilege.samplers._base import Sampler
from sortilege.samplers._truncation import looked_up, restore

MASKED = -1e6
"""Logits below this are read as masked: engines write masks as -inf or as large negative numbers."""

ATTAINABLE = 0.98
"""The target asks for no more than this part of log n, n tokens kept: the temperature grows without bound beyond."""

COLDEST, HOTTEST = 1e-2, 1e2
"""Where the integrated temperature stops."""


@dataclass(frozen=True)
class AdaptiveDirichlet(Sampler):
    """Hold the entropy at a target and perturb what is typical of the recent past.

    Each step solves for the temperature at which the entropy of softmax(log p / T) equals

        target = a emwa_cross_ent + b emwa_entropy + probs_ent_offset,

    fits a Dirichlet distribution to the moving average of log p, and, where the tempered prediction p' is no less
    likely under it than expected (an inlier),

        -log Dir(p' | emwa_dir) < d (-log Dir(softmax(emwa_logp) | emwa_dir)) + e emwa_dir_ent + dir_ent_offset,

    mixes it with a draw q ~ Dir(emwa_dir) to f q + (1 - f) p' with

        f = 1 - perturb_base_coeff^(-perturb_exp_coeff / KL(q || p')).

    The averages move by state = c value + (1 - c) state, where c is a knob, and for emwa_logp

        c = emwa_logp_base^(-emwa_logp_exp_factor / KL(p || softmax(emwa_logp))).

    With perturb_exp_coeff = 0 the Dirichlet part is off: nothing is fitted, emwa_dir and emwa_dir_ent stay where they
    began, no row is an inlier, and a step costs half.

    In the steady state the entropy settles at probs_ent_offset / (1 - a / T - b): a + b >= 1 runs away to log V and an
    offset of 0 collapses to greedy decoding; both warn at construction. ``report`` gives target and realised entropy.

    Knobs are named as in the source. Ours: ``softmax_temperature`` and ``cross_entropy`` choose between the source's
    two readings of each, ``support``, ``logp_floor``, ``concentration_cap`` and ``truncation``. The defaults come from
    a small sweep on the bundled model (docs/log.md) and are no more than that.

    Variants of ours, off by default, with what came of them in docs/evidence.md: ``softmax_temperature="integral"``
    solves for nothing and moves the temperature against the error of the entropy it realised,
    log T <- log T + integral_gain (target - H), which meets the target on average and not at each step ("set nats, get
    nats"); ``entropy_share`` adds a share of the prediction's own entropy (after the truncation) to the target;
    ``temperature_cap`` is the largest temperature; ``perturb_above`` leaves predictions of little entropy alone;
    ``fit_truncated`` lets the averages see the prediction after the truncation.

    Source: the note "Adaptive Dirichlet Sampling" of the entropix project (2024), as corrected in docs/maths.md.
    """

    source: ClassVar[str] = "Adaptive Dirichlet sampling (entropix project, 2024), corrected: docs/maths.md"

    a: float = knob(0.2, 0, 1, open_high=True, doc="weight of emwa_cross_ent in the target entropy", tune=(0, 0.9))
    b: float = knob(0.2, 0, 1, open_high=True, doc="weight of emwa_entropy in the target entropy", tune=(0, 0.9))
    probs_ent_offset: float = knob(1.5, 0, doc="constant part of the target entropy, nats", tune=(0.05, 4))
    emwa_logp_base: float = knob(2.0, 1, open_low=True, doc="base of the rate of emwa_logp", tune=(1.1, 8))
    emwa_logp_exp_factor: float = knob(
        4.0, 0, doc="KL in nats at which the rate of emwa_logp is 1 / base", tune=(0.1, 30), log=True
    )
    emwa_dir_coeff: float = knob(0.2, 0, 1, doc="rate of emwa_dir", tune=(0.01, 1), log=True)
    emwa_temp_coeff: float = knob(0.05, 0, 1, doc="rate of emwa_temp", tune=(0.01, 1), log=True)
    emwa_dir_ent_coeff: float = knob(0.1, 0, 1, doc="rate of emwa_dir_ent", tune=(0.01, 1), log=True)
    emwa_entropy_coeff: float = knob(0.1, 0, 1, doc="rate of emwa_entropy", tune=(0.01, 1), log=True)
    emwa_cross_ent_coeff: float = knob(0.1, 0, 1, doc="rate of emwa_cross_ent", tune=(0.01, 1), log=True)
    d: float = knob(0.5, doc="weight of the average's own negative log-density in the inlier test", tune=(0, 1))
    e: float = knob(0.5, doc="weight of emwa_dir_ent in the inlier test", tune=(0, 1))
    dir_ent_offset: float = knob(0.0, doc="constant part of the inlier test, nats", tune=(-100, 100))
    perturb_base_coeff: float = knob(2.0, 1, open_low=True, doc="base of the perturbation factor", tune=(1.1, 8))
    perturb_exp_coeff: float = knob(
        0.1, 0, neutral=0.0, doc="KL in nats scale of the perturbation; 0: nothing is fitted or perturbed", tune=(0, 4)
    )
    softmax_temperature: str = knob(
        "emwa",
        choices=("pre", "emwa", "integral"),
        doc="softmax at the solved temperature, at its average (in log T), or at the integral of the entropy's error",
    )
    cross_entropy: str = knob(
        "scaled",
        choices=("scaled", "tempered"),
        doc="-log(probs[token]) / emwa_temp, or -log softmax(logits / emwa_temp)",
    )
    truncation: Sampler | None = knob(
        None, kind="sampler", optional=True, doc="mask of the temperature solve, the perturbation and the draw"
    )
    integral_gain: float = knob(0.05, 0, doc="nats of log T per nat of error, where the temperature is integral")
    entropy_share: float = knob(
        0.0, 0, neutral=0.0, doc="share of the prediction's own entropy added to the target entropy"
    )
    temperature_cap: float | None = knob(None, COLDEST, kind="float", optional=True, doc="largest temperature")
    perturb_above: float = knob(
        0.0, 0, neutral=0.0, doc="entropy of the prediction, nats, below which nothing is perturbed"
    )
    fit_truncated: bool = knob(False, doc="whether the averages see the prediction after the truncation")
    support: int | tuple[int, ...] | None = knob(
        None,
        2,
        kind="support",
        optional=True,
        doc="tokens of the Dirichlet part: the first prediction's top, or given ids",
    )
    logp_floor: float = knob(-30.0, high=-1, doc="log-probability at which the state sees unlikely and masked tokens")
    concentration_cap: float = knob(1e6, 1, doc="largest concentration of a fit")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.truncation is not None and not self.truncation.stateless:
            raise ValueError(f"AdaptiveDirichlet.truncation must be a stateless sampler, got {self.truncation!r}")
        if self.a + self.b >= 1:
            warnings.warn(
                f"AdaptiveDirichlet: a + b = {self.a + self.b:g} >= 1 lets the target entropy run away to log V",
                stacklevel=3,
            )
        elif self.probs_ent_offset == 0 and self.entropy_share == 0:
            warnings.warn(
                "AdaptiveDirichlet: probs_ent_offset = 0 lets the target entropy collapse to greedy decoding",
                stacklevel=3,
            )

    def init(self, logits: Array) -> AdaptiveDirichletState:
        """The state before the first token: emwa_logp half the first log-probabilities and half the uniform ones."""
        xp = array_namespace(logits)
        raw, _ = _log_probabilities(logits)
        ids = self._ids(raw)
        logp = self._seen(raw, ids)
        emwa_logp = 0.5 * logp - 0.5 * math.log(logp.shape[-1])
        emwa_dir = fit_dirichlet(emwa_logp, cap=self.concentration_cap).value
        first = entropy(raw)
        zero, false = xp.zeros_like(first), xp.zeros_like(first) > 0
        last = Step(zero, first, 1 + zero, 1 + zero, false, zero, zero, zero, sum_last(emwa_dir), zero, false, false)
        steps = xp.astype(zero, xp.int32)
        return AdaptiveDirichletState(
            emwa_logp, emwa_dir, 1 + zero, first, Pair(zero, zero), first, ids, raw, steps, last
        )

    def adjust(self, logits: Array, state: AdaptiveDirichletState, key: Key) -> tuple[Array, AdaptiveDirichletState]:
        xp = array_namespace(logits)
        raw, usable = _log_probabilities(logits)
        kept = raw
        if self.truncation is not None:
            mask = xp.isfinite(self.truncation.adjust(raw, self.truncation.init(raw), key)[0])
            kept = xp.where(mask, raw, xp.full_like(raw, -xp.inf))
        logp = self._seen(log_softmax(kept) if self.fit_truncated else raw, state.ids)

        # 2, 3: the averages of what the model predicts
        kl_emwa = kl_divergence(logp, log_softmax(state.emwa_logp))
        zero = xp.zeros_like(kl_emwa)
        rate = xp.where(usable, _saturating(self.emwa_logp_base, self.emwa_logp_exp_factor, kl_emwa), zero)
        emwa_logp = _average(rate[:, None], logp, state.emwa_logp)
        emwa_dir, fit_ok = state.emwa_dir, usable
        if self.perturb_exp_coeff > 0:
            fit = fit_dirichlet(emwa_logp, emwa_dir, cap=self.concentration_cap)
            moving = xp.where(usable, zero + self.emwa_dir_coeff, zero)
            emwa_dir, fit_ok = _average(moving[:, None], fit.value, emwa_dir), fit.ok

        # 4, 5: the temperature
        target = self.a * state.emwa_cross_ent + self.b * state.emwa_entropy + self.probs_ent_offset
        own_entropy = entropy(log_softmax(kept)) if self.entropy_share or self.perturb_above else zero
        target = target + self.entropy_share * own_entropy
        count = sum_last(xp.astype(kept > -xp.inf, target.dtype))
        highest = ATTAINABLE * xp.log(count)
        temperature, pre_temp, emwa_temp, temperature_ok = self._temperature(kept, target, highest, state.emwa_temp)
        pre = log_softmax(kept / temperature[:, None])

        # 6, 7: how typical the tempered prediction is of the recent past; 8: the perturbation
        probs, inlier, perturbation, kl_dirichlet, emwa_dir_ent = pre, zero > 0, zero, zero, state.emwa_dir_ent
        if self.perturb_exp_coeff > 0:
            seen_whole = self.truncation is None or self.fit_truncated
            tempered = pre if seen_whole else log_softmax(raw / temperature[:, None])
            tempered = self._seen(tempered, state.ids)
            nll, own = (density.times(-1.0) for density in log_densities(emwa_dir, tempered, log_softmax(emwa_logp)))
            c = self.emwa_dir_ent_coeff
            mixed = nll.times(c).plus(state.emwa_dir_ent.times(1 - c))
            emwa_dir_ent = where_rows(state.steps == 0, nll, mixed)
            excess = nll.plus(own.times(-self.d)).plus(emwa_dir_ent.times(-self.e)).value
            inlier = (excess < self.dir_ent_offset) & (own_entropy >= self.perturb_above)
            blended, perturbation, kl_dirichlet = self._perturb(pre, emwa_dir, state.ids, key)
            perturbation = xp.where(inlier, perturbation, zero)
            probs = xp.where(inlier[:, None], blended, pre)

        # 9: the entropy rate
        realised = entropy(probs)
        emwa_entropy = _average(self.emwa_entropy_coeff, realised, state.emwa_entropy)
        pending = probs if self.cross_entropy == "scaled" else log_softmax(kept / emwa_temp[:, None])
        if self.softmax_temperature == "integral":
            error = xp.where(count > 1, xp.minimum(target, highest) - realised, zero)
            emwa_temp = self._capped(xp.clip(emwa_temp * xp.exp(self.integral_gain * error), COLDEST, HOTTEST))
        last = Step(
            target, realised, temperature, pre_temp, inlier, perturbation, kl_emwa, kl_dirichlet,
            sum_last(emwa_dir), rate, temperature_ok, fit_ok,
        )  # fmt: skip
        rows = (emwa_temp, emwa_dir_ent, emwa_entropy, state.steps + 1, last)
        before = (state.emwa_temp, state.emwa_dir_ent, state.emwa_entropy, state.steps, state.last)

        emwa_temp, emwa_dir_ent, emwa_entropy, steps, last = where_rows(usable, rows, before)
        after = state._replace(
            emwa_logp=emwa_logp, emwa_dir=emwa_dir, emwa_temp=emwa_temp, emwa_dir_ent=emwa_dir_ent,
            emwa_entropy=emwa_entropy, pending=pending, steps=steps, last=last,
        )  # fmt: skip
        return xp.where(usable[:, None], restore(probs, logits), logits), after

    def observe(self, tokens: Array, state: AdaptiveDirichletState) -> AdaptiveDirichletState:
        """Update emwa_cross_ent with the emitted tokens (B,); a negative token is unknown and changes nothing."""
        xp = array_namespace(state.pending)
        found, known = looked_up(state.pending, tokens)
        logp = xp.clip(found, min=self.logp_floor)
        surprise = -logp / state.emwa_temp if self.cross_entropy == "scaled" else -logp
        updated = _average(self.emwa_cross_ent_coeff, surprise, state.emwa_cross_ent)
        return state._replace(emwa_cross_ent=xp.where(known, updated, state.emwa_cross_ent))

    def report(self, state: AdaptiveDirichletState) -> dict[str, Array]:
        """What the last ``adjust`` did and the averages after it, by name; ``inlier`` is the branch taken."""
        averages = {name: getattr(state, name) for name in ("emwa_temp", "emwa_cross_ent", "emwa_entropy")}
        return {**state.last._asdict(), **averages, "emwa_dir_ent": state.emwa_dir_ent.value}

    def _temperature(
        self, kept: Array, target: Array, highest: Array, average: Array
    ) -> tuple[Array, Array, Array, Array]:
        """The temperature to draw at, the one that meets the target, their new average, and whether it is met, (B,).

        The integrated temperature moves once it is known what entropy it gave, after the draw's distribution is.
        """
        xp = array_namespace(target)
        if self.softmax_temperature == "integral":
            average = self._capped(average)
            return average, average, average, target <= highest
        solved = solve_temperature(kept, xp.minimum(target, highest), average)
        # Of a single token there is nothing to solve for, and nothing to learn.
        found = self._capped(xp.where(highest > 0, solved.value, average))
        ok = solved.ok & (target <= highest) & (found >= solved.value)
        if self.softmax_temperature == "emwa":
            average = self._capped(xp.exp(_average(self.emwa_temp_coeff, xp.log(found), xp.log(average))))
            return average, found, average, ok
        return found, found, _average(self.emwa_temp_coeff, found, average), ok

    def _capped(self, temperature: Array) -> Array:
        cap = self.temperature_cap
        return temperature if cap is None else array_namespace(temperature).clip(temperature, max=cap)

    def _ids(self, raw: Array) -> Any:
        xp = array_namespace(raw)
        if self.support is None or (isinstance(self.support, int) and self.support >= raw.shape[-1]):
            return ()
        if isinstance(self.support, int):
            return xp.argsort(raw, axis=-1, descending=True)[:, : self.support]
        if max(self.support) >= raw.shape[-1]:
            raise ValueError(
                f"AdaptiveDirichlet.support must hold token ids in [0, {raw.shape[-1] - 1}], got {max(self.support)}"
            )
        like = xp.argmax(raw, axis=-1)[:, None]
        return xp.concat([xp.full_like(like, token) for token in self.support], axis=-1)

    def _seen(self, logp: Array, ids: Any) -> Array:
        """Log-probabilities as the state sees them: (B, S), of the support alone, not below the floor."""
        xp = array_namespace(logp)
        floored = xp.clip(logp, min=self.logp_floor)
        return floored if isinstance(ids, tuple) else log_softmax(xp.take_along_axis(floored, ids, axis=-1))

    def _perturb(self, pre: Array, alpha: Array, ids: Any, key: Key) -> tuple[Array, Array, Array]:
        """f q + (1 - f) pre in log space, with f and KL(q || pre); the mass of the support stays what it is."""
        xp = array_namespace(pre)
        whole = isinstance(ids, tuple)
        inside = pre if whole else xp.take_along_axis(pre, ids, axis=-1)
        kept = inside > -xp.inf
        mass = log_sum_exp(inside)
        some = xp.isfinite(mass)
        mass = xp.where(some, mass, xp.zeros_like(mass))[:, None]
        lowest = xp.full_like(inside, -xp.inf)
        q = log_softmax(xp.where(kept, sample_dirichlet_log(alpha, key), lowest))
        base = inside - mass
        kl = kl_divergence(q, base)
        # Kept from 0 and 1 by a float's width, so that both logarithms below are finite.
        f = xp.clip(1 - _saturating(self.perturb_base_coeff, self.perturb_exp_coeff, kl), 1e-12, 1 - 1e-6)
        blend = xp.logaddexp(q + xp.log(f)[:, None], base + xp.log1p(-f)[:, None]) + mass
        return blend if whole else put_along_last(pre, ids, blend), f, kl


def _log_probabilities(logits: Array) -> tuple[Array, Array]:
    """log_softmax with large negative logits masked, and which rows are usable; the others are read as uniform."""
    xp = array_namespace(logits)
    x = working(logits)
    x = xp.where(x < MASKED, xp.full_like(x, -xp.inf), x)
    usable = drawable(x)
    return log_softmax(xp.where(usable[:, None], x, xp.zeros_like(x))), usable


def _saturating(base: float, factor: float, kl: Array) -> Array:
    """base^(-factor / kl): 0 at kl = 0, towards 1 for large kl."""
    xp = array_namespace(kl)
    return xp.exp(-factor * math.log(base) / xp.clip(kl, min=1e-12))


def _average(coefficient: Any, value: Array, old: Array) -> Array:
    return coefficient * value + (1 - coefficient) * old
