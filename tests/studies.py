"""One small study, run in this process or as one of its own, and what is compared of two runs of it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tiny import byte_model

from sortilege.evaluation.prompts import Prompt
from sortilege.tuning import Tuned, tune

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


_SCRIPT = """
import json, sys, time
from sortilege.evaluation.prompts import Prompt
from sortilege.tuning import tune
folder, space, settings, pause = json.load(sys.stdin)
if pause:
    # A trial is slow, so that it can be met half done.
    from sortilege.tuning.measuring import Texts
    drawn = Texts.draw
    def draw(self, sampler, *args, **more):
        print("drawing", flush=True)
        time.sleep(pause)
        return drawn(self, sampler, *args, **more)
    Texts.draw = draw
prompts = [Prompt(text) for text in ("ab", "cde", "hello", "xyz")]
tuned = tune(folder, prompts, space, **settings)
print(json.dumps({"finished": tuned.finished, "best": tuned.nearest.values}))
"""


def spawn(folder: Path, *, space: str = "min-p, temperature", pause: float = 0.0, **settings: Any) -> Any:
    """The same in a process of its own, on the model in a folder; ``pause`` is how long a trial takes at least."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdin.write(json.dumps([str(folder), space, {**SMALL, **settings}, pause]))
    process.stdin.close()
    process.stdin = None
    return process
