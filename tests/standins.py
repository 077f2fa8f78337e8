"""Small random models with the interface of a family of masked models, saved as such checkpoints are published.

The code of LLaDA, Dream and MDLM comes with their checkpoints and was written for transformers 4; the code here is our
own and keeps what a loader can trip over: which arguments forward takes, what it returns, how it reads a mask, tables
that no weights file holds, and what transformers 5 expects of a model and these do not have.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

END, PAD, MASK = "<|endoftext|>", "<|pad|>", "<|mask|>"


def tokenizer(*special: str, around: bool = False, **roles: str) -> PreTrainedTokenizerFast:
    """One token a byte; ids from 256 on are ``special``. around: put [CLS] and [SEP] around a text."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    fast = Tokenizer(models.BPE(vocab={symbol: i for i, symbol in enumerate(alphabet)}, merges=[]))
    fast.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    fast.decoder = decoders.ByteLevel()
    fast.add_special_tokens(list(special))
    if around:
        ends = [(token, fast.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
        fast.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=fast, **roles)


SHARED = """
import math

import torch
from torch import nn
from torch.nn import functional as F
from transformers import PretrainedConfig, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast, MaskedLMOutput
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS


class Rotary(nn.Module):
    def __init__(self, config):
        super().__init__()
        table, _ = ROPE_INIT_FUNCTIONS["default"](config, None)
        self.register_buffer("inv_freq", table, persistent=False)

    def forward(self, x, positions):
        angles = positions[:, None, :, None].float() * self.inv_freq
        cos, sin = angles.cos(), angles.sin()
        left, right = x.chunk(2, dim=-1)
        return torch.cat([left * cos - right * sin, right * cos + left * sin], dim=-1).to(x.dtype)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        width = config.hidden_size
        self.heads = config.num_attention_heads
        self.norm, self.qkv, self.out = nn.LayerNorm(width), nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)
        self.rotary = Rotary(config)

    def forward(self, x, positions, mask):
        batch, length, width = x.shape
        q, k, v = self.qkv(self.norm(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        q, k = self.rotary(q, positions), self.rotary(k, positions)
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=False)
        x = x + self.out(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.silu(self.up(x)))


class Trunk(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed = nn.Embedding(config.vocab_size, config.hidden_size)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.num_hidden_layers)])
        self.head = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, ids, positions=None, mask=None, shift=0.0):
        if positions is None:
            positions = torch.arange(ids.shape[1], device=ids.device).expand(ids.shape)
        x = self.embed(ids) + shift
        for block in self.blocks:
            x = block(x, positions, mask)
        return self.head(x)


class Configuration(PretrainedConfig):
    model_type = "FAMILY"

    def __init__(self, vocab_size=300, hidden_size=32, num_attention_heads=2, num_hidden_layers=2, rope_theta=10000.0,
                 **kwargs):
        self.vocab_size, self.hidden_size, self.num_attention_heads = vocab_size, hidden_size, num_attention_heads
        self.num_hidden_layers, self.rope_theta = num_hidden_layers, rope_theta
        super().__init__(**kwargs)
"""

LLADA = """

class Model(PreTrainedModel):
    config_class = Configuration
    base_model_prefix = "model"

    def __init__(self, config):
        super().__init__(config)
        self.model = Trunk(config)

    def forward(self, input_ids=None, inputs_embeds=None, attention_mask=None, attention_bias=None,
                past_key_values=None, use_cache=None):
        assert past_key_values is None and not use_cache
        mask = None
        if self.config.heeds_mask and attention_mask is not None and 0.0 in attention_mask:
            mask = (1.0 - attention_mask.float())[:, None, None, :] * torch.finfo(torch.float32).min
        return CausalLMOutputWithPast(logits=self.model(input_ids, mask=mask))

    def tie_weights(self):
        pass
"""

DREAM = """

class Model(PreTrainedModel):
    config_class = Configuration
    base_model_prefix = "model"
    _tied_weights_keys = ["model.head.weight"]

    def __init__(self, config):
        super().__init__(config)
        self.model = Trunk(config)
        self.post_init()

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            module.weight.data.normal_(mean=0.0, std=0.02)

    @classmethod
    def from_pretrained(cls, *args, **kwargs):
        raise AssertionError("written for transformers 4")

    def forward(self, input_ids=None, attention_mask=None, position_ids=None, past_key_values=None, use_cache=None,
                num_logits_to_keep=0, **kwargs):
        assert isinstance(attention_mask, torch.Tensor) and attention_mask.dtype == torch.bool or (
            isinstance(attention_mask, str) and attention_mask == "full"
        )
        mask = attention_mask if isinstance(attention_mask, torch.Tensor) else None
        return MaskedLMOutput(logits=self.model(input_ids, position_ids, mask))
"""

MDLM = """

class Model(PreTrainedModel):
    config_class = Configuration
    base_model_prefix = "mdlm"

    def __init__(self, config):
        super().__init__(config)
        self.backbone = Trunk(config)

    def forward(self, input_ids=None, timesteps=None, output_hidden_states=None, return_dict=None):
        assert timesteps.dtype == torch.float32 and timesteps.shape == input_ids.shape[:1]
        if not self.config.time_conditioning:
            timesteps = torch.zeros_like(timesteps)
        logits = self.backbone(input_ids, shift=torch.sin(timesteps)[:, None, None])
        return MaskedLMOutput(logits=logits) if return_dict else logits
"""

PREFIX = {"llada": "model.", "Dream": "model.", "mdlm": "backbone."}
CODE = {"llada": LLADA, "Dream": DREAM, "mdlm": MDLM}
AUTO = {"llada": "AutoModel", "Dream": "AutoModel", "mdlm": "AutoModelForMaskedLM"}


def publish(folder: Path, family: str, tokens: PreTrainedTokenizerFast | None, **config: object) -> Path:
    """Write a checkpoint of a family to ``folder``: code, configuration, random weights, and the tokenizer if any."""
    folder.mkdir(parents=True)
    (folder / "modeling.py").write_text(_code(family))
    parts = {"AutoConfig": "modeling.Configuration", AUTO[family]: "modeling.Model"}
    stated = {"model_type": family, "architectures": ["Model"], "auto_map": parts, "vocab_size": 300} | config
    (folder / "config.json").write_text(json.dumps(stated))
    torch.manual_seed(0)
    save_file(
        {PREFIX[family] + key: value for key, value in _trunk(folder, family).state_dict().items()},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    if tokens is not None:
        tokens.save_pretrained(folder)
    return folder


def network(folder: Path, family: str) -> torch.nn.Module:
    """The network of a checkpoint without what the family puts around it: ids, positions, mask, shift -> logits."""
    trunk = _trunk(folder, family)
    weights = load_file(folder / "model.safetensors")
    trunk.load_state_dict({key.removeprefix(PREFIX[family]): value for key, value in weights.items()})
    return trunk.eval().requires_grad_(False)


def _code(family: str) -> str:
    return SHARED.replace("FAMILY", family) + CODE[family]


def _trunk(folder: Path, family: str) -> torch.nn.Module:
    names: dict = {"__name__": "standin"}
    exec(_code(family), names)
    names["ROPE_INIT_FUNCTIONS"] = {"default": lambda config, device: (10000.0 ** (-torch.arange(0, 16, 2) / 16), 1.0)}
    config = json.loads((folder / "config.json").read_text())
    return names["Trunk"](names["Configuration"](vocab_size=config["vocab_size"]))
