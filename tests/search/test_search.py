"""Search in the reverse process: what it may change, what it measures and counts, and what it reaches."""

import dataclasses
import random
from typing import Any

import numpy as np
import pytest
import torch
from diffusion.laws import canvases, revealed_at
from diffusion.oracles import Chain, Independent, Joint, Timed, TorchChain, chain, lumpy
from search.scorers import Arbitrary, Blaming, Letters, Recording

from sortilege.diffusion import Denoised, denoise
from sortilege.diffusion._rows import Row
from sortilege.diffusion.policies import parse_policy
from sortilege.diffusion.process import Process
from sortilege.properties import Bound
from sortilege.search import Search, Searcher, search, search_each
from sortilege.search.judge import Judge

POLICIES = (
    "ancestral",
    "first-hitting",
    "low-confidence",
    "margin(0.3)",
    "entropy",
    "random",
    "entropy-bounded(1.5)",
    "threshold(0.6)",
    "factor(1.5)",
    "klass(confidence=0.4, kl=0.5, history=1)",
    "remdm-cap(0.2)",
    "remdm-rescale(0.4)",
    "remdm-conf",
    "remdm-loop(0.2)",
    "blocks(3, threshold(0.6))",
    "blocks(4, remdm-cap(0.2))",
)
METHODS = ("none", "best-of-n", "local-search", "exhaustive", "tree")
TEMPLATES = ("________", "ab__________", "_b__cd____a_", "dcb_", "__abcd____")


def two(first: Recording | None = None, second: Recording | None = None) -> list[Bound]:
    """Few "c" and a good many "b", of letters that mostly go a, b, c, d, a, b, ..."""
    return [
        Bound("c", Letters("c") if first is None else first, upper=1),
        Bound("b", Letters("b") if second is None else second, lower=3),
    ]


def run(
    bounds: list[Bound] | None = None,
    oracle: Any = None,
    prompt: Any = "",
    *,
    length: int | None = 12,
    policy: str = "random",
    **settings: Any,
) -> list[Denoised]:
    """A search on the chain of four letters; what is not a setting of ``Search`` goes to ``search``."""
    names = {field.name for field in dataclasses.fields(Search)}
    asked = {name: value for name, value in settings.items() if name in names}
    others = {name: value for name, value in settings.items() if name not in names}
    if parse_policy(policy).default_steps is not None:
        others.setdefault("steps", 6)
    model = chain() if oracle is None else oracle
    return search(
        model, prompt, two() if bounds is None else bounds, Search(**asked), length=length, policy=policy, **others
    )


def told(text: Denoised) -> dict[str, Any]:
    """Everything about a text but how long it took."""
    return {field.name: getattr(text, field.name) for field in dataclasses.fields(text) if field.name != "seconds"}


# What may change


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("method", METHODS)
def test_the_text_is_its_own(method: str, policy: str) -> None:
    """Neither batch nor order matter, what was given stays, and the report is true."""
    settings: Any = {"method": method, "length": None, "policy": policy, "width": 2, "branches": 2, "k": 2}
    ends = (3,) if policy in ("ancestral", "threshold(0.6)", "remdm-cap(0.2)") else ()
    oracle = chain(5, ends=(4,)) if ends else chain(5)
    prompts, seeds = list(TEMPLATES), [3, 1, 4, 1, 2**40]
    texts = run(oracle=oracle, prompt=prompts, seed=seeds, batch_size=5, **settings)
    again = run(oracle=oracle, prompt=prompts[::-1], seed=seeds[::-1], batch_size=2, **settings)
    assert [told(text) for text in texts] == [told(text) for text in again[::-1]]
    [alone] = run(oracle=oracle, prompt=prompts[2], seed=seeds[2], batch_size=1, **settings)
    assert told(alone) == told(texts[2])
    for text, template in zip(texts, prompts, strict=True):
        whole = oracle.decode(text.tokens)
        assert all(one in ("_", other) for one, other in zip(template, whole, strict=False))
        assert len(whole) == len(template) or (whole[-1] == "e" and ends)
        seen = canvases(text, oracle.mask_id, oracle.encode(template))
        assert seen[-1][: len(text.tokens)].tolist() == list(text.tokens)
        report = text.search
        assert report.values == {"c": text.text.count("c"), "b": text.text.count("b")}
        assert report.distances == {"c": max(0, report.values["c"] - 1), "b": max(0, 3 - report.values["b"])}
        assert report.satisfied == (report.distances == {"c": 0, "b": 0})
        if not parse_policy(policy).remasks and method != "tree":
            assert text.denoiser_calls <= len(text.history)
            assert report.denoiser_calls == 0
            assert not any(record.edited or record.masked for record in text.history)


@pytest.mark.parametrize("method", ["none", "best-of-n", "local-search", "exhaustive"])
def test_the_schedule_is_not_touched(method: str) -> None:
    for policy in ("ancestral", "first-hitting", "random", "remdm-cap(0.3)"):
        steps = 7 if policy in ("ancestral", "remdm-cap(0.3)") else None
        plain = denoise(chain(), length=12, policy=policy, steps=steps, num_samples=8)
        texts = run(policy=policy, steps=steps, num_samples=8, method=method)
        assert [revealed_at(text) for text in texts] == [revealed_at(text) for text in plain]
        assert [[record.masked for record in text.history] for text in texts] == [
            [record.masked for record in text.history] for text in plain
        ]
        assert [[record.time for record in text.history] for text in texts] == [
            [record.time for record in text.history] for text in plain
        ]
        if method == "none":
            assert [text.tokens for text in texts] == [text.tokens for text in plain]


@pytest.mark.parametrize("kind", [Timed, TorchChain])
def test_a_network_that_is_told_the_time_and_one_in_torch(kind: type[Chain]) -> None:
    for settings in ({"policy": "ancestral"}, {"policy": "threshold(0.6)"}, {"edit_revealed": "remask", "last": 0.0}):
        same = run(num_samples=4, **settings)
        other = run(oracle=chain(kind=kind), num_samples=4, **settings)
        assert [text.tokens for text in other] == [text.tokens for text in same]
        assert [text.search for text in other] == [text.search for text in same]
        if kind is Timed and "policy" in settings:
            assert all(text.denoiser_calls == text.steps for text in other)


@pytest.mark.parametrize("sampler", ["top-k(2)", "temperature(0.5), top-p(0.8)", "repetition-penalty(1.5)", "mirostat"])
def test_samplers_filter_what_is_drawn_and_what_is_tried(sampler: str) -> None:
    scorer = Letters("c")
    for method in ("local-search", "exhaustive"):
        settings: Any = {"sampler": sampler, "num_samples": 3, "k": 4, "method": method}
        texts = run([Bound("c", scorer, upper=1)], batch_size=3, **settings)
        alone = run([Bound("c", scorer, upper=1)], batch_size=1, **settings)
        assert [told(text) for text in texts] == [told(text) for text in alone]
    if sampler == "top-k(2)":  # in a single step, every text tried consists of the two likeliest tokens of each slot
        scorer.asked.clear()
        probability = np.random.default_rng(0).dirichlet(np.ones(4), size=8)
        run([Bound("c", scorer, upper=-1)], Independent(probability), length=8, steps=1, policy="ancestral",
            sampler=sampler, k=4, method="exhaustive", num_x_theta_samples=1)  # fmt: skip
        likely = np.argsort(-probability, axis=1)[:, :2]
        assert len(scorer.asked) == 1 + 8
        for text in scorer.asked:
            assert all("abcd".index(letter) in two for letter, two in zip(text, likely, strict=True))


def test_nothing_global_is_touched() -> None:
    before = random.getstate(), np.random.get_state()[1].tolist(), torch.random.get_rng_state().tolist()
    for method in METHODS:
        run(method=method, num_samples=2, num_x_theta_samples=2, edit_revealed="remask", last=0.0)
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1]
    assert torch.random.get_rng_state().tolist() == before[2]


# What is measured and counted


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("method", ["best-of-n", "local-search", "exhaustive", "tree"])
def test_scorer_calls_are_the_texts_measured(method: str, policy: str) -> None:
    first, second, third = Blaming("c"), Letters("b"), Letters("d")
    bounds = [Bound("d", third), *two(first, second)]
    texts = run(bounds, method=method, policy=policy, num_samples=1, seed=3, prompt="a__bc", width=2, branches=2)
    [text] = texts
    counted = len(first.asked) + len(second.asked) + len(first.blames)
    assert text.search.scorer_calls == counted
    for scorer in (first, second):  # never a text twice
        assert len(set(scorer.asked)) == len(scorer.asked)
    # What is not bounded is measured at the end, for the report alone; its place among the bounds does not matter.
    assert third.asked == [text.text]
    assert text.search.values["d"] == text.text.count("d")
    assert set(text.search.distances) == {"c", "b"}


def test_only_draws_are_measured_where_they_hold() -> None:
    for method in ("best-of-n", "local-search"):
        scorer = Letters("a")
        [text] = run([Bound("a", scorer, upper=99)], method=method, num_x_theta_samples=3, edit_revealed="remask")
        assert text.search.scorer_calls == len(scorer.asked) <= 3 * len(text.history)
        assert (text.search.sweeps, text.search.moves, text.search.denoiser_calls) == (0, 0, 0)


def test_the_reference_measures_though_they_hold() -> None:
    lazy, exhaustive = (run([Bound("a", Letters("a"), upper=99)], method=m)[0].search for m in ("none", "exhaustive"))
    assert lazy.scorer_calls == 0
    assert exhaustive.scorer_calls > 100
    assert (exhaustive.satisfied, exhaustive.moves) == (True, 0)


def test_with_nothing_bounded_nothing_is_searched() -> None:
    plain = denoise(chain(), length=12, policy="random", num_samples=3)
    for method in ("none", "best-of-n", "local-search", "exhaustive"):
        scorer = Letters("a")
        texts = run([Bound("a", scorer)], method=method, num_samples=3, num_x_theta_samples=3, edit_revealed="remask")
        assert [text.tokens for text in texts] == [text.tokens for text in plain]
        assert scorer.asked == [text.text for text in texts]
        for text in texts:
            assert text.search.satisfied
            assert (text.search.scorer_calls, text.search.sweeps, text.search.distances) == (0, 0, {})


@pytest.mark.parametrize(
    ("settings", "searched"),
    [
        ({}, [True] * 12),
        ({"every": 5}, [n in (0, 5, 10, 11) for n in range(12)]),
        ({"every": 100}, [n in (0, 11) for n in range(12)]),
        ({"last": 0.5}, [n >= 6 for n in range(12)]),
        ({"last": 0.0}, [n == 11 for n in range(12)]),
        ({"last": 0.5, "every": 4}, [n in (8, 11) for n in range(12)]),
    ],
)
def test_when_it_is_searched(settings: dict[str, Any], searched: list[bool]) -> None:
    for method in ("best-of-n", "local-search", "exhaustive"):
        texts = run(method=method, num_samples=3, **settings)
        for text in texts:
            assert [bool(record.values) for record in text.history] == searched
            assert text.history[-1].values == text.search.values
    [text] = run(policy="low-confidence", prompt="abc", steps=3, **settings)
    assert text.history[-1].values == text.search.values


def test_the_last_reveal_is_searched_even_with_policies_that_weigh_tokens() -> None:
    for policy in ("threshold(0.6)", "factor(1.5)", "blocks(4, threshold(0.5))", "remdm-cap(0.2)", "klass"):
        never = [Bound("a", Letters("a"), lower=13)]
        for text in run(never, policy=policy, last=0.0, num_samples=4):
            assert text.search.sweeps > 0
            assert text.search.moves > 0 or "a" in text.text


@pytest.mark.parametrize("method", ["best-of-n", "local-search", "exhaustive", "tree"])
def test_budgets(method: str) -> None:
    for budget, step_budget in ((7, None), (None, 3), (20, 4), (1, 1)):
        marks: list[int] = []
        scorers = Blaming("c"), Letters("b")

        class Watched(Chain):
            def predict(self, *canvas: Any) -> Any:
                marks.append(sum(len(one.asked) + len(one.blames) for one in scorers))  # noqa: B023
                return super().predict(*canvas)

        [text] = run(
            [Bound("c", scorers[0], upper=-1), Bound("b", scorers[1], lower=100)],
            chain(kind=Watched),
            method=method,
            budget=budget,
            step_budget=step_budget,
            num_x_theta_samples=3,
        )
        marks.append(text.search.scorer_calls)
        assert text.search.scorer_calls <= (budget or 10**6)
        assert (np.diff(marks) <= (step_budget or 10**6)).all()
        assert text.search.values == {"c": text.text.count("c"), "b": text.text.count("b")}
        if step_budget is None:
            assert text.search.scorer_calls == budget


def test_sweeps() -> None:
    impossible = [Bound("c", Arbitrary(10**6), upper=-1)]
    [once] = run(impossible, sweeps=1, k=3)
    assert once.search.sweeps == len(once.history) == 12
    [often] = run(impossible, k=3)
    assert often.search.sweeps > 12


# What is chosen


def flat(length: int = 6) -> Independent:
    return Independent(np.random.default_rng(1).dirichlet(np.ones(4) * 3, size=length))


def ordered(texts: list[str], scorer: Recording, bound: Bound, oracle: Independent) -> list[str]:
    """Different texts, the best first."""

    def rank(text: str) -> tuple[float, float]:
        log_prob = np.log(oracle.probability[np.arange(len(text)), oracle.encode(text)]).sum()
        return bound.band(bound.distance(scorer.value(text))), -float(log_prob)

    return sorted(set(texts), key=rank)


@pytest.mark.parametrize("draws", [1, 5])
@pytest.mark.parametrize("rank", [1, 2, 4, 100])
def test_the_nth_best_sequence(rank: int, draws: int) -> None:
    oracle = flat()
    settings: Any = {"length": 6, "policy": "ancestral", "steps": 1}
    for seed in range(5):
        [plain] = denoise(oracle, seed=seed, **settings)
        for method in ("best-of-n", "exhaustive", "local-search"):
            scorer = Arbitrary(8, seed)
            bound = Bound("a", scorer, upper=1)
            [text] = run([bound], oracle, method=method, seed=seed, num_x_theta_samples=draws,
                         best_sequence_rank=rank, k=3, **settings)  # fmt: skip
            assert scorer.asked[0] == plain.text  # the first draw is that of the plain process
            assert len(scorer.asked) <= draws or method != "best-of-n"
            best = ordered(scorer.asked, scorer, bound, oracle)
            assert text.text == best[min(rank, len(best)) - 1]
            if method == "exhaustive" and bound.distance(scorer.value(plain.text)) and draws == 1:
                assert len(scorer.asked) >= 1 + 6 * 2  # all neighbours but those that are the text itself


def test_draws_are_different_draws_of_x_theta() -> None:
    scorer = Arbitrary(8)
    run([Bound("a", scorer, upper=-1)], flat(40), length=40, policy="ancestral", steps=1, method="best-of-n",
        num_x_theta_samples=20)  # fmt: skip
    assert len(scorer.asked) == 20


def test_what_was_reached_is_kept() -> None:
    reached = 0
    for policy in ("random", "ancestral", "threshold(0.6)", "remdm-cap(0.3)"):
        for method in ("best-of-n", "local-search"):
            for text in run(policy=policy, method=method, num_samples=6, k=3):
                met = [record.values.get("c", 9) <= 1 and record.values.get("b", 0) >= 3 for record in text.history]
                assert met == sorted(met)
                assert text.search.satisfied == met[-1]
                reached += met[0]
    assert reached > 0


def test_log_probabilities_are_the_models() -> None:
    """Of every sequence that is ranked, recomputed from the canvas of its step."""
    oracle = chain(5)
    judges: list[tuple[Judge, np.ndarray]] = []

    class Watching(Searcher):
        def judge(self, process: Process, row: Row) -> Judge:
            judges.append((super().judge(process, row), row.canvas.copy()))
            return judges[-1][0]

    for method in ("best-of-n", "local-search", "exhaustive"):
        searcher = Watching(two(), Search(method, k=3, num_x_theta_samples=2))
        denoise(oracle, ["a__b", ""], length=10, policy="random", proposer=searcher, seed=5)
    checked = 0
    for judge, canvas in judges:
        slots = np.flatnonzero(canvas == oracle.mask_id)
        for one in judge.seen:
            p = oracle.conditional(canvas)[slots, one.tokens[slots]]
            assert one.log_prob == pytest.approx(float(np.log(p).sum()), abs=1e-9)
            checked += 1
    assert checked > 200


def test_sequences_that_have_become_impossible_are_given_up() -> None:
    """With one slot a step every text is possible, however good an impossible one would be."""
    oracle = Joint(lumpy(3, 5))
    for method in ("best-of-n", "local-search", "exhaustive"):
        for seed in range(15):
            [text] = run([Bound("one", Arbitrary(50, seed), upper=-1)], oracle, length=5, method=method, seed=seed)
            assert oracle.table[text.tokens] > 0


def test_bounds_that_plain_text_misses_are_met() -> None:
    """The chance of a false alarm is nil: all seeds are fixed and the margins wide."""
    hard = [Bound("c", Letters("c"), upper=0), Bound("b", Letters("b"), lower=3), Bound("d", Letters("d"), upper=2)]
    share: dict[str, float] = {}
    for method in METHODS:
        texts = run(hard, method=method, num_samples=25, num_x_theta_samples=4 if method[0] == "b" else 1)
        share[method] = float(np.mean([text.search.satisfied for text in texts]))
    assert share["none"] <= 0.2
    assert share["local-search"] >= 0.9
    assert all(share[method] >= share["none"] + 0.1 for method in METHODS[1:])


def test_the_first_bound_comes_first() -> None:
    """Bounds that contradict each other: the more important one is met."""
    for order in (0, 1):
        bounds = [Bound("many", Letters("b"), lower=4), Bound("few", Letters("b"), upper=1)]
        for text in run(bounds[:: 1 - 2 * order], num_samples=5):
            assert text.text.count("b") >= 4 if order == 0 else text.text.count("b") <= 1


# Ends


def test_texts_are_measured_up_to_their_end() -> None:
    for policy in ("random", "threshold(0.6)"):
        scorer = Letters("b")
        texts = run([Bound("b", scorer, lower=4)], chain(5, ends=(4,)), policy=policy, num_samples=6, length=16)
        assert any(text.finish_reason == "end" for text in texts)
        for text in texts:
            assert text.search.values["b"] == text.text.count("b")
        assert all("e" not in text[:-1] for text in scorer.asked)
        scorer.asked.clear()
        run([Bound("b", scorer, lower=4)], chain(5, ends=(4,)), num_samples=6, length=16, stop_at_end=False)
        assert any("e" in text[:-1] for text in scorer.asked)
        assert all(len(text) == 16 for text in scorer.asked)


def test_the_step_that_ends_the_text_is_searched() -> None:
    """Whichever it turns out to be."""
    for policy in ("random", "ancestral", "threshold(0.6)", "blocks(4)"):
        for settings in ({"last": 0.0}, {"every": 100}):
            texts = run(
                [Bound("b", Letters("b"), lower=20)], chain(5, ends=(4,)), policy=policy, num_samples=8, **settings
            )
            assert any(text.finish_reason == "end" for text in texts)
            for text in texts:
                assert text.history[-1].values == text.search.values


def test_end_tokens_that_were_given_do_not_hide_what_follows() -> None:
    for method in METHODS:
        scorer = Letters("b")
        [text] = run([Bound("b", scorer, lower=3)], flat(8), "_a_d____", length=8, method=method, width=2, branches=2)
        plain = Independent(flat(8).probability * [1, 1, 1, 0] + [0, 0, 0, 1e-9], ends=(3,))
        [text] = run([Bound("b", scorer, lower=3)], plain, "_a_d____", length=8, method=method, width=2, branches=2)
        assert text.search.values["b"] == text.text.count("b")
        assert len(text.text) == 8


# Settings and refusals


def test_texts_come_as_they_are_finished() -> None:
    for method in ("local-search", "tree"):
        settings: Any = {"length": None, "policy": "random"}
        texts = search(chain(), ["____", "_"], two(), Search(method), **settings)
        came = list(search_each(chain(), ["____", "_"], two(), Search(method), batch_size=2, **settings))
        assert sorted(index for index, _ in came) == [0, 1]
        for index, text in came:
            assert told(text) == told(texts[index])
            assert text.seconds > 0


def test_every_setting_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {field.name for field in dataclasses.fields(Search)}
    read: set[str] = set()
    settings = [
        Search(method, sampling_method=rule, edit_revealed="remask")
        for method in METHODS
        for rule in ("locally_typical", "locally_typical_distance")
    ]

    def recorded(self: Search, name: str) -> Any:
        read.add(name)
        return object.__getattribute__(self, name)

    monkeypatch.setattr(Search, "__getattribute__", recorded)
    for one in settings:
        search(chain(), "", two(), one, length=8, policy="random")
    assert fields <= read
