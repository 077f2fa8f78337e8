"""Documents: pages of HTML, each one file that needs nothing else, not even a network.

Nothing that is shown becomes markup or code. Data are JSON in ASCII with ``<``, ``>`` and ``&`` escaped, so that no
text in them ends its element; the code puts them into text nodes and attributes only; and the page's own policy forbids
every script but those that are part of it, by their hashes, and every request.
"""

import base64
import hashlib
import html
import json
import re
from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from sortilege import __version__

_UNHASHED = "'unsafe-inline'"
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def document(
    generator: str,
    title: str,
    data: Any,
    *,
    style: str,
    code: Sequence[str],
    libraries: Sequence[str] = (),
    styled_by_code: bool = False,
) -> str:
    """One page.

    generator: the command that makes such pages, which ``made_by`` knows them by.
    data: what the code finds, as JSON, in the element with the id "data".
    style: CSS, which finds the colours and fonts of ``theme.css``. code: JavaScript, run as one strict function after
        ``elements.js``. libraries: scripts of others, run before it as they are.
    styled_by_code: whether a library makes styles and images of its own; otherwise the policy forbids that too.
    """
    style = part(__name__, "theme.css") + style
    code = "\n".join([part(__name__, "elements.js"), *code])
    scripts = [*libraries, f'"use strict";\n(() => {{\n{code}\n}})();\n']
    filled = {
        "policy": f"default-src 'none'; script-src {' '.join(map(_hashed, scripts))}; "
        f"style-src {_UNHASHED if styled_by_code else _hashed(style)}; "
        f"img-src data:{' blob:' if styled_by_code else ''}; base-uri 'none'; form-action 'none'",
        "generator": f"{generator} {__version__}",
        "title": html.escape(title.encode(errors="replace").decode()),
        "style": style,
        "data": island(data),
        "scripts": "\n".join(f"<script>{script}</script>" for script in scripts),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: filled[found[1]], part(__name__, "template.html"))


def made_by(generator: str, text: str) -> bool:
    """Whether a text is a page of this command, to judge by how it begins."""
    return f'<meta name="generator" content="{generator} ' in text[:2000]


def part(package: str, name: str) -> str:
    """A file of a package, as text."""
    return files(package).joinpath(name).read_text(encoding="utf-8")


def island(value: Any) -> str:
    """JSON that is safe inside a script element: ASCII, and without the characters that HTML gives a meaning."""
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)


def _hashed(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
