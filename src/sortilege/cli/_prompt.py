"""Where the prompt comes from: the argument, a file, or standard input."""

import sys
from pathlib import Path

from sortilege.cli._errors import fail


def read_prompt(prompt: str | None, file: Path | None) -> str:
    """The prompt; refused when there is none, or two, or a file or pipe without text.

    Of a file or a pipe, the newline at the very end is dropped: it is the editor's or the shell's, and a model would
    read it as the end of a paragraph.
    """
    if prompt is not None and file is not None:
        fail("the prompt was given twice: as an argument and with --prompt-file")
    if prompt is not None and prompt != "-":
        return prompt
    if file is not None and str(file) != "-":
        name, read = f"the prompt file {str(file)!r}", file.read_bytes
    elif sys.stdin is None or (prompt is None and file is None and sys.stdin.isatty()):
        fail("no prompt: give one as an argument, with --prompt-file, or on standard input")
    else:
        name, read = "standard input", sys.stdin.buffer.read
    try:
        text = read().decode()
    except OSError as error:
        fail(f"{name} cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        fail(f"{name} is not UTF-8 text: {error.reason} at byte {error.start}")
    text = text.replace("\r\n", "\n").removesuffix("\n")
    return text if text.strip() else fail(f"{name} is empty")
