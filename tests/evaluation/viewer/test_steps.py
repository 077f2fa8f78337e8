"""The page of a trace of steps: what it plays back, against a replay of the records."""

import pytest
from traces import Replay
from viewer_traces import step_trace

from .conftest import Open, Opened


def frames(lines: list, request: int = 0) -> list[list[str | None]]:
    """The canvas before the first step and after each, in texts; None for a mask."""
    replay = Replay(lines[0]["requests"][request])
    records = {one["step"]: one for one in lines[1:] if one["request"] == request}
    found = [[*replay.pieces]]
    for step in range(max(records) + 1):
        if step in records:
            replay.take(records[step])
        found.append([*replay.pieces])
    return found


def canvas(tab: Opened, column: int = 0) -> list[str | None]:
    """What is on the page's canvas."""
    return tab.evaluate(
        """c => [...document.querySelectorAll(".column")[c].querySelectorAll(".t:not(.gone)")]
            .map(t => t.classList.contains("mask") ? null : t.textContent)""",
        column,
    )


def seek(tab: Opened, step: int) -> None:
    tab.evaluate(
        """step => { const slider = document.getElementById("step"); slider.value = step;
            slider.dispatchEvent(new Event("input")); }""",
        step,
    )
    tab.settled()


@pytest.mark.parametrize("seed", [0, 1])
def test_every_step_is_what_the_records_say(show: Open, seed: int) -> None:
    lines = step_trace(seed=seed)
    expected = frames(lines)
    tab = show(lines)
    assert canvas(tab) == expected[-1]  # it opens on what was written
    for step, frame in enumerate(expected):
        seek(tab, step)
        assert canvas(tab) == frame
        masks = sum(piece is None for piece in frame)
        assert f"masks left {masks}" in tab.locator(".strip-told").text_content()
        assert tab.locator(".count").text_content() == f"step {step} of {len(expected) - 1}"
    assert tab.drawn()[0] > 3000


def test_it_plays_to_the_end(show: Open) -> None:
    lines = step_trace(seed=2)
    tab = show(lines)
    tab.select_option("#speed", "4")
    tab.press(" ")
    assert tab.get_by_role("button", name="Pause").count() == 1
    tab.get_by_role("button", name="Play").wait_for()
    tab.settled()
    assert canvas(tab) == frames(lines)[-1]
    tab.press("Home", " ", " ")
    assert tab.get_by_role("button", name="Play").count() == 1


def test_what_happened_at_a_step(show: Open) -> None:
    lines = step_trace(seed=3)
    tab = show(lines)
    record = next(one for one in lines[1:] if one["edited"] and one["masked"] and one["revealed"])
    seek(tab, record["step"] + 1)
    classes = {
        int(i): names
        for i, names in tab.eval_on_selector_all(".t", "found => found.map(one => [one.dataset.i, one.className])")
    }
    again = set(record["masked"])
    revealed = {one["slot"] for one in record["revealed"]} - again
    assert {i for i, names in classes.items() if "fresh" in names.split()} == revealed
    assert {i for i, names in classes.items() if "masked" in names.split()} == again
    edited = record["edited"][0]
    assert "edited" in classes[edited["slot"]].split()
    before = tab.token(edited["slot"]).evaluate("one => getComputedStyle(one, '::before').content")
    assert before == f'"{edited["before_text"].strip() or "↵"}"'.replace('"""', '"\\""')
    rows = tab.eval_on_selector_all(".candidates [data-slot]", "found => found.map(one => Number(one.dataset.slot))")
    assert rows == [one["slot"] for one in record["revealed"]]


def test_what_a_search_substituted(show: Open) -> None:
    """In the text beside what it took the place of, where it was revealed; in a list; values before and after."""
    lines = step_trace(seed=3)
    tab = show(lines)
    record = next(one for one in lines[1:] if len(one["substituted"]) > 1)
    some, changed = record["substituted"], {one["slot"] for one in record["substituted"]} - {*record["masked"]}
    seek(tab, record["step"] + 1)
    struck = tab.eval_on_selector_all(".t.substituted", "found => found.map(one => Number(one.dataset.i))")
    assert {*struck} == changed
    listed = tab.texts('[data-of="substituted"] li')
    assert len(listed) == len(some)
    for one, line in zip(some, listed, strict=True):
        assert one["before_text"].strip() in line
        assert one["text"].strip() in line.partition("→")[2]
    calm = tab.locator('[data-of="calm"]').text_content()
    before, after = (float(part) for part in calm.partition("outside")[0].split("→"))
    assert (before, after) == pytest.approx((record["values_before"]["calm"], record["values"]["calm"]), abs=2e-3)


def test_keys_skip_steps_that_changed_nothing(show: Open) -> None:
    lines = step_trace(seed=4)
    steps = [one["step"] + 1 for one in lines[1:]]
    assert max(steps) > len(steps)  # there are such steps
    tab = show(lines)
    tab.press("Home")
    for step in steps:
        tab.press("ArrowRight")
        assert tab.locator("#step").input_value() == str(step)
    changes = [one["step"] + 1 for one in lines[1:] for _ in [*one["edited"], *one["substituted"]]]
    assert [int(one) for one in tab.texts(".least .nats")] == changes
    tab.press("Home", "n")
    assert tab.locator("#step").input_value() == str(changes[0])


def test_a_slot_has_a_history(show: Open) -> None:
    lines = step_trace(seed=5)
    slot = next(one for record in lines[1:] for one in record["masked"])
    tab = show(lines)
    tab.token(slot).click()
    tab.settled()
    past = [
        f"step {record['step'] + 1}"
        for record in lines[1:]
        for one in [*record["substituted"], *record["edited"], *record["revealed"], *record["masked"]]
        if (one if isinstance(one, int) else one["slot"]) == slot
    ]
    assert tab.texts(".slot .edits button") == past


@pytest.mark.parametrize("field", ["step", "surprisal", "entropy"])
def test_slots_are_shaded(show: Open, field: str) -> None:
    lines = step_trace(seed=6)
    tab = show(lines)
    tab.shade_by(field)
    known: dict[int, float | None] = {}
    for record in lines[1:]:
        values = {"step": record["step"]}
        known |= {one["slot"]: values.get(field) for one in record["edited"]}
        for one in record["revealed"]:
            known[one["slot"]] = {**values, "surprisal": -one["log_prob"], "entropy": one["entropy"]}[field]
        for slot in record["masked"]:
            known.pop(slot)
    levels = tab.levels()
    kept = lines[-1]["length"]
    pairs = [(value, levels[slot]) for slot, value in known.items() if value is not None and slot < kept]
    assert all(levels[slot] is None for slot in range(3))  # what was given
    ordered = [level for _, level in sorted(pairs)]
    assert None not in ordered
    assert ordered == sorted(ordered)
    assert len(set(ordered)) > 3


def test_two_are_played_together(show: Open) -> None:
    one, other = step_trace(seed=7), step_trace(seed=8, slots=20, end=20)
    tab = show(one, other)
    first, second = frames(one), frames(other)
    for step in (0, 5, 9, max(len(first), len(second)) - 1):
        seek(tab, step)
        assert canvas(tab, 0) == first[min(step, len(first) - 1)]
        assert canvas(tab, 1) == second[min(step, len(second) - 1)]
