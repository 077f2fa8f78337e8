"""The page of a trace of tokens, in a browser, against the trace itself."""

import math
import re

import numpy as np
import pytest
from viewer_traces import LISTED, Record, token_trace

from .conftest import Open, Opened

FIELDS = {
    "surprisal": lambda r: -r["raw_log_prob"],
    "rank": lambda r: r["rank"],
    "raw_entropy": lambda r: r["raw_entropy"],
    "processed_entropy": lambda r: r["processed_entropy"],
    "processed_surprisal": lambda r: -r["processed_log_prob"],
    "typicality": lambda r: -r["raw_log_prob"] - r["raw_entropy"],
    "gain": lambda r: r["processed_log_prob"] - r["raw_log_prob"],
    "entropy_error": lambda r: r["processed_entropy"] - r["report"]["target_entropy"],
    "kept": lambda r: r["kept"],
    "kept_mass": lambda r: r["kept_mass"],
    "branch": lambda r: r["branch"] == "inlier",
    "report.temperature": lambda r: r["report"]["temperature"],
    "report.perturbation": lambda r: r["report"]["perturbation"],
}


def share(shown: str) -> float:
    """The probability that a cell shows."""
    return float(shown.rstrip("%").lstrip("~").replace("−", "-")) / 100


def number(shown: str) -> float:
    return float(shown.replace("−", "-").replace("\u2009", "").split()[0])


def seen(text: str) -> str:
    """How the details write a token."""
    return "".join({" ": "␣", "\n": "↵"}.get(c, c) for c in text)


def test_text_and_numbers_are_those_of_the_trace(show: Open) -> None:
    lines = token_trace(150)
    records = lines[1:]
    lines[20] |= {"raw_log_prob": None, "rank": 15}  # the log-probability of what cannot occur
    tab = show(lines, title="A <b>title</b> & more")
    assert tab.levels()[19] is None
    assert tab.title() == "A <b>title</b> & more"
    assert tab.locator(".t").count() == len(records)
    assert tab.written() == "".join(record["text"] for record in records)
    assert tab.locator(".text").text_content() == "It was" + tab.written()
    nll = -np.mean([record["raw_log_prob"] for record in records if record["raw_log_prob"] is not None])
    shown = dict(zip(tab.texts(".stats dt"), tab.texts(".stats dd"), strict=True))
    assert shown["tokens"] == "150"
    assert number(shown["nll"]) == pytest.approx(nll, abs=0.006)
    assert number(shown["perplexity"]) == pytest.approx(math.exp(nll), rel=0.006)
    drawn, target = (float(x) for x in shown["entropy"].split(" of "))
    assert drawn == pytest.approx(np.mean([record["processed_entropy"] for record in records]), abs=0.006)
    assert target == pytest.approx(np.mean([record["report"]["target_entropy"] for record in records]), abs=0.006)
    inlier = np.mean([record["branch"] == "inlier" for record in records])
    assert number(shown["inlier"].rstrip("%")) == pytest.approx(100 * inlier, abs=0.51)
    assert shown["speed"] == "100/s"


@pytest.mark.parametrize("by", ["hover", "click", "strip"])
def test_a_token_shows_its_candidates(show: Open, by: str) -> None:
    lines = token_trace(60, seed=3)
    tab = show(lines)
    for i in (0, 7, 33):
        if by == "hover":
            tab.hover(i)
        elif by == "click":
            tab.token(i).click()
        else:
            point_at_strip(tab, i, 60)
        tab.settled()
        check_details(tab, lines[1 + i])


def point_at_strip(tab: Opened, i: int, count: int) -> None:
    """Put the pointer on the i-th of ``count`` tokens in the time strip, whose margins are 38 and 10 pixels."""
    box = tab.locator("canvas.over").bounding_box()
    tab.page.mouse.move(box["x"] + 38 + (i + 0.5) / count * (box["width"] - 48), box["y"] + 40)


def check_details(tab: Opened, record: Record) -> None:
    assert tab.locator(".inspector .big").text_content() == seen(record["text"])
    listed = {one["token"]: one for one in record["candidates"]}
    listed.setdefault(record["token"], {**record, "kept": True})
    rows = tab.eval_on_selector_all(
        ".candidates tbody tr[data-id]",
        """rows => rows.map(row => [Number(row.dataset.id), row.querySelector("th").textContent.replace("▸", ""),
            row.children[1].textContent, row.children[2].textContent, row.className.includes("chosen"),
            Boolean(row.querySelector("del")), row.getBoundingClientRect().height > 10])""",
    )
    by_model = sorted(listed, key=lambda token: -listed[token]["raw_log_prob"])
    assert [row[0] for row in rows] == by_model
    assert LISTED <= len(rows) <= LISTED + 1
    for token, text, before, after, chosen, struck, in_sight in rows:
        one = listed[token]
        assert text == seen(one["text"])
        assert share(before) == pytest.approx(math.exp(one["raw_log_prob"]), rel=0.06, abs=2e-6)
        if one["kept"]:
            assert share(after) == pytest.approx(math.exp(one["processed_log_prob"]), rel=0.06, abs=2e-6)
        else:
            assert after == "dropped"
        assert (chosen, struck, in_sight) == (token == record["token"], not one["kept"], True)
    rest = 1 - sum(math.exp(one["raw_log_prob"]) for one in listed.values())
    if rest > 0.01:
        assert share(tab.texts(".rest td")[0]) == pytest.approx(rest, rel=0.06)
    measured = {
        "surprisal": [-record["raw_log_prob"], -record["processed_log_prob"]],
        "entropy": [record["raw_entropy"], record["processed_entropy"]],
        "rank": [record["rank"]],
        "kept": [record["kept"], 100 * record["kept_mass"]],
    }
    for name, values in measured.items():
        found = re.findall(r"[\d.]+", tab.locator(f'.measures [data-of="{name}"]').text_content())
        assert [float(one) for one in found] == pytest.approx(values, abs=0.06)
    assert tab.locator(".measures .branch").text_content() == record["branch"]
    for name, value in record["report"].items():
        shown = tab.locator(f'[data-report="{name}"]').text_content()
        assert (
            shown == {True: "yes", False: "no"}[value]
            if isinstance(value, bool)
            else number(shown) == pytest.approx(value, rel=1e-3)
        )


def test_some_candidates_were_dropped() -> None:
    """What the tests above take for granted."""
    assert any(not one["kept"] for record in token_trace(60, seed=3)[1:] for one in record["candidates"])


def test_candidates_can_be_sorted_by_what_was_drawn_from(show: Open) -> None:
    lines = token_trace(40, seed=5)
    tab = show(lines)
    tab.token(11).click()
    tab.get_by_role("button", name="after").click()
    tab.settled()
    shares = [share(one) for one in tab.texts(".candidates tr[data-id]:not(.dropped) .after")]
    assert shares == sorted(shares, reverse=True)
    dropped = tab.texts(".candidates tr.dropped .after")
    assert dropped == tab.texts(".candidates tr[data-id] .after")[len(shares) :]


def test_shades_follow_the_field(show: Open) -> None:
    lines = token_trace(100, seed=1)
    tab = show(lines)
    for name, value in FIELDS.items():
        tab.shade_by(name)
        values = [float(value(record)) for record in lines[1:]]
        levels = tab.levels()
        assert None not in levels, name
        ordered = [level for _, level in sorted(zip(values, levels, strict=True))]
        assert ordered == sorted(ordered), name
        assert min(levels) == 0 or name in ("typicality", "gain", "entropy_error")
        assert len(set(levels)) > 1, name


def test_the_range_is_that_of_the_values(show: Open) -> None:
    lines = token_trace(200, seed=2)
    values = sorted(-record["raw_log_prob"] for record in lines[1:])
    tab = show(lines)
    low, high = (one.replace("≤", "").replace("≥", "") for one in tab.texts(".legend .end"))
    assert number(low) == pytest.approx(values[round(0.05 * 199)], rel=0.006)
    assert number(high) == pytest.approx(values[round(0.95 * 199)], rel=0.006)
    tab.select_option("#range", "full")
    tab.settled()
    low, high = tab.texts(".legend .end")
    assert (number(low), number(high)) == (pytest.approx(values[0], rel=0.006), pytest.approx(values[-1], rel=0.006))
    levels = tab.levels()
    assert levels.count(16) < 10  # of 17 even steps, only what is nearest to the largest value has the last


def test_the_least_likely_tokens(show: Open) -> None:
    lines = token_trace(100, seed=4)
    tab = show(lines)
    ranked = sorted(range(100), key=lambda i: round(lines[1 + i]["raw_log_prob"], 4))[:20]
    shown = tab.eval_on_selector_all(".least button", "found => found.map(one => Number(one.dataset.i))")
    assert shown == ranked
    assert number(tab.texts(".least .nats")[0]) == pytest.approx(-lines[1 + ranked[0]]["raw_log_prob"], abs=0.006)
    tab.locator(".least button").nth(3).click()
    tab.settled()
    assert tab.locator(".t.pin").get_attribute("data-i") == str(ranked[3])
    check_details(tab, lines[1 + ranked[3]])


def test_keys(show: Open) -> None:
    lines = token_trace(200, seed=6)
    tab = show(lines)

    def at() -> int | None:
        pinned = tab.locator(".t.pin")
        return int(pinned.get_attribute("data-i")) if pinned.count() else None

    least = sorted(sorted(range(200), key=lambda i: round(lines[1 + i]["raw_log_prob"], 4))[:20])
    tab.press("ArrowRight")
    assert at() == 0
    tab.press("l", "ArrowRight", "l", "h", "ArrowLeft")
    assert at() == 1
    tab.press("End")
    assert at() == 199
    tab.press("l")
    assert at() == 199
    tab.press("Home")
    tab.press("n")
    assert at() == next(i for i in least if i > 0)
    tab.press("n", "n", "p")
    assert at() == [i for i in least if i > 0][1]
    assert tab.evaluate("document.activeElement.dataset.i") == str(at())
    assert tab.locator(".text [tabindex]").count() == 1
    check_details(tab, lines[1 + at()])
    before = tab.locator(".t.pin").bounding_box()
    tab.press("j")
    below = tab.locator(".t.pin").bounding_box()
    assert before["y"] + 10 < below["y"] < before["y"] + 70
    tab.press("k")
    assert tab.locator(".t.pin").bounding_box()["y"] == pytest.approx(before["y"], abs=3)
    tab.press("Enter")
    assert at() is None
    tab.press("Enter")
    assert at() is not None
    tab.press("Escape")
    assert at() is None
    tab.press("/")
    assert tab.evaluate("document.activeElement.id") == "field"
    tab.press("Escape", "?")
    assert tab.locator("dialog[open]").count() == 1
    tab.press("Escape")
    assert tab.locator("dialog[open]").count() == 0
    assert not tab.locator("#breaks").is_checked()
    tab.press("b")
    assert tab.locator("#breaks").is_checked()
    assert tab.written() == "".join(record["text"] for record in lines[1:])
    theme = tab.evaluate("document.documentElement.dataset.theme")
    tab.press("t")
    assert {theme, tab.evaluate("document.documentElement.dataset.theme")} == {"light", "dark"}


def test_a_pinned_token_stays_while_others_are_pointed_at(show: Open) -> None:
    tab = show(token_trace(50))
    tab.token(5).click()
    tab.hover(9)
    assert tab.locator(".t.pin").get_attribute("data-i") == "5"
    assert "token 9" in tab.locator(".where").text_content()
    tab.page.mouse.move(2, 2)
    tab.settled()
    assert "token 5" in tab.locator(".where").text_content()
    tab.token(5).click()
    tab.page.mouse.move(2, 2)
    tab.settled()
    assert tab.locator(".t.pin").count() == 0


def test_the_strip_is_drawn_zoomed_and_selected_in(show: Open) -> None:
    lines = token_trace(300, seed=8)
    tab = show(lines)
    (drawn,) = tab.drawn()
    assert drawn > 10_000
    assert {"entropy", "temperature", "branch", "surprisal"} == set(tab.texts(".lane-label b"))
    whole = tab.evaluate("document.querySelector('canvas.base').toDataURL()")
    tab.press("+")
    assert tab.evaluate("document.querySelector('canvas.base').toDataURL()") != whole
    tab.press("0")
    assert tab.evaluate("document.querySelector('canvas.base').toDataURL()") == whole
    point_at_strip(tab, 100, 300)
    tab.page.mouse.down()
    point_at_strip(tab, 139, 300)
    tab.page.mouse.up()
    tab.page.mouse.move(2, 2)
    tab.settled()
    inside = tab.eval_on_selector_all(".t[data-in]", "found => found.map(one => Number(one.dataset.i))")
    assert inside == list(range(100, 140))
    said = tab.locator(".strip-told").text_content()
    nll = -np.mean([record["raw_log_prob"] for record in lines[101:141]])
    assert said.startswith("tokens 100 to 139")
    assert number(said.split("surprisal ")[1]) == pytest.approx(nll, abs=0.006)
    assert tab.token(50).evaluate("one => getComputedStyle(one).opacity") == "0.35"
    tab.press("Escape")
    assert tab.locator(".t[data-in]").count() == 0


def test_a_trace_without_a_report_has_no_lanes_for_one(show: Open) -> None:
    tab = show(token_trace(50, report=False))
    assert set(tab.texts(".lane-label b")) == {"entropy", "surprisal"}
    options = tab.eval_on_selector_all("#field option", "found => found.map(one => one.value)")
    assert "branch" not in options
    assert "entropy_error" not in options
    assert "surprisal" in options


def test_several_texts(show: Open) -> None:
    lines = token_trace(40, requests=3)
    tab = show(lines)
    for r in (2, 1, 0):
        tab.get_by_label("Text", exact=True).select_option(str(r))
        tab.settled()
        assert tab.written() == "".join(one["text"] for one in lines[1:] if one["request"] == r)
        tab.hover(4)
        check_details(tab, [one for one in lines[1:] if one["request"] == r][4])
    tab.press("]")
    assert tab.written() == "".join(one["text"] for one in lines[1:] if one["request"] == 1)


def test_ten_thousand_tokens(show: Open) -> None:
    lines = token_trace(10_000, seed=9)
    tab = show(lines)
    assert tab.locator(".t").count() == 10_000
    assert tab.written() == "".join(record["text"] for record in lines[1:])
    tab.shade_by("processed_entropy")
    assert None not in tab.levels()
    tab.press("End")
    pane, last = tab.locator(".pane").bounding_box(), tab.token(9999).bounding_box()
    assert pane["y"] <= last["y"] <= pane["y"] + pane["height"]
    check_details(tab, lines[-1])
    assert tab.drawn()[0] > 10_000
