"""What tests of evaluation need: painters that mix real pictures with noise, and eyes and a judge that see enough.

A plugin of pytest, as `small_data`: a test module says `pytest_plugins = ["small_data", "mixing"]`.
"""

from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from t2i_utils.data.build import build
from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import TEST_CLASSES, synthetic_flowers
from t2i_utils.evaluation.plan import Plan
from t2i_utils.evaluation.reference import look_at_real
from t2i_utils.interfaces import Sample, Text
from t2i_utils.metrics.extractors import ReaderExtractor
from t2i_utils.metrics.reader import unit
from t2i_utils.metrics.seen import Seen
from t2i_utils.painter import Painter


@pytest.fixture(scope="session")
def many_flowers(tmp_path_factory):
    """300 flowers of 32 pixels, four in five of test classes: 240 pictures, so that halves hold more than features."""
    source = synthetic_flowers(300, classes=[*TEST_CLASSES, "red round"])
    return build(source, tmp_path_factory.mktemp("mixed") / "flowers.h5", 32, progress=False, workers=1).path


class Eyes:
    """Colours of four quarters and what a reader makes of petals and background; nothing to download."""

    name, fingerprint, resize, dim = "eyes", "e" * 64, "none", 22

    def __init__(self, reader):
        self.reader = reader
        self.looked = 0

    @torch.no_grad()
    def see(self, images):
        self.looked += len(images)
        pixels = unit(images.expand(-1, 3, -1, -1))
        logits = self.reader(pixels)[1]
        parts = [logits[name].softmax(dim=1) for name in ("petal_color", "background")]
        classes = (parts[0][:, :, None] * parts[1][:, None, :]).flatten(1)
        return Seen(torch.cat([F.adaptive_avg_pool2d(pixels, 2).flatten(1), *parts], dim=1), classes)


class Lookup:
    """Captions of a split to the numbers of their pictures; each caption is known by heart."""

    name, fingerprint, text_dim = "lookup", "a" * 64, 1

    def __init__(self, pictures):
        self.of = dict(zip(pictures.captions, pictures.caption_picture.tolist(), strict=True))

    def encode(self, captions):
        anything = [len(caption) % 20 for caption in captions]
        known = [self.of.get(caption, other) for caption, other in zip(captions, anything, strict=True)]
        return Text(torch.tensor(known, dtype=torch.float32)[:, None])


class Mix(nn.Module):
    """The caption's real picture, so far drowned in noise, and each flower a little elsewhere."""

    def __init__(self, images, noise, seen=None):
        super().__init__()
        self.register_buffer("real", images.float() / 127.5 - 1)
        self.share = nn.Parameter(torch.tensor(float(noise)))
        self.image_shape = self.noise_shape = tuple(images.shape[1:])
        self.text_dim = 1

    def forward(self, noise, text):
        real = self.real[text.sentence[:, 0].long()]
        shift = (noise[:, 0, 0, 0] > 0).tolist()
        real = torch.stack([part.roll(2, -1) if moved else part for part, moved in zip(real, shift, strict=True)])
        return Sample(((1 - self.share) * real + self.share * torch.erf(noise / 2**0.5),))


@pytest.fixture(scope="session")
def mixing(many_flowers):
    """(share of noise, file) to a painter of that file's test captions."""

    def make(noise=0.4, data=many_flowers, split="test"):
        pictures = read_split(data, split)
        return Painter(Lookup(pictures), Mix(pictures.images, noise), f"mix {noise}")

    return make


class KnowingJudge:
    """A CLIP that has read all captions of a file: it compares colours and backgrounds with what a reader sees."""

    name, fingerprint, text_dim, device, ancestors = "knowing", "c" * 64, 10, torch.device("cpu"), ()
    model = SimpleNamespace(visual=SimpleNamespace(image_size=32))

    def __init__(self, data, reader):
        pictures = read_split(data, "all")
        self.reader, rows = reader, pictures.caption_picture
        self.known = {}
        for index, caption in enumerate(pictures.captions):
            parts = []
            for column, name in enumerate(pictures.values):
                if name in ("petal_color", "background"):
                    told = F.one_hot(pictures.attributes[name][rows[index]], len(pictures.values[name])).float()
                    parts.append(told * pictures.states[index, column])
            self.known[caption] = torch.cat(parts)

    def encode(self, captions):
        return Text(torch.stack([self.known.get(caption, torch.ones(10)) for caption in captions]))

    @torch.no_grad()
    def encode_images(self, images):
        logits = self.reader(images.expand(-1, 3, -1, -1))[1]
        sure = [F.one_hot(logits[name].argmax(dim=1), logits[name].shape[1]) for name in ("petal_color", "background")]
        return torch.cat(sure, dim=1).float()


@pytest.fixture(scope="session")
def eyes(reader):
    return Eyes(reader)


@pytest.fixture(scope="session")
def judge(many_flowers, reader):
    return KnowingJudge(many_flowers, reader)


@pytest.fixture(scope="session")
def small_reading(reader):
    """A reader of two seconds wherever a whole one would be trained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("t2i_utils.evaluation.reading.ready_reader", lambda size, folder: reader)
        patch.setattr("t2i_utils.metrics.extractors.ready_reader", lambda size, folder: reader)
        yield ReaderExtractor(reader, 32)


@pytest.fixture(scope="session")
def halves(many_flowers, eyes, judge, small_reading, on_one_thread):
    """Half of the test pictures looked at, the other half to be scored; few captions for the diversity."""
    plan = Plan(many_flowers, halves=True, diverse=4, noises=4)
    with on_one_thread():
        return look_at_real(plan, eyes, 32, judge)
