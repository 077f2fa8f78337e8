"""A comparison on random models: every number again by another way, and a file that survives anything."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from comparisons import METHODS, TEST, TUNE, judge_model, lines, small_plan, told
from tiny import byte_model

from sortilege._journal import RecordError
from sortilege.evaluation.comparing import compare
from sortilege.evaluation.comparison import SCHEMA, Comparison
from sortilege.evaluation.intervals import bootstrap
from sortilege.evaluation.judge import JudgeError, load_judge
from sortilege.evaluation.mauve import mauve
from sortilege.evaluation.metrics import METRICS, between_prompts
from sortilege.evaluation.plan import Plan, read_methods
from sortilege.evaluation.prompts import Prompt
from sortilege.evaluation.reading import read_comparison
from sortilege.evaluation.sampling import sample, scored
from sortilege.evaluation.self_bleu import self_bleu
from sortilege.models import Model
from sortilege.samplers import AdaptiveDirichlet, Temperature
from sortilege.samplers.spec import parse_sampler

Run = tuple[Path, Comparison]


def made_in(path: Path, plan: Plan | None = None, **more: Any) -> Comparison:
    return compare(plan or small_plan(), path, model=byte_model(), **{"judge": judge_model(), **more})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    path = tmp_path_factory.mktemp("run") / "out.jsonl"
    return path, made_in(path)


def test_what_the_file_has(run: Run) -> None:
    path, comparison = run
    records = lines(path)
    assert all(next(iter(record)) == "schema" and record["schema"] == SCHEMA for record in records)
    kinds = Counter(record["kind"] for record in records)
    assert kinds["plan"] == 1
    assert kinds["reference"] == 2
    assert kinds["trial"] == 2 * 3
    assert Counter(record["method"] for record in records if record["kind"] == "trial") == {"min-p": 3, "steady": 3}
    settings = {record["setting"] for record in records if record["kind"] == "chosen"}
    assert kinds["cell"] == 2 * len(settings)
    assert comparison.complete
    assert comparison.labels == ["min-p", "cold", "steady"]
    assert comparison.baselines == ["min-p", "cold"]
    assert not path.with_name("out.jsonl.study.db").exists()
    assert [p.name for p in path.parent.iterdir()] == ["out.jsonl"]


def test_reading_it_again_gives_the_same(run: Run) -> None:
    path, comparison = run
    again = read_comparison(path)
    assert str(again.rows()) == str(comparison.rows())
    assert again.chosen == comparison.chosen
    assert str(again.trials) == str(comparison.trials)


def test_the_runs_of_all_settings_come_in_turn(run: Run) -> None:
    """So that a machine that is slow for a while is so for all."""
    path, _ = run
    cells = [record for record in lines(path) if record["kind"] == "cell"]
    half = len(cells) // 2
    assert [record["run"] for record in cells] == [0] * half + [1] * half
    assert {record["setting"] for record in cells[:half]} == {record["setting"] for record in cells[half:]}
    assert cells[0]["setting"] != cells[half]["setting"]


def test_the_values_of_a_cell_are_those_of_its_texts(run: Run) -> None:
    path, _ = run
    cells = [record for record in lines(path) if record["kind"] == "cell"]
    judge = load_judge(judge_model())
    for cell in (cells[0], cells[-1]):
        samples = sample(
            byte_model(), TEST, parse_sampler(cell["setting"]), max_new_tokens=8, seed=1_000_000 * (cell["run"] + 1)
        )
        assert cell["texts"] == [one.text for one in samples]
        assert cell["tokens"] == [one.tokens.tolist() for one in samples]
        assert cell["prompts"] == list(range(len(TEST)))
        for name, metric in METRICS.items():
            if name != "tokens_per_second":
                found = np.asarray(cell["values"][name], dtype=float)
                np.testing.assert_allclose(found, metric.measure(samples), rtol=1e-5, atol=1e-6)
        judged = judge.score([one.given for one in TEST], cell["texts"])  # pyright: ignore[reportArgumentType]
        assert cell["values"]["judge_nll"] == pytest.approx([one.nll for one in judged], rel=1e-4, nan_ok=True)
        found = np.asarray(cell["values"]["self_bleu"], dtype=float)
        np.testing.assert_allclose(found, self_bleu(cell["texts"]), rtol=1e-5, atol=1e-6)


def test_settings_are_chosen_on_the_tuning_prompts_by_the_stated_rule(run: Run) -> None:
    path, comparison = run
    drawn = sample(byte_model(), TUNE, Temperature(1.0), max_new_tokens=8, seed=0)
    wanted = float(np.mean(METRICS["distinct_3"].measure(drawn)))
    for one in comparison.chosen:
        if one.level is None or one.variant:
            continue
        trials = [trial for trial in comparison.trials if trial.method == one.method]
        varied = [trial for trial in trials if trial.metrics["distinct_3"] >= one.level * wanted]
        assert one.reached == bool(varied)
        if varied:
            assert one.trial == min(varied, key=lambda trial: trial.metrics["nll"]).number
        assert one.setting == next(trial.setting for trial in trials if trial.number == one.trial)
    trial = next(record for record in lines(path) if record["kind"] == "trial" and record["state"] == "complete")
    again = sample(byte_model(), TUNE, parse_sampler(trial["setting"]), max_new_tokens=8, seed=0)
    assert trial["metrics"]["nll"] == pytest.approx(float(np.mean(METRICS["nll"].measure(again))), rel=1e-5)


def test_the_numbers_of_a_row_by_hand(run: Run) -> None:
    _, comparison = run
    row = next(row for row in comparison.rows() if row.chosen.method == "steady" and not row.chosen.variant)
    cells = comparison.runs(row.chosen.setting)
    means = np.mean([cell.values["nll"] for cell in cells], axis=0)
    wanted = bootstrap(means)
    assert row.metrics["nll"].value == pytest.approx(np.mean(means))
    assert (row.metrics["nll"].low, row.metrics["nll"].high) == pytest.approx((wanted.low, wanted.high))
    target = np.mean([cell.values["target_entropy"] for cell in cells], axis=0)
    realised = np.mean([cell.values["entropy"] for cell in cells], axis=0)
    assert row.metrics["target_correlation"].value == pytest.approx(np.corrcoef(target, realised)[0, 1])
    samples = [
        one
        for run in (0, 1)
        for one in sample(
            byte_model(), TEST, parse_sampler(row.chosen.setting), max_new_tokens=8, seed=1_000_000 * (run + 1)
        )
    ]
    assert row.metrics["between_prompts"].value == pytest.approx(between_prompts(samples), rel=1e-4)
    speeds = [np.mean(cell.values["tokens_per_second"]) for cell in cells]
    assert row.metrics["tokens_per_second"].value == pytest.approx(np.mean(speeds))
    assert row.metrics["mauve"].low is None
    assert "reference" in row.metrics["mauve"].reason


def test_a_difference_is_paired_by_prompt(run: Run) -> None:
    _, comparison = run
    one, other = (
        next(c.setting for c in comparison.chosen if c.method == method and not c.variant)
        for method in ("steady", "cold")
    )
    means = [
        np.mean([cell.values["judge_nll"] for cell in comparison.runs(setting)], axis=0) for setting in (one, other)
    ]
    found, wanted = comparison.difference(one, other, "judge_nll"), bootstrap(*means)
    assert (found.value, found.low, found.high) == pytest.approx((wanted.value, wanted.low, wanted.high))
    turned = comparison.difference(other, one, "judge_nll")
    assert turned.value == pytest.approx(-found.value)
    with pytest.raises(ValueError, match="metric must be one of"):
        comparison.difference(one, other, "perplexity")


def test_a_method_that_is_taken_apart(run: Run) -> None:
    _, comparison = run
    whole = next(c for c in comparison.chosen if c.method == "steady" and not c.variant)
    parts = {c.variant: c for c in comparison.chosen if c.variant and c.level == whole.level}
    assert set(parts) == {"no moving averages", "no Dirichlet", "temperature only", "no truncation"}
    trial = next(t for t in comparison.trials if t.method == "steady" and t.number == whole.trial)
    fixed = parse_sampler(parts["temperature only"].setting)
    assert isinstance(fixed, AdaptiveDirichlet)
    assert fixed.probs_ent_offset == pytest.approx(trial.metrics["target_entropy"], abs=1e-3)
    assert (fixed.a, fixed.b) == (0, 0)


def test_a_finished_file_is_left_as_it_is(run: Run) -> None:
    path, comparison = run
    before = path.read_bytes()
    again = made_in(path, small_plan(batch_size=3, keep_texts=False))
    assert path.read_bytes() == before
    assert str(again.rows()) == str(comparison.rows())


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_file_that_was_cut_off_anywhere_is_gone_on_with(run: Run, tmp_path: Path, share: float) -> None:
    path, _ = run
    content = path.read_bytes()
    out = tmp_path / "out.jsonl"
    out.write_bytes(content[: int(share * len(content))])
    made_in(out)
    assert told(out) == told(path)
    whole = content[: int(share * len(content))].rpartition(b"\n")[0]
    assert out.read_bytes().startswith(whole)


@pytest.mark.parametrize("kind", ["tuned", "chosen"])
def test_a_file_that_ends_with_a_line_of_any_kind_is_gone_on_with(run: Run, tmp_path: Path, kind: str) -> None:
    path, _ = run
    content = path.read_bytes().splitlines(keepends=True)
    last = next(i for i, line in enumerate(content) if json.loads(line)["kind"] == kind)
    out = tmp_path / "out.jsonl"
    out.write_bytes(b"".join(content[: last + 1]))
    made_in(out)
    assert told(out) == told(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"budget": 4}, "budget 3 there, 4 here"),
        ({"seeds": 3}, "seeds 2 there, 3 here"),
        ({"levels": (0.5, 0.9)}, "levels 1.0 there, 0.9 here"),
        ({"prompts": TEST[:-1]}, "prompts .* there"),
        ({"prompts": (*TEST[:-1], Prompt("other"))}, 'given "so it was" there, "other" here'),
        ({"ablate": ()}, "ablate"),
        ({"methods": read_methods([*METHODS[:2], "steady: adaptive-dirichlet ~ a"])}, "methods text"),
        ({"max_new_tokens": 9}, "max_new_tokens 8 there, 9 here"),
    ],
)
def test_the_file_of_another_plan_is_refused(run: Run, change: dict[str, Any], words: str) -> None:
    path, _ = run
    before = path.read_bytes()
    with pytest.raises(RecordError, match=f"another comparison: .*{words}"):
        made_in(path, small_plan(**change))
    with pytest.raises(RecordError, match=r"judge_passes 8 there, null here|judge .*other.* there, null here"):
        made_in(path, judge=None)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"my notes\n", b"{}\n", b'{"schema": "sortilege-trace/1", "kind": "plan"}\n'])
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "out.jsonl"
    out.write_bytes(content)
    with pytest.raises(RecordError, match=f"line 1 is no record of {SCHEMA}"):
        made_in(out)
    assert out.read_bytes() == content
    with pytest.raises(ValueError, match=f"line 1: no record of {SCHEMA}"):
        read_comparison(out)


def test_a_damaged_file_is_refused(run: Run, tmp_path: Path) -> None:
    out, (first, *others) = tmp_path / "out.jsonl", run[0].read_text().splitlines(keepends=True)
    for content in (others, [json.dumps({"schema": SCHEMA, "kind": "plan"}) + "\n"]):
        out.write_text("".join(content))
        with pytest.raises(ValueError, match=r"out\.jsonl', line 1: does not begin with a plan"):
            read_comparison(out)
    cell = next(json.loads(line) for line in others if '"cell"' in line)
    for name in ("kind", "setting", "prompts", "values"):
        broken = json.dumps({key: value for key, value in cell.items() if key != name}) + "\n"
        out.write_text("".join([first, *others, broken]))
        with pytest.raises(ValueError, match=rf"out\.jsonl' is damaged: a record of it lacks '{name}'"):
            read_comparison(out)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"methods": ()}, "methods must be one or more"),
        ({"budget": 0}, "budget must be an integer >= 1, got 0"),
        ({"seeds": 0}, "seeds must be"),
        ({"levels": (0.0,)}, "levels must be a number"),
        ({"levels": ()}, "levels must be one or more"),
        ({"prompts": TEST[:4]}, "too few samples for an interval: prompts must be at least 5, got 4"),
        ({"prompts": TEST, "tune_prompts": None}, "at least 5, got 3, half of those given"),
        ({"tune_prompts": TEST[:1]}, "tune_prompts must not be among prompts, got 'ab'"),
        ({"tune_prompts": ()}, "tune_prompts must be one or more"),
        ({"ablate": ("nobody",)}, r"ablate must be labels of methods \(min-p, cold, steady\), got 'nobody'"),
        ({"ablate": ("cold",)}, "ablate must be labels of methods with an adaptive-dirichlet stage"),
        ({"baselines": ("nobody",)}, "baselines must be labels"),
        ({"methods": read_methods(["min-q"])}, "min-q"),
        ({"methods": read_methods(["min-p ~ top_p"])}, "top_p"),
        ({"max_new_tokens": 100}, "prompt and max_new_tokens must together be at most 64"),
    ],
)
def test_a_plan_that_cannot_be_run(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        made_in(tmp_path / "out.jsonl", replace(small_plan(ablate=()), **change))
    assert list(tmp_path.iterdir()) == []


def test_a_judge_that_cannot_judge_is_found_out_before_anything_is_written(tmp_path: Path) -> None:
    short = Model(judge_model().model, judge_model().tokenizer, "short")
    short.model.config.max_position_embeddings = 10
    try:
        with pytest.raises(JudgeError, match="at most 10 tokens of the judge 'short'"):
            made_in(tmp_path / "out.jsonl", judge=short)
    finally:
        short.model.config.max_position_embeddings = 64
    assert list(tmp_path.iterdir()) == []


def test_a_judge_that_is_the_model_is_no_second_opinion(tmp_path: Path) -> None:
    plan = small_plan(methods=read_methods(["min-p ~ none"]), ablate=(), seeds=1)
    with pytest.warns(UserWarning, match="no second opinion"):
        made_in(tmp_path / "out.jsonl", plan, judge=byte_model())


def test_nothing_to_tune_needs_no_tuning_prompts(tmp_path: Path) -> None:
    plan = small_plan(methods=read_methods(["min-p ~ none", "top-k(3)"]), tune_prompts=None, ablate=(), seeds=1)
    comparison = made_in(tmp_path / "out.jsonl", plan, judge=None)
    assert [one.level for one in comparison.chosen] == [None, None]
    assert len(comparison.plan["prompts"]) == len(TEST)
    assert comparison.labels == ["min-p", "top-k(3)"]
    assert set(comparison.references) == {"prompts"}


def test_prompts_with_references(tmp_path: Path) -> None:
    """They are what methods are held against, and MAUVE is of them, by the judge's features."""
    prompts = tuple(Prompt(f"p{i}", f" went on {i * i}") for i in range(52))
    plan = small_plan(
        methods=read_methods(["min-p ~ none"]), prompts=prompts, tune_prompts=None, ablate=(), max_new_tokens=5
    )
    comparison = made_in(tmp_path / "out.jsonl", plan)
    assert comparison.references["prompts"].setting == "references"
    given = scored(byte_model(), prompts, [one.reference or "" for one in prompts], max_new_tokens=5)
    assert comparison.references["prompts"].values["nll"] == pytest.approx(METRICS["nll"].measure(given), rel=1e-5)
    judge = load_judge(judge_model())
    written = judge.features([f"{p.given}{one.text}" for p, one in zip(prompts, given, strict=True)])
    for cell in comparison.cells:
        features = judge.features([f"{p.given}{text}" for p, text in zip(prompts, cell.texts, strict=True)])
        assert cell.whole["mauve"] == pytest.approx(mauve(written, features).value, abs=1e-4)
    row = comparison.rows()[0]
    assert row.metrics["mauve"].n == 2
    assert row.metrics["mauve"].low is not None


def test_progress_counts_up_to_its_end(tmp_path: Path) -> None:
    plan = small_plan(methods=read_methods(["min-p", "top-k(3)"]), levels=(0.5,), ablate=(), seeds=1)
    seen: list[Any] = []
    made_in(tmp_path / "out.jsonl", plan, judge=None, on_progress=seen.append)
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    assert (seen[-1].done, seen[-1].total) == (5, 5)
    assert {"reference", "tuning min-p", "top-k(3)"} <= {one.what for one in seen}


def test_methods_and_their_labels() -> None:
    found = read_methods(["min-p", "min-p(0.1) ~ none", "a b: top-k(3) ~ k=2:5", "temperature ~ temperature=0.5:1"])
    assert [one.label for one in found] == ["min-p", "min-p(0.1)", "a b", "temperature"]
    twins = read_methods(["min-p ~ min_p=0.1:0.2", "min-p  ~  min_p=0.2:0.3", "min-p"])
    assert [one.label for one in twins] == ["min-p ~ min_p=0.1:0.2", "min-p ~ min_p=0.2:0.3", "min-p"]
    assert found[2].text == "top-k(3) ~ k=2:5"
    with pytest.raises(ValueError, match="labels of their own, got 'a' twice"):
        read_methods(["a: min-p", "a: top-k"])


def test_names_are_imported_on_use() -> None:
    import sortilege.evaluation as evaluation

    for name in dir(evaluation):
        assert getattr(evaluation, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = evaluation.nothing
