"""The sentence-embedding GAN: its cloud of conditions, its layers, and where its randomness comes from."""

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Text
from t2i_utils.models.ca_gan import Discriminator, Generator
from t2i_utils.models.conditioning import ConditioningAugmentation


def test_a_condition_is_drawn_around_its_sentence():
    torch.manual_seed(0)
    augmentation, sentence = ConditioningAugmentation(6, 4), torch.randn(1, 6).expand(20_000, 6)
    condition, (mean, logvar) = augmentation(sentence, torch.randn(20_000, 4))
    torch.testing.assert_close(condition.mean(0), mean[0], atol=0.05, rtol=0)
    torch.testing.assert_close(condition.std(0), (logvar[0] / 2).exp(), atol=0.05, rtol=0)
    middle, (its_mean, _) = augmentation(sentence[:1])  # of another number of rows, sums are rounded otherwise
    assert torch.equal(middle, its_mean)


def test_the_report_counts_at_full_size():
    assert sum(p.numel() for p in Generator().parameters()) == 14_978_880
    assert sum(p.numel() for p in Discriminator().parameters()) == 3_192_961
    statistics = [sum(b.numel() for b in player.buffers() if b.ndim) for player in (Generator(), Discriminator())]
    assert statistics == [14_980_800 - 14_978_880, 3_195_905 - 3_192_961]


def test_only_the_condition_and_the_last_linear_have_biases():
    for player in (Generator(32, 6, 4), Discriminator(32, 6, 4)):
        biased = {
            type(part) for part in player.modules()
            if getattr(part, "bias", None) is not None and not isinstance(part, nn.BatchNorm2d)
        }  # fmt: skip
        assert biased == {nn.Linear}


@pytest.mark.parametrize(("image_size", "channels", "grid"), [(16, 3, 4), (64, 3, 4), (28, 1, 7)])
def test_shapes_at_every_size(image_size, channels, grid):
    text = Text(torch.randn(3, 6))
    generator = Generator(image_size, 6, 4, noise_dim=5, condition_dim=7, channels=channels)
    sample = generator(torch.randn(3, *generator.noise_shape), text)
    assert generator.noise_shape == (12,)
    assert sample.images[-1].shape == (3, channels, image_size, image_size)
    assert [part.shape for part in sample.condition] == [(3, 7), (3, 7)]
    discriminator = Discriminator(image_size, 6, 4, condition_dim=7, channels=channels)
    features = discriminator.features(sample.images)
    assert features[-1].shape[2:] == (grid, grid)
    assert [score.logits.shape for score in discriminator.score(features, text)] == [(3,)]


def test_the_last_numbers_of_the_noise_move_the_condition_and_nothing_else_is_random():
    generator = Generator(16, 6, 4, noise_dim=5, condition_dim=7).eval()
    noise, text = torch.randn(2, 12), Text(torch.randn(2, 6))
    picture = generator(noise, text).images[-1]
    assert torch.equal(generator(noise, text).images[-1], picture)
    other = torch.cat([noise[:, :5], -noise[:, 5:]], dim=1)
    assert not torch.equal(generator(other, text).images[-1], picture)


def test_the_discriminator_draws_in_training_and_looks_at_the_middle_at_rest():
    discriminator = Discriminator(16, 6, 4, condition_dim=7, dropout=0.0)
    images, text = (torch.randn(4, 3, 16, 16),), Text(torch.randn(4, 6))
    features = discriminator.features(images)
    first, second = (discriminator.score(features, text)[0].logits for _ in range(2))
    assert not torch.equal(first, second)
    discriminator.eval()
    features = discriminator.features(images)
    first, second = (discriminator.score(features, text)[0].logits for _ in range(2))
    assert torch.equal(first, second)
