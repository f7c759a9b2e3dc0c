"""The types that everything speaks: what they promise of rows, mixtures and noise."""

import pytest
import torch

from t2i_utils.interfaces import Discriminator, Generator, Sample, Text, draw_noise
from t2i_utils.recipes import SYSTEMS


@pytest.fixture
def text():
    sentence = torch.arange(8.0).reshape(4, 2)
    words = torch.arange(24.0).reshape(4, 3, 2)
    return Text(sentence, words, torch.tensor([[True] * 3, [True, True, False], [True, False, False], [True] * 3]))


def test_take_takes_sentences_words_and_masks_together(text):
    taken = text.take(torch.tensor([2, 0, 2]))
    assert len(taken) == 3
    for part in ("sentence", "words", "mask"):
        assert torch.equal(getattr(taken, part), torch.stack([getattr(text, part)[i] for i in (2, 0, 2)]))


def test_take_of_sentences_alone_has_no_words():
    taken = Text(torch.eye(3)).take(torch.tensor([1]))
    assert torch.equal(taken.sentence, torch.tensor([[0.0, 1.0, 0.0]]))
    assert taken.words is None
    assert taken.mask is None


def test_mix_goes_the_weight_of_the_way_to_the_other(text):
    other = Text(torch.full((4, 2), 10.0))
    assert torch.equal(text.mix(other, 0.0).sentence, text.sentence)
    assert torch.equal(text.mix(other, 1.0).sentence, other.sentence)
    assert torch.equal(text.mix(other, 0.25).sentence[0], torch.tensor([2.5, 3.25]))  # of (0, 1) and (10, 10)
    assert text.mix(other, 0.5).words is None


def test_a_moved_batch_is_the_same_batch(make_batch):
    batch = make_batch(3)
    moved = batch.to("cpu")
    assert len(moved) == len(batch) == 8
    assert torch.equal(moved.images, batch.images)
    assert torch.equal(moved.text.sentence, batch.text.sentence)
    assert torch.equal(moved.swap, batch.swap)


def test_a_detached_sample_keeps_pictures_and_loses_history():
    weight = torch.ones(1, requires_grad=True)
    sample = Sample((weight * torch.ones(2, 3, 4, 4), weight * torch.ones(2, 3, 8, 8)), condition=(weight, weight))
    detached = sample.detach()
    assert [image.requires_grad for image in detached.images] == [False, False]
    assert all(torch.equal(a, b) for a, b in zip(detached.images, sample.images, strict=True))
    assert detached.condition is None


@pytest.mark.parametrize("shape", [(5,), (100,), (2, 8, 8)])
def test_the_first_rows_of_a_longer_draw_are_a_shorter_draw(shape):
    def draw(count):
        return draw_noise(shape, count, torch.Generator().manual_seed(7))

    assert draw(9).shape == (9, *shape)
    assert torch.equal(draw(9)[:4], draw(4))
    assert not torch.equal(draw(2)[0], draw(2)[1])


def test_noise_is_standard_normal():
    noise = draw_noise((100,), 400, torch.Generator().manual_seed(0))
    assert noise.dtype is torch.float32
    assert abs(noise.mean()) < 0.02
    assert abs(noise.std() - 1) < 0.02


@pytest.mark.parametrize("system", SYSTEMS)
def test_networks_follow_the_protocols(make_recipe, system):
    recipe = make_recipe(system)
    assert isinstance(recipe.generator, Generator)
    assert isinstance(recipe.discriminator, Discriminator)
