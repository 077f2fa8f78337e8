"""How each family of masked models is asked for its predictions. What a checkpoint states of itself comes first; this
table has what it does not state.

    family                  found by model_type  loaded as             logits for slot i  time             attention
    BERT, RoBERTa, ...      any other            AutoModelForMaskedLM  at i               none             2d
    MDLM                    mdlm                 AutoModelForMaskedLM  at i               sigma, if asked  none
    LLaDA, its MoE, iLLaDA  llada                AutoModel             at i               none             none
    Dream                   Dream                AutoModel             at i - 1           none             full
    adapted causal models   (to be said)         by the user           to be said         none             4d

BERT-like tokenizers put tokens around a text; they are put around a canvas too. MDLM's mask is the last id of its
vocabulary, and its checkpoints have no tokenizer: it is GPT-2's. MDLM takes no attention mask, and LLaDA's code took
one and ignored it in many revisions (``attention="2d"`` is right for those that heed it): canvases of equal length are
run together. Where a mask is taken, padding is on the right: every slot then has the position it has without padding,
however the model counts. Left padding, as in the models' own scripts, would differ in nothing that is attended to.
"""

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from sortilege._checks import one_of, whole
from sortilege._extras import require

Attention = Literal["2d", "4d", "full", "none"]


@dataclass(frozen=True)
class Interface:
    """How a network is fed and read.

    mask_id: the absorbing state. pad_id: what fills a canvas. end_ids: tokens that end a text. forbidden: ids that are
        never predicted.
    shift: whether the logits at slot i are of the token at i + 1, as in models made from causal ones.
    time: what the network is told of the noise.
    attention: how padding is hidden from it: a mask of keys (B, L); an additive mask (B, 1, L, L), which also makes a
        causal transformer see both ways; the word "full", or a boolean mask (B, 1, L, L) where there is padding; or
        not at all, so that only canvases of equal length are run together.
    prefix_ids, suffix_ids: what stands around a canvas.
    max_length: the longest canvas, without prefix and suffix; None where there is no limit.
    """

    mask_id: int
    pad_id: int
    end_ids: tuple[int, ...] = ()
    forbidden: tuple[int, ...] = ()
    shift: bool = False
    time: Literal["none", "t", "sigma"] = "none"
    attention: Attention = "2d"
    prefix_ids: tuple[int, ...] = ()
    suffix_ids: tuple[int, ...] = ()
    max_length: int | None = None


@dataclass(frozen=True)
class Family:
    """What a family's checkpoints do not state.

    attention: None if the forward function tells. ends: the tokens that end a text besides the end-of-text token.
    tokenizer: where to find the tokenizer of a checkpoint that has none.
    """

    auto: str = "AutoModelForMaskedLM"
    shift: bool = False
    attention: Attention | None = None
    ends: tuple[str, ...] = ()
    last_is_mask: bool = False
    tokenizer: str | None = None


PLAIN = Family()
FAMILIES = {
    "mdlm": Family(attention="none", last_is_mask=True, tokenizer="gpt2"),
    "llada": Family("AutoModel", attention="none", ends=("<|eot_id|>", "<|role_end|>")),
    "Dream": Family("AutoModel", shift=True, attention="full", ends=("<|im_end|>",)),
}
"""The families that need telling, by ``config.model_type``."""

REFUSED = {
    "diffusion_gemma": "its noise is uniform: it has no mask token that unmasking could start from",
    "udlm": "its noise is uniform: it does not start from masks",
    "llada2_moe": "it attends to blocks causally, and needs a mask of blocks that is not built here",
}
"""Why models of a ``config.model_type`` cannot be used."""

MASKS = ("<|mdm_mask|>", "<|mask|>", "[MDM_MASK]", "<mask>", "[MASK]")
"""What mask tokens are called in vocabularies that do not say which token is the mask."""
TIMES = ("timesteps", "timestep", "sigma", "t")
"""What forward functions call the time."""
LIMITS = ("model_length", "max_sequence_length", "max_position_embeddings")
"""What configurations call the longest sequence."""


def check_masked(name: str, config: Any, classes: Iterable[str], *, own: bool = False, adapted: bool = False) -> None:
    """Raise ValueError, saying what the model is, unless it predicts masked tokens.

    classes: those that the checkpoint was saved from, or the model's own. own: take it on trust, for its code is not
    that of transformers. adapted: take a causal model as well.
    """
    auto = require("transformers.models.auto.modeling_auto", "transformers")
    masked, causal = auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES, set(auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.values())
    heads, classes = set(masked.values()) | (causal if adapted else set()), set(classes)
    reason = REFUSED.get(config.model_type)
    if reason is None and getattr(config, "is_encoder_decoder", False):
        reason = "it reads a text and writes another"
    if reason is None:
        if own or heads & classes or (not classes and config.model_type in masked):
            return
        reason = "it predicts the next token" if causal & classes else "it has no head for them"
    what = ", ".join(sorted(classes)) or f"of type {config.model_type}"
    raise ValueError(f"model must predict the masked tokens of a text, got {name!r}, which is {what}: {reason}")


def find_mask(name: str, config: Any, tokenizer: Any) -> int:
    """The id of the mask: what configuration or tokenizer state, a token with a mask's name, or the family's.

    Raises ValueError where there is none.
    """
    for stated in (getattr(config, "mask_token_id", None), tokenizer.mask_token_id):
        if stated is not None:
            return stated
    if FAMILIES.get(config.model_type, PLAIN).last_is_mask:
        return _vocabulary(config) - 1
    known = tokenizer.get_vocab()
    for written in MASKS:
        if written in known:
            return known[written]
    raise ValueError(
        f"model must have a mask token, got {name!r}, which has none: with uniform noise there is nothing to unmask; "
        "if it has one that neither its configuration nor its tokenizer names, pass mask_id"
    )


def interface(name: str, model: Any, tokenizer: Any, overrides: dict[str, Any]) -> Interface:
    """Read a model's interface off its configuration, its tokenizer and its forward function.

    overrides: fields of ``Interface`` to be taken as given; None leaves a field to be read.

    Raises ValueError for an override of no field or out of range, for a model without a mask token, and for one that
    takes a time and does not state what it does with it: ``time`` must then be given.
    """
    for given in overrides:
        one_of("what is overridden", given, [field.name for field in fields(Interface)])
    stated = {field: value for field, value in overrides.items() if value is not None}
    config, size = model.config, _vocabulary(model.config)
    family = FAMILIES.get(config.model_type, PLAIN)
    takes = inspect.signature(model.forward).parameters.keys()
    known: dict[str, int] = tokenizer.get_vocab()

    mask_id = stated["mask_id"] if "mask_id" in stated else find_mask(name, config, tokenizer)
    ends = stated.get("end_ids", {tokenizer.eos_token_id, *(known.get(end) for end in family.ends)})
    end_ids = tuple(sorted(end for end in ends if end is not None))
    pads = (stated.get("pad_id"), tokenizer.pad_token_id, *end_ids, mask_id)
    pad_id = next(pad for pad in pads if pad is not None)
    for field, value in (("mask_id", mask_id), ("pad_id", pad_id), *(("end_ids", end) for end in end_ids)):
        whole(field, value, 0, size - 1)
    special = {pad_id, *tokenizer.all_special_ids} - {*end_ids}
    unknown = {*range(size)} - {*known.values()}
    prefix, suffix = _around(tokenizer)
    read: dict[str, Any] = {
        "shift": family.shift,
        "time": _time(config, takes, stated),
        "attention": family.attention or ("2d" if "attention_mask" in takes else "none"),
        "prefix_ids": prefix,
        "suffix_ids": suffix,
        "forbidden": tuple(sorted({mask_id} | unknown | (special & {*range(size)}))),
        **stated,
        **{"mask_id": mask_id, "pad_id": pad_id, "end_ids": end_ids},
    }
    one_of("attention", read["attention"], get_args(Attention))
    if read["attention"] != "none" and "attention_mask" not in takes:
        raise ValueError(f"attention must be 'none', for {name!r} takes no attention mask, got {read['attention']!r}")
    limit = _limit(model)
    if limit is not None:
        read.setdefault("max_length", limit - len(read["prefix_ids"]) - len(read["suffix_ids"]))
    if read.get("max_length") is not None:
        whole("max_length", read["max_length"], 1)
    return Interface(**read)


def time_argument(takes: Iterable[str]) -> str | None:
    """What a forward function with these arguments calls the time; None where it takes none."""
    return next((argument for argument in TIMES if argument in takes), None)


def _time(config: Any, takes: Iterable[str], stated: dict[str, Any]) -> str:
    argument = time_argument(takes)
    if "time" in stated:
        one_of("time", stated["time"], ("none", "t", "sigma"))
        if stated["time"] != "none" and argument is None:
            raise ValueError(f"time must be 'none', for the model takes no time, got {stated['time']!r}")
        return stated["time"]
    if argument is None:
        return "none"
    if hasattr(config, "time_conditioning"):
        return "sigma" if config.time_conditioning else "none"
    raise ValueError(
        f"time must be one of 'none', 't', 'sigma' for a model whose forward takes {argument!r}, got nothing"
    )


def _vocabulary(config: Any) -> int:
    return config.get_text_config().vocab_size


def _around(tokenizer: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids that the tokenizer puts before and after a text by default."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    full = tokenizer("a")["input_ids"]
    start = next((i for i in range(len(full)) if full[i : i + len(bare)] == bare), 0)
    return tuple(full[:start]), tuple(full[start + len(bare) :])


def _limit(model: Any) -> int | None:
    """The longest sequence a model was made for, with all that stands around it."""
    stated = (getattr(model.config, limit, None) for limit in LIMITS)
    limit = next((value for value in stated if value is not None and value > 0), None)
    for name, module in model.named_modules():
        # RoBERTa and its kin count positions from behind the padding id.
        if (
            limit is not None
            and name.endswith("position_embeddings")
            and getattr(module, "padding_idx", None) is not None
        ):
            limit -= module.padding_idx + 1
    return limit
