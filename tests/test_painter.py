"""Captions and a seed to pictures: always the same ones."""

import pytest
import torch
from torch import nn

from t2i_utils.gallery import open_painter
from t2i_utils.interfaces import Sample, Text
from t2i_utils.painter import Painter, truncate

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

CAPTIONS = ["a red flower", "six pointed blue petals", "a white flower against the sky"]


@pytest.fixture(scope="module")
def painter(trained_run):
    return open_painter(trained_run)


class Lengths:
    """A caption's vector is its length."""

    name, fingerprint, text_dim = "lengths", "0123456789", 1

    def encode(self, captions):
        return Text(torch.tensor([[float(len(caption))] for caption in captions]))


class Flat(nn.Module):
    """Paints one flat picture: the noise plus the sentence."""

    noise_shape = (1,)

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.drop = nn.Dropout(0.9)

    def forward(self, noise, text):
        value = self.drop(torch.ones(())) * (self.weight * noise + text.sentence)
        coarse = torch.full((len(noise), 3, 2, 2), 9.0)
        return Sample((coarse, value[:, :, None, None].expand(-1, 3, 4, 4)))


def levels(images):
    """The one byte of each flat picture."""
    assert images.flatten(1).eq(images.flatten(1)[:, :1]).all()
    return images[:, 0, 0, 0].tolist()


def test_pictures_are_bytes_on_the_cpu(painter):
    images = painter.paint(CAPTIONS)
    assert images.shape == (3, 3, 32, 32)
    assert images.dtype == torch.uint8
    assert images.device.type == "cpu"
    assert images.is_contiguous()
    assert images.float().std() > 1


def test_the_same_seed_paints_the_same_and_another_another(painter):
    first = painter.paint(CAPTIONS, seed=5)
    torch.rand(3)
    assert torch.equal(painter.paint(CAPTIONS, seed=5), first)
    assert not torch.equal(painter.paint(CAPTIONS, seed=6), first)


def test_a_picture_does_not_depend_on_later_captions(painter):
    long = painter.paint([*CAPTIONS, *CAPTIONS], seed=1)
    for count in (1, 2, 3):
        short = painter.paint(CAPTIONS[:count], seed=1)
        # a level at most: kernels for other batches may round the last bit of a float32 differently
        assert (short.int() - long[:count].int()).abs().max() <= 1
    other = painter.paint([CAPTIONS[0], "something else entirely"], seed=1)
    assert (other[0].int() - long[0].int()).abs().max() <= 1
    assert not torch.equal(other[1], long[1])


def test_painting_in_parts_changes_nothing(painter):
    text = painter.encoder.encode(CAPTIONS)
    noise = torch.randn(3, *painter.generator.noise_shape, generator=torch.Generator().manual_seed(0))
    whole, parts = painter.paint_vectors(text, noise), painter.paint_vectors(text, noise, batch_size=2)
    assert parts.shape == whole.shape
    assert (whole.int() - parts.int()).abs().max() <= 1


def test_painting_leaves_generator_and_randomness_as_they_were(painter):
    before, weights = torch.get_rng_state(), {k: v.clone() for k, v in painter.generator.state_dict().items()}
    painter.paint(CAPTIONS)
    assert torch.equal(torch.get_rng_state(), before)
    for name, tensor in painter.generator.state_dict().items():
        assert torch.equal(tensor, weights[name]), name


def test_the_finest_picture_is_shown_and_ends_of_the_range_are_black_and_white():
    painter = Painter(Lengths(), Flat())
    vectors = torch.tensor([-3.0, -1.0, 0.0, 1.0, 3.0])[:, None]
    images = painter.paint_vectors(Text(vectors), torch.zeros(5, 1))
    assert images.shape == (5, 3, 4, 4)
    assert levels(images) == [0, 0, 128, 255, 255]


def test_dropout_is_off_even_if_the_generator_came_from_training():
    painter = Painter(Lengths(), Flat().train())
    assert levels(painter.paint_vectors(Text(torch.zeros(1, 1)), torch.zeros(1, 1))) == [128]


def test_picture_i_has_the_ith_noise_of_the_seed():
    generator = Flat()
    with torch.no_grad():
        generator.weight.fill_(0.1)

    class Nothing(Lengths):
        def encode(self, captions):
            return Text(torch.zeros(len(captions), 1))

    painter = Painter(Nothing(), generator)
    few, many = levels(painter.paint(["x"] * 3, seed=2)), levels(painter.paint(["x"] * 9, seed=2))
    assert many[:3] == few
    assert len(set(many)) > 5


@pytest.mark.parametrize("seed", [-1, 2**63, 2**70])
def test_a_seed_that_cannot_be_is_named(painter, seed):
    with pytest.raises(ValueError, match=f"seed is {seed}; use 0 or more"):
        painter.paint(CAPTIONS, seed=seed)
    painter.paint(["a flower"], seed=2**63 - 1)


@pytest.mark.parametrize("captions", [[], [""], ["a flower", "\0 flower"], ["x" * 10_000], ["\N{CHERRY BLOSSOM}"]])
def test_what_the_encoder_refuses_is_not_painted(painter, captions):
    with pytest.raises(ValueError, match=r"caption"):
        painter.paint(captions)


def test_one_string_is_not_painted_letter_by_letter(painter):
    with pytest.raises(TypeError, match="list of captions"):
        painter.paint("a red flower")


def test_truncated_noise_is_a_normal_that_ends_at_the_cut_and_moves_with_it():
    noise = torch.randn(20000, generator=torch.Generator().manual_seed(0))
    cut = truncate(noise, 1.0)
    assert cut.abs().max() <= 1
    # the variance of a standard normal cut at c is 1 - 2 c phi(c) / (Phi(c) - Phi(-c)): 0.2911 at 1
    assert cut.var().item() == pytest.approx(0.2911, abs=0.005)
    assert torch.equal(cut.sign(), noise.sign())
    assert torch.equal(cut.argsort(), noise.argsort()) or cut.sort().values.diff().min() >= 0
    assert (truncate(noise, 1.001) - cut).abs().max() < 0.002
    torch.testing.assert_close(truncate(noise, 8.0), noise, atol=1e-3, rtol=1e-3)


def test_truncation_changes_pictures_and_none_does_not(painter):
    whole = painter.paint(CAPTIONS, seed=4)
    assert torch.equal(painter.paint(CAPTIONS, seed=4, truncation=None), whole)
    assert not torch.equal(painter.paint(CAPTIONS, seed=4, truncation=0.5), whole)
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="truncation is"):
            painter.paint(CAPTIONS, truncation=bad)
