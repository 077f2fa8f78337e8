"""``sortilege samplers``, ``policies`` and ``properties``: what there is to choose from."""

from sortilege.cli._listing import AsJson, Name, show
from sortilege.diffusion.policies.registry import POLICIES
from sortilege.properties.registry import PROPERTIES
from sortilege.samplers.registry import SAMPLERS


def samplers(name: Name = None, as_json: AsJson = False) -> None:
    """List the samplers with their knobs, ranges, defaults and sources."""
    show(SAMPLERS, name, as_json)


def policies(name: Name = None, as_json: AsJson = False) -> None:
    """List the reveal policies of masked diffusion with their knobs."""
    show(POLICIES, name, as_json)


def properties(name: Name = None, as_json: AsJson = False) -> None:
    """List the properties that a search can hold to bounds, with their knobs."""
    show(PROPERTIES, name, as_json)
