"""Adaptive Dirichlet sampling against a transcript of its specification in float64, and its promises one by one."""

import math
import warnings
from dataclasses import dataclass, field

import numpy as np
import pytest
from backends import BACKENDS, Backend, get
from scipy.optimize import brentq
from scipy.special import digamma, gammaln, log_softmax, polygamma, softmax, xlogy

from sortilege import AdaptiveDirichlet, Key, MinP, Mirostat, Temperature, TopK, draw
from sortilege.numerics import sample_dirichlet_log


def stream(steps: int, size: int, seed: int, rows: int = 1) -> list[np.ndarray]:
    """Logits (rows, size) of a model that drifts: half of each step's logits are common to all."""
    rng = np.random.default_rng(seed)
    common = 2 * rng.normal(size=(rows, size))
    return [common + 2 * rng.normal(size=(rows, size)) for _ in range(steps)]


def inverse_digamma(y: np.ndarray) -> np.ndarray:
    x = np.where(y >= -2.22, np.exp(np.minimum(y, 500)) + 0.5, -1 / (y - digamma(1)))
    for _ in range(8):
        x = x - (digamma(x) - y) / polygamma(1, x)
    return x


def fit(t: np.ndarray) -> np.ndarray:
    """Dirichlet parameters by a bracketed root in psi(S)."""

    def gap(s: float) -> float:
        return math.log(inverse_digamma(t + s).sum()) - math.log(float(inverse_digamma(np.array([s]))[0]))

    return inverse_digamma(t + brentq(gap, -50, 25, xtol=1e-14, rtol=1e-14))


def log_density(logp: np.ndarray, alpha: np.ndarray) -> float:
    return float(gammaln(alpha.sum()) - gammaln(alpha).sum() + ((alpha - 1) * logp).sum())


def entropy(p: np.ndarray) -> float:
    return float(-xlogy(p, p).sum())


@dataclass
class Transcript:
    """One row of the specification's steps 1 to 11, in float64, with SciPy's functions and root finder."""

    knobs: AdaptiveDirichlet
    state: dict = field(default_factory=dict)

    def start(self, logits: np.ndarray) -> None:
        raw = log_softmax(logits)
        self.state = {
            "logp": 0.5 * raw + 0.5 * math.log(1 / len(raw)),
            "temp": 1.0,
            "cross": entropy(np.exp(raw)),
            "entropy": entropy(np.exp(raw)),
        }
        self.state["dir"] = fit(self.state["logp"])

    def adjust(self, logits: np.ndarray, key: Key) -> np.ndarray:
        k, s = self.knobs, self.state
        raw = log_softmax(logits)
        own = (
            log_softmax(np.where(raw >= raw.max() + math.log(k.truncation.min_p), raw, -np.inf))
            if k.truncation
            else raw
        )
        seen = np.maximum(own if k.fit_truncated else raw, k.logp_floor)
        mean = log_softmax(s["logp"])
        kl = float((np.exp(seen) * (seen - mean)).sum())
        c = k.emwa_logp_base ** (-k.emwa_logp_exp_factor / kl)
        s["logp"] = c * seen + (1 - c) * s["logp"]
        s["dir"] = k.emwa_dir_coeff * fit(s["logp"]) + (1 - k.emwa_dir_coeff) * s["dir"]
        target = k.a * s["cross"] + k.b * s["entropy"] + k.probs_ent_offset + k.entropy_share * entropy(np.exp(own))
        attained = min(target, 0.98 * math.log(np.isfinite(own).sum()))
        cap = math.inf if k.temperature_cap is None else k.temperature_cap
        if np.isfinite(own).sum() > 1:
            pre_temp = brentq(lambda t: entropy(softmax(own / t)) - attained, 1e-3, 1e3, xtol=1e-15, rtol=1e-14)
            pre_temp = min(pre_temp, cap)
        else:
            pre_temp = s["temp"]  # nothing to solve for: the average stays
        if k.softmax_temperature == "integral":
            temperature = s["temp"] = min(s["temp"], cap)
        elif k.softmax_temperature == "emwa":
            s["temp"] = math.exp(k.emwa_temp_coeff * math.log(pre_temp) + (1 - k.emwa_temp_coeff) * math.log(s["temp"]))
            temperature = s["temp"] = min(s["temp"], cap)
        else:
            s["temp"] = k.emwa_temp_coeff * pre_temp + (1 - k.emwa_temp_coeff) * s["temp"]
            temperature = pre_temp
        pre = softmax(own / temperature)
        tempered = log_softmax((own if k.fit_truncated else raw) / temperature)
        nll = -log_density(np.maximum(tempered, k.logp_floor), s["dir"])
        first = "dir_ent" not in s
        s["dir_ent"] = nll if first else k.emwa_dir_ent_coeff * nll + (1 - k.emwa_dir_ent_coeff) * s["dir_ent"]
        typical = -log_density(log_softmax(s["logp"]), s["dir"])
        s["inlier"] = nll < k.d * typical + k.e * s["dir_ent"] + k.dir_ent_offset
        s["inlier"] = s["inlier"] and entropy(np.exp(own)) >= k.perturb_above
        probs = pre
        if s["inlier"]:
            q = np.exp(sample_dirichlet_log(s["dir"][None], key)[0]) * (pre > 0)
            q = q / q.sum()
            kl = float((q[q > 0] * np.log(q[q > 0] / pre[q > 0])).sum())
            f = 1 - k.perturb_base_coeff ** (-k.perturb_exp_coeff / kl) if kl > 0 else 0.0
            probs = f * q + (1 - f) * pre
        self.temperature = temperature
        if k.softmax_temperature == "integral":
            s["temp"] = min(temperature * math.exp(k.integral_gain * (attained - entropy(probs))), cap)
        s["entropy"] = k.emwa_entropy_coeff * entropy(probs) + (1 - k.emwa_entropy_coeff) * s["entropy"]
        self.probs, self.raw, self.target = probs, raw, target
        return probs

    def observe(self, token: int) -> None:
        k, s = self.knobs, self.state
        if k.cross_entropy == "scaled":
            value = -max(math.log(self.probs[token] or 5e-324), k.logp_floor) / s["temp"]
        else:
            value = -log_softmax(self.raw / s["temp"])[token]
        s["cross"] = k.emwa_cross_ent_coeff * value + (1 - k.emwa_cross_ent_coeff) * s["cross"]


SETTINGS = {
    "defaults": {},
    "integral": {"softmax_temperature": "integral", "integral_gain": 0.2, "probs_ent_offset": 0.7},
    "share of its own entropy": {"entropy_share": 0.6, "probs_ent_offset": 0.1, "truncation": MinP(0.02)},
    "capped average": {"temperature_cap": 0.8, "probs_ent_offset": 2.0},
    "capped": {"temperature_cap": 1.1, "probs_ent_offset": 2.0, "softmax_temperature": "pre"},
    "capped integral": {"temperature_cap": 1.1, "probs_ent_offset": 2.5, "softmax_temperature": "integral"},
    "unsure": {"perturb_above": 2.2, "perturb_exp_coeff": 1.0},
    "fit after the truncation": {"fit_truncated": True, "truncation": MinP(0.02), "logp_floor": -12.0},
    "pre": {"softmax_temperature": "pre"},
    "tempered": {"cross_entropy": "tempered", "softmax_temperature": "pre"},
    "strong noise": {"perturb_base_coeff": 3.0, "perturb_exp_coeff": 2.0, "dir_ent_offset": 50.0},
    "rare noise": {"dir_ent_offset": -8.0, "d": 0.9, "e": 0.1},
    "other rates": {
        "a": 0.3, "b": 0.4, "probs_ent_offset": 0.9, "emwa_logp_base": 1.5, "emwa_logp_exp_factor": 1.0,
        "emwa_dir_coeff": 0.7, "emwa_temp_coeff": 0.5, "emwa_dir_ent_coeff": 0.3, "emwa_entropy_coeff": 0.9,
        "emwa_cross_ent_coeff": 0.02,
    },
}  # fmt: skip


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_every_state_variable_follows_the_specification(setting: str, dtype: str):
    sampler = AdaptiveDirichlet(**SETTINGS[setting])
    rtol = 1e-7 if dtype == "float64" else 2e-3
    logits = [x.astype(dtype) for x in stream(25, 60, seed=1)]
    oracle = Transcript(sampler)
    oracle.start(logits[0][0].astype(np.float64))
    state = sampler.init(logits[0])
    tokens = np.random.default_rng(2).integers(60, size=25)
    branches = set()
    for position, (x, token) in enumerate(zip(logits, tokens, strict=True)):
        key = Key.of([9], [position], like=x)
        shaped, state = sampler.adjust(x, state, key)
        expected = oracle.adjust(x[0].astype(np.float64), key)
        np.testing.assert_allclose(np.exp(shaped[0]), expected, rtol=rtol, atol=rtol * 1e-2)
        state = sampler.observe(np.array([token]), state)
        oracle.observe(int(token))
        s, report = oracle.state, sampler.report(state)
        np.testing.assert_allclose(state.emwa_logp[0], s["logp"], rtol=rtol)
        np.testing.assert_allclose(state.emwa_dir[0], s["dir"], rtol=rtol)
        for name, value in (
            ("emwa_temp", s["temp"]), ("emwa_cross_ent", s["cross"]), ("emwa_entropy", s["entropy"]),
            ("emwa_dir_ent", s["dir_ent"]), ("target_entropy", oracle.target), ("entropy", entropy(expected)),
            ("concentration", s["dir"].sum()),
        ):  # fmt: skip
            np.testing.assert_allclose(report[name][0], value, rtol=rtol, atol=1e-9, err_msg=name)
        assert bool(report["inlier"][0]) == s["inlier"]
        branches.add(s["inlier"])
    if setting in ("rare noise", "unsure"):
        assert branches == {True, False}


@pytest.mark.parametrize("backend", BACKENDS, ids=repr)
def test_the_solved_temperature_meets_the_target(backend: Backend):
    sampler = AdaptiveDirichlet(softmax_temperature="pre", perturb_exp_coeff=0.0)
    state = sampler.init(backend.put(stream(1, 500, 3, rows=3)[0].astype(np.float32)))
    for position, x in enumerate(stream(5, 500, 3, rows=3)):
        x = backend.put(x.astype(np.float32))
        shaped, state = sampler.adjust(x, state, Key.of([1, 2, 3], [position] * 3, like=x))
        report = sampler.report(state)
        assert get(report["temperature_ok"]).all()
        p = np.exp(get(shaped).astype(np.float64))
        np.testing.assert_allclose(-xlogy(p, p).sum(-1), get(report["target_entropy"]), atol=2e-4)
        state = sampler.observe(draw(shaped, Key.of([1, 2, 3], [position] * 3, like=x)), state)


def test_the_loop_settles_where_the_documentation_says():
    """H* = probs_ent_offset / (1 - a/T - b), on a stationary stream, within 5 %."""
    sampler = AdaptiveDirichlet(a=0.4, b=0.3, probs_ent_offset=0.9, softmax_temperature="pre", perturb_exp_coeff=0.0)
    rng, rows = np.random.default_rng(4), 16
    logits = 2 * rng.normal(size=(rows, 200))
    state, entropies, temperatures = sampler.init(logits), [], []
    for position in range(600):
        key = Key.of(list(range(rows)), [position] * rows, like=logits)
        x = rng.permuted(logits, axis=-1)
        shaped, state = sampler.adjust(x, state, key)
        state = sampler.observe(draw(shaped, key), state)
        if position >= 150:
            entropies.append(sampler.report(state)["entropy"])
            temperatures.append(state.emwa_temp)
    expected = 0.9 / (1 - 0.4 / np.mean(temperatures) - 0.3)
    assert abs(np.mean(entropies) / expected - 1) < 0.05


def test_the_integral_meets_the_target_on_average_and_not_at_each_step():
    """Set nats, get nats: on a stream whose own entropy varies, the mean of 300 steps is within 0.01 of the target."""
    sampler = AdaptiveDirichlet(
        a=0, b=0, probs_ent_offset=1.5, softmax_temperature="integral", integral_gain=0.1, perturb_exp_coeff=0.0
    )
    rng, entropies = np.random.default_rng(12), []
    scales = rng.uniform(1, 4, size=330)  # wide: the entropy of the prediction itself goes from 0.6 to 4.8 nats
    x = scales[0] * rng.normal(size=(8, 200))
    state = sampler.init(x)
    for position, scale in enumerate(scales):
        x = scale * rng.normal(size=(8, 200))
        key = Key.of(list(range(8)), [position] * 8, like=x)
        shaped, state = sampler.adjust(x, state, key)
        state = sampler.observe(draw(shaped, key), state)
        entropies.append(sampler.report(state)["entropy"])
    settled = np.asarray(entropies[30:])
    assert settled.std() > 0.3
    assert np.abs(settled.mean(axis=0) - 1.5).max() < 0.05
    assert abs(settled.mean() - 1.5) < 0.01


def test_without_noise_it_is_temperature_alone():
    sampler = AdaptiveDirichlet(perturb_exp_coeff=0.0)
    logits = stream(1, 100, 5, rows=2)[0]
    key = Key.of([1, 2], [0, 0], like=logits)
    shaped, state = sampler.adjust(logits, sampler.init(logits), key)
    for row in range(2):
        scaled = Temperature(float(state.emwa_temp[row])).adjust(logits[row : row + 1], (), key)[0]
        np.testing.assert_allclose(shaped[row], log_softmax(scaled[0]), rtol=1e-9, atol=1e-9)
    assert not state.last.inlier.any()
    np.testing.assert_array_equal(state.emwa_dir, sampler.init(logits).emwa_dir)


def test_masked_tokens_stay_out_and_do_not_poison_the_state():
    sampler = AdaptiveDirichlet(dir_ent_offset=1e9)  # every row an inlier
    masked = slice(10, 30)
    for mask in (-np.inf, -1e9):
        logits = [x.astype(np.float32) for x in stream(6, 80, 6)]
        for x in logits:
            x[:, masked] = mask
        state = sampler.init(logits[0])
        for position, x in enumerate(logits):
            shaped, state = sampler.adjust(x, state, Key.of([3], [position], like=x))
            assert (shaped[0, masked] == -np.inf).all()
            assert np.isfinite(shaped[0, :10]).all()
            assert state.last.inlier[0]
            state = sampler.observe(np.array([position]), state)
        assert np.isfinite(state.emwa_logp).all()
        assert np.isfinite(state.emwa_dir).all()
        assert state.emwa_logp.min() >= sampler.logp_floor


def test_an_unusable_row_is_returned_as_it_came_and_others_do_not_notice():
    sampler = AdaptiveDirichlet()
    first, second = (x.astype(np.float32) for x in stream(2, 50, 7, rows=4))
    state = sampler.init(first)
    second[1] = -np.inf
    second[2, 5] = np.nan
    key = Key.of([1, 2, 3, 4], [0] * 4, like=second)
    shaped, after = sampler.adjust(second, state, key)
    np.testing.assert_array_equal(shaped[1:3], second[1:3])
    np.testing.assert_array_equal(after.emwa_logp[1:3], state.emwa_logp[1:3])
    assert after.steps.tolist() == [1, 0, 0, 1]
    alone, _ = sampler.adjust(second[3:], sampler.init(first[3:]), Key.of([4], [0], like=second))
    np.testing.assert_allclose(shaped[3], alone[0], rtol=1e-6)


def test_forced_masked_and_unknown_tokens_are_accepted():
    sampler = AdaptiveDirichlet()
    x = stream(1, 50, 8, rows=3)[0]
    x[:, 7] = -np.inf
    _, state = sampler.adjust(x, sampler.init(x), Key.of([1, 2, 3], [0] * 3, like=x))
    after = sampler.observe(np.array([3, 7, -1]), state)
    assert np.isfinite(after.emwa_cross_ent).all()
    assert after.emwa_cross_ent[1] > state.emwa_cross_ent[1]
    assert after.emwa_cross_ent[2] == state.emwa_cross_ent[2]


def test_the_mask_of_a_truncation_holds_and_the_averages_do_not_see_it():
    plain, truncated = AdaptiveDirichlet(), AdaptiveDirichlet(truncation=MinP(0.1))
    one, two = None, None
    for position, x in enumerate(stream(6, 300, 9)):
        key = Key.of([5], [position], like=x)
        one, two = one or plain.init(x), two or truncated.init(x)
        _, one = plain.adjust(x, one, key)
        shaped, two = truncated.adjust(x, two, key)
        keep = np.isfinite(MinP(0.1).adjust(log_softmax(x), (), key)[0])
        np.testing.assert_array_equal(np.isfinite(shaped), keep)
        np.testing.assert_allclose(np.exp(shaped).sum(), 1, rtol=1e-9)
        np.testing.assert_array_equal(one.emwa_logp, two.emwa_logp)
        np.testing.assert_array_equal(one.emwa_dir, two.emwa_dir)
        token = np.argmax(shaped, axis=-1)
        one, two = plain.observe(token, one), truncated.observe(token, two)


@pytest.mark.parametrize("support", [20, (3, 1, 4, 59, 26)])
def test_a_support_bounds_the_state_and_keeps_its_mass(support):
    sampler = AdaptiveDirichlet(support=support, dir_ent_offset=1e9)
    logits = stream(4, 60, 10, rows=2)
    state = sampler.init(logits[0])
    size = support if isinstance(support, int) else len(support)
    for position, x in enumerate(logits):
        shaped, state = sampler.adjust(x, state, Key.of([1, 2], [position] * 2, like=x))
        assert state.emwa_logp.shape == state.emwa_dir.shape == (2, size)
        pre = log_softmax(x / state.emwa_temp[:, None], axis=-1)
        inside = np.zeros((2, 60), bool)
        np.put_along_axis(inside, state.ids, True, axis=-1)
        np.testing.assert_allclose(shaped[~inside], pre[~inside], rtol=1e-9)
        np.testing.assert_allclose((np.exp(shaped) * inside).sum(-1), (np.exp(pre) * inside).sum(-1), rtol=1e-6)
        assert (np.abs(shaped - pre) * inside).max() > 1e-3
        state = sampler.observe(np.argmax(shaped, axis=-1), state)
    top = np.argsort(-logits[0], axis=-1)[:, :size]
    if isinstance(support, int):
        np.testing.assert_array_equal(np.sort(state.ids), np.sort(top))


def test_a_support_of_everything_is_no_support():
    x = stream(1, 40, 11)[0]
    key = Key.of([1], [0], like=x)
    whole, part = AdaptiveDirichlet(), AdaptiveDirichlet(support=40)
    np.testing.assert_array_equal(whole.adjust(x, whole.init(x), key)[0], part.adjust(x, part.init(x), key)[0])


def test_settings_that_run_away_or_collapse_warn():
    with pytest.warns(UserWarning, match="run away to log V"):
        AdaptiveDirichlet(a=0.6, b=0.5)
    with pytest.warns(UserWarning, match="collapse to greedy"):
        AdaptiveDirichlet(probs_ent_offset=0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        AdaptiveDirichlet(a=0, b=0, probs_ent_offset=2.5)


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        ({"a": 1.0}, r"AdaptiveDirichlet\.a must be a number in \[0, 1\), got 1\.0"),
        ({"emwa_logp_base": 1.0}, r"emwa_logp_base must be a number in \(1, inf\), got 1\.0"),
        ({"softmax_temperature": "post"}, r"softmax_temperature must be one of 'pre', 'emwa', 'integral', got 'post'"),
        ({"truncation": Mirostat()}, r"truncation must be a stateless sampler, got Mirostat"),
        ({"support": 1}, r"support must be an integer >= 2, got 1"),
        ({"support": (4, 4)}, r"support must hold distinct token ids"),
        ({"emwa_dir_coeff": float("nan")}, r"emwa_dir_coeff must be a number in \[0, 1\], got nan"),
    ],
)
def test_bad_knobs_are_named(knobs: dict, message: str):
    with pytest.raises(ValueError, match=message):
        AdaptiveDirichlet(**knobs)


def test_a_support_outside_the_vocabulary_is_named():
    with pytest.raises(ValueError, match=r"support must hold token ids in \[0, 9\], got 12"):
        AdaptiveDirichlet(support=(1, 12)).init(np.zeros((1, 10), np.float32))


def test_chains_without_state_may_truncate():
    assert AdaptiveDirichlet(truncation=TopK(50) >> MinP(0.02)).truncation is not None
