"""What notebooks show of results and traces: well-formed, self-contained, true, and nothing a model wrote is markup."""

import dataclasses
import math
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import pytest
from comparisons import written
from diffusion.oracles import chain
from search.scorers import Letters
from studies import study
from tiny import Fatigue, Plain, byte_model

from sortilege import _notebook
from sortilege.diffusion import denoise, trace_requests
from sortilege.evaluation.summary import sentences_of
from sortilege.generate import Result, generate, stream
from sortilege.properties import Bound
from sortilege.samplers.spec import format_sampler
from sortilege.search import Search, search
from sortilege.trace import Trace, header, request_of

HOSTILE = "<script>alert('x')</script>&amp;\"> onmouseover=\"y\x1b[31m\x00\ud800"
SHOWN = "<script>alert('x')</script>&amp;\"> onmouseover=\"y\u241b[31m\u2400\ufffd"


class Page(HTMLParser):
    """Elements of a page: (name, attributes, the text within), children before their parents."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[tuple[str, dict[str, str | None], list[str]]] = []
        self.elements: list[tuple[str, dict[str, str | None], str]] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ("div", "span", "table", "tr", "th", "td")
        assert {name for name, _ in attrs} <= {"style", "title"}
        self.open.append((tag, dict(attrs), []))

    def handle_endtag(self, tag: str) -> None:
        name, attributes, texts = self.open.pop()
        assert name == tag
        self.elements.append((name, attributes, "".join(texts)))

    def handle_data(self, data: str) -> None:
        assert self.open
        for _, _, texts in self.open:
            texts.append(data)

    def all(self, name: str) -> list[tuple[dict[str, str | None], str]]:
        return [(attributes, text) for tag, attributes, text in self.elements if tag == name]

    @property
    def text(self) -> str:
        return self.elements[-1][2]


def opacity(attributes: dict[str, str | None]) -> float:
    found = re.fullmatch(r"background:rgba\(227,40,36,([\d.]+)\)", attributes["style"] or "")
    assert found is not None
    return float(found[1])


def page(shown: Any) -> Page:
    html = shown._repr_html_()
    html.encode()  # as notebooks store it
    assert not re.search(r"https?:|url\(|<style|<script|class=", html)
    return Page(html)


def test_a_result_is_shaded_by_surprisal() -> None:
    prompt = "A <b>\nprompt"
    (result,) = generate(byte_model(), prompt, Fatigue(0.5), max_new_tokens=40, seed=3)
    assert "".join(result.pieces) == result.text
    events = stream(byte_model(), prompt, Fatigue(0.5), max_new_tokens=40, seed=3)
    assert [event.text for event in events] == list(result.pieces)
    shown = page(result)
    (first, *spans) = shown.all("span")
    assert first == ({"style": "opacity:0.6"}, prompt)
    # One span for every token that completes a character, with all the tokens that went into it.
    groups, held = [], []
    for token, piece, log_prob in zip(result.tokens, result.pieces, result.raw_log_probs, strict=True):
        held.append((token, -log_prob))
        if piece:
            groups.append((piece, held))
            held = []
    assert len(spans) == len(groups) < 40
    for (attributes, text), (piece, tokens) in zip(spans, groups, strict=True):
        assert text == piece.translate(
            {code: chr(0x2400 + code) for code in range(32) if chr(code) not in "\n\t"} | {127: "\u2421"}
        )
        assert attributes["title"] == "\n".join(f"token {token} · surprisal {nats:.2f} nats" for token, nats in tokens)
        mean = sum(nats for _, nats in tokens) / len(tokens)
        assert opacity(attributes) == pytest.approx(0.55 * min(mean / 8, 1), abs=1e-3)
    assert f"40 tokens · nll {result.nll:.2f} nats/token · length · seed 3" in shown.text


def test_a_traced_result_says_rank_and_entropy() -> None:
    (result,) = generate(byte_model(), "Hello", Plain(), max_new_tokens=30, trace=True)
    titles = "\n".join(attributes["title"] or "" for attributes, _ in page(result).all("span")[1:]).splitlines()
    assert len(titles) > 20
    for title, record in zip(titles, result.trace, strict=False):
        nats = f"surprisal {-record['raw_log_prob']:.2f} nats"
        assert (
            title
            == f"token {record['token']} · {nats} · rank {record['rank']} · entropy {record['raw_entropy']:.2f} nats"
        )


def hostile_result(**changes: Any) -> Result:
    fields = {
        "prompt": HOSTILE,
        "prompt_tokens": (1,),
        "text": HOSTILE * 2,
        "tokens": (2, 3, 4),
        "finish_reason": HOSTILE,
    }
    fields |= {"raw_log_probs": (-0.0, -math.inf, -1.0), "processed_log_probs": (0.0,) * 3, "seed": 3}
    return Result(**fields | {"pieces": (HOSTILE, HOSTILE, "")} | changes)


def test_nothing_that_was_written_is_markup() -> None:
    shown = page(hostile_result())
    assert [text for _, text in shown.all("span")] == [SHOWN] * 3
    assert [opacity(attributes) for attributes, _ in shown.all("span")[1:]] == [0.0, 0.55]
    head = header(
        HOSTILE, HOSTILE, [{"prompt": None, "prompt_tokens": [1], "text": HOSTILE, "seed": 0}], driver=HOSTILE
    )
    record = {
        "request": 0,
        "position": 0,
        "token": 2,
        "text": HOSTILE,
        "raw_log_prob": None,
        "raw_entropy": None,
        "rank": 3,
    }
    shown = page(Trace(head, [record]))
    assert [text for _, text in shown.all("span")] == [SHOWN, SHOWN]
    assert [text for _, text in shown.all("td")] == [
        "model",
        SHOWN,
        "sampler",
        SHOWN,
        "driver",
        SHOWN,
        "kind",
        "tokens",
        "requests",
        "1, with 1 tokens",
    ]
    assert shown.all("span")[1][0] == {"title": "token 2 · rank 3"}


def test_texts_that_were_not_cut_into_pieces() -> None:
    # By other programs: nothing but the text is known.
    (text,) = denoise(chain(), "ab", length=6)
    assert [span for _, span in page(dataclasses.replace(text, pieces=())).all("span")] == [text.text]


def test_a_denoised_text_has_what_was_given_dimmed() -> None:
    (text,) = denoise(chain(), "ab__c_", length=8, seed=2)
    whole = chain().decode(text.tokens)
    assert text.pieces == ((whole[:2], True), (whole[2:4], False), (whole[4:5], True), (whole[5:], False))
    shown = page(text)
    dim = {"style": "opacity:0.6"}
    assert shown.all("span") == [(dim, "ab"), ({}, whole[2:4]), (dim, "c"), ({}, whole[5:])]
    assert f"8 tokens · {text.steps} steps · {text.denoiser_calls} denoiser calls · length · seed 2" in shown.text
    assert not shown.all("table")


def test_a_searched_text_says_what_it_measures() -> None:
    bounds = [Bound("c <3", Letters("c"), upper=0), Bound("b", Letters("b"))]
    for prompt, holds in (("", True), ("c", False)):
        bounded = [Bound("c <3", Letters("abcd"), upper=0), bounds[1]] if not holds else bounds
        (text,) = search(chain(), prompt, bounded, Search(), length=6, seed=1)
        assert text.search.satisfied == holds
        shown = page(text)
        assert [cell for _, cell in shown.all("th")] == ["property", "value", "outside its bounds by"]
        values = text.search.values
        outside = f"{text.search.distances['c <3']:.4g}"
        expected = ["c <3", f"{values['c <3']:.4g}", outside, "b", f"{values['b']:.4g}", "not bounded"]
        assert [cell for _, cell in shown.all("td")] == expected
        assert ("not all bounds hold" in shown.text) == (not holds)


def traced(texts: int, tokens: int) -> Trace:
    requests = [request_of("Hi", seed, byte_model().tokenizer) for seed in range(texts)]
    results = generate(
        byte_model(), "Hi", Plain(), max_new_tokens=tokens, num_samples=texts, end_token_ids=[], trace=True
    )
    return Trace(header("plain", "random", requests), [record for result in results for record in result.trace])


def test_a_trace_shows_its_header_and_its_first_texts() -> None:
    trace = traced(7, 9)
    shown = page(trace)
    assert [text for _, text in shown.all("td")][-2:] == ["requests", "7, with 63 tokens"]
    assert len(shown.all("span")) == 5 * 10
    assert "request 4 · seed 4" in shown.text
    assert "request 5" not in shown.text
    assert "and 2 more requests" in shown.text
    assert repr(trace) == "Trace(7 requests, 63 tokens, model='random', sampler='plain')"


def test_long_traces_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_notebook, "TOKENS", 12)
    shown = page(traced(3, 9))
    assert len(shown.all("span")) == 10 + 2 + 1 + 1
    assert " … and 8 more" in shown.text
    assert " … and 10 more" in shown.text


def test_a_trace_of_steps_shows_where_the_canvas_came_to() -> None:
    settings: dict[str, Any] = {"length": 9, "steps": 5, "policy": "remdm-cap(0.3)", "num_samples": 3}
    requests = trace_requests(chain(5, (4,)), "ab__c", **settings)
    texts = denoise(chain(5, (4,)), "ab__c", trace=True, **settings)
    head = header(None, "chain", requests, kind="steps", driver="sortilege.denoise")
    shown = page(Trace(head, [record for text in texts for record in text.trace]))
    pieces = [text for _, text in shown.all("span")]
    assert "".join(pieces) == "".join(chain(5).decode(text.tokens) for text in texts)
    titles = [attributes.get("title") for attributes, _ in shown.all("span")]
    assert titles[:2] == [None, None]
    assert re.fullmatch(r"slot 2 · step \d · surprisal [\d.]+ nats · entropy [\d.]+ nats", titles[2] or "")
    begun = page(Trace(head, []))
    assert [text for _, text in begun.all("span")] == ["a", "b", "▁", "▁", "c", *"▁" * 4] * 3


def test_an_edit_says_what_was_there() -> None:
    bounds = [Bound("c", Letters("c"), upper=1), Bound("b", Letters("b"), lower=4)]
    settings: dict[str, Any] = {"length": 12, "policy": "random", "num_samples": 6, "seed": 2}
    texts = search(chain(), "", bounds, Search(last=0.0, edit_revealed="remask"), trace=True, **settings)
    index, text = next((i, text) for i, text in enumerate(texts) if text.trace[-1]["edited"])
    edit = text.trace[-1]["edited"][0]
    head = header(None, "chain", trace_requests(chain(), "", **settings), kind="steps", driver="sortilege.search")
    records = [record for one in texts for record in one.trace]
    spans = page(Trace({**head, "requests": head["requests"][: index + 1]}, records)).all("span")
    attributes, shown = spans[-12 + edit["slot"]]
    assert shown == edit["text"] != edit["before_text"]
    assert (
        attributes["title"]
        == f"slot {edit['slot']} · step {text.trace[-1]['step']} · in place of {edit['before_text']!r}"
    )


def test_a_substitution_says_what_was_drawn() -> None:
    bounds = [Bound("c", Letters("c"), upper=1), Bound("b", Letters("b"), lower=4)]
    settings: dict[str, Any] = {"length": 12, "policy": "random", "steps": 2, "seed": 2}
    [text] = search(chain(), "", bounds, Search(num_x_theta_samples=1), trace=True, **settings)
    head = header(None, "chain", trace_requests(chain(), "", **settings), kind="steps", driver="sortilege.search")
    titles = [attributes["title"] for attributes, _ in page(Trace(head, text.trace)).all("span")[-12:]]
    told = {
        one["slot"]: one["before_text"]
        for record in text.trace
        for one in record["substituted"]
        if one["slot"] in {other["slot"] for other in record["revealed"]}
    }
    assert told
    for slot, title in enumerate(titles):
        assert title.endswith(f" · in place of {told[slot]!r}") if slot in told else "in place" not in title


def test_shades_can_be_read_on_light_and_dark() -> None:
    """The contrast of WCAG 2, at least 4.5 : 1, between the notebook's own text and the fullest shade on its ground."""

    def luminance(colour: tuple[float, ...]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for ground, ink in ((1.0, 0.13), (0.07, 0.9)):
        shade = tuple(_notebook._STRONGEST * c / 255 + (1 - _notebook._STRONGEST) * ground for c in (227, 40, 36))
        light, dark = sorted((luminance(shade), luminance((ink,) * 3)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_short_reprs() -> None:
    (result,) = generate(byte_model(), "Hello", Plain(), max_new_tokens=30, trace=True)
    assert repr(result) == f"Result(prompt='Hello', text={result.text!r}, finish_reason='length', seed=0)"
    (text,) = denoise(chain(), "ab", length=6)
    assert "tokens" not in repr(text)
    assert repr(text).startswith(f"Denoised(prompt='ab', text={text.text!r}, finish_reason='length', seed=0")


def test_rendering_is_loaded_when_it_is_needed() -> None:
    code = "import sys, sortilege\nassert 'sortilege._notebook' not in sys.modules\nassert 'IPython' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_comparison_is_a_table_with_verdicts() -> None:
    values = {HOSTILE: {"nll": [2.0, 2.1, 1.9, 2.2, 2.0, 1.8, 2.1, 2.0]}, "adaptive": {"nll": [1.0] * 8}}
    made = written(values, missed=("adaptive",))
    shown = Page(made._repr_html_())
    assert [text for _, text in shown.all("th")] == ["method", "nll"]
    cells = [text for _, text in shown.all("td")]
    assert cells == ["adaptive @ 1 (less varied)", "1.000 ±.000", f"{SHOWN} @ 1", cells[3]]
    row = next(row for row in made.rows() if row.chosen.method == HOSTILE)
    assert cells[3] == f"{row.metrics['nll'].value:.3f} ±{row.metrics['nll'].half:.3f}".replace("±0.", "±.")
    (said,) = sentences_of(made)
    assert said.startswith(f"adaptive (less varied) wins against {HOSTILE} at level 1 (better: nll -1.01)")
    assert said.replace(HOSTILE, SHOWN) in shown.text
    assert "model a · prompts 8 · seeds 1 · trials a method 1" in shown.text
    assert repr(made) == "Comparison(2 methods, 2 cells, model='a')"


def test_a_study_is_a_table_of_its_best() -> None:
    tuned = study("min-p, temperature", trials=7)
    shown = Page(tuned._repr_html_())
    head = [text for _, text in shown.all("th")]
    assert head[0] == ""
    assert head[-2:] == [one.path for one in tuned.space.dimensions]
    cells = [text for _, text in shown.all("td")]
    names = cells[:: len(head)]
    best = sorted((one for one in tuned.trials if one.state == "complete"), key=lambda one: one.score[0])[:5]
    assert names == [*(f"trial {one.number}" for one in best), *tuned.baselines, "reference", "band"]
    at = head.index("distinct_3")
    (guard,) = [one for one in tuned.goal.guards if one.metric == "distinct_3"]
    for i, one in enumerate(best):
        outside = " outside" if guard.distance(one.metrics, tuned.reference) else ""
        assert cells[i * len(head) + at] == f"{one.metrics['distinct_3']:.3f}{outside}"
    sampler = None if tuned.best is None else format_sampler(tuned.best.sampler)
    assert (f"best: {sampler}" in shown.text) == (sampler is not None)
    assert "7 trials in memory" in shown.text
    assert repr(tuned) == f"Tuned({tuned.space.text!r}, 7 of 7 trials, best={sampler!r})"
