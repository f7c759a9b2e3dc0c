"""Each spoiling does one thing, and what it leaves alone stays as it is."""

import pytest
import torch

from t2i_utils.metrics.spoilings import add_noise, blur, closest_words, few_again, swap_some, turn_colours

pytestmark = pytest.mark.usefixtures("one_thread")


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def images():
    return torch.randint(256, (6, 3, 24, 20), dtype=torch.uint8, generator=rng(1))


def test_a_point_becomes_a_gaussian():
    point = torch.zeros(1, 1, 41, 41, dtype=torch.uint8)
    point[0, 0, 20, 20] = 255
    deviation = 1.5
    there = torch.arange(41) - 20
    profile = torch.exp(-(there**2) / (2 * deviation**2))
    profile = profile / profile.sum()
    expected = (255 * profile[:, None] * profile).round()
    assert (blur(point, deviation)[0, 0] - expected).abs().max() <= 1


def test_blur_keeps_flat_pictures_and_means_and_takes_detail(images):
    flat = torch.full((1, 3, 16, 16), 77, dtype=torch.uint8)
    assert torch.equal(blur(flat, 3.0), flat)
    assert torch.equal(blur(images, 0.0), images)
    spreads = [blur(images, deviation).float().std().item() for deviation in (0.0, 0.5, 1.0, 3.0)]
    assert spreads == sorted(spreads, reverse=True)
    assert blur(images, 50.0).float().mean().item() == pytest.approx(images.float().mean().item(), abs=8)


def test_noise_has_the_deviation_that_was_asked_for():
    grey = torch.full((4, 3, 64, 64), 128, dtype=torch.uint8)
    apart = add_noise(grey, 20.0, rng()).float() - 128
    assert apart.mean().item() == pytest.approx(0, abs=0.5)
    assert apart.std().item() == pytest.approx(20, rel=0.02)
    assert torch.equal(add_noise(grey, 20.0, rng()), add_noise(grey, 20.0, rng()))
    assert not torch.equal(add_noise(grey, 20.0, rng()), add_noise(grey, 20.0, rng(1)))
    assert torch.equal(add_noise(grey, 0.0, rng()), grey)


def test_a_third_of_a_turn_puts_every_channel_in_the_next_ones_place(images):
    assert torch.equal(turn_colours(images, 120), images.roll(1, dims=1))
    red = torch.tensor([200, 10, 10], dtype=torch.uint8)[None, :, None, None]
    assert turn_colours(red, 120).flatten().tolist() == [10, 200, 10]


def test_turning_colours_leaves_greys_and_lightness(images):
    grey = images[:, :1].expand(-1, 3, -1, -1)
    assert torch.equal(turn_colours(grey, 47), grey)
    dull = images // 4 + 96  # nothing is cut
    for degrees in (30, 60, 200):
        turned = turn_colours(dull, degrees).float()
        torch.testing.assert_close(turned.mean(1), dull.float().mean(1), atol=0.51, rtol=0)
    assert torch.equal(turn_colours(dull, 360), dull)
    with pytest.raises(ValueError, match="pictures have 1 channels"):
        turn_colours(images[:, :1], 120)


def test_few_pictures_stand_for_all():
    places = few_again(100, 20)
    assert places.shape == (100,)
    assert places.bincount().tolist() == [20] * 5
    assert few_again(7, 100).tolist() == [0] * 7
    assert few_again(5, 1).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="5 pictures 0 times"):
        few_again(5, 0)


@pytest.mark.parametrize(("share", "moved"), [(1.0, 50), (0.5, 25), (0.001, 2)])
def test_captions_change_hands_and_nobody_gets_his_own(share, moved):
    places = swap_some(50, share, rng())
    assert places.sort().values.tolist() == list(range(50))
    assert int((places != torch.arange(50)).sum()) == moved


@pytest.mark.parametrize(("count", "share"), [(1, 1.0), (10, 0.0), (10, 1.1)])
def test_captions_that_cannot_change_hands_are_refused(count, share):
    with pytest.raises(ValueError, match="cannot change hands"):
        swap_some(count, share, rng())


def test_a_copier_chooses_by_words_and_not_by_order_or_signs():
    others = ["a blue flower", "Petals that are red, round", "a red flower with round petals in front of soil"]
    asked = ["round red petals!", "the flower is blue", "in front of soil: a red flower", "zebra"]
    assert closest_words(asked, others).tolist() == [1, 0, 2, 0]
    many = [f"flower {number}" for number in range(600)]
    assert closest_words(many, many).tolist() == list(range(600))


def test_pictures_of_another_type_are_refused(images):
    for spoil in (lambda x: blur(x, 1.0), lambda x: add_noise(x, 1.0, rng()), lambda x: turn_colours(x, 90)):
        with pytest.raises(ValueError, match=r"torch.float32 \[6, 3, 24, 20\]; give uint8"):
            spoil(images.float())
    with pytest.raises(ValueError, match="deviation in pixels of -1"):
        blur(images, -1)
    with pytest.raises(ValueError, match="deviation in grey levels of -1"):
        add_noise(images, -1, rng())
