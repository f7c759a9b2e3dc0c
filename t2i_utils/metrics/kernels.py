"""KID and CMMD: distances that are unbiased at any number of pictures.

Both are a squared maximum mean discrepancy, estimated without bias from what pairs of pictures have in common. Being
unbiased, they may fall a little below 0 where there is nothing to tell apart. Their intervals count both the real and
the painted pictures as drawn at random.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from t2i_utils.metrics.discrepancy import discrepancy, jackknife
from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.moments import features_matrix

SIGMA, SCALE = 10.0, 1000.0


def polynomial_kernel(features: Tensor, others: Tensor) -> Tensor:
    r"""$k(x, y) = (x \cdot y / d + 1)^3$, the kernel of KID; [n, dim] and [m, dim] to [n, m]."""
    return (features @ others.T / features.shape[1] + 1) ** 3


def gaussian_kernel(features: Tensor, others: Tensor) -> Tensor:
    r"""$k(x, y) = \exp(-\lVert x - y \rVert^2 / 200)$ of unit vectors: sigma is 10; [n, dim], [m, dim] to [n, m]."""
    return torch.exp((features @ others.T - 1) / SIGMA**2)  # |x - y|^2 is 2 - 2 x.y where both have length 1


@dataclass(frozen=True)
class KernelDistance:
    """KID with its protocol.

    Attributes:
        interval: the mean over subsets, and how sure it is as to pictures; usually printed times 1,000.
        values: of each subset. Their standard deviation is what papers print behind the mean: the scatter of one
            subset, not of the mean, and 0 where every subset holds every picture.
        subset_size: pictures of each kind in a subset.
        subsets: how many.
        seed: of the subsets.
    """

    interval: Interval
    values: tuple[float, ...]
    subset_size: int
    subsets: int
    seed: int


def kernel_distance(
    real: Tensor, painted: Tensor, subset_size: int = 1000, subsets: int = 100, seed: int = 0, level: float = 0.95
) -> KernelDistance:
    r"""KID: the squared maximum mean discrepancy under $k(x, y) = (x \cdot y / d + 1)^3$, a mean over random subsets.

    Its expectation is 0 for two samples of one distribution, whatever the number of pictures.

    The interval is over pictures, not over subsets: more subsets of the same pictures make the mean over subsets more
    certain, and not what it says of the generator. Leaving out each picture in turn, from every subset that it is in,
    gives the standard error (the jackknife, which errs on the wide side).

    Args:
        real: [m, dim] features.
        painted: [n, dim] features.
        subset_size: pictures of each kind in a subset, drawn without replacement; 1,000 is usual, 3 the least.
        subsets: how many; 1 is enough, and taken, where each would hold every picture.
        seed: of the subsets.
        level: of confidence.

    Raises:
        ValueError: for features that do not fit, or fewer pictures than a subset holds.

    From: Bińkowski et al., Demystifying MMD GANs, 2018, section 4 (arXiv:1801.01401).
    """
    _refuse_unlike(real, painted)
    fewest = min(len(real), len(painted))
    if not 3 <= subset_size <= fewest:
        raise ValueError(
            f"subsets of {subset_size:,} from {len(real):,} real and {len(painted):,} painted pictures; "
            f"give a subset_size from 3 to {fewest:,} (KID is unbiased at any) or more pictures"
        )
    if subsets < 1:
        raise ValueError(f"KID is a mean over subsets, and subsets is {subsets}; give 1 or more")
    if subset_size == len(real) == len(painted):
        subsets = 1
    rng = torch.Generator().manual_seed(seed)
    of_real = torch.zeros(len(real), dtype=torch.float64, device=real.device)
    of_painted = torch.zeros(len(painted), dtype=torch.float64, device=painted.device)
    values = []
    for _ in range(subsets):
        first = torch.randperm(len(real), generator=rng)[:subset_size].to(real.device)
        second = torch.randperm(len(painted), generator=rng)[:subset_size].to(painted.device)
        found = discrepancy(real[first].double(), painted[second].double(), polynomial_kernel)
        values.append(found.unbiased)
        of_real[first] += found.real / subsets
        of_painted[second] += found.painted / subsets
    mean = math.fsum(values) / subsets
    interval = jackknife(mean, of_real, of_painted, (subset_size, subset_size), level)
    return KernelDistance(interval, tuple(values), subset_size, subsets, seed)


@dataclass(frozen=True)
class ClipDiscrepancy:
    """CMMD by both estimators.

    Attributes:
        interval: the unbiased one, and how sure it is.
        biased: what the authors' published code prints of the same features: larger, by about 2,000 (1 - the mean
            kernel) over n, for comparison with papers.
    """

    interval: Interval
    biased: float


def clip_mmd(real: Tensor, painted: Tensor, level: float = 0.95) -> ClipDiscrepancy:
    r"""CMMD: 1,000 times the squared maximum mean discrepancy of unit-length CLIP features under a Gaussian kernel.

    $$ 1000 \cdot \mathrm{MMD}^2, \quad k(x, y) = \exp(-\lVert x - y \rVert^2 / (2 \cdot 10^2)) $$

    The estimator is the unbiased U-statistic that the paper writes down. The authors' code takes the V-statistic, which
    compares every picture with itself: at 30,000 pictures they agree, at a thousand the second is clearly too large. It
    is given beside the first. So wide a kernel is nearly a straight line on unit vectors: CMMD is close to 10 times the
    squared distance of the two mean vectors.

    Args:
        real: [m, dim] CLIP features of any length above 0; they are brought to length 1.
        painted: [n, dim], the same.
        level: of confidence.

    Raises:
        ValueError: for features that do not fit, a feature of length 0, or fewer than 3 pictures.

    From: Jayasumana et al., Rethinking FID, 2024, section 4 (arXiv:2401.09603).
    """
    _refuse_unlike(real, painted)
    if min(len(real), len(painted)) < 3:
        raise ValueError(f"{len(real)} real and {len(painted)} painted pictures; CMMD's interval needs 3 of each")
    found = discrepancy(_unit(real, "real"), _unit(painted, "painted"), gaussian_kernel)
    sizes = (len(real), len(painted))
    interval = jackknife(SCALE * found.unbiased, SCALE * found.real, SCALE * found.painted, sizes, level)
    return ClipDiscrepancy(interval, SCALE * found.biased)


def _unit(features: Tensor, whose: str) -> Tensor:
    lengths = features.double().norm(dim=1, keepdim=True)
    if (lengths == 0).any():
        raise ValueError(f"{int((lengths == 0).sum())} of {len(features)} {whose} features have length 0; look at them")
    return features.double() / lengths


def _refuse_unlike(real: Tensor, painted: Tensor) -> None:
    features_matrix(real, "real features")
    features_matrix(painted, "painted features")
    if real.shape[1] != painted.shape[1]:
        raise ValueError(
            f"real features have length {real.shape[1]}, painted ones {painted.shape[1]}; use one extractor"
        )
