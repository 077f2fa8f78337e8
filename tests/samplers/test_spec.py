"""Samplers as text: what is read, what is refused, and that writing is the inverse of reading."""

import dataclasses
import math
from importlib.metadata import EntryPoint
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sortilege import _registry
from sortilege.samplers import (
    SAMPLERS,
    AdaptiveDirichlet,
    Dry,
    Knob,
    LocallyTypical,
    MinP,
    Sampler,
    Temperature,
    TopK,
    TopP,
    chain,
    format_sampler,
    knob,
    knobs,
    parse_sampler,
    registry,
)


@pytest.mark.parametrize(
    ("text", "sampler"),
    [
        ("temperature", Temperature()),
        ("temperature()", Temperature()),
        (" temperature ( 0.8 ) ", Temperature(0.8)),
        ("temperature(1)", Temperature(1.0)),
        ("temperature(0.8), top-p(0.9)", chain(Temperature(0.8), TopP(0.9))),
        ("temperature(0.8),\n top_p(top_p=0.9)", chain(Temperature(0.8), TopP(0.9))),
        ("min-p(min_p=1e-3)", MinP(0.001)),
        ("locally-typical(0.5, none, 0.3)", LocallyTypical(0.5, None, 0.3)),
        ("locally_typical(k=20, alpha=.3)", LocallyTypical(0.9, 20, 0.3)),
        ("dry(sequence_breakers=(13, 198))", Dry(sequence_breakers=(13, 198))),
        ("dry(sequence_breakers=[13])", Dry(sequence_breakers=(13,))),
        ("dry(sequence_breakers=13)", Dry(sequence_breakers=(13,))),
        ("adaptive-dirichlet", AdaptiveDirichlet()),
        (
            "adaptive-dirichlet(d=-0.5, softmax_temperature=pre, truncation=min-p(0.05))",
            AdaptiveDirichlet(d=-0.5, softmax_temperature="pre", truncation=MinP(0.05)),
        ),
        ("adaptive-dirichlet(softmax_temperature='pre')", AdaptiveDirichlet(softmax_temperature="pre")),
        ("adaptive-dirichlet(truncation=None)", AdaptiveDirichlet()),
    ],
)
def test_reads(text: str, sampler: Sampler) -> None:
    assert parse_sampler(text) == sampler


@pytest.mark.parametrize(
    ("text", "given", "sampler"),
    [
        ("temperature(0.8)", {"temperature": "0.7"}, Temperature(0.7)),
        ("temperature, top-p", {"top_p": "0.7"}, chain(Temperature(), TopP(0.7))),
        ("temperature, top-p", {"top-p.top-p": "0.7"}, chain(Temperature(), TopP(0.7))),
        (
            "temperature, dynamic-temperature",
            {"temperature.temperature": "0.7"},
            parse_sampler("temperature(.7), dynamic-temperature"),
        ),
        ("dry", {"sequence_breakers": "13, 198"}, Dry(sequence_breakers=(13, 198))),
        ("adaptive-dirichlet", {"truncation": "top-k(9)", "d": "-1"}, AdaptiveDirichlet(truncation=TopK(9), d=-1.0)),
        ("locally-typical", {"k": "none", "mass": "0.2"}, LocallyTypical(0.2)),
        # Together they are in order, though after the first alone a + b would be 1.2.
        ("adaptive-dirichlet", {"a": "0.9", "b": "0.05"}, AdaptiveDirichlet(a=0.9, b=0.05)),
    ],
)
def test_settings_win(text: str, given: dict[str, str], sampler: Sampler) -> None:
    assert parse_sampler(text, given) == sampler


@pytest.mark.parametrize(
    ("text", "given", "message"),
    [
        ("", {}, "at least one stage"),
        ("top-p(", {}, "cannot read 'top-p\\('"),
        ("top-p(0.9)) + (1", {}, "cannot read|must be written"),
        ("tmperature(1)", {}, "unknown sampler 'tmperature', did you mean temperature.* known: adaptive-dirichlet, "),
        ("zzz", {}, "unknown sampler 'zzz'; known: "),
        ("0.8", {}, "a stage must be written"),
        ("os.system('x')", {}, "a stage must be written"),
        ("top-p(0.9)(1)", {}, "a stage must be written"),
        ("top-p(topp=1)", {}, "top-p has no knob 'topp', did you mean top_p"),
        ("top-p(0.9, 0.8)", {}, "top-p takes at most 1 values \\(top_p\\), got 2"),
        ("top-p(0.9, top_p=0.8)", {}, "top-p.top_p was given twice"),
        ("top-p(**x)", {}, "top-p has no knob"),
        ("top-p(*x)", {}, "top-p.top_p must be \\(0, 1\\]"),
        ("top-p(2)", {}, "top-p.top_p must be a number in \\(0, 1\\], got 2.0"),
        ("top-p(a+b)", {}, "top-p.top_p must be \\(0, 1\\], got 'a \\+ b'"),
        ("top-p('x')", {}, "top-p.top_p must be a number"),
        ("top-p(true)", {}, "top-p.top_p must be a number in \\(0, 1\\], got True"),
        ("top-p(none)", {}, "top-p.top_p must be a number in \\(0, 1\\], got None"),
        ("top-k(1.5)", {}, "top-k.k must be an integer >= 1, got 1.5"),
        ("dry(sequence_breakers=(1, a))", {}, "token id"),
        ("adaptive-dirichlet(softmax_temperature=hot)", {}, "must be one of 'pre', 'emwa', 'integral', got 'hot'"),
        ("adaptive-dirichlet(truncation=3)", {}, "a stage must be written"),
        ("adaptive-dirichlet(truncation=mirostat)", {}, "stateless"),
        ("top-p", {"topp": "1"}, "no knob 'topp' in top-p, did you mean top_p"),
        ("top-p", {"top-k.k": "1"}, "top-k.k: no stage 'top-k' among top-p"),
        ("top-p", {"top_p": ""}, "top_p must have a value"),
        ("top-p", {"top_p": "2"}, "top-p.top_p must be a number in \\(0, 1\\], got 2.0"),
        ("top-p, top-p", {"top_p": "1"}, "top_p is ambiguous: top-p, top-p"),
        ("locally-typical, locally-typical-distance", {"mass": ".5"}, "mass is ambiguous"),
    ],
)
def test_refuses(text: str, given: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_sampler(text, given)


def values_of(described: Knob) -> st.SearchStrategy[Any]:
    """Values that a knob allows."""
    if described.kind == "float":
        low, high = max(described.low, -1e6), min(described.high, 1e6)
        kinds = st.floats(
            low, high, exclude_min=described.open_low and low == described.low, exclude_max=described.open_high
        )
    elif described.kind == "int":
        kinds = st.integers(int(described.low), 10**6)
    elif described.kind == "choice":
        kinds = st.sampled_from(described.choices)
    elif described.kind == "bool":
        kinds = st.booleans()
    elif described.kind == "sampler":
        kinds = st.sampled_from([MinP(0.05), TopK(3), LocallyTypical(0.2, 7)])
    else:
        kinds = st.lists(st.integers(0, 10**5), min_size=2, unique=True).map(tuple)
    return st.none() | kinds if described.optional else kinds


@st.composite
def stages(draw: st.DrawFn) -> Sampler:
    cls = draw(st.sampled_from(list(SAMPLERS.values())))
    names = draw(st.sets(st.sampled_from(list(knobs(cls)))))
    # Its construction warns of settings that run away or collapse, and a and b constrain one another.
    names -= {"a", "b", "probs_ent_offset"} if cls is AdaptiveDirichlet else set()
    return cls(**{name: draw(values_of(knobs(cls)[name])) for name in sorted(names)})


@settings(max_examples=300, deadline=None)
@given(st.lists(stages(), min_size=1, max_size=3))
def test_writing_is_the_inverse_of_reading(samplers: list[Sampler]) -> None:
    sampler = chain(*samplers)
    text = format_sampler(sampler)
    assert parse_sampler(text) == sampler
    assert format_sampler(parse_sampler(text)) == text


def test_every_sampler_describes_itself() -> None:
    for name, cls in SAMPLERS.items():
        assert parse_sampler(name) == cls()
        assert cls.source, name
        assert "Source:" in (cls.__doc__ or ""), name
        for described in knobs(cls).values():
            assert described.doc
            if described.tune is not None:
                assert described.low <= described.tune[0] < described.tune[1] <= described.high
        assert len(knobs(cls)) == len(dataclasses.fields(cls))


@dataclasses.dataclass(frozen=True)
class Fatigue(Sampler):
    weight: float = knob(1.0, 0, doc="nats per use")


def test_other_packages_register_samplers(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [
        EntryPoint("fatigue", f"{__name__}:Fatigue", registry.SAMPLERS.group),
        EntryPoint("top-p", f"{__name__}:Fatigue", registry.SAMPLERS.group),
        EntryPoint("no_sampler", "math:pi", registry.SAMPLERS.group),
        EntryPoint("missing", "no_such_package:Sampler", registry.SAMPLERS.group),
    ]
    monkeypatch.setattr(_registry, "entry_points", lambda group: [entry for entry in found if entry.group == group])
    monkeypatch.setattr(EntryPoint, "load", lambda entry: Fatigue if entry.value.endswith("Fatigue") else math.pi)
    names = _registry.Registry("sampler", registry.SAMPLERS.group, Sampler, registry.OURS)
    assert list(names)[-3:] == ["fatigue", "missing", "no-sampler"]
    assert len(names) == len(list(names))
    assert names["fatigue"] is Fatigue
    assert names["top-p"] is TopP
    with pytest.raises(ValueError, match="must be a Sampler class, got 'math:pi'"):
        names["no-sampler"]


def test_unregistered_samplers_have_no_text() -> None:
    with pytest.raises(ValueError, match="Fatigue is not a registered sampler"):
        format_sampler(Fatigue())
