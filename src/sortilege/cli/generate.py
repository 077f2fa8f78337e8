"""``sortilege generate``: text by a language model, under a sampler of your choice."""

import secrets
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from sortilege._checks import whole
from sortilege._extras import require
from sortilege._requests import tokenized
from sortilege.cli import _options as options
from sortilege.cli._color import PROMPT, literal
from sortilege.cli._errors import refusals
from sortilege.cli._page import Pipe, Terminal
from sortilege.cli._prompt import read_prompt
from sortilege.cli._report import as_json, summary
from sortilege.generate import DecodingError, Event, Result, seeds_of, stream
from sortilege.models import Model, bundled, load
from sortilege.samplers.spec import format_sampler, parse_sampler
from sortilege.trace import TraceWriter, header, request_of


def generate(
    prompt: options.Prompt = None,
    prompt_file: options.PromptFile = None,
    model: options.Model = "tiny-ar",
    device: options.Device = None,
    sampler: options.Sampler = "adaptive-dirichlet",
    settings: options.Set = None,
    warm: options.Warm = False,
    seed: options.Seed = None,
    max_new_tokens: options.MaxNewTokens = 128,
    num_samples: options.NumSamples = 1,
    stop: options.Stop = None,
    color: options.Shade = options.Color.NONE,
    json: options.Json = False,
    trace: options.Trace = None,
    quiet: options.Quiet = False,
) -> None:
    """Continue a text with a language model.

    On a terminal the text appears as it is drawn, then a line to repeat it by.
    In a pipe there is the new text and nothing else.
    """
    console = Console(highlight=False)
    on_terminal = console.is_terminal and not json
    # FORCE_COLOR makes rich call a pipe a terminal; bars and summaries are for people who really watch one.
    watched = sys.stderr.isatty() and not quiet
    summarised = watched and on_terminal
    seed = secrets.randbelow(2**31) if seed is None else seed

    text = read_prompt(prompt, prompt_file)
    with refusals(ValueError, ImportError, OSError):
        whole("--seed", seed, 0)
        whole("--max-new-tokens", max_new_tokens, 1)
        whole("--num-samples", num_samples, 1)
        chosen = parse_sampler(sampler, _assignments(settings or []))
        spec = format_sampler(chosen)
        loaded = _load(model, device, watched)
        events = stream(
            loaded,
            text,
            chosen,
            max_new_tokens=max_new_tokens,
            seed=seed,
            num_samples=num_samples,
            stop=stop or (),
            warm=warm,
            trace=trace is not None or summarised,
            candidates=8 if trace is not None else 0,
        )
        writer = None
        if trace is not None:
            _, (tokens,) = tokenized(loaded, text)
            requests = [
                {**request_of(tokens, s, loaded.tokenizer), "prompt": text} for s in seeds_of(seed, 1, num_samples)
            ]
            asked = {"max_new_tokens": max_new_tokens, "stop": stop or [], "warm": warm}
            writer = TraceWriter(trace, header(spec, loaded.name, requests, settings=asked))

    page = Terminal(console, shaded=color is options.Color.SURPRISAL, bare=quiet) if on_terminal else Pipe()
    started = time.perf_counter()
    with refusals(DecodingError), writer or nullcontext():
        if writer is not None:
            events = _recorded(events, writer)
        if num_samples == 1 and not json:
            results = _live(events, page, text)
            seconds = time.perf_counter() - started
        else:
            texts = _gathered(_counted(events, num_samples, max_new_tokens) if watched else events)
            seconds = time.perf_counter() - started
            results = [result for _, result in texts]
            if json:
                for index, result in enumerate(results):
                    print(as_json(result, index=index, model=loaded.name, sampler=spec))
            else:
                _one_by_one(texts, page, text)
    if summarised:
        line = literal(summary(results, seconds=seconds, sampler=spec), PROMPT)
        Console(stderr=True, highlight=False).print(line, soft_wrap=True)


def _assignments(settings: list[str]) -> dict[str, str]:
    """``knob=value`` strings as a mapping; the last one for a knob wins."""
    for setting in settings:
        knob, _, value = setting.partition("=")
        if not knob.strip() or not value.strip():
            raise ValueError(f"--set takes knob=value, got {setting!r}")
    return {knob: value for knob, _, value in (setting.partition("=") for setting in settings)}


def _load(name: str, device: str | None, watched: bool) -> Model:
    """The model. Raises ValueError for a device that torch does not know or have."""
    # Other models have bars of transformers' own, which are switched off where the text alone is wanted.
    spinner = Console(stderr=True).status(f"loading {name}") if watched and name in bundled() else nullcontext()
    with spinner:
        torch, transformers = require("torch", "transformers"), require("transformers", "transformers")
        if not watched:
            transformers.utils.logging.disable_progress_bar()
        if device is not None:
            try:
                torch.empty(0, device=device)
            except (RuntimeError, AssertionError) as error:
                raise ValueError(f"device {device!r} cannot be used: {str(error).splitlines()[0]}") from error
        return load(name, device=device)


def _recorded(events: Iterable[Event], writer: TraceWriter) -> Iterator[Event]:
    """The events, each written to the trace as it passes."""
    for event in events:
        if event.record is not None:
            writer.write(event.record)
        yield event


def _counted(events: Iterable[Event], texts: int, longest: int) -> Iterator[Event]:
    """The events, with a bar on standard error that leaves no trace."""
    columns = TextColumn("{task.completed:.0f} of {task.total:.0f} tokens"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=texts * longest)
        for event in events:
            bar.advance(task, 1 if event.result is None else longest - event.position)
            yield event


def _live(events: Iterable[Event], page: Pipe, prompt: str) -> list[Result]:
    """Show one text as it comes."""
    results: list[Result] = []
    try:
        for event in events:
            if event.position == 0:
                page.begin(prompt)
            page.token(event)
            if event.result is not None:
                results.append(event.result)
    finally:
        page.end()
    page.close()
    return results


def _gathered(events: Iterable[Event]) -> list[tuple[list[Event], Result]]:
    """The events and the result of each text, once all have come."""
    texts: dict[int, list[Event]] = {}
    results: dict[int, Result] = {}
    for event in events:
        texts.setdefault(event.request, []).append(event)
        if event.result is not None:
            results[event.request] = event.result
    return [(texts[request], results[request]) for request in sorted(results)]


def _one_by_one(texts: list[tuple[list[Event], Result]], page: Pipe, prompt: str) -> None:
    """Show several finished texts."""
    page.begin(prompt)
    for index, (events, result) in enumerate(texts):
        page.heading(index, result)
        for event in events:
            page.token(event)
        page.end()
    page.close()
