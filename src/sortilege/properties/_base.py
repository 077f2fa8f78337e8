"""What a property of text is, and what it means to be within bounds."""

import builtins
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from sortilege._checks import within
from sortilege._knobs import check_knobs


@dataclass(frozen=True)
class Text:
    """What is measured: the new text, and what it follows.

    text: the text written, without the prompt and without special tokens.
    prompt: the text before it, never counted as the writer's.
    tokens: the token ids of ``text`` under the writer's tokenizer, where known.
    """

    text: str
    prompt: str = ""
    tokens: tuple[int, ...] | None = None


class Span(NamedTuple):
    """The characters ``text[start:end]``, and how much of the value they carry: a weight > 0."""

    start: int
    end: int
    weight: float


class Property:
    """Base of every property: a frozen dataclass whose fields are its knobs, and one function on a batch of texts.

    A property never touches a global random generator, treats texts independently of their batch-mates (up to the
    rounding of a model's arithmetic), and loads what it needs when it first measures or when ``load`` is called.
    """

    unit: ClassVar[str] = ""
    """What the number counts, in words: "nats", "words", "share of characters"."""
    low: ClassVar[float] = -math.inf
    high: ClassVar[float] = math.inf
    """The range of the number."""
    tolerance: ClassVar[float] = 0.0
    """Distances to a bound that differ by less than this are alike, in its unit; 0 where every difference counts."""
    source: ClassVar[str] = ""
    """Where the measure is defined, and which library computes it, in one line."""

    def __post_init__(self) -> None:
        check_knobs(self)

    def load(self) -> None:
        """Load models and libraries now. Raises ImportError or ValueError for what is missing."""

    def measure(self, texts: Sequence[Text]) -> Sequence[float]:
        """One number a text, in order; NaN where a text cannot be measured (an empty one, say)."""
        raise NotImplementedError

    def blame(self, texts: Sequence[Text]) -> list[list[Span]] | None:
        """Which characters of each text carry its value, for search to try first; None where it cannot say."""
        return None


@dataclass(frozen=True)
class Bound:
    """A property that is to lie in [lower, upper]; None leaves a side open. With both open it is only reported.

    name: what reports call it.
    tolerance: in the property's unit, the property's own by default. Distances are compared in bands of this width.

    Raises ValueError for a lower bound above the upper one, or one that is not a finite number.
    """

    name: str
    property: Property
    lower: float | None = None
    upper: float | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        for side in ("lower", "upper"):
            if getattr(self, side) is not None:
                within(f"{side} bound of {self.name}", getattr(self, side), -math.inf, math.inf)
        if self.lower is not None and self.upper is not None and self.lower > self.upper:
            raise ValueError(
                f"lower bound of {self.name} must be at most its upper bound {self.upper:g}, got {self.lower:g}"
            )
        if self.tolerance is not None:
            within(f"tolerance of {self.name}", self.tolerance, 0, math.inf)

    @builtins.property  # "property" is a field here
    def bounded(self) -> bool:
        return self.lower is not None or self.upper is not None

    def distance(self, value: float) -> float:
        """How far ``value`` is outside, in the property's unit: 0 inside, infinite for NaN."""
        if math.isnan(value):
            return math.inf if self.bounded else 0.0
        below = self.lower - value if self.lower is not None else 0.0
        above = value - self.upper if self.upper is not None else 0.0
        return max(below, above, 0.0)

    def band(self, distance: float) -> float:
        """The number of the tolerance band that a distance falls in: 0 is inside the bounds and nothing else.

        Bands, unlike "nearer by more than the tolerance", order all distances: no three texts each beat the next.
        """
        width = self.property.tolerance if self.tolerance is None else self.tolerance
        if distance == 0 or width == 0:
            return distance
        bands = distance / width
        return bands if math.isinf(bands) else max(1, math.ceil(bands))
