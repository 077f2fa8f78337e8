"""Toxicity: the classifier that text is most often held to."""

from dataclasses import dataclass
from typing import ClassVar

from sortilege._knobs import knob
from sortilege.properties.classifier import Classifier


@dataclass(frozen=True)
class Toxicity(Classifier):
    """The probability that a text is toxic, in [0, 1], under a classifier by name; see ``Classifier``.

    The default is a RoBERTa trained on the English data of Jigsaw's three challenges, downloaded when first used.

    Source: Logacheva et al. (2022), "ParaDetox: detoxification with parallel data", ACL, section 4 (the classifier).
    """

    source: ClassVar[str] = "Logacheva et al. 2022, ACL, by transformers"

    model: str = knob(
        "s-nlp/roberta_toxicity_classifier", kind="text", doc="classification model: a folder, or a name on the Hub"
    )
    label: str = knob("toxic", kind="text", doc="the label, by name or index")
