"""What ``sortilege denoise`` and ``sortilege search`` have in common: all but what makes the texts."""

import secrets
import sys
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from typing import Any

import typer
from rich.console import Console
from rich.text import Text

from sortilege._checks import whole
from sortilege._requests import DecodingError
from sortilege.cli._color import PROMPT
from sortilege.cli._diffusion_options import Output, Process
from sortilege.cli._errors import fail, refusals, say
from sortilege.cli._outcome import Page, bar, summary, table
from sortilege.cli._prompts import Given, read_prompts, refuse_all_bad
from sortilege.cli._record_file import RecordError, RecordFile
from sortilege.cli._records import Record, Task, check_same, made_of
from sortilege.diffusion._requests import Denoised, templates
from sortilege.diffusion.denoiser import Denoiser
from sortilege.diffusion.policies.registry import format_policy, parse_policy
from sortilege.diffusion.run import trace_requests
from sortilege.diffusion.schedule import as_schedule
from sortilege.models import bundled
from sortilege.properties._base import Bound
from sortilege.properties.registry import format_property
from sortilege.properties.scoring import ScorerError
from sortilege.samplers.spec import format_sampler, parse_sampler
from sortilege.search.settings import Search
from sortilege.trace import TraceWriter, header, versions

SOME_PROMPTS_FAILED = 3
EPILOG = (
    "Exit codes: 0 all texts are done; 2 bad input, or a file cannot be written; 3 some prompts could not be used, the "
    "others are done; 130 interrupted. What was finished is in the --output file in every case."
)

Texts = Callable[..., Iterator[tuple[int, Denoised]]]
"""``denoise_each``, or ``search_each`` given its bounds and settings."""


@dataclass(frozen=True)
class Plan:
    """What to do, as far as the options tell. searching, bounds: of a search; None and empty without one."""

    asked: Process
    output: Output
    prompts: Sequence[Given]
    length: int | None
    process: dict[str, Any]
    bounds: Sequence[Bound]
    searching: Search | None

    def settings(self, seed: int) -> Record:
        """Every setting, as the records have it."""
        asked = self.asked
        return {
            "model": asked.model,
            "length": self.length,
            "steps": asked.steps,
            "policy": format_policy(self.process["policy"]),
            "schedule": asked.schedule,
            "sampler": None if self.process["sampler"] is None else format_sampler(self.process["sampler"]),
            "stop_at_end": asked.stop_at_end,
            "properties": [
                {
                    "property": format_property(bound.property),
                    "lower": bound.lower,
                    "upper": bound.upper,
                    "tolerance": bound.property.tolerance if bound.tolerance is None else bound.tolerance,
                }
                for bound in self.bounds
            ],
            "search": None if self.searching is None else asdict(self.searching),
            "seed": seed,
            "num_samples": asked.num_samples,
            "device": asked.device,
            "batch_size": asked.batch_size,
            "trust_remote_code": asked.trust_remote_code,
            "history": self.output.history,
        }

    def seed(self, there: Sequence[Record]) -> int:
        """The seed of the first text: as asked, else that of the records there are, else a new one."""
        if self.asked.seed is not None:
            return self.asked.seed
        return there[0]["settings"]["seed"] if there else secrets.randbelow(2**31)

    def tasks(self, seed: int) -> list[Task]:
        """The texts to be made: a prompt's samples one after another, with seeds that count up."""
        number = self.asked.num_samples
        return [
            Task(i * number + sample, sample, seed + i * number + sample, given)
            for i, given in enumerate(self.prompts)
            for sample in range(number)
        ]


def planned(
    prompt: str | None, asked: Process, output: Output, bounds: Sequence[Bound] = (), searching: Search | None = None
) -> Plan:
    """Check all that can be checked without a model. Raises ValueError."""
    length = None if asked.length == "prompt" else _length(asked.length)
    if asked.steps is not None:
        whole("--steps", asked.steps, 1)
    whole("--num-samples", asked.num_samples, 1)
    whole("--batch-size", asked.batch_size, 1)
    if asked.seed is not None:
        whole("--seed", asked.seed, 0)
    process = {
        "steps": asked.steps,
        "policy": parse_policy(asked.policy),
        "schedule": as_schedule(asked.schedule),
        "sampler": None if asked.sampler is None else parse_sampler(asked.sampler),
        "batch_size": asked.batch_size,
        "stop_at_end": asked.stop_at_end,
    }
    return Plan(asked, output, read_prompts(prompt, asked.prompts), length, process, bounds, searching)


def _length(text: str) -> int:
    try:
        return whole("--length", int(text), 1)
    except ValueError:
        raise ValueError(f"--length must be an integer >= 1, or 'prompt', got {text!r}") from None


def run(plan: Plan, texts: Texts) -> None:
    """Make the texts, but for those that the output file has already."""
    watched = sys.stderr.isatty() and not plan.output.quiet
    with refusals(RecordError):
        opened = nullcontext() if plan.output.output is None else RecordFile(plan.output.output)
    with opened as file:
        there = [] if file is None else file.records
        seed = plan.seed(there)
        tasks = plan.tasks(seed)
        try:
            check_same(there, plan.settings(seed), tasks)
        except ValueError as error:
            fail(f"the output file {str(plan.output.output)!r} is of another run: {error}")
        done = {record["index"]: record for record in there if "error" not in record}
        with refusals(ValueError, ImportError, OSError):
            for bound in plan.bounds:
                bound.property.load()
            denoiser = _loaded(plan.asked, watched)
            tasks = _encoded(tasks, denoiser, plan.length)
            left = [task for task in tasks if task.given.error is None and task.index not in done]
            made = _made(left, denoiser, plan, texts)
            trace = _trace(left, denoiser, plan, seed, resumed=bool(done))
        started = time.perf_counter()
        with (
            refusals(ScorerError, DecodingError, RecordError),
            trace or nullcontext(),
            _page(plan.output, [task.index for task in tasks if task.index not in done]) as page,
            bar(len(tasks), len(done), searching=plan.searching is not None, watched=watched) as advance,
        ):

            def keep(task: Task, said: Record, pieces: Sequence[tuple[str, bool]]) -> Record:
                record = task.record(plan.settings(seed), versions(), said)
                if file is not None and not _known(record, there):
                    file.append(record)
                if page is not None:
                    page.add(record, pieces)
                advance(record)
                return record

            for task in tasks:
                if task.given.error is not None:
                    keep(task, {"error": task.given.error}, [])
            for place, text in made:
                if trace is not None:
                    trace.extend(text.trace)
                record = keep(left[place], made_of(text, plan.output.history), text.pieces)
                done[record["index"]] = record
    if watched:
        _conclude(plan, list(done.values()), seed, time.perf_counter() - started)
    _complain(tasks)


@contextmanager
def _page(output: Output, expected: Sequence[int]) -> Generator[Page | None]:
    """What shows the texts on standard output, where they do not go to a file alone."""
    if output.output is not None and not output.json:
        yield None
        return
    # FORCE_COLOR makes rich call a pipe a terminal; bars and summaries are for people who really watch one.
    console = Console(highlight=False)
    on_terminal = console.is_terminal and not output.json
    page = Page(expected, json=output.json, console=console if on_terminal else None, bare=output.quiet)
    try:
        yield page
    finally:
        page.close()


def _known(record: Record, there: Sequence[Record]) -> bool:
    """Whether the file has said before what is wrong with a prompt."""
    return "error" in record and any(
        old["index"] == record["index"] and old.get("error") == record["error"] for old in there
    )


def _complain(tasks: Sequence[Task]) -> None:
    """A line for each prompt that could not be used, and the exit code that says that there are some."""
    failed = {task.given.place: task.given.error for task in tasks if task.given.error is not None}
    for place, error in failed.items():
        say("error", f"{place}: {error}")
    if failed:
        raise typer.Exit(SOME_PROMPTS_FAILED)


def _made(left: Sequence[Task], denoiser: Denoiser, plan: Plan, texts: Texts) -> Iterator[tuple[int, Denoised]]:
    """The texts that are left, by their places in ``left``."""
    if not left:
        return iter(())
    prompts, seeds = [task.given.prompt for task in left], [task.seed for task in left]
    traced = plan.output.trace is not None
    return texts(denoiser, prompts, length=plan.length, seed=seeds, trace=traced, **plan.process)


def _trace(left: Sequence[Task], denoiser: Denoiser, plan: Plan, seed: int, *, resumed: bool) -> TraceWriter | None:
    """The trace file of the texts that are left, where one was asked for.

    Raises ValueError where it cannot be written, or would take the place of the trace of the texts made before.
    """
    path, output = plan.output.trace, plan.output.output
    if path is None:
        return None
    if output is not None and path.resolve() == output.resolve():
        raise ValueError(f"--trace and --output must be different files, got {str(path)!r} twice")
    if resumed and path.exists():
        raise ValueError(
            f"the trace file {str(path)!r} is there already, and a trace is of the texts of one run: "
            "give another for those that are left"
        )
    prompts: list[Any] = [task.given.prompt for task in left]
    seeds = [task.seed for task in left]
    requests = trace_requests(denoiser, prompts, length=plan.length, seed=seeds) if left else []
    settings = plan.settings(seed)
    head = header(
        settings["sampler"],
        denoiser.name,
        [{**request, "index": task.index} for request, task in zip(requests, left, strict=True)],
        kind="steps",
        driver="sortilege.denoise" if plan.searching is None else "sortilege.search",
        settings=settings,
    )
    return TraceWriter(path, head)


def _encoded(tasks: Sequence[Task], denoiser: Denoiser, length: int | None) -> list[Task]:
    """The tasks, with an error at prompts that no canvas can be made of, or that are no text. Fails if none is left."""
    whole("--length", 1 if length is None else length, 1, denoiser.max_length)
    prompts: dict[int, Given] = {}
    for task in tasks:
        first = task.index - task.sample
        if first not in prompts:
            prompts[first] = _tried(task.given, denoiser, length)
    refuse_all_bad(list(prompts.values()))
    return [replace(task, given=prompts[task.index - task.sample]) for task in tasks]


def _tried(given: Given, denoiser: Denoiser, length: int | None) -> Given:
    if given.error is not None:
        return given
    try:
        templates(denoiser, [given.prompt], length)
        if isinstance(given.prompt, list):
            denoiser.decode(given.prompt)
    except ValueError as error:
        return replace(given, error=str(error))
    return given


def _loaded(asked: Process, watched: bool) -> Denoiser:
    from sortilege.diffusion.transformers import load_denoiser

    # Other models have bars of transformers' own.
    spins = watched and asked.model in bundled()
    with Console(stderr=True).status(f"loading {asked.model}") if spins else nullcontext():
        return load_denoiser(asked.model, device=asked.device, trust_remote_code=asked.trust_remote_code)


def _conclude(plan: Plan, records: Sequence[Record], seed: int, seconds: float) -> None:
    """The table and the line at the end, over all texts of the command, made now or before."""
    console = Console(stderr=True, highlight=False)
    if plan.bounds and records:
        console.print(table(records, plan.bounds))
    if records:
        console.print(Text(summary(records, seed=seed, seconds=seconds), PROMPT), soft_wrap=True)
