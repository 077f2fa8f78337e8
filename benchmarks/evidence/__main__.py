"""``python -m benchmarks.evidence``: run every comparison on the bundled models and write docs/evidence.md.

Needs the held-out text: ``python tools/corpus.py NOVELS.tar.xz build/corpus`` makes it. Everything is a journal in
``--folder``: an interrupted run is gone on with by the same command, and ``--only`` runs a part, so that several
processes can share the work. With all parts there, the section is printed, or put into the document of ``--page``.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from benchmarks.evidence import page as pages
from benchmarks.evidence.pictures import pictures
from benchmarks.evidence.plans import COMMON, plans
from benchmarks.evidence.rates import rates
from benchmarks.evidence.typical import kept
from benchmarks.report import section_of, with_section
from sortilege.evaluation.comparing import Progress, compare

PARTS = ("all", "penalised", "heated", "long", "several", "rates", "typical")


def main(
    corpus: Annotated[Path, typer.Option(help="The folder that tools/corpus.py wrote.")] = Path("build/corpus"),
    folder: Annotated[Path, typer.Option(help="Where the journals and reports go.")] = Path("build/evidence"),
    also: Annotated[list[str] | None, typer.Option(help="Further models to ask for a rate.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Run these parts alone: {', '.join(PARTS)}.")] = None,
    into: Annotated[Path | None, typer.Option("--page", help="Replace the generated part of this document.")] = None,
    quick: Annotated[bool, typer.Option(help="So small that it shows only that it runs.")] = False,
) -> None:
    """Measure what each method buys."""
    wanted = only or list(PARTS)
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        raise typer.BadParameter(f"--only must be among {', '.join(PARTS)}, got {', '.join(unknown)}")
    if not (corpus / "validation.npy").exists():
        raise typer.BadParameter(f"--corpus must hold validation.npy (tools/corpus.py writes it), got {str(corpus)!r}")
    if into is not None:
        if set(wanted) != set(PARTS):
            raise typer.BadParameter(f"--page needs all parts, got --only {', '.join(wanted)}")
        section_of(into.read_text(encoding="utf-8"), pages.BEGIN)
    torch.set_num_threads(1)  # the models are too small to gain from more
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    command = shlex.join(["python", "-m", "benchmarks.evidence", *sys.argv[1:]])

    def tell(progress: Progress) -> None:
        console.print(f"{progress.done} of {progress.total}: {progress.what}", highlight=False, markup=False)

    comparisons = {
        name: compare(plan, folder / f"{name}.jsonl", on_progress=tell, command=command)
        for name, plan in plans(corpus, quick=quick).items()
        if name in wanted
    }
    models = [COMMON["model"], *(also or [])]
    measured = []
    if "rates" in wanted:
        measured = rates(corpus, models, folder / "rates.jsonl", quick=quick, tell=console.print)
    typical = []
    if "typical" in wanted:
        typical = kept(corpus, COMMON["model"], folder / "typical.json", positions=50 if quick else 4000)
    if set(wanted) == set(PARTS):
        more = [word for name in also or [] for word in ("--also", name)]
        command = shlex.join(["python", "-m", "benchmarks.evidence", *more, "--page", "docs/evidence.md"])
        section = pages.page(comparisons, measured, typical, command, pictured=into is not None)
        if into is None:
            print(section)
        else:
            pictures(comparisons["all"], measured, into.parent)
            into.write_text(with_section(into.read_text(encoding="utf-8"), section, pages.BEGIN), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
