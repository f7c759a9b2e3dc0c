"""DF-GAN's networks: the authors' counts, identities at the start, one rule of sizes."""

import pytest
import torch

from t2i_utils.interfaces import Text
from t2i_utils.models import df_gan

pytestmark = pytest.mark.usefixtures("one_thread")


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("image_size", "generator", "discriminator"),
    [(64, 4_868_867, 3_440_964), (128, 7_306_499, None), (256, 9_744_131, 6_717_766)],
)
def test_live_parameters_are_those_of_the_authors_code(image_size, generator, discriminator):
    with torch.device("meta"):
        assert count(df_gan.Generator(image_size)) == generator
        assert discriminator in (None, count(df_gan.Discriminator(image_size)))


def test_an_affine_begins_as_the_identity_and_listens_once_it_has_learnt():
    torch.manual_seed(0)
    affine, features, condition = df_gan.Affine(6, 4), torch.randn(3, 4, 5, 5), torch.randn(3, 6)
    assert torch.equal(affine(features, condition), features)
    torch.nn.init.normal_(affine.scale[-1].weight)
    torch.nn.init.normal_(affine.shift[-1].weight)
    scale, shift = affine.scale(condition), affine.shift(condition)
    assert torch.allclose(affine(features, condition)[1, 2], scale[1, 2] * features[1, 2] + shift[1, 2])


def test_shortcuts_are_the_papers_in_another_order():
    """The paper's convolve at the larger resolution; averages and repetitions commute with 1 x 1 convolutions."""
    torch.manual_seed(0)
    down, up = df_gan.DownBlock(4, 6), df_gan.UpBlock(5, 6, 4)
    features, small, condition = torch.randn(2, 4, 8, 8), torch.randn(2, 6, 4, 4), torch.randn(2, 5)
    papers = torch.nn.functional.avg_pool2d(down.shortcut(features), 2)
    torch.testing.assert_close(down(features), papers)  # the gate is closed
    large = torch.nn.functional.interpolate(small, scale_factor=2)
    residual = up.convolve[1](up.fuse[1](up.convolve[0](up.fuse[0](large, condition)), condition))
    torch.testing.assert_close(up(small, condition), up.shortcut(large) + residual)


def test_a_discriminator_begins_as_averages_of_its_shortcuts():
    block, features = df_gan.DownBlock(4, 4), torch.randn(2, 4, 8, 8)
    assert torch.equal(block(features), torch.nn.functional.avg_pool2d(features, 2))
    block.gate.data.fill_(1.0)
    assert not torch.equal(block(features), torch.nn.functional.avg_pool2d(features, 2))


@pytest.mark.parametrize(
    ("image_size", "grid", "widths"), [(32, 4, [32, 16, 8, 4]), (28, 7, [16, 8, 4]), (64, 4, [32, 32, 16, 8, 4])]
)
def test_channels_halve_as_resolution_doubles(image_size, grid, widths):
    generator = df_gan.Generator(image_size, text_dim=6, base_channels=4, noise_dim=5)
    assert [block.convolve[0].in_channels for block in generator.blocks] == widths[:-1]
    assert [block.convolve[1].out_channels for block in generator.blocks] == widths[1:]
    assert generator.start.out_features == widths[0] * grid**2
    discriminator = df_gan.Discriminator(image_size, text_dim=6, base_channels=4)
    images = generator(torch.randn(2, 5), Text(torch.randn(2, 6))).images
    assert discriminator.features(images)[-1].shape == (2, widths[0], grid, grid)


def test_every_block_can_be_told_another_caption():
    torch.manual_seed(0)
    generator = df_gan.Generator(16, text_dim=6, base_channels=4, noise_dim=5)
    for part in generator.modules():
        if isinstance(part, df_gan.Affine):
            torch.nn.init.normal_(part.scale[-1].weight)
    one, other, noise = Text(torch.randn(1, 6)), Text(torch.randn(1, 6)), torch.randn(1, 5)
    plain = generator(noise, one).images[-1]
    assert torch.equal(generator.paint_with([one, one], noise).images[-1], plain)
    mixed = [generator.paint_with(texts, noise).images[-1] for texts in ([one, other], [other, one], [other, other])]
    assert len({tuple(picture.flatten().tolist()) for picture in (plain, *mixed)}) == 4


def test_noise_enters_every_block_and_not_only_the_start():
    torch.manual_seed(0)
    generator = df_gan.Generator(16, text_dim=6, base_channels=4, noise_dim=5)
    for part in generator.modules():
        if isinstance(part, df_gan.Affine):
            torch.nn.init.normal_(part.scale[-1].weight)
    torch.nn.init.zeros_(generator.start.weight)  # the first layer no longer hears the noise
    text = Text(torch.randn(1, 6))
    one, other = (generator(torch.randn(1, 5), text).images[-1] for _ in range(2))
    assert not torch.equal(one, other)
