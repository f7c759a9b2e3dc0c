"""Which text encoder helps the pictures? The same pictures, splits and budgets for each; one table, one figure.

    python -m t2i_utils study encoders --data FILE.h5 --out runs/encoders
    python -m t2i_utils study encoders --data FILE.h5 --out runs/encoders \\
        --encoders tiny_clip ViT-B-32-quickgelu/openai ViT-B-32-quickgelu/openai+tuned

NAME+tuned is the encoder fine-tuned on FILE's train classes. What is measured, of each encoder:

- seconds per 10,000 captions, from 1,000 captions encoded here;
- retrieval among held-out pictures by a new small picture tower that learns beside the encoder's fixed vectors, so
  that encoders without pictures of their own, and of any width, are measured alike;
- the encoder as the condition of the same GAN (`gan_cls`), some seeds: attribute accuracy on held-out captions, and
  diversity, with 95 % intervals over seeds and captions.

Everything that is done lies in --out: interrupted, the same command goes on.
"""

from __future__ import annotations

import argparse
import csv
import io
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from t2i_utils.colab import choose_device
from t2i_utils.data.hdf5 import read_captions, read_embeddings
from t2i_utils.data.loader import Loader
from t2i_utils.data.split import evenly, read_contents, read_split
from t2i_utils.fine_tuning import ENCODER, Tuning, fine_tune
from t2i_utils.interfaces import TextEncoder
from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.retrieval import retrieval
from t2i_utils.painter import Painter
from t2i_utils.playground.figures import drawn
from t2i_utils.playground.grids import save_png
from t2i_utils.recipes.arguments import build_recipe, complete
from t2i_utils.studies.attempts import listed, tensor
from t2i_utils.studies.kept import kept
from t2i_utils.studies.reading import diversity_by_caption, over_seeds, right_by_caption
from t2i_utils.studies.trained import QUICK, train
from t2i_utils.text.contrastive import contrastive_turn, pairings
from t2i_utils.text.embedding import embed_once
from t2i_utils.text.encoders import open_encoder
from t2i_utils.text.picture_towers import CachedTowers
from t2i_utils.training.budget import Budget
from t2i_utils.training.trainer import Trainer, as_it_is
from t2i_utils.whole import write_whole

USUAL = ("tiny_clip", "sbert", "sbert+tuned", "char_cnn_rnn")
TUNED = "+tuned"
TIMED = 1000  # captions
VAL = 200  # pictures that choose the epoch of a fine-tuning
TOLD = {"sbert": "MiniLM", "sbert+tuned": "MiniLM fine-tuned", "tiny_clip": "tiny CLIP", "char_cnn_rnn": "char-CNN-RNN"}


@dataclass(frozen=True)
class Study:
    """What is done for every encoder alike.

    Attributes:
        data: HDF5 file of the built-in flowers.
        out: where results lie.
        steps: of a GAN; channels: its base width; batch_size: of its batches; seeds: how many.
        probe_steps: of the small picture tower.
        pictures: held-out ones for the retrieval.
        captions, noises: held-out captions for the accuracies, and pictures of each.
        tuned_epochs: of fine-tuning.
    """

    data: Path
    out: Path
    steps: int = 2000
    channels: int = 16
    batch_size: int = 32
    seeds: int = 3
    probe_steps: int = 600
    pictures: int = 400
    captions: int = 200
    noises: int = 4
    tuned_epochs: int = 5

    def kept(self, name: str, work: Callable[[], dict[str, Any]], facts: Mapping[str, Any]) -> dict[str, Any]:
        """As `studies.kept`, in the study's folder."""
        return kept(self.out, name, self.data, facts, work)


def ready(study: Study, name: str, device: torch.device) -> TextEncoder:
    """An encoder whose vectors are in the file under its name, fine-tuned first where that is asked for."""
    plain = name.removesuffix(TUNED)
    if plain == name:
        encoder = open_encoder(name, study.data, device)
    else:
        folder = study.out / f"{plain.replace('/', '_')}_tuned"
        if fine_tune(plain, study.data, folder, Tuning(epochs=study.tuned_epochs, val_pictures=VAL), device) is None:
            raise KeyboardInterrupt
        encoder = open_encoder(str(folder / ENCODER), device=device)
    embed_once(study.data, encoder, name)
    return encoder


def seconds_of(study: Study, encoder: TextEncoder) -> dict[str, Any]:
    """Seconds per 10,000 captions."""
    captions = sorted(set(read_captions(study.data)))[:TIMED]
    encoder.encode(captions[:64])
    began = time.perf_counter()
    encoder.encode(captions)
    return {"seconds": 10_000 * (time.perf_counter() - began) / len(captions)}


def probe(study: Study, encoder: TextEncoder, device: torch.device) -> dict[str, Any]:
    """Recalls in percent by a picture tower that learns beside the encoder's vectors, with intervals."""
    stored, captions = read_embeddings(study.data, encoder.fingerprint), read_captions(study.data)
    batch_size = min(64, len(read_contents(study.data, "train").rows))
    loader = Loader(study.data, batch_size=batch_size, split="train", device=device)
    towers = CachedTowers(captions, torch.from_numpy(stored.sentence), loader.image_size)
    trainer = Trainer([contrastive_turn(towers, study.probe_steps)], as_it_is, device)
    trainer.run(pairings(loader, towers), Budget(steps=study.probe_steps))
    held = evenly(read_split(study.data, "test"), study.pictures)
    found = retrieval(*towers.compare(held), held.caption_picture)
    ways = {"text_to_image": found.picture_of_caption, "image_to_text": found.caption_of_picture}
    ranked = [(f"{way}_R@{rank}", one) for way, recalls in ways.items() for rank, one in recalls.items()]
    return {name: [one.mean, one.low, one.high] for name, one in ranked}


def paint(study: Study, encoder: TextEncoder, seed: int, device: torch.device) -> dict[str, Any]:
    """A GAN conditioned on the encoder: by attribute, the share right for each caption; diversity for each caption."""
    arguments = {"base_channels": study.channels, "discriminator_channels": study.channels}
    arguments |= {"batch_size": study.batch_size, **QUICK["gan_cls"]}
    probe = Loader(study.data, encoder=encoder.fingerprint, batch_size=2)
    recipe = build_recipe("gan_cls", complete("gan_cls", arguments, probe), seed)
    loader = Loader(study.data, encoder=encoder.fingerprint, batch_size=study.batch_size, seed=seed, device=device)
    survival, average = train(recipe, loader.stream, device, None, Budget(study.steps), seed)
    painter = Painter(encoder, average, "gan_cls")
    right = right_by_caption(painter, study.data, loader.image_size, study.captions, study.noises)
    spread = diversity_by_caption(painter, study.data, loader.image_size)
    return {"seconds_a_step": survival.seconds, "right": listed(right), "diversity": spread.tolist()}


def measure(study: Study, name: str, device: torch.device) -> dict[str, Any]:
    """Everything of one encoder: scores as (mean, low, high) by column."""
    encoder = ready(study, name, device)
    mark = {"encoder": encoder.fingerprint}
    timed = study.kept(f"{name}_seconds", lambda: seconds_of(study, encoder), mark)
    asked = {"steps": study.probe_steps, "pictures": study.pictures}
    found = study.kept(f"{name}_retrieval", lambda: probe(study, encoder, device), mark | asked)
    asked = {"steps": study.steps, "channels": study.channels, "batch_size": study.batch_size}
    asked |= {"captions": study.captions, "noises": study.noises}
    painted = [
        study.kept(f"{name}_gan_{seed}", lambda seed=seed: paint(study, encoder, seed, device), mark | asked)
        for seed in range(study.seeds)
    ]
    scores = {key: Interval(*value, study.pictures) for key, value in found.items()}
    for attribute in painted[0]["right"]:
        scores[attribute] = over_seeds([tensor(one["right"][attribute]) for one in painted])
    scores["diversity"] = over_seeds([torch.tensor(one["diversity"], dtype=torch.float64) for one in painted])
    return {"encoder": name, "text_dim": encoder.text_dim, "seconds": timed["seconds"], "scores": scores}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: a row an encoder."""
    names = list(rows[0]["scores"])
    lines = [
        "| encoder | numbers | s / 10,000 captions | " + " | ".join(name.replace("_", " ") for name in names) + " |",
        "|---|" + "---|" * (2 + len(names)),
    ]
    for row in rows:
        scores = [f"{one.mean:.3f} [{one.low:.3f}, {one.high:.3f}]" for one in row["scores"].values()]
        told = [TOLD.get(row["encoder"], row["encoder"]), str(row["text_dim"]), f"{row['seconds']:.1f}", *scores]
        lines.append("| " + " | ".join(told) + " |")
    return "\n".join(lines) + "\n"


def sheet(rows: Sequence[Mapping[str, Any]]) -> str:
    """CSV: a line an encoder and score."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["encoder", "text_dim", "seconds_per_10000", "score", "mean", "low", "high", "count"])
    for row in rows:
        for name, one in row["scores"].items():
            told = [f"{number:.6g}" for number in (one.mean, one.low, one.high)]
            writer.writerow([row["encoder"], row["text_dim"], f"{row['seconds']:.4g}", name, *told, one.count])
    return text.getvalue()


def draw(rows: Sequence[Mapping[str, Any]]):
    """Every score as a group of bars, an encoder a colour, with its interval."""
    names = list(rows[0]["scores"])
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    axis = figure.subplots()
    width = 0.8 / len(rows)
    for place, row in enumerate(rows):
        scores = [row["scores"][name] for name in names]
        means = [one.mean for one in scores]
        around = [[one.mean - one.low for one in scores], [one.high - one.mean for one in scores]]
        left = [index + (place - (len(rows) - 1) / 2) * width for index in range(len(names))]
        axis.bar(left, means, width, yerr=around, label=TOLD.get(row["encoder"], row["encoder"]), error_kw={"lw": 0.8})
    axis.set_xticks(range(len(names)), [name.replace("_", "\n") for name in names], fontsize=7)
    axis.set_ylabel("share right; diversity")
    axis.grid(axis="y", alpha=0.3)
    axis.legend(fontsize=8)
    return drawn(figure)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare the encoders that are asked for; what was measured before is not measured again."""
    parser = argparse.ArgumentParser(prog="python -m t2i_utils study encoders", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file of the built-in flowers")
    parser.add_argument("--out", type=Path, required=True, help="folder of results; what lies there is gone on with")
    parser.add_argument("--encoders", nargs="+", default=USUAL, help=f"default: {' '.join(USUAL)}")
    for name in ("steps", "channels", "seeds", "probe_steps", "pictures", "captions", "tuned_epochs"):
        usual = getattr(Study, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=int, default=usual, help=f"default {usual}")
    options = vars(parser.parse_args(arguments))
    names = options.pop("encoders")
    study, device = Study(**options), choose_device()
    rows = [measure(study, name, device) for name in names]
    write_whole(study.out / "table.md", table(rows).encode())
    write_whole(study.out / "table.csv", sheet(rows).encode())
    save_png(draw(rows), study.out / "figure.png")
    print(table(rows))
    print(f"{study} on {device}: retrieval among held-out pictures by a new picture tower; gan_cls; intervals of 95 %")


if __name__ == "__main__":
    main()
