"""Any Python function as a property."""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar

from sortilege._knobs import check_knobs, knob, knobs
from sortilege.properties._base import Property, Text


@dataclass(frozen=True)
class Function(Property):
    """What a Python function makes of the texts, whatever its range.

    function: takes a list of texts and gives a list of as many numbers; None or NaN where a text has none. It is the
    function itself, or where to import it from, "module:attribute".
    each: whether it takes one text and gives one number instead.

    Raises ValueError for a place that is not written so; ``load`` and ``measure`` raise it for one with no function.
    """

    source: ClassVar[str] = "a Python function"

    function: str | Callable[[Any], Any] = knob(MISSING, kind="text", doc='the function, as "module:attribute"')
    each: bool = knob(False, doc="whether it takes one text at a time rather than a list of them")

    def __post_init__(self) -> None:
        if callable(self.function):
            knobs(self)["each"].check("Function.each", self.each)
            return
        check_knobs(self)
        parts = self.function.partition(":")
        if not all(parts) or not all(part.isidentifier() for half in parts[::2] for part in half.split(".")):
            raise ValueError(f'Function.function must be written "module:attribute", got {self.function!r}')

    def load(self) -> None:
        self._found()

    def measure(self, texts: Sequence[Text]) -> Sequence[float]:
        function, given = self._found(), [text.text for text in texts]
        return [function(text) for text in given] if self.each else function(given)

    def _found(self) -> Callable[[Any], Any]:
        if callable(self.function):
            return self.function
        module, _, attribute = self.function.partition(":")
        try:
            found: Any = importlib.import_module(module)
            for part in attribute.split("."):
                found = getattr(found, part)
        except (ModuleNotFoundError, AttributeError) as error:
            raise ValueError(f"Function.function must be importable, got {self.function!r}: {error}") from error
        if not callable(found):
            raise ValueError(f"Function.function must be a function, got {self.function!r}, a {type(found).__name__}")
        return found
