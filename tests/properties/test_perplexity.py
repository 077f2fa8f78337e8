"""Perplexity against a plain loop over texts, token by token."""

import math

import numpy as np
import pytest
import torch
from tiny import byte_tokenizer, llama

from sortilege import load
from sortilege.properties import Perplexity, Text, measured, perplexity

TEXTS = [
    Text(" the house by the sea was dark.", "It was a cold night and"),
    Text("The captain said nothing.", ""),
    Text(" \u00e9t\u00e9 \U0001f600", "He wrote:"),
    Text("!", "Oh"),
    Text(
        " he went away",
        "A much longer prompt, which the model reads before the text and which is not counted. And then",
    ),
]


def surprisals(model, tokenizer, read, text):
    """-log p of each token of the text after the tokens ``read``, by one full pass for each."""
    tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    values = []
    for at, token in enumerate(tokens):
        with torch.no_grad():
            logits = model(torch.tensor([read + tokens[:at]])).logits[0, -1].double()
        values.append(-torch.log_softmax(logits, -1)[token].item())
    return values


@pytest.mark.parametrize("conditional", [True, False])
def test_against_a_loop_over_texts(conditional):
    known = load("tiny-ar")
    expected = []
    for text in TEXTS:
        read = known.tokenizer(text.prompt)["input_ids"] if conditional and text.prompt else [known.start_token_id]
        expected.append(math.exp(np.mean(surprisals(known.model, known.tokenizer, read, text.text))))
    values = measured(Perplexity(conditional=conditional), TEXTS)
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    assert expected[0] != pytest.approx(expected[1])


def test_what_is_likely_has_a_low_perplexity():
    written, shuffled = " and then she went to the door and opened it", " it door the to and went opened she and then"
    low, high = measured(Perplexity(), [Text(written, "She stood up,"), Text(shuffled, "She stood up,")])
    assert low < high / 3


def saved(folder, context=64, **special):
    tokenizer = byte_tokenizer()
    for name, value in special.items():
        setattr(tokenizer, name, value)
    llama(len(tokenizer), context=context).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    known = load(str(folder))
    return str(folder), known.model, known.tokenizer


def test_a_text_longer_than_the_context_is_read_in_halves(tmp_path):
    name, model, tokenizer = saved(tmp_path, context=16)
    end = tokenizer.bos_token_id
    text = "The old house by the sea was quiet."
    tokens = tokenizer(text)["input_ids"]
    assert len(tokens) == len(text) == 35
    # 16 tokens see all that came before, the start token first; then windows move on by 8, of which 16 tokens are read.
    values = []
    for first, last, start in [(0, 16, 0), (16, 24, 8), (24, 32, 16), (32, 35, 19)]:
        for at in range(first, last):
            read = ([end, *tokens])[start : at + 1]
            assert len(read) <= 16
            with torch.no_grad():
                logits = model(torch.tensor([read])).logits[0, -1].double()
            values.append(-torch.log_softmax(logits, -1)[tokens[at]].item())
    value, again, _ = measured(Perplexity(name), [Text(text), Text(text), Text("short")])
    assert value == pytest.approx(math.exp(np.mean(values)), rel=1e-4)
    assert again == pytest.approx(value, rel=1e-5)
    assert len(Perplexity(name).blame([Text(text)])[0]) == 35


def test_a_prompt_longer_than_the_context_is_read_from_its_end(tmp_path):
    name, model, tokenizer = saved(tmp_path, context=16)
    prompt = "A prompt that has far more than sixteen bytes"
    read = tokenizer(prompt)["input_ids"]
    # Eight of 16 positions read text at most, so that of the three tokens each sees the end of the prompt.
    tokens = tokenizer("abc")["input_ids"]
    expected = []
    whole = read + tokens
    for at in range(len(read), len(whole)):
        start = len(whole) - 17
        with torch.no_grad():
            logits = model(torch.tensor([whole[start:at]])).logits[0, -1].double()
        expected.append(-torch.log_softmax(logits, -1)[whole[at]].item())
    assert measured(Perplexity(name), [Text("abc", prompt)])[0] == pytest.approx(math.exp(np.mean(expected)), rel=1e-4)


def test_without_a_start_token_the_first_token_is_not_counted(tmp_path):
    name, model, tokenizer = saved(tmp_path, bos_token=None, eos_token=None)
    assert load(name).start_token_id is None
    values = measured(Perplexity(name), [Text("ab"), Text("a"), Text("a", "b")])
    assert values[0] == pytest.approx(
        math.exp(surprisals(model, tokenizer, tokenizer("a")["input_ids"], "b")[0]), rel=1e-4
    )
    assert math.isnan(values[1])
    assert values[2] == pytest.approx(
        math.exp(surprisals(model, tokenizer, tokenizer("b")["input_ids"], "a")[0]), rel=1e-4
    )
    ((span,),) = Perplexity(name).blame([Text("ab")])
    assert (span.start, span.end) == (1, 2)


def test_blame_is_the_surprisal_of_each_token():
    known = load("tiny-ar")
    text = TEXTS[0]
    (spans,) = Perplexity().blame([text])
    read = known.tokenizer(text.prompt)["input_ids"]
    np.testing.assert_allclose(
        [span.weight for span in spans], surprisals(known.model, known.tokenizer, read, text.text), rtol=1e-3, atol=1e-4
    )
    assert "".join(text.text[span.start : span.end] for span in spans) == text.text


def test_small_batches_give_the_same(monkeypatch):
    expected = measured(Perplexity(), TEXTS)
    monkeypatch.setattr(perplexity, "_LOGITS", 1)
    np.testing.assert_allclose(measured(Perplexity(), TEXTS), expected, rtol=1e-5)


def test_surprisal_without_end_is_infinite():
    assert perplexity._perplexity([1e4, 2e4]) == math.inf
    assert perplexity._perplexity([0.0]) == 1.0


def test_a_model_is_loaded_once(monkeypatch):
    perplexity._loaded.cache_clear()
    names = []
    found = load("tiny-ar")
    monkeypatch.setattr(perplexity, "load_model", lambda name: names.append(name) or found)
    Perplexity().load()
    measured(Perplexity(conditional=False), TEXTS)
    assert names == ["tiny-ar"]


def test_a_name_that_leads_nowhere_is_refused_before_any_text(tmp_path):
    with pytest.raises(ValueError, match=r"got '.*nowhere'"):
        Perplexity(str(tmp_path / "nowhere")).load()
