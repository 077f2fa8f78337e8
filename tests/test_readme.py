"""The README says what is true: its commands run, its Python runs, its table and its tree are those of the project."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tools import readme_table

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    """Every command line of every page, comments and continuation lines folded away."""
    lines = [
        line for page in PAGES for block in blocks(page, "bash") for line in block.replace("\\\n", "").splitlines()
    ]
    return list(dict.fromkeys(line.split("  #")[0].strip() for line in lines if line and not line.startswith("#")))


def python_blocks() -> list[tuple[str, str]]:
    return [(f"{page.name}:{i}", block) for page in PAGES for i, block in enumerate(blocks(page, "python"))]


def run(words: list[str], **settings: str) -> str:
    environment = {**os.environ, **settings}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_pages_have_commands_and_python() -> None:
    assert len(commands()) > 5
    assert len(python_blocks()) > 3


@pytest.mark.parametrize("command", commands())
def test_command(command: str, tmp_path: Path) -> None:
    """sortilege's commands are run; make's targets and pip's extras must exist; others are not written anywhere."""
    words = shlex.split(command)
    if words[0] == "make":
        assert run(["make", "-n", *words[1:]], VENV=str(tmp_path)).strip()
    elif words[0] == "sortilege":
        script = f"sys.argv[0] = 'sortilege'; from sortilege.cli import main; main()"
        trace = [str(tmp_path / word) if word.endswith((".jsonl", ".svg")) else word for word in words[1:]]
        assert run([sys.executable, "-c", f"import sys; {script}", *trace]).strip()
    elif "pip" in words[0] or words[1:3] == ["-m", "pip"]:
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        for named in re.findall(r"\[([a-z,]+)\]", command):
            assert set(named.split(",")) <= set(extras)
        for name in re.findall(r"-c (\S+)", command):
            assert (ROOT / name).is_file()
    elif words[1:2] == ["-m"]:
        assert words[2] in ("venv", "pytest", "benchmarks")
    else:
        assert Path(words[0]).name in ("git", "cd", "python") and (words[0] != "python" or (ROOT / words[1]).is_file())


@pytest.mark.parametrize(("name", "code"), python_blocks(), ids=[name for name, _ in python_blocks()])
def test_python(name: str, code: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(code, name, "exec"), {"__name__": "__main__"})
    assert "Error" not in capsys.readouterr().err


def test_table_of_samplers_is_the_registry() -> None:
    text = (ROOT / "README.md").read_text()
    assert readme_table.table() in text


def test_choosing_speaks_of_every_sampler() -> None:
    text = (ROOT / "docs" / "choosing.md").read_text()
    missing = [sampler.__name__ for sampler in readme_table.SAMPLERS.values() if f"`{sampler.__name__}" not in text]
    assert not missing


def tree() -> set[str]:
    """The paths that the README's tree names, from its indentation."""
    (block,) = [block for block in blocks(ROOT / "README.md", "text") if block.startswith("src/")]
    paths, stack = set(), [""]
    for line in block.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        stack = [*stack[: depth + 1], line.split()[0]]
        paths.add("".join(stack))
    return paths


def test_tree_is_the_folders() -> None:
    """Every path of the tree exists; every top folder, and every module and package right under the package, is in it."""
    tracked = run(["git", "ls-files"]).splitlines() if (ROOT / ".git").exists() else []
    there = {f"{name.split('/')[0]}/" for name in tracked if "/" in name and not name.startswith(".")}
    package = [name.removeprefix("src/sortilege/") for name in tracked if name.startswith("src/sortilege/")]
    there |= {f"src/sortilege/{name.split('/')[0]}/" for name in package if "/" in name}
    there |= {f"src/sortilege/{name}" for name in package if name.endswith(".py") and not name.startswith("_")}
    assert all((ROOT / path).exists() for path in tree())
    assert {path for path in there if "/" in path.strip("/") or path.endswith("/")} - tree() <= set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
