"""Text on a terminal: tokens shaded by how much they surprised the model, and nothing a model can write obeyed.

The scale is five backgrounds under white text. From the least to the most surprising, lightness and chroma rise in even
steps of OKLCH (0.36 to 0.59 and 0.08 to 0.22) while the hue goes from blue to red. White keeps a contrast of at least
4.5 : 1 on each, so that the text reads the same on dark and on light terminals, and the order survives in grey.
"""

from bisect import bisect_right

from rich.style import Style
from rich.text import Text

from sortilege._text import harmless as harmless

EDGES = (1.0, 2.0, 4.0, 6.0, 8.0)
"""Nats at which the shade changes; below the first (a token of probability above 0.37) text stays as it is."""

SHADES = ("#253c67", "#513d84", "#84378a", "#b82b6f", "#e32824")

PROMPT = Style(dim=True)
_PLAIN = Style.null()
_STYLES = (_PLAIN, *(Style(color="#ffffff", bgcolor=shade) for shade in SHADES))


def surprisal_style(nats: float) -> Style:
    """The style of a token of this surprisal."""
    return _STYLES[bisect_right(EDGES, nats)]


def literal(text: str, style: Style = _PLAIN) -> Text:
    """``text`` to print as it stands: no markup, no control codes, and no background run to the end of a line."""
    shown = Text()
    for i, line in enumerate(harmless(text).split("\n")):
        if i:
            shown.append("\n")
        shown.append(line, style)
    return shown


def legend() -> Text:
    """One line that says what each shade means."""
    text = Text("surprisal in nats ")
    for style, low, high in zip(_STYLES, (0.0, *EDGES), (*EDGES, None), strict=True):
        label = f"{low:g}-{high:g}" if high is not None else f"{low:g}+"
        text.append(f" {label} ", style)
    return text
