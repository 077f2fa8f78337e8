"""A causal model of a few thousand random weights, saved as any user's model is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import CONTEXT


def save_tokenizer(folder: Path) -> int:
    """A byte-level BPE tokenizer with a few merges; its size."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=300, special_tokens=["<|end|>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(["the house by the sea and the old man of the house"] * 4, trainer)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>").save_pretrained(folder)
    return tokenizer.get_vocab_size()


def save_model(folder: Path, spoil: Callable[[Any], None] = lambda model: None) -> Path:
    """A random Llama with its tokenizer; ``spoil`` may change its weights before they are saved."""
    from transformers import LlamaConfig, LlamaForCausalLM

    size = save_tokenizer(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=CONTEXT,
        initializer_range=0.4,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        spoil(model)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="session")
def broken_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a weight that is not a number."""
    return save_model(tmp_path_factory.mktemp("broken"), lambda model: model.lm_head.weight[7].fill_(torch.nan))
