"""A process at work on a study: make it or find it, then run trials until there are enough."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sortilege._extras import require
from sortilege.evaluation._machine import versions
from sortilege.evaluation.sampling import Sample
from sortilege.samplers.temperature import Temperature
from sortilege.tuning.ledger import is_surplus, recover, tally
from sortilege.tuning.liveness import signs_of_life
from sortilege.tuning.measuring import Reference, finite, numbers, take_reference
from sortilege.tuning.objectives import measured
from sortilege.tuning.optimizers import Seeded, distribution, make_pruner
from sortilege.tuning.plan import SCHEMA, Plan
from sortilege.tuning.results import Trial, Tuned, finished, trial_of
from sortilege.tuning.space import InfeasibleError
from sortilege.tuning.storages import close_storage, open_storage, storage_errors

_PATIENCE = 10.0  # seconds for the process that made a study to describe it
_INFEASIBLE = 20  # so many infeasible draws for each trial that was asked for are too many


class TrialError(ValueError):
    """A trial that has no score."""


class Run:
    """The study of a plan, made where it is not there yet.

    given: the texts of the reference, if the study is to be made and they are not to be drawn.

    Raises ValueError for a study of that name that is another, and StorageError.
    """

    def __init__(self, plan: Plan, given: Sequence[Sample] | None = None) -> None:
        self._plan, self._optuna = plan, require("optuna", "tuning")
        self._storage = open_storage(plan.storage)
        self._pruner = make_pruner(plan.pruner, len(plan.texts.ends))
        self._most = len(plan.grid) or None
        self._last: list[Any] = []
        try:
            self._begin(given)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the storage."""
        close_storage(self._storage)

    def _begin(self, given: Sequence[Sample] | None) -> None:
        plan = self._plan
        with storage_errors(plan.storage):
            self._study = self._loaded()
        if self._study is None:
            reference = take_reference(plan.texts, plan.goal, given)
            baselines: dict[str, Any] = {}
            if plan.goal.terms[0].metric == "emwa_cross_ent":
                baselines["greedy"] = finite(measured(plan.texts.draw(Temperature(0.0), parts=False)))
            with storage_errors(plan.storage):
                self._study = self._made(reference, baselines)
        about = self._study.user_attrs["sortilege"]
        self._versions = about["versions"]
        self._reference = Reference.of_record(about["reference"])
        self._baselines = {name: numbers(metrics) for name, metrics in about["baselines"].items()}

    def go_on(
        self,
        on_trial: Callable[[Trial], None] | None = None,
        on_progress: Callable[[Tuned], None] | None = None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Run trials until as many are finished, or being run by others, as were asked for."""
        plan, study = self._plan, self._study
        while not stop():
            with storage_errors(plan.storage):
                study.sampler = Seeded(study, plan.optimizer, plan.texts.seed, plan.grid)
                unknown = recover(study)
                now = tally(study.get_trials(deepcopy=False))
            if now.full(plan.trials, self._most):
                if now.finished >= plan.trials or not unknown:
                    return
                time.sleep(0.5)
                continue
            if now.infeasible > _INFEASIBLE * plan.trials:
                raise ValueError(
                    f"of {now.infeasible + now.finished} combinations drawn, {now.infeasible} were infeasible; "
                    "vary the knobs within narrower ranges"
                )
            frozen = self._run_one()
            if frozen is None or "surplus" in frozen.user_attrs:
                continue
            if on_trial is not None:
                on_trial(trial_of(frozen, plan.space, plan.goal, self._reference.metrics))
            if on_progress is not None:
                on_progress(self.tuned())

    def tuned(self) -> Tuned:
        """The study as it stands."""
        plan, goal = self._plan, self._plan.goal
        with storage_errors(plan.storage):
            trials = self._study.get_trials(deepcopy=False)
            front = [one.number for one in self._study.best_trials] if len(goal.terms) > 1 else []
        now = tally(trials)
        done = finished(trials, plan.space, goal, self._reference.metrics)
        complete = [one for one in done if one.state == "complete"]
        sign = -1 if goal.directions[0] == "maximize" else 1
        ranked = sorted(complete, key=lambda one: sign * one.score[0]) if len(goal.terms) == 1 else []
        return Tuned(
            space=plan.space,
            objective=goal.name,
            goal=goal,
            trials=tuple(done),
            best=next((one for one in ranked if one.distance == 0), None),
            nearest=next(iter(ranked), None),
            front=tuple(one for one in complete if one.number in front),
            reference=dict(self._reference.metrics),
            reference_kind=self._reference.kind,
            baselines=self._baselines,
            wanted=plan.trials,
            finished=now.finished,
            running=now.running,
            settings=plan.settings,
            versions=self._versions,
            study=plan.study,
            storage=plan.storage,
        )

    def _loaded(self) -> Any:
        """The study if it is there, else None. Raises ValueError for one that is not the plan's."""
        plan = self._plan
        try:
            study = self._optuna.load_study(study_name=plan.study, storage=self._storage, pruner=self._pruner)
        except KeyError:
            return None
        waited = time.monotonic()
        while "sortilege" not in study.user_attrs:  # another process has made it this moment, or another program has
            if study.get_trials(deepcopy=False) or time.monotonic() - waited > _PATIENCE:
                raise ValueError(f"study {plan.study!r} is there already and not one of ours; nothing was changed")
            time.sleep(0.1)
        about = study.user_attrs["sortilege"]
        if about.get("schema") != SCHEMA:
            raise ValueError(f"study {plan.study!r} must be of {SCHEMA}, got {about.get('schema')}")
        plan.check(about["settings"])
        return study

    def _made(self, reference: Reference, baselines: Mapping[str, Any]) -> Any:
        try:
            study = self._optuna.create_study(
                study_name=self._plan.study,
                storage=self._storage,
                directions=self._plan.goal.directions,
                pruner=self._pruner,
            )
        except self._optuna.exceptions.DuplicatedStudyError:  # another worker was first
            return self._loaded()
        about = {"schema": SCHEMA, "settings": self._plan.settings, "versions": versions()}
        study.set_user_attr("sortilege", {**about, "reference": reference.record(), "baselines": dict(baselines)})
        return study

    def _run_one(self) -> Any:
        """Run a trial: how it stands now; None if another process took it for lost, whose trial it is then."""
        self._last.clear()
        with storage_errors(self._plan.storage):
            try:
                self._study.optimize(self._score, n_trials=1, catch=(TrialError,), callbacks=[self._keep])
            except (ValueError, self._optuna.exceptions.UpdateFinishedTrialError):
                if not self._was_taken():
                    raise
                return None
        return self._last[0]

    def _keep(self, study: Any, trial: Any) -> None:
        self._last.append(trial)

    def _was_taken(self) -> bool:
        mine = [one for one in self._study.get_trials(deepcopy=False) if one.number == self._number]
        return bool(mine) and mine[0].state.is_finished() and "error" not in mine[0].user_attrs

    def _score(self, trial: Any) -> tuple[float, ...]:
        plan, self._number = self._plan, trial.number
        beats = isinstance(self._storage, self._optuna.storages.RDBStorage)
        with signs_of_life(trial, needed=plan.storage is not None and not beats):
            trials = self._study.get_trials(deepcopy=False)
            this = next(one for one in trials if one.number == trial.number)
            if is_surplus(this, trials, plan.trials, self._most):
                trial.set_user_attr("surplus", True)
                raise TrialError("one too many")
            dimensions = plan.space.dimensions
            values = {one.path: one.rounded(_suggested(trial, one.path, distribution(one))) for one in dimensions}
            trial.set_user_attr("sampled", True)
            try:
                sampler = plan.space.sampler(values)
            except InfeasibleError as error:
                trial.set_user_attr("infeasible", str(error))
                raise self._optuna.TrialPruned(str(error)) from None
            try:
                samples = plan.texts.draw(
                    sampler, lambda part, texts: self._judge(trial, part, texts), parts=plan.pruner != "none"
                )
                metrics = self._told(trial, samples)
                return plan.goal.score(metrics, self._reference.metrics)
            except ValueError as error:
                trial.set_user_attr("error", str(error))
                raise TrialError(str(error)) from error

    def _judge(self, trial: Any, part: int, samples: Sequence[Sample]) -> None:
        """Report a trial after a part of the prompts, and give it up if it has fallen behind."""
        goal = self._plan.goal
        if self._plan.pruner == "none" or part + 1 == len(self._reference.parts):
            return
        (score,) = goal.score(measured(samples, goal.metrics), self._reference.parts[part])
        trial.report(score, part)
        if trial.should_prune():
            self._told(trial, samples)
            raise self._optuna.TrialPruned

    @staticmethod
    def _told(trial: Any, samples: Sequence[Sample]) -> dict[str, float]:
        metrics = measured(samples)
        trial.set_user_attr("texts", len(samples))
        trial.set_user_attr("metrics", finite(metrics))
        return metrics


def _suggested(trial: Any, path: str, distribution: Any) -> Any:
    """A trial's value of a dimension."""
    if hasattr(distribution, "choices"):
        return trial.suggest_categorical(path, distribution.choices)
    kind = trial.suggest_int if isinstance(distribution.low, int) else trial.suggest_float
    return kind(path, distribution.low, distribution.high, log=distribution.log)
