"""Text that would be markup, code or mischief is text."""

import pytest
from viewer_traces import step_trace, token_trace

from .conftest import Open

HOSTILE = [
    "</script><script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title='owned'\">",
    "<!--<script>",
    "]]>",
    "&lt;b&gt;&amp;",
    "\u2028\u2029",
    "שלום עולם",
    "مرحبا",
    "\u202eturned around",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "e\u0301\u0301\u0301",
    "\x00\x07\x1b[31m\x7f",
    "\ufffd",
    "\r\n\t  x",
    "",
    "{{data}} ${x} `y`",
    "\ud83d",  # half of a pair
]


def units(text: str) -> list[int]:
    """UTF-16, in which a browser holds texts."""
    data = text.encode("utf-16-le", "surrogatepass")
    return [int.from_bytes(data[i : i + 2], "little") for i in range(0, len(data), 2)]


@pytest.mark.parametrize("dark", [False, True])
def test_hostile_text_is_inert(show: Open, dark: bool) -> None:
    lines = token_trace(120, texts=HOSTILE, seed=1)
    lines[0] |= {"model": HOSTILE[0], "sampler": HOSTILE[1], "versions": {HOSTILE[1]: HOSTILE[0]}}
    lines[0]["requests"][0] |= {"prompt": HOSTILE[0] + HOSTILE[1], "text": HOSTILE[0] + HOSTILE[1]}
    for record in lines[1:]:
        record["report"][HOSTILE[1]] = 1.0
    assert {record["text"] for record in lines[1:]} == set(HOSTILE)
    tab = show(lines, title=HOSTILE[1] + HOSTILE[-1], dark=dark)
    tab.locator(".t").first.wait_for()
    written = tab.evaluate(
        """() => [...document.querySelectorAll(".t")].map(t => Array.from({length: t.textContent.length},
            (_, i) => t.textContent.charCodeAt(i)))"""
    )
    assert written == [units(record["text"]) for record in lines[1:]]
    for i in range(0, 120, 5):
        tab.press("l")
        tab.evaluate("i => document.querySelectorAll('.t')[i].click()", i)
        tab.settled()
    assert tab.locator("img, iframe, object, embed, link[rel=stylesheet]").count() == 0
    assert tab.locator("script").count() == 2
    assert tab.title() == HOSTILE[1] + "?"


def test_marked_are_texts_that_do_not_show_by_themselves(show: Open) -> None:
    texts = ["\ufffd", "", "\x1b", "\u202e", " a", "a", "\n"]
    lines = token_trace(100, texts=texts)
    tab = show(lines)
    for i, record in enumerate(lines[1:40]):
        names = tab.token(i).get_attribute("class").split()
        marks = {"\ufffd": "part", "": "empty", "\x1b": "ctl", "\u202e": "bidi", "\n": "nl"}
        assert (
            set(names) & set(marks.values()) == {marks[record["text"]]} & set(marks.values())
            if (record["text"] in marks)
            else not set(names) & set(marks.values())
        )
    first = next(i for i, record in enumerate(lines[1:]) if record["text"] == "\ufffd")
    tab.evaluate("i => document.querySelectorAll('.t')[i].click()", first)
    tab.settled()
    assert "part of a character" in tab.locator(".inspector").text_content()


def test_spaces_are_kept_where_they_show(show: Open) -> None:
    texts = ["  indented", "\n", " a", "b ", " ", "\tc"]
    lines = token_trace(80, texts=texts, seed=2)
    tab = show(lines)
    kept = "one => getComputedStyle(one).whiteSpaceCollapse"
    for i, record in enumerate(lines[1:]):
        if record["text"] in ("  indented", " ", "\tc"):
            assert tab.token(i).evaluate(kept) == "preserve"
    assert tab.written() == "".join(record["text"] for record in lines[1:])


def test_hostile_canvas(show: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewer_traces.WORDS", HOSTILE[:-1])
    lines = step_trace(seed=1)
    lines[0]["settings"] |= {"policy": HOSTILE[1], HOSTILE[0]: HOSTILE[1]}
    tab = show(lines)
    for step in range(12):
        tab.press("Home" if step == 0 else "l")
    assert tab.locator("img").count() == 0
    assert tab.locator("script").count() == 2
    assert tab.title() == "trace0"
