"""Sources that tests make, and short ways to those of the package."""

import json

import numpy as np
from PIL import Image

from t2i_utils.evaluation.parts import Part
from t2i_utils.evaluation.sources import Noise, Painting, RealPictures


class Given:
    """A source of pictures that a test made, in parts of 50."""

    checkpoint, painter, name = "", None, "given"

    def __init__(self, images, captions=None, rows=None, size=32):
        self.images, self.captions, self.rows, self.size = images, captions, rows, size

    def parts(self):
        for start in range(0, len(self.images), 50):
            part = slice(start, start + 50)
            told = (None, None) if self.captions is None else (self.captions[part], self.rows[part])
            yield Part(self.images[part], *told)


def painting(painter, reference):
    return Painting(painter, reference.contents, reference.plan, reference.pictures)


def real(reference):
    return RealPictures(reference.contents, reference.plan, reference.size, reference.scored)


def noise(reference):
    return Noise(reference.contents, reference.plan, reference.size, reference.pictures, reference.channels)


def by_metric(found):
    """Metric to record."""
    return {record.protocol.metric: record for record in found.records}


def values(found):
    """Metric to value."""
    return {record.protocol.metric: record.value for record in found.records}


def saved(folder, images, captions=None):
    """A folder with PNGs, and a captions.jsonl where captions are given."""
    folder.mkdir(parents=True, exist_ok=True)
    for index, image in enumerate(images):
        Image.fromarray(np.asarray(image.permute(1, 2, 0)).squeeze()).save(folder / f"{index:05d}.png")
    if captions is not None:
        rows = [{"file": f"{index:05d}.png", "captions": [caption]} for index, caption in enumerate(captions)]
        (folder / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return folder
