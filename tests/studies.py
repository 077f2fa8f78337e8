"""One small study, run in this process or as one of its own, and what is compared of two runs of it."""

import itertools
import json
import multiprocessing
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tiny import byte_model

from sortilege.evaluation.prompts import Prompt
from sortilege.tuning import Tuned, tune
from sortilege.tuning.measuring import Texts

PROMPTS = [Prompt(text) for text in ("ab", "cde", "hello", "xyz")]
SMALL: dict[str, Any] = {"max_new_tokens": 8, "seed": 3}


def study(space: str = "min-p, temperature", **settings: Any) -> Tuned:
    return tune(byte_model(), PROMPTS, space, **{**SMALL, **settings})


def told(tuned: Tuned) -> list[Any]:
    """All of the trials but how long they took and their numbers: those that were lost have some, too."""
    kept = [{name: value for name, value in one.metrics.items() if name != "tokens_per_second"} for one in tuned.trials]
    shown = [json.dumps(metrics, sort_keys=True) for metrics in kept]  # NaN is not equal to itself
    return [
        (one.values, metrics, one.score, one.state, one.reason)
        for one, metrics in zip(tuned.trials, shown, strict=True)
    ]


CONTEXT = multiprocessing.get_context("forkserver")


def work(folder: Path, connection: Any, space: str, meeting: Any, stuck: int | None, settings: dict[str, Any]) -> None:
    """The same on the model in a folder, in a process of its own.

    meeting: a barrier that its first trial waits at. stuck: the trial that does not end, counted from 0.
    """
    torch.set_num_threads(1)
    drawn = Texts.draw
    calls = itertools.count(-2)  # the reference and greedy decoding come first

    def draw(self: Texts, *arguments: Any, **more: Any) -> Any:
        trial = next(calls)
        if trial == stuck:
            time.sleep(1000)
        if trial == 0 and meeting is not None:
            meeting.wait(60)
        return drawn(self, *arguments, **more)

    Texts.draw = draw
    tuned = tune(folder, PROMPTS, space, **{**SMALL, **settings})
    connection.send(tuned.finished)


@dataclass
class Worker:
    """Such a process."""

    process: Any
    connection: Any

    def done(self) -> int:
        """How many trials were finished when it had done its part."""
        assert self.connection.poll(120)
        found = self.connection.recv()
        self.process.join(60)
        assert self.process.exitcode == 0
        return found


def spawn(
    folder: Path,
    *,
    space: str = "min-p, temperature",
    meeting: Any = None,
    stuck: int | None = None,
    **settings: Any,
) -> Worker:
    """Begin such a process. All of them come from one that has loaded what they need: torch takes its time."""
    CONTEXT.set_forkserver_preload(["studies"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *([before] if before else [])])
    try:
        ours, theirs = CONTEXT.Pipe()
        process = CONTEXT.Process(target=work, args=(folder, theirs, space, meeting, stuck, settings))
        process.start()
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
    theirs.close()
    return Worker(process, ours)
