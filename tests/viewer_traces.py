"""Traces to view: made of known distributions and of a canvas whose every state is known."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sortilege.trace import SCHEMA

Record = dict[str, Any]

WORDS = [" the", " old", " house", " by", " sea", ",", ".", " night", "ing", "\n", " door", " was", '"', " I", " saw"]
LISTED = 6


def token_trace(
    count: int = 120, *, seed: int = 0, texts: Sequence[str] = WORDS, requests: int = 1, report: bool = True
) -> list[Record]:
    """A trace of tokens, its header first. Each distribution is cut at a tenth of its largest probability."""
    rng = np.random.default_rng(seed)
    about = [request("It was", seed + r) for r in range(requests)]
    records = [
        token_record(r, i, rng, texts, [float(rng.normal(2, 0.3)) for _ in range(3)] if report else None)
        for r in range(requests)
        for i in range(count)
    ]
    return [head("tokens", about, sampler="min-p(0.1), temperature(1.5)"), *records]


def token_record(
    request: int, position: int, rng: np.random.Generator, texts: Sequence[str], report: Sequence[float] | None
) -> Record:
    logits = rng.normal(size=len(texts)) * 2
    raw = logits - np.log(np.sum(np.exp(logits)))
    kept = np.exp(raw) >= 0.1 * np.exp(raw).max()
    cut = np.where(kept, raw / 1.5, -np.inf)
    processed = cut - np.log(np.sum(np.exp(cut)))
    token = int(rng.choice(len(texts), p=np.exp(processed)))
    order = sorted(range(len(texts)), key=lambda i: -raw[i])
    said: Record = {}
    if report is not None:
        names = ("target_entropy", "temperature", "perturbation")
        inlier = bool(rng.random() < 0.7)
        said = {**dict(zip(names, report, strict=True)), "inlier": inlier, "fit_ok": True}

    def number(x: float) -> float | None:
        return float(x) if np.isfinite(x) else None

    def entropy(log_prob: Any) -> float:
        held = log_prob[np.isfinite(log_prob)]
        return float(-np.sum(np.exp(held) * held))

    return {
        "request": request,
        "position": position,
        "token": token,
        "text": texts[token],
        "raw_log_prob": number(raw[token]),
        "processed_log_prob": number(processed[token]),
        "rank": order.index(token) + 1,
        "raw_entropy": entropy(raw),
        "processed_entropy": entropy(processed),
        "kept": int(kept.sum()),
        "kept_mass": float(np.exp(raw)[kept].sum()),
        "branch": None if report is None else "inlier" if said["inlier"] else "outlier",
        "report": said,
        "candidates": [
            {
                "token": i,
                "text": texts[i],
                "raw_log_prob": number(raw[i]),
                "processed_log_prob": number(processed[i]),
                "kept": bool(kept[i]),
            }
            for i in order[:LISTED]
        ],
        "seconds": 0.01,
        "sampler_seconds": 0.001,
    }


def step_trace(*, seed: int = 0, slots: int = 30, given: int = 3, end: int = 26, requests: int = 1) -> list[Record]:
    """A trace of steps: slots are revealed, some masked again, some edited, and the canvas is cut short at last."""
    mask = 99
    canvas = [*range(given), *[mask] * (slots - given)]
    texts = [None if token == mask else WORDS[token] for token in canvas]
    about = [
        {**request("", seed + r), "canvas": canvas, "canvas_text": texts, "mask_id": mask} for r in range(requests)
    ]
    settings = {"policy": "ancestral", "properties": [{"property": "calm", "lower": 0.2, "upper": None}]}
    records = [record for r in range(requests) for record in _steps(r, random.Random(seed + r), canvas, mask, end)]
    return [head("steps", about, sampler=None, settings=settings), *records]


def _steps(request: int, rng: random.Random, canvas: list[int], mask: int, end: int) -> list[Record]:
    canvas = [*canvas]
    given = [slot for slot, token in enumerate(canvas) if token != mask]
    records: list[Record] = []
    step = 0
    while mask in canvas:
        last = len(records) >= 14
        masked = [slot for slot, token in enumerate(canvas) if token == mask]
        open_slots = [slot for slot in range(len(canvas)) if slot not in given and slot not in masked]
        chosen = masked if last else sorted(rng.sample(masked, min(len(masked), 3)))
        edited = [] if last or len(open_slots) < 4 else rng.sample(open_slots, 1)
        again = (
            [] if last or len(open_slots) < 6 else [slot for slot in rng.sample(open_slots, 1) if slot not in edited]
        )
        record: Record = {
            "request": request,
            "step": step,
            "time": max(0.0, 1 - step / 40),
            "revealed": [],
            "edited": [],
            "masked": again,
            "substituted": [],
            "values_before": {},
            "values": {"calm": rng.random()} if len(records) % 3 == 0 else {},
        }
        record["distances"] = {name: max(0.0, 0.2 - value) for name, value in record["values"].items()}
        for slot in edited:
            token = rng.choice([one for one in range(len(WORDS)) if one != canvas[slot]])
            one = {"slot": slot, "before": canvas[slot], "before_text": WORDS[canvas[slot]]}
            record["edited"].append({**one, "token": token, "text": WORDS[token]})
            canvas[slot] = token
        for slot in chosen:
            token = rng.randrange(len(WORDS))
            if record["values"] and rng.random() < 0.5:
                before = rng.choice([one for one in range(len(WORDS)) if one != token])
                one = {"slot": slot, "before": before, "before_text": WORDS[before]}
                record["substituted"].append({**one, "token": token, "text": WORDS[token]})
                record["values_before"] = {"calm": rng.random()}
            measured = {"log_prob": -rng.expovariate(0.5), "entropy": rng.uniform(0, 3)}
            record["revealed"].append({"slot": slot, "token": token, "text": WORDS[token], **measured})
            canvas[slot] = token
        for slot in again:
            canvas[slot] = mask
        if last:
            canvas = canvas[:end]
        record |= {"length": len(canvas), "masks_left": canvas.count(mask), "seconds": 0.05}
        records.append(record)
        step += rng.choice([1, 1, 2])
    return records


def request(prompt: str, seed: int) -> Record:
    return {"prompt": prompt, "prompt_tokens": [3, 4], "text": prompt, "seed": seed}


def head(kind: str, requests: Sequence[Record], *, sampler: str | None, **more: Any) -> Record:
    return {
        "schema": SCHEMA,
        "kind": kind,
        "driver": "tests",
        "sampler": sampler,
        "model": "known",
        "requests": list(requests),
        "versions": {"python": "3"},
        **more,
    }


def write(path: Path, lines: Sequence[Record]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path
