"""Real renderings of captions that state everything: what a painter's many pictures of a few captions are seen beside.

Only the built-in flowers can be drawn again. Of other data nobody has several pictures of one caption.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from t2i_utils.data.synthetic import draw_flower, render
from t2i_utils.evaluation.plan import Plan
from t2i_utils.metrics.attributes import CaptionSet, real_renderings, spelled_out
from t2i_utils.metrics.seen import Extractor
from t2i_utils.metrics.sensitivity import text_sensitivity
from t2i_utils.metrics.structure import caption_ms_ssim

HELD_STILL = 8  # captions, and noises of each, of the text sensitivity; noises of MS-SSIM


@dataclass(frozen=True)
class Renderings:
    """What real pictures of a few captions are like.

    Attributes:
        captions: [n] sentences that state everything.
        features: [n, noises, dim] of as many renderings of each.
        ms_ssim: how alike renderings of one caption are, the mean.
        sensitivity: the captions' share of what differs among renderings that have place, turn, size and shade in
            common, as pictures of one noise have.
    """

    captions: list[str]
    features: Tensor
    ms_ssim: float
    sensitivity: float


def draw_renderings(plan: Plan, size: int, extractor: Extractor) -> Renderings:
    """Draw and look at them.

    Args:
        plan: how many captions, and pictures of each.
        size: of the pictures.
        extractor: whose features.
    """
    few = spelled_out(plan.data, plan.diverse, plan.seed, plan.split)
    images = real_renderings(few, plan.noises, size, plan.seed)
    features = extractor.see(images.flatten(0, 1)).features.unflatten(0, images.shape[:2])
    alike = caption_ms_ssim(images[:, :HELD_STILL]).values.mean().item()
    return Renderings(few.captions, features, alike, text_sensitivity(_still(few, size, plan.seed)))


def _still(few: CaptionSet, size: int, seed: int) -> Tensor:
    """uint8 [captions, noises, 3, size, size]: picture j of every caption is drawn with the same chance."""
    side = min(HELD_STILL, len(few.captions))
    rows = []
    for caption in range(side):
        fixed = {name: int(values[caption]) for name, values in few.attributes.items()}
        drawn = [render(draw_flower(np.random.default_rng([seed, noise]), fixed), size) for noise in range(HELD_STILL)]
        rows.append(np.stack([np.asarray(picture) for picture in drawn]))
    return torch.from_numpy(np.stack(rows)).permute(0, 1, 4, 2, 3)
