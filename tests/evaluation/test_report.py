"""The report: what it says is what was measured, it asks nothing of the network, and nothing in it is obeyed."""

import itertools
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from comparisons import BASE, judge_model, small_plan, values, written
from tiny import byte_model

from sortilege.evaluation.comparing import compare
from sortilege.evaluation.comparison import Comparison
from sortilege.evaluation.report import check_report, page, write_report
from sortilege.evaluation.report.data import data_of

HOSTILE = '</script><img src=x onerror="document.title=1">&amp;${1}'


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compare(
        small_plan(), tmp_path_factory.mktemp("report") / "out.jsonl", model=byte_model(), judge=judge_model()
    )


class Tabs:
    """Reports in a browser; when it is closed, nothing may have gone wrong in them or been asked for."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self._browser, self._folder = browser, folder
        self._tabs: list[Any] = []
        self._complaints: list[str] = []
        self._requests: list[str] = []

    def __call__(self, comparison: Comparison, **settings: Any) -> Any:
        made = self._folder / f"page{len(self._tabs)}.html"
        write_report(comparison, made)
        tab = self._browser.new_page(viewport={"width": 1280, "height": 900}, **settings)
        tab.set_default_timeout(240_000)
        tab.on("console", lambda message: self._complaints.append(message.text))
        tab.on("pageerror", lambda error: self._complaints.append(str(error)))
        tab.on("request", lambda request: self._requests.append(request.url))
        tab.goto(made.as_uri())
        tab.wait_for_selector("footer")
        self._tabs.append(tab)
        return tab

    def close(self) -> None:
        for tab in self._tabs:
            tab.close()
        assert self._complaints == []
        assert [url for url in self._requests if not url.startswith(("file:", "data:", "blob:"))] == []
        assert len([url for url in self._requests if url.startswith("file:")]) == len(self._tabs)


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Tabs]:
    tabs = Tabs(browser, tmp_path)
    yield tabs
    tabs.close()


@pytest.fixture(scope="module")
def tab(browser: Any, comparison: Comparison, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The report of the comparison, light, 1280 pixels wide."""
    tabs = Tabs(browser, tmp_path_factory.mktemp("tab"))
    yield tabs(comparison)
    tabs.close()


class Links(HTMLParser):
    """The addresses in attributes of a page, and the data in it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.data = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "action", "data", "poster")]
        self._inside = tag == "script" and ("id", "data") in attrs

    def handle_endtag(self, tag: str) -> None:
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.data += data


def test_it_refers_to_nothing_outside(comparison: Comparison) -> None:
    links = Links()
    content = page(comparison)
    links.feed(content)
    assert links.found == ["data:,"]
    assert json.loads(links.data)["title"] == "Decoding methods on random"
    assert len(content) < 6_000_000
    assert content.count("plotly.js v") <= 2


def test_the_data_are_those_of_the_comparison(comparison: Comparison) -> None:
    data = data_of(comparison)
    rows = comparison.rows()
    assert [point["name"] for point in data["points"]] == [row.chosen.name for row in rows]
    for point, row in zip(data["points"], rows, strict=True):
        assert point["metrics"]["nll"] == [row.metrics["nll"].value, row.metrics["nll"].low, row.metrics["nll"].high]
        assert len(point["entropy"]) == 6
    assert [trial["method"] for trial in data["trials"]].count("steady") == 3
    assert sum(trial["chosen"] for trial in data["trials"]) >= 2
    assert {group["of"] for group in data["ablations"]} == {"steady @ 0.5", "steady @ 1"}
    assert "mauve" not in data["metrics"]
    assert data["complete"]
    json.dumps(data, allow_nan=False)


def test_the_page_shows_it(comparison: Comparison, tab: Any) -> None:
    data = data_of(comparison)
    assert tab.title() == "Decoding methods on random"
    assert tab.locator("section h2").all_inner_texts() == [
        "Verdicts", "Quality and diversity", "Holding a rate", "To be read", "All numbers", "What each part does",
        "Tuning", "How it was made",
    ]  # fmt: skip
    assert tab.locator(".figure .main-svg").count() >= 5
    assert all(box["height"] > 100 for box in (one.bounding_box() for one in tab.locator(".figure svg.main-svg").all()))
    cells = tab.locator("#numbers tbody tr").first.locator("td").first.inner_text()
    assert cells.split()[0] == f"{data['points'][0]['metrics']['nll'][0]:.3f}"
    assert tab.locator("#numbers tbody tr").count() == len(data["points"])
    assert tab.locator("#ablations .card").count() == sum(len(group["rows"]) for group in data["ablations"])


def test_sections_do_not_overlap(tab: Any) -> None:
    for width in (420, 1280):
        tab.set_viewport_size({"width": width, "height": 900})
        tab.wait_for_timeout(300)
        boxes = [one.bounding_box() for one in tab.locator("section").all()]
        for above, below in itertools.pairwise(boxes):
            assert above["y"] + above["height"] <= below["y"]
        for section, figure in [(one, one.locator(".figure")) for one in tab.locator("section").all()]:
            outer = section.bounding_box()
            for box in (one.bounding_box() for one in figure.all()):
                assert box["y"] + box["height"] <= outer["y"] + outer["height"] + 1
        assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_tables_are_sorted_by_a_click(tab: Any) -> None:

    def column(i: int) -> list[float]:
        texts = tab.locator(f"#numbers tbody tr td:nth-child({i + 2})").all_inner_texts()
        return [float(text.split()[0].replace("−", "-")) for text in texts]

    heads = tab.locator("#numbers thead button")
    names = heads.all_inner_texts()
    for name, down in (("nll", False), ("distinct-3", True)):
        at = next(i for i, text in enumerate(names) if text.startswith(name))
        heads.nth(at).click()
        assert column(at) == sorted(column(at), reverse=down)
        heads.nth(at).click()
        assert column(at) == sorted(column(at), reverse=not down)
    few = heads.count()
    tab.get_by_role("button", name="all numbers").click()
    assert heads.count() > few + 5


def test_what_is_drawn_can_be_chosen(comparison: Comparison, tab: Any) -> None:

    def drawn() -> list[Any]:
        return tab.evaluate("document.querySelector('#frontier .figure').data.map(t => [t.name, Array.from(t.y)])")

    data = data_of(comparison)
    before = drawn()
    assert len(before) == 4  # three methods and the model as it is
    tab.locator("#frontier select").first.select_option("judge_nll")
    wanted = {p["metrics"]["judge_nll"][0] for p in data["points"] if p["method"] == "cold"}
    assert {round(y, 9) for y in dict(map(tuple, drawn()))["cold"]} == {round(y, 9) for y in wanted}  # pyright: ignore
    tab.locator("#frontier select").first.select_option("nll")
    tab.locator("#frontier input").check()
    assert len(drawn()) == 4 + 3
    tab.locator("#frontier input").uncheck()
    assert drawn() == before


def test_texts_side_by_side(comparison: Comparison, tab: Any) -> None:
    setting = next(one.setting for one in comparison.chosen if one.method == "cold")
    for prompt, draw in ((0, 0), (4, 1)):
        tab.locator("#texts select").nth(0).select_option(index=prompt)
        tab.locator("#texts select").nth(1).select_option(index=draw)
        sheet = tab.locator("#texts .sheet", has_text="cold").locator("p").text_content()
        text = comparison.runs(setting)[draw].texts[prompt]
        assert sheet == comparison.header["contexts"][prompt] + (text or "∅")


def test_light_and_dark(comparison: Comparison, show: Tabs) -> None:
    tab = show(comparison, color_scheme="dark")

    def shades() -> tuple[str, str]:
        return (
            tab.evaluate("getComputedStyle(document.body).backgroundColor"),
            tab.evaluate("document.querySelector('.figure').layout.font.color"),
        )

    def system(name: str) -> None:
        """What is changed and changed back before the next frame is no change."""
        tab.emulate_media(color_scheme=name)
        tab.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")

    dark = shades()
    system("light")
    light = shades()
    assert dark != light
    system("dark")
    assert shades() == dark
    tab.get_by_role("button", name="light or dark").click()
    assert shades() == light
    assert tab.evaluate("document.documentElement.dataset.theme") == "light"
    system("light")
    system("dark")
    assert shades() == light  # what was chosen stays


def test_nothing_in_a_comparison_is_obeyed(show: Tabs) -> None:
    given = {HOSTILE: BASE, f"adaptive {HOSTILE}": values(2.0, 0.9)}
    hostile = written(given, command=HOSTILE, versions={HOSTILE: HOSTILE})
    assert page(hostile).count("<img") == 0
    tab = show(hostile)
    assert tab.title() == "Decoding methods on a"
    assert tab.locator("img").count() == 0
    assert HOSTILE in tab.locator("h3").first.text_content()
    assert HOSTILE in tab.locator("#texts .sheet h3").first.text_content()
    assert HOSTILE in tab.locator("#made").text_content()


def test_a_comparison_of_fixed_methods_without_texts(show: Tabs) -> None:
    bare = written({"base": BASE, "other": values(2.0, 0.9)}, baselines=["base"])
    tab = show(Comparison(bare.header, {}, [], bare.chosen, [_silent(cell) for cell in bare.cells]))
    assert "To be read" not in tab.locator("section h2").all_inner_texts()
    assert "Tuning" not in tab.locator("section h2").all_inner_texts()
    assert tab.locator(".found li").all_inner_texts() == ["other beats base at level 1."]


def _silent(cell: Any) -> Any:
    return type(cell)(cell.setting, cell.run, cell.prompts, cell.values, cell.whole, cell.reasons, (), ())


def test_only_a_report_is_overwritten(tmp_path: Path) -> None:
    comparison = written({"base": BASE})
    out = tmp_path / "report.html"
    write_report(comparison, out)
    assert re.search(r"<meta name=.generator. content=.sortilege compare", out.read_text())
    write_report(comparison, out)
    notes = tmp_path / "notes.html"
    notes.write_text("mine")
    for path, words in ((notes, "no report"), (tmp_path, "no plain file"), (tmp_path / "no" / "r.html", "no folder")):
        for work in (check_report, lambda path: write_report(comparison, path)):
            with pytest.raises(ValueError, match=f"the report .* cannot be written: .*{words}"):
                work(path)
    assert notes.read_text() == "mine"
    assert sorted(one.name for one in tmp_path.iterdir()) == ["notes.html", "report.html"]
    with pytest.raises(ValueError, match="at least one finished run"):
        write_report(Comparison(comparison.header, {}, [], [], []), tmp_path / "x.html")
