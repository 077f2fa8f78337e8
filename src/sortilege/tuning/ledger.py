"""Which of a study's trials count, which are running, and which were lost and are to be run again.

The slots of a study are counted in the order in which its trials were begun. A trial that was lost is run again in its
old slot; one that turned out to be one too many has none.
"""

import warnings
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sortilege._extras import require
from sortilege.tuning.liveness import lost

ATTEMPTS = 5
"""How often a trial is begun before it counts as failed, its process having gone each time."""


@dataclass(frozen=True)
class Tally:
    """How many slots were begun, and how many trials count as finished, are running, and wait to be run again.

    infeasible: how many were, which do not count as finished.
    """

    begun: int
    finished: int
    running: int
    waiting: int
    infeasible: int

    def full(self, wanted: int, most: int | None) -> bool:
        """Whether nothing is left to begin: ``wanted`` trials are finished or running, or ``most`` were begun."""
        if self.finished >= wanted:
            return True
        return not self.waiting and (self.finished + self.running >= wanted or self.begun == most)


def slots_of(trials: Sequence[Any]) -> dict[int, int]:
    """The slots of all trials of a study, by their numbers."""
    firsts = [one.number for one in trials if "retry_of" not in one.user_attrs and "surplus" not in one.user_attrs]
    firsts.sort()
    return {one.number: bisect_left(firsts, one.user_attrs.get("retry_of", one.number)) for one in trials}


def _states() -> Any:
    return require("optuna", "tuning").trial.TrialState


def _attempts(trial: Any, trials: Sequence[Any]) -> int:
    """How often a trial was begun in vain, up to this time."""
    first = trial.user_attrs.get("retry_of", trial.number)
    failed = [one for one in trials if one.state == _states().FAIL and "surplus" not in one.user_attrs]
    return sum(one.user_attrs.get("retry_of", one.number) == first and one.number <= trial.number for one in failed)


def counts(trial: Any, trials: Sequence[Any]) -> bool:
    """Whether a trial is one of those that were asked for, and finished."""
    state, said = _states(), trial.user_attrs
    if trial.state == state.FAIL:
        return "error" in said or ("surplus" not in said and _attempts(trial, trials) >= ATTEMPTS)
    return trial.state in (state.COMPLETE, state.PRUNED) and "infeasible" not in said


def tally(trials: Sequence[Any]) -> Tally:
    """The numbers of trials."""
    state = _states()
    return Tally(
        sum("retry_of" not in one.user_attrs and "surplus" not in one.user_attrs for one in trials),
        sum(counts(one, trials) for one in trials),
        sum(one.state == state.RUNNING for one in trials),
        sum(one.state == state.WAITING for one in trials),
        sum("infeasible" in one.user_attrs for one in trials),
    )


def is_surplus(trial: Any, trials: Sequence[Any], wanted: int, most: int | None) -> bool:
    """Whether a trial that has just begun is one too many, or a second one in its slot."""
    state, slots = _states(), slots_of(trials)
    if most is not None and slots[trial.number] >= most:
        return True
    live = (state.RUNNING, state.COMPLETE, state.PRUNED)
    before = [one for one in trials if one.number < trial.number and "surplus" not in one.user_attrs]
    if any(one.state in live and slots[one.number] == slots[trial.number] for one in before):
        return True
    places = sum(counts(one, trials) for one in trials if one.number != trial.number)
    return places + sum(one.state == state.RUNNING for one in before) >= wanted


def recover(study: Any) -> int:
    """Put the trials of processes that have gone in line again; how many running ones may be such, which is not known.

    What was finished is not touched. A trial is run again with its old values, unless it had not got all of them.
    """
    optuna = require("optuna", "tuning")
    state, unknown = _states(), 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.storages.fail_stale_trials(study)
    for trial in study.get_trials(deepcopy=False, states=(state.RUNNING,)):
        gone = lost(trial)
        unknown += gone is None
        if gone:
            try:
                study.tell(trial.number, state=state.FAIL)
            except (ValueError, optuna.exceptions.UpdateFinishedTrialError):
                continue  # another worker was first
    trials = study.get_trials(deepcopy=False)
    for trial in trials:
        said = trial.user_attrs
        if trial.state != state.FAIL or "error" in said or "surplus" in said:
            continue
        first = said.get("retry_of", trial.number)
        later = [one for one in trials if one.number > trial.number and "surplus" not in one.user_attrs]
        if any(one.user_attrs.get("retry_of") == first for one in later) or _attempts(trial, trials) >= ATTEMPTS:
            continue
        whole = "sampled" in said
        study.add_trial(
            optuna.trial.create_trial(
                state=state.WAITING,
                params=trial.params if whole else {},
                distributions=trial.distributions if whole else {},
                user_attrs={"retry_of": first},
                # What CMA-ES keeps of its course stands with its trials.
                system_attrs={key: value for key, value in trial.system_attrs.items() if "cma" in key},
            )
        )
    return unknown
