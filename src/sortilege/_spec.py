"""Objects with knobs as text, and back: ``temperature(0.8), top-p(0.9)``.

    text    = stage {"," stage}            where several mean something: samplers run in the order written
    stage   = name ["(" values ")"]        values by position, in the order of the knobs, or knob=value
    value   = number | true | false | none | word | "text" | stage | (value, ...)

Names are written with hyphens or underscores. It is a subset of Python's expressions, and Python's parser reads it, but
a backslash within quotes stands for itself unless a quote or a backslash follows: regular expressions are written as
they are. In r"text" it always does.
"""

import ast
import dataclasses
import difflib
import keyword
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sortilege._knobs import Knob, knobs
from sortilege._registry import Registry

_HYPHEN = "\u01c0"  # stands for a hyphen within a word while Python's parser reads the text: to it, a letter
_QUOTED_OR_HYPHEN = re.compile(
    r"""(?P<raw>\b[rR])?(?:'(?P<one>(?:[^'\\]|\\.)*)'|"(?P<two>(?:[^"\\]|\\.)*)")|(?<=[A-Za-z0-9])-(?=[A-Za-z])""",
    re.DOTALL,
)
_ESCAPED = re.compile(r"""\\(['"\\])""")
_WORDS = {"true": True, "false": False, "none": None}


@dataclasses.dataclass
class _Stage:
    """An object in the making: its name, class and the values given to its knobs."""

    name: str
    cls: type[Any]
    values: dict[str, Any]

    def build(self) -> Any:
        missing = [
            field.name
            for field in dataclasses.fields(self.cls)  # pyright: ignore[reportArgumentType]
            if field.default is dataclasses.MISSING and field.name not in self.values
        ]
        if missing:
            raise ValueError(f"{self.name} needs a value for {', '.join(missing)}")
        return self.cls(**self.values)


def parse(text: str, registry: Registry[Any], settings: Mapping[str, str] | None = None) -> Any:
    """What ``text`` describes, of the classes in ``registry``.

    settings: further values as text, by ``knob`` (of the one stage that has it) or ``stage.knob``; they win over those
    in ``text``.

    Raises ValueError for text that cannot be read, an unknown name or knob (naming the known ones), a knob that
    several stages have, and a value outside its range.
    """
    stages = [_stage(node, registry) for node in _nodes(text)]
    if not stages:
        raise ValueError(f"{registry.kind} must name at least one stage, got {text!r}; known: {', '.join(registry)}")
    for setting, value in (settings or {}).items():
        stage, knob = _target(setting, stages)
        stage.values[knob] = _value(f"{stage.name}.{knob}", knobs(stage.cls)[knob], _one(setting, value), registry)
    return _joined([stage.build() for stage in stages], text, registry)


def given(text: str, registry: Registry[Any]) -> list[dict[str, Any]]:
    """The knobs that ``text`` gives a value, stage by stage: of one that holds objects of the registry, theirs in turn.

    For text that ``parse`` reads.
    """
    return [_given_of(node, registry) for node in _nodes(text)]


def format(value: Any, registry: Registry[Any]) -> str:
    """The text that ``parse`` reads as ``value``; knobs at their defaults are left out.

    Raises ValueError for a value whose class is not registered.
    """
    return ", ".join(_one_written(part, registry) for part in registry.split(value))


def _one_written(value: Any, registry: Registry[Any]) -> str:
    name = registry.name_of(value)
    given = [
        (field.name, getattr(value, field.name)) for field in dataclasses.fields(value) if field.name in knobs(value)
    ]
    defaults = {field.name: field.default for field in dataclasses.fields(value)}
    changed = [(knob, _written(setting, registry)) for knob, setting in given if setting != defaults[knob]]
    if len(changed) == 1 and changed[0][0] == given[0][0]:
        return f"{name}({changed[0][1]})"
    return f"{name}({', '.join(f'{knob}={setting}' for knob, setting in changed)})" if changed else name


def _joined(values: list[Any], text: str, registry: Registry[Any]) -> Any:
    if registry.join is not None:
        return registry.join(*values)
    if len(values) > 1:
        raise ValueError(f"{registry.kind} must be one, got {len(values)} in {text!r}")
    return values[0]


def _written(value: Any, registry: Registry[Any]) -> str:
    if isinstance(value, registry.base):
        written = format(value, registry)
        return written if len(registry.split(value)) == 1 else f"({written})"
    if isinstance(value, bool) or value is None:
        return str(value).lower()
    if isinstance(value, str):
        bare = value.isascii() and value.isidentifier() and not keyword.iskeyword(value) and value.lower() not in _WORDS
        return value if bare else '"' + re.sub(r'["\\]', r"\\\g<0>", value) + '"'
    return repr(value)


def _nodes(text: str) -> list[ast.expr]:
    """The expressions between the commas of ``text``."""
    plain = _QUOTED_OR_HYPHEN.sub(_readable, text)
    try:
        body = ast.parse(f"[{plain}\n]", mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"cannot read {text!r}; write stages as name(knob=value, ...), separated by commas") from error
    if not isinstance(body, ast.List):
        raise ValueError(f"cannot read {text!r}; write stages as name(knob=value, ...), separated by commas")
    return body.elts


def _readable(match: re.Match[str]) -> str:
    """A hyphen or quoted text as Python's parser takes it."""
    if match[0] == "-":
        return _HYPHEN
    quoted = match["two"] if match["one"] is None else match["one"]
    return repr(quoted if match["raw"] else _ESCAPED.sub(r"\1", quoted))


def _one(setting: str, text: str) -> ast.expr:
    nodes = _nodes(text)
    if not nodes:
        raise ValueError(f"{setting} must have a value, got {text!r}")
    # Commas alone make a tuple, so that lists of token ids need no parentheses.
    return nodes[0] if len(nodes) == 1 else ast.Tuple(nodes, ast.Load())


def _stage(node: ast.expr, registry: Registry[Any]) -> _Stage:
    called = node.func if isinstance(node, ast.Call) else node
    if not isinstance(called, ast.Name):
        raise ValueError(f"a stage must be written name or name(knob=value, ...), got {_shown(node)!r}")
    name = called.id.replace(_HYPHEN, "-").replace("_", "-")
    if name not in registry:
        raise ValueError(f"unknown {registry.kind} {name!r}{_hint(name, registry)}")
    stage = _Stage(name, registry[name], {})
    known = knobs(stage.cls)
    if isinstance(node, ast.Call) and len(node.args) > len(known):
        raise ValueError(f"{name} takes at most {len(known)} values ({', '.join(known)}), got {len(node.args)}")
    for knob, value in _given(node, known):
        if knob not in known:
            raise ValueError(f"{name} has no knob {knob!r}{_hint(knob, known)}")
        if knob in stage.values:
            raise ValueError(f"{name}.{knob} was given twice")
        stage.values[knob] = _value(f"{name}.{knob}", known[knob], value, registry)
    return stage


def _given(node: ast.expr, known: Iterable[str]) -> list[tuple[str, ast.expr]]:
    """The values within a stage's parentheses, with the names of their knobs."""
    if not isinstance(node, ast.Call):
        return []
    named = [((word.arg or "**").replace(_HYPHEN, "_"), word.value) for word in node.keywords]
    return [*zip(known, node.args, strict=False), *named]


def _given_of(node: ast.expr, registry: Registry[Any]) -> dict[str, Any]:
    called = node.func if isinstance(node, ast.Call) else node
    name = called.id.replace(_HYPHEN, "-").replace("_", "-") if isinstance(called, ast.Name) else ""
    known = knobs(registry[name]) if name in registry else {}
    found: dict[str, Any] = {}
    for knob, value in _given(node, known):
        nodes = value.elts if isinstance(value, ast.Tuple | ast.List) else [value]
        nested = knob in known and known[knob].kind == registry.kind
        found[knob] = [_given_of(inner, registry) for inner in nodes] if nested else None
    return found


def _target(setting: str, stages: list[_Stage]) -> tuple[_Stage, str]:
    """The stage and the knob that a setting's left side means."""
    name, dot, knob = setting.strip().replace("-", "_").rpartition(".")
    named = [stage for stage in stages if not dot or stage.name == name.replace("_", "-")]
    if not named:
        raise ValueError(f"{setting}: no stage {name.replace('_', '-')!r} among {', '.join(s.name for s in stages)}")
    having = [stage for stage in named if knob in knobs(stage.cls)]
    if not having:
        known = [known for stage in named for known in knobs(stage.cls)]
        raise ValueError(f"no knob {knob!r} in {', '.join(stage.name for stage in named)}{_hint(knob, known)}")
    if len(having) > 1:
        raise ValueError(f"{setting} is ambiguous: {', '.join(s.name for s in having)} have it; write stage.knob=value")
    return having[0], knob


def _value(where: str, knob: Knob, node: ast.expr, registry: Registry[Any]) -> Any:
    """A knob's value, read by its kind and checked against its range."""
    if knob.kind == registry.kind and ast.unparse(node).lower() != "none":
        nodes = node.elts if isinstance(node, ast.Tuple | ast.List) else [node]
        return _joined([_stage(inner, registry).build() for inner in nodes], ast.unparse(node), registry)
    value = _plain(node)
    if value is _UNREADABLE:
        raise ValueError(f"{where} must be {knob.range}, got {_shown(node)!r}")
    quoted = isinstance(node, ast.Constant) and isinstance(node.value, str)
    if isinstance(value, str) and knob.kind != "choice" and not (knob.kind == "text" and quoted):
        value = _WORDS.get(value.lower(), value)
    if knob.kind == "tokens" and isinstance(value, int) and not isinstance(value, bool):
        value = (value,)
    if knob.kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    knob.check(where, value)
    return value


_UNREADABLE = object()


def _plain(node: ast.expr) -> Any:
    """A number, word, string or tuple of them."""
    if isinstance(node, ast.Name):
        return node.id.replace(_HYPHEN, "-")
    if isinstance(node, ast.Tuple | ast.List):
        values = tuple(_plain(inner) for inner in node.elts)
        return _UNREADABLE if _UNREADABLE in values else values
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError):
        return _UNREADABLE


def _shown(node: ast.expr) -> str:
    return ast.unparse(node).replace(_HYPHEN, "-")


def _hint(name: str, known: Iterable[str]) -> str:
    known = list(known)
    close = difflib.get_close_matches(name, known, n=3)
    meant = f", did you mean {' or '.join(close)}?" if close else ";"
    return f"{meant} known: {', '.join(known) or 'none'}"
