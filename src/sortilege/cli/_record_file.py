"""The output file of ``sortilege denoise`` and ``sortilege search``."""

from pathlib import Path

from sortilege._journal import Journal
from sortilege._journal import RecordError as RecordError
from sortilege.cli._records import SCHEMA


class RecordFile(Journal):
    """A journal of texts that were denoised; ``_records`` says what a record has."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, SCHEMA, ("index", "sample", "seed", "prompt", "settings"))
