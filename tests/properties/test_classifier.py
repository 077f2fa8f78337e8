"""Classifiers against transformers' own pipeline."""

import math
import shutil

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

from sortilege.properties import Classifier, Text, Toxicity, measured
from sortilege.properties._batches import batches
from sortilege.properties._encoders import encoder

TEXTS = [
    "The sea was calm.",
    "a",
    "Horrible! Horrible!",
    "\u05e9\u05dc\u05d5\u05dd \U0001f600",
    "The captain went below.",
]


def piped(name, label, function=None, texts=TEXTS):
    run = pipeline("text-classification", model=name, device="cpu")
    found = [run(text, top_k=None, function_to_apply=function) for text in texts]
    return [next(one["score"] for one in scores if one["label"] == label) for scores in found]


@pytest.mark.parametrize("model", ["classifier", "tagger"])
@pytest.mark.parametrize("function", ["auto", "softmax", "sigmoid"])
def test_against_the_pipeline(model, function, request):
    name = request.getfixturevalue(model)
    values = measured(Classifier(name, "stormy", function), [Text(text, "a prompt") for text in TEXTS])
    expected = piped(name, "stormy", None if function == "auto" else function)
    np.testing.assert_allclose(values, expected, rtol=1e-4)
    assert len(set(values)) == len(values)


def test_one_label_and_no_padding(unpadded):
    values = measured(Classifier(unpadded, "LABEL_0"), [Text(text) for text in TEXTS])
    np.testing.assert_allclose(values, piped(unpadded, "LABEL_0"), rtol=1e-4)


def test_labels_by_name_or_else_by_index(classifier):
    texts = [Text(text) for text in TEXTS]
    assert measured(Classifier(classifier, "0"), texts) == measured(Classifier(classifier, "calm"), texts)
    # A label is called "1", so that "1" is no index.
    np.testing.assert_allclose(measured(Classifier(classifier, "1"), texts), piped(classifier, "1"), rtol=1e-4)
    total = sum(np.array(measured(Classifier(classifier, label), texts)) for label in ("calm", "stormy", "1"))
    np.testing.assert_allclose(total, 1, rtol=1e-5)


def test_an_unknown_label_is_refused_with_the_known_ones(classifier):
    with pytest.raises(ValueError, match=r"label must be one of 'calm' \(0\), 'stormy' \(1\), '1' \(2\), got 'toxic'"):
        Toxicity(classifier).load()


@pytest.mark.parametrize("model", ["classifier", "tagger"])
def test_a_long_text_has_the_highest_value_of_its_pieces(model, request):
    name = request.getfixturevalue(model)
    text = "".join(chr(ord("a") + i * i % 26) for i in range(100))
    pieces = [text[:40], text[40:80], text[80:]]
    expected = piped(name, "stormy", texts=pieces)
    assert measured(Classifier(name, "stormy"), [Text(text)])[0] == pytest.approx(max(expected), rel=1e-4)
    assert len(set(expected)) == 3
    spans = Classifier(name, "stormy").blame([Text(text)])[0]
    assert [span.start for span in spans] == list(range(100))


def test_spaces_are_no_text(classifier):
    assert all(math.isnan(value) for value in measured(Classifier(classifier, "calm"), [Text(""), Text(" \n")]))


def test_blame_is_the_slope_along_each_embedding(classifier):
    """d log p / d a at a = 1, where the embedding of one token is multiplied by a, by central differences."""
    text = "The sea!"
    spans = Classifier(classifier, "stormy").blame([Text("longer than the sea"), Text(text)])[1]
    model = AutoModelForSequenceClassification.from_pretrained(classifier).double().eval()
    tokens = torch.tensor([AutoTokenizer.from_pretrained(classifier)(text)["input_ids"]])
    embedded = model.get_input_embeddings()(tokens).detach()

    def log_prob(at, scale):
        scaled = embedded.clone()
        scaled[0, at] *= scale
        with torch.no_grad():
            return torch.log_softmax(model(inputs_embeds=scaled).logits, -1)[0, 1].item()

    slopes = [abs(log_prob(at, 1 + 1e-5) - log_prob(at, 1 - 1e-5)) / 2e-5 for at in range(len(text))]
    np.testing.assert_allclose([span.weight for span in spans], slopes, rtol=1e-3)
    assert [(span.start, span.end) for span in spans] == [(at, at + 1) for at in range(len(text))]


def test_parameters_get_no_gradient(classifier):
    Classifier(classifier, "calm").blame([Text("abc")])
    model = encoder(classifier, "AutoModelForSequenceClassification").model
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_model_of_regression_is_refused(classifier, tmp_path):
    folder = shutil.copytree(classifier, tmp_path / "regression")
    config = (folder / "config.json").read_text()
    (folder / "config.json").write_text(config.replace("{", '{"problem_type": "regression",', 1))
    with pytest.raises(ValueError, match=r"must be softmax or sigmoid for .* a model of regression, got 'auto'"):
        Classifier(str(folder), "calm").load()
    Classifier(str(folder), "calm", "sigmoid").load()


def test_a_model_without_a_head_is_refused(embedder):
    with pytest.raises(ValueError, match=r"lacks weights: .*classifier"):
        Classifier(embedder, "LABEL_0").load()


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"must be .* got '.*', whose configuration cannot be read"):
        Classifier(str(tmp_path), "calm").load()


@pytest.mark.parametrize("budget", [1, 7, 12, 100])
def test_batches_hold_everything_within_their_budget(budget):
    lengths = [3, 1, 4, 1, 5, 9, 2, 6]
    found = list(batches(lengths, budget))
    assert sorted(index for batch in found for index in batch) == list(range(8))
    for batch in found:
        assert len(batch) == 1 or len(batch) * max(lengths[index] for index in batch) <= budget
    assert len(found) == {1: 8, 7: 6, 12: 4, 100: 1}[budget]
    assert list(batches([], budget)) == []
