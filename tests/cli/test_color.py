"""The surprisal scale: the same meaning everywhere, readable everywhere, and no byte of a model's text obeyed."""

import io

import pytest
from rich.color import Color
from rich.console import Console

from sortilege.cli._color import EDGES, SHADES, harmless, legend, literal, surprisal_style


def rendered(text: object) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=40)
    console.print(text, end="", soft_wrap=True)
    return console.file.getvalue()  # type: ignore[attr-defined]


def luminance(hexadecimal: str) -> float:
    """Relative luminance of an sRGB colour (WCAG 2.1)."""
    channels = [c / 255 for c in Color.parse(hexadecimal).get_truecolor()]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_white_is_readable_on_every_shade() -> None:
    assert all(1.05 / (luminance(shade) + 0.05) >= 4.5 for shade in SHADES)


def test_more_surprising_is_lighter_so_the_order_survives_without_colour() -> None:
    assert [luminance(shade) for shade in SHADES] == sorted(luminance(shade) for shade in SHADES)


def test_each_shade_begins_at_its_edge() -> None:
    assert surprisal_style(0.0).bgcolor is None
    for edge, shade in zip(EDGES, SHADES, strict=True):
        assert surprisal_style(edge).bgcolor == Color.parse(shade)
        assert surprisal_style(edge - 1e-9).bgcolor != Color.parse(shade)
    assert surprisal_style(float("inf")).bgcolor == Color.parse(SHADES[-1])


def test_the_legend_names_every_shade_with_its_nats() -> None:
    text = legend()
    assert text.plain == "surprisal in nats  0-1  1-2  2-4  4-6  6-8  8+ "
    assert {str(span.style) for span in text.spans} >= {str(surprisal_style(edge)) for edge in EDGES}


def test_markup_is_text() -> None:
    assert rendered(literal("[bold]x[/bold] [/] :smile: https://x")) == "[bold]x[/bold] [/] :smile: https://x"


@pytest.mark.parametrize("code", [*range(9), *range(11, 32), 0x7F, *range(0x80, 0xA0)])
def test_control_characters_are_shown_not_sent(code: int) -> None:
    assert chr(code) not in rendered(literal(f"a{chr(code)}b"))
    assert len(harmless(f"a{chr(code)}b")) == 3


def test_newlines_and_tabs_stay() -> None:
    assert harmless("a\tb\n\nc") == "a\tb\n\nc"
    assert rendered(literal("\na \n")) == "\na \n"


def test_no_background_runs_over_a_newline() -> None:
    assert "\x1b[0m\n" in rendered(literal("a\nb", surprisal_style(9.0)))
