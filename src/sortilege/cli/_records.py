"""What is said of each text that was denoised: a JSON object a line.

A record is an object with

    schema              "sortilege-denoised/1"
    index               the number of the text, counted from 0 over the prompts and their samples
    sample              its number among the samples of its prompt
    seed                its seed
    prompt              the prompt, as text or as the token ids that were given; "" for none
    source              where it comes from: an object with ``file`` and ``line`` (null for a whole file), or null
    settings            an object with every setting; see below
    versions            the versions of Python and of the libraries that made it

and, if a text was made,

    prompt_tokens       the token ids at the front of the canvas that were given
    text                what follows them, without special tokens
    tokens, fixed       the whole canvas, and whether each of its tokens was given
    finish_reason       "end" (an end token) or "length"
    steps               how many steps were taken
    denoiser_calls      for how many of its canvases the network was run in the reverse process
    seconds             the time its steps took, shared out among the texts of a batch
    values              the value of every property, by name; null for what is not a finite number
    distances           how far outside its bounds each bounded property is, in its unit; null for infinitely far
    satisfied           whether all bounds hold
    scorer_calls        texts measured for the search, each property counted
    search_denoiser_calls   canvases that the search had predicted besides
    sweeps, moves       passes over neighbours, and substitutions accepted
    history             the steps that changed the canvas (``sortilege.diffusion.StepRecord``), if they were asked for

of which those from ``values`` to ``moves`` belong to a search and are absent without one. Where a prompt could not be
used there is, in place of all that,

    error               what is wrong with it

A later record of the same index, made once the prompt could be used, takes its place. ``settings`` has the options of
the command by name with the base seed, ``properties`` (a list of objects with ``property``, ``lower``, ``upper`` and
``tolerance``) and ``search`` (every setting of ``sortilege.search.Search``; null without a search).

Readers ignore names they do not know; a change of meaning changes the number in ``schema``.
"""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

from sortilege._journal import Record as Record
from sortilege._journal import first_difference, shortened
from sortilege.cli._prompts import Given
from sortilege.diffusion._requests import Denoised

SCHEMA = "sortilege-denoised/1"
FREE = ("num_samples", "device", "batch_size", "trust_remote_code", "history")
"""Settings that may change from run to run of one file: they do not say what its texts are."""


@dataclass(frozen=True)
class Task:
    """A text to be made."""

    index: int
    sample: int
    seed: int
    given: Given

    def record(self, settings: Record, versions: dict[str, str], made: Record) -> Record:
        """Its record: what is known before, and what was made of it."""
        source = None if self.given.file is None else {"file": self.given.file, "line": self.given.line}
        return {
            "schema": SCHEMA,
            "index": self.index,
            "sample": self.sample,
            "seed": self.seed,
            "prompt": self.given.prompt,
            "source": source,
            **made,
            "settings": settings,
            "versions": versions,
        }


def made_of(text: Denoised, history: bool) -> Record:
    """What a record says of a text that was made."""
    made: Record = {
        "prompt_tokens": text.prompt_tokens,
        "text": text.text,
        "tokens": text.tokens,
        "fixed": text.fixed,
        "finish_reason": text.finish_reason,
        "steps": text.steps,
        "denoiser_calls": text.denoiser_calls,
        "seconds": text.seconds,
    }
    if text.search is not None:
        report = dataclasses.asdict(text.search)
        made |= {("search_denoiser_calls" if name == "denoiser_calls" else name): report[name] for name in report}
    if history:
        made["history"] = [dataclasses.asdict(step) for step in text.history]
    return made


def check_same(there: Sequence[Record], settings: Record, tasks: Sequence[Task]) -> None:
    """Raise ValueError, naming the first difference, unless the records are of these settings and among these tasks."""
    asked = {task.index: task for task in tasks}
    for record in there:
        old = record["settings"]
        for name in [*settings, *(name for name in old if name not in settings)]:
            if name not in FREE and old.get(name) != json.loads(json.dumps(settings.get(name))):
                one, other = first_difference(old.get(name), json.loads(json.dumps(settings.get(name))))
                raise ValueError(f"it was made with another {name}: {one} there, {other} here")
        if "error" in record:
            continue
        task = asked.get(record["index"])
        if task is None or task.sample != record["sample"] or task.given.prompt != record["prompt"]:
            raise ValueError(
                f"it was made with other prompts: {shortened(record['prompt'])} with seed {record['seed']}"
            )
