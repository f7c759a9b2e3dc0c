"""Convolutions of halves on a CPU, summed as a GPU sums them."""

import pytest
import torch
from torch.nn import functional as F

from t2i_utils.training.wide_sums import WideSums


def pass_of(convolve, channels=64):
    """A convolution of halves, its gradients and those of its gradients' size, all in float16."""
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(2, channels, 8, 8, generator=rng).half().requires_grad_()
    weight = (torch.randn(channels, channels, 3, 3, generator=rng) / 24).half().requires_grad_()
    out = convolve(images, weight, padding=1)
    first = torch.autograd.grad(out.float().square().sum() / 1000, (images, weight), create_graph=True)
    second = torch.autograd.grad(first[0].float().square().sum(), weight)
    return [part.detach() for part in (out, *first, *second)]


@pytest.mark.parametrize("convolve", [F.conv2d, F.conv_transpose2d])
def test_what_is_summed_in_float32_is_rounded_once(convolve):
    with WideSums():
        wide = pass_of(convolve)
    assert all(part.dtype == torch.float16 for part in wide)
    rng = torch.Generator().manual_seed(0)
    images = torch.randn(2, 64, 8, 8, generator=rng).half()
    weight = (torch.randn(64, 64, 3, 3, generator=rng) / 24).half()
    assert torch.equal(wide[0], convolve(images.float(), weight.float(), padding=1).half())
    for ours, torchs in zip(wide, pass_of(convolve), strict=True):  # torch's own sums differ by their order alone
        torch.testing.assert_close(ours, torchs, rtol=2e-2, atol=2e-2 * torchs.float().abs().max().item())


def test_a_sum_beyond_the_largest_half_is_infinite():
    with WideSums():
        assert torch.isinf(F.conv2d(torch.full((1, 1, 8, 8), 60000.0).half(), torch.ones(1, 1, 3, 3).half())).all()


def test_nothing_else_is_touched():
    numbers, kernel = torch.randn(1, 3, 8, 8), torch.randn(4, 3, 3, 3)
    with WideSums():
        assert torch.equal(F.conv2d(numbers, kernel), F.conv2d(numbers, kernel))
        assert F.conv2d(numbers.bfloat16(), kernel.bfloat16()).dtype == torch.bfloat16
        assert (numbers.half() @ numbers.half().mT).dtype == torch.float16
