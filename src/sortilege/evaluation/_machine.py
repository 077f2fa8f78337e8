"""What a comparison ran on."""

import os
import platform
from importlib import metadata
from typing import Any

_PACKAGES = ("sortilege", "numpy", "scipy", "torch", "transformers", "optuna", "sacrebleu", "mauve-text")


def versions() -> dict[str, str]:
    """The versions of Python and of what the numbers depend on, as far as they are installed."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """The processor, the system, the cores that may be used, and the accelerator that torch sees."""
    import torch

    affinity = getattr(os, "sched_getaffinity", None)
    return {
        "processor": _processor(),
        "system": platform.platform(),
        "cores": len(affinity(0)) if affinity is not None else os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
