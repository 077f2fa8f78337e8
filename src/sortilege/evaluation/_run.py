"""Running a comparison: reference, tuning, cells; each finished piece is a line of a file, and never made twice."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sortilege._journal import Journal, Record, line_of
from sortilege.evaluation.ablations import FULL, ablations_of
from sortilege.evaluation.comparison import SCHEMA
from sortilege.evaluation.judge import Judge
from sortilege.evaluation.measures import Measured, Measurer
from sortilege.evaluation.plan import Plan, digest
from sortilege.evaluation.prompts import Prompt, references
from sortilege.evaluation.sampling import Sample, sample, scored
from sortilege.models import Model
from sortilege.samplers import Temperature
from sortilege.samplers.spec import format_sampler, parse_sampler
from sortilege.tuning.space import Space

_ABLATIONS = 4
"""The most variants that a setting has besides itself."""
UNMODIFIED = "unmodified model"
GIVEN = "references"


@dataclass(frozen=True)
class Progress:
    """What is being done, and how many of the trials and runs of a comparison are done.

    total: of all of them; until the settings are chosen, the most there can be.
    """

    what: str
    done: int
    total: int


class Run:
    """A comparison in the making. Every method goes on from what the file has."""

    def __init__(
        self,
        plan: Plan,
        spaces: Mapping[str, Space],
        path: Path,
        journal: Journal,
        model: Model,
        judge: Judge | None,
        report: Callable[[Progress], None],
    ) -> None:
        self.plan, self.spaces, self.path, self.journal = plan, spaces, path, journal
        self.model, self.judge, self.report = model, judge, report
        self.ends = () if plan.full_length else None
        self.trials = plan.budget * sum(bool(space.dimensions) for space in spaces.values())

    def append(self, record: Record) -> None:
        """Write a line and remember it as a reader would see it."""
        record = {"schema": SCHEMA, **record}
        self.journal.append(record)
        self.journal.records.append(json.loads(line_of(record)))

    def there(self, kind: str) -> list[Record]:
        return [record for record in self.journal.records if record["kind"] == kind]

    def everything(self) -> None:
        """What is left: the reference, tuning, the choice of settings, their runs."""
        for record in self.references():
            self.append(record)
        for label, space in self.spaces.items():
            if space.dimensions and not any(record["method"] == label for record in self.there("tuned")):
                self._tune(label, space)
        for suffix in ("", "-journal"):
            Path(f"{self.path}.study.db{suffix}").unlink(missing_ok=True)
        self._choose()
        self._runs()

    # --- the reference

    def _drawn(self, prompts: Sequence[Prompt], name: str) -> tuple[str, list[Sample]]:
        """What methods are held against: the prompts' references, or samples of the model as it is."""
        given = references(prompts)
        if given is not None:
            return GIVEN, scored(self.model, prompts, given, max_new_tokens=self.plan.max_new_tokens)
        first = self.plan.first_seed(0) if name == "prompts" else self.plan.seed
        return UNMODIFIED, self._sample(prompts, Temperature(1.0), first, self.plan.num_samples)

    def _sample(self, prompts: Sequence[Prompt], sampler: Any, seed: int, num_samples: int) -> list[Sample]:
        return sample(
            self.model,
            prompts,
            sampler,
            max_new_tokens=self.plan.max_new_tokens,
            seed=seed,
            num_samples=num_samples,
            batch_size=self.plan.batch_size,
            end_token_ids=self.ends,
        )

    def references(self) -> list[Record]:
        """The records of the references that the file lacks."""
        there = {record["of"] for record in self.there("reference")}
        sets = {"prompts": self.plan.prompts, "tune_prompts": self.plan.tune_prompts or ()}
        return [self._reference(name, prompts) for name, prompts in sets.items() if prompts and name not in there]

    def _reference(self, name: str, prompts: Sequence[Prompt]) -> Record:
        self.report(Progress("reference", 0, self._total()))
        what, samples = self._drawn(prompts, name)
        measured = Measurer(self.judge, self.contexts(prompts), None)(samples)
        reasons = {} if what == UNMODIFIED else {"mauve": "it is what MAUVE compares with"}
        return {"kind": "reference", "of": name, "what": what, **self._lines(samples, measured), "reasons": reasons}

    def contexts(self, prompts: Sequence[Prompt]) -> list[str]:
        """The prompts as text."""

        def text(one: Prompt) -> str:
            if isinstance(one.given, str):
                return one.given
            return self.model.tokenizer.decode(
                list(one.given), skip_special_tokens=True, clean_up_tokenization_spaces=False
            )

        return [text(one) for one in prompts]

    def _lines(self, samples: Sequence[Sample], measured: Measured) -> Record:
        """What a record says of texts."""
        said: Record = {
            "prompts": [one.prompt for one in samples],
            "values": {name: _rounded(values) for name, values in measured.values.items()},
            "whole": measured.run,
            "reasons": measured.reasons,
            "finish_reasons": [one.finish_reason for one in samples],
        }
        if self.plan.keep_texts:
            said["texts"] = [one.text for one in samples]
            said["tokens"] = [one.tokens.tolist() for one in samples]
        return said

    # --- tuning

    def _tune(self, label: str, space: Space) -> None:
        from sortilege.tuning.study import tune

        prompts = self.plan.tune_prompts or ()
        what, reference = self._drawn(prompts, "tune_prompts")
        before = self.plan.budget * len(self.there("tuned"))
        counted = iter(range(1, self.plan.budget + 1))

        def tell(_: Any) -> None:
            self.report(Progress(f"tuning {label}", before + next(counted, self.plan.budget), self._total()))

        self.report(Progress(f"tuning {label}", before, self._total()))
        tuned = tune(
            self.model,
            prompts,
            space,
            objective="quality-diversity",
            reference=reference,
            trials=self.plan.budget,
            seed=self.plan.seed,
            max_new_tokens=self.plan.max_new_tokens,
            # As much text as the reference has: the share of distinct n-grams falls with it.
            num_samples=1 if what == GIVEN else self.plan.num_samples,
            batch_size=self.plan.batch_size,
            pruner=None,
            storage=f"{self.path}.study.db",
            study=f"{digest(self.plan.as_json())} {label}",
            end_token_ids=self.ends,
            on_trial=tell,
        )
        known = {record["number"] for record in self.there("trial") if record["method"] == label}
        # Counted anew: a trial that was lost and run again has another number in its storage.
        for number, trial in enumerate(tuned.trials):
            if number not in known:
                self.append(
                    {
                        "kind": "trial",
                        "method": label,
                        "number": number,
                        "setting": None if trial.sampler is None else format_sampler(trial.sampler),
                        "values": dict(trial.values),
                        "metrics": {name: float(value) for name, value in trial.metrics.items()},
                        "state": trial.state,
                        "reason": trial.reason,
                        "seconds": trial.seconds,
                    }
                )
        self.append({"kind": "tuned", "method": label, "trials": len(tuned.trials), "distinct_3": _distinct(reference)})

    # --- choosing

    def _choose(self) -> None:
        known = {(record["method"], record["level"], record["variant"]) for record in self.there("chosen")}
        for record in self._chosen():
            if (record["method"], record["level"], record["variant"]) not in known:
                self.append({"kind": "chosen", **record})

    def _chosen(self) -> Iterator[Record]:
        for label, space in self.spaces.items():
            if not space.dimensions:
                setting = format_sampler(space.base)
                yield from self._variants(label, None, setting, None, True, None)
                continue
            wanted = next(record["distinct_3"] for record in self.there("tuned") if record["method"] == label)
            trials = [r for r in self.there("trial") if r["method"] == label and r["state"] == "complete"]
            if not trials:
                raise ValueError(f"method {label!r}: none of its {self.plan.budget} trials could be run")
            for level in self.plan.levels:
                varied = [trial for trial in trials if trial["metrics"]["distinct_3"] >= level * wanted]
                if varied:
                    best = min(varied, key=lambda trial: trial["metrics"]["nll"])
                else:
                    best = max(trials, key=lambda trial: trial["metrics"]["distinct_3"])
                target = best["metrics"].get("target_entropy")
                yield from self._variants(label, level, best["setting"], best["number"], bool(varied), target)

    def _variants(
        self, label: str, level: float | None, setting: str, trial: int | None, reached: bool, target: float | None
    ) -> Iterator[Record]:
        said = {"method": label, "level": level, "trial": trial, "reached": reached}
        yield {**said, "variant": "", "setting": setting}
        if label in self.plan.ablate:
            for name, sampler in ablations_of(parse_sampler(setting), target=target).items():
                if name != FULL:
                    yield {**said, "variant": name, "setting": format_sampler(sampler)}

    # --- running

    def _settings(self) -> list[str]:
        return list(dict.fromkeys(record["setting"] for record in self.there("chosen")))

    def _total(self) -> int:
        most = sum(
            (len(self.plan.levels) if space.dimensions else 1) * (1 + _ABLATIONS * (label in self.plan.ablate))
            for label, space in self.spaces.items()
        )
        return self.trials + (len(self._settings()) or most) * self.plan.seeds

    def _runs(self) -> None:
        """Run by run over all settings, so that what else the machine does meets all of them alike."""
        settings = self._settings()
        done = {(record["setting"], record["run"]) for record in self.there("cell")}
        todo = [
            (setting, run)
            for run in range(self.plan.seeds)
            for setting in [*settings[run % len(settings) :], *settings[: run % len(settings)]]
            if (setting, run) not in done
        ]
        if not todo:
            return
        self._sample(self.plan.prompts[:1], Temperature(1.0), 0, 1)  # what comes first pays for what is loaded on use
        prompts = self.plan.prompts
        contexts, given = self.contexts(prompts), references(prompts)
        written = None
        if given is not None:
            written = [one.text for one in scored(self.model, prompts, given, max_new_tokens=self.plan.max_new_tokens)]
        measurer = Measurer(self.judge, contexts, written)
        for setting, run in todo:
            self.report(Progress(setting, self.trials + len(self.there("cell")), self._total()))
            seed = self.plan.first_seed(run)
            samples = self._sample(prompts, parse_sampler(setting), seed, self.plan.num_samples)
            said = self._lines(samples, measurer(samples))
            self.append({"kind": "cell", "setting": setting, "run": run, "seed": seed, **said})
        self.report(Progress("done", self.trials + len(self.there("cell")), self._total()))


def _distinct(samples: Sequence[Sample]) -> float:
    from sortilege.evaluation.metrics import distinct

    return float(np.mean(distinct(samples, 3)))


def _rounded(values: np.ndarray) -> list[float]:
    """Seven digits: what float32 holds."""
    return [float(f"{value:.7g}") for value in values]
