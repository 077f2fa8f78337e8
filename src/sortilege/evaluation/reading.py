"""The file of a comparison, read."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sortilege.evaluation.comparison import SCHEMA, Cell, Chosen, Comparison, Trial


def read_comparison(path: str | os.PathLike[str]) -> Comparison:
    """Read the file that ``compare`` writes; of one that is still being written, what is there.

    Raises ValueError, naming the file and the line, for anything else.
    """
    try:
        *lines, rest = Path(path).read_text(encoding="utf-8").split("\n")
    except OSError as error:
        raise ValueError(f"the comparison {str(path)!r} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"the comparison {str(path)!r} is not UTF-8 text: byte {error.start}") from error
    records: list[dict[str, Any]] = []
    # The last line may be in the making; a file of a single such line is none of ours.
    for number, line in enumerate(lines or [rest] * bool(rest), 1):
        try:
            record: Any = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or record.get("schema") != SCHEMA:
            raise ValueError(f"the comparison {str(path)!r}, line {number}: no record of {SCHEMA}")
        records.append(record)
    if not records:
        raise ValueError(f"the comparison {str(path)!r} is empty")
    if records[0].get("kind") != "plan" or not {"plan", "methods"} <= records[0].keys():
        raise ValueError(f"the comparison {str(path)!r}, line 1: does not begin with a plan")
    try:
        return of_records(records)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the comparison {str(path)!r} is damaged: a record of it lacks {error}") from error


def of_records(records: Sequence[Mapping[str, Any]]) -> Comparison:
    """The comparison that the lines of a file make, the first of them its header."""
    by_kind: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        by_kind.setdefault(record["kind"], []).append(record)
    return Comparison(
        header=records[0],
        references={record["of"]: _cell(record, record["what"], 0) for record in by_kind.get("reference", [])},
        trials=[
            Trial(r["method"], r["number"], r["setting"], _numbers(r["metrics"]), r["state"], r["seconds"] or math.nan)
            for r in by_kind.get("trial", [])
        ],
        chosen=[
            Chosen(r["method"], r["level"], r["variant"], r["setting"], r["trial"], r["reached"])
            for r in by_kind.get("chosen", [])
        ],
        cells=[_cell(record, record["setting"], record["run"]) for record in by_kind.get("cell", [])],
    )


def _cell(record: Mapping[str, Any], setting: str, run: int) -> Cell:
    return Cell(
        setting=setting,
        run=run,
        prompts=np.asarray(record["prompts"], dtype=int),
        values={name: np.asarray([_number(v) for v in values]) for name, values in record["values"].items()},
        whole=_numbers(record["whole"]),
        reasons=record["reasons"],
        texts=record.get("texts", ()),
        tokens=record.get("tokens", ()),
    )


def _numbers(given: Mapping[str, Any]) -> dict[str, float]:
    return {name: _number(value) for name, value in given.items()}


def _number(value: Any) -> float:
    """A number that was written as JSON, where there is no NaN."""
    return math.nan if value is None else float(value)
