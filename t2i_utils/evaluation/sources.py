"""What can be scored: a painter, real pictures, noise; and `Files`, a folder of somebody's pictures."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from t2i_utils.data.split import Contents
from t2i_utils.evaluation.files import Files
from t2i_utils.evaluation.parts import Part, Source
from t2i_utils.evaluation.plan import BATCH, Plan, real_parts
from t2i_utils.interfaces import step_rng
from t2i_utils.painter import Painter
from t2i_utils.text.loudness import weights_fingerprint

__all__ = ["Files", "Noise", "Painting", "Part", "RealPictures", "Source"]


class Painting:
    """A painter that paints captions of the plan's split."""

    def __init__(self, painter: Painter, contents: Contents, plan: Plan, pictures: int):
        self.name, self.painter, self.size = painter.name, painter, painter.generator.image_shape[-1]
        self.checkpoint = weights_fingerprint(painter.generator.state_dict())
        self._contents, self._plan = contents, plan
        self._rows = plan.captions(len(contents.captions), pictures)

    def parts(self) -> Iterator[Part]:
        """Pictures of captions drawn by chance, each with its own noise."""
        plan = self._plan
        for start in range(0, len(self._rows), BATCH):
            rows = self._rows[start : start + BATCH]
            captions = [self._contents.captions[row] for row in rows]
            yield Part(
                self.painter.paint(captions, plan.noise_seed(start), plan.truncation), captions, torch.from_numpy(rows)
            )


class RealPictures:
    """Real pictures of the split with a caption of their own: what a perfect painter would be given for."""

    name, checkpoint, painter = "real pictures", "", None

    def __init__(self, contents: Contents, plan: Plan, size: int, positions: np.ndarray):
        self.size = size
        self._contents, self._plan, self._positions = contents, plan, positions

    def parts(self) -> Iterator[Part]:
        """The pictures at the positions, each with the first of its captions."""
        contents = self._contents
        for index, images in enumerate(real_parts(contents, self._plan.data, self.size, self._positions)):
            chosen = self._positions[index * BATCH : (index + 1) * BATCH]
            rows = contents.caption_offsets[chosen]
            yield Part(images, [contents.captions[row] for row in rows], torch.from_numpy(rows))


class Noise:
    """Every pixel by chance: what a score must be able to tell from anything."""

    name, checkpoint, painter = "noise", "", None

    def __init__(self, contents: Contents, plan: Plan, size: int, pictures: int, channels: int):
        self.size = size
        self._shape = (channels, size, size)
        self._contents, self._plan = contents, plan
        self._rows = plan.captions(len(contents.captions), pictures)

    def parts(self) -> Iterator[Part]:
        """Noise, with captions by chance."""
        for start in range(0, len(self._rows), BATCH):
            rows = self._rows[start : start + BATCH]
            rng = step_rng(self._plan.seed, start)
            images = torch.randint(0, 256, (len(rows), *self._shape), generator=rng, dtype=torch.uint8)
            yield Part(images, [self._contents.captions[row] for row in rows], torch.from_numpy(rows))
