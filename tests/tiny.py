"""A random causal model of a few thousand weights with a byte-level tokenizer, and a sampler with a state."""

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from sortilege.models import Model
from sortilege.numerics._arrays import Array, array_namespace, one_hot
from sortilege.numerics.random import Key
from sortilege.samplers._base import Sampler

END, PAD = "<|end|>", "<|pad|>"


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token a byte, without merges: characters and stop strings always span tokens."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={symbol: i for i, symbol in enumerate(alphabet)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([END, PAD])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=END, eos_token=END, pad_token=PAD, padding_side="left"
    )


def llama(vocabulary: int, *, seed: int = 0, spread: float = 0.3, context: int = 64) -> LlamaForCausalLM:
    """``spread``: the deviation of the weights; the larger, the surer the model is of what it says."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=context,
        initializer_range=spread,
        bos_token_id=vocabulary - 2,
        eos_token_id=vocabulary - 2,
        pad_token_id=vocabulary - 1,
    )
    return LlamaForCausalLM(config).eval()


@cache
def byte_model() -> Model:
    tokenizer = byte_tokenizer()
    return Model(llama(len(tokenizer)), tokenizer, "random")


class Uses(NamedTuple):
    counts: Array  # (B, V), how often each token was emitted or read
    heaviest: Array  # (B,), the largest weight taken off by the last adjust


@dataclass(frozen=True)
class Fatigue(Sampler):
    """Tires tokens with use: logits - weight * uses."""

    weight: float = 1.0

    def init(self, logits: Array) -> Uses:
        xp = array_namespace(logits)
        return Uses(xp.zeros_like(logits), xp.zeros_like(logits[:, 0]))

    def read(self, tokens: Array, valid: Array, state: Uses) -> Uses:
        xp = array_namespace(tokens)
        counts = state.counts
        for column in range(tokens.shape[1]):
            hit = one_hot(tokens[:, column], counts.shape[1]) & valid[:, column, None]
            counts = counts + xp.astype(hit, counts.dtype)
        return state._replace(counts=counts)

    def adjust(self, logits: Array, state: Uses, key: Key) -> tuple[Array, Uses]:
        xp = array_namespace(logits)
        return logits - self.weight * state.counts, state._replace(heaviest=self.weight * xp.max(state.counts, axis=-1))

    def observe(self, tokens: Array, state: Uses) -> Uses:
        xp = array_namespace(tokens)
        hit = one_hot(tokens, state.counts.shape[1])
        return state._replace(counts=state.counts + xp.astype(hit, state.counts.dtype))

    def report(self, state: Uses) -> dict[str, Array]:
        return {"heaviest": state.heaviest}


@dataclass(frozen=True)
class Greedy(Sampler):
    """Leaves the most probable token only."""

    def adjust(self, logits: Array, state: tuple[()], key: Key) -> tuple[Array, tuple[()]]:
        xp = array_namespace(logits)
        best = one_hot(xp.argmax(logits, axis=-1), logits.shape[-1])
        return xp.where(best, logits, xp.full_like(logits, -xp.inf)), state


@dataclass(frozen=True)
class Plain(Sampler):
    """Leaves everything as it is."""

    def adjust(self, logits: Array, state: tuple[()], key: Key) -> tuple[Array, tuple[()]]:
        return logits, state
