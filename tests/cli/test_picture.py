"""The README's picture is a run of the command."""

from pathlib import Path

import pytest

from sortilege.cli._color import SHADES
from tools.readme_picture import main


@pytest.mark.slow
def test_the_picture_has_command_prompt_shades_and_legend(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "images" / "generate.svg"
    main(prompt="the old house", seed=3, max_new_tokens=20, model=str(model), out=out)
    svg = out.read_text()
    assert svg.startswith("<svg")
    words = svg.replace("&#160;", " ")
    for text in ("$ sortilege generate", "the old house", "surprisal in nats", *SHADES):
        assert text in words
