"""The pictures of docs/evidence.md: where every setting lies, and how far a rate is missed."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.evidence.page import FRONTIER, RATES, frontiers
from benchmarks.evidence.rates import LENGTHS, Rate
from sortilege.evaluation.comparison import Chosen, Comparison
from sortilege.evaluation.frontier import lowest

COLOURS = ("#3d54c4", "#c4570f", "#0b7a75", "#8b3fa6", "#96770a", "#b3304c", "#56687a", "#4d7a1f", "#2b8cbe", "#111111")
MARKS = "os^Dvphd8*"
GREY = "#8a8579"


def pictures(whole: Comparison, measured: Sequence[Rate], folder: Path) -> None:
    """Write both beside a page in this folder. SVG with text as text; the same numbers make the same bytes."""
    style = {
        "svg.fonttype": "none", "svg.hashsalt": "sortilege", "font.size": 9, "font.family": "sans-serif",
        "axes.spines.top": False, "axes.spines.right": False, "figure.facecolor": "white",
    }  # fmt: skip
    with mpl.rc_context(style):
        for figure, name in ((_frontier(whole), FRONTIER), (_rates(measured), RATES)):
            (folder / name).parent.mkdir(exist_ok=True)
            figure.savefig(folder / name, metadata={"Date": None}, bbox_inches="tight")


def _frontier(one: Comparison) -> Figure:
    """Every setting by diversity and likelihood, the frontiers below which nothing of the baselines lies."""
    figure = Figure(figsize=(9, 5.6))
    axes = figure.subplots()
    chosen = [each for each in one.chosen if not each.variant and one.runs(each.setting)]
    ours = [label for label in one.labels if label not in one.baselines]
    lines: list[np.ndarray] = []
    for style, (name, labels) in zip(("-", "--"), frontiers(one).items(), strict=False):
        points = np.asarray([_point(one, each) for each in chosen if each.method in labels])
        wanted = np.linspace(points[:, 0].min(), points[:, 0].max(), 300)
        line = [lowest(points[:, 1], points[:, 0], float(x)) for x in wanted]
        axes.plot(wanted, line, style, color=GREY, linewidth=1, label=f"frontier of {name}", zorder=1)
        lines.append(points)
    for each in chosen:
        if each.method in one.baselines:
            _mark(axes, one, each, GREY, "o", 3.5)
    for i, label in enumerate(ours):
        for k, each in enumerate(each for each in chosen if each.method == label):
            _mark(axes, one, each, COLOURS[i % len(COLOURS)], MARKS[i % len(MARKS)], 6, label if k == 0 else None)
    for each in chosen:
        x, y = _point(one, each)
        if each.method in one.baselines and any(y < lowest(p[:, 1], p[:, 0], x) + 1e-6 for p in lines):
            axes.annotate(each.method, (x, y), xytext=(4, -9), textcoords="offset points", fontsize=7, color=GREY)
    axes.set(xlabel="distinct-3, more varied →", ylabel="nll in nats, more fluent ↓")
    axes.legend(frameon=False, fontsize=7.5, loc="upper left")
    return figure


def _mark(
    axes: Axes, one: Comparison, each: Chosen, colour: str, mark: str, size: float, label: str | None = None
) -> None:
    x, y = _point(one, each)
    across, up = (one.interval(each.setting, metric).half or 0.0 for metric in ("distinct_3", "nll"))
    axes.errorbar(
        x, y, xerr=across, yerr=up, fmt=mark, color=colour, markersize=size, linewidth=0.6, alpha=0.85, label=label
    )


def _point(one: Comparison, each: Chosen) -> tuple[float, float]:
    return one.interval(each.setting, "distinct_3").value, one.interval(each.setting, "nll").value


def _rates(measured: Sequence[Rate]) -> Figure:
    """By model: how far the rate is missed, by how many tokens there are."""
    models = list(dict.fromkeys(one.model for one in measured))
    methods = list(dict.fromkeys(one.method for one in measured))
    figure = Figure(figsize=(9, 3.4))
    several = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for axes, model in zip(several, models, strict=True):
        for i, method in enumerate(methods):
            mine = [one for one in measured if (one.model, one.method) == (model, method)]
            missed = [float(np.mean([one.miss(length).value for one in mine])) for length in LENGTHS]
            if max(missed) < 1e-3:  # solved at each step: nothing to see on a logarithmic axis
                continue
            adaptive = "integral" in method or "adaptive" in method
            look: Mapping[str, float] = {"linewidth": 1.8 if adaptive else 1, "markersize": 4}
            style = "-" if adaptive else "--"
            axes.plot(LENGTHS, missed, style, marker=MARKS[i], color=COLOURS[i % len(COLOURS)], label=method, **look)
        axes.set(xscale="log", yscale="log", title=Path(model).name, xlabel="tokens")
        axes.set_xticks(LENGTHS, [str(length) for length in LENGTHS])
        axes.minorticks_off()
    several[0].set_ylabel("|realised - asked|, nats")
    several[-1].legend(frameon=False, fontsize=7.5, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
