"""Comparing methods: what is asked is checked, then run; a file that was begun is gone on with."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sortilege._journal import Journal, Record, RecordError, first_difference
from sortilege.evaluation._machine import machine, versions
from sortilege.evaluation._run import Progress as Progress
from sortilege.evaluation._run import Run
from sortilege.evaluation.ablations import adaptive_in
from sortilege.evaluation.comparison import SCHEMA, Comparison
from sortilege.evaluation.judge import Judge, load_judge
from sortilege.evaluation.plan import FREE, Plan
from sortilege.evaluation.reading import of_records
from sortilege.models import Model, as_model
from sortilege.tuning.space import Space, read_method


def compare(
    plan: Plan,
    output: str | os.PathLike[str],
    *,
    model: Any = None,
    judge: Any = None,
    on_progress: Callable[[Progress], None] | None = None,
    command: str | None = None,
) -> Comparison:
    """Run a comparison, or what is left of it.

    output: the file it is written to, JSON lines. One that this plan has begun is gone on with, however it was left;
        one that is anything else is refused and not touched. Tuning keeps what it has in ``output`` + ".study.db" until
        it is done.
    model, judge: loaded already, in place of those that the plan names; the file has their names.
    command: what it was started by, to be kept in the file.

    Raises ValueError, before anything is written, for a plan that cannot be run (``Plan.checked``, ``read_method``), a
    model or a judge that cannot be loaded, a judge that cannot read the reference (JudgeError, a ValueError), and a
    file of another plan, naming the first difference. Warns of a judge that is the model itself.
    """
    if model is not None:
        model = as_model(model)
        plan = replace(plan, model=model.name)
    if judge is not None:
        judge = load_judge(judge, passes=plan.judge_passes)
        plan = replace(plan, judge=judge.name)
    plan = plan.checked()
    if plan.judge == plan.model:
        warnings.warn(f"the judge is the model itself, {plan.model!r}: it is no second opinion", stacklevel=2)
    spaces = {method.label: read_method(method.text) for method in plan.methods}
    for label in plan.ablate:
        if adaptive_in(spaces[label].base) is None:
            raise ValueError(f"ablate must be labels of methods with an adaptive-dirichlet stage, got {label!r}")
    path = Path(output)
    with _journal(path) as journal:
        _check_same(journal, plan)
        loaded = as_model(plan.model if model is None else model)
        judged = judge if judge is not None or plan.judge is None else load_judge(plan.judge, passes=plan.judge_passes)
        run = Run(plan, spaces, path, journal, loaded, judged, on_progress or (lambda _: None))
        if not journal.records:
            # Before anything is written, for it shows whether the judge can judge.
            references = run.references()
            run.append({**_header(plan, spaces, loaded, judged, command), "contexts": run.contexts(plan.prompts)})
            for record in references:
                run.append(record)
        run.everything()
        return of_records(_effective(journal.records, plan))


def _journal(path: Path) -> Journal:
    return Journal(path, SCHEMA, ("kind",))


def _check_same(journal: Journal, plan: Plan) -> None:
    """Raise RecordError unless the file is empty or of this plan."""
    if not journal.records:
        return
    first = journal.records[0]
    if first["kind"] != "plan":
        raise RecordError(f"the output file {str(journal.path)!r} does not begin with a plan")
    old, new = first["plan"], plan.as_json()
    old, new = ({name: value for name, value in one.items() if name not in FREE} for one in (old, new))
    if old != new:
        name = next(name for name in [*new, *old] if old.get(name) != new.get(name))
        there, here = first_difference(old.get(name), new.get(name))
        raise RecordError(
            f"the output file {str(journal.path)!r} is of another comparison: {name} {there} there, {here} here"
        )


def _effective(records: Sequence[Record], plan: Plan) -> list[Record]:
    """The records, with what may change from run to run as it is asked for now."""
    now = plan.as_json()
    header = {**records[0], "plan": {**records[0]["plan"], **{name: now[name] for name in FREE}}}
    return [header, *records[1:]]


def _header(plan: Plan, spaces: Mapping[str, Space], model: Model, judge: Judge | None, command: str | None) -> Record:
    return {
        "kind": "plan",
        "plan": plan.as_json(),
        "methods": [
            {
                "label": label,
                "space": space.text,
                "dimensions": [one.text for one in space.dimensions],
                "trials": plan.budget if space.dimensions else 0,
                "adaptive": adaptive_in(space.base) is not None,
            }
            for label, space in spaces.items()
        ],
        "model": model.name,
        "judge": None if judge is None else {"name": judge.name, "kind": judge.kind},
        "command": command,
        "versions": versions(),
        "machine": machine(),
    }
