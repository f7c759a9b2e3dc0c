"""Our loader against the usual one: batches of 64 pictures of 64 pixels with 1024-d vectors and wrong pairs.

The usual one reads the HDF5 that much PyTorch code for GAN-CLS uses: a group per caption, `<picture>_<k>` with
k = 0..4, holding the picture's JPEG (`img`), one caption's vector (`embeddings`), `class` and `txt`. Every item decodes
its JPEG, crops it, draws examples until one is of another class (each draw a read) and decodes that one's picture as
well; torch's DataLoader collates in two workers, one thread each. Ours is `Loader` as a run opens it. Both read the
same synthetic flowers, stored at 76 pixels, and end at float pictures in channels-last memory.

What is timed is the steady state: workers have started, no epoch ends, and what they had read ahead while the other
side was timed is drawn before the clock starts. They fill their queue again, and fall silent, before the other side's
clock starts.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benchmarks.timing import Benchmark, Sampler, Side, timed
from t2i_utils.data.build import build
from t2i_utils.data.hdf5 import read_captions, write_embeddings
from t2i_utils.data.loader import Loader
from t2i_utils.data.split import read_contents
from t2i_utils.data.synthetic import synthetic_flowers

PICTURES, SIZE, TEXT_DIM, BATCH_SIZE, CAPTIONS = 1500, 64, 1024, 64, 5
OUR_BATCHES, USUAL_BATCHES = 300, 6  # a sample
WORKERS, AHEAD = 2, 2
OURS, USUAL = "ours.h5", "usual.h5"


def write_files(folder: Path, pictures: int = PICTURES) -> None:
    """The same flowers in both formats, trainval alone in the usual one, with random numbers for vectors."""
    build(synthetic_flowers(pictures), folder / OURS, SIZE, progress=False)
    rng = np.random.default_rng(0)
    sentence = rng.standard_normal((len(read_captions(folder / OURS)), TEXT_DIM), dtype=np.float32)
    write_embeddings(folder / OURS, "random", "random-vectors", "made by the benchmark", sentence)
    contents = read_contents(folder / OURS, "trainval")
    with h5py.File(folder / OURS) as ours, h5py.File(folder / USUAL, "w") as usual:
        for picture, row in enumerate(contents.rows):
            jpeg = io.BytesIO()
            Image.fromarray(ours["images"][row]).save(jpeg, "JPEG", quality=95)
            first = contents.caption_offsets[picture]
            for k in range(CAPTIONS):
                group = usual.create_group(f"{contents.names[picture]}_{k}")
                group["img"] = np.void(jpeg.getvalue())
                group["embeddings"] = sentence[contents.caption_rows[first + k]]
                group["class"] = contents.class_names[contents.classes[picture]]
                group["txt"] = contents.captions[first + k]


class UsualDataset(Dataset):
    """One item at a time from the usual file.

    Args:
        path: of the file that `write_files` makes.
    """

    def __init__(self, path: Path):
        self.path = path
        self.file: h5py.File | None = None  # a worker opens its own
        with h5py.File(path) as file:
            self.names = list(file)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> dict[str, Tensor | str]:
        """Pictures [3, SIZE, SIZE] in [-1, 1], right and wrong; the vector [TEXT_DIM]; the caption."""
        if self.file is None:
            self.file = h5py.File(self.path)
        example = self.file[self.names[index]]
        return {
            "right_images": picture(example),
            "wrong_images": picture(self.wrong(example["class"][()])),
            "right_embed": torch.from_numpy(example["embeddings"][()]),
            "txt": example["txt"].asstr()[()],
        }

    def wrong(self, class_name: bytes) -> h5py.Group:
        """A random example of another class, found by trying."""
        while True:
            example = self.file[self.names[int(torch.randint(len(self.names), ()))]]
            if example["class"][()] != class_name:
                return example


def picture(example: h5py.Group) -> Tensor:
    """Decode, crop anywhere, mirror half of them, scale: [3, SIZE, SIZE] in [-1, 1]."""
    image = Image.open(io.BytesIO(bytes(example["img"][()]))).convert("RGB")
    room = image.width - SIZE + 1
    left, top, mirrored = int(torch.randint(room, ())), int(torch.randint(room, ())), int(torch.randint(2, ()))
    image = image.crop((left, top, left + SIZE, top + SIZE))
    if mirrored:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).float() / 127.5 - 1


def usual_batches(path: Path) -> Iterator[dict]:
    """Batches without end, random items, read by workers."""
    dataset = UsualDataset(path)
    endless = RandomSampler(dataset, replacement=True, num_samples=10**9)
    # said, as a process that was spawned (the one that measures memory) would spawn its own workers
    start = "fork" if sys.platform == "linux" else None
    return iter(
        DataLoader(
            dataset,
            BATCH_SIZE,
            sampler=endless,
            num_workers=WORKERS,
            prefetch_factor=AHEAD,
            multiprocessing_context=start,
        )
    )


def start_ours(folder: Path) -> Sampler:
    """Many of our batches a sample: one takes about a millisecond."""
    loader = Loader(folder / OURS, encoder="random", batch_size=BATCH_SIZE, seed=0, split="trainval", device="cpu")
    batches = loader.stream(0)
    return timed(lambda: channels_last(next(batches).images), OUR_BATCHES)


def start_usual(folder: Path) -> Sampler:
    """A few of the usual batches a sample, none of them read before the clock started."""
    batches = usual_batches(folder / USUAL)

    def draw() -> None:
        batch = next(batches)
        channels_last(batch["right_images"])
        channels_last(batch["wrong_images"])

    in_time = timed(draw, USUAL_BATCHES)

    def sample() -> float:
        for _ in range(WORKERS * AHEAD):
            draw()
        seconds = in_time()
        time.sleep(
            1.5 * WORKERS * AHEAD * seconds
        )  # the queue is full again, so that workers do not slow the other side
        return seconds

    return sample


def channels_last(images: Tensor) -> Tensor:
    """images: [batch, channels, size, size]; the same in the memory format that networks want."""
    return images.contiguous(memory_format=torch.channels_last)


LOADER = Benchmark(
    "loader", Side("ours", start_ours), Side("usual", start_usual), bar=100, samples=12, prepare=write_files
)
