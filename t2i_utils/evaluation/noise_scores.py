"""Scores of several pictures of the same captions, which only a painter can give: diversity, and what captions change.

Where real renderings of the captions can be drawn, theirs stand beside them: low MS-SSIM alone is not good (noise has
the lowest), and nobody wants captions to decide everything.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from t2i_utils.evaluation.picture_scores import Found
from t2i_utils.evaluation.plan import Plan
from t2i_utils.evaluation.protocols import asked, seen_by
from t2i_utils.evaluation.reference import Reference
from t2i_utils.evaluation.renderings import HELD_STILL
from t2i_utils.evaluation.words import first_of_each
from t2i_utils.interfaces import draw_noise
from t2i_utils.metrics.diversity import relative_spread, spread
from t2i_utils.metrics.intervals import Interval, bootstrap
from t2i_utils.metrics.sensitivity import text_sensitivity
from t2i_utils.metrics.structure import caption_ms_ssim
from t2i_utils.metrics.student import student_interval
from t2i_utils.painter import Painter, truncate

FEWEST = 3  # captions of a sensitivity with an interval


def noise_scores(painter: Painter, reference: Reference, notes: list[str]) -> Found:
    """Diversity, MS-SSIM within captions, text sensitivity.

    Args:
        painter: who paints once more.
        reference: which captions, and real renderings where they can be drawn.
        notes: gets what cannot be measured, and why.
    """
    plan, eyes, real = reference.plan, reference.real.extractor, reference.renderings
    captions = _captions(reference) if real is None else real.captions
    repeated = [caption for caption in captions for _ in range(plan.noises)]
    pictures = painter.paint(repeated, plan.noise_seed(0) + 1, plan.truncation)
    pictures = pictures.unflatten(0, (len(captions), plan.noises))
    features = eyes.see(pictures.flatten(0, 1)).features.unflatten(0, pictures.shape[:2])
    base = replace(asked(reference, ""), painted=len(repeated), captions=len(captions))
    count = f"{len(captions)} captions x {plan.noises} noises"
    found: Found = {}
    if real is None:
        what = replace(base, metric="spread within captions", choices=f"{count}; mean distance of features")
        found[seen_by(eyes, what)] = bootstrap(spread(features).tolist())
    else:
        what = replace(base, metric="diversity", choices=f"{count}; 1 = real renderings of the same captions")
        found[seen_by(eyes, what)] = bootstrap(relative_spread(features, real.features).tolist())
    few = pictures[:, :HELD_STILL]  # all pairs of 16 pictures would take as long as all other scores together
    alike = caption_ms_ssim(few)
    told = f"{len(captions)} captions x {few.shape[1]} noises"
    beside = "" if real is None else f"; {real.ms_ssim:.3f} of real renderings"
    what = replace(base, metric=f"{alike.name} within captions", painted=few.shape[0] * few.shape[1])
    found[replace(what, choices=told + beside)] = bootstrap(alike.values.tolist())
    still = captions[:HELD_STILL]
    if len(still) < FEWEST:
        notes.append(f"no text sensitivity: it takes {FEWEST} different captions, {plan.split} has {len(still)}")
        return found
    told = f"{len(still)} captions x {HELD_STILL} noises, the same ones; interval: each caption left out in turn"
    beside = "" if real is None else f"; {real.sensitivity:.3f} of real renderings"
    what = replace(base, metric="text sensitivity", painted=len(still) * HELD_STILL, captions=len(still))
    found[replace(what, choices=told + beside)] = _sensitivity(painter, still, plan)
    return found


def _captions(reference: Reference) -> list[str]:
    """Different captions of the split, by chance."""
    plan, captions = reference.plan, reference.contents.captions
    different = first_of_each(captions)
    chosen = different[plan.captions(len(different), min(plan.diverse, len(different)))]
    return [captions[row] for row in chosen]


def _sensitivity(painter: Painter, captions: list[str], plan: Plan) -> Interval:
    """Text sensitivity of a few captions with the same noises each, and how sure it is as to captions."""
    count = len(captions)
    noise = draw_noise(painter.generator.noise_shape, HELD_STILL, torch.Generator().manual_seed(plan.noise_seed(0) + 2))
    if plan.truncation is not None:
        noise = truncate(noise, plan.truncation)
    of_captions, of_noises = torch.arange(count).repeat_interleave(HELD_STILL), torch.arange(HELD_STILL).repeat(count)
    pictures = painter.paint_vectors(painter.encoder.encode(captions).take(of_captions), noise[of_noises])
    return jackknifed(pictures.unflatten(0, (count, HELD_STILL)))


def jackknifed(pictures: Tensor) -> Interval:
    """Text sensitivity of pictures [captions, noises, ...], by leaving out each caption in turn."""
    count = len(pictures)
    without = [text_sensitivity(torch.cat([pictures[:left], pictures[left + 1 :]])) for left in range(count)]
    error = float(np.std(without) * (count - 1) ** 0.5)
    return student_interval(text_sensitivity(pictures), error, count - 1, count)
