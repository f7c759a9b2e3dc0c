"""Fashion-MNIST: 70,000 grey pictures of 28 x 28 pixels, read from its four files, with captions from class names.

    ROOT/train-images-idx3-ubyte.gz    60,000 pictures
    ROOT/train-labels-idx1-ubyte.gz    their classes, 0 to 9
    ROOT/t10k-images-idx3-ubyte.gz     10,000 pictures for testing
    ROOT/t10k-labels-idx1-ubyte.gz     their classes

All four may lie there unpacked as well, without the .gz. The split is the official one: each of the ten classes is
trained on and tested on.

From: Xiao, Rasul and Vollgraf, Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms, 2017
(arXiv:1708.07747).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from t2i_utils.data.idx import read_idx
from t2i_utils.data.pictures import squash
from t2i_utils.data.sentences import with_article
from t2i_utils.data.source import Caption, Example, Source
from t2i_utils.data.subset import choose

SIDE = 28
PARTS = {"train": ("train", 60_000), "test": ("t10k", 10_000)}  # our split: what its files are called, how many it has
FROM = "github.com/zalandoresearch/fashion-mnist (data/fashion)"
LICENCE = "MIT; pictures and labels: Zalando SE (Xiao, Rasul and Vollgraf, 2017); captions: written here"
CAPTIONS = 5  # a picture

# class name, in the order of the labels: what captions call it. Only what is true of every picture of the class.
GARMENTS = {
    "T-shirt/top": "T-shirt or top",
    "Trouser": "pair of trousers",
    "Pullover": "pullover",
    "Dress": "dress",
    "Coat": "coat",
    "Sandal": "sandal",
    "Shirt": "shirt",
    "Sneaker": "sneaker",
    "Bag": "bag",
    "Ankle boot": "ankle boot",
}
CLASSES = tuple(GARMENTS)
# {it} is "an ankle boot", {thing} "ankle boot". Every picture is grey, on black, of one product of a shop.
SENTENCES = (
    "{thing}",
    "{it}",
    "one {thing}",
    "a picture of {it}",
    "a photo of {it}",
    "a grey picture of {it}",
    "a small grey photo of {it}",
    "a black and white photo of {it}",
    "a product photo of {it}",
    "{it}, photographed for a shop",
    "{it} on a black background",
    "{it} on black",
    "{it} in front of a black background",
    "{it} in shades of grey",
    "grey on black: {it}",
    "fashion: {it}",
    "something to wear or carry: {it}",
    "This is {it}.",
    "The picture shows {it}.",
    "Here you see {it}, grey on black.",
    "What is for sale here is {it}.",
)


class Item(NamedTuple):
    """One picture: its split, its number from 0 in that split's files, its class."""

    split: str
    number: int
    label: int


def fashion_mnist(root: Path, limit: int | None = None, classes: Sequence[str] | None = None) -> Source:
    """Read Fashion-MNIST from its four files; a part of it is read too, and said to be one.

    Args:
        root: the folder that holds them.
        limit: at most so many pictures, taken evenly from all classes, with the files' share of test pictures.
        classes: only these, by their official names, as "Ankle boot".

    Returns:
        Grey pictures of 28 x 28, those of the training files first, each with five captions that say its class.

    Raises:
        FileNotFoundError: naming the file that is missing, and where it should lie.
        ValueError: for a file that is cut, damaged or of another kind, files that do not belong together, an unknown
            class or a limit below 1.
    """
    root = Path(root)
    pixels, items = {}, []
    for split in PARTS:
        pixels[split], labels = _read_part(root, split)
        items += [Item(split, number, label) for number, label in enumerate(labels)]
    found, notes = choose(_mixed(items), lambda item: CLASSES[item.label], limit, classes)
    found.sort(key=lambda item: (list(PARTS).index(item.split), item.number))
    sentences = _write_captions()
    examples = [_example(item, pixels[item.split][item.number], sentences) for item in found]
    return Source(
        "fashion_mnist",
        "Fashion-MNIST, captions from class names, 1",
        LICENCE,
        examples,
        channels=1,
        attributes={"garment": CLASSES},
        origin=str(root),
        notes=(*_notes(items), *notes),
        native_size=SIDE,
    )


def _read_part(root: Path, split: str) -> tuple[np.ndarray, list[int]]:
    """Pictures, uint8 [pictures, 28, 28], and labels, [pictures] from 0 to 9, of one split."""
    prefix, most = PARTS[split]
    images = _find(root, f"{prefix}-images-idx3-ubyte")
    labels = _find(root, f"{prefix}-labels-idx1-ubyte")
    pixels, classes = read_idx(images, (SIDE, SIDE), most), read_idx(labels, (), most)
    if len(pixels) != len(classes):
        raise ValueError(
            f"{images} holds {len(pixels):,} pictures, but {labels.name} has {len(classes):,} labels; "
            f"take both files from the same place"
        )
    if classes.max() >= len(CLASSES):
        place = int(classes.argmax())
        raise ValueError(
            f"{labels} gives picture {place} the class {classes[place]}; Fashion-MNIST has classes 0 to "
            f"{len(CLASSES) - 1}: put its own {labels.name} there"
        )
    return pixels, classes.tolist()


def _find(root: Path, name: str) -> Path:
    for path in (root / f"{name}.gz", root / name):
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"{root / name}.gz is missing: fashion_mnist needs four files in {root}, the images and the labels of train "
        f"and t10k; they are at {FROM}, and torchvision keeps them in FashionMNIST/raw"
    )


def _notes(items: list[Item]) -> list[str]:
    """What a person should know who compares with birds and flowers, or believes that this is the full set."""
    counts = Counter(item.split for item in items)
    notes = ["the official split: every class is in train and in test, where birds and flowers hold test classes out"]
    if any(counts[split] != full for split, (_, full) in PARTS.items()):
        full = " and ".join(f"{full:,}" for _, full in PARTS.values())
        notes.append(
            f"this is not the full set: {counts['train']:,} train and {counts['test']:,} test pictures, "
            f"where Fashion-MNIST has {full}"
        )
    return notes


def _mixed(items: list[Item]) -> list[Item]:
    """Training and test pictures mixed evenly, so that any part from the front has the files' share of both."""
    counts = Counter(item.split for item in items)
    return sorted(items, key=lambda item: (item.number + 0.5) / counts[item.split])


def _write_captions() -> list[list[Caption]]:
    """Every sentence about every class: [classes][sentences]."""
    states = frozenset({"garment"})
    return [
        [Caption(text.format(thing=thing, it=with_article(thing)), states) for text in SENTENCES]
        for thing in GARMENTS.values()
    ]


def _example(item: Item, pixels: np.ndarray, sentences: list[list[Caption]]) -> Example:
    """pixels: uint8 [28, 28]. Which sentences are told depends on the split and the number alone."""
    prefix, _ = PARTS[item.split]
    rng = np.random.default_rng([list(PARTS).index(item.split), item.number])
    told = rng.permutation(len(SENTENCES))[:CAPTIONS]
    return Example(
        name=f"{prefix}_{item.number:05d}",
        picture=partial(_draw, pixels),
        captions=tuple(sentences[item.label][index] for index in told),
        class_name=CLASSES[item.label],
        split=item.split,
        attributes={"garment": item.label},
    )


def _draw(pixels: np.ndarray, size: int) -> Image.Image:
    """uint8 [28, 28] as a picture of `size` pixels; at 28 it has these very pixels."""
    return squash(Image.fromarray(pixels), size)
