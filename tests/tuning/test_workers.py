"""Several processes on one study, on real servers; and processes that are killed."""

import os
import re
import signal
import sqlite3
import time
from pathlib import Path
from typing import Any

import optuna
import pytest
from studies import CONTEXT, spawn, study, told
from tiny import byte_model

from sortilege.tuning import Tuned, tune
from sortilege.tuning.storages import close_storage, open_storage

posix = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

NAME = "min-p+temperature"


def there(storage: str) -> list[Any]:
    """All the trials of the study, as its storage has them."""
    opened = open_storage(storage)
    try:
        return optuna.load_study(study_name=NAME, storage=opened).get_trials(deepcopy=False)
    finally:
        close_storage(opened)


def begun(storage: str) -> list[Any]:
    """The same, before there is a study, too."""
    try:
        return there(storage)
    except KeyError:
        return []


def checked(storage: str, wanted: int, *, workers: int) -> list[Any]:
    """The finished trials: as many as were asked for, each slot once, and all of the workers had a share in them."""
    trials = there(storage)
    finished = [one for one in trials if one.state.name in ("COMPLETE", "PRUNED")]
    assert len(finished) == wanted
    values = [tuple(one.params.items()) for one in finished]
    assert len(set(values)) == wanted
    assert len({one.user_attrs["worker"]["pid"] for one in finished}) == workers
    assert not [one for one in trials if one.state.name in ("RUNNING", "WAITING")]
    return finished


def two(folder: Path, storage: str, optimizer: str = "random", wanted: int = 8) -> None:
    """Two processes that share the trials of a study: neither ends its first before the other has begun one."""
    settings = {"storage": storage, "trials": wanted, "optimizer": optimizer, "points": 2, "pruner": "none"}
    meeting = CONTEXT.Barrier(2)
    processes = [spawn(folder, meeting=meeting, **settings) for _ in range(2)]
    assert max([process.done() for process in processes]) == wanted
    finished = checked(storage, wanted, workers=2)
    if optimizer == "random":
        # Whoever ran them, the values are those of one process alone: each slot has its own random numbers.
        alone = study(trials=wanted, optimizer=optimizer, pruner="none")
        assert sorted(one.values[0] for one in finished) == sorted(one.score[0] for one in alone.trials)


def test_two_workers_on_an_sqlite_file(folder: Path, tmp_path: Path) -> None:
    two(folder, str(tmp_path / "s.db"))


def test_two_workers_on_a_journal(folder: Path, tmp_path: Path) -> None:
    two(folder, f"journal:{tmp_path / 's.log'}", "grid", 4)


def test_two_workers_on_postgresql(folder: Path, postgres: str) -> None:
    two(folder, postgres)
    before = [one.datetime_complete for one in there(postgres)]
    with pytest.raises(ValueError, match=f"study {re.escape(repr(NAME))} is there already, of another"):
        study(trials=8, optimizer="random", pruner="none", storage=postgres, seed=4)
    assert [one.datetime_complete for one in there(postgres)] == before


def test_two_workers_on_redis(folder: Path, redis_server: str) -> None:
    two(folder, redis_server)


def test_workers_of_our_own(folder: Path, tmp_path: Path) -> None:
    storage = str(tmp_path / "s.db")
    seen: list[Tuned] = []
    from studies import PROMPTS, SMALL

    found = tune(
        folder,
        PROMPTS,
        "min-p, temperature",
        **SMALL,
        trials=16,
        optimizer="random",
        pruner="none",
        storage=storage,
        workers=2,
        on_progress=seen.append,
    )
    assert found.finished == 16
    assert found.running == 0
    assert len(there(storage)) >= 16
    assert [one.finished for one in seen] == sorted(one.finished for one in seen)


def test_a_worker_that_ends_badly_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others do what it does not."""
    monkeypatch.setattr(
        "sortilege.tuning.workers._COMMAND", "import sys; sys.stdin.buffer.read(); sys.exit('no such model')"
    )
    with pytest.warns(UserWarning, match="worker 2 ended with exit code 1: no such model"):
        found = study("min-p", trials=2, storage=str(tmp_path / "s.db"), workers=2)
    assert found.finished == 2


@posix
@pytest.mark.parametrize("where", ["sqlite", "journal"])
@pytest.mark.parametrize("ending", ["kill -9", "ctrl-C"])
def test_a_killed_process_loses_nothing(folder: Path, tmp_path: Path, where: str, ending: str) -> None:
    """What it had finished stays as it is, what it had begun is run again, and the rest is as it would have been."""
    settings = {"trials": 5, "optimizer": "random", "pruner": "none"}
    storage = str(tmp_path / "s.db") if where == "sqlite" else f"journal:{tmp_path / 's.log'}"
    worker = spawn(folder, stuck=2, storage=storage, **settings)
    started = time.monotonic()
    while not [one for one in begun(storage) if one.number == 2 and "sampled" in one.user_attrs]:
        assert worker.process.is_alive()
        assert time.monotonic() - started < 100
        time.sleep(0.05)
    os.kill(worker.process.pid, signal.SIGKILL if ending == "kill -9" else signal.SIGINT)
    worker.process.join(60)
    assert worker.process.exitcode == (-9 if ending == "kill -9" else 1)
    before = there(storage)
    states = [one.state.name for one in before]
    assert states == ["COMPLETE", "COMPLETE", "RUNNING" if ending == "kill -9" else "FAIL"]
    assert spawn(folder, storage=storage, **settings).done() == 5
    after = there(storage)
    for old, new in zip(before[:2], after[:2], strict=True):
        assert (old.params, old.values, old.datetime_complete) == (new.params, new.values, new.datetime_complete)
    assert [one.state.name for one in after] == ["COMPLETE", "COMPLETE", "FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]
    assert after[3].params == before[2].params
    alone = study(**settings)
    assert [one.values for one in after if one.state.name == "COMPLETE"] == [[*one.score] for one in alone.trials]


def test_the_trials_of_another_machine_are_left_alone_until_it_gives_no_sign(tmp_path: Path) -> None:
    storage = f"journal:{tmp_path / 's.log'}"
    settings: dict[str, Any] = {"trials": 2, "pruner": "none", "storage": storage}
    study(**{**settings, "trials": 1})
    theirs = optuna.load_study(study_name=NAME, storage=open_storage(storage)).ask()
    theirs.set_user_attr("worker", {"host": "elsewhere", "pid": 1, "started": "1"})
    theirs.set_user_attr("beat", time.time())
    assert (study(**settings).finished, study(**settings).running) == (1, 1)
    theirs.set_user_attr("beat", time.time() - 3600)
    found = study(**settings)
    assert (found.finished, found.running) == (2, 0)
    assert told(found) == told(study(**{**settings, "storage": None}))


def test_a_trial_that_ends_its_process_each_time_fails_at_last(tmp_path: Path) -> None:
    storage = str(tmp_path / "s.db")
    study("min-p", trials=1, storage=storage)

    class Poison(BaseException):
        pass

    from sortilege.tuning.measuring import Texts

    whole, bad = Texts.draw, []

    def draw(self: Texts, sampler: Any, *rest: Any, **more: Any) -> Any:
        if not bad:
            bad.append(sampler)
        if sampler == bad[0]:
            raise Poison
        return whole(self, sampler, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Texts, "draw", draw)
        for _ in range(5):
            with pytest.raises(Poison):
                study("min-p", trials=3, storage=storage)
            # ``Study.optimize`` does not end a trial on what is no Exception: it stays running, as if killed.
            with sqlite3.connect(storage) as database:
                database.execute(
                    "update trial_user_attributes set value_json = replace(value_json, ?, '1')", [str(os.getpid())]
                )
        found = study("min-p", trials=3, storage=storage)
    assert [one.state for one in found.trials] == ["complete", "failed", "complete"]
    assert found.trials[1].reason == "its process ended 5 times"


def test_the_model_of_the_tests_is_the_one_in_the_folder(folder: Path) -> None:
    """Or else runs in other processes could not be compared with those in this one."""
    import sortilege

    ours, theirs = byte_model(), sortilege.load(folder)
    one = sortilege.generate(ours, "ab", "temperature", seed=1, max_new_tokens=6)[0]
    other = sortilege.generate(theirs, "ab", "temperature", seed=1, max_new_tokens=6)[0]
    assert one.tokens == other.tokens
