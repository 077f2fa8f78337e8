"""One table and one picture of searches that differ in their settings.

    python compare_typical.py FOLDER

FOLDER holds a file of records of ``sortilege search`` for each setting. Besides the table on the terminal it gets
``comparison.md`` and ``comparison.png``. Columns are means over the texts, that of perplexity the geometric one; the
bars in the picture are +- one standard error.

    satisfied     the share of texts within all bounds
    distance to   how far a text is outside a bound, in the unit of the property
    entropy       of the tokens of a text, in nats: -sum f log f, f being the share of the tokens written that are
                  this one; at most the logarithm of their number
    distinct-n    different n-grams of words / n-grams of words
    perplexity    under tiny-ar, the prompt read first
    scorer calls  texts measured in the search for one text, each property counted
"""

import json
import math
import sys
from collections import Counter
from pathlib import Path
from statistics import fmean, stdev

from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from sortilege.properties import Distinct, Perplexity, Property, Text, measured

MEASURES: dict[str, Property] = {
    "distinct-1": Distinct(1),
    "distinct-2": Distinct(2),
    "distinct-4": Distinct(4),
    "perplexity": Perplexity("tiny-ar"),
}


def read(path: Path) -> list[dict]:
    """The texts of a file; prompts that could not be used have none."""
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    return [record for record in records if "error" not in record]


def label(record: dict) -> str:
    """What was searched with."""
    search = record["settings"]["search"]
    knob = {"locally_typical": "alpha", "locally_typical_distance": "tau"}.get(search["sampling_method"])
    rule = "top_p" if knob is None else f"{knob} {search[knob]:g}"
    return f"{rule}, k {search['k']}, N {search['num_x_theta_samples']}"


def entropy(record: dict) -> float:
    """Of the tokens that were written, in nats."""
    tokens = [token for token, given in zip(record["tokens"], record["fixed"], strict=True) if not given]
    return sum(count / len(tokens) * math.log(len(tokens) / count) for count in Counter(tokens).values())


def columns(records: list[dict]) -> dict[str, list[float]]:
    """The numbers of each text, by column; NaN where a text has none."""
    found = {"satisfied": [float(record["satisfied"]) for record in records]}
    for bound in records[0]["distances"]:
        distances = [record["distances"][bound] for record in records]
        found[f"distance to {bound}"] = [math.nan if distance is None else distance for distance in distances]
    found["entropy"] = [entropy(record) for record in records]
    texts = [Text(record["text"], record["prompt"] if isinstance(record["prompt"], str) else "") for record in records]
    for name, measure in MEASURES.items():
        found[name] = measured(measure, texts)
    found["scorer calls"] = [float(record["scorer_calls"]) for record in records]
    return found


def mean(name: str, values: list[float]) -> tuple[float, float]:
    """The mean of a column and its standard error, of the numbers there are."""
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return math.nan, 0.0
    if name == "perplexity":  # of few texts, one that is all but impossible would be the arithmetic mean
        middle, error = mean("", [math.log(value) for value in known])
        return math.exp(middle), math.exp(middle) * error
    return fmean(known), stdev(known) / math.sqrt(len(known)) if len(known) > 1 else 0.0


def table(found: dict[str, dict[str, list[float]]]) -> list[list[str]]:
    """Heading and rows, as text."""
    names = list(next(iter(found.values())))
    rows = [
        [setting, str(len(values["satisfied"])), *(f"{mean(name, values[name])[0]:.4g}" for name in names)]
        for setting, values in found.items()
    ]
    return [["setting", "texts", *names], *rows]


def picture(found: dict[str, dict[str, list[float]]]) -> Figure:
    """A panel a column, a line a setting."""
    names, settings = list(next(iter(found.values()))), list(found)
    figure = Figure(figsize=(11, 1.2 + 0.4 * math.ceil(len(names) / 3) * len(settings)), layout="constrained")
    panels = figure.subplots(math.ceil(len(names) / 3), 3, sharey=True, squeeze=False).flatten()
    for panel, name in zip(panels, names, strict=False):
        means = [mean(name, values[name]) for values in found.values()]
        panel.errorbar(
            [m for m, _ in means], range(len(settings)), xerr=[e for _, e in means], fmt="o", color="#1f5fa8"
        )
        panel.set_title(name, loc="left", fontsize=10)
        panel.set_yticks(range(len(settings)), settings, fontsize=9)
        panel.locator_params(axis="x", nbins=4)
        panel.tick_params(axis="y", length=0)
        panel.grid(axis="x", alpha=0.3)
        panel.spines[["top", "right", "left"]].set_visible(False)
    panels[0].invert_yaxis()  # the panels share it
    for panel in panels[len(names) :]:
        panel.set_visible(False)
    return figure


def main(folder: Path) -> None:
    files = {path: records for path in folder.glob("*.jsonl") if (records := read(path))}
    if not files:
        raise SystemExit(f"no records in {folder}")

    def order(records: list[dict]) -> tuple:
        search = records[0]["settings"]["search"]
        rules = ["locally_typical_distance", "locally_typical", "top_p"]
        rule = rules.index(search["sampling_method"])
        return rule, -search["tau"], search["alpha"], search["k"], search["num_x_theta_samples"]

    found: dict[str, dict[str, list[float]]] = {}
    for path, records in sorted(files.items(), key=lambda item: (order(item[1]), item[0])):
        setting = label(records[0])
        found[setting if setting not in found else path.stem] = columns(records)
    head, *rows = table(found)
    shown = Table(*head, box=None, header_style="bold")
    for row in rows:
        shown.add_row(*row)
    Console(width=None if sys.stdout.isatty() else 160).print(shown)
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]]
    (folder / "comparison.md").write_text("\n".join(lines) + "\n")
    picture(found).savefig(folder / "comparison.png", dpi=150)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python compare_typical.py FOLDER")
    main(Path(sys.argv[1]))
