"""What everything is compared with: real pictures as a network sees them, looked at once for all that is scored."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from t2i_utils.data.pixels import StoredPixels
from t2i_utils.data.split import PARTS, Contents, read_contents
from t2i_utils.evaluation.judged import Judged, look_as_judge
from t2i_utils.evaluation.plan import BATCH, LEAST, Plan, real_parts
from t2i_utils.evaluation.reading import Reading, known_exactly
from t2i_utils.evaluation.renderings import Renderings, draw_renderings
from t2i_utils.evaluation.words import caption_classes
from t2i_utils.metrics.classes import Classifier, train_classifier
from t2i_utils.metrics.extractors import ReaderExtractor
from t2i_utils.metrics.gather import Gathered
from t2i_utils.metrics.nearest import nearest, small_pixels
from t2i_utils.metrics.reader import Reader
from t2i_utils.metrics.seen import Extractor
from t2i_utils.text.clip import ClipEncoder

TRAINING = 5000  # pictures of train, and of val, among which the nearest is looked for


@dataclass(frozen=True)
class Reference:
    """The real side of every score.

    Attributes:
        plan: what is asked.
        contents: of its split.
        size, channels: of real and painted pictures.
        real: features of the real pictures that are compared with.
        scored: positions of the real pictures that are scored like a painter; none without `halves`.
        training: [n, pixels] small pictures of the classes that generators learn from; none where they are the very
            pictures that are compared with.
        usual: the mean distance of the real pictures from the nearest of these.
        classifier: of the split's classes; None where they cannot be told apart, for the reason in `notes`.
        caption_classes: int64 [captions], the class that each caption means, -1 where its words leave it open.
        reading: reads attributes off pictures; None where nobody knows them exactly.
        ceiling: by attribute, how often it is right about the real pictures: what painted ones can reach at most.
        judged: by a CLIP; None where none was named.
        notes: what is not measured, and why.
    """

    plan: Plan
    contents: Contents
    size: int
    channels: int
    real: Gathered
    scored: np.ndarray
    training: Tensor
    usual: float
    classifier: Classifier | None
    caption_classes: np.ndarray
    reading: Reading | None
    ceiling: dict[str, float]
    judged: Judged | None
    notes: list[str] = field(default_factory=list)

    @property
    def pictures(self) -> int:
        """How many are painted."""
        return len(self.scored) if self.plan.halves else self.plan.pictures

    @property
    def reader(self) -> Reader | None:
        """The network that reads attributes; None where nobody knows them exactly."""
        return None if self.reading is None else self.reading.eyes.reader

    @cached_property
    def renderings(self) -> Renderings | None:
        """Real renderings of captions that state everything, drawn when first asked for; None where nobody can."""
        return None if self.reading is None else draw_renderings(self.plan, self.size, self.real.extractor)


def look_at_real(plan: Plan, extractor: Extractor, size: int, judge: ClipEncoder | None = None) -> Reference:
    """Look at the real pictures of a plan.

    Args:
        plan: what is asked.
        extractor: whose features are compared.
        size: of the painted pictures, in pixels: real ones are brought to it.
        judge: a CLIP for CLIP score, R-precision and CMMD.

    Raises:
        FileNotFoundError, ValueError: for a file or split that cannot be read, a size above the file's, and a split
            with too few pictures.
    """
    contents, notes = read_contents(plan.data, plan.split), []
    channels = StoredPixels(plan.data, contents.rows, size).channels
    compared, scored = plan.halved(len(contents.rows))
    if len(compared) < LEAST:
        raise ValueError(
            f"scores need {LEAST} real pictures or more, and the {plan.split} split of {plan.data} gives "
            f"{len(compared)}{' for one half' if plan.halves else ''}; choose a larger split, or build a larger file"
        )
    meant, judged = caption_classes(contents), None
    if judge is None:
        notes.append("no CLIP score, R-precision and CMMD: no CLIP that had no part in the pictures was named")
    else:
        judged, why = look_as_judge(judge, contents, meant, plan)
        notes += [f"no R-precision: {why}"] if why else []
    reading = Reading(extractor, size, plan.data.parent) if known_exactly(contents, channels) else None
    if reading is None:
        notes.append("no attribute accuracy: only the built-in flowers' attributes are known exactly")
        if isinstance(extractor, ReaderExtractor):
            notes.append("the reader learnt from the built-in flowers; of other pictures its features say little")
    training, why = training_pictures(plan, size)
    notes += [f"no distance to training pictures: {why}"] if why else []
    real = Gathered(extractor, plan.keep)
    unseen = Reference(
        *(plan, contents, size, channels, real, scored, training, 0.0, None, meant, reading, {}, judged), notes=notes
    )
    return _look(unseen, compared)


def training_pictures(plan: Plan, size: int) -> tuple[Tensor, str]:
    """What generators may have learnt by heart: pictures of train and val.

    Returns:
        Small pictures, [n, pixels], at most TRAINING of each, evenly spread; or [0, 0] and why there are none.
    """
    if "train" in PARTS[plan.split]:
        return torch.empty(0, 0), f"pictures of {plan.split} are compared with, and generators learn from them"
    parts = []
    for split in ("train", "val"):
        try:
            known = read_contents(plan.data, split)
        except ValueError:  # none in this file
            continue
        if split not in PARTS[plan.split]:
            chosen = np.linspace(0, len(known.rows) - 1, min(TRAINING, len(known.rows))).round().astype(np.int64)
            parts += [small_pixels(images) for images in real_parts(known, plan.data, size, np.unique(chosen))]
    return (torch.cat(parts), "") if parts else (torch.empty(0, 0), f"{plan.data} has no others to learn from")


def _look(reference: Reference, compared: np.ndarray) -> Reference:
    """The same after every real picture at these positions was looked at once."""
    plan, contents, reading, notes = reference.plan, reference.contents, reference.reading, list(reference.notes)
    distances, right = [], dict.fromkeys(contents.values if reading is not None else (), 0)
    for index, images in enumerate(real_parts(contents, plan.data, reference.size, compared)):
        features = reference.real.add(images).features
        if len(reference.training):
            distances.append(nearest(small_pixels(images), reference.training)[0])
        if reference.judged is not None:
            reference.judged.real.add(images)
        if reading is not None:
            true = contents.attributes[compared[index * BATCH : (index + 1) * BATCH]]
            read = reading.read(images, features)
            for column, name in enumerate(contents.values):
                right[name] += int((read[name].numpy() == true[:, column]).sum())
    usual, training = torch.cat(distances).mean().item() if distances else 0.0, reference.training
    if distances and usual == 0:
        training = training[:0]
        notes.append("no distance to training pictures: all real pictures equal one of them")
    classifier, why = _classifier(reference.real, contents.classes[compared], plan.seed)
    notes += [f"no classification accuracy: {why}"] if why else []
    ceiling = {name: count / len(compared) for name, count in right.items()}
    return replace(reference, training=training, usual=usual, classifier=classifier, ceiling=ceiling, notes=notes)


def _classifier(real: Gathered, classes: np.ndarray, seed: int) -> tuple[Classifier | None, str]:
    """A classifier of the real pictures whose features stayed, the first ones, or why there is none."""
    told = torch.from_numpy(classes[: len(real.features)])
    try:
        return train_classifier(real.features[told >= 0], told[told >= 0], seed=seed), ""
    except ValueError as error:
        return None, str(error)
