"""One benchmark measured in a process of its own, held to a number of threads."""

import os
import platform
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

import numpy as np

from benchmarks.inputs import Inputs
from benchmarks.records import BENCHMARKS, VOCABULARY, Benchmark, Contender
from benchmarks.timing import WARM_UP, Ratio, Step, Timing, interleave


@dataclass(frozen=True)
class Effort:
    """How much is measured: vocabulary V, repetitions from ``least`` to ``most``, and seconds for each benchmark.

    clock: "wall", or "cpu" for the processor time of all threads, which other work on the machine disturbs less.
    """

    vocabulary: int
    least: int
    most: int
    seconds: float
    clock: str = "wall"


CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
FULL = Effort(VOCABULARY, least=7, most=60, seconds=15.0)
QUICK = Effort(500, least=2, most=2, seconds=0.0)


@dataclass(frozen=True)
class Result:
    """One contender against its baseline. Times in seconds, medians; ratio is ours over theirs, with its quartiles.

    met: whether the target is reached, judged at V = 128,256 only.
    first, baseline_first: of the first call, compilation included. problem: why there are no numbers, if so.
    """

    benchmark: str
    contender: str
    baseline: str
    threads: int
    rows: int
    vocabulary: int
    clock: str
    target: float | None
    met: bool | None = None
    ratio: float | None = None
    ratio_low: float | None = None
    ratio_high: float | None = None
    median: float | None = None
    baseline_median: float | None = None
    first: float | None = None
    baseline_first: float | None = None
    error: float | None = None
    baseline_error: float | None = None
    repetitions: int = 0
    problem: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def limit_threads(count: int) -> None:
    """Hold this process to ``count`` cores and threads; call it before any framework is imported.

    The environment speaks to OpenMP, the affinity to XLA, which sizes its pool by the cores it may run on.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NPROC"):
        os.environ[name] = str(count)
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:count])
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(count)
    torch.set_grad_enabled(False)  # as in generation


def cores() -> int:
    """The cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def prefill(vocabulary: int) -> None:
    """Take and give back what the logits of a prompt of 60 tokens take, as a process that decodes has done.

    Until it has seen so large an array, glibc hands memory back to the system after every few operations and fetches it
    anew, which slows whatever makes temporary arrays of V numbers, on both sides of a comparison.
    """
    np.ones((60, vocabulary), np.float32)


def measure(name: str, threads: int, effort: Effort) -> list[Result]:
    """Measure the benchmark of that name; a contender whose packages are missing says so instead of numbers."""
    benchmark = next(b for b in BENCHMARKS if b.name == name)
    inputs = Inputs(effort.vocabulary, benchmark.rows)
    steps: dict[Contender, Step] = {}
    problems: dict[Contender, str] = {}
    for contender in (*benchmark.ours, benchmark.baseline):
        try:
            steps[contender] = contender.prepare(inputs)
        except ImportError as error:
            problems[contender] = str(error)
    clock = CLOCKS[effort.clock]
    prefill(effort.vocabulary)
    taken = interleave(list(steps.values()), least=effort.least, most=effort.most, seconds=effort.seconds, clock=clock)
    timings = dict(zip(steps, taken, strict=True))
    errors = {
        contender: max(benchmark.error(inputs, i, step(i)) for i in range(WARM_UP)) if benchmark.error else None
        for contender, step in steps.items()
    }
    return [_result(benchmark, ours, threads, effort, inputs, timings, errors, problems) for ours in benchmark.ours]


def _result(
    benchmark: Benchmark,
    ours: Contender,
    threads: int,
    effort: Effort,
    inputs: Inputs,
    timings: dict[Contender, Timing],
    errors: dict[Contender, float | None],
    problems: dict[Contender, str],
) -> Result:
    theirs = benchmark.baseline
    known = (benchmark.name, ours.name, theirs.name, threads, inputs.rows, inputs.vocabulary, effort.clock, ours.target)
    problem = problems.get(ours) or problems.get(theirs)
    if problem:
        return Result(*known, problem=problem)
    ratio = Ratio.of(timings[ours], timings[theirs])
    return Result(
        *known,
        met=ratio.value <= ours.target if ours.target is not None and inputs.vocabulary == VOCABULARY else None,
        ratio=ratio.value,
        ratio_low=ratio.low,
        ratio_high=ratio.high,
        median=timings[ours].median,
        baseline_median=timings[theirs].median,
        first=timings[ours].first,
        baseline_first=timings[theirs].first,
        error=errors[ours],
        baseline_error=errors[theirs],
        repetitions=len(timings[ours].samples),
    )


def machine() -> dict[str, Any]:
    """The machine's facts, its load when asked, and the versions of what is measured."""
    versions = {"python": platform.python_version()}
    for package in ("sortilege", "numpy", "scipy", "torch", "jax", "transformers"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "missing"
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "processor": _processor(),
        "system": platform.platform(),
        "cores": cores(),
        "load": load,
        "versions": versions,
    }


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
