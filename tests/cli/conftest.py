"""A causal model of a few thousand random weights, saved as any user's model is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from commands import CONTEXT
from tiny import byte_tokenizer, llama


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
