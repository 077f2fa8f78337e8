"""What is built holds what it must, and what is pinned is what is tested."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import sortilege

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(
    line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def sources() -> set[str]:
    """The files of the package, as they must come back out of a wheel."""
    found = (path for path in (ROOT / "src").rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(ROOT / "src").as_posix() for path in found}


def test_wheel_holds_the_package_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == sources()
    assert "sortilege/py.typed" in names
    model = {"config.json", "model.safetensors", "tokenizer.json", "README.md"}
    assert {f"sortilege/models/tiny-ar/{name}" for name in model} <= names


def test_sdist_holds_what_is_needed_to_build_and_test(built: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.split("/", 1)[1] for name in opened.getnames()}
    assert {f"src/{name}" for name in sources()} <= names
    assert {"pyproject.toml", "constraints.txt", "Makefile", "LICENSE", "README.md", "tests/conftest.py"} <= names


def test_one_version() -> None:
    assert version("sortilege") == sortilege.__version__


def required() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    lines = [*PROJECT["dependencies"], "hatchling", *(line for extra in extras for line in extra)]
    return [requirement for line in lines if (requirement := Requirement(line)).name != "sortilege"]


@pytest.mark.parametrize("requirement", required(), ids=str)
def test_requirement_is_pinned(requirement: Requirement) -> None:
    pins = {canonicalize_name(name): pin for name, pin in PINS.items()}
    assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)])


def test_all_brings_every_framework() -> None:
    extras = PROJECT["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    assert everything.extras == set(extras) - {"all", "dev"}


def test_pinned_torch_is_the_tested_one() -> None:
    assert PINS["torch"] == "2.13.0"
    assert not [name for name in PINS if re.match("nvidia|cuda|triton", name)]
