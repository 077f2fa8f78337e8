"""Draw the picture in docs/viewing.md: a run of the command itself, and the page of its trace as a browser shows it.

python tools/view_picture.py
"""

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from playwright.sync_api import sync_playwright

from sortilege.trace import read_trace
from tools.browser import NEEDED, chromium

PICTURE = Path(__file__).parent.parent / "docs" / "images" / "view.png"
SAMPLER = "adaptive-dirichlet(truncation=min-p(0.05))"


def main(
    prompt: str = "It was a dark night, and the old house",
    seed: int = 1,
    max_new_tokens: int = 300,
    model: str = "tiny-ar",
    out: Annotated[Path, typer.Option(help="where the picture goes")] = PICTURE,
) -> None:
    browser = chromium()
    if browser is None:
        raise SystemExit(NEEDED)
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.jsonl"
        generate = ["generate", prompt, "-s", SAMPLER, "--seed", seed, "-n", max_new_tokens, "-m", model, "-q"]
        for arguments in ([*generate, "--trace", trace], ["view", trace]):
            command = [sys.executable, "-m", "sortilege", *map(str, arguments)]
            # One thread: the model is too small to gain from more.
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        out.parent.mkdir(parents=True, exist_ok=True)
        with (
            sync_playwright() as playwright,
            playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"]) as started,
        ):
            tab = started.new_page(viewport={"width": 1280, "height": 800}, color_scheme="light")
            tab.goto(trace.with_suffix(".html").as_uri())
            tab.locator(f'.t[data-i="{telling(trace)}"]').click()
            tab.mouse.move(0, 0)
            tab.wait_for_timeout(200)
            shown = Image.open(io.BytesIO(tab.screenshot()))
    shown.convert("RGB").quantize(96).save(out, optimize=True)  # a third of the size, and no difference to the eye
    typer.echo(f"wrote {out} ({out.stat().st_size / 1000:.0f} kB)")


def telling(trace: Path) -> int:
    """A token near the beginning that shows much: unlikely, drawn while several of the listed were dropped."""
    first = read_trace(trace).records[:120]

    def worth(i: int) -> tuple[bool, float]:
        dropped = sum(not one["kept"] for one in first[i]["candidates"])
        return 2 <= dropped <= 5, -(first[i]["raw_log_prob"] or 0)

    return max(range(len(first)), key=worth)


if __name__ == "__main__":
    typer.run(main)
