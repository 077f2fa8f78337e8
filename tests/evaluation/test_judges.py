"""Judges against the losses of transformers and against masking one token at a time."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from standins import MASK
from standins import tokenizer as byte_tokens
from tiny import byte_model, byte_tokenizer, llama
from transformers import BertConfig, BertForMaskedLM, BertModel

from sortilege.diffusion import Denoiser
from sortilege.diffusion.transformers import wrap
from sortilege.evaluation.judge import JudgeError, load_judge
from sortilege.models import Model

PROMPTS = ["It was", "the sea, the sea", "Hey"]
TEXTS = [" a dark night", " rose", "!"]


@pytest.fixture(scope="module")
def denoiser() -> Denoiser:
    """BERT with a token before and after a text."""
    torch.manual_seed(3)
    tokens = byte_tokens(
        "[CLS]", "[SEP]", "[PAD]", MASK, around=True,
        cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", mask_token=MASK,
    )  # fmt: skip
    config = BertConfig(
        vocab_size=len(tokens), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=48,
        max_position_embeddings=64, initializer_range=0.5, pad_token_id=tokens.pad_token_id,
    )  # fmt: skip
    return wrap(BertForMaskedLM(config).eval(), tokens)


def loss_of(model: Any, head: list[int], tail: list[int]) -> float:
    """The mean surprisal of ``tail`` by transformers' own loss."""
    ids = torch.tensor([head + tail])
    labels = torch.tensor([[-100] * len(head) + tail])
    with torch.no_grad():
        return float(model(input_ids=ids, labels=labels).loss)


def test_a_causal_judge_is_the_loss_of_transformers() -> None:
    model = byte_model()
    found = load_judge(model).score(PROMPTS, TEXTS)
    for prompt, text, one in zip(PROMPTS, TEXTS, found, strict=True):
        head, tail = model.encode(prompt), model.encode(text)
        assert one.tokens == len(tail)
        assert one.characters == len(text)
        assert one.nll == pytest.approx(loss_of(model.model, head, tail), rel=1e-5)
        assert one.nll_per_character == pytest.approx(one.nll * len(tail) / len(text))


def test_without_a_prompt_the_start_token_is_read() -> None:
    model = byte_model()
    (found,) = load_judge(model).score([""], ["abc"])
    assert found.nll == pytest.approx(loss_of(model.model, [model.start_token_id or 0], model.encode("abc")), rel=1e-5)


def test_features_of_a_causal_judge_are_the_last_hidden_state_of_the_last_token() -> None:
    model = byte_model()
    found = load_judge(model).features(TEXTS)
    for text, vector in zip(TEXTS, found, strict=True):
        with torch.no_grad():
            states = model.model(input_ids=torch.tensor([model.encode(text)]), output_hidden_states=True).hidden_states
        assert vector == pytest.approx(states[-1][0, -1].numpy(), abs=1e-5)


def one_at_a_time(denoiser: Any, prompt: str, text: str) -> float:
    """The pseudo-log-likelihood, by BERT itself, each token masked alone."""
    head, tail = denoiser.encode(prompt), denoiser.encode(text)
    cls, sep, mask = denoiser.tokenizer.cls_token_id, denoiser.tokenizer.sep_token_id, denoiser.mask_id
    total = 0.0
    for i, token in enumerate(tail):
        ids = [cls, *head, *tail[:i], mask, *tail[i + 1 :], sep]
        with torch.no_grad():
            logits = denoiser.model(input_ids=torch.tensor([ids])).logits[0, 1 + len(head) + i].double()
        logits[mask] = -math.inf
        total += float(torch.log_softmax(logits, -1)[token])
    return total


@pytest.mark.parametrize("passes", [None, 100])
def test_a_masked_judge_masks_one_token_at_a_time(denoiser: Denoiser, passes: int | None) -> None:
    found = load_judge(denoiser, passes=passes).score(PROMPTS, TEXTS)
    for prompt, text, one in zip(PROMPTS, TEXTS, found, strict=True):
        assert one.log_prob == pytest.approx(one_at_a_time(denoiser, prompt, text), rel=1e-4)
        assert one.tokens == len(text)


def test_a_masked_judge_in_fewer_passes(denoiser: Any) -> None:
    """Two passes: tokens 0, 2, 4, ... are masked together, then the others."""
    prompt, text = PROMPTS[0], TEXTS[0]
    head, tail = denoiser.encode(prompt), denoiser.encode(text)
    cls, sep, mask = denoiser.tokenizer.cls_token_id, denoiser.tokenizer.sep_token_id, denoiser.mask_id
    wanted = 0.0
    for start in (0, 1):
        seen = [mask if i % 2 == start else token for i, token in enumerate(tail)]
        with torch.no_grad():
            logits = denoiser.model(input_ids=torch.tensor([[cls, *head, *seen, sep]])).logits[0, 1 + len(head) :]
        logits[:, mask] = -math.inf
        log_prob = torch.log_softmax(logits.double(), -1)
        wanted += sum(float(log_prob[i, tail[i]]) for i in range(start, len(tail), 2))
    (found,) = load_judge(denoiser, passes=2).score([prompt], [text])
    assert found.log_prob == pytest.approx(wanted, rel=1e-5)


def test_features_of_a_masked_judge_are_the_mean_over_its_tokens(denoiser: Any) -> None:
    found = load_judge(denoiser).features(TEXTS)
    bert: BertModel = denoiser.model.bert
    for text, vector in zip(TEXTS, found, strict=True):
        ids = torch.tensor([denoiser.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            wanted = bert(input_ids=ids).last_hidden_state[0, 1:-1].mean(0)
        assert vector == pytest.approx(wanted.numpy(), abs=1e-5)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_a_text_is_judged_alone(denoiser: Denoiser, kind: str) -> None:
    judge = load_judge(byte_model() if kind == "causal" else denoiser)
    together = judge.score(PROMPTS, TEXTS)
    apart = [judge.score([prompt], [text])[0] for prompt, text in zip(PROMPTS, TEXTS, strict=True)]
    assert [one.log_prob for one in together] == pytest.approx([one.log_prob for one in apart], rel=1e-4)


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_texts_that_cannot_be_judged(denoiser: Denoiser, kind: str) -> None:
    judge = load_judge(byte_model() if kind == "causal" else denoiser)
    blank = judge.score(["It was", "It was"], ["", "  "])
    assert all(math.isnan(one.nll) and math.isnan(one.nll_per_character) for one in blank)
    with pytest.raises(JudgeError, match=r"text 1 with its prompt must be at most 6\d tokens .* got 8\d"):
        judge.score(["a", "b" * 40], ["c", "d" * 43])


def test_a_tokenizer_that_makes_nothing_of_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = load_judge(byte_model())
    monkeypatch.setattr(judge, "model", Model(judge.model.model, Silent(), "deaf"))  # pyright: ignore
    with pytest.raises(JudgeError, match="makes no tokens of text 0: 'abc'"):
        judge.score(["x"], ["abc"])


class Silent:
    bos_token_id = eos_token_id = 0

    def __call__(self, text: str, **_: Any) -> dict[str, list[int]]:
        return {"input_ids": []}


def test_a_name_is_loaded_as_what_it_is(saved: Callable[[Any, Any], Path], denoiser: Any) -> None:
    tokenizer = byte_tokenizer()
    causal = load_judge(str(saved(llama(len(tokenizer)), tokenizer)))
    assert causal.kind == "log-likelihood"
    masked = load_judge(str(saved(denoiser.model, denoiser.tokenizer)), passes=3)
    assert masked.kind == "pseudo-log-likelihood in 3 passes"
    assert load_judge(masked) is masked
    assert masked.score(PROMPTS, TEXTS) == load_judge(denoiser, passes=3).score(PROMPTS, TEXTS)


def test_what_is_no_judge(saved: Callable[[Any, Any], Path], denoiser: Any) -> None:
    with pytest.raises(JudgeError, match=r"causal or a masked .*no/such/model"):
        load_judge("no/such/model")
    headless = str(saved(denoiser.model.bert, denoiser.tokenizer))
    with pytest.raises(JudgeError, match=r"as a causal one: .* as a masked one: .*no head"):
        load_judge(headless)
    with pytest.raises(ValueError, match="passes must be an integer >= 1, got 0"):
        load_judge(denoiser, passes=0)
    with pytest.raises(ValueError, match="model must be"):
        load_judge(3)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Any, Any], Path]:
    def save(model: Any, tokenizer: Any) -> Path:
        folder = tmp_path / f"{type(model).__name__}"
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return save


def test_a_denoiser_that_is_no_model_of_transformers_has_no_features() -> None:
    class Bare(Denoiser):
        name, vocabulary, mask_id, pad_id = "bare", 4, 3, 2

        def encode(self, text: str) -> list[int]:
            return [0] * len(text)

        def predict(self, tokens: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Any:
            return np.zeros((*tokens.shape, 4))

    judge = load_judge(Bare())
    assert judge.score(["a"], ["bcd"])[0].nll == pytest.approx(math.log(3))
    with pytest.raises(JudgeError, match="'bare' shows no hidden states"):
        judge.features(["a"])
