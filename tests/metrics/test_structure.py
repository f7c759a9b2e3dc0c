"""MS-SSIM: 1 of a picture with itself, as many scales as there is room for, and a collapse that shows."""

import pytest
import torch

from t2i_utils.metrics import structure as module
from t2i_utils.metrics.structure import caption_ms_ssim, ms_ssim, scales_within


def pictures(*shape, seed=0):
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("size", "scales"), [(11, 1), (21, 1), (22, 2), (32, 2), (64, 3), (128, 4), (160, 4), (175, 4), (176, 5), (1024, 5)]
)
def test_the_last_scale_still_holds_the_window(size, scales):
    assert scales_within(size) == scales
    assert size // 2 ** (scales - 1) >= 11
    assert scales == 5 or size // 2**scales < 11


@pytest.mark.parametrize("shape", [(2, 3, 32, 32), (2, 1, 28, 28), (2, 3, 64, 48), (1, 3, 176, 176)])
def test_a_picture_with_itself_is_1(shape):
    found = ms_ssim(pictures(*shape), pictures(*shape))
    assert found.values.tolist() == pytest.approx([1] * shape[0], abs=1e-12)
    assert found.scales == scales_within(min(shape[2:]))


def test_the_scales_are_named():
    images = pictures(1, 3, 32, 32)
    assert ms_ssim(images, images).name == "MS-SSIM (2 of 5 scales)"


def test_flat_pictures_differ_by_their_lightness_alone():
    black, white = torch.zeros(1, 3, 32, 32, dtype=torch.uint8), torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    steady, weight = (0.01 * 255) ** 2, 0.2856 / (0.0448 + 0.2856)  # the luminance counts at the coarsest of two scales
    assert ms_ssim(black, white).values.item() == pytest.approx((steady / (255**2 + steady)) ** weight)
    assert ms_ssim(black, white).values.item() == ms_ssim(white, black).values.item()


def test_half_the_contrast_in_closed_form():
    # one window, y = x / 2 + 50: the contrast term is (2 v / 2 + C) / (v + v / 4 + C)
    picture = pictures(1, 1, 11, 11) // 2 * 2
    half = picture // 2 + 50
    window = torch.exp(-((torch.arange(11.0, dtype=torch.float64) - 5) ** 2) / 4.5)
    window = window / window.sum()
    mean, square = ((window[:, None] * window * picture[0, 0].double() ** power).sum().item() for power in (1, 2))
    variance, away = square - mean**2, mean / 2 + 50
    lightness = (2 * mean * away + 2.55**2) / (mean**2 + away**2 + 2.55**2)
    contrast = (variance + 7.65**2) / (1.25 * variance + 7.65**2)
    assert ms_ssim(picture, half).values.item() == pytest.approx(lightness * contrast)


def test_more_noise_is_less_alike_and_opposites_are_0():
    images = pictures(4, 3, 8, 8).repeat_interleave(4, 2).repeat_interleave(4, 3)
    rng = torch.Generator().manual_seed(1)
    grain = torch.randn(images.shape, generator=rng)
    noisy = [(images + width * grain).clamp(0, 255).to(torch.uint8) for width in (5, 20, 80)]
    near, middle, far = (ms_ssim(images, one).values for one in noisy)
    assert (near < 1).all()
    assert (near > middle).all()
    assert (middle > far).all()
    assert ms_ssim(images, 255 - images).values.tolist() == [0] * 4


def test_pairs_do_not_look_at_each_other(monkeypatch):
    images, others = pictures(5, 3, 32, 32), pictures(5, 3, 32, 32, seed=1) // 2 + pictures(5, 3, 32, 32) // 2
    whole = ms_ssim(images, others).values
    monkeypatch.setattr(module, "PAIRS", 2)
    assert ms_ssim(images, others).values.tolist() == pytest.approx(whole.tolist())
    assert ms_ssim(images[3:4], others[3:4]).values.item() == pytest.approx(whole[3].item())


def test_a_collapsed_generator_shows_and_captions_are_kept_apart():
    images = pictures(2, 4, 3, 32, 32)
    images[0] = images[0, :1]
    found = caption_ms_ssim(images)
    assert found.values.tolist() == [pytest.approx(1), pytest.approx(0, abs=0.1)]
    assert (found.scales, found.name) == (2, "MS-SSIM (2 of 5 scales)")


def test_of_a_caption_it_is_the_mean_of_all_pairs():
    base = pictures(3, 3, 32, 32)
    images = torch.stack([base[0], base[0] // 2 + base[1] // 2, base[0] // 2 + base[2] // 2])
    pairs = [ms_ssim(images[i : i + 1], images[j : j + 1]).values.item() for i, j in ((0, 1), (0, 2), (1, 2))]
    assert caption_ms_ssim(images[None]).values.item() == pytest.approx(sum(pairs) / 3)


@pytest.mark.parametrize(
    ("images", "others", "said"),
    [
        (torch.rand(1, 3, 32, 32), torch.rand(1, 3, 32, 32), "torch.float32 .*; give uint8"),
        (pictures(1, 3, 32, 32), pictures(1, 1, 32, 32), r"give both as \[n, channels, size, size\]"),
        (pictures(3, 32, 32), pictures(3, 32, 32), "give both as"),
        (pictures(1, 3, 32, 32)[:0], pictures(1, 3, 32, 32)[:0], "give both as"),
        (pictures(1, 3, 64, 10), pictures(1, 3, 64, 10), "a window of 11 pixels, and pictures have 10"),
    ],
)
def test_pictures_that_do_not_fit_are_refused(images, others, said):
    with pytest.raises(ValueError, match=said):
        ms_ssim(images, others)


@pytest.mark.parametrize("shape", [(2, 1, 3, 32, 32), (4, 3, 32, 32), (0, 4, 3, 32, 32)])
def test_one_picture_a_caption_is_not_diverse_or_otherwise(shape):
    with pytest.raises(ValueError, match="with n of 2 or more"):
        caption_ms_ssim(torch.zeros(shape, dtype=torch.uint8))


def test_float_pictures_of_a_caption_are_refused():
    with pytest.raises(ValueError, match="give uint8"):
        caption_ms_ssim(torch.rand(1, 2, 3, 32, 32))
