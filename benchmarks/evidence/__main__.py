"""``python -m benchmarks.evidence``: run every comparison on the bundled models and write docs/evidence.md.

Needs the held-out text: ``python tools/corpus.py NOVELS.tar.xz build/corpus`` makes it. Everything is a journal in
``--folder``: an interrupted run is gone on with by the same command, and ``--only`` runs a part, so that several
processes can share the work. The page is written when all parts are there.
"""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from benchmarks.evidence.plans import COMMON, plans
from benchmarks.evidence.rates import rates
from benchmarks.evidence.typical import kept
from sortilege.evaluation.comparing import Progress, compare

PARTS = ("all", "long", "several", "rates", "typical")


def main(
    corpus: Annotated[Path, typer.Option(help="The folder that tools/corpus.py wrote.")] = Path("build/corpus"),
    folder: Annotated[Path, typer.Option(help="Where the journals and reports go.")] = Path("build/evidence"),
    also: Annotated[list[str] | None, typer.Option(help="Further models to ask for a rate.")] = None,
    only: Annotated[list[str] | None, typer.Option(help=f"Run these parts alone: {', '.join(PARTS)}.")] = None,
    page: Annotated[Path | None, typer.Option(help="Replace the generated part of this document.")] = None,
    quick: Annotated[bool, typer.Option(help="So small that it shows only that it runs.")] = False,
) -> None:
    """Measure what each method buys."""
    wanted = only or list(PARTS)
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        raise typer.BadParameter(f"--only must be among {', '.join(PARTS)}, got {', '.join(unknown)}")
    if not (corpus / "validation.npy").exists():
        raise typer.BadParameter(f"--corpus must hold validation.npy (tools/corpus.py writes it), got {str(corpus)!r}")
    torch.set_num_threads(1)  # the models are too small to gain from more
    folder.mkdir(parents=True, exist_ok=True)
    console = Console(stderr=True)
    command = shlex.join(["python", "-m", "benchmarks.evidence", *sys.argv[1:]])

    def tell(progress: Progress) -> None:
        console.print(f"{progress.done} of {progress.total}: {progress.what}", highlight=False, markup=False)

    for name, plan in plans(corpus, quick=quick).items():
        if name in wanted:
            compare(plan, folder / f"{name}.jsonl", on_progress=tell, command=command)
    if "rates" in wanted:
        rates(corpus, [COMMON["model"], *(also or [])], folder / "rates.jsonl", quick=quick, tell=console.print)
    if "typical" in wanted:
        kept(corpus, COMMON["model"], folder / "typical.json", positions=50 if quick else 4000)


if __name__ == "__main__":
    typer.run(main)
