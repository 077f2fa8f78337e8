"""A set of prompts, each with what a person wrote there if that is known: what texts are judged on."""

from typing import Any

from sortilege.cli._errors import fail
from sortilege.cli._prompts import is_prompt, prompts_in
from sortilege.evaluation.prompts import Prompt, bundled_prompts


def read_prompt_set(source: str | None) -> list[Prompt]:
    """The prompts in ``source``, in the order they stand there; the bundled ones where it is None.

    source: a file with a prompt a line; a ``.jsonl`` file of objects with "prompt" and perhaps "reference", each a text
        or a list of token ids; a folder with a prompt a file; or ``-`` for the lines of standard input.

    Refused: what cannot be read or holds nothing, and a set of which any prompt or reference cannot be used. Half a set
    is another set: what was measured on it could be compared with nothing.
    """
    if source is None:
        return bundled_prompts()
    prompts: list[Prompt] = []
    for given in prompts_in(source):
        if given.prompt is None or given.error is not None:
            fail(f"{given.place}: {given.error}")
        reference = given.reference
        if reference is not None and not (is_prompt(reference) and len(reference) > 0):
            fail(f'{given.place}: "reference" must be a text or a list of token ids, and not empty')
        prompts.append(Prompt(_frozen(given.prompt), None if reference is None else _frozen(reference)))
    return prompts


def _frozen(value: Any) -> str | tuple[int, ...]:
    return value if isinstance(value, str) else tuple(value)
