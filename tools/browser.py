"""The browser that pictures and tests of pages use: a Chromium that is installed, led by playwright."""

import os
import shutil

NEEDED = "needs Chromium (apt install chromium, or its path in SORTILEGE_CHROMIUM) and playwright from the dev extra"


def chromium() -> str | None:
    """The path of a Chromium; None where there is none."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("SORTILEGE_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
