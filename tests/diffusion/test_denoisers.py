"""Every family of masked models against a direct call of its network, alone, without padding."""

import hashlib
import json
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from standins import END, MASK, PAD, network, publish, tokenizer
from tiny import llama
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ModernBertConfig,
    ModernBertForMaskedLM,
    RobertaConfig,
    RobertaForMaskedLM,
    T5Config,
    T5ForConditionalGeneration,
    dynamic_module_utils,
)

import sortilege.models._bundled as shipped
from sortilege.diffusion import families
from sortilege.diffusion.denoiser import as_denoiser
from sortilege.diffusion.transformers import load_denoiser, wrap
from sortilege.models import bundled

SMALL = {
    "vocab_size": 300,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
}
MDLM = {"model_length": 24, "time_conditioning": False}
BERT_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def is_masked(entry):
    return "MaskedLM" in (entry.folder / "config.json").read_text()


@pytest.fixture(autouse=True)
def _own_modules(tmp_path, monkeypatch):
    """Code that comes with a checkpoint is copied to a folder of this test."""
    monkeypatch.setattr(dynamic_module_utils, "HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.syspath_prepend(str(tmp_path / "modules"))


def bert_tokenizer(around=True):
    return tokenizer(
        *BERT_TOKENS,
        around=around,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def plain(name):
    """A randomly initialised masked model of transformers with its tokenizer, and its own limit in tokens."""
    torch.manual_seed(1)
    config = SMALL | {"max_position_embeddings": 20, "initializer_range": 0.3}
    match name:
        case "bert":
            return BertForMaskedLM(BertConfig(**config)).eval(), bert_tokenizer(), 20
        case "roberta":
            config["max_position_embeddings"] = 257 + 20  # its first position is the one behind the padding id
            model = RobertaForMaskedLM(RobertaConfig(**config, pad_token_id=256, bos_token_id=258, eos_token_id=259))
            return model.eval(), bert_tokenizer(), 20
        case "distilbert":
            kept = {"vocab_size": 300, "max_position_embeddings": 20, "initializer_range": 0.3}
            model = DistilBertForMaskedLM(DistilBertConfig(**kept, dim=32, n_layers=2, n_heads=2, hidden_dim=48))
            return model.eval(), bert_tokenizer(), 20
    config = ModernBertConfig(**config, pad_token_id=257, local_attention=4, global_attn_every_n_layers=2)
    tokens = tokenizer(END, PAD, MASK, bos_token=END, eos_token=END, pad_token=PAD, mask_token=MASK)
    return ModernBertForMaskedLM(config).eval(), tokens, 20


def llada_tokenizer():
    return tokenizer(END, "<|eot_id|>", "<|mdm_mask|>", eos_token=END, pad_token=END, padding_side="left")


def dream_tokenizer():
    roles = {"eos_token": END, "pad_token": END, "mask_token": MASK}
    return tokenizer(END, "<|im_start|>", "<|im_end|>", MASK, **roles, padding_side="left")


def gpt2_tokenizer():
    return tokenizer(END, bos_token=END, eos_token=END, unk_token=END)


def canvases(denoiser, lengths=(3, 7, 1, 7, 5), seed=0):
    """Canvases of several lengths with random text and masks, padded on the right, each with its time."""
    rng = np.random.default_rng(seed)
    shape = (len(lengths), max(lengths))
    tokens = np.where(rng.random(shape) < 0.5, denoiser.mask_id, rng.integers(0, 256, shape))
    valid = np.arange(shape[1]) < np.array(lengths)[:, None]
    return np.where(valid, tokens, denoiser.pad_id), valid, np.linspace(0.1, 3.0, len(lengths))


def alone(denoiser, call):
    """Hold the predictions for a padded batch to ``call(ids (1, L), time)``, the logits (1, L, V) of one canvas."""
    tokens, valid, time = canvases(denoiser)
    logits = denoiser.predict(tokens, valid, time)
    assert logits.shape == (*tokens.shape, denoiser.vocabulary)
    assert logits.dtype == torch.float32
    assert not logits.requires_grad
    for row, n in enumerate(valid.sum(1)):
        ids = torch.from_numpy(tokens[row : row + 1, :n])
        with torch.no_grad():
            expected = call(ids, torch.tensor(time[row : row + 1], dtype=torch.float32))
        torch.testing.assert_close(logits[row, :n], expected[0], atol=1e-5, rtol=1e-5)
        assert expected.std() > 0.05  # else anything would be close
    one = denoiser.predict(tokens[1:2], valid[1:2], time[1:2])
    torch.testing.assert_close(one[0], logits[1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["bert", "roberta", "distilbert"])
def test_bert_like_models_see_their_canvas_between_cls_and_sep(name):
    model, tokens, limit = plain(name)
    denoiser = wrap(model, tokens)
    cls, sep = torch.tensor([[258]]), torch.tensor([[259]])
    alone(denoiser, lambda ids, time: model(torch.cat([cls, ids, sep], dim=1)).logits[:, 1:-1])
    assert denoiser.max_length == limit - 2
    for length, runs in ((limit - 2, True), (limit - 1, False)):
        canvas = np.full((1, length), 50)
        with nullcontext() if runs else pytest.raises((IndexError, RuntimeError)):
            denoiser.predict(canvas, canvas > 0, np.zeros(1))
    assert (denoiser.mask_id, denoiser.pad_id, denoiser.end_ids, denoiser.time) == (260, 256, (), "none")
    assert denoiser.forbidden == (*range(256, 300),)


def test_nothing_is_put_around_a_canvas_where_the_tokenizer_puts_nothing_around_a_text():
    model, tokens, _ = plain("modernbert")
    denoiser = wrap(model, tokens)
    alone(denoiser, lambda ids, time: model(ids).logits)
    assert (denoiser.max_length, denoiser.mask_id, denoiser.pad_id, denoiser.end_ids) == (20, 258, 257, (256,))
    assert denoiser.forbidden == (257, 258, *range(259, 300))


@pytest.mark.parametrize("heeds", [False, True])
def test_llada(tmp_path, heeds):
    folder = publish(tmp_path / "llada", "llada", llada_tokenizer(), heeds_mask=heeds, max_sequence_length=4096)
    denoiser = load_denoiser(folder, trust_remote_code=True)
    direct = network(folder, "llada")
    alone(denoiser, lambda ids, time: direct(ids))
    assert (denoiser.mask_id, denoiser.end_ids, denoiser.max_length, denoiser.time) == (258, (256, 257), 4096, "none")
    assert denoiser.forbidden == (*range(258, 300),)  # padding ends a text, and may be predicted
    assert denoiser.encode("a<|mdm_mask|>b") == [*denoiser.encode("a"), 258, *denoiser.encode("b")]


def test_llada_that_heeds_its_mask_can_be_padded_and_agrees_with_its_own_left_padding(tmp_path):
    folder = publish(tmp_path / "llada", "llada", llada_tokenizer(), heeds_mask=True)
    denoiser = load_denoiser(folder, trust_remote_code=True, attention="2d")
    alone(denoiser, lambda ids, time: network(folder, "llada")(ids))
    tokens, valid, time = canvases(denoiser)
    logits = denoiser.predict(tokens, valid, time)
    lengths = valid.sum(1)
    left = np.stack([np.roll(row, len(row) - n) for row, n in zip(tokens, lengths, strict=True)])
    mask = np.arange(tokens.shape[1]) >= tokens.shape[1] - lengths[:, None]
    with torch.no_grad():
        theirs = denoiser.model(torch.from_numpy(left), attention_mask=torch.from_numpy(mask).long()).logits
    for row, n in enumerate(lengths):
        torch.testing.assert_close(logits[row, :n], theirs[row, -n:], atol=1e-5, rtol=1e-5)


def test_a_mask_that_is_not_heeded_is_what_equal_lengths_protect_from(tmp_path):
    folder = publish(tmp_path / "llada", "llada", llada_tokenizer(), heeds_mask=False)
    denoiser = load_denoiser(folder, trust_remote_code=True, attention="2d")
    with pytest.raises(AssertionError, match="not close"):
        alone(denoiser, lambda ids, time: network(folder, "llada")(ids))


def test_llada_states_its_mask_in_its_configuration_or_must_be_told(tmp_path):
    bare = tokenizer(END, eos_token=END)
    stated = publish(tmp_path / "stated", "llada", bare, heeds_mask=False, mask_token_id=5)
    assert load_denoiser(stated, trust_remote_code=True).mask_id == 5
    silent = publish(tmp_path / "silent", "llada", bare, heeds_mask=False)
    (silent / "model.safetensors").write_bytes(b"these are no weights")
    with pytest.raises(
        ValueError, match=r"model must have a mask token, got '.*silent', which has none.* pass mask_id"
    ):
        load_denoiser(silent, trust_remote_code=True)
    shutil.copy(stated / "model.safetensors", silent)
    assert load_denoiser(silent, trust_remote_code=True, mask_id=0).mask_id == 0


def test_dream_predicts_one_slot_to_the_left(tmp_path):
    folder = publish(tmp_path / "dream", "Dream", dream_tokenizer(), max_position_embeddings=64)
    denoiser = load_denoiser(folder, trust_remote_code=True)
    direct = network(folder, "Dream")

    def shifted(ids, time):
        logits = direct(ids)
        return torch.stack([logits[:, max(i - 1, 0)] for i in range(ids.shape[1])], dim=1)

    alone(denoiser, shifted)
    assert (denoiser.mask_id, denoiser.end_ids, denoiser.max_length) == (259, (256, 258), 64)
    assert denoiser.forbidden == (259, *range(260, 300))  # 40 logits more than the tokenizer has tokens
    with pytest.raises(ValueError, match=r"tokens must be ids of '.*dream''s tokenizer, got 260"):
        denoiser.decode([65, 260, 270])


def test_dream_agrees_with_its_own_left_padding(tmp_path):
    """The published script pads on the left, counts positions from the first token, and masks pairs of tokens."""
    folder = publish(tmp_path / "dream", "Dream", dream_tokenizer())
    denoiser = load_denoiser(folder, trust_remote_code=True)
    tokens, valid, time = canvases(denoiser)
    lengths = valid.sum(1)
    left = torch.from_numpy(np.stack([np.roll(row, len(row) - n) for row, n in zip(tokens, lengths, strict=True)]))
    mask = torch.arange(tokens.shape[1]) >= tokens.shape[1] - torch.from_numpy(lengths)[:, None]
    positions = (mask.long().cumsum(1) - 1).masked_fill(~mask, 1)
    with torch.no_grad():
        pairs = mask[:, None, None, :] & mask[:, None, :, None]
        theirs = denoiser.model(left, attention_mask=pairs, position_ids=positions).logits
    logits = denoiser.predict(tokens, valid, time)
    for row, n in enumerate(lengths):
        if n > 1:  # in the script, the first slot of a text takes its logits from the padding before it
            torch.testing.assert_close(logits[row, 1:n], theirs[row, -n:-1], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("conditioned", [False, True])
def test_mdlm(tmp_path, conditioned):
    folder = publish(
        tmp_path / "mdlm", "mdlm", gpt2_tokenizer(), vocab_size=258, **MDLM | {"time_conditioning": conditioned}
    )
    denoiser = load_denoiser(folder, trust_remote_code=True)
    direct = network(folder, "mdlm")
    # The network adds the sine of the time it is told to what it embeds.
    alone(denoiser, lambda ids, time: direct(ids, shift=torch.sin(time)[:, None, None] if conditioned else 0.0))
    assert denoiser.time == ("sigma" if conditioned else "none")
    assert (denoiser.mask_id, denoiser.pad_id, denoiser.end_ids, denoiser.max_length) == (257, 256, (256,), 24)
    assert denoiser.forbidden == (257,)
    assert denoiser.decode([257, *denoiser.encode("so"), 256]) == "so"


def test_mdlm_runs_once_for_each_length(tmp_path, monkeypatch):
    folder = publish(tmp_path / "mdlm", "mdlm", gpt2_tokenizer(), vocab_size=258, **MDLM)
    denoiser = load_denoiser(folder, trust_remote_code=True)
    seen = []
    forward = denoiser.model.backbone.forward
    monkeypatch.setattr(
        denoiser.model.backbone, "forward", lambda ids, **rest: seen.append(tuple(ids.shape)) or forward(ids, **rest)
    )
    denoiser.predict(*canvases(denoiser))
    assert sorted(seen) == [(1, 1), (1, 3), (1, 5), (2, 7)]


def test_a_family_without_a_tokenizer_has_that_of_another_model(tmp_path, monkeypatch):
    folder = publish(tmp_path / "mdlm", "mdlm", None, vocab_size=258, **MDLM)
    gpt2_tokenizer().save_pretrained(tmp_path / "gpt2")
    family = families.Family(attention="none", last_is_mask=True, tokenizer=str(tmp_path / "gpt2"))
    monkeypatch.setitem(families.FAMILIES, "mdlm", family)
    assert load_denoiser(folder, trust_remote_code=True).encode("a[MASK]b<|mask|>") == [64, 257, 65, 257]


def test_an_adapted_causal_model():
    """Shifted, with a mask that lets every token see every other: DiffuLLaMA."""
    model = llama(300)
    denoiser = wrap(model, dream_tokenizer(), shift=True, attention="4d")

    def both_ways(ids, time):
        logits = model(ids, attention_mask=torch.zeros(1, 1, ids.shape[1], ids.shape[1])).logits
        return torch.cat([logits[:, :1], logits[:, :-1]], dim=1)

    alone(denoiser, both_ways)
    tokens = np.array([[70, denoiser.mask_id, 72]])
    other = np.array([[70, denoiser.mask_id, 73]])
    valid, time = np.ones_like(tokens, dtype=bool), np.zeros(1)
    assert (denoiser.predict(tokens, valid, time) - denoiser.predict(other, valid, time))[0, 1].abs().max() > 1e-3


class Timed(torch.nn.Module):
    """A masked model of nobody's family that is told t, and returns a tuple."""

    def __init__(self):
        super().__init__()
        self.inner, self.tokens, _ = plain("modernbert")
        self.config, self.drop = self.inner.config, torch.nn.Dropout(0.5)

    def forward(self, input_ids, t):
        return self.drop(self.inner(input_ids).logits + t[:, None, None]), None


def test_a_model_of_no_family_is_used_as_it_is_told():
    model = Timed()
    with pytest.raises(ValueError, match=r"time must be one of 'none', 't', 'sigma' .* takes 't', got nothing"):
        wrap(model, model.tokens)
    denoiser = wrap(model, model.tokens, time="t", max_length=9)
    assert (denoiser.time, denoiser.max_length) == ("t", 9)
    model.eval()
    alone(denoiser, lambda ids, t: model(ids, t)[0])
    alone(wrap(model, model.tokens, time="none"), lambda ids, t: model(ids, torch.zeros_like(t))[0])


def test_dropout_is_off_and_training_goes_on():
    model = Timed().train()
    denoiser = wrap(model, model.tokens, time="none")
    batch = canvases(denoiser)
    torch.testing.assert_close(denoiser.predict(*batch), denoiser.predict(*batch))
    assert model.training
    assert model.drop.training


def test_half_precision_comes_out_as_single(tmp_path):
    folder = publish(tmp_path / "dream", "Dream", dream_tokenizer())
    denoiser = load_denoiser(folder, trust_remote_code=True, dtype="bfloat16")
    assert {p.dtype for p in denoiser.model.parameters()} == {torch.bfloat16}
    assert denoiser.model.model.blocks[0].rotary.inv_freq.dtype == torch.float32
    assert denoiser.predict(*canvases(denoiser)).dtype == torch.float32
    assert torch.get_default_dtype() == torch.float32


def test_text_goes_in_and_out():
    denoiser = wrap(*plain("bert")[:2])
    text = "“Well,” said he — no [x] , ½ 😀 ."
    assert denoiser.decode(denoiser.encode(text)) == text
    assert denoiser.encode("a[MASK]b") == [*denoiser.encode("a"), 260, *denoiser.encode("b")]
    assert denoiser.encode("") == []
    assert denoiser.decode([258, *denoiser.encode("x"), 260, 260, 259, 256]) == "x"
    assert denoiser.decode_all([denoiser.encode("one"), [], denoiser.encode("two")]) == ["one", "", "two"]
    for bad in (261, 300, -1):
        with pytest.raises(ValueError, match=f"got {bad}$"):
            denoiser.decode([65, bad])


def test_loading_by_name_and_by_pair(tmp_path):
    model, tokens, _ = plain("bert")
    model.save_pretrained(tmp_path / "bert")
    tokens.save_pretrained(tmp_path / "bert")
    loaded = as_denoiser(str(tmp_path / "bert"))
    assert loaded.name == str(tmp_path / "bert")
    pair = as_denoiser((model, tokens))
    assert pair.name == "BertForMaskedLM"
    assert as_denoiser(pair) is pair
    batch = canvases(pair)
    torch.testing.assert_close(loaded.predict(*batch), pair.predict(*batch))
    for nothing in (5, None, (model,), ("a", "b")):
        with pytest.raises(ValueError, match="model"):
            as_denoiser(nothing)


def test_bundled_models_are_verified(tmp_path, monkeypatch):
    model, tokens, _ = plain("modernbert")
    folder = tmp_path / "small"
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    entry = {"licence": "Apache-2.0", "origin": "Made by a test.", "files": files}
    (tmp_path / "bundled.json").write_text(json.dumps({"small": entry}))
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    denoiser = load_denoiser("small")
    assert denoiser.name == "small"
    batch = canvases(denoiser)
    torch.testing.assert_close(denoiser.predict(*batch), wrap(model, tokens).predict(*batch))
    (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-1])
    with pytest.raises(ValueError, match="the bundled model 'small' is damaged"):
        load_denoiser("small")


def test_overrides_are_checked():
    model, tokens, _ = plain("bert")
    for given, message in {
        ("colour", 1): "what is overridden must be one of 'mask_id', .* got 'colour'",
        ("mask_id", 300): r"mask_id must be an integer in \[0, 299\], got 300",
        ("mask_id", -1): r"mask_id must be an integer in \[0, 299\], got -1",
        ("pad_id", 300): r"pad_id must be an integer in \[0, 299\], got 300",
        ("end_ids", (7, 301)): r"end_ids must be an integer in \[0, 299\], got 301",
        ("attention", "causal"): "attention must be one of '2d', '4d', 'full', 'none', got 'causal'",
        ("time", "t"): "time must be 'none', for the model takes no time, got 't'",
        ("max_length", 0): "max_length must be an integer >= 1, got 0",
    }.items():
        with pytest.raises(ValueError, match=message):
            wrap(model, tokens, **dict([given]))
    with pytest.raises(ValueError, match="attention must be 'none', for 'Timed' takes no attention mask, got '2d'"):
        wrap(Timed(), tokens, time="none", attention="2d")


def save(folder, model, tokens):
    model.save_pretrained(folder)
    tokens.save_pretrained(folder)
    (folder / "model.safetensors").write_bytes(b"these are no weights")
    return folder


def test_models_that_predict_something_else_are_refused_before_their_weights_are_read(tmp_path):
    t5 = T5ForConditionalGeneration(T5Config(d_model=8, d_ff=8, num_layers=1, num_heads=1))
    others = {
        "LlamaForCausalLM: it predicts the next token": llama(300),
        "BertModel: it has no head for them": BertModel(BertConfig(**SMALL)),
        "T5ForConditionalGeneration: it reads a text and writes another": t5,
    }
    for i, (what, model) in enumerate(others.items()):
        message = f"model must predict the masked tokens of a text, got '.*', which is {what}"
        with pytest.raises(ValueError, match=message):
            load_denoiser(save(tmp_path / str(i), model, bert_tokenizer()))
        with pytest.raises(ValueError, match=message):
            wrap(model, bert_tokenizer())
    with pytest.raises(ValueError, match="got 'tiny-ar', which is LlamaForCausalLM: it predicts the next token"):
        load_denoiser("tiny-ar")


def test_models_without_a_mask_are_refused(tmp_path):
    model, _, _ = plain("bert")
    message = "model must have a mask token, got '.*', which has none"
    with pytest.raises(ValueError, match=message):
        wrap(model, gpt2_tokenizer())
    with pytest.raises(ValueError, match=message):
        load_denoiser(save(tmp_path / "bert", model, gpt2_tokenizer()))


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("diffusion_gemma", "its noise is uniform"),
        ("udlm", "its noise is uniform"),
        ("llada2_moe", "attends to blocks"),
    ],
)
def test_noise_and_attention_of_another_kind_are_refused_by_name_even_with_a_mask_token(kind, why):
    model = Timed()
    model.config.model_type = kind
    with pytest.raises(ValueError, match=f"got 'Timed', which is Timed: it.* {why.removeprefix('its ')}"):
        wrap(model, model.tokens, time="t")


def test_code_of_others_does_not_run_unasked(tmp_path):
    folder = publish(tmp_path / "dream", "Dream", dream_tokenizer())
    (folder / "modeling.py").write_text("raise SystemExit('code of others ran')")
    with pytest.raises(ValueError, match="trust_remote_code must be True to run it, got False"):
        load_denoiser(folder)


def test_weights_of_models_with_code_are_neither_made_up_nor_forced(tmp_path):
    folder = publish(tmp_path / "dream", "Dream", dream_tokenizer())
    weights = load_file(folder / "model.safetensors")
    kept = {key: value for key, value in weights.items() if key != "model.head.bias"}
    save_file(kept, folder / "model.safetensors")
    with pytest.raises(ValueError, match=r"lacks weights: model\.head\.bias"):
        load_denoiser(folder, trust_remote_code=True)
    save_file(weights | {"model.head.bias": torch.zeros(3)}, folder / "model.safetensors")
    with pytest.raises(ValueError, match="whose weights cannot be read"):
        load_denoiser(folder, trust_remote_code=True)
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="whose weights cannot be read"):
        load_denoiser(folder, trust_remote_code=True)


def test_weights_of_models_with_code_may_lie_in_several_files(tmp_path):
    folder = publish(tmp_path / "dream", "Dream", dream_tokenizer())
    whole = load_denoiser(folder, trust_remote_code=True)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    places = {key: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, key in enumerate(weights)}
    for file in set(places.values()):
        save_file({key: weights[key] for key in weights if places[key] == file}, folder / file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    batch = canvases(whole)
    parts = load_denoiser(folder, trust_remote_code=True)
    assert torch.equal(whole.predict(*batch), parts.predict(*batch))


@pytest.mark.parametrize("name", [name for name, entry in bundled().items() if is_masked(entry)])
def test_bundled_denoisers_in_the_package(name):
    denoiser = load_denoiser(name)
    assert len(denoiser.tokenizer) == denoiser.vocabulary == 4096
    assert sum(p.numel() for p in denoiser.model.parameters()) <= 8_000_000
    prompt = "“Well,” said the old man, “I have never seen such a thing in my life.” He looked at her — ½ 😀\n"
    tokens = np.array([denoiser.encode(prompt)])
    assert denoiser.decode(tokens[0]) == prompt
    canvas = np.where(np.arange(tokens.shape[1]) % 4 == 1, denoiser.mask_id, tokens)
    logits = denoiser.predict(canvas, np.ones_like(canvas, dtype=bool), np.zeros(1))
    masked = canvas[0] == denoiser.mask_id
    nats = torch.nn.functional.cross_entropy(logits[0, masked], torch.from_numpy(tokens[0, masked]))
    assert nats < 6.5  # chance is log 4096 = 8.3
