"""``sortilege compare``: decoding methods against each other, each tuned with the same budget."""

import dataclasses
import json as json_
import shlex
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sortilege._journal import plain
from sortilege.cli._color import harmless
from sortilege.cli._compare_options import Comparing, Methods, Output, Texts
from sortilege.cli._errors import fail, refusals
from sortilege.cli._groups import flat
from sortilege.cli._prompt_set import read_prompt_set
from sortilege.evaluation.comparison import Comparison
from sortilege.evaluation.intervals import Interval
from sortilege.evaluation.plan import Plan, read_methods
from sortilege.evaluation.reading import read_comparison

EPILOG = "Exit codes: 0 done; 2 bad input, or a file cannot be written; 130 interrupted: the same command goes on."


@flat
def compare(methods: Methods = None, *, texts: Texts, comparing: Comparing, output: Output) -> None:
    """Compare decoding methods on one model, each tuned with the same budget.

    What is finished is in the --output file, and the same command goes on from there.
    """
    if output.report is not None:
        from sortilege.evaluation.report import check_report

        with refusals(ValueError):
            check_report(output.report)
    if output.from_ is not None:
        if methods or output.output is not None:
            fail("--from shows a record that is there: it takes neither methods nor --output")
        with refusals(ValueError):
            comparison = read_comparison(output.from_)
            if comparing.baseline:
                comparison = comparison.with_baselines(comparing.baseline)
        if not comparison.cells:
            fail(f"the comparison {str(output.from_)!r} has no finished run yet")
    else:
        comparison = _run(methods or [], texts, comparing, output)
    if output.report is not None:
        from sortilege.evaluation.report import write_report

        with refusals(ValueError, ImportError):
            write_report(comparison, output.report)
    if output.json:
        print(json_.dumps(as_json(comparison)))
    elif not output.quiet:
        from sortilege.cli._comparison_table import show

        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = 160
        show(comparison, console)


def _run(methods: list[str], texts: Texts, comparing: Comparing, output: Output) -> Comparison:
    from sortilege.evaluation.comparing import compare as run

    with refusals(ValueError, ImportError, OSError):
        if output.output is None:
            raise ValueError("--output is missing: the record of a comparison is worth keeping")
        plan = _planned(methods, texts, comparing, output).checked()
        model, judge = _loaded(texts)
        with _bar(sys.stderr.isatty() and not output.quiet) as tell:
            command = shlex.join(["sortilege", *sys.argv[1:]])
            return run(plan, output.output, model=model, judge=judge, on_progress=tell, command=command)


def _planned(methods: list[str], texts: Texts, comparing: Comparing, output: Output) -> Plan:
    if not methods:
        raise ValueError("METHOD must be given once or more: 'min-p', 'adaptive-dirichlet ~ a, b'")
    tuned = None if texts.tune_prompts is None else tuple(read_prompt_set(texts.tune_prompts))
    return Plan(
        methods=read_methods(methods),
        prompts=tuple(read_prompt_set(texts.prompts)),
        tune_prompts=tuned,
        model=texts.model,
        judge=texts.judge,
        judge_passes=texts.judge_passes or None,
        budget=comparing.budget,
        levels=_levels(comparing.levels),
        seeds=texts.seeds,
        num_samples=texts.num_samples,
        max_new_tokens=texts.max_new_tokens,
        full_length=texts.full_length,
        baselines=None if not comparing.baseline else tuple(comparing.baseline),
        ablate=tuple(comparing.ablate or ()),
        keep_texts=output.keep_texts,
        batch_size=texts.batch_size,
        seed=texts.seed,
    )


def _levels(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"--levels must be numbers with commas between them, got {text!r}") from None


def _loaded(texts: Texts) -> tuple[Any, Any]:
    """Model and judge on the device that was asked for; where none was, the comparison loads them."""
    if texts.device is None:
        return None, None
    from sortilege.evaluation.judge import load_judge
    from sortilege.models import load

    judge = texts.judge and load_judge(texts.judge, passes=texts.judge_passes or None, device=texts.device)
    return load(texts.model, device=texts.device), judge


@contextmanager
def _bar(watched: bool) -> Generator[Callable[[Any], None]]:
    """A bar on standard error that leaves no trace."""
    if not watched:
        yield lambda _: None
        return
    columns = TextColumn("{task.completed:.0f} of {task.total:.0f}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1)

        def tell(now: Any) -> None:
            what = harmless(now.what)
            bar.update(task, completed=now.done, total=now.total, description=what[:60].replace("[", r"\["))

        yield tell


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Settings with their numbers, and verdicts, as JSON can hold them."""
    from sortilege.evaluation.verdicts import verdicts_of

    return plain(
        {
            "model": comparison.plan["model"],
            "judge": comparison.plan["judge"],
            "rows": [
                {
                    **dataclasses.asdict(row.chosen),
                    "metrics": {k: dataclasses.asdict(v) for k, v in row.metrics.items()},
                }
                for row in comparison.rows()
            ],
            "verdicts": [
                {
                    "method": one.chosen.method,
                    "level": one.level,
                    "baseline": one.baseline.method,
                    "verdict": one.verdict,
                    "better": list(one.better),
                    "worse": list(one.worse),
                    "rate": one.rate,
                    "differences": _each(one.differences),
                }
                for one in verdicts_of(comparison)
            ],
        }
    )


def _each(intervals: Mapping[str, Interval]) -> dict[str, Any]:
    return {name: dataclasses.asdict(interval) for name, interval in intervals.items()}
