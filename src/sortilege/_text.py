"""Tokens to text as they come: no half characters, and nothing that may yet turn out to be a stop string."""

from collections.abc import Sequence
from typing import Any

_PARTIAL = "\ufffd"

# A model may write anything. Control characters are shown as their Unicode pictures: an escape sequence in sampled text
# could otherwise recolour, clear or retitle the user's terminal. Half of a surrogate pair is no text at all.
_CONTROLS = {
    **{code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), _PARTIAL),
    **dict.fromkeys(range(0xD800, 0xE000), _PARTIAL),
}


def harmless(text: str) -> str:
    """``text`` with every control character but newline and tab replaced by a visible picture of it."""
    return text.translate(_CONTROLS)


class TextStream:
    """The text of a growing list of tokens, given out in pieces that are final.

    A token of a byte-level vocabulary may end within a character, and the beginning of a stop string may be nothing
    of the kind once the next token is known: such text is held back until it is certain, or until ``close``.
    Special tokens have no text. The pieces given out, joined, are ``text``.

    stop: the text ends at the first of these strings to occur.
    keep_stop: whether that string stays at the end of the text.
    """

    def __init__(self, tokenizer: Any, stop: Sequence[str] = (), *, keep_stop: bool = False) -> None:
        self._tokenizer, self._stop, self._keep_stop = tokenizer, tuple(stop), keep_stop
        self._tokens: list[int] = []
        self._start = self._read = 0
        self._decoded, self._given = "", 0
        self.stopped = False

    @property
    def text(self) -> str:
        """All that has been given out."""
        return self._decoded[: self._given]

    def add(self, token: int) -> str:
        """Append a token; returns the text that became certain with it."""
        self._tokens.append(token)
        return self._advance(final=False)

    def close(self) -> str:
        """The text still held back, once no token follows. Bytes that form no character appear as U+FFFD."""
        return self._advance(final=True)

    def _advance(self, *, final: bool) -> str:
        if self.stopped:
            return ""
        searched = len(self._decoded)
        self._decode(final)
        self._find_stop(searched)
        before = self._given
        self._given = len(self._decoded) - (0 if final or self.stopped else self._held())
        return self._decoded[before : self._given]

    def _decode(self, final: bool) -> None:
        # Decoding from a little before what is new: a decoder may treat the first token of a text differently.
        window = self._tokens[self._start :]
        known = self._tokens_text(window[: self._read - self._start])
        fresh = self._tokens_text(window)
        if not final and fresh.endswith(_PARTIAL):
            return
        self._decoded += fresh[len(known) :]
        if fresh:
            self._start, self._read = self._read, len(self._tokens)

    def _tokens_text(self, tokens: list[int]) -> str:
        return self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)

    def _find_stop(self, searched: int) -> None:
        found = []
        for stop in self._stop:
            at = self._decoded.find(stop, max(0, searched - len(stop) + 1))
            if at >= 0:
                found.append((at, at + len(stop) if self._keep_stop else at))
        if found:
            self._decoded = self._decoded[: min(found)[1]]
            self.stopped = True

    def _held(self) -> int:
        """The length of the longest end of the text that begins a stop string."""
        text = self._decoded
        return max(
            (n for stop in self._stop for n in range(1, min(len(stop), len(text) + 1)) if text.endswith(stop[:n])),
            default=0,
        )
