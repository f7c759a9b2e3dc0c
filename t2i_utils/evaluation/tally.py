"""What is noted of each picture while it passes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from t2i_utils.evaluation.parts import Part
from t2i_utils.evaluation.reference import Reference
from t2i_utils.metrics.gather import Gathered
from t2i_utils.metrics.judge import clip_score, r_precision
from t2i_utils.metrics.nearest import nearest, small_pixels
from t2i_utils.metrics.resize import check_pictures


@dataclass
class Tally:
    """What is noted of each picture while it passes: some numbers, never its pixels.

    Attributes:
        features: through the extractor's eyes.
        judged: through the judge's; None without one.
        rows: [n] positions of captions, -1 where the split has no such caption; none where nobody says anything.
        strange: captions that are not of the split.
        right: by attribute, [n] 1 or 0, nan where the caption does not state it.
        distance: [n] to the nearest training picture, over the usual one of real pictures.
        clip, precise: [n] CLIP scores, and whether the own caption ranked first.
        brightest: of all pixels.
    """

    features: Gathered
    judged: Gathered | None
    rows: list[int] = field(default_factory=list)
    strange: set[str] = field(default_factory=set)
    right: dict[str, list[float]] = field(default_factory=dict)
    distance: list[float] = field(default_factory=list)
    clip: list[float] = field(default_factory=list)
    precise: list[float] = field(default_factory=list)
    brightest: int = 0

    @property
    def captions(self) -> int:
        """How many different captions there were."""
        return len(set(self.rows) - {-1}) + len(self.strange)

    def values(self) -> dict[str, Tensor]:
        """What is known of each picture, by metric, float64 [n]: for looking at the best and the worst."""
        told = {"distance to training pictures": self.distance, "CLIP score": self.clip, "R-precision": self.precise}
        told |= {heading(name): values for name, values in self.right.items()}
        return {name: torch.tensor(values, dtype=torch.float64) for name, values in told.items() if values}


def heading(attribute: str) -> str:
    """The metric that counts how often an attribute is right: "petal_color" to "petal colour right"."""
    return f"{attribute.replace('_', ' ').replace('color', 'colour')} right"


def take(tally: Tally, part: Part, reference: Reference, rng: np.random.Generator) -> None:
    """Note everything about some pictures.

    Raises:
        ValueError: for anything but bytes of the reference's shape, and captions of some parts only.
    """
    check_pictures(part.images)
    shape, wanted = tuple(part.images.shape[1:]), (reference.channels, reference.size, reference.size)
    if shape != wanted:
        raise ValueError(
            f"pictures are {list(shape)}, the real ones they are compared with {list(wanted)} (channels, height, "
            "width); compare what was made for the same data"
        )
    if tally.features.count and (part.captions is None) == bool(tally.rows):
        raise ValueError("some parts have captions and some have none; give captions with all of them or with none")
    tally.brightest = max(tally.brightest, int(part.images.max()))
    features = tally.features.add(part.images).features
    if len(reference.training):
        near = nearest(small_pixels(part.images), reference.training)[0]
        tally.distance += (near / reference.usual).tolist()
    vectors = None if tally.judged is None else tally.judged.add(part.images).features
    if part.captions is None:
        return
    rows = part.rows.numpy()
    tally.rows += rows.tolist()
    tally.strange |= {part.captions[place] for place in np.flatnonzero(rows < 0)}
    if reference.reading is not None:
        _note_attributes(tally, reference, reference.reading.read(part.images, features), rows)
    if vectors is not None:
        _note_judgement(tally, reference, vectors, part.captions, rows, rng)


def _note_attributes(tally: Tally, reference: Reference, read: dict[str, Tensor], rows: np.ndarray) -> None:
    """read: by attribute, [n] values that are seen; rows: [n], the captions'."""
    contents = reference.contents
    for column, name in enumerate(contents.values):
        wanted = contents.attributes[contents.caption_picture[rows], column]
        told = contents.states[rows, column] & (rows >= 0)
        right = np.where(told, read[name].numpy() == wanted, np.nan)
        tally.right.setdefault(name, []).extend(right.tolist())


def _note_judgement(
    tally: Tally, reference: Reference, vectors: Tensor, captions: list[str], rows: np.ndarray, rng: np.random.Generator
) -> None:
    """vectors: [n, dim], what the judge sees in pictures of [n] captions at rows, [n]."""
    judged = reference.judged
    own = judged.encoder.encode(captions).sentence
    tally.clip += clip_score(vectors, own).tolist()
    if not len(judged.pool):
        return
    meant = np.where(rows >= 0, reference.caption_classes[rows], -1)
    wrong = [judged.wrong(caption, one, rng) for caption, one in zip(captions, meant.tolist(), strict=True)]
    tally.precise += r_precision(vectors, own, judged.vectors[torch.from_numpy(np.stack(wrong))]).double().tolist()
