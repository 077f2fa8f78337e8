"""Every shade carries its text, and every colour of the page is legible, in light and in dark."""

import re

import pytest
from viewer_traces import step_trace, token_trace

from .conftest import Open


def luminance(color: str) -> float:
    red, green, blue = (int(x) / 255 for x in re.findall(r"\d+", color)[:3])
    parts = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in (red, green, blue)]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: str, other: str) -> float:
    """By WCAG 2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_wcag() -> None:
    assert contrast("rgb(0, 0, 0)", "rgb(255, 255, 255)") == pytest.approx(21)
    assert contrast("rgb(119, 119, 119)", "rgb(255, 255, 255)") == pytest.approx(4.48, abs=0.01)


@pytest.mark.parametrize("dark", [False, True])
def test_text_on_every_shade(show: Open, dark: bool) -> None:
    tab = show(token_trace(30), dark=dark)
    assert tab.evaluate("document.documentElement.dataset.theme") == ("dark" if dark else "light")
    for field in ("surprisal", "typicality", "branch"):
        tab.shade_by(field)
        pairs = tab.evaluate(
            """() => Array.from({length: 17}, (_, i) => { const t = document.querySelector(".t");
                t.className = `t l${i}`; const style = getComputedStyle(t);
                return [style.color, style.backgroundColor]; })"""
        )
        assert len(pairs) == 17
        assert min(contrast(*pair) for pair in pairs) >= 4.5, (field, [contrast(*pair) for pair in pairs])
        shades = [shade for _, shade in pairs]
        if field == "surprisal":
            assert len(set(shades)) == 17
            brightness = [luminance(shade) for shade in shades]
            assert brightness == sorted(brightness, reverse=not dark)
        if field == "typicality":
            assert luminance(shades[0]) == pytest.approx(luminance(shades[16]), rel=0.35)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("make", [token_trace, step_trace])
def test_all_other_text(show: Open, dark: bool, make) -> None:
    """Each text node against the first background behind it that is not transparent."""
    tab = show(make(seed=3), dark=dark)
    tab.token(6).click()
    tab.settled()
    found = tab.evaluate(
        """() => { const found = []; const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
            while (walker.nextNode()) { const one = walker.currentNode.parentElement;
                if (!walker.currentNode.textContent.trim() || !one.checkVisibility()
                    || one.closest("script, .strip-body, .sign")) continue;
                let behind = one; let color;
                while ((color = getComputedStyle(behind).backgroundColor) === "rgba(0, 0, 0, 0)")
                    behind = behind.parentElement;
                found.push([getComputedStyle(one).color, color, walker.currentNode.textContent]); }
            return found; }"""
    )
    assert len(found) > 50
    assert [one for one in found if contrast(*one[:2]) < 4.5] == []


def test_the_theme_of_the_system_is_followed_until_one_is_chosen(show: Open) -> None:
    tab = show(token_trace(30))
    tab.page.emulate_media(color_scheme="dark")
    tab.settled()
    assert tab.evaluate("document.documentElement.dataset.theme") == "dark"
    tab.get_by_role("button", name="Light or dark").click()
    for system in ("light", "dark"):
        tab.page.emulate_media(color_scheme=system)
        tab.settled()
    assert tab.evaluate("document.documentElement.dataset.theme") == "light"
