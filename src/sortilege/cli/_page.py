"""Standard output: plain text for a pipe, the dimmed prompt and shaded tokens for a terminal."""

import sys
from statistics import fmean

from rich.console import Console
from rich.text import Text

from sortilege.cli._color import PROMPT, legend, literal, surprisal_style
from sortilege.generate import Event, Result


class Pipe:
    """The text as it comes and nothing else; a newline ends each text, and an empty line parts two."""

    def __init__(self) -> None:
        self.open = False

    def begin(self, prompt: str) -> None:
        """Before the first text."""

    def heading(self, index: int, result: Result) -> None:
        """Before each of several texts."""
        if index:
            self._write("\n")

    def token(self, event: Event) -> None:
        """One token of the current text."""
        self.open = True
        self._write(event.text)

    def end(self) -> None:
        """After each text, whole or broken off."""
        if self.open:
            self._write("\n")
        self.open = False

    def close(self) -> None:
        """After the last text."""

    def _write(self, text: str) -> None:
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()


class Terminal(Pipe):
    """The same for people: the prompt first, tokens shaded by surprisal if asked for, and then the legend.

    bare: leave out prompt, headings and legend.
    """

    def __init__(self, console: Console, *, shaded: bool, bare: bool) -> None:
        super().__init__()
        self._console, self._bare = console, bare
        self._shaded = shaded and console.color_system is not None and not console.no_color
        self._held: list[float] = []

    def begin(self, prompt: str) -> None:
        if not self._bare:
            self._print(literal(prompt, PROMPT))
            self.open = True

    def heading(self, index: int, result: Result) -> None:
        self.end()
        if not self._bare:
            self._print(Text(f"\ntext {index + 1}, seed {result.seed}\n", PROMPT))
        elif index:
            self._print(Text("\n"))

    def token(self, event: Event) -> None:
        self.open = True
        # Text that several tokens were needed for (a character, the beginning of a stop string) has their mean shade.
        self._held.append(-event.raw_log_prob)
        if event.text:
            self._print(
                literal(event.text, surprisal_style(fmean(self._held))) if self._shaded else literal(event.text)
            )
            self._held.clear()

    def end(self) -> None:
        self._held.clear()
        if self.open:
            self._print(Text("\n"))
        self.open = False

    def close(self) -> None:
        if self._shaded and not self._bare:
            self._print(Text.assemble("\n", legend(), "\n"))

    def _print(self, text: Text) -> None:
        self._console.print(text, end="", soft_wrap=True)
