"""A masked language model as judge."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from sortilege._extras import require
from sortilege.diffusion.denoiser import Denoiser
from sortilege.evaluation.judge import Judge, JudgeError, Judgement
from sortilege.numerics._arrays import host
from sortilege.numerics.information import log_softmax
from sortilege.properties._batches import batches

_LOGITS = 2**25  # how many logits are held at once
_HIDDEN = 2**14  # how many tokens are read at once where no logits are asked for


class MaskedJudge(Judge):
    """The pseudo-log-likelihood of a text: of each token, given all others but those masked with it.

    A text of n tokens is read ``passes`` times; pass j masks its tokens j, j + passes, j + 2 passes, ..., and counts
    log p of each. With ``passes`` None, or n or more of them, one token is masked at a time, as in the source; with
    fewer, tokens are also judged without some that are near, and have more nats. Neither is a likelihood of the text:
    compare numbers of one judge with one number of passes, and with nothing else.

    Source: Salazar, Liang, Nguyen and Kirchhoff (2020), "Masked language model scoring", arXiv:1910.14659.
    """

    def __init__(self, denoiser: Denoiser, passes: int | None = 8) -> None:
        self.denoiser, self.name, self.passes = denoiser, denoiser.name, passes
        self.kind = f"pseudo-log-likelihood in {passes or 'as many'} passes{'' if passes else ' as tokens'}"

    def score(self, prompts: Sequence[str], texts: Sequence[str]) -> list[Judgement]:
        canvases = self._canvases(prompts, texts)
        jobs: list[tuple[int, np.ndarray]] = []
        for number, (head, ids) in enumerate(canvases):
            counted = np.arange(len(ids) - head) + head
            step = max(1, min(len(counted), self.passes or len(counted)))
            jobs += [(number, counted[start::step]) for start in range(step if len(counted) else 0)]
        found = [0.0] * len(texts)
        budget = max(1, _LOGITS // self.denoiser.vocabulary)
        for batch in batches([len(canvases[number][1]) for number, _ in jobs], budget):
            rows = [(canvases[jobs[index][0]][1], jobs[index][1]) for index in batch]
            tokens, valid = self._padded([ids for ids, _ in rows])
            for row, (_, masked) in enumerate(rows):
                tokens[row, masked] = self.denoiser.mask_id
            shares = np.asarray([len(masked) / len(ids) for ids, masked in rows])
            logits = self.denoiser.predict(tokens, valid, self._time(shares))
            for row, (index, (ids, masked)) in enumerate(zip(batch, rows, strict=True)):
                # A slot is never predicted to be masked still.
                chosen = host(logits[row])[masked].astype(np.float64)
                chosen[:, self.denoiser.mask_id] = -math.inf
                found[jobs[index][0]] += float(np.sum(log_softmax(chosen)[np.arange(len(masked)), ids[masked]]))
        lengths = [len(ids) - head for head, ids in canvases]
        return [Judgement(value, n, len(text)) for value, n, text in zip(found, lengths, texts, strict=True)]

    def features(self, texts: Sequence[str]) -> np.ndarray:
        """The mean over tokens of the last layer's hidden states."""
        base = getattr(getattr(self.denoiser, "model", None), "base_model", None)
        if base is None:
            raise JudgeError(f"the judge {self.name!r} shows no hidden states: it is no model of transformers")
        read = [ids for _, ids in self._canvases([""] * len(texts), texts)]
        if not all(len(ids) for ids in read):
            raise JudgeError(f"the judge {self.name!r} makes no tokens of an empty text")
        start = len(self.denoiser.interface.prefix_ids)  # pyright: ignore[reportAttributeAccessIssue]
        found: list[np.ndarray] = [np.empty(0)] * len(texts)
        # Of equal lengths, for some models cannot be told of padding.
        lengths = [len(ids) for ids in read]
        for length in sorted(set(lengths)):
            same = [number for number, one in enumerate(lengths) if one == length]
            for batch in (
                same[i : i + max(1, _HIDDEN // length)] for i in range(0, len(same), max(1, _HIDDEN // length))
            ):
                hidden = self._hidden(base, *self._padded([read[number] for number in batch]))
                means = hidden[:, start : start + length].float().mean(1).cpu().numpy()
                for number, vector in zip(batch, means, strict=True):
                    found[number] = vector
        return np.stack(found)

    def _hidden(self, base: Any, tokens: np.ndarray, valid: np.ndarray) -> Any:
        """What the model hands to its head, (B, L, D)."""
        torch = require("torch", "transformers")
        seen: list[Any] = []

        def keep(module: Any, inputs: Any, output: Any) -> None:
            seen.append(output)

        handle = base.register_forward_hook(keep)
        try:
            self.denoiser.predict(tokens, valid, self._time(np.zeros(len(tokens))))
        finally:
            handle.remove()
        output = seen[-1]
        hidden = output if isinstance(output, torch.Tensor) else getattr(output, "last_hidden_state", None)
        if hidden is None:
            raise JudgeError(f"the judge {self.name!r} shows no hidden states")
        return hidden

    def _canvases(self, prompts: Sequence[str], texts: Sequence[str]) -> list[tuple[int, np.ndarray]]:
        """Of each text the length of its prompt and all tokens."""
        found: list[tuple[int, np.ndarray]] = []
        for number, (prompt, text) in enumerate(zip(prompts, texts, strict=True)):
            head = self.denoiser.encode(prompt) if prompt else []
            tail = self._tokens(number, text, self.denoiser.encode(text))
            if self.denoiser.mask_id in tail:
                raise JudgeError(f"the judge {self.name!r} reads a mask in text {number}")
            self._fits(number, len(head) + len(tail), self.denoiser.max_length)
            found.append((len(head), np.asarray([*head, *tail], dtype=np.int64)))
        return found

    def _padded(self, rows: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        longest = max(map(len, rows))
        tokens = np.full((len(rows), longest), self.denoiser.pad_id, dtype=np.int64)
        for row, ids in enumerate(rows):
            tokens[row, : len(ids)] = ids
        return tokens, np.arange(longest) < np.asarray([len(ids) for ids in rows])[:, None]

    def _time(self, masked: np.ndarray) -> np.ndarray:
        """What the network is told: the share of masked slots is t."""
        if self.denoiser.time == "t":
            return masked
        return -np.log1p(-np.minimum(masked, 1 - 1e-6)) if self.denoiser.time == "sigma" else np.zeros_like(masked)
