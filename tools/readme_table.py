"""Write the README's table of samplers from the samplers themselves.

python tools/readme_table.py
"""

import inspect
import re
from pathlib import Path
from typing import Any

from sortilege._knobs import knobs
from sortilege.samplers.registry import SAMPLERS

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- samplers: written by tools/readme_table.py -->\n", "<!-- end of samplers -->"
MOST_KNOBS = 4


def summary(sampler: Any) -> str:
    """The first sentence of its docstring, without the full stop."""
    paragraph = " ".join((inspect.getdoc(sampler) or "").split("\n\n")[0].split())
    return paragraph.split(". ")[0].rstrip(".").replace("``", "`").replace("|", "\\|")


def signature(sampler: Any) -> str:
    """``TopK(k)``: the class as it is called, a long list of knobs cut short."""
    names = list(knobs(sampler))
    shown = names if len(names) <= MOST_KNOBS else [*names[: MOST_KNOBS - 1], "..."]
    return f"{sampler.__name__}({', '.join(shown)})"


def source(sampler: Any) -> str:
    """Where the method was published, with links to preprints and pages."""
    linked = re.sub(r"arXiv:(\d+\.\d+)", r"[arXiv:\1](https://arxiv.org/abs/\1)", sampler.source)
    return re.sub(r"(docs/\w+\.md)", r"[\1](\1)", linked)


def table() -> str:
    """The rows of the samplers that come with the package, in the registry's order."""
    ours = {name: sampler for name, sampler in SAMPLERS.items() if sampler.__module__.startswith("sortilege.")}
    rows = [f"| `{signature(s)}` | `{name}` | {summary(s)} | {source(s)} |" for name, s in ours.items()]
    return "\n".join(["| in Python | on the command line | what it does | source |", "|---|---|---|---|", *rows, ""])


def main() -> None:
    before, rest = README.read_text().split(START)
    README.write_text(before + START + table() + END + rest.split(END, 1)[1])


if __name__ == "__main__":
    main()
