"""Classes by name: ours, and those that other packages register under an entry-point group."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Registry(Mapping[str, type[T]], Generic[T]):
    """Classes by kebab-case name. Classes of other packages are imported when they are asked for; ours win.

    kind: what messages call one of them, such as "sampler".
    group: the entry-point group.
    base: the class they derive from.
    join, split: make one of several, where several written one after another mean something, and take it apart again.
    """

    def __init__(
        self,
        kind: str,
        group: str,
        base: type[T],
        ours: Mapping[str, type[T]],
        join: Callable[..., T] | None = None,
        split: Callable[[T], tuple[T, ...]] = lambda value: (value,),
    ) -> None:
        self.kind, self.group, self.base, self.join, self.split = kind, group, base, join, split
        self._ours = dict(ours)

    @cached_property
    def _others(self) -> dict[str, EntryPoint]:
        found = {entry.name.replace("_", "-"): entry for entry in entry_points(group=self.group)}
        return {name: entry for name, entry in sorted(found.items()) if name not in self._ours}

    def __getitem__(self, name: str) -> type[T]:
        """Raises KeyError for an unknown name, ValueError for an entry point that is no such class."""
        if name in self._ours:
            return self._ours[name]
        entry = self._others[name]
        cls = entry.load()
        if not (isinstance(cls, type) and issubclass(cls, self.base)):
            raise ValueError(
                f"entry point {name!r} of group {self.group!r} must be a {self.base.__name__} class, "
                f"got {entry.value!r}"
            )
        return cls

    def __iter__(self) -> Iterator[str]:
        yield from self._ours
        yield from self._others

    def __len__(self) -> int:
        return len(self._ours) + len(self._others)

    def name_of(self, value: Any) -> str:
        """The name of the class of ``value``. Raises ValueError if it is not registered."""
        for name, cls in self.items():
            if cls is type(value):
                return name
        raise ValueError(f"{type(value).__name__} is not a registered {self.kind}; known: {', '.join(self)}")
