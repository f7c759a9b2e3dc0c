"""A data file to batches: what a step shows depends on (seed, step) alone, so that a resumed run misses nothing."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from t2i_utils.data.draws import Chance, Draw
from t2i_utils.data.hdf5 import read_embeddings
from t2i_utils.data.pixels import StoredPixels, crop
from t2i_utils.data.split import read_contents
from t2i_utils.interfaces import Batch, Text


class Loader:
    """Batches of one split, cropped, mirrored, scaled, with captions' vectors and whose caption would be wrong.

    A set that fits in `memory_limit` lies decoded on `device` and its batches are cut there; a larger one is read from
    the file, in workers when it is streamed. Both give the same batches, bit for bit, on the same device.

    Attributes:
        path, split, image_size, channels, batch_size, seed, device: as asked for, or as the file has them.
        text_dim: length of a sentence vector; 0 without an encoder.
        encoder, encoder_where: fingerprint of the vectors' encoder, and where it can be opened; "none" without one.
        dataset, fingerprint: the name of the data set, and the sha256 of the file's data.
        class_names: of the whole file.
        all_captions: the split's captions; `Draw.captions` are positions in it.
        in_memory: False for a set that is read from the file as it is needed.
    """

    def __init__(
        self,
        path: Path,
        encoder: str = "none",
        batch_size: int = 64,
        seed: int = 0,
        split: str = "trainval",
        image_size: int | None = None,
        captions_per_visit: int = 1,
        mirror: bool = True,
        device: torch.device | str = "cpu",
        memory_limit: int = 4 * 2**30,
        one_a_class: bool = False,
    ) -> None:
        """
        Args:
            path: of a file made by `build`.
            encoder: name or fingerprint of an encoder whose vectors are in the file; "none" for vectors of width 0.
            batch_size: pictures a step, from 2 to all of the split.
            seed: of order, crops, mirroring, captions and swaps; 0 or more.
            split: "train", "val", "test", "trainval" or "all".
            image_size: in pixels, at most the size the file was built for, which is meant if none is given.
            captions_per_visit: 1, or how many distinct captions of a picture are averaged.
            mirror: turn half of the pictures left to right.
            device: where batches are made.
            memory_limit: bytes that decoded pictures may take; 0 to read every batch from the file.
            one_a_class: at most one picture of a class in a batch, which is no larger than their number then.

        Raises:
            FileNotFoundError, ValueError: for a missing, damaged or foreign file, an unknown encoder or split, and for
                numbers outside these ranges.
        """
        contents = read_contents(path, split)
        self._pixels = StoredPixels(path, contents.rows, image_size)
        self.path, self.split, self.device = Path(path), split, torch.device(device)
        self.image_size, self.channels = self._pixels.image_size, self._pixels.channels
        self.seed = seed
        self.class_names, self.all_captions = contents.class_names, contents.captions
        self.fingerprint, self.dataset = contents.fingerprint, contents.dataset
        room = self._pixels.side - self.image_size
        self._chance = Chance(
            *(contents.classes, contents.caption_offsets, batch_size, seed),
            *(captions_per_visit, room, mirror, one_a_class),
        )
        self.batch_size = self._chance.batch_size
        self._classes = torch.from_numpy(contents.classes).to(self.device)
        self._sentences = self._read_sentences(encoder, contents.caption_rows)
        self.text_dim = self._sentences.shape[1]
        self.in_memory = 2 * self._pixels.nbytes <= memory_limit
        pixels = both_ways(self._pixels.read_all()) if self.in_memory else None
        self._images = None if pixels is None else torch.from_numpy(pixels).to(self.device)

    def __len__(self) -> int:
        """Pictures in the split."""
        return len(self._pixels)

    def draw(self, step: int) -> Draw:
        """Which pictures and captions step `step` (from 0) shows, and how: positions within the split."""
        return self._chance.draw(step)

    def batch(self, step: int) -> Batch:
        """The batch of step `step` (from 0): always the same one, whatever was asked for before.

        Its images are [batch, channels, size, size] in [-1, 1], channels last in memory.
        """
        draw = self.draw(step)
        if self._images is None:
            squares = cut_stored(self._pixels, draw, self.image_size)
        else:
            squares = cut(self._images, draw.pictures, draw, self.image_size)
        return self._finish(draw, squares)

    def stream(self, start: int = 0, workers: int = 2) -> Iterator[Batch]:
        """Batches of steps `start`, `start` + 1, ... without end.

        Where the set is not in memory, `workers` processes read ahead.
        """
        if self.in_memory or workers < 1:
            yield from map(self.batch, count(start))
        steps = _Steps(self._pixels, self._chance, self.image_size)
        ahead = DataLoader(
            steps,
            batch_size=None,
            sampler=count(start),  # type: ignore[arg-type]
            num_workers=workers,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator(),  # or it would draw its workers' seeds from the run's own random numbers
        )
        for step, squares in enumerate(ahead, start):
            yield self._finish(self.draw(step), squares)

    def _read_sentences(self, encoder: str, rows: np.ndarray) -> Tensor:
        """float32 [captions of the split, text_dim] on the device."""
        if encoder == "none":
            self.encoder = self.encoder_where = encoder
            return torch.empty(len(rows), 0, device=self.device)
        found = read_embeddings(self.path, encoder)
        self.encoder, self.encoder_where = found.fingerprint, found.where
        return torch.from_numpy(found.sentence[rows]).to(self.device)

    def _finish(self, draw: Draw, squares: Tensor) -> Batch:
        """squares: uint8 [batch, size, size, channels], on the CPU or the device; returns the batch on the device."""
        squares = squares.to(self.device, non_blocking=True)
        images = scale(squares).permute(0, 3, 1, 2)
        pictures, captions, swap = (self._index(part) for part in (draw.pictures, draw.captions, draw.swap))
        return Batch(images, Text(self._sentence(captions)), self._classes[pictures], swap)

    def _index(self, positions: np.ndarray) -> Tensor:
        return torch.from_numpy(positions).to(self.device, non_blocking=True)

    def _sentence(self, captions: Tensor) -> Tensor:
        """[batch, text_dim]: the mean of the captions at [batch, captions_per_visit]; -1 stands for none."""
        if captions.shape[1] == 1:
            return self._sentences[captions[:, 0]]
        there = (captions >= 0).unsqueeze(2)
        return (self._sentences[captions.clamp(min=0)] * there).sum(1) / there.sum(1)


def fitting(path: Path, wanted: int, split: str = "trainval") -> int:
    """The batch size that is wanted; all pictures of the split where it has fewer, and then that is said.

    Raises:
        FileNotFoundError, ValueError: as `read_contents`.
    """
    there = len(read_contents(path, split).rows)
    if there < wanted:
        print(f"a batch is {there} pictures, not {wanted}: all of {split}")
    return min(wanted, there)


class _Steps(Dataset):
    """Cut pictures by step, for workers: they hold no vectors and never touch the device."""

    def __init__(self, pixels: StoredPixels, chance: Chance, size: int) -> None:
        self.pixels, self.chance, self.size = pixels, chance, size

    def __getitem__(self, step: int) -> Tensor:
        return cut_stored(self.pixels, self.chance.draw(step), self.size)


def cut_stored(pixels: StoredPixels, draw: Draw, size: int) -> Tensor:
    """uint8 [batch, size, size, channels] of a draw, read from the file."""
    images = torch.from_numpy(both_ways(pixels.read(draw.pictures)))
    return cut(images, np.arange(len(draw.pictures)), draw, size)


def both_ways(images: np.ndarray) -> np.ndarray:
    """Pictures, and after them all of them mirrored: a mirrored crop is then a crop like any other.

    images: uint8 [n, side, side, channels]; returns [2 n, side, side, channels].
    """
    return np.concatenate([images, images[:, :, ::-1]])


def cut(images: Tensor, index: np.ndarray, draw: Draw, size: int) -> Tensor:
    """Crop and mirror where the pictures lie.

    images: uint8 [2 n, side, side, channels] of `both_ways`; index: int64 [batch] among the first n; returns uint8
    [batch, size, size, channels] on the same device.
    """
    index = index + (len(images) // 2) * draw.mirror
    left = np.where(draw.mirror, images.shape[1] - size - draw.left, draw.left)
    if images.device.type == "cpu":
        return torch.from_numpy(crop(images.numpy(), index, draw.top, left, size))
    places = (torch.from_numpy(part).to(images.device, non_blocking=True) for part in (index, draw.top, left))
    return windows(images, size)[tuple(places)]


def windows(images: Tensor, size: int) -> Tensor:
    """Every square of every picture, without a copy.

    images: [n, side, side, channels]; returns [n, top, left, size, size, channels].
    """
    return images.unfold(1, size, 1).unfold(2, size, 1).permute(0, 1, 2, 4, 5, 3)


def scale(squares: Tensor) -> Tensor:
    """Bytes [...] to float32 [...] in [-1, 1]: 0 to -1 and 255 to 1, both exactly."""
    # In this order nothing is rounded before the last step, which is a multiplication: division takes twice as long.
    return squares.float().sub_(127.5).mul_(1 / 127.5)
