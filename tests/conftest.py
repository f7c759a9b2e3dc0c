"""Small things that many tests need: a batch of a seed, a recipe too small to paint, players that keep a diary."""

import inspect

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Batch, Sample, Score, Text
from t2i_utils.recipes import SYSTEMS

TINY = {
    "image_size": 16,
    "channels": 3,
    "text_dim": 12,
    "base_channels": 8,
    "discriminator_channels": 8,
    "noise_dim": 5,
    "batch_size": 8,
}

# `make test` gives whole files to two workers: the longest go first, lest one is left for the end, the other idle.
LONG = ("test_notebooks.py", "test_stabilisers.py", "test_studies.py")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.name not in LONG)


@pytest.fixture
def one_thread():
    """Tiny networks are quicker on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def make_batch():
    """(seed, count, image_size, text_dim, channels) to noise with captions of noise, four classes in turn."""

    def make(seed=0, count=8, image_size=16, text_dim=12, channels=3) -> Batch:
        rng = torch.Generator().manual_seed(seed)
        images = torch.rand(count, channels, image_size, image_size, generator=rng) * 2 - 1
        places = torch.arange(count)
        return Batch(images, Text(torch.randn(count, text_dim, generator=rng)), places % 4, places.roll(1))

    return make


@pytest.fixture(scope="session")
def make_recipe():
    """A system's recipe at 16 pixels and 8 channels, with the weights of a seed; named arguments replace tiny ones."""

    def make(system, seed=0, **changes):
        known = inspect.signature(SYSTEMS[system]).parameters
        torch.manual_seed(seed)
        return SYSTEMS[system](**{name: value for name, value in (TINY | changes).items() if name in known})

    return make


class DiaryGenerator(nn.Module):
    """Linear in noise and sentence, and keeps every text that it painted."""

    def __init__(self, text_dim, image_size):
        super().__init__()
        self.noise_shape = (2,)
        self.image_size = image_size
        self.paint = nn.Linear(2 + text_dim, 3 * image_size**2)
        self.texts, self.noises = [], []

    def forward(self, noise, text):
        self.texts.append(text)
        self.noises.append(noise)
        images = self.paint(torch.cat([noise, text.sentence], dim=1))
        return Sample((images.unflatten(1, (3, self.image_size, self.image_size)),))


class DiaryDiscriminator(nn.Module):
    """Linear features, scored by their product with the sentence; keeps every picture and text that it was shown."""

    def __init__(self, text_dim, image_size):
        super().__init__()
        self.see = nn.Linear(3 * image_size**2, text_dim)
        self.seen, self.scored = [], []

    def features(self, images):
        self.seen.append(images[-1])
        return (self.see(images[-1].flatten(1)),)

    def score(self, features, text):
        self.scored.append(text)
        return [Score((features[-1] * text.sentence).sum(dim=1), sees_text=True)]


@pytest.fixture
def diarists():
    """(generator, discriminator) for the batches of `make_batch`."""
    torch.manual_seed(0)
    return DiaryGenerator(12, 16), DiaryDiscriminator(12, 16)
