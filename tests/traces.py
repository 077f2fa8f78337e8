"""What a trace is held to: the JSON Schema that is shipped, by another implementation of JSON Schema."""

import json
from collections.abc import Iterable
from typing import Any
from unittest.mock import ANY

import pytest
from jsonschema import Draft202012Validator

from sortilege.trace import schema

TIMES = ("seconds", "sampler_seconds")


def validator(name: str) -> Draft202012Validator:
    """Of "token_header", "step_header", "token" or "step"."""
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": schema()["$defs"]})


def hold(records: Iterable[Any], name: str) -> None:
    """Assert that the records are of the schema, as JSON has them."""
    one = validator(name)
    for record in records:
        one.validate(json.loads(json.dumps(record, allow_nan=False)))


def like(record: Any, tolerance: float = 1e-4) -> Any:
    """What is equal to a record of the same names and values, numbers to within the tolerance, whatever it took."""
    if isinstance(record, dict):
        return {name: ANY if name in TIMES else like(value, tolerance) for name, value in record.items()}
    if isinstance(record, list | tuple):
        return [like(value, tolerance) for value in record]
    return pytest.approx(record, abs=tolerance, rel=tolerance) if isinstance(record, float) else record


class Replay:
    """A canvas that is led through the records of its trace: token ids, and the text of each (None for a mask)."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.mask, self.canvas, self.pieces = request["mask_id"], [*request["canvas"]], [*request["canvas_text"]]

    def take(self, record: dict[str, Any]) -> None:
        shown = {one["slot"]: one["token"] for one in record["revealed"]}
        for one in record["substituted"]:
            assert self.canvas[one["slot"]] == self.mask
            assert one["before"] != one["token"] == shown.get(one["slot"], one["token"])
        for one in record["edited"]:
            assert (self.canvas[one["slot"]], self.pieces[one["slot"]]) == (one["before"], one["before_text"])
        for one in [*record["edited"], *record["revealed"]]:
            self.canvas[one["slot"]], self.pieces[one["slot"]] = one["token"], one["text"]
        for slot in record["masked"]:
            self.canvas[slot], self.pieces[slot] = self.mask, None
        del self.canvas[record["length"] :], self.pieces[record["length"] :]
