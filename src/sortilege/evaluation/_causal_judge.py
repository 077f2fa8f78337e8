"""A causal language model as judge."""

from collections.abc import Sequence

import numpy as np

from sortilege._extras import require
from sortilege.evaluation.judge import Judge, JudgeError, Judgement
from sortilege.models import Model
from sortilege.models.forward import Forward, evaluating
from sortilege.properties._batches import batches

_LOGITS = 2**26  # how many logits are held at once, a quarter of a GiB
_HIDDEN = 2**14  # how many tokens are read at once where no logits are asked for


class CausalJudge(Judge):
    """The log-likelihood of a text's tokens, each given all that precedes it.

    Prompt and text are tokenized apart, so that the text's first character is where its tokens begin.
    """

    kind = "log-likelihood"

    def __init__(self, model: Model) -> None:
        self.model, self.name = model, model.name

    def score(self, prompts: Sequence[str], texts: Sequence[str]) -> list[Judgement]:
        torch = require("torch", "transformers")
        heads, tails = [self._read(prompt) for prompt in prompts], self._tails(texts)
        for number, (head, tail) in enumerate(zip(heads, tails, strict=True)):
            # The last token is predicted, not read.
            self._fits(number, len(head) + max(len(tail) - 1, 0), self.model.context)
        found = [0.0] * len(texts)
        todo = [number for number, tail in enumerate(tails) if tail]
        lengths = [len(heads[number]) + len(tails[number]) - 1 for number in todo]
        for batch in batches(lengths, max(1, _LOGITS // self.model.vocabulary)):
            rows = [todo[index] for index in batch]
            logits = Forward(self.model, [(heads[n] + tails[n])[:-1] for n in rows]).every_logits()
            for row, n in zip(logits, rows, strict=True):
                ends = row[len(row) - len(tails[n]) :]
                ids = torch.tensor(tails[n], device=ends.device)[:, None]
                found[n] = float((ends.gather(-1, ids)[:, 0] - ends.logsumexp(-1)).double().sum())
        return [Judgement(value, len(tail), len(text)) for value, tail, text in zip(found, tails, texts, strict=True)]

    def features(self, texts: Sequence[str]) -> np.ndarray:
        """The last layer's hidden state of the last token (Pillutla et al. 2021)."""
        torch = require("torch", "transformers")
        read = [ids if (ids := self._tokens(n, text, self.model.encode(text))) else self._read("")
                for n, text in enumerate(texts)]  # fmt: skip
        for number, ids in enumerate(read):
            self._fits(number, len(ids), self.model.context)
        found: list[np.ndarray] = [np.empty(0)] * len(texts)
        for batch in batches([len(ids) for ids in read], _HIDDEN):
            longest = max(len(read[index]) for index in batch)
            # On the right, where a causal model does not look.
            padded = [read[index] + [0] * (longest - len(read[index])) for index in batch]
            inputs = torch.tensor(padded, device=self.model.device)
            with evaluating(self.model.model):
                hidden = self.model.model.base_model(input_ids=inputs, use_cache=False).last_hidden_state
            for row, index in enumerate(batch):
                found[index] = hidden[row, len(read[index]) - 1].float().cpu().numpy()
        return np.stack(found)

    def _read(self, prompt: str) -> list[int]:
        found = self.model.encode(prompt) if prompt else []
        if not found and self.model.start_token_id is not None:
            found = [self.model.start_token_id]
        if not found:
            raise JudgeError(f"the judge {self.name!r} has no start token: a prompt must not be empty")
        return found

    def _tails(self, texts: Sequence[str]) -> list[list[int]]:
        return [
            self._tokens(number, text, list(self.model.tokenizer(text, add_special_tokens=False)["input_ids"]))
            for number, text in enumerate(texts)
        ]
