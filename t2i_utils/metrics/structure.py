"""MS-SSIM: how alike two pictures are in structure, and how alike the pictures of one caption are to each other."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of the scales, finest first
WINDOW, DEVIATION = 11, 1.5  # pixels
STEADY_MEAN, STEADY_CONTRAST = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # keep quotients of flat places defined
PAIRS = 16  # compared at a time: a quarter of a gigabyte at 256 pixels


@dataclass(frozen=True)
class StructuralSimilarity:
    """Similarities with the scales that they were seen at.

    Attributes:
        values: [n] float64, of pairs or of captions; 1 for the same picture.
        scales: how many of the five there was room for.
    """

    values: Tensor
    scales: int

    @property
    def name(self) -> str:
        """What to print above the number: similarities at different scales do not compare."""
        return f"MS-SSIM ({self.scales} of {len(WEIGHTS)} scales)"


def scales_within(size: int) -> int:
    """How many scales a picture's shorter side has room for.

    Each halves the side, and the last must still hold the window of 11 pixels: two scales at 32, three at 64, four at
    128, all five from 176.

    Args:
        size: in pixels.

    Raises:
        ValueError: for less than 11 pixels.
    """
    if size < WINDOW:
        raise ValueError(
            f"MS-SSIM looks through a window of {WINDOW} pixels, and pictures have {size}; give larger ones"
        )
    return min(len(WEIGHTS), (size // WINDOW).bit_length())


def ms_ssim(images: Tensor, others: Tensor) -> StructuralSimilarity:
    r"""MS-SSIM of pairs of pictures.

    $$ l_M^{w_M} \prod_{j=1}^{M} (c_j s_j)^{w_j}, \quad
       l = \frac{2 \mu_x \mu_y + C_1}{\mu_x^2 + \mu_y^2 + C_1}, \quad
       c s = \frac{2 \sigma_{xy} + C_2}{\sigma_x^2 + \sigma_y^2 + C_2} $$

    Means over the picture and its channels at each scale; M is as many scales as the size allows, their weights brought
    to sum 1. Opposite structure counts as 0: a negative number has no such power.

    Args:
        images, others: uint8 [n, channels, height, width].

    Returns:
        [n] values in [0, 1].

    Raises:
        ValueError: for another type, shapes that differ, or pictures below 11 pixels.

    From: Wang, Simoncelli and Bovik, Multiscale Structural Similarity for Image Quality Assessment, 2003, equation 7.
    Where there is no room for five scales the paper has no weights: ours are its first M, over their sum.
    """
    if images.dtype != torch.uint8 or others.dtype != torch.uint8:
        raise ValueError(f"pictures are {images.dtype} and {others.dtype}; give uint8, 0 to 255")
    if images.ndim != 4 or images.shape != others.shape or images.numel() == 0:
        raise ValueError(
            f"pictures are {list(images.shape)} and {list(others.shape)}; give both as [n, channels, size, size]"
        )
    scales = scales_within(min(images.shape[2:]))
    parts = [_compare(*pair, scales) for pair in zip(images.split(PAIRS), others.split(PAIRS), strict=True)]
    return StructuralSimilarity(torch.cat(parts), scales)


def caption_ms_ssim(images: Tensor) -> StructuralSimilarity:
    r"""How alike the pictures of one caption are: the mean MS-SSIM of all pairs; low is diverse.

    $$ \frac{2}{n (n - 1)} \sum_{i < j} \text{MS-SSIM}(x_i, x_j) $$

    A collapsed generator gives 1. Noise gives nearly 0, so low alone is not good: print that of real ones too.

    Args:
        images: uint8 [captions, n, channels, height, width], n pictures of every caption, n at least 2.

    Returns:
        [captions] values.

    Raises:
        ValueError: as `ms_ssim`, and for fewer than 2 pictures a caption.

    From: Odena et al., Conditional Image Synthesis with Auxiliary Classifier GANs, 2017, section 4.2
    (arXiv:1610.09585), who take 100 random pairs a class.
    """
    if images.ndim != 5 or images.shape[1] < 2 or images.numel() == 0:
        raise ValueError(
            f"pictures are {list(images.shape)}; give [captions, n, channels, size, size] with n of 2 or more"
        )
    first, second = torch.triu_indices(images.shape[1], images.shape[1], offset=1)
    of_captions = [ms_ssim(pictures[first], pictures[second]) for pictures in images]
    return StructuralSimilarity(torch.stack([found.values.mean() for found in of_captions]), of_captions[0].scales)


def _compare(images: Tensor, others: Tensor, scales: int) -> Tensor:
    """uint8 [n, channels, height, width] twice; returns [n] float64."""
    first, second = images.double(), others.double()  # float64: squares of 255 leave float32 three digits of contrast
    weights = torch.tensor(WEIGHTS[:scales], dtype=torch.float64)
    product = first.new_ones(len(first))
    for scale, weight in enumerate((weights / weights.sum()).tolist()):
        mean, contrast = _means_and_contrasts(first, second)
        seen = contrast if scale < scales - 1 else mean * contrast
        product = product * seen.mean(dim=(1, 2, 3)).clamp(min=0) ** weight
        first, second = F.avg_pool2d(first, 2), F.avg_pool2d(second, 2)
    return product


def _means_and_contrasts(first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """l and c s wherever the window fits: [n, channels, height - 10, width - 10] each."""
    moments = [_blur(part) for part in (first, second, first * first, second * second, first * second)]
    mean1, mean2, square1, square2, product = moments
    means = (2 * mean1 * mean2 + STEADY_MEAN) / (mean1**2 + mean2**2 + STEADY_MEAN)
    spread = square1 - mean1**2 + square2 - mean2**2
    return means, (2 * (product - mean1 * mean2) + STEADY_CONTRAST) / (spread + STEADY_CONTRAST)


def _blur(images: Tensor) -> Tensor:
    """Gaussian means wherever the window fits, down and across."""
    down, across = (_window_at_every_place(size).to(images) for size in images.shape[2:])
    return down @ images @ across.T  # in float64 several times quicker than a convolution


def _window_at_every_place(size: int) -> Tensor:
    """[size - 10, size] float64, each row the window one pixel further on."""
    steps = torch.arange(WINDOW, dtype=torch.float64) - WINDOW // 2
    window = torch.exp(-(steps**2) / (2 * DEVIATION**2))
    places = size - WINDOW + 1
    rows = torch.zeros(places, size, dtype=torch.float64)
    at = torch.arange(places)[:, None] + torch.arange(WINDOW)
    return rows.scatter_(1, at, (window / window.sum()).expand(places, -1))
