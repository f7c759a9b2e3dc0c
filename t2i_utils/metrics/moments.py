"""Mean and covariance of features that never lie in memory all at once."""

from __future__ import annotations

import torch
from torch import Tensor

ROWS = 4096  # turned to float64 at a time: 64 MB of Inception's features


class Moments:
    r"""Streaming mean and covariance in float64; memory is that of one [dim, dim] matrix, whatever the count.

    $$ n = n_a + n_b, \quad \delta = \bar x_b - \bar x_a, \quad \bar x = \bar x_a + \tfrac{n_b}{n} \delta, \quad
       S = S_a + S_b + \tfrac{n_a n_b}{n} \delta \delta^\top $$

    S is the sum of squares about the mean. Subtracting n times the squared mean from a sum of squares would lose every
    digit where features lie far from zero.

    Args:
        dim: length of a feature vector.

    Attributes:
        count: of pictures so far.
        mean: [dim] float64.
        scatter: [dim, dim] float64, S.

    From: Chan, Golub and LeVeque, Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
    """

    def __init__(self, dim: int):
        self.count = 0
        self.mean = torch.zeros(dim, dtype=torch.float64)
        self.scatter = torch.zeros(dim, dim, dtype=torch.float64)

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """The moments of features, [n, dim]."""
        moments = cls(features_matrix(features).shape[1])
        moments.add(features)
        return moments

    @classmethod
    def given(cls, count: int, mean: Tensor, covariance: Tensor) -> Moments:
        """Moments that somebody else computed.

        Args:
            count: of pictures, at least 2.
            mean: [dim].
            covariance: [dim, dim], the sum of squares over count - 1.

        Raises:
            ValueError: for shapes that do not fit, or a covariance that is not symmetric.
        """
        dim = mean.numel()
        if mean.shape != (dim,) or covariance.shape != (dim, dim):
            raise ValueError(
                f"a mean of {list(mean.shape)} and a covariance of {list(covariance.shape)}; give [dim] and [dim, dim]"
            )
        if count < 2:
            raise ValueError(f"a covariance of {count} pictures is not defined; give 2 or more")
        if not torch.allclose(covariance, covariance.T, rtol=1e-5, atol=1e-8):
            raise ValueError("the covariance is not symmetric; is it the whole matrix, not its triangle?")
        moments = cls(dim)
        moments.count = count
        moments.mean = features_matrix(mean[None])[0].to(moments.mean, copy=True)
        moments.scatter = features_matrix(covariance).to(moments.scatter) * (count - 1)
        return moments

    @property
    def dim(self) -> int:
        """Length of a feature vector."""
        return self.mean.numel()

    @property
    def covariance(self) -> Tensor:
        """[dim, dim] float64, the sum of squares over count - 1."""
        if self.count < 2:
            raise ValueError(f"a covariance of {self.count} pictures is not defined; add 2 or more")
        return self.scatter / (self.count - 1)

    def add(self, features: Tensor) -> None:
        """Take in features, [n, dim], of any floating type and device.

        Raises:
            ValueError: for another length, or for NaN or infinity; nothing is taken in then.
        """
        if features_matrix(features).shape[1] != self.dim:
            raise ValueError(f"features of length {features.shape[1]} do not go with moments of length {self.dim}")
        for rows in features.detach().split(ROWS):
            part = rows.to(self.mean)
            mean = part.mean(dim=0)
            centred = part - mean
            self._take(len(part), mean, centred.T @ centred)

    def merge(self, other: Moments) -> Moments:
        """The moments of both sets of pictures together, as a new value."""
        if other.dim != self.dim:
            raise ValueError(f"moments of length {other.dim} do not go with moments of length {self.dim}")
        both = Moments(self.dim)
        both.count, both.mean, both.scatter = self.count, self.mean.clone(), self.scatter.clone()
        both._take(other.count, other.mean, other.scatter)
        return both

    def _take(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        total = self.count + count
        if count == 0:
            return
        away = mean - self.mean
        self.scatter += scatter
        self.scatter.addr_(away, away, alpha=self.count * count / total)
        self.mean += away * (count / total)
        self.count = total


def features_matrix(features: Tensor, whose: str = "features") -> Tensor:
    """The features themselves, after a look at them.

    features: [n, dim] of any type; whose: what an error calls them.

    Raises:
        ValueError: for another number of axes, for none, or for NaN or infinity.
    """
    if features.ndim != 2 or features.numel() == 0:
        raise ValueError(f"{whose} are {list(features.shape)}; give [pictures, dim] with at least one picture")
    bad = int((~torch.isfinite(features)).any(dim=1).sum())
    if bad:
        raise ValueError(
            f"{bad} of {len(features)} rows of the {whose} hold NaN or infinity; did the generator or the extractor "
            "diverge, or run in float16?"
        )
    return features
