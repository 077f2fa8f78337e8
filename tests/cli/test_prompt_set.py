"""Sets of prompts with references, and what is refused of them."""

import json
from pathlib import Path

import pytest
import typer

from sortilege.cli._prompt_set import read_prompt_set
from sortilege.evaluation.prompts import Prompt, bundled_prompts


def test_the_bundled_prompts_are_the_default() -> None:
    assert read_prompt_set(None) == bundled_prompts()


def test_lines_and_json(tmp_path: Path) -> None:
    lines = tmp_path / "a.txt"
    lines.write_text("one\ntwo words\n")
    assert read_prompt_set(str(lines)) == [Prompt("one"), Prompt("two words")]
    objects = tmp_path / "a.jsonl"
    said = [{"prompt": "one", "reference": " and on"}, {"prompt": [3, 4], "reference": [5]}, {"prompt": "last"}]
    objects.write_text("".join(json.dumps(one) + "\n" for one in said))
    assert read_prompt_set(str(objects)) == [Prompt("one", " and on"), Prompt((3, 4), (5,)), Prompt("last")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"prompt": "a", "reference": 3}', 'line 2: "reference" must be a text or a list'),
        ('{"prompt": "a", "reference": []}', "not empty"),
        ('{"prompt": "a", "reference": ""}', "not empty"),
        ('{"prompt": "a", "reference": [true]}', 'line 2: "reference" must be'),
        ('{"prompt": " "}', "line 2: is empty"),
        ("{", "line 2: is not JSON"),
    ],
)
def test_one_bad_line_refuses_the_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, words: str
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"prompt": "a"}\n' + line + "\n")
    with pytest.raises(typer.Exit) as exit:
        read_prompt_set(str(path))
    assert exit.value.exit_code == 2
    assert words in capsys.readouterr().err


def test_nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    for source in (empty, tmp_path / "none.txt"):
        with pytest.raises(typer.Exit):
            read_prompt_set(str(source))
        assert "--prompts" in capsys.readouterr().err
