"""Properties by name: ours, and those that other packages register as entry points in ``sortilege.properties``."""

from collections.abc import Mapping

from sortilege import _spec
from sortilege._registry import Registry
from sortilege.properties._base import Property
from sortilege.properties.classifier import Classifier
from sortilege.properties.distinct import Distinct
from sortilege.properties.expression import Expression
from sortilege.properties.function import Function
from sortilege.properties.keywords import Keywords
from sortilege.properties.length import Length
from sortilege.properties.perplexity import Perplexity
from sortilege.properties.readability import Readability
from sortilege.properties.repetition import Repetition
from sortilege.properties.sentiment import Sentiment
from sortilege.properties.similarity import Similarity
from sortilege.properties.toxicity import Toxicity

OURS: dict[str, type[Property]] = {
    "perplexity": Perplexity,
    "classifier": Classifier,
    "toxicity": Toxicity,
    "sentiment": Sentiment,
    "readability": Readability,
    "repetition": Repetition,
    "distinct": Distinct,
    "length": Length,
    "expression": Expression,
    "keywords": Keywords,
    "similarity": Similarity,
    "callable": Function,
}

PROPERTIES = Registry("property", "sortilege.properties", Property, OURS)
"""All properties there are, by name."""


def parse_property(text: str, settings: Mapping[str, str] | None = None) -> Property:
    r"""The property that ``text`` describes; ``sortilege._spec`` has the grammar.

    settings: further values as text, by knob; they win over those in ``text``.

    Raises ValueError for text that cannot be read, more than one property, an unknown property or knob (naming the
    known ones), a missing value, and a value outside its range.

    >>> parse_property("repetition(character, n=10)")
    Repetition(level='character', n=10, share='characters')
    >>> parse_property(r'expression("\bsea\b")').pattern
    '\\bsea\\b'
    """
    return _spec.parse(text, PROPERTIES, settings)


def format_property(property: Property) -> str:
    """The text that ``parse_property`` reads as ``property``; knobs at their defaults are left out.

    Raises ValueError for a property that is not registered, and for a Python function that was not given by name.

    >>> from sortilege.properties import Perplexity
    >>> format_property(Perplexity("gpt2-large", conditional=False))
    'perplexity(model="gpt2-large", conditional=false)'
    """
    if isinstance(property, Function) and not isinstance(property.function, str):
        raise ValueError(f'{property.function!r} has no text; give the function as "module:attribute"')
    return _spec.format(property, PROPERTIES)
