"""Terms of the generator's loss, by hand."""

import math

import pytest
import torch
from torch import nn

from t2i_utils.interfaces import Batch, Sample, Text, draw_noise, step_rng
from t2i_utils.objectives.adversarial import BCE, Pairs, discriminator_losses
from t2i_utils.objectives.round import Round, paint_round
from t2i_utils.objectives.terms import condition_kl, feature_matching, interpolated_sentences, pixel_distance


class PixelsAreFeatures(nn.Module):
    """A discriminator whose features are the pictures."""

    def features(self, images):
        return (images[-1].flatten(1),)


def round_of(real, painted):
    """A round with these pictures ([batch, channels, size, size])."""
    places = torch.arange(len(real))
    batch = Batch(real, Text(torch.zeros(len(real), 2)), places, places.roll(1))
    return Round(None, PixelsAreFeatures(), batch, 0, step_rng(0, 0), Sample((painted,)))


@pytest.mark.parametrize(("beta", "count"), [(0.5, 8), (0.25, 8), (0.5, 7)])
def test_gan_int_paints_midpoints_of_two_halves_of_the_batch(diarists, make_batch, beta, count):
    batch = make_batch(2, count=count)
    round = paint_round(*diarists, batch, step=0, seed=0, with_history=True)
    interpolated_sentences(BCE, beta)(round)
    sentence, half = batch.text.sentence, count // 2
    midpoints = torch.stack([beta * sentence[i] + (1 - beta) * sentence[half + i] for i in range(half)])
    torch.testing.assert_close(round.generator.texts[-1].sentence, midpoints)
    assert round.discriminator.scored[-1] is round.generator.texts[-1]  # judged beside the caption it was painted for


def test_gan_int_draws_new_noise_of_the_same_step(diarists, make_batch):
    round = paint_round(*diarists, make_batch(2), step=3, seed=5, with_history=True)
    interpolated_sentences(BCE)(round)
    rng = step_rng(5, 3)
    expected = [draw_noise((2,), count, rng) for count in (8, 4)]
    assert all(torch.equal(a, b) for a, b in zip(round.generator.noises, expected, strict=True))


def test_gan_int_is_the_fooling_loss_of_its_midpoints(diarists, make_batch):
    round = paint_round(*diarists, make_batch(2), step=0, seed=0, with_history=True)
    loss = interpolated_sentences(BCE, weight=3.0)(round)
    text, noise = round.generator.texts[-1], round.generator.noises[-1]
    with torch.no_grad():
        features = round.discriminator.features(round.generator(noise, text).images)
        logits = round.discriminator.score(features, text)[0].logits
    torch.testing.assert_close(loss.detach(), 3 * -logits.sigmoid().log().mean())
    loss.backward()
    assert all(parameter.grad.any() for parameter in round.generator.parameters())


def test_the_discriminator_is_never_shown_a_midpoint_in_its_own_losses(diarists, make_batch):
    batch = make_batch(2)
    round = paint_round(*diarists, batch, step=0, seed=0, with_history=True)
    discriminator_losses(round, BCE, Pairs())
    written = {tuple(sentence.tolist()) for sentence in batch.text.sentence}
    judged = {tuple(sentence.tolist()) for text in round.discriminator.scored for sentence in text.sentence}
    assert judged == written
    assert [text is batch.text for text in round.generator.texts] == [True]


def test_a_midpoint_needs_two_captions(diarists, make_batch):
    round = paint_round(*diarists, make_batch(count=1), step=0, seed=0, with_history=True)
    with pytest.raises(ValueError, match="got 1; use 2 or more"):
        interpolated_sentences(BCE)(round)


def test_feature_matching_of_the_same_pictures_in_another_order_is_nothing():
    real = torch.randn(6, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert feature_matching()(round_of(real, real.flip(0))).item() == pytest.approx(0, abs=1e-10)


def test_feature_matching_by_hand():
    real = torch.tensor([[1.0, 0.0], [3.0, 2.0]]).reshape(2, 2, 1, 1)  # mean (2, 1)
    painted = torch.tensor([[0.0, 0.0], [0.0, 4.0]]).reshape(2, 2, 1, 1)  # mean (0, 2)
    loss = feature_matching(weight=100)(round_of(real, painted))
    assert loss.item() == pytest.approx(100 * (4 + 1) / 2)


def test_feature_matching_moves_the_painted_side_only():
    real, painted = torch.ones(2, 1, 2, 2, requires_grad=True), torch.zeros(2, 1, 2, 2, requires_grad=True)
    feature_matching(weight=1.0)(round_of(real, painted)).backward()
    assert real.grad is None
    # d/dp of mean over 4 features of (mean over 2 pictures of p - 1)^2, at p = 0
    assert torch.equal(painted.grad, torch.full_like(painted, -2 / (2 * 4)))


def test_pixel_distance_by_hand():
    real = torch.tensor([1.0, -1.0, 0.5, 0.0]).reshape(1, 1, 2, 2)
    painted = torch.tensor([0.0, -1.0, 1.0, 0.5]).reshape(1, 1, 2, 2)
    assert pixel_distance(weight=50)(round_of(real, painted)).item() == pytest.approx(50 * (1 + 0 + 0.5 + 0.5) / 4)


def test_pixel_distance_compares_each_picture_with_its_own_caption():
    real = torch.stack([torch.ones(3, 2, 2), -torch.ones(3, 2, 2)])
    assert pixel_distance(1.0)(round_of(real, real)).item() == 0
    assert pixel_distance(1.0)(round_of(real, real.flip(0))).item() == 2


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_terms_of_half_precision_pictures_are_float32(dtype):
    real, painted = torch.ones(2, 3, 2, 2), torch.zeros(2, 3, 2, 2, dtype=dtype)
    round = round_of(real, painted)
    assert feature_matching(1.0)(round).dtype is pixel_distance(1.0)(round).dtype is torch.float32
    assert math.isclose(pixel_distance(1.0)(round).item(), 1.0)


def cloud(mean, logvar):
    """A round whose generator drew its condition so."""
    round = round_of(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4))
    round.fake = Sample(round.fake.images, condition=(mean, logvar))
    return round


@pytest.mark.parametrize(("mean", "sigma"), [(0.0, 1.0), (3.0, 1.0), (-1.0, 2.0), (0.5, 0.1)])
def test_the_condition_is_held_near_the_normal_distribution(mean, sigma):
    """KL(N(m, s) || N(0, 1)) = m^2 / 2 + (s^2 - 1) / 2 - ln s, 0 where the two are one."""
    round = cloud(torch.full((2, 5), mean), torch.full((2, 5), 2 * math.log(sigma)))
    expected = mean**2 / 2 + (sigma**2 - 1) / 2 - math.log(sigma)
    assert condition_kl(3.0)(round).item() == pytest.approx(3 * expected, abs=1e-6)


def test_a_generator_without_a_condition_has_nothing_to_hold():
    with pytest.raises(ValueError, match="draws no condition"):
        condition_kl()(round_of(torch.zeros(2, 3, 4, 4), torch.zeros(2, 3, 4, 4)))
