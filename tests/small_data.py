"""Made once for every test that asks: small built-in pictures in a file, an encoder, its vectors, a run, a reader.

A plugin of pytest: a test module says `pytest_plugins = ["small_data"]` and names what it wants. All of it is only
read; who wants to change a file copies it first.
"""

import copy
import shutil
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import torch
from PIL import Image

from t2i_utils.data.build import build
from t2i_utils.data.source import Caption, Example, Source
from t2i_utils.data.synthetic import synthetic_flowers
from t2i_utils.metrics.reader import train_reader
from t2i_utils.runs import Settings, open_run
from t2i_utils.text.clip import new_clip
from t2i_utils.text.clip_opening import open_clip_encoder
from t2i_utils.text.embedding import embed

SMALL_CLIP = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
# a rate at which even three steps change what is painted
SMALL_GAN = {"base_channels": 8, "discriminator_channels": 8, "batch_size": 8, "rate": 0.02}
SETTINGS = Settings()


@contextmanager
def single():
    """Work on one thread: tiny networks are quicker so, the more if others work beside us."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def on_one_thread():
    """The same for fixtures that are made before a test's own `one_thread`: `with on_one_thread(): ...`"""
    return single


def flat(level, size):
    """A picture of one grey."""
    return Image.new("L", (size, size), level)


@pytest.fixture
def small_config():
    """open_clip's configuration of a CLIP that is built in a blink: 16 numbers a sentence, pictures of 32 pixels."""
    return copy.deepcopy(SMALL_CLIP)


@pytest.fixture(scope="session")
def plain_file(tmp_path_factory):
    """120 pictures of 32 pixels, without vectors."""
    return build(synthetic_flowers(120), tmp_path_factory.mktemp("plain") / "flowers.h5", 32, progress=False).path


@pytest.fixture(scope="session")
def small_encoder(tmp_path_factory):
    """An untrained CLIP, opened from its folder."""
    folder = tmp_path_factory.mktemp("encoders") / "small_clip"
    new_clip(SMALL_CLIP, "small").save(folder)
    return open_clip_encoder(str(folder))


@pytest.fixture(scope="session")
def embedded_file(plain_file, small_encoder, tmp_path_factory):
    """The same pictures with the vectors of `small_encoder`, called "small"."""
    path = tmp_path_factory.mktemp("embedded") / "flowers.h5"
    shutil.copyfile(plain_file, path)
    with single():
        embed(path, small_encoder, "small")
    return path


@pytest.fixture(scope="session")
def grey_file(small_encoder, tmp_path_factory):
    """48 grey pictures of 28 x 28, as Fashion-MNIST has, of two classes, with the vectors of `small_encoder`."""
    told = {"dark": 40, "light": 220}
    examples = [
        Example(
            name=f"{name}_{number}",
            picture=partial(flat, told[name] + number),
            captions=(Caption(f"a {name} picture"), Caption(f"this one is {name}")),
            class_name=name,
            split="test" if number < 4 else "train",
        )
        for number in range(24)
        for name in told
    ]
    source = Source("greys", "1", "none", examples, channels=1, native_size=28)
    path = build(source, tmp_path_factory.mktemp("grey") / "greys.h5", progress=False).path
    with single():
        embed(path, small_encoder, "small")
    return path


@pytest.fixture(scope="session")
def open_small_run(embedded_file):
    """(folder, system, data, encoder, settings, arguments by name) to a run too small to paint anything."""

    def make(folder, system="gan_cls", data=embedded_file, encoder="small", settings=SETTINGS, **arguments):
        return open_run(system, data, encoder, Path(folder), SMALL_GAN | arguments, settings, device="cpu")

    return make


@pytest.fixture(scope="session")
def trained_run(open_small_run, tmp_path_factory):
    """A folder with a run of `gan_cls` that has seen three batches."""
    run = open_small_run(tmp_path_factory.mktemp("runs") / "small")
    with single():
        run.train(steps=3, progress=False)
    return run.folder


@pytest.fixture(scope="session")
def reader():
    """A reader after two seconds of training: sure of petal colour and background, of little else."""
    with single():
        return train_reader(32, steps=40, batch_size=32, pictures=300)
