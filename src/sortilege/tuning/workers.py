"""Further processes on one study, each with a model of its own."""

import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import replace

from sortilege._extras import require
from sortilege.models import load
from sortilege.tuning.plan import Plan
from sortilege.tuning.run import Run

_COMMAND = "from sortilege.tuning.workers import work; work()"


@contextmanager
def helped(plan: Plan, workers: int) -> Generator[None]:
    """Let ``workers`` - 1 more processes work on a study that is there; they are done at the end of the block.

    The processor's cores are shared out. A worker that ends badly is a warning: what it had not finished, others do.
    """
    torch = require("torch", "transformers")
    threads = torch.get_num_threads()
    share = max(1, (os.cpu_count() or 1) // workers)
    model = plan.texts.model
    # The weights are not sent: each loads the model by its name.
    told = pickle.dumps((replace(plan, texts=replace(plan.texts, model=model.name)), str(model.device), share))
    processes: list[subprocess.Popen[bytes]] = []
    torch.set_num_threads(min(threads, share))
    try:
        for _ in range(workers - 1):
            process = subprocess.Popen(
                [sys.executable, "-c", _COMMAND],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
            )
            processes.append(process)
            assert process.stdin is not None
            process.stdin.write(told)
            process.stdin.close()
            process.stdin = None  # what ``communicate`` is not to close again
        yield
        for number, process in enumerate(processes, 2):
            said = process.communicate()[1].decode(errors="replace").strip()
            if process.returncode:
                last = said.splitlines()[-1] if said else "it was killed"
                warnings.warn(f"worker {number} ended with exit code {process.returncode}: {last}", stacklevel=3)
    finally:
        torch.set_num_threads(threads)
        for process in processes:
            with process:  # closes its pipe and waits for it
                if process.poll() is None:
                    process.terminate()


def work() -> None:
    """What such a process does; its plan comes on standard input. It ends when the one that began it has gone."""
    parent = os.getppid()
    plan, device, threads = pickle.load(sys.stdin.buffer)
    require("torch", "transformers").set_num_threads(threads)
    require("optuna", "tuning").logging.set_verbosity(40)
    model = load(plan.texts.model, device=device)
    with closing(Run(replace(plan, texts=replace(plan.texts, model=model)))) as run:
        run.go_on(stop=lambda: os.getppid() != parent)
