"""Studies: what they find, that they repeat, go on, count, refuse and keep."""

import itertools
import math
import socket
import sqlite3
from pathlib import Path
from typing import Any

import optuna
import pytest
from studies import PROMPTS, SMALL, study, told
from tiny import Plain, byte_model

import sortilege
from sortilege.evaluation.prompts import Prompt
from sortilege.evaluation.sampling import sample, scored
from sortilege.samplers import Temperature
from sortilege.tuning import measured, read_method, tune
from sortilege.tuning.measuring import STEPS, Texts
from sortilege.tuning.objectives import OUTSIDE
from sortilege.tuning.run import Run
from sortilege.tuning.storages import open_storage


@pytest.mark.parametrize("optimizer", ["tpe", "cma-es", "random", "grid"])
def test_it_finds_what_it_is_asked_for(monkeypatch: pytest.MonkeyPatch, optimizer: str) -> None:
    """On a bowl whose bottom is known, in place of a model."""

    def bowl(samples: Any, names: Any = ()) -> dict[str, float]:
        x, y = samples
        return {"nll": (math.log10(x) + 1.5) ** 2 + (y - 1.1) ** 2, "tokens_per_second": 1.0}

    monkeypatch.setattr("sortilege.tuning.run.measured", bowl)
    drawn: list[Any] = []

    def draw(self: Texts, sampler: Any, *_: Any, parts: bool) -> list[Any]:
        if isinstance(sampler, Temperature):
            return sample(self.model, self.prompts, sampler, max_new_tokens=2)
        drawn.append(sampler)
        return [sampler.samplers[0].min_p, sampler.samplers[1].temperature]

    monkeypatch.setattr(Texts, "draw", draw)
    trials = None if optimizer == "grid" else 60
    found = study(objective="nll", optimizer=optimizer, pruner="none", trials=trials, points=7)
    assert len(found.trials) == len(drawn) == (49 if optimizer == "grid" else 60)
    assert found.best == found.nearest
    assert found.best.score == (min(one.score[0] for one in found.trials),)
    assert found.best.score[0] == found.best.metrics["nll"]
    assert found.best.score[0] < (0.3 if optimizer in ("grid", "random") else 0.05)
    assert found.best.sampler == found.space.sampler(found.best.values)


def test_a_grid_covers_exactly_its_points() -> None:
    space = "adaptive-dirichlet ~ softmax_temperature=pre|emwa, emwa_temp_coeff=0.01:1, probs_ent_offset=1:3"
    found = study(space, optimizer="grid", points=3, max_new_tokens=3)
    points = itertools.product(["pre", "emwa"], [0.01, 0.1, 1.0], [1.0, 2.0, 3.0])
    names = ("softmax_temperature", "emwa_temp_coeff", "probs_ent_offset")
    tried = [tuple(one.values[name] for name in names) for one in found.trials]
    assert sorted((a, round(b, 12), c) for a, b, c in tried) == sorted(points)
    assert {one.state for one in found.trials} == {"complete"}


def test_infeasible_points_of_a_grid_are_said_to_be() -> None:
    found = study("adaptive-dirichlet ~ a=0:0.9, b=0:0.9", optimizer="grid", points=3, max_new_tokens=3)
    states = {(one.values["a"], one.values["b"]): one.state for one in found.trials}
    assert len(found.trials) == len(states) == 9
    for (a, b), state in states.items():
        assert state == ("infeasible" if a + b >= 1 else "complete")
    assert all("a + b" in one.reason for one in found.trials if one.state == "infeasible")
    assert found.finished == 6


def test_infeasible_draws_do_not_count_and_draw_no_text(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Any] = []
    whole = Texts.draw
    monkeypatch.setattr(
        Texts, "draw", lambda self, sampler, *a, **k: drawn.append(sampler) or whole(self, sampler, *a, **k)
    )
    found = study("adaptive-dirichlet ~ a, b", optimizer="random", trials=4, max_new_tokens=4)
    assert found.finished == 4
    assert len([one for one in found.trials if one.state in ("complete", "pruned")]) == 4
    assert len([one for one in found.trials if one.state == "infeasible"]) > 0
    assert len(drawn) == 4 + 2  # and the reference, and greedy decoding
    with pytest.raises(ValueError, match="were infeasible; vary the knobs within narrower ranges"):
        study("adaptive-dirichlet ~ a=0.7:0.8, b=0.7:0.8", optimizer="random", trials=1)


def test_trials_meet_the_same_random_numbers() -> None:
    """Two trials of one setting are one, and that of the reference's sampler is the reference."""
    found = study("temperature ~ temperature=1|1.0000000001|0.5", optimizer="grid", pruner="none", trials=3)
    one, other, _ = sorted(found.trials, key=lambda trial: -trial.values["temperature"])
    for name in ("nll", "entropy", "distinct_3", "emwa_cross_ent"):
        assert one.metrics[name] == pytest.approx(other.metrics[name], rel=1e-6)
        assert other.metrics[name] == found.reference[name]


def test_metrics_are_those_of_the_texts() -> None:
    found = study("min-p", trials=3, pruner="none", num_samples=2)
    trial = found.trials[1]
    texts = sample(byte_model(), PROMPTS, trial.sampler, max_new_tokens=8, seed=3, num_samples=2)
    expected = measured(texts)
    for name, value in trial.metrics.items():
        if name != "tokens_per_second":
            assert value == pytest.approx(expected[name], nan_ok=True), name


def test_parts_are_the_whole() -> None:
    prompts = tuple(Prompt(text) for text in ("a", "b", "c", "d", "e", "f", "g"))
    texts = Texts(byte_model(), prompts, 4, 2, 5, 3, None)
    seen: list[tuple[int, int]] = []
    parts = texts.draw(Plain(), lambda part, samples: seen.append((part, len(samples))))
    assert seen == [(0, 4), (1, 8), (2, 12), (3, 14)]
    assert len(seen) == STEPS
    whole = sample(byte_model(), prompts, Plain(), max_new_tokens=4, num_samples=2, seed=5)
    assert [(one.prompt, one.seed, one.tokens.tolist()) for one in parts] == [
        (one.prompt, one.seed, one.tokens.tolist()) for one in whole
    ]


def test_pruned_trials_drew_less() -> None:
    found = study("min-p, temperature", optimizer="random", trials=14)
    pruned = [one for one in found.trials if one.state == "pruned"]
    assert pruned
    assert all(one.reason in [f"fell behind after {texts} texts" for texts in (1, 2, 3)] for one in pruned)
    assert found.finished == 14


@pytest.mark.parametrize("optimizer", ["tpe", "cma-es", "random", "grid"])
def test_gone_on_with_is_as_good_as_uninterrupted(tmp_path: Path, optimizer: str) -> None:
    settings: dict[str, Any] = {"optimizer": optimizer, "points": 4}
    count = 16 if optimizer in ("grid", "tpe") else 9  # TPE draws the first ten by chance
    whole = study(trials=count, **settings)
    storage = str(tmp_path / "s.db") if optimizer == "tpe" else f"journal:{tmp_path / 's.log'}"
    left = iter([False] * 5 + [True] * 9)
    part = study(trials=count, storage=storage, stop=lambda: next(left), **settings)
    assert part.finished == 5
    # A trial that was begun and lost before it had its values: as a process that was killed would leave it.
    kept = f"sqlite:///{storage}" if optimizer == "tpe" else open_storage(storage)
    trial = optuna.load_study(study_name=part.study, storage=kept).ask()
    trial.set_user_attr("worker", {"host": socket.gethostname(), "pid": 2**22 + 1, "started": "1"})
    rest = study(trials=count, storage=storage, **settings)
    assert rest.finished == count
    assert told(rest) == told(whole)


def test_the_same_seed_gives_the_same_trials_and_another_seed_others() -> None:
    once = told(study(trials=3))
    assert told(study(trials=3)) == once
    assert told(study(trials=3, seed=4)) != once


def test_more_trials_go_on_from_what_is_there(tmp_path: Path) -> None:
    storage = str(tmp_path / "s.db")
    seen: list[int] = []
    first = study(trials=3, storage=storage)
    more = study(trials=5, storage=storage, on_trial=lambda trial: seen.append(trial.number))
    assert seen == [3, 4]
    assert told(more)[:3] == told(first)
    assert told(more) == told(study(trials=5))
    assert study(trials=2, storage=storage).finished == 5


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a study."""
    path = tmp_path_factory.mktemp("mine") / "s.db"
    study("min-p", trials=2, storage=str(path), study="mine")
    assert study("top-p", trials=1, storage=str(path), study="other").finished == 1
    return path


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"space": "top-p"}, "of another method: .*min-p.* there, .*top-p"),
        ({"space": "min-p ~ min_p=0.1:0.2"}, "of another method"),
        ({"objective": "nll"}, 'another objective: "guarded" there, "-nll" here'),
        ({"band": "0.9:1"}, "another guards"),
        ({"seed": 4}, "another seed: 3 there, 4 here"),
        ({"max_new_tokens": 7}, "another max_new_tokens: 8 there, 7 here"),
        ({"num_samples": 2}, "another num_samples"),
        ({"optimizer": "random"}, "another optimizer"),
        ({"pruner": "none"}, "another pruner"),
        ({"end_token_ids": []}, "another end_token_ids"),
    ],
)
def test_another_study_of_the_same_name_is_refused(mine: Path, changed: dict[str, Any], words: str) -> None:
    path = mine
    before = list(sqlite3.connect(path).iterdump())
    with pytest.raises(ValueError, match=words) as refusal:
        study(**{"space": "min-p", "trials": 2, "storage": str(path), "study": "mine", **changed})
    assert "study 'mine' is there already" in str(refusal.value)
    assert "nothing was changed" in str(refusal.value)
    assert list(sqlite3.connect(path).iterdump()) == before


def test_other_prompts_or_another_model_are_another_study(tmp_path: Path) -> None:
    storage = str(tmp_path / "s.db")
    study("min-p", trials=1, storage=storage)
    with pytest.raises(ValueError, match="another prompts"):
        tune(byte_model(), PROMPTS[:3], "min-p", trials=1, storage=storage, **SMALL)
    renamed = sortilege.models.Model(byte_model().model, byte_model().tokenizer, "else")
    with pytest.raises(ValueError, match='another model: "random" there, "else" here'):
        tune(renamed, PROMPTS, "min-p", trials=1, storage=storage, **SMALL)


def test_a_study_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    other = optuna.create_study(study_name="min-p", storage=f"sqlite:///{path}")
    other.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
    with pytest.raises(ValueError, match="study 'min-p' is there already and not one of ours"):
        study("min-p", trials=1, storage=str(path))
    assert len(other.trials) == 1


def test_a_reference_people_wrote() -> None:
    written = [Prompt(text, text + " and so it went on") for text in ("ab", "cde", "hello")]
    found = tune(byte_model(), written, "min-p", trials=1, **SMALL)
    assert found.reference_kind.startswith("human")
    expected = measured(scored(byte_model(), written, [one.reference for one in written], max_new_tokens=8))
    assert found.reference["nll"] == expected["nll"]
    with pytest.raises(ValueError, match="as many in the reference as in a trial, got 3 and 3 prompts x 2"):
        tune(byte_model(), written, "min-p", trials=1, num_samples=2, **SMALL)
    short = [Prompt(text, " so") for text in ("ab", "cde", "hello")]
    with pytest.warns(UserWarning, match="the reference has 3 tokens a text and a trial up to 8"):
        tune(byte_model(), short, "min-p", trials=1, **SMALL)


def test_a_reference_that_is_given(tmp_path: Path) -> None:
    texts = sample(byte_model(), PROMPTS, Temperature(0.7), max_new_tokens=8, seed=9)
    storage = str(tmp_path / "s.db")
    found = study("min-p", trials=1, reference=texts, storage=storage)
    assert found.reference["entropy"] == measured(texts)["entropy"]
    assert study("min-p", trials=1, reference=texts, storage=storage).finished == 1
    with pytest.raises(ValueError, match="another reference"):
        study("min-p", trials=1, storage=storage)


def test_several_objectives_have_a_front() -> None:
    found = study(objective="quality-diversity", trials=8)
    assert found.best is None
    scores = [one.score for one in found.trials]
    assert all(
        score == (one.metrics["nll"], one.metrics["distinct_3"])
        for score, one in zip(scores, found.trials, strict=True)
    )
    front = {a for a in scores if not any(b[0] <= a[0] and b[1] >= a[1] and b != a for b in scores)}
    assert {one.score for one in found.front} == front


def test_nothing_varies() -> None:
    found = study("temperature(0.5) ~ none", trials=7)
    assert [one.sampler for one in found.trials] == [Temperature(0.5)]


def test_a_trial_that_cannot_be_drawn_from_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Texts.draw
    calls: list[Any] = []

    def draw(self: Texts, sampler: Any, *rest: Any, **more: Any) -> Any:
        calls.append(sampler)
        if len(calls) == 4:
            raise sortilege.DecodingError("the sampler's logits", 2, 3)
        return whole(self, sampler, *rest, **more)

    monkeypatch.setattr(Texts, "draw", draw)
    found = study("min-p", trials=4)
    assert [one.state for one in found.trials] == ["complete", "failed", "complete", "complete"]
    assert found.trials[1].reason.startswith("the sampler's logits in row 2 at position 3")
    assert found.trials[1].score == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"objective": "beauty"}, "unknown objective 'beauty'"),
        ({"space": "min-p ~ max_p"}, "no knob 'max_p' to vary; known: min_p"),
        ({"optimizer": "adam"}, "optimizer must be one of 'tpe', 'cma-es', 'grid', 'random', got 'adam'"),
        ({"optimizer": "cma-es", "objective": "quality-diversity"}, "cma-es is for a single objective"),
        ({"pruner": "median", "objective": "quality-diversity"}, "pruner must be none for several objectives"),
        ({"pruner": "axe"}, "pruner must be one of"),
        ({"trials": 0}, "trials must be an integer >= 1"),
        ({"seed": -1}, "seed must be"),
        ({"max_new_tokens": 0}, "max_new_tokens must be"),
        ({"num_samples": 0}, "num_samples must be"),
        ({"batch_size": 0}, "batch_size must be"),
        ({"workers": 0}, "workers must be"),
        ({"workers": 2}, "workers must be 1 for a study in memory"),
        ({"optimizer": "grid", "points": 0}, "points must be"),
        ({"optimizer": "grid", "points": 5, "trials": 24}, "trials must be at least 25 for this grid"),
        (
            {"space": "adaptive-dirichlet", "optimizer": "grid"},
            r"at most 10000 combinations, got \d+ \(5 x 5",
        ),
        ({"max_new_tokens": 64}, "the model's context"),
        ({"guards": ["temperature=0.9:1.1"]}, "the reference has no value of temperature"),
        ({"storage": "/nowhere/at/all.db"}, "no folder '/nowhere/at'"),
        ({"storage": "carrier-pigeon://x"}, "carrier-pigeon://x cannot be used"),
        (
            {"storage": "postgresql://me:hidden@127.0.0.1:1/x"},
            r"storage postgresql://me:\*\*\*@127.0.0.1:1/x cannot",
        ),
        ({"storage": "redis://127.0.0.1:1/0"}, "the storage redis://127.0.0.1:1/0 cannot be used"),
        ({"storage": "journal:/nowhere/at/all.log"}, "journal:/nowhere/at/all.log cannot be used"),
    ],
)
def test_bad_input_is_refused_before_any_trial(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any], words: str
) -> None:
    monkeypatch.setattr(Run, "go_on", lambda *_, **__: pytest.fail("a trial was begun"))
    with pytest.raises(ValueError, match=words) as refusal:
        study(**{"space": "min-p, temperature", **settings})
    assert "\n" not in str(refusal.value)
    assert "hidden" not in str(refusal.value)


def test_no_prompts_and_files_that_are_no_storage(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="prompts must be one or more"):
        tune(byte_model(), [], "min-p")
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n" * 100)
    for storage in (str(path), f"journal:{path}"):
        with pytest.raises(ValueError, match="txt cannot be used"):
            study("min-p", trials=1, storage=storage)
        assert path.read_text() == "my notes\n" * 100


def test_greedy_decoding_wins_the_source_s_objective_and_fails_the_guards() -> None:
    """On the bundled model: nothing has less than 0, and no guard lets it pass."""
    prompts = [Prompt("The old house by the sea"), Prompt("My father was a man"), Prompt("It was a dark night")]
    space = "temperature ~ temperature=0|1"
    common: dict[str, Any] = {"optimizer": "grid", "max_new_tokens": 32}
    alone = tune("tiny-ar", prompts, space, objective="emwa_cross_ent", **common)
    assert alone.best.values == {"temperature": 0}
    assert alone.best.score == (pytest.approx(0, abs=1e-12),)
    assert alone.baselines["greedy"]["emwa_cross_ent"] == pytest.approx(0, abs=1e-12)
    guarded = tune("tiny-ar", prompts, space, **common)
    greedy = next(one for one in guarded.trials if one.values["temperature"] == 0)
    for guard in guarded.goal.guards:
        assert guard.distance(greedy.metrics, guarded.reference) > 0, guard.text
    assert greedy.score[0] > OUTSIDE
    assert guarded.best.values["temperature"] > 0
    # Also where repetition is punished, which alone would make greedy texts diverse.
    chain = "dry(2, 1.75, 1, 64), temperature ~ temperature=0|1"
    guarded = tune("tiny-ar", prompts, chain, **common)
    greedy = next(one for one in guarded.trials if one.values["temperature"] == 0)
    held = {guard.metric: guard.distance(greedy.metrics, guarded.reference) == 0 for guard in guarded.goal.guards}
    assert not held["entropy"]
    assert guarded.best.values["temperature"] > 0


def test_method_objects_are_taken() -> None:
    assert study(read_method("min-p"), trials=1).space == read_method("min-p")  # type: ignore[arg-type]
