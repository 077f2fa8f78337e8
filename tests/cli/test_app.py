"""The command itself: what it loads, what it says of wrong usage, and how it ends."""

import subprocess
import sys

import pytest
from commands import refused, run, spawn

HEAVY = ("torch", "transformers", "jax", "scipy", "optuna", "plotly", "sacrebleu", "mauve")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["samplers"],
        ["policies"],
        ["properties"],
        ["presets"],
        ["generate", "--help"],
        ["view", "--help"],
        ["tune", "--help"],
        ["tune", "min-p", "--objective", "beauty"],
        ["compare", "--help"],
        ["compare", "min-p", "--budget", "0"],
        ["generate", "x", "--sampler", "nucleus"],
        ["denoise", "--help"],
        ["denoise", "x", "--policy", "greedy"],
        ["search", "--help"],
        ["search", "x", "--bound", "beauty >= 1"],
    ],
)
def test_looking_things_up_loads_no_framework(arguments: list[str]) -> None:
    """Frameworks take seconds to import; help, the list of samplers and most refusals need none of them."""
    code = (
        "import sys\n"
        "from sortilege.cli import main\n"
        f"sys.argv = ['sortilege', *{arguments!r}]\n"
        "try:\n    main()\n"
        f"finally:\n    print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stderr.splitlines()[-1] == "[]", result.stderr


def test_version() -> None:
    from importlib.metadata import version

    assert run("--version").stdout == f"sortilege {version('sortilege')}\n"
    assert spawn("--version").stdout == f"sortilege {version('sortilege')}\n"


def test_without_a_command_it_shows_the_help() -> None:
    result = run()
    assert result.exit_code == 0
    for command in (
        "generate",
        "denoise",
        "search",
        "view",
        "tune",
        "compare",
        "samplers",
        "presets",
        "policies",
        "properties",
    ):
        assert command in result.stdout


@pytest.mark.parametrize("command", ["denoise", "search"])
def test_exit_codes_are_in_the_help(command: str) -> None:
    shown = " ".join(run(command, "--help").stdout.split())
    assert "Exit codes: 0 all texts are done; 2 bad input" in shown
    assert all(f"{code} " in shown for code in (0, 2, 3, 130))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["sampler"], "samplers"),
        (["--colour"], "--colour"),
        (["generate", "x", "--samplr", "y"], "--samplr"),
        (["generate", "x", "--seed", "one"], "--seed"),
        (["generate", "x", "--color", "rainbow"], "--color"),
        (["generate", "x", "y"], "y"),
        (["generate", "x", "--sampler"], "--sampler"),
    ],
)
def test_wrong_usage_is_one_line(arguments: list[str], word: str) -> None:
    refused(run(*arguments), word)


@pytest.mark.parametrize("missing", ["typer", "rich"])
def test_without_the_extra_it_says_which_to_install(missing: str) -> None:
    code = f"import sys; sys.modules[{missing!r}] = None\nfrom sortilege.cli import main\nmain()"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    refused(result, missing, "sortilege[transformers]")
