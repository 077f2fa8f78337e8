"""Put a trained model into the package, and its files' checksums into ``bundled.json``.

python tools/bundle.py build/tiny-ar tiny-ar --origin "trained by tools/train_ar.py on novels out of copyright"
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from sortilege.models._bundled import FOLDER

NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
LOADED = (*NEEDED, "generation_config.json")  # a denoiser has no generation configuration
WELCOME = ("generation_config.json", "README.md", "training.json")


def main(
    source: Annotated[Path, typer.Argument(help="the folder that training wrote")],
    name: Annotated[str, typer.Argument(help="what `sortilege.load` is to know the model by")],
    origin: Annotated[str, typer.Option(help="how the weights came about, in a sentence")],
    licence: Annotated[str, typer.Option(help="SPDX identifier")] = "Apache-2.0",
    folder: Annotated[Path, typer.Option(help="the package's folder of models")] = FOLDER,
) -> None:
    """Copy what decoding needs, and the model card and training report where there are any."""
    target = folder / name
    target.mkdir(parents=True, exist_ok=True)
    for file in (*NEEDED, *(file for file in WELCOME if (source / file).exists())):
        if source.resolve() != target.resolve():
            shutil.copyfile(source / file, target / file)
    files = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(target.iterdir())
        if path.name in LOADED
    }
    table = folder / "bundled.json"
    entries = json.loads(table.read_text(encoding="utf-8")) if table.exists() else {}
    entries[name] = {"licence": licence, "origin": origin, "files": files}
    table.write_text(json.dumps(entries, indent=2, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
