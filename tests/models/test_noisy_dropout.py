"""Dropout that never ends: its share, its scale, and that it is a function of the noise."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Sample, Text, draw_noise
from t2i_utils.models import df_gan, gan_cls
from t2i_utils.models.noisy_dropout import ChannelDropout, DropoutGenerator

NONE = Text(torch.zeros(4000, 1))


class Wide(nn.Module):
    """A convolution whose 40 channels are all 1, and the one that makes the picture of their mean."""

    def __init__(self):
        super().__init__()
        self.noise_shape, self.text_dim, self.image_shape = (2,), 0, (1, 1, 1)
        self.layers = nn.Sequential(nn.Conv2d(1, 40, 1), nn.Conv2d(40, 1, 1, bias=False))
        nn.init.zeros_(self.layers[0].weight)
        nn.init.ones_(self.layers[0].bias)
        nn.init.constant_(self.layers[1].weight, 1 / 40)

    def forward(self, noise, text):
        return Sample((self.layers(noise.new_zeros(len(noise), 1, 1, 1)),))


@pytest.mark.parametrize("probability", [0.2, 0.5])
def test_so_many_channels_are_left_out_and_the_mean_stays(probability):
    generator = DropoutGenerator(Wide(), probability)
    assert generator.noise_shape == (42,)
    painted = generator(draw_noise((42,), 4000, torch.Generator().manual_seed(0)), NONE).images[-1].flatten()
    assert painted.mean().item() == pytest.approx(1, abs=0.01)
    assert painted.var().item() == pytest.approx(probability / (1 - probability) / 40, rel=0.1)


@pytest.mark.parametrize("networks", [gan_cls, df_gan])
def test_it_is_at_work_in_evaluation_and_decided_by_the_noise_alone(networks):
    torch.manual_seed(0)
    generator = DropoutGenerator(networks.Generator(16, 12, 8, noise_dim=5), 0.5, layers=2).eval()
    noise, text = draw_noise(generator.noise_shape, 6, torch.Generator().manual_seed(0)), Text(torch.randn(6, 12))
    pictures = generator(noise, text).images[-1]
    torch.testing.assert_close(generator(noise[2:4], text.take(torch.tensor([2, 3]))).images[-1], pictures[2:4])
    same_start = noise.clone()
    same_start[:, 5:] = -same_start[:, 5:]
    assert not torch.allclose(generator(same_start, text).images[-1], pictures)


def test_the_last_convolution_is_never_changed():
    generator = DropoutGenerator(Wide(), layers=9)
    changed = [part for part in generator.modules() if isinstance(part, ChannelDropout)]
    assert [part.convolution.out_channels for part in changed] == [40]
    assert type(generator.generator.layers[1]) is nn.Conv2d


@pytest.mark.parametrize("bad", [{"probability": 0.0}, {"probability": 1.0}])
def test_no_dropout_is_refused(bad):
    with pytest.raises(ValueError, match="left out with probability"):
        DropoutGenerator(Wide(), **bad)
    with pytest.raises(ValueError, match="dropout in 0 layers is none"):
        DropoutGenerator(Wide(), layers=0)
