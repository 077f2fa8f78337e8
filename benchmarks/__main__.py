"""``python -m benchmarks``: run the benchmarks, print a table, and one JSON document as the last line."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import Progress

from benchmarks.measure import FULL, QUICK, Result, cores, limit_threads, machine, measure
from benchmarks.records import BENCHMARKS
from benchmarks.report import markdown, section_of, table, to_json, with_section

NAMES = [benchmark.name for benchmark in BENCHMARKS]


def _known(names: list[str] | None) -> list[str]:
    for name in names or []:
        if name not in NAMES:
            raise typer.BadParameter(f"must be one of {', '.join(NAMES)}, got {name!r}")
    return names or []


def _possible(threads: list[int] | None) -> list[int]:
    for count in threads or []:
        if count > cores():
            raise typer.BadParameter(f"must be an integer in [1, {cores()}], the cores of this process, got {count}")
    return sorted(set(threads or []))


def _marked(path: Path | None) -> Path | None:
    if path is not None:
        try:
            section_of(path.read_text())
        except ValueError as error:
            raise typer.BadParameter(f"{path}: {error}") from error
    return path


def _writable(path: Path | None) -> Path | None:
    if path is not None and not path.absolute().parent.is_dir():
        raise typer.BadParameter(f"must be in a folder that exists, got {path}")
    return path


def main(
    only: Annotated[
        list[str] | None,
        typer.Option(help="Run this benchmark only (may be repeated).", metavar="NAME", callback=_known),
    ] = None,
    threads: Annotated[
        list[int] | None, typer.Option(help="Threads (may be repeated); 1 and 2 by default.", min=1, callback=_possible)
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Tiny sizes and two repetitions: shows that everything runs, not how fast.")
    ] = False,
    clock: Annotated[
        Literal["wall", "cpu"], typer.Option(help="Elapsed time, or processor time of all threads, for a busy machine.")
    ] = "wall",
    json: Annotated[
        Path | None, typer.Option(help="Write the JSON document here as well.", dir_okay=False, callback=_writable)
    ] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            "--markdown",
            help="Replace the generated section of this document.",
            exists=True,
            dir_okay=False,
            writable=True,
            callback=_marked,
        ),
    ] = None,
) -> None:
    """Time what the library does against what others do, in turn, and print the ratios."""
    chosen = [name for name in NAMES if not only or name in only]
    settings = threads or [n for n in (1, 2) if n <= cores() and not (quick and n > 1)]
    effort = replace(QUICK if quick else FULL, clock=clock)
    about, results = machine(), list[Result]()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(settings) * len(chosen))
        for count in settings:
            # A fresh process each: threads and cores are settled when a framework is first imported.
            with ProcessPoolExecutor(
                1, mp_context=get_context("spawn"), initializer=limit_threads, initargs=(count,)
            ) as process:
                for name in chosen:
                    progress.update(task, description=f"{name}, {count} thread{'s' * (count > 1)}")
                    results += process.submit(measure, name, count, effort).result()
                    progress.advance(task)
    results.sort(key=lambda result: chosen.index(result.benchmark))
    document = to_json(about, results, quick)
    if json is not None:
        json.write_text(document + "\n")
    if into is not None:
        into.write_text(with_section(into.read_text(), markdown(about, results)))
    console = Console()
    if not console.is_terminal:
        console.width = 220
    console.print(table(about, results))
    print(document)


if __name__ == "__main__":
    typer.run(main)
