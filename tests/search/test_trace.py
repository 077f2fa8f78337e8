"""The trace of a search: what was measured at a step, and what an edit took the place of."""

from typing import Any

import pytest
from diffusion.oracles import chain
from search.scorers import Letters
from traces import Replay, hold

from sortilege.diffusion import trace_requests
from sortilege.properties import Bound
from sortilege.search import Search, search

SETTINGS: dict[str, Any] = {"length": 12, "policy": "random", "num_samples": 6, "seed": 2}
BOUNDS = [Bound("c", Letters("c"), upper=1), Bound("b", Letters("b"), lower=4)]


def test_what_was_substituted_in_what_was_drawn() -> None:
    """The same seeds without a search draw the same at the first step; at the last, the whole text is known."""
    oracle, settings = chain(5, ()), Search(num_x_theta_samples=1, start="draw")
    more = {**SETTINGS, "steps": 3}
    plain = search(oracle, ["", "ab"], BOUNDS, Search("none"), **more)
    texts = search(oracle, ["", "ab"], BOUNDS, settings, trace=True, **more)
    first = last = 0
    for text, other in zip(texts, plain, strict=True):
        drawn = dict(other.history[0].revealed)
        shown = dict(text.history[0].revealed)
        before = {slot: old for slot, old, _ in text.history[0].substituted}
        assert drawn == {slot: before.get(slot, token) for slot, token in shown.items()}
        first += len(before.keys() & shown.keys())
        record = text.history[-1]
        assert {slot for slot, _, _ in record.substituted} <= {slot for slot, _ in record.revealed}
        assert record.values == {bound.name: text.text.count(bound.name) for bound in BOUNDS}
        canvas = [*text.tokens]
        for slot, old, new in record.substituted:
            assert canvas[slot] == new
            canvas[slot] = old
        assert bool(record.values_before) == bool(record.substituted)
        for name, value in record.values_before.items():
            assert value == oracle.decode(canvas[len(text.prompt_tokens) :]).count(name)
        last += len(record.substituted)
    assert first > 0
    assert last > 0


@pytest.mark.parametrize(
    "settings", [Search(), Search(last=0.0, edit_revealed="remask"), Search("tree"), Search("none")]
)
@pytest.mark.parametrize("ends", [(), (4,)])
def test_values_distances_and_edits(settings: Search, ends: tuple[int, ...]) -> None:
    oracle = chain(5, ends)
    requests = trace_requests(oracle, ["", "ab"], **SETTINGS)
    texts = search(oracle, ["", "ab"], BOUNDS, settings, trace=True, **SETTINGS)
    edits = 0
    for index, (request, text) in enumerate(zip(requests, texts, strict=True)):
        hold(text.trace, "step")
        story = Replay(request)
        steps = [record["step"] for record in text.trace]
        assert steps == [change.step for change in text.history] == sorted({*steps})
        for record, change in zip(text.trace, text.history, strict=True):
            assert record["request"] == index
            assert record["seconds"] > 0
            assert record["values"] == change.values
            assert record["distances"].keys() == record["values"].keys()
            for bound in BOUNDS:
                if bound.name in record["values"]:
                    assert record["distances"][bound.name] == bound.distance(record["values"][bound.name])
            story.take(record)
            edits += len(record["edited"])
        assert story.canvas == list(text.tokens)
        if settings.method == "local-search":
            assert text.trace[-1]["values"] == text.search.values
            assert text.trace[-1]["distances"] == text.search.distances
        else:
            assert not any(record["values"] for record in text.trace)
    assert (edits > 0) == settings.edits
