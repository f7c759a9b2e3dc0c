"""What false negatives cost: captions that are true of a picture, and marked wrong because they came with another one.

    python -m t2i_utils study false_negatives --data FILE.h5

The tiny CLIP is trained from scratch with the same steps, seeds and pictures a batch in several ways: plain batches
marked as CLIP's own loss does, marked by picture or by class, and batches of one picture a class. Measured on held-out
classes: retrieval of the very picture (mean recall), whether the nearest picture is of the caption's class, and
whether it shows the attributes that the caption states.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch.nn import functional as F

from t2i_utils.colab import choose_device
from t2i_utils.data.loader import Loader
from t2i_utils.data.split import evenly, read_contents, read_split
from t2i_utils.metrics.retrieval import agreement, mean_recall
from t2i_utils.text.clip import new_clip, tiny_config
from t2i_utils.text.contrastive import Same, contrastive_turn, pairings
from t2i_utils.text.towers import ClipTowers
from t2i_utils.training.budget import Budget
from t2i_utils.training.trainer import Trainer, as_it_is

WIDTH = 8  # of the picture tower: half the tiny CLIP's, for batches of half its size


@dataclass(frozen=True)
class Way:
    """How batches are made and marked.

    Attributes:
        same: which captions count as true, as of `truths`.
        captions: of each picture in a batch.
        one_a_class: at most one picture of a class.
    """

    same: Same = "own"
    captions: int = 1
    one_a_class: bool = False


WAYS = {
    "CLIP's own loss": Way(),
    "2 captions, by picture": Way("picture", 2),
    "by class": Way("class"),
    "one picture a class": Way(one_a_class=True),
}


def score(data: Path, way: Way, steps: int, batch_size: int, pictures: int, seed: int) -> dict[str, float]:
    """Train in one way; the marks on held-out classes."""
    device = choose_device()
    loader = Loader(
        data,
        batch_size=min(batch_size, len(read_contents(data, "train").rows)),
        seed=seed,
        split="train",
        captions_per_visit=way.captions,
        device=device,
        one_a_class=way.one_a_class,
    )
    towers = ClipTowers(new_clip(tiny_config(loader.image_size, WIDTH), seed=seed))
    trainer = Trainer([contrastive_turn(towers, steps, same=way.same)], as_it_is, device, seed=seed)
    trainer.run(pairings(loader, towers), Budget(steps=steps))
    held = evenly(read_split(data, "test"), pictures)
    images, sentences = towers.compare(held)
    nearest = (F.normalize(sentences, dim=1) @ F.normalize(images, dim=1).T).argmax(dim=1)
    right = held.classes[nearest] == held.classes[held.caption_picture]
    wanted = {name: values[held.caption_picture] for name, values in held.attributes.items()}
    states = {name: held.states[:, column] for column, name in enumerate(held.values)}
    shown = agreement(images, sentences, held.attributes, wanted, states)
    marks = {"this picture": mean_recall(images, sentences, held.caption_picture), "its class": right.double().mean()}
    return {name: float(mark) for name, mark in (marks | {name: one.mean for name, one in shown.items()}).items()}


def tell(name: str, batch: str, seeds: Sequence[Mapping[str, float]]) -> str:
    """A row of the table: mean and range over seeds, in percent."""
    cells = []
    for mark in seeds[0]:
        values = 100 * np.array([one[mark] for one in seeds])
        cells.append(f"{values.mean():.1f} ({values.min():.1f} to {values.max():.1f})")
    return "| " + " | ".join([name, batch, *cells]) + " |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with each way of marking and print how well each finds captions."""
    parser = argparse.ArgumentParser(
        prog="python -m t2i_utils study false_negatives", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file of `build`")
    parser.add_argument("--steps", type=int, default=600, help="of each training (default 600)")
    parser.add_argument("--batch-size", type=int, default=64, help="pictures; fewer where classes are few (default 64)")
    parser.add_argument("--pictures", type=int, default=400, help="held-out ones (default 400)")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args(arguments)
    classes = len(set(read_contents(options.data, "train").classes.tolist()) - {-1})
    for name, way in WAYS.items():
        seeds = [
            score(options.data, way, options.steps, options.batch_size, options.pictures, seed)
            for seed in range(options.seeds)
        ]
        if name == next(iter(WAYS)):
            print("| batches | pictures | " + " | ".join(mark.replace("_", " ") for mark in seeds[0]) + " |")
            print("|---|" + "---|" * (1 + len(seeds[0])))
        batch = min(options.batch_size, classes) if way.one_a_class else options.batch_size
        print(tell(name, str(batch), seeds), flush=True)


if __name__ == "__main__":
    main()
