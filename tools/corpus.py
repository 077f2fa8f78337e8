"""Turn the archive of novels into token files for training, and train the tokenizer.

    python tools/corpus.py ../shared/data/novels.tar.xz build/corpus

writes ``tokenizer.json`` and its configuration, ``train.npy`` and ``validation.npy`` (uint16 token ids) and
``corpus.json`` (what was held out, sizes). The text itself is never written anywhere.
"""

import json
import re
import tarfile
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

VOCABULARY = 4096
END, PAD, MASK = "<|end|>", "<|pad|>", "<|mask|>"
HELD_OUT = ("Chesterton_Napoleon_1904", "Conrad_Rover_1923", "Gissing_Women_1893", "Hardy_Madding_1874")
HEADING = re.compile(r"^\s*((chapter|book|part|phase|volume|vol)\b.{0,60}|[ivxlc]+\.?|\d+\.?)\s*$", re.IGNORECASE)
SHORTEST_CHAPTER = 600  # characters; tables of contents and title pages fall under it


def tidy(line: str) -> str:
    """One space between words, none before the punctuation after a contraction (the archive has ``don't  .``)."""
    return re.sub(r"(n't) (?=[.,;:!?])", r"\1", re.sub(r"\s+", " ", line).strip())


def paragraphs(chapter: list[str], width: int | None) -> list[str]:
    """Join hard-wrapped lines: a line ends its paragraph if the next line's first word would have fitted on it."""
    found: list[list[str]] = [[]]
    for line in map(tidy, chapter):
        previous = found[-1][-1] if found[-1] else ""
        fits = width is None or len(previous) + 1 + len(line.split(" ", 1)[0]) <= width - 4
        if not line or (previous and fits):
            found.append([])
        if line:
            found[-1].append(line)
    return [" ".join(lines) for lines in found if lines]


def chapters(text: str) -> list[str]:
    """The chapters of a novel, headings removed, one paragraph a line."""
    lines = text.split("\n")
    lengths = np.array([len(line.rstrip()) for line in lines if line.strip()])
    wrapped = np.quantile(lengths, 0.99) < 120
    width = int(np.quantile(lengths, 0.95)) if wrapped else None
    found: list[list[str]] = [[]]
    for line in lines:
        if HEADING.match(line):
            found.append([])
        else:
            found[-1].append(line)
    joined = ("\n".join(paragraphs(chapter, width)) for chapter in found)
    return [chapter for chapter in joined if len(chapter) >= SHORTEST_CHAPTER]


def read(archive: Path) -> dict[str, list[str]]:
    """Chapters by novel."""
    novels = {}
    with tarfile.open(archive) as tar:
        for member in sorted((m for m in tar if m.isfile()), key=lambda m: m.name):
            handle = tar.extractfile(member)
            assert handle is not None
            novels[Path(member.name).stem] = chapters(handle.read().decode("utf-8"))
    return novels


def train_tokenizer(texts: list[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE: every string can be encoded, no token is unknown."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[END, PAD, MASK],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=PAD,
        mask_token=MASK,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )


def main(
    archive: Annotated[Path, typer.Argument(help="novels.tar.xz")],
    folder: Annotated[Path, typer.Argument(help="where the token files go")],
) -> None:
    novels = read(archive)
    folder.mkdir(parents=True, exist_ok=True)
    train = [chapter for name, found in novels.items() if name not in HELD_OUT for chapter in found]
    validation = [chapter for name in HELD_OUT for chapter in novels[name]]
    tokenizer = train_tokenizer(train)
    tokenizer.save_pretrained(folder)
    sizes = {}
    for name, texts in (("train", train), ("validation", validation)):
        ids = [[tokenizer.eos_token_id, *chapter] for chapter in tokenizer(texts)["input_ids"]]
        tokens = np.array([token for chapter in ids for token in chapter] + [tokenizer.eos_token_id], np.uint16)
        np.save(folder / f"{name}.npy", tokens)
        sizes[name] = {"chapters": len(texts), "characters": sum(map(len, texts)), "tokens": len(tokens)}
    (folder / "corpus.json").write_text(
        json.dumps({"novels": len(novels), "held_out": HELD_OUT, **sizes}, indent=2) + "\n"
    )
    typer.echo(json.dumps(sizes))


if __name__ == "__main__":
    typer.run(main)
