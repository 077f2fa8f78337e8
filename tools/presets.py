"""Make the presets that come with the package: one study each, of the commands that this prints.

    python tools/presets.py                       # all of them, on the bundled model
    python tools/presets.py --only balanced --trials 60 --max-new-tokens 128

A preset is named after its method and how diverse its texts are: `creative` nearly as diverse as the model's own
texts at temperature 1 (distinct-3 within the band of LEVELS, in factors of theirs), `balanced` and `precise` less. The
studies are in one SQLite file: what was interrupted goes on when the same command is given again.
"""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

METHODS = {
    # The variant that docs/evidence.md found to hold a rate, at the price of a min-p cut.
    "adaptive-dirichlet": "adaptive-dirichlet(a=0, b=0, perturb_exp_coeff=0, softmax_temperature=integral, "
    "truncation=min-p) ~ probs_ent_offset=0.5:3.5, integral_gain=0.02:0.3:log, truncation.min_p=0.005:0.2:log",
    "locally-typical": "locally-typical ~ mass, alpha",
    "locally-typical-distance": "locally-typical-distance ~ mass, tau",
}
LEVELS = {"precise": "0.8:0.9", "balanced": "0.9:0.96", "creative": "0.96:1.05"}
FOLDER = Path("src/sortilege/presets")  # from the root of the repository, so that commands read the same everywhere


def main(
    trials: int = 20,
    max_new_tokens: int = 64,
    seed: int = 0,
    workers: int = 1,
    model: str = "tiny-ar",
    prompts: Annotated[Path | None, typer.Option(help="a file; the bundled prompts by default")] = None,
    storage: str = "build/presets.db",
    folder: Annotated[Path, typer.Option(help="where the presets go")] = FOLDER,
    only: Annotated[list[str] | None, typer.Option(help="those with this in their name; repeatable")] = None,
) -> None:
    Path("build").mkdir(exist_ok=True)
    names = [f"{method}-{level}" for method in METHODS for level in LEVELS]
    chosen = [name for name in names if not only or any(part in name for part in only)]
    if not chosen:
        raise typer.BadParameter(f"no preset has {' or '.join(only or [])} in its name; known: {', '.join(names)}")
    failed: list[str] = []
    for name in chosen:
        method, _, level = name.rpartition("-")
        command = ["tune", METHODS[method], "--model", model, "--guard", f"distinct_3={LEVELS[level]}"]
        command += ["--guard", "entropy=0.25:", "--trials", str(trials), "--max-new-tokens", str(max_new_tokens)]
        command += ["--full-length", "--seed", str(seed), "--study", name, "--storage", storage]
        command += ["--workers", str(workers)] if workers > 1 else []
        command += ["--prompts", str(prompts)] if prompts is not None else []
        command += ["--preset", str(folder / f"{name}.json")]
        typer.echo(shlex.join(["sortilege", *command]))
        if subprocess.run([sys.executable, "-m", "sortilege", *command]).returncode:
            failed.append(name)
    if failed:
        typer.echo(f"not made: {', '.join(failed)}", err=True)
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
