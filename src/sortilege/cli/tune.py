"""``sortilege tune``: search a sampler's knobs, and keep the best as a preset."""

import json as json_
import shlex
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sortilege._extras import require
from sortilege._journal import plain
from sortilege.cli._errors import refusals, say
from sortilege.cli._groups import flat
from sortilege.cli._prompt_set import read_prompt_set
from sortilege.cli._tune_options import Goal, Keeping, Looking, Method, Output, Texts
from sortilege.cli._tune_table import show, standing
from sortilege.models import load
from sortilege.presets import check_writable, write_preset
from sortilege.samplers.spec import format_sampler
from sortilege.tuning import Trial, Tuned, read_method, read_objective
from sortilege.tuning import tune as search
from sortilege.tuning.plan import study_name

EPILOG = (
    "Exit codes: 0 done; 2 bad input, or something cannot be written; 3 no trial is within the guards' bands; "
    "130 interrupted: the same command goes on."
)


@flat
def tune(method: Method, *, texts: Texts, goal: Goal, looking: Looking, keeping: Keeping, output: Output) -> None:
    """Search the knobs of a sampler on a model and prompts, and keep the best as a preset.

    The study is in its storage after every trial: the same command goes on with it, here or on other machines.
    """
    with refusals(ValueError, ImportError, OSError):
        space = read_method(method)
        objective = read_objective(goal.objective, goal.guard or (), goal.band)
        prompts = read_prompt_set(texts.prompts)
        study = study_name(space) if keeping.study is None else keeping.study
        storage = f"{study}.db" if keeping.storage is None else keeping.storage
        path = _preset_path(study, output, single=len(objective.terms) == 1)
        if path is not None:
            check_writable(path, {"name": study, "method": space.text}, force=output.force)
        require("optuna", "tuning")  # before a model is loaded in vain
        model = load(texts.model, device=texts.device)
        with _bar(sys.stderr.isatty() and not output.quiet) as tell:
            tuned = search(
                model,
                prompts,
                space,
                objective=objective,
                trials=looking.trials,
                seed=texts.seed,
                max_new_tokens=texts.max_new_tokens,
                num_samples=texts.num_samples,
                batch_size=texts.batch_size,
                end_token_ids=() if texts.full_length else None,
                optimizer=looking.optimizer,
                pruner=looking.pruner,
                points=looking.points,
                storage=None if storage == "memory" else storage,
                study=study,
                workers=keeping.workers,
                on_progress=tell,
            )
        if path is not None and tuned.best is not None:
            record = _record(tuned, tuned.best, output.preset_name or path.stem)
            write_preset(path, record, force=output.force)
    if output.json:
        print(json_.dumps(plain(_as_json(tuned, path))))
    elif output.quiet:
        print("\n".join(format_sampler(one.sampler) for one in _found(tuned) if one.sampler is not None))
    else:
        show(tuned, path)
    if not _found(tuned):
        _say_why(tuned)
        raise typer.Exit(3)


def _preset_path(study: str, output: Output, *, single: bool) -> Path | None:
    if single:
        return Path(f"{study.replace('/', '-')}.json") if output.preset is None else output.preset
    if output.preset is not None:
        raise ValueError("--preset is for a single objective: of several there is a front, and no best trial")
    return None


def _found(tuned: Tuned) -> tuple[Trial, ...]:
    """What the study was made for."""
    return tuned.front if len(tuned.goal.terms) > 1 else (tuned.best,) if tuned.best is not None else ()


def _say_why(tuned: Tuned) -> None:
    nearest = tuned.nearest
    if nearest is None or nearest.sampler is None:
        say("error", f"none of {tuned.finished} trials is complete")
        return
    bands = ", ".join(guard.text for guard in tuned.goal.guards)
    say("error", f"no trial is within {bands}; the nearest is --sampler {shlex.quote(format_sampler(nearest.sampler))}")


def _record(tuned: Tuned, best: Trial, name: str) -> dict[str, Any]:
    """The preset."""
    assert best.sampler is not None
    settings = tuned.settings
    return plain(
        {
            "name": name,
            "sampler": format_sampler(best.sampler),
            "model": settings["model"],
            "objective": tuned.objective,
            "guards": {guard.text: list(guard.limits(tuned.reference)) for guard in tuned.goal.guards},
            "metrics": best.metrics,
            "reference": {"kind": tuned.reference_kind, "metrics": tuned.reference},
            "study": {
                "name": tuned.study,
                "method": settings["method"],
                "trials": tuned.finished,
                **{
                    key: settings[key]
                    for key in ("seed", "optimizer", "pruner", "prompts", "max_new_tokens", "num_samples")
                },
            },
            "command": shlex.join(["sortilege", *sys.argv[1:]]),
            "versions": dict(tuned.versions),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
    )


def _as_json(tuned: Tuned, path: Path | None) -> dict[str, Any]:
    return {
        "study": tuned.study,
        "storage": tuned.storage,
        "settings": dict(tuned.settings),
        "reference": {"kind": tuned.reference_kind, "metrics": tuned.reference},
        "bands": {guard.metric: list(guard.limits(tuned.reference)) for guard in tuned.goal.guards},
        "baselines": tuned.baselines,
        "finished": tuned.finished,
        "running": tuned.running,
        "best": None if tuned.best is None else tuned.best.number,
        "front": [one.number for one in tuned.front],
        "preset": None if path is None or tuned.best is None else str(path),
        "trials": [
            {
                "number": one.number,
                "state": one.state,
                "reason": one.reason,
                "values": one.values,
                "sampler": None if one.sampler is None else format_sampler(one.sampler),
                "score": list(one.score),
                "within": one.distance == 0,
                "metrics": one.metrics,
                "seconds": one.seconds,
            }
            for one in tuned.trials
        ],
    }


@contextmanager
def _bar(watched: bool) -> Generator[Callable[[Tuned], None] | None]:
    """A bar on standard error that leaves no trace, with the best so far."""
    if not watched:
        yield None
        return
    columns = TextColumn("{task.fields[count]}"), BarColumn(20), TimeRemainingColumn()
    with Progress(*columns, TextColumn("{task.description}"), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("the texts that trials are held to", total=None, count="")

        def tell(now: Tuned) -> None:
            count = f"{now.finished} of {now.wanted} trials"
            bar.update(task, completed=now.finished, total=now.wanted, count=count, description=standing(now))

        yield tell
