"""Scores of several pictures a caption, which only a painter has: real renderings of the same captions stand in."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from t2i_utils.evaluation.noise_scores import jackknifed
from t2i_utils.evaluation.reference import Reference
from t2i_utils.interfaces import step_rng
from t2i_utils.metrics.attributes import real_renderings, spelled_out
from t2i_utils.metrics.diversity import relative_spread
from t2i_utils.metrics.intervals import Interval, bootstrap
from t2i_utils.metrics.seen import Extractor
from t2i_utils.metrics.spoilings import few_again, swap_some
from t2i_utils.metrics.structure import caption_ms_ssim
from t2i_utils.studies.spoiling_ways import Way


@dataclass(frozen=True)
class StandIns:
    """Renderings in place of a painter's pictures: other ones than those that they are seen beside.

    Attributes:
        images: uint8 [captions, n, 3, size, size], to be spoilt.
        beside: [captions, n, dim], features of as many other renderings of the same captions.
        extractor: whose.
        seed: of what is spoilt.
    """

    images: Tensor
    beside: Tensor
    extractor: Extractor
    seed: int

    @classmethod
    def of(cls, reference: Reference) -> StandIns | None:
        """As many captions and pictures of each as the plan's diversity takes; None where nobody can draw them."""
        if reference.renderings is None:
            return None
        plan = reference.plan
        few = spelled_out(plan.data, plan.diverse, plan.seed, plan.split)
        images = real_renderings(few, plan.noises, reference.size, plan.seed + 1)
        return cls(images, reference.renderings.features, reference.real.extractor, plan.seed)

    @property
    def protocol(self) -> str:
        """What was measured, in one line."""
        captions, count = self.images.shape[:2]
        return (
            f"diversity, MS-SSIM within captions and text sensitivity: {captions} captions that state everything x "
            f"{count} renderings, which stand in for a painter's; swapped captions mix the renderings of all"
        )

    def scores(self, way: Way) -> dict[tuple[str, str], Interval]:
        """By metric and heading, of these renderings spoilt in one way."""
        captions, count = self.images.shape[:2]
        flat = self.images[:, few_again(count, way.times)].flatten(0, 1)
        if way.swapped:
            flat = flat[swap_some(len(flat), way.swapped, step_rng(self.seed, 0))]
        images = way.pixels(flat, step_rng(self.seed, 1))
        features = self.extractor.see(images).features.unflatten(0, (captions, count))
        images = images.unflatten(0, (captions, count))
        alike = caption_ms_ssim(images)
        return {
            ("diversity", f"diversity ({self.extractor.name})"): bootstrap(
                relative_spread(features, self.beside).tolist()
            ),
            ("MS-SSIM within captions", f"{alike.name} within captions"): bootstrap(alike.values.tolist()),
            ("text sensitivity", "text sensitivity"): jackknifed(images),
        }
