"""Where the prompt comes from: the argument, a file, or standard input."""

import sys
from pathlib import Path

from sortilege.cli._errors import fail, refusals


def read_prompt(prompt: str | None, file: Path | None) -> str:
    """The prompt; refused when there is none, two, or one without text.

    Of a file or a pipe, the newline at the very end is dropped: it is the editor's or the shell's, and a model would
    read it as the end of a paragraph.
    """
    if prompt is not None and file is not None:
        fail("the prompt was given twice: as an argument and with --prompt-file")
    if prompt is not None and prompt != "-":
        return prompt if prompt.strip() else fail("the prompt is empty")
    if prompt is None and file is None and (sys.stdin is None or sys.stdin.isatty()):
        fail("no prompt: give one as an argument, with --prompt-file, or on standard input")
    if file is None or str(file) == "-":
        name, read = "standard input", sys.stdin.buffer.read
    else:
        name, read = f"the prompt file {file}", file.read_bytes
    with refusals(name):
        try:
            text = read().decode()
        except UnicodeDecodeError as error:
            fail(f"{name} is not UTF-8 text: {error.reason} at byte {error.start}")
    text = text.replace("\r\n", "\n").removesuffix("\n")
    return text if text.strip() else fail(f"{name} is empty")
