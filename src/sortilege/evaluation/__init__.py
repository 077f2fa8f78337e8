"""What a decoding method is worth: samples and their metrics, comparisons with intervals, reports, and the viewer.

Names are imported on use: ``import sortilege.evaluation`` loads nothing that is heavy.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Comparison": "comparison",
    "Interval": "intervals",
    "Judge": "judge",
    "JudgeError": "judge",
    "METRICS": "metrics",
    "MEASURES": "measures",
    "Method": "plan",
    "Plan": "plan",
    "Prompt": "prompts",
    "Sample": "sampling",
    "Verdict": "verdicts",
    "ablations_of": "ablations",
    "bootstrap": "intervals",
    "bundled_prompts": "prompts",
    "compare": "comparing",
    "gap": "frontier",
    "load_judge": "judge",
    "read_comparison": "reading",
    "read_methods": "plan",
    "sample": "sampling",
    "scored": "sampling",
    "verdicts_of": "verdicts",
    "write_report": "report",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)
