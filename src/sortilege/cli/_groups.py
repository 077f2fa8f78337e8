"""Commands whose options are fields of dataclasses: a group of options is typed once, and commands share it."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Annotated, Any, get_args, get_type_hints

import typer

from sortilege._knobs import Knob, knobs
from sortilege.cli._errors import refusals


@dataclass(frozen=True)
class Knobs:
    """A group of options read off the knobs of a class; the command gets those that were given, by knob.

    more: further names of an option, by knob. panel: where the help shows them.
    """

    owner: Any
    more: Mapping[str, tuple[str, ...]]
    panel: str

    def parameters(self) -> list[inspect.Parameter]:
        defaults = {field.name: field.default for field in fields(self.owner)}
        return [self._parameter(name, knob, defaults[name]) for name, knob in knobs(self.owner).items()]

    def collect(self, given: dict[str, Any]) -> dict[str, Any]:
        """Take this group's out of the values of all options. Raises ValueError for one out of its range."""
        found = {name: value for name in knobs(self.owner) if (value := given.pop(name)) is not None}
        for name, value in found.items():
            knob = knobs(self.owner)[name]
            # A choice may be written with hyphens or underscores, as names may.
            alike = [choice for choice in knob.choices if choice.replace("_", "-") == str(value).replace("_", "-")]
            found[name] = alike[0] if alike else value
            knob.check(option(name), found[name])
        return found

    def _help(self, name: str, knob: Knob) -> str:
        parts = [f"{knob.doc[0].upper()}{knob.doc[1:]}"]
        parts += [f"One of {', '.join(knob.choices)}"] if knob.choices and not knob.doc.startswith(knob.choices) else []
        parts += [f"Also {', '.join(self.more[name])}"] if name in self.more else []
        return ". ".join(parts) + "."

    def _parameter(self, name: str, knob: Knob, default: Any) -> inspect.Parameter:
        kind = {"float": float, "int": int, "bool": bool}.get(knob.kind, str)
        declared = typer.Option(
            option(name),
            *self.more.get(name, ()),
            metavar="NAME" if knob.choices else "N" if kind is int else "X",
            help=self._help(name, knob),
            show_default="no limit" if default is None else f"{default:g}" if kind is float else str(default),
            rich_help_panel=self.panel,
        )
        return _keyword(name, Annotated[kind | None, declared], None)


def option(name: str) -> str:
    """``--num-samples`` of ``num_samples``."""
    return "--" + name.replace("_", "-")


def flat(command: Callable[..., None]) -> Callable[..., None]:
    """A command for typer: a parameter that is a dataclass, or ``Annotated[..., Knobs(...)]``, becomes its options.

    A field's annotation is what typer takes for an option: ``Annotated[type, typer.Option(...)]``.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: _group(hint) for name, hint in hints.items()}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        group = groups[name]
        if isinstance(group, Knobs):
            parameters += group.parameters()
        elif group is not None:
            annotations = get_type_hints(group, include_extras=True)
            parameters += [_keyword(field.name, annotations[field.name], field.default) for field in fields(group)]
        else:
            parameters.append(_keyword(name, hints[name], parameter.default))

    def flattened(**given: Any) -> None:
        made: dict[str, Any] = {}
        for name, group in groups.items():
            if isinstance(group, Knobs):
                with refusals(ValueError):
                    made[name] = group.collect(given)
            elif group is not None:
                made[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        command(**given, **made)

    flattened.__name__, flattened.__doc__ = command.__name__, command.__doc__
    flattened.__annotations__ = {}
    flattened.__signature__ = inspect.Signature(parameters)  # pyright: ignore[reportFunctionMemberAccess]
    return flattened


def _group(hint: Any) -> Any:
    """The dataclass or the ``Knobs`` that a parameter stands for; None for an option of its own."""
    if isinstance(hint, type) and is_dataclass(hint):
        return hint
    return next((extra for extra in get_args(hint) if isinstance(extra, Knobs)), None)


def _keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default)
