"""Prompt sets: what texts are asked for, and where there is one, what a person wrote there."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from sortilege.models import Model


@dataclass(frozen=True)
class Prompt:
    """A prompt.

    given: the prompt, as text or as token ids; one token or more.
    reference: how a person went on, as text or as token ids, where that is known.
    """

    given: str | tuple[int, ...]
    reference: str | tuple[int, ...] | None = None

    def tokens(self, model: Model) -> list[int]:
        """Its token ids; the model's start token where there would be none."""
        if not isinstance(self.given, str):
            return list(self.given)
        found = model.encode(self.given)
        return found if found or model.start_token_id is None else [model.start_token_id]


def bundled_prompts() -> list[Prompt]:
    """Beginnings of stories, essays and letters that come with the package, without references."""
    lines = files("sortilege.evaluation").joinpath("prompts.txt").read_text(encoding="utf-8").splitlines()
    return [Prompt(line) for line in lines if line]


def references(prompts: Sequence[Prompt]) -> list[str | tuple[int, ...]] | None:
    """The references of the prompts; None unless every one of them has one."""
    found = [one.reference for one in prompts if one.reference is not None]
    return found if len(found) == len(prompts) else None
