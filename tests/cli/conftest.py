"""A causal and a masked model of a few thousand random weights, saved as any user's model is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import CONTEXT
from standins import END, MASK, PAD, tokenizer
from tiny import byte_tokenizer, llama
from transformers import ModernBertConfig, ModernBertForMaskedLM


def save_model(folder: Path, spoil: Callable[[Any], object] = lambda model: None) -> Path:
    """The folder, with model and tokenizer in it; ``spoil`` may change the weights before they are saved."""
    tokenizer = byte_tokenizer()
    model = llama(len(tokenizer), context=CONTEXT)
    with torch.no_grad():
        spoil(model)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def broken_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a weight that is not a number."""
    return save_model(tmp_path_factory.mktemp("broken"), lambda model: model.lm_head.weight[7].fill_(torch.nan))


@pytest.fixture(scope="session")
def masked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A masked model of at most 64 slots, with a few more logits than its tokenizer knows tokens."""
    folder = tmp_path_factory.mktemp("masked")
    tokens = tokenizer(END, PAD, MASK, bos_token=END, eos_token=END, pad_token=PAD, mask_token=MASK)
    torch.manual_seed(1)
    config = ModernBertConfig(
        vocab_size=264,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.3,
        pad_token_id=257,
        bos_token_id=256,
        eos_token_id=256,
        cls_token_id=256,
        sep_token_id=256,
    )
    ModernBertForMaskedLM(config).save_pretrained(folder)
    tokens.save_pretrained(folder)
    return folder
