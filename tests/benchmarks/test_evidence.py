"""The evidence: every sampler is in it, what it measures is what it says, and the page is made of what was run."""

import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.evidence import page
from benchmarks.evidence.plans import plans
from benchmarks.evidence.rates import LENGTHS, Rate, sharper
from benchmarks.evidence.texts import HEAD, beginnings
from benchmarks.evidence.typical import MASSES, RULES, kept
from sortilege import load
from sortilege.evaluation.intervals import Interval
from sortilege.numerics import log_softmax
from sortilege.samplers.registry import OURS
from sortilege.tuning import read_method


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a held-out text of tokens at random."""
    folder = tmp_path_factory.mktemp("corpus")
    np.save(folder / "validation.npy", np.random.default_rng(0).integers(3, 4096, size=60_000).astype(np.uint16))
    return folder


def test_every_sampler_of_the_library_is_compared_at_one_budget(corpus: Path):
    plan = plans(corpus)["all"].checked()
    spaces = {method.label: read_method(method.text) for method in plan.methods}
    assert all(space.dimensions for space in spaces.values())
    written = " ".join(space.text for space in spaces.values())
    assert [name for name in OURS if name not in written] == []
    assert set(plan.baselines or ()) == {label for label in spaces if "adaptive-dirichlet" not in spaces[label].text}


def test_no_beginning_is_both_tuned_and_written_on_and_references_follow_their_beginnings(corpus: Path):
    tokens = np.load(corpus / "validation.npy")
    one, other = (beginnings(corpus, 20, 96, part=part) for part in (0, 1))
    assert not {p.given for p in one} & {p.given for p in other}
    for prompt in (*one, *other):
        starts = np.flatnonzero(tokens == prompt.given[0])
        at = next(i for i in starts if tokens[i : i + HEAD].tolist() == list(prompt.given))
        assert tokens[at + HEAD : at + HEAD + 96].tolist() == list(prompt.reference)
    with pytest.raises(ValueError, match="no room"):
        beginnings(corpus, 1000, 96, part=0)


def test_no_plan_tunes_on_what_it_writes_on(tmp_path: Path):
    """In a text as long as the held-out novels, whose tokens are their places in it."""
    np.save(tmp_path / "validation.npy", np.arange(648_535))
    for plan in plans(tmp_path).values():
        tuned = [{*p.given, *p.reference} for p in plan.tune_prompts or ()]
        written = [{*p.given, *p.reference} for p in plan.prompts]
        assert tuned
        assert not set().union(*tuned) & set().union(*written)
        assert sum(map(len, written)) == len(set().union(*written))


def test_a_sharper_model_has_its_logits_multiplied():
    torch = pytest.importorskip("torch")
    model = load("tiny-ar")
    other = sharper(model, 1.3)
    ids = torch.tensor([[5, 77, 901]])
    with torch.no_grad():
        torch.testing.assert_close(other.model(ids).logits, 1.3 * model.model(ids).logits, rtol=1e-4, atol=1e-4)
    assert other.name == "tiny-ar, logits x 1.3"


def test_how_far_a_rate_is_missed_is_counted_in_what_was_asked_for():
    entropy = np.tile([1.4, 1.6, 1.5, 1.5, 1.5, 1.9], (len(LENGTHS), 1))
    surprisal = entropy + 1.0
    one = Rate("m", "adaptive, integral", 1.5, "", entropy, surprisal)
    assert one.miss(LENGTHS[-1]).value == pytest.approx(0.1)
    assert one.mean(LENGTHS[-1]) == pytest.approx(entropy[0].mean())
    assert one.spread(LENGTHS[-1]).value == pytest.approx(np.std(entropy[0], ddof=1))
    assert Rate("m", "mirostat", 1.5, "", entropy, surprisal).miss(LENGTHS[-1]).value == pytest.approx(6.4 / 6)


def test_the_typical_rules_keep_what_a_plain_loop_keeps(corpus: Path, tmp_path: Path):
    torch = pytest.importorskip("torch")
    found = {(one.rule, one.mass): one for one in kept(corpus, "tiny-ar", tmp_path / "typical.json", positions=30)}
    assert set(found) == {(rule, mass) for rule in RULES for mass in MASSES}
    window = beginnings(corpus, 1, 400, part=0)[0]
    model = load("tiny-ar")
    with torch.no_grad():
        logits = model.model(torch.tensor([[*window.given, *window.reference]])).logits[0, :30].numpy()
    shift = {"alpha = 0, tau = 1": (0.0, 1.0), "alpha = 0.8": (0.8, 1.0), "tau = 0.5": (0.0, 0.5)}
    for rule, (alpha, tau) in shift.items():
        same, tokens = [], []
        for row in log_softmax(logits.astype(np.float64)):
            p, s = np.exp(row), -row

            def window_of(order: np.ndarray, p: np.ndarray = p) -> set[int]:
                return set(order[: int(np.searchsorted(np.cumsum(p[order]), 0.5)) + 1].tolist())

            ours = window_of(np.argsort(np.abs(s - tau * (p * s).sum()) + alpha * s, kind="stable"))
            same.append(ours == window_of(np.argsort(s, kind="stable")))
            tokens.append(len(ours))
        assert found[rule, 0.5].same == pytest.approx(np.mean(same))
        assert found[rule, 0.5].tokens == pytest.approx(np.mean(tokens))
    # read, not measured again
    (tmp_path / "typical.json").touch()
    assert kept(corpus, "no such model", tmp_path / "typical.json", positions=30)[0].positions == 30


def test_numbers_are_written_short():
    assert page.number(Interval(-0.25, -0.5, 0.0, 9), signed=True) == "-.250 ±.250"
    assert page.number(Interval(10.5, 10.25, 10.75, 9)) == "10.500 ±.250"
    assert page.number(Interval(math.nan, None, None, 0)) == ""
    assert page.table(["a", "b"], [["x|y", "1"]]).splitlines()[-1] == "| x\\|y | 1 |"


@pytest.mark.slow
def test_one_command_makes_the_page_and_goes_on_where_it_was_left(corpus: Path, tmp_path: Path):
    document = tmp_path / "evidence.md"
    document.write_text(f"# Head\n\n{page.BEGIN}\n\n<!-- generated: end -->\n\nTail\n")
    command = [sys.executable, "-m", "benchmarks.evidence", "--quick", "--corpus", str(corpus)]
    command += ["--folder", str(tmp_path / "runs")]
    subprocess.run([*command, "--only", "several"], check=True, capture_output=True)
    first = (tmp_path / "runs" / "several.jsonl").read_bytes()
    subprocess.run([*command, "--page", str(document)], check=True, capture_output=True)
    assert (tmp_path / "runs" / "several.jsonl").read_bytes() == first
    text = document.read_text()
    assert text.startswith("# Head")
    assert text.endswith("Tail\n")
    for heading in ("## All samplers", "### Parts switched off", "## A rate asked for", "## Long texts"):
        assert heading in text
    assert "**adaptive, as the source**" in text
    for place in (page.FRONTIER, page.RATES):
        assert f"({place})" in text
        assert "adaptive, integral" in (tmp_path / place).read_text() or place == page.FRONTIER
    refused = subprocess.run([*command, "--page", str(tmp_path / "none.md")], capture_output=True, text=True)
    assert refused.returncode != 0


def test_parts_that_are_not_there_are_refused(corpus: Path):
    command = [sys.executable, "-m", "benchmarks.evidence", "--corpus", str(corpus)]
    refused = subprocess.run([*command, "--only", "nothing"], capture_output=True, text=True)
    assert refused.returncode == 2
    assert "nothing" in refused.stderr
    missing = subprocess.run([*command[:-1], str(corpus / "none")], capture_output=True, text=True)
    assert missing.returncode == 2
    assert "validation.npy" in missing.stderr
