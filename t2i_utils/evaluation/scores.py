"""Every score of one source of pictures, in one pass over them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from torch import Tensor

from t2i_utils.evaluation.caption_scores import caption_scores
from t2i_utils.evaluation.noise_scores import noise_scores
from t2i_utils.evaluation.parts import Source
from t2i_utils.evaluation.picture_scores import picture_scores
from t2i_utils.evaluation.plan import LEAST
from t2i_utils.evaluation.reference import Reference
from t2i_utils.evaluation.sources import Files
from t2i_utils.evaluation.tally import Tally, take
from t2i_utils.metrics.extractors import ClipExtractor
from t2i_utils.metrics.gather import Gathered
from t2i_utils.metrics.judge import refuse_participants
from t2i_utils.metrics.record import Record
from t2i_utils.metrics.seen import Extractor
from t2i_utils.painter import Painter
from t2i_utils.text.clip import ClipEncoder


@dataclass(frozen=True)
class Evaluation:
    """The scores of one source.

    Attributes:
        records: each with its protocol.
        values: per picture, by metric, in the order of the source.
        notes: what was not measured, and why.
    """

    records: list[Record]
    values: dict[str, Tensor]
    notes: list[str]


def evaluate(source: Source, reference: Reference) -> Evaluation:
    """Score a source of pictures against real ones.

    Args:
        source: looked at once, part by part.
        reference: the real side.

    Returns:
        Every score that can be given; a note for each that cannot, such as FID of fewer pictures than features.

    Raises:
        ValueError: where a judge had a part in the pictures; for fewer pictures than scores need; for pictures that
            are no bytes, or not of the reference's channels and size.
    """
    plan, judged, eyes = reference.plan, reference.judged, reference.real.extractor
    if source.size != reference.size:
        raise ValueError(f"{source.name} has pictures of {source.size} px, the real ones are of {reference.size}")
    if source.painter is not None:
        refuse_kin(source.painter, eyes, None if judged is None else judged.encoder)
    seen = None if judged is None else Gathered(judged.real.extractor, plan.keep)
    tally = Tally(Gathered(eyes, plan.keep), seen)
    for index, part in enumerate(source.parts()):
        take(tally, part, reference, np.random.default_rng([plan.seed, 2, index]))
    if tally.features.count < LEAST:
        raise ValueError(
            f"{source.name} gave {tally.features.count} pictures, scores need {LEAST} or more; give more of them"
        )
    notes = [*reference.notes, *_remarks(source, tally, judged is not None)]
    found = picture_scores(tally, reference, notes) | caption_scores(tally, reference, notes)
    if source.painter is not None:
        found |= noise_scores(source.painter, reference, notes)
    else:
        notes.append(f"no diversity and text sensitivity of {source.name}: nobody can paint more of it")
    records = [Record.of(source.name, source.checkpoint, protocol, interval) for protocol, interval in found.items()]
    return Evaluation(records, tally.values(), notes)


def refuse_kin(painter: Painter, extractor: Extractor, judge: ClipEncoder | None) -> None:
    """Raise a ValueError where an encoder that had a part in the pictures would see or judge them."""
    encoders = [judge, extractor.encoder if isinstance(extractor, ClipExtractor) else None]
    for encoder in encoders:
        if encoder is not None:
            refuse_participants(encoder, [painter.encoder])


def _remarks(source: Source, tally: Tally, judged: bool) -> list[str]:
    """What is odd about some pictures."""
    told = list(source.notes) if isinstance(source, Files) else []
    if isinstance(source, Files) and judged:
        told.append(f"nobody says which encoders had a part in {source.name}; the judge must not be one of them")
    if tally.brightest <= 1:
        told.append(
            f"no pixel of {source.name} is above {tally.brightest} of 255: pictures of 0..1 look so where somebody "
            "forgot to multiply them by 255"
        )
    return told
