"""A real browser, and pages in it that must not complain and must not ask for anything."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from viewer_traces import Record

from sortilege.evaluation.viewer import page
from sortilege.trace import Trace


@dataclass
class Opened:
    """A page, what it complained of and what it asked for."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.page, name)

    def texts(self, selector: str) -> list[str]:
        return self.page.eval_on_selector_all(selector, "found => found.map(one => one.textContent)")

    def written(self, column: int = 0) -> str:
        """The text of all tokens."""
        return self.page.evaluate(
            "c => [...document.querySelectorAll('.column')[c].querySelectorAll('.t')].map(t => t.textContent).join('')",
            column,
        )

    def token(self, i: int, column: int = 0) -> Any:
        return self.page.locator(".column").nth(column).locator(f'.t[data-i="{i}"]')

    def settled(self) -> None:
        """Wait until what was asked for has been painted."""
        self.page.evaluate("() => new Promise(go => requestAnimationFrame(() => requestAnimationFrame(go)))")

    def hover(self, i: int, column: int = 0) -> None:
        self.token(i, column).hover()
        self.settled()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)
        self.settled()

    def shade_by(self, field: str) -> None:
        self.page.select_option("#field", field)
        self.settled()

    def levels(self, column: int = 0) -> list[int | None]:
        """The shade of each token."""
        names = self.page.evaluate(
            "c => [...document.querySelectorAll('.column')[c].querySelectorAll('.t')].map(t => t.className)", column
        )
        return [int(found[1]) if (found := re.search(r"\bl(\d+)\b", name)) else None for name in names]

    def drawn(self, selector: str = "canvas.base") -> list[int]:
        """How many pixels are painted on each canvas."""
        return self.page.eval_on_selector_all(
            selector,
            """found => found.map(canvas => {
                const copy = new OffscreenCanvas(canvas.width, canvas.height);
                const pen = copy.getContext("2d", {willReadFrequently: true});
                pen.drawImage(canvas, 0, 0);
                const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
                let painted = 0;
                for (let i = 3; i < data.length; i += 4) painted += data[i] > 0;
                return painted;
            })""",
        )


Open = Callable[..., Opened]


@pytest.fixture
def show(browser: Any, tmp_path: Path) -> Iterator[Open]:
    """Open the page of traces, given as lists of lines; at the end nothing may have gone wrong in it."""
    opened: list[Opened] = []

    def opening(*traces: list[Record], dark: bool = False, size: tuple[int, int] = (1440, 900), **more: Any) -> Opened:
        read = [Trace(lines[0], lines[1:]) for lines in traces]
        made = tmp_path / f"page{len(opened)}.html"
        made.write_text(page(read, [f"trace{i}" for i in range(len(read))], **more))
        viewport = {"width": size[0], "height": size[1]}
        tab = Opened(browser.new_page(viewport=viewport, color_scheme="dark" if dark else "light"))
        tab.page.on("console", lambda message: tab.complaints.append(message.text))
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.goto(made.as_uri())
        tab.settled()
        opened.append(tab)
        return tab

    yield opening
    for tab in opened:
        complaints, requests = tab.complaints, tab.requests
        tab.page.close()
        assert complaints == []
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
        assert len([url for url in requests if url.startswith("file:")]) == 1
