"""Two traces side by side."""

from collections.abc import Callable

import pytest
from viewer_traces import WORDS, Record, step_trace, token_trace

from .conftest import Open


def parted(at: int) -> tuple[list[Record], list[Record]]:
    """Two traces that are the same up to a position."""
    one, other = token_trace(80, seed=1), token_trace(90, seed=2)
    other = [other[0], *one[1 : at + 1], *other[at + 1 :]]
    other[0] = {**other[0], "requests": one[0]["requests"]}
    different = next(i for i, text in enumerate(WORDS) if text != one[at + 1]["text"])
    other[at + 1] = {**other[at + 1], "token": different, "text": WORDS[different]}
    return one, other


def test_both_are_shown_and_the_place_where_they_part_is_marked(show: Open) -> None:
    one, other = parted(23)
    tab = show(one, other)
    for column, lines in enumerate((one, other)):
        assert tab.written(column) == "".join(record["text"] for record in lines[1:])
    assert tab.eval_on_selector_all(".t.split", "found => found.map(one => one.dataset.i)") == ["23", "23"]
    assert len(tab.drawn()) == 2
    assert min(tab.drawn()) > 5000
    tab.get_by_role("button", name="part at token 23").first.click()
    tab.settled()
    assert tab.eval_on_selector_all(".t.pin", "found => found.map(one => one.dataset.i)") == ["23", "23"]
    shown = tab.texts(".inspector .big")
    assert [text.replace("␣", " ").replace("↵", "\n") for text in shown] == [one[24]["text"], other[24]["text"]]


def test_one_cursor_over_both(show: Open) -> None:
    one, other = parted(10)
    tab = show(one, other)
    tab.hover(40, 1)
    assert tab.eval_on_selector_all(".t.at", "found => found.map(one => one.dataset.i)") == ["40", "40"]
    tab.press("End")
    tab.page.mouse.move(2, 2)
    tab.settled()
    assert "This text ends at token 79" in tab.texts(".inspector")[0]
    assert "token 89" in tab.texts(".inspector")[1]


def test_shades_are_of_one_range(show: Open) -> None:
    one, other = parted(0)
    tab = show(one, other)
    tab.select_option("#range", "full")
    tab.settled()
    values = [-record["raw_log_prob"] for lines in (one, other) for record in lines[1:]]
    levels = [*tab.levels(0), *tab.levels(1)]
    ordered = [level for _, level in sorted(zip(values, levels, strict=True))]
    assert ordered == sorted(ordered)


def test_the_same_text_twice(show: Open) -> None:
    tab = show(token_trace(30), token_trace(30))
    assert tab.locator(".t.split").count() == 0
    assert "the same tokens throughout" in tab.texts(".stats")[0]


def test_different_prompts_are_said_to_be(show: Open) -> None:
    one, other = token_trace(30), token_trace(30)
    other[0]["requests"][0] |= {"prompt": "He", "text": "He"}
    assert "different prompts" in show(one, other).texts(".stats")[0]


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("make", [token_trace, step_trace])
def test_nothing_is_wider_than_the_window(show: Open, make: Callable[..., list[Record]], count: int) -> None:
    tab = show(*[make(seed=seed) for seed in range(count)])
    tab.token(4).click()
    for width in (390, 800, 1100):
        tab.page.set_viewport_size({"width": width, "height": 800})
        tab.settled()
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.evaluate("document.querySelector('aside').getBoundingClientRect().right") <= width + 0.5
        assert tab.locator(".inspector").first.is_visible()
