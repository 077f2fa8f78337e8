"""Classifiers and encoders of a few thousand random weights, saved where properties can load them by name."""

from pathlib import Path

import pytest
import torch
from tiny import byte_tokenizer
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForSequenceClassification,
)

CONTEXT = 40  # tokens, bytes here
LABELS = {0: "calm", 1: "stormy", 2: "1"}
SIZE = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "initializer_range": 0.5,
}


def saved(folder: Path, model: PreTrainedModel, context: int | None = CONTEXT, *, pad: bool = True) -> str:
    tokenizer = byte_tokenizer()
    tokenizer.padding_side = "right"
    if context is not None:
        tokenizer.model_max_length = context
    if not pad:
        tokenizer.pad_token = None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def bert_config(**given: object) -> BertConfig:
    tokenizer = byte_tokenizer()
    return BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=CONTEXT, pad_token_id=tokenizer.pad_token_id, **SIZE, **given
    )


@pytest.fixture(scope="session")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three labels that exclude each other."""
    torch.manual_seed(1)
    config = bert_config(id2label=LABELS, label2id={name: i for i, name in LABELS.items()})
    return saved(tmp_path_factory.mktemp("classifier"), BertForSequenceClassification(config))


@pytest.fixture(scope="session")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Three labels that do not; positions that start at two, and a tokenizer that states no limit."""
    torch.manual_seed(2)
    tokenizer = byte_tokenizer()
    config = RobertaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=CONTEXT + 2,
        pad_token_id=1,  # its positions start after it, whatever the tokenizer's is
        type_vocab_size=1,
        problem_type="multi_label_classification",
        id2label=LABELS,
        label2id={name: i for i, name in LABELS.items()},
        **SIZE,
    )
    return saved(tmp_path_factory.mktemp("tagger"), RobertaForSequenceClassification(config), context=None)


@pytest.fixture(scope="session")
def unpadded(tmp_path_factory: pytest.TempPathFactory) -> str:
    """One label, and neither model nor tokenizer knows padding."""
    torch.manual_seed(3)
    config = LlamaConfig(vocab_size=len(byte_tokenizer()), num_labels=1, max_position_embeddings=CONTEXT, **SIZE)
    return saved(tmp_path_factory.mktemp("unpadded"), LlamaForSequenceClassification(config), pad=False)


@pytest.fixture(scope="session")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A masked language model, without the layer that pools."""
    torch.manual_seed(4)
    return saved(tmp_path_factory.mktemp("embedder"), BertForMaskedLM(bert_config()))
