"""A painter of two colours for tests that ask what a playground shows: red and blue by words, green by noise."""

from collections.abc import Callable

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Sample, Text
from t2i_utils.painter import Painter
from t2i_utils.playground.studio import Studio
from t2i_utils.published import USUAL


class Words:
    """A sentence is two numbers: is it red, is it blue. It knows no other words."""

    name, text_dim, known = "words", 2, ("red", "blue", "flower")

    def encode(self, captions) -> Text:
        if any(not caption.strip() for caption in captions):
            raise ValueError("a caption is empty")
        return Text(torch.tensor([[float("red" in said), float("blue" in said)] for said in captions]))

    def ignored(self, captions) -> list[str]:
        return [word for caption in captions for word in caption.split() if word not in self.known]


class Paint(nn.Module):
    """Red and blue as the sentence says; green as the noise says, on 8 x 8 pixels."""

    noise_shape = (1,)

    def __init__(self):
        super().__init__()
        self.nothing = nn.Parameter(torch.zeros(()))

    def forward(self, noise, text) -> Sample:
        red, blue = text.sentence.T
        colours = torch.stack([red * 2 - 1, noise[:, 0].tanh(), blue * 2 - 1], dim=1)
        return Sample((colours[:, :, None, None].expand(-1, -1, 8, 8),))


class LikesGreen:
    """A chooser who reads no captions: the greener, the better."""

    name = "somebody who likes green"

    def score(self, captions, pictures):
        return pictures[:, 1].float().mean(dim=(1, 2))


@pytest.fixture
def make_painter() -> Callable[[str], Painter]:
    """A new painter of a name."""
    return lambda name: Painter(Words(), Paint(), name)


@pytest.fixture
def painter(make_painter) -> Painter:
    return make_painter("two colours")


@pytest.fixture
def likes_green() -> LikesGreen:
    return LikesGreen()


@pytest.fixture
def opened(monkeypatch, make_painter) -> list[str]:
    """The names of the painters that studios opened, in order: each of them is one of two colours."""
    names = []

    def open_painter(name, device):
        names.append(name)
        return make_painter(name)

    monkeypatch.setattr("t2i_utils.playground.studio.open_painter", open_painter)
    return names


@pytest.fixture
def studio(opened, likes_green) -> Studio:
    """Two painters who paint alike, and a chooser who likes green."""
    return Studio([USUAL, "digits"], choose=lambda painter: likes_green)
