"""Many prompts: from the argument, the lines of a file, the files of a folder, or standard input."""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sortilege.cli._errors import fail
from sortilege.cli._prompt import read_prompt


@dataclass(frozen=True)
class Given:
    """A prompt, or why there is none.

    prompt: its text or its token ids. file, line: where it stands, lines counted from 1; None for an argument.
    reference: what the line gives as one, as it stands there; only sets of prompts look at it.
    """

    prompt: str | list[int] | None
    file: str | None = None
    line: int | None = None
    error: str | None = None
    reference: Any = None

    @property
    def place(self) -> str:
        """Where it comes from, in words."""
        if self.file is None:
            return "the prompt"
        return self.file if self.line is None else f"{self.file}, line {self.line}"


def read_prompts(argument: str | None, source: str | None) -> list[Given]:
    """The prompts, those that cannot be read among them; one empty text where none was asked for.

    A text that is nothing but spaces is no prompt. Refused: two sources, one that cannot be read or holds nothing, and
    one of which no prompt can be read.
    """
    if argument is not None and source is not None:
        fail("the prompt was given twice: as an argument and with --prompts")
    if source is not None:
        found = prompts_in(source)
    elif argument is not None:
        found = [_checked(read_prompt(argument, None))]
    else:
        found = [Given("")]
    refuse_all_bad(found)
    return found


def prompts_in(source: str) -> list[Given]:
    """The prompts in a file, in the files of a folder, or on standard input (``-``); refused where there are none."""
    found = list(_found(source))
    return found if found else fail(f"--prompts: {source!r} holds no prompts")


def is_prompt(value: Any) -> bool:
    """Whether it is a text or a list of token ids."""
    ids = isinstance(value, list) and all(isinstance(token, int) and not isinstance(token, bool) for token in value)
    return isinstance(value, str) or ids


def refuse_all_bad(prompts: list[Given]) -> None:
    """Fail with what is wrong of the first prompt if something is wrong of each."""
    if all(given.error is not None for given in prompts):
        more = f" (and none of the other {len(prompts) - 1} prompts can be used)" if len(prompts) > 1 else ""
        fail(f"{prompts[0].place}: {prompts[0].error}{more}")


def _found(source: str) -> Iterator[Given]:
    path = Path(source)
    if source != "-" and path.is_dir():
        for file in sorted(path.iterdir()):
            if (file.is_file() or file.is_symlink()) and not file.name.startswith("."):
                yield _read_file(file)
        return
    try:
        data = sys.stdin.buffer.read() if source == "-" else path.read_bytes()
    except OSError as error:
        fail(f"--prompts: {source!r} cannot be read: {error.strerror or error}")
    name = "standard input" if source == "-" else source
    for number, line in enumerate(data.removesuffix(b"\n").split(b"\n") if data else [], 1):
        text, error = _decoded(line.removesuffix(b"\r"))
        if text is None:
            yield Given(None, name, number, error)
        elif path.suffix == ".jsonl":
            yield _of_json(text, name, number)
        else:
            yield _checked(text, name, number)


def _read_file(path: Path) -> Given:
    try:
        text, error = _decoded(path.read_bytes())
    except OSError as failed:
        text, error = None, f"cannot be read: {failed.strerror or failed}"
    if text is None:
        return Given(None, str(path), None, error)
    return _checked(text.replace("\r\n", "\n").removesuffix("\n"), str(path))


def _decoded(data: bytes) -> tuple[str | None, str | None]:
    """The text, or what is wrong with it."""
    try:
        return data.decode(), None
    except UnicodeDecodeError as error:
        return None, f"is not UTF-8 text: {error.reason} at byte {error.start}"


def _of_json(line: str, file: str, number: int) -> Given:
    try:
        value: Any = json.loads(line)
    except ValueError as error:
        return Given(None, file, number, f"is not JSON: {error}")
    prompt = value.get("prompt") if isinstance(value, dict) else None
    if not is_prompt(prompt):
        return Given(None, file, number, 'must be an object with a "prompt", a text or a list of token ids')
    return replace(_checked(prompt, file, number), reference=value.get("reference"))


def _checked(prompt: Any, file: str | None = None, line: int | None = None) -> Given:
    empty = not (prompt.strip() if isinstance(prompt, str) else prompt)
    return Given(prompt, file, line, "is empty" if empty else None)
