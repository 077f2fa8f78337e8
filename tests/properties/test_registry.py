"""Properties as text: what is read, what is refused, and that writing is the inverse of reading."""

import json
import subprocess
import sys
from importlib.metadata import EntryPoint

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sortilege import _registry
from sortilege._knobs import knobs
from sortilege.properties import (
    PROPERTIES,
    Bound,
    Classifier,
    Distinct,
    Expression,
    Function,
    Keywords,
    Length,
    Perplexity,
    Readability,
    Repetition,
    Sentiment,
    Similarity,
    Toxicity,
    format_property,
    parse_property,
    sentiment,
)


@pytest.mark.parametrize(
    ("text", "property"),
    [
        ("perplexity", Perplexity()),
        ("perplexity(tiny-ar)", Perplexity("tiny-ar")),
        ('perplexity(model="gpt2", conditional=false)', Perplexity("gpt2", conditional=False)),
        ("repetition(character, n=10)", Repetition("character", 10)),
        ("distinct(4)", Distinct(4)),
        ("sentiment", Sentiment()),
        ("readability(gunning-fog)", Readability("gunning-fog")),
        ("length(of=sentences)", Length("sentences")),
        (r'expression("\bsea\b")', Expression(r"\bsea\b")),
        (r"expression('\d+', share=true)", Expression(r"\d+", share=True)),
        (r'expression(r"\bsea\b")', Expression(r"\bsea\b")),
        (r'expression("\\bsea")', Expression(r"\bsea")),
        (r'expression("say \"hi-there\"")', Expression('say "hi-there"')),
        (r"expression('it\'s a well-known')", Expression("it's a well-known")),
        (r'expression("none")', Expression("none")),
        ('keywords("sea, ship")', Keywords("sea, ship")),
        ("keywords(well-kept)", Keywords("well-kept")),
        ('classifier("org/model", 1)', None),
        ('classifier("org/model", "1")', Classifier("org/model", "1")),
        ("toxicity(label=insult)", Toxicity(label="insult")),
        ('similarity("a - b", none)', Similarity("a - b")),
        ('similarity("x", model="none")', Similarity("x", "none")),
        ('callable("math:sqrt", each=true)', Function("math:sqrt", each=True)),
    ],
)
def test_reads(text, property):
    if property is None:
        with pytest.raises(ValueError, match=r"classifier.label must be text, got 1"):
            parse_property(text)
    else:
        assert parse_property(text) == property


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("toxicty", "unknown property 'toxicty', did you mean toxicity.* known: perplexity, classifier, "),
        ("length, sentiment", "property must be one, got 2"),
        ("classifier(x)", "classifier needs a value for label"),
        ("expression", "expression needs a value for pattern"),
        ("expression(true)", "expression.pattern must be text, got True"),
        ("expression('(')", r"Expression.pattern must be a regular expression, got '\('"),
        ("expression('a)", "cannot read"),
        ("keywords(' , ')", "Keywords.words must hold at least one word, got ' , '"),
        ("length(of=lines)", "length.of must be one of 'words', .* got 'lines'"),
        ("repetition(n=0)", "repetition.n must be an integer >= 1, got 0"),
        ("distinct(2.5)", "distinct.n must be an integer >= 1, got 2.5"),
        ("readability(klingon)", "readability.formula must be one of 'flesch-kincaid'"),
        ("perplexity(conditional=maybe)", "perplexity.conditional must be true or false, got 'maybe'"),
        ("perplexity(none)", "perplexity.model must be text, got None"),
        ("similarity('  ')", "Similarity.reference must be a text of more than spaces, got '  '"),
        ("classifier(a, b, tanh)", "classifier.function must be one of 'auto', 'softmax', 'sigmoid', got 'tanh'"),
        ("callable(len)", "must be written \"module:attribute\", got 'len'"),
    ],
)
def test_refuses(text, message):
    with pytest.raises(ValueError, match=message):
        parse_property(text)


def test_settings_win():
    assert parse_property("repetition(n=3)", {"n": "4", "level": "character"}) == Repetition("character", 4)
    assert parse_property("expression(a)", {"pattern": r'"\d"'}) == Expression(r"\d")


@settings(max_examples=300, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.none() | st.text("nNoeE\\'\"-r\n ", max_size=6)
)
@example("in", "None")
@example("\ufb01n", "NONE")
@example("\\", '"')
@example("r'a-b'", "\\'")
@example("a\x00b\r\n", "#")
@example("\u01c0", "a-b")
def test_writing_is_the_inverse_of_reading(reference, model):
    found = Similarity(reference or "x", model) if reference.strip() else Classifier(reference, model or "")
    text = format_property(found)
    assert parse_property(text) == found
    assert format_property(parse_property(text)) == text


def test_written_short():
    assert format_property(Repetition()) == "repetition"
    assert format_property(Expression(r"\bsea\b")) == r'expression("\\bsea\\b")'
    assert format_property(Keywords("sea")) == "keywords(sea)"
    assert format_property(Toxicity(label="insult")) == "toxicity(label=insult)"


def test_a_function_without_a_place_has_no_text():
    with pytest.raises(ValueError, match='has no text; give the function as "module:attribute"'):
        format_property(Function(len))


def test_every_knob_says_what_it_does():
    assert list(PROPERTIES)[:12] == [
        *("perplexity", "classifier", "toxicity", "sentiment", "readability", "repetition"),
        *("distinct", "length", "expression", "keywords", "similarity", "callable"),
    ]
    for cls in PROPERTIES.values():
        assert all(described.doc for described in knobs(cls).values())


def test_other_packages_register_properties(monkeypatch):
    found = [EntryPoint("short", "sortilege.properties:Length", "sortilege.properties")]
    found.append(EntryPoint("wrong", "sortilege.properties:Bound", "sortilege.properties"))
    monkeypatch.setattr(_registry, "entry_points", lambda group: [entry for entry in found if entry.group == group])
    names = _registry.Registry("property", PROPERTIES.group, PROPERTIES.base, {"perplexity": Perplexity})
    assert list(names) == ["perplexity", "short", "wrong"]
    assert names["short"] is Length
    with pytest.raises(ValueError, match=f"must be a Property class, got '.*{Bound.__name__}'"):
        names["wrong"]


def test_importing_properties_loads_no_framework():
    code = """
import json, sys
before = set(sys.modules)
import sortilege.properties
roots = {name.split(".")[0] for name in set(sys.modules) - before}
print(json.dumps(sorted(root for root in roots - set(sys.stdlib_module_names))))
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == ["array_api_compat", "numpy", "sortilege"]


@pytest.mark.parametrize(
    ("module", "property", "extra"),
    [
        ("vaderSentiment.vaderSentiment", Sentiment(), "properties"),
        ("textstat", Length("sentences"), "properties"),
        ("rapidfuzz.distance", Similarity("x"), "properties"),
        ("torch", Classifier("x", "y"), "transformers"),
    ],
)
def test_a_missing_package_names_the_extra(module, property, extra, monkeypatch):
    sentiment._analyser.cache_clear()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'pip install "sortilege\[{extra}\]"'):
        property.load()


@pytest.mark.parametrize("make", [lambda: Perplexity(3), lambda: Classifier("m", 1), lambda: Length("lines")])
def test_knobs_are_checked_where_made(make):
    with pytest.raises(ValueError, match=r"must be"):
        make()
