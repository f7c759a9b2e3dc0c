"""FID: how far apart two sets of features lie, each taken for a Gaussian."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.moments import Moments, features_matrix
from t2i_utils.metrics.student import student_interval


def frechet_distance(real: Moments, painted: Moments, fewer_than_features: bool = False) -> float:
    r"""FID: the squared 2-Wasserstein distance of two Gaussians with these moments.

    $$ \lVert \mu_1 - \mu_2 \rVert^2 + \operatorname{tr}(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2}) $$

    The trace of the root is the sum of the root eigenvalues of the symmetric $\Sigma_1^{1/2} \Sigma_2 \Sigma_1^{1/2}$,
    which are those of $\Sigma_1 \Sigma_2$ but real and without complex rounding. Eigenvalues, and the distance itself,
    that rounding left below 0 count as 0.

    It is too large by about a constant over the number of pictures, and the constant depends on the generator: compare
    at the same number only (`frechet_by_count` shows how much it matters).

    Args:
        real, painted: moments of the same features, at least as many pictures as features each.
        fewer_than_features: allow fewer. The covariance is then singular and the number mostly that bias: for
            comparison with a paper that did the same, and to be labelled so.

    Returns:
        0 for equal moments; in squared units of the features.

    Raises:
        ValueError: for fewer pictures than features, or moments of different lengths.

    From: Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017, equation 6 (arXiv:1706.08500); its closed
    form is Dowson and Landau, 1982.
    """
    refuse_few(real.count, real.dim, "real", fewer_than_features)
    refuse_few(painted.count, painted.dim, "painted", fewer_than_features)
    return _Reference(real).distance(painted)


def frechet_interval(
    real: Moments,
    painted_features: Tensor,
    splits: int = 10,
    seed: int = 0,
    level: float = 0.95,
    fewer_than_features: bool = False,
) -> Interval:
    r"""FID with how sure it is of the painted pictures, by leaving out one block of them after another.

    $$ s^2 = \tfrac{B - 1}{B} \sum_b (\mathrm{FID}_{-b} - \overline{\mathrm{FID}_{-\cdot}})^2, \qquad
       \mathrm{FID} \pm t_{B - 1}\, s $$

    The interval is of FID *at this number of pictures*. Blocks are compared with each other, not with the whole, so
    FID's own bias is not in the width; a bootstrap would draw pictures twice, thin the covariance out, and give an
    interval that lies above the number it belongs to. The real pictures are held fixed, as they are when generators are
    compared. One eigendecomposition a block: seconds each at 2,048 features.

    Args:
        real: moments of the real pictures.
        painted_features: [n, dim], of pictures that are independent: one a caption, or captions drawn at random.
        splits: B, blocks of equal size, at random.
        seed: of the blocks.
        level: of confidence.
        fewer_than_features: as of `frechet_distance`.

    Returns:
        FID of all painted pictures, and its interval; `count` is of painted pictures.

    Raises:
        ValueError: as `frechet_distance`, and for fewer than 2 blocks or fewer than 2 pictures a block.

    From: Quenouille, Notes on Bias in Estimation, 1956, with the variance of Tukey, 1958.
    """
    count, dim = features_matrix(painted_features, "painted features").shape
    refuse_few(real.count, real.dim, "real", fewer_than_features)
    refuse_few(count, dim, "painted", fewer_than_features)
    if splits < 2 or count < 2 * splits:
        raise ValueError(f"{count} painted pictures in {splits} blocks; take at least 2 blocks of at least 2 pictures")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    blocks = [Moments.of(painted_features[rows]) for rows in order.tensor_split(splits)]
    reference = _Reference(real)
    without = torch.tensor(
        [reference.distance(_merged(blocks[:index] + blocks[index + 1 :])) for index in range(splits)],
        dtype=torch.float64,
    )
    error = float(((splits - 1) * without.var(correction=0)).sqrt())
    return student_interval(reference.distance(_merged(blocks)), error, splits - 1, count, level)


def frechet_by_count(
    real: Moments, painted_features: Tensor, counts: Sequence[int], seed: int = 0, fewer_than_features: bool = False
) -> dict[int, float]:
    """FID of the first so many of the same painted pictures: its bias, drawn as a curve.

    It falls about as a constant plus another over the count; where it still falls, two generators can be compared at
    equal counts only.

    Args:
        real: moments of the real pictures.
        painted_features: [n, dim], put in a random order first.
        counts: numbers of pictures, n at most; each smaller set is part of the larger ones.
        seed: of the order.
        fewer_than_features: as of `frechet_distance`.

    Returns:
        Count to FID, in rising order.

    Raises:
        ValueError: as `frechet_distance`, and for a count below 2 or above n.

    From: Chong and Forsyth, Effectively Unbiased FID and Inception Score and where to find them, 2020
    (arXiv:1911.07023), who extrapolate this curve.
    """
    total, dim = features_matrix(painted_features, "painted features").shape
    wanted = sorted(set(counts))
    if not wanted or wanted[0] < 2 or wanted[-1] > total:
        raise ValueError(f"counts are {list(counts)}; give numbers from 2 to the {total} painted pictures there are")
    refuse_few(real.count, real.dim, "real", fewer_than_features)
    refuse_few(wanted[0], dim, "painted", fewer_than_features)
    order = torch.randperm(total, generator=torch.Generator().manual_seed(seed))
    reference, painted, curve = _Reference(real), Moments(dim), {}
    for count in wanted:
        painted.add(painted_features[order[painted.count : count]])
        curve[count] = reference.distance(painted)
    return curve


def refuse_few(count: int, dim: int, whose: str, fewer_than_features: bool = False) -> None:
    """Raise a ValueError where FID would be of a singular covariance.

    Args:
        count: of pictures.
        dim: length of their features.
        whose: "real" or "painted".
        fewer_than_features: 2 pictures are enough.
    """
    if count < (2 if fewer_than_features else dim):
        raise ValueError(
            f"FID needs at least as many pictures as features, and there are {count:,} {whose} pictures for {dim:,} "
            "features; take more, or use KID or CMMD, which are unbiased at any number. fewer_than_features=True "
            "gives the number all the same (for 2 pictures or more), for comparison with papers that print it"
        )


class _Reference:
    """The real pictures' moments with the root of their covariance, which every distance to them needs."""

    def __init__(self, real: Moments):
        values, vectors = torch.linalg.eigh(real.covariance)
        self.real = real
        self.root = values.clamp(min=0).sqrt()[:, None] * vectors.T  # root.T @ root is the covariance

    def distance(self, painted: Moments) -> float:
        """FID to other moments."""
        if painted.dim != self.real.dim:
            raise ValueError(
                f"real features have length {self.real.dim}, painted ones {painted.dim}; use one extractor"
            )
        covariance = painted.covariance
        shared = torch.linalg.eigvalsh(self.root @ covariance @ self.root.T).clamp(min=0).sqrt().sum()
        apart = (self.real.mean - painted.mean).square().sum()
        return max(0.0, float(apart + self.real.covariance.trace() + covariance.trace() - 2 * shared))


def _merged(parts: Sequence[Moments]) -> Moments:
    merged = Moments(parts[0].dim)
    for part in parts:
        merged = merged.merge(part)
    return merged
