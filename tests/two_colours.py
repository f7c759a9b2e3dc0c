"""A painter of two colours for tests that ask what a playground shows: red and blue by words, green by noise."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Sample, Text
from t2i_utils.painter import Painter


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


@pytest.fixture
def painter() -> Painter:
    return Painter(Words(), Paint(), "two colours")
