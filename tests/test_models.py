import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny import Plain, byte_model, byte_tokenizer, llama
from transformers import BertConfig, BertForMaskedLM, BertModel, T5Config, T5ForConditionalGeneration
from transformers.utils import logging

import sortilege.models._bundled as shipped
from sortilege.generate import generate
from sortilege.models import Model, as_model, bundled, load
from tools.bundle import main as bundle


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A model as training leaves it: half precision weights and a tokenizer."""
    folder = tmp_path_factory.mktemp("saved")
    llama(258).half().save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def package(saved, tmp_path, monkeypatch):
    """A package folder with one bundled model."""
    bundle(saved, "small", origin="Made by a test.", folder=tmp_path)
    monkeypatch.setattr(shipped, "FOLDER", tmp_path)
    return tmp_path


def test_any_folder_with_a_causal_model_loads(saved):
    model = load(saved)
    assert model.name == str(saved)
    assert model.model.dtype == torch.float32
    assert not model.model.training
    assert (model.context, model.vocabulary, model.end_token_ids, model.start_token_id) == (64, 258, (256,), 256)
    assert model.device == torch.device("cpu")
    text = generate(model, "Hello", Plain(), max_new_tokens=5)[0]
    reference = Model(llama(258).half().float(), byte_tokenizer(), "")
    assert text.tokens == generate(reference, "Hello", Plain(), max_new_tokens=5)[0].tokens


def test_dtypes(saved):
    assert load(saved, dtype="float16").model.dtype == torch.float16
    assert load(saved, dtype=torch.float64, device="cpu").model.dtype == torch.float64
    with pytest.raises(ValueError, match="dtype must be the name of a torch dtype, got 'float17'"):
        load(saved, dtype="float17")


def test_devices_that_are_not_there_are_refused(saved):
    assert load(saved, device="cpu").device == torch.device("cpu")
    for device in ("warp-drive", "cuda:99"):
        with pytest.raises(ValueError, match=f"device must be one that torch can use here, got '{device}'"):
            load(saved, device=device)


def test_as_model(saved):
    model = byte_model()
    assert as_model(model) is model
    assert as_model(str(saved)).name == str(saved)
    pair = as_model((model.model, model.tokenizer))
    assert (pair.model, pair.tokenizer, pair.name) == (model.model, model.tokenizer, "LlamaForCausalLM")
    with pytest.raises(ValueError, match=r"model must be a name, a Model or a \(model, tokenizer\) pair, got tuple"):
        as_model((model.tokenizer, model.model))


def test_end_tokens_of_the_generation_configuration_count_too():
    model = llama(258)
    model.generation_config.eos_token_id = [3, 5]
    assert Model(model, byte_tokenizer(), "").end_token_ids == (3, 5, 256)


def test_names_that_lead_nowhere_are_refused(package):
    for name in ("no-such/model", "tiny-arr", "not a name!", "/no/such/folder"):
        with pytest.raises(ValueError, match=r"model must be a bundled model \(small\), a folder .*, got '" + name):
            load(name)


def save(folder, model):
    model.save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder


SMALL = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 8, "vocab_size": 260}


def test_models_of_another_kind_are_refused_before_their_weights_are_read(tmp_path):
    others = {
        "BertForMaskedLM": BertForMaskedLM(BertConfig(**SMALL)),
        "BertModel": BertModel(BertConfig(**SMALL)),
        "T5ForConditionalGeneration": T5ForConditionalGeneration(
            T5Config(d_model=8, d_ff=8, num_layers=1, num_heads=1)
        ),
    }
    for name, model in others.items():
        folder = save(tmp_path / name, model)
        (folder / "model.safetensors").write_bytes(b"these are no weights")
        with pytest.raises(ValueError, match=f"model must be a causal language model, got '.*', which is {name}"):
            load(folder)


def test_missing_weights_are_not_made_up(saved, tmp_path):
    folder = tmp_path / "holed"
    shutil.copytree(saved, folder)
    weights = load_file(folder / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"lacks weights: model\.layers\.1\.mlp\.up_proj\.weight"):
        load(folder)


@pytest.mark.parametrize(
    ("damage", "part"),
    [
        (lambda folder: (folder / "config.json").write_text("{"), "configuration"),
        (lambda folder: (folder / "config.json").write_text('{"model_type": "novel"}'), "configuration"),
        (lambda folder: (folder / "config.json").unlink(), "configuration"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer"),
        (lambda folder: (folder / "model.safetensors").write_bytes(b"no weights" * 9), "weights"),
        (lambda folder: (folder / "model.safetensors").unlink(), "weights"),
    ],
)
def test_damaged_models_are_refused_in_a_line(saved, tmp_path, damage, part):
    folder = tmp_path / "damaged"
    shutil.copytree(saved, folder)
    damage(folder)
    with pytest.raises(ValueError, match=f"whose {part} cannot be read: .") as caught:
        load(folder)
    assert "\n" not in str(caught.value)


def test_code_of_others_does_not_run_unasked(saved, tmp_path):
    folder = tmp_path / "remote"
    shutil.copytree(saved, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "novel", "auto_map": {"AutoConfig": "code.Novel", "AutoModelForCausalLM": "code.Model"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "code.py").write_text("raise SystemExit('code of others ran')")
    with pytest.raises(ValueError, match="trust_remote_code must be True to run it, got False"):
        load(folder)


def test_bundled_models_are_verified(package):
    assert load("small").name == "small"
    assert bundled()["small"].licence == "Apache-2.0"
    assert set(bundled()["small"].files) >= {"config.json", "model.safetensors", "tokenizer.json"}
    weights = package / "small" / "model.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(ValueError, match=r"'small' is damaged: SHA-256 of .*model.safetensors must be \w+, got \w+;"):
        load("small")
    weights.unlink()
    with pytest.raises(ValueError, match="got no file; reinstall sortilege"):
        load("small")


def test_loading_prints_nothing_and_leaves_the_settings_of_others(package, capfd):
    before = logging.get_verbosity(), logging.is_progress_bar_enabled()
    load("small")
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before
    assert capfd.readouterr() == ("", "")


def test_without_transformers_the_extra_is_named():
    program = (
        "import sys; sys.modules['transformers'] = None\n"
        "from sortilege.models import load\n"
        "try: load('tiny-ar')\n"
        "except ImportError as error: print(error)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert run.stdout == 'transformers is not installed; pip install "sortilege[transformers]"\n'


@pytest.mark.parametrize("name", sorted({"tiny-ar", *bundled()}))
def test_bundled_models_say_where_they_come_from_and_are_small(name):
    entry = bundled()[name]
    assert entry.licence
    assert entry.origin
    assert sum(path.stat().st_size for path in Path(entry.folder).iterdir()) <= 16_000_000


def test_the_bundled_causal_model():
    model = load("tiny-ar")
    assert len(model.tokenizer) == model.vocabulary == 4096
    assert model.tokenizer.mask_token_id is not None
    assert sum(p.numel() for p in model.model.parameters()) <= 8_000_000
    prompt = "“Well,” said the old man, “café naïve — ½ 😀”\n"
    assert model.tokenizer.decode(model.encode(prompt)) == prompt
    one, two = generate(model, prompt, Plain(), num_samples=2, max_new_tokens=30)
    assert one.nll < 6.5  # chance is log 4096 = 8.3
    assert one.tokens != two.tokens
