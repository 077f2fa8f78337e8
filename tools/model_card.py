"""Write the model card of a trained model from what its training, and ``generative_perplexity.py``, recorded.

python tools/model_card.py build/tiny-ar tiny-ar
"""

import json
from pathlib import Path
from typing import Annotated

import typer

CARDS = Path(__file__).parent


def main(
    folder: Annotated[Path, typer.Argument(help="the folder that training wrote")],
    name: Annotated[str, typer.Argument(help="the model's name: NAME.card.md is the card to fill in")],
) -> None:
    training = json.loads((folder / "training.json").read_text())
    corpus = json.loads((folder / "corpus.json").read_text())
    validation = corpus["validation"]
    key = "validation_nats_per_token" if "validation_nats_per_token" in training else "evidence_bound_nats_per_token"
    bits = training[key] / 0.6931471805599453 * validation["tokens"] / validation["characters"]
    card = (
        (CARDS / f"{name}.card.md")
        .read_text()
        .format(
            **training,
            bits=bits,
            vocabulary=json.loads((folder / "config.json").read_text())["vocab_size"],
            novels=corpus["novels"] - len(corpus["held_out"]),
            held_out=", ".join(name.replace("_", " ") for name in corpus["held_out"]),
            train_tokens=corpus["train"]["tokens"],
            train_characters=corpus["train"]["characters"],
        )
    )
    (folder / "README.md").write_text(card)


if __name__ == "__main__":
    typer.run(main)
