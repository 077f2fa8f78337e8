"""Write the model card of a trained causal model from what its training recorded.

python tools/model_card.py build/tiny-ar
"""

import json
from pathlib import Path
from typing import Annotated

import typer

CARD = Path(__file__).parent / "tiny-ar.card.md"


def main(folder: Annotated[Path, typer.Argument(help="the folder that training wrote")]) -> None:
    training = json.loads((folder / "training.json").read_text())
    corpus = json.loads((folder / "corpus.json").read_text())
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    validation = corpus["validation"]
    bits = training["validation_nats_per_token"] / 0.6931471805599453 * validation["tokens"] / validation["characters"]
    card = CARD.read_text().format(
        **training,
        bits=bits,
        vocabulary=vocabulary,
        novels=corpus["novels"] - len(corpus["held_out"]),
        held_out=", ".join(name.replace("_", " ") for name in corpus["held_out"]),
        train_tokens=corpus["train"]["tokens"],
        train_characters=corpus["train"]["characters"],
    )
    (folder / "README.md").write_text(card)


if __name__ == "__main__":
    typer.run(main)
