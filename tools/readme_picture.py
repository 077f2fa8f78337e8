"""Draw the README's picture of the terminal: a run of the command itself, recorded and written as SVG.

python tools/readme_picture.py
"""

import io
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "generate.svg"
COLUMNS = 88


def main(
    prompt: str = "It was a dark night, and the old house",
    seed: int = 1,
    max_new_tokens: int = 100,
    model: str = "tiny-ar",
    out: Annotated[Path, typer.Option(help="where the picture goes")] = PICTURE,
) -> None:
    arguments = ["generate", prompt, "--seed", str(seed), "-n", str(max_new_tokens), "--color", "surprisal"]
    if model != "tiny-ar":
        arguments += ["--model", model]
    colours = {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    environment = {**{k: v for k, v in os.environ.items() if k != "NO_COLOR"}, **colours}
    run = subprocess.run(
        [sys.executable, "-m", "sortilege", *arguments], env=environment, stdout=subprocess.PIPE, check=True
    )

    console = Console(record=True, file=io.StringIO(), width=COLUMNS, force_terminal=True, color_system="truecolor")
    console.print(Text(f"$ sortilege {shlex.join(arguments)}\n", "bold"))
    console.print(Text.from_ansi(run.stdout.decode()))
    out.parent.mkdir(parents=True, exist_ok=True)
    console.save_svg(str(out), title="sortilege generate")
    typer.echo(f"wrote {out}")


if __name__ == "__main__":
    typer.run(main)
