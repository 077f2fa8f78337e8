"""The README says what is true: its commands run, its Python runs, its table and its tree are those of the project."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import commands
import pytest

from tools import readme_table

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.MULTILINE | re.DOTALL)


def command_lines(page: Path) -> list[str]:
    """The command lines of a page in order, comments and continuation lines folded away."""
    lines = [line for block in blocks(page, "bash") for line in block.replace("\\\n", "").splitlines()]
    return [line.split("  #")[0].strip() for line in lines if line and not line.startswith("#")]


def python_blocks() -> list[tuple[str, str]]:
    return [(f"{page.name}:{i}", block) for page in PAGES for i, block in enumerate(blocks(page, "python"))]


def test_pages_have_commands_and_python() -> None:
    assert sum(len(command_lines(page)) for page in PAGES) > 5
    assert len(python_blocks()) >= 3


@pytest.mark.parametrize("page", [page for page in PAGES if command_lines(page)], ids=lambda page: page.name)
def test_commands(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after another in one folder, as a reader would type them: what one writes the next may read."""
    monkeypatch.chdir(tmp_path)
    for command in command_lines(page):
        check(command)


def check(command: str) -> None:
    """Commands of ours run as they stand; what others install or check must be there to be installed or checked."""
    program, *rest = shlex.split(command)
    program = Path(program).name
    if program == "sortilege":
        shown = commands.run(*rest)
        assert (shown.exit_code, shown.stderr) == (0, ""), command
        assert shown.stdout.strip(), command
    elif program == "make":
        shown = subprocess.run(["make", "-n", *rest], cwd=ROOT, capture_output=True, text=True, check=True)
        assert shown.stdout.strip(), command
    elif program == "pip":
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
        named = re.findall(r"\[([a-z,]+)\]", command)
        assert set(",".join(named).split(",")) <= set(extras), command
        assert all((ROOT / name).is_file() for name in re.findall(r"-c (\S+)", command)), command
    elif rest[0] == "-m":
        assert program in ("python", "python3"), command
        assert rest[1] in ("venv", "pytest", "benchmarks", "benchmarks.search", "benchmarks.evidence"), command
    else:
        assert program == "python", command
        assert (ROOT / rest[0]).is_file(), command


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
    """Every path of the tree exists, and every folder at the top and in the package is in it."""
    inside = ROOT / "src" / "sortilege"
    hidden = ("__pycache__", "build", "dist")
    tops = [path for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", *hidden))]
    packages = [path for path in inside.iterdir() if path.is_dir() and path.name not in hidden]
    folders = {f"{path.relative_to(ROOT).as_posix()}/" for path in [*tops, *packages]} - {"src/"}
    assert [path for path in sorted(tree()) if not (ROOT / path).exists()] == []
    assert sorted(folders - tree()) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [target for target in targets if not (page.parent / target).exists()] == []
