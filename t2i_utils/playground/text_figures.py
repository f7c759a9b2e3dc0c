"""What notebook 02 shows of sentence vectors: who lies near whom, and how often that is right."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.colors import is_color_like
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.data.split import Pictures, evenly
from t2i_utils.fine_tuned import Choice
from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.retrieval import Retrieval, agreement
from t2i_utils.playground.data_figures import RIGHT, bare
from t2i_utils.playground.figures import drawn
from t2i_utils.playground.grids import grid
from t2i_utils.training.watchers import History


@dataclass(frozen=True)
class HeldOut:
    """Some pictures of a split with all their captions, numbered anew from 0.

    Attributes:
        images: uint8 [pictures, channels, size, size].
        captions: [captions].
        caption_picture: int64 [captions].
        attributes: attribute name to int64 [pictures].
        wanted: attribute name to int64 [captions]: the value of the caption's own picture.
        states: attribute name to bool [captions]: whether the caption says it.
        values: attribute name to its values.
    """

    images: Tensor
    captions: list[str]
    caption_picture: Tensor
    attributes: dict[str, Tensor]
    wanted: dict[str, Tensor]
    states: dict[str, Tensor]
    values: dict[str, tuple[str, ...]]

    def chance(self) -> dict[str, float]:
        """By attribute, how often a picture drawn blindly shows what a caption states."""
        share = {n: torch.bincount(v, minlength=len(self.values[n])) / len(v) for n, v in self.attributes.items()}
        told = {name: self.wanted[name][states] for name, states in self.states.items() if states.any()}
        return {name: share[name][wanted].mean().item() for name, wanted in told.items()}


def some_of(pictures: Pictures, count: int) -> HeldOut:
    """`count` pictures of a split (all, where it has fewer), evenly spread over its order, with their captions."""
    few = evenly(pictures, count)
    return HeldOut(
        images=few.images,
        captions=few.captions,
        caption_picture=few.caption_picture,
        attributes=few.attributes,
        wanted={name: values[few.caption_picture] for name, values in few.attributes.items()},
        states={name: few.states[:, column] for column, name in enumerate(few.values)},
        values=few.values,
    )


def stated(pictures: Pictures, attribute: str, count: int, seed: int = 0) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """Some captions by what they state: positions [n], what each states [n] (both int64) and the names of that.

    Where nobody knows the attribute, what a caption states is its picture's class. n is at most `count`.
    """
    names = pictures.values.get(attribute)
    if names is None:
        names, values = pictures.class_names, pictures.classes[pictures.caption_picture]
        positions = torch.arange(len(values))
    else:
        values = pictures.attributes[attribute][pictures.caption_picture]
        positions = pictures.states[:, list(pictures.values).index(attribute)].nonzero().flatten()
    rng = torch.Generator().manual_seed(seed)
    positions = positions[torch.randperm(len(positions), generator=rng)[:count]]
    return positions, values[positions], names


def cosines(left: Tensor, right: Tensor) -> Tensor:
    """[n, dim] and [m, dim] vectors to [n, m] cosines."""
    return F.normalize(left, dim=1) @ F.normalize(right, dim=1).T


def loss_curve(history: History, name: str, level: float, meaning: str) -> Image.Image:
    """One loss against the step, and a dashed line at the level that has a meaning.

    Raises:
        ValueError: for a history that holds no such loss.
    """
    steps, values = history.column(name)
    if not steps:
        raise ValueError(f"no {name!r} was recorded, only: {', '.join(history.names()) or 'nothing'}; train first")
    figure = Figure(figsize=(6.5, 2.6), layout="constrained")
    axis = figure.subplots()
    axis.plot(steps, values, color=RIGHT, linewidth=1)
    axis.axhline(level, color="grey", linestyle="--", linewidth=1, label=meaning)
    axis.set_ylim(0, 1.15 * max(level, *values))
    axis.set_xlabel("step")
    axis.set_ylabel(name.split("/")[-1])
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    return drawn(figure)


def similarity_table(captions: Sequence[str], sentences: Tensor) -> Image.Image:
    """The cosine of every two captions; sentences: [captions, dim]."""
    table = cosines(sentences, sentences).numpy()
    figure = Figure(figsize=(3.2 + 0.75 * len(captions), 0.5 + 0.62 * len(captions)), layout="constrained")
    axis = figure.subplots()
    axis.imshow(table, cmap="Greens", vmin=min(0.0, float(table.min())), vmax=1.3, aspect="auto")
    for row, column in np.ndindex(table.shape):
        axis.text(column, row, f"{table[row, column]:.2f}", ha="center", va="center", fontsize=8)
    bare(axis)
    axis.set_yticks(range(len(captions)), [textwrap.fill(text, 34) for text in captions], fontsize=8, parse_math=False)
    axis.tick_params(length=0)
    return drawn(figure)


def nearest_captions(images: Tensor, near: Sequence[Sequence[str]], own: Sequence[Sequence[bool]]) -> Image.Image:
    """Beside each picture its nearest captions, nearest first; those that were written for this very picture are green.

    images: uint8 [n, channels, size, size]; near, own: n lists of the same length.
    """
    figure = Figure(figsize=(8.5, 1.45 * len(images)), layout="constrained")
    axes = figure.subplots(len(images), 2, width_ratios=[1.3, 7], squeeze=False)
    for (show, text), image, captions, right in zip(axes, images, near, own, strict=True):
        show.imshow(np.asarray(grid(image[None])), interpolation="nearest")
        for line, (caption, true) in enumerate(zip(captions, right, strict=True)):
            height = 1 - (line + 0.5) / len(captions)
            colour = RIGHT if true else "#333333"
            text.text(
                0, height, textwrap.shorten(caption, 100), va="center", fontsize=8.5, color=colour, parse_math=False
            )
        bare(show)
        bare(text)
    return drawn(figure)


def sentence_map(sentences: Tensor, labels: Tensor, names: Sequence[str], title: str = "") -> Image.Image:
    """Sentence vectors on the plane of their two widest directions, coloured by what they state.

    Args:
        sentences: [n, dim], n at least 3.
        labels: int64 [n], an index of `names`.
        names: what is stated; a colour's name is drawn in that colour.
        title: of the figure; the share of variance that the plane shows is written under it.
    """
    centred = (sentences - sentences.mean(dim=0)).double()
    _, sizes, directions = torch.linalg.svd(centred, full_matrices=False)
    places = centred @ directions[:2].T
    shown = (sizes[:2].square().sum() / sizes.square().sum()).item()
    figure = Figure(figsize=(6, 4), layout="constrained")
    axis = figure.subplots()
    for index, name in enumerate(names):
        mine = places[labels == index]
        if len(mine):
            colour = name if is_color_like(name) else None
            axis.scatter(mine[:, 0], mine[:, 1], s=16, color=colour, edgecolor="grey", linewidth=0.4, label=name)
    axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    axis.set_title(title, fontsize=10)
    axis.set_xticks([])
    axis.set_yticks([])
    axis.set_xlabel(f"the plane shows {100 * shown:.0f} % of the variance of {len(sentences):,} vectors", fontsize=8)
    return drawn(figure)


def recall_table(found: Retrieval) -> str:
    """Recalls both ways with their 95 % intervals, and what blind guessing would find."""
    each = found.captions / found.pictures
    rows = [f"{found.captions:,} captions, {found.pictures:,} pictures{'found':>24}{'95 %':>18}{'blindly':>10}"]
    for way, recalls in (
        ("caption -> picture", found.picture_of_caption),
        ("picture -> caption", found.caption_of_picture),
    ):
        for rank, interval in recalls.items():
            if way.startswith("caption"):
                chance = min(1.0, rank / found.pictures)
            else:
                looks = range(min(rank, found.captions))
                miss = [max(0.0, (found.captions - each - i) / (found.captions - i)) for i in looks]
                chance = 1 - float(np.prod(miss))
            rows.append(f"{way}, among the nearest {rank:<4}{told(interval)}{100 * chance:>8.1f} %")
    return "\n".join(rows)


def agreement_table(found: Mapping[str, Interval], chance: Mapping[str, float]) -> str:
    """How often the nearest picture shows what a caption states, by attribute, beside chance."""
    if not found:
        return "nobody knows the attributes of these pictures, so agreement cannot be counted"
    rows = [f"{'the nearest picture shows the stated':<42}{'right':>8}{'95 %':>18}{'blindly':>10}{'captions':>10}"]
    for name, one in found.items():
        rows.append(f"{name:<41}{told(one)}{100 * chance[name]:>8.1f} %{one.count:>10,}")
    return "\n".join(rows)


def agreement_of_both(images: Tensor, sentences: Tensor, held_out: HeldOut, names: Sequence[str], seed: int = 0) -> str:
    """For captions that state all of some attributes: how often the nearest picture shows each; and the control.

    Args:
        images, sentences: vectors of the held-out pictures and captions.
        held_out: these.
        names: the attributes.
        seed: of the control, in which each of these captions is given another one's vector.
    """
    if not set(names) <= set(held_out.states):
        return "nobody knows these attributes of these pictures, so agreement cannot be counted"
    both = torch.stack([held_out.states[name] for name in names]).all(dim=0)
    wanted = {name: held_out.wanted[name][both] for name in names}
    asked, every = sentences[both], {name: torch.ones(int(both.sum()), dtype=torch.bool) for name in names}
    shuffled = asked[torch.randperm(len(asked), generator=torch.Generator().manual_seed(seed))]
    right, control = (agreement(images, one, held_out.attributes, wanted, every) for one in (asked, shuffled))
    rows = [f"{f'{len(asked):,} captions that state both':<42}{'right':>8}{'95 %':>18}{'captions shuffled':>20}"]
    rows += [f"{name:<41}{told(right[name])}{100 * control[name].mean:>18.1f} %" for name in names]
    return "\n".join(rows)


def tuning_curves(choice: Choice) -> Image.Image:
    """Mean recall on val classes: by epoch, and on the way from the original weights to the chosen epoch's."""
    figure = Figure(figsize=(8.5, 2.8), layout="constrained")
    panels = (
        (choice.epochs, choice.epoch, "epoch (0: before)"),
        (choice.curve, choice.weight, "weight of the fine-tuned (0: the original)"),
    )
    for axis, (scores, chosen, label) in zip(figure.subplots(1, 2), panels, strict=True):
        places = [float(place) for place in scores]
        axis.plot(places, [100 * score for score in scores.values()], marker="o", markersize=3, color=RIGHT)
        axis.axvline(float(chosen), color="grey", linestyle="--", linewidth=1, label=f"chosen: {chosen:g}")
        axis.set_xlabel(label)
        axis.set_ylabel("mean recall, %")
        axis.legend(fontsize=8)
        axis.grid(alpha=0.3)
    figure.suptitle(f"{choice.pictures:,} pictures and {choice.captions:,} captions of val classes", fontsize=9)
    return drawn(figure)


def told(interval: Interval) -> str:
    """A share in percent with its interval, in columns."""
    return f"{100 * interval.mean:>7.1f} %{f'[{100 * interval.low:.1f}, {100 * interval.high:.1f}]':>18}"
