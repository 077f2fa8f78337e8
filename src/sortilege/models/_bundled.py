"""The models inside the package. ``bundled.json`` lists their files with SHA-256, their licence and their origin."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Bundled:
    """A model that comes with the package.

    name: what ``load`` knows it by, and its folder's name.
    licence: its SPDX identifier.
    origin: how its weights came about, in a sentence.
    files: the SHA-256 of each of its files, in hexadecimal, by file name.
    """

    name: str
    licence: str
    origin: str
    files: dict[str, str]

    @property
    def folder(self) -> Path:
        return FOLDER / self.name

    def verify(self) -> Path:
        """The model's folder, once every file in it has been found to be what was shipped.

        Raises ValueError naming the first file that is missing or differs.
        """
        for file, expected in self.files.items():
            path = self.folder / file
            found = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"
            if found != expected:
                raise ValueError(
                    f"the bundled model {self.name!r} is damaged: SHA-256 of {path} must be {expected}, got {found}; "
                    "reinstall sortilege"
                )
        return self.folder


def bundled() -> dict[str, Bundled]:
    """The bundled models by name."""
    entries = json.loads((FOLDER / "bundled.json").read_text(encoding="utf-8"))
    return {name: Bundled(name, **entry) for name, entry in entries.items()}
