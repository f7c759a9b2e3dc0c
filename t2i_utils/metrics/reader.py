"""A small network that reads attributes off pictures, so that what a caption says can be counted in what was painted.

It is trained in seconds on renderings of its own, whose attributes are drawn independently: trained on a data set's
classes it would learn which colours go with which shapes, and misread just the combinations that are held out. Its
accuracy on the data set's own held-out renderings is the ceiling of every score it gives: print it beside them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional as F

from t2i_utils.data.split import Pictures
from t2i_utils.data.synthetic import ATTRIBUTES, draw_flower, render
from t2i_utils.interfaces import step_rng
from t2i_utils.metrics.intervals import Interval, bootstrap
from t2i_utils.training.budget import Budget
from t2i_utils.training.optimizers import Adam
from t2i_utils.training.trainer import Trainer, as_it_is
from t2i_utils.training.turns import Turn
from t2i_utils.whole import write_whole

READER_SEED = 77  # so that no data set's seed gives the reader's own renderings


class Reader(nn.Module):
    """Pictures to one guess an attribute.

    Args:
        attributes: attribute name to its values.
        channels: of the pictures.
        width: channels of the first convolution.
    """

    def __init__(self, attributes: Mapping[str, tuple[str, ...]], channels: int = 3, width: int = 24):
        super().__init__()
        self.attributes = dict(attributes)
        sizes = [channels, width, 2 * width, 4 * width, 4 * width]
        layers = []
        for index, (fan_in, fan_out) in enumerate(pairwise(sizes)):
            stride = 1 if index == 0 else 2  # the notch of a petal is one pixel wide at 32 pixels
            layers += [
                nn.Conv2d(fan_in, fan_out, kernel_size=3, stride=stride, padding=1, bias=False),
                nn.BatchNorm2d(fan_out),
                nn.ReLU(inplace=True),
            ]
        self.see = nn.Sequential(*layers)
        self.feature_dim = 2 * sizes[-1]
        self.heads = nn.ModuleDict({name: nn.Linear(self.feature_dim, len(v)) for name, v in attributes.items()})

    def forward(self, images: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """[n, channels, size, size] images in [-1, 1] to [n, feature_dim] features and, by name, [n, values] logits."""
        maps = self.see(images)
        features = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
        return features, {name: head(features) for name, head in self.heads.items()}

    @torch.no_grad()
    def read(self, images: Tensor, batch_size: int = 256) -> dict[str, Tensor]:
        """images: uint8 [n, channels, size, size]; returns the likeliest value's index, [n] int64, by attribute."""
        self.eval()
        parts = [self(unit(part))[1] for part in images.split(batch_size)]
        return {name: torch.cat([part[name].argmax(dim=1) for part in parts]) for name in self.heads}

    @torch.no_grad()
    def features(self, images: Tensor, batch_size: int = 256) -> Tensor:
        """images: uint8 [n, channels, size, size]; returns what the reader answers from, [n, feature_dim] float32."""
        self.eval()
        return torch.cat([self(unit(part))[0] for part in images.split(batch_size)])


def unit(images: Tensor) -> Tensor:
    """uint8 [n, channels, size, size] to float32 in [-1, 1], channels last in memory."""
    return (images.float() / 127.5 - 1).contiguous(memory_format=torch.channels_last)


@dataclass(frozen=True)
class Labelled:
    """A batch of renderings: images [batch, channels, size, size] in [-1, 1], and [batch] int64 labels by attribute."""

    images: Tensor
    labels: dict[str, Tensor]


def train_reader(size: int, steps: int = 300, batch_size: int = 128, pictures: int = 3000, seed: int = 0) -> Reader:
    """Train a reader of the built-in flowers.

    Args:
        size: of the pictures it will read, in pixels.
        steps: batches; 300 take about 20 seconds on two cores at 32 pixels.
        batch_size: pictures a step, drawn with replacement, shifted by up to an eighth and mirrored.
        pictures: renderings that it is trained on.
        seed: of renderings, weights and batches.
    """
    rng = np.random.default_rng([seed, READER_SEED])
    flowers = [draw_flower(rng) for _ in range(pictures)]
    images = torch.from_numpy(np.stack([np.asarray(render(flower, size)) for flower in flowers])).permute(0, 3, 1, 2)
    labels = {name: torch.tensor([flower.attributes[name] for flower in flowers]) for name in ATTRIBUTES}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        reader = Reader(ATTRIBUTES)

    def batches(start: int) -> Iterator[Labelled]:
        for step in range(start, steps):
            rng = step_rng(seed, step)
            index = torch.randint(pictures, (batch_size,), generator=rng)
            seen = jitter(unit(images[index]), rng)
            yield Labelled(seen, {name: values[index] for name, values in labels.items()})

    def losses(batch: Labelled) -> dict[str, Tensor]:
        logits = reader(batch.images)[1]
        return {name: F.cross_entropy(logits[name], batch.labels[name]) for name in logits}

    turn = Turn("reader", reader, Adam(3e-3)(reader), losses, schedule=lambda step: 1 - step / steps)
    Trainer([turn], as_it_is, seed=seed).run(batches, Budget(steps=steps))
    return reader.eval()


def ready_reader(
    size: int, folder: Path, steps: int = 300, batch_size: int = 128, pictures: int = 3000, seed: int = 0
) -> Reader:
    """The same reader from a file that an earlier call left, or a new one that leaves it for the next notebook.

    Args:
        size: of the pictures it will read, in pixels.
        folder: where `reader_SIZE.safetensors` lies or will lie.
        steps, batch_size, pictures, seed: as of `train_reader`. A file of a reader that was trained otherwise, or on
            flowers that were drawn otherwise, is replaced.
    """
    path = folder / f"reader_{size}.safetensors"
    made_of = {"how": json.dumps([size, steps, batch_size, pictures, seed]), "flowers": drawn_like()}
    try:
        with safe_open(path, "pt") as file:
            if (file.metadata() or {}) == made_of:
                reader = Reader(ATTRIBUTES)
                reader.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
                return reader.to(memory_format=torch.channels_last).eval()  # as the trainer left it: bitwise the same
    except (OSError, SafetensorError, RuntimeError):
        pass  # none there, or none that can be used: a new one takes seconds
    reader = train_reader(size, steps, batch_size, pictures, seed)
    write_whole(path, save({name: tensor.contiguous() for name, tensor in reader.state_dict().items()}, made_of))
    return reader


def drawn_like() -> str:
    """A mark of how flowers are drawn today: sha256 of a few small ones."""
    rng = np.random.default_rng(READER_SEED)
    return hashlib.sha256(b"".join(render(draw_flower(rng), 32).tobytes() for _ in range(12))).hexdigest()


def jitter(images: Tensor, rng: torch.Generator) -> Tensor:
    """Shift the batch by up to an eighth of its size (edges repeated) and mirror it half the time.

    images: [n, channels, size, size]; returns the same shape.
    """
    size = images.shape[-1]
    room = size // 8
    top, left, flip = torch.randint(2 * room + 1, (3,), generator=rng).tolist()
    shifted = F.pad(images, (room,) * 4, mode="replicate")[:, :, top : top + size, left : left + size]
    return shifted.flip(3) if flip % 2 else shifted


def reading_accuracy(reader: Reader, pictures: Pictures) -> dict[str, Interval]:
    """How often the reader is right about real renderings, by attribute: the ceiling of its scores of painted ones."""
    read = reader.read(pictures.images)
    return {name: bootstrap((read[name] == truth).double().tolist()) for name, truth in pictures.attributes.items()}
