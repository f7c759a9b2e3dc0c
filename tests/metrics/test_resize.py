"""Every rule gives the pixels of whoever made it, enlarging and shrinking."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x as fidelity
from torchvision.transforms.functional import resize as torchvision_resize

from t2i_utils.metrics.resize import PIL_BICUBIC, SIDE, TF1_BILINEAR, TORCH_BILINEAR, UNIT_BILINEAR, check_pictures

pytestmark = pytest.mark.usefixtures("one_thread")
RULES = (TF1_BILINEAR, TORCH_BILINEAR, PIL_BICUBIC, UNIT_BILINEAR)
SIZES = pytest.mark.parametrize("size", [32, 64, 299, 400])
GREY_LEVEL = 1 / 127.5  # of 255, in [-1, 1]


def noise(size, count=2, channels=3, seed=0):
    return torch.randint(256, (count, channels, size, size), generator=step(seed), dtype=torch.uint8)


def step(seed):
    return torch.Generator().manual_seed(seed)


@SIZES
def test_tensorflow_1s_pixels_as_torch_fidelity_has_them(size):
    theirs = (fidelity(noise(size).float(), (SIDE, SIDE), align_corners=False) - 128) / 128
    torch.testing.assert_close(TF1_BILINEAR(noise(size)), theirs, atol=1e-6, rtol=0)


@SIZES
def test_pytorch_fids_pixels(size):
    theirs = 2 * F.interpolate(noise(size) / 255, (SIDE, SIDE), mode="bilinear", align_corners=False) - 1
    torch.testing.assert_close(TORCH_BILINEAR(noise(size)), theirs, atol=1e-6, rtol=0)


@SIZES
def test_pils_pixels_as_clean_fid_has_them(size):
    theirs = [
        [np.asarray(Image.fromarray(channel).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for channel in picture]
        for picture in noise(size).numpy().astype(np.float32)  # one channel of floats: PIL's mode F
    ]
    theirs = (torch.from_numpy(np.array(theirs)).clamp(0, 255) - 128) / 128
    torch.testing.assert_close(PIL_BICUBIC(noise(size)), theirs, atol=0.01 * GREY_LEVEL, rtol=0)


@SIZES
def test_torchvisions_pixels_before_it_antialiased(size):
    theirs = torchvision_resize(noise(size) / 255, [SIDE, SIDE], antialias=False)
    torch.testing.assert_close(UNIT_BILINEAR(noise(size)), theirs, atol=1e-6, rtol=0)


def test_a_ramp_by_hand():
    ramp = torch.arange(0, 200, 2, dtype=torch.uint8).expand(1, 3, 100, 100)  # column x is 2 x
    columns = torch.arange(SIDE)
    tf1 = TF1_BILINEAR(ramp)[0, 0, 7] * 128 + 128
    torch.testing.assert_close(tf1, (2 * columns * 100 / SIDE).clamp(max=198), atol=1e-3, rtol=0)
    centred = UNIT_BILINEAR(ramp)[0, 0, 7] * 255
    torch.testing.assert_close(
        centred, (2 * ((columns + 0.5) * 100 / SIDE - 0.5)).clamp(min=0, max=198), atol=1e-3, rtol=0
    )


def test_the_rules_are_different_rules():
    assert len({rule.name for rule in RULES}) == len(RULES)
    pixels = [rule(noise(64)) for rule in (TF1_BILINEAR, TORCH_BILINEAR, PIL_BICUBIC)]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert (pixels[one] - pixels[other]).abs().mean() > 5 * GREY_LEVEL


@pytest.mark.parametrize(
    ("rule", "black", "white"),
    [
        (TF1_BILINEAR, -1, 127 / 128),
        (PIL_BICUBIC, -1, 127 / 128),
        (TORCH_BILINEAR, -1, 1),
        (UNIT_BILINEAR, 0, 1),
    ],
)
def test_flat_pictures_stay_flat_and_nothing_leaves_the_range(rule, black, white):
    for level, wanted in ((0, black), (255, white)):
        seen = rule(torch.full((1, 3, 40, 40), level, dtype=torch.uint8))
        torch.testing.assert_close(seen, torch.full((1, 3, SIDE, SIDE), float(wanted)), atol=1e-6, rtol=0)
    checkers = (torch.arange(40)[:, None] + torch.arange(40)).remainder(2).mul(255).to(torch.uint8)
    seen = rule(checkers.expand(1, 3, 40, 40))  # a bicubic filter overshoots here
    assert black <= seen.min() < seen.max() <= white


@pytest.mark.parametrize("rule", RULES)
def test_grey_is_told_to_all_three_colours_and_no_picture_changes_another(rule):
    grey = noise(28, count=3, channels=1)
    seen = rule(grey)
    assert seen.shape == (3, 3, SIDE, SIDE)
    assert seen.dtype == torch.float32
    torch.testing.assert_close(seen, rule(grey.repeat(1, 3, 1, 1)), atol=0, rtol=0)
    torch.testing.assert_close(seen[1:2], rule(grey[1:2]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (torch.zeros(2, 3, 32, 32), r"float32.*give|float32.*uint8"),
        (torch.zeros(3, 32, 32, dtype=torch.uint8), r"\[3, 32, 32\]; give \[n, 3, size, size\]"),
        (torch.zeros(2, 32, 32, 3, dtype=torch.uint8), r"\[2, 32, 32, 3\]; give"),
        (torch.zeros(0, 3, 32, 32, dtype=torch.uint8), r"give one picture or more"),
        (torch.zeros(2, 3, 0, 0, dtype=torch.uint8), r"nothing to see"),
        (torch.zeros(2, 3, 32, 48, dtype=torch.uint8), r"32 x 48 pixels; cut squares"),
    ],
)
def test_what_is_no_picture_is_refused(wrong, told):
    with pytest.raises(ValueError, match=told):
        check_pictures(wrong)
    with pytest.raises(ValueError, match=told):
        TF1_BILINEAR(wrong)
