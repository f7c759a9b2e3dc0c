"""Does a picture fall into the class of its caption? Asked of a classifier that learnt from real pictures alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.special import logsumexp
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.metrics.intervals import Interval, bootstrap

HELD_OUT = 0.3  # of the real pictures of each class, never learnt from


@dataclass(frozen=True)
class Classifier:
    """Softmax regression on the features of a fixed network.

    Attributes:
        known: int64 [classes], the class of each output.
        mean, scale: [dim], by which features are standardised.
        weight, bias: [classes, dim] and [classes].
        held_out: its accuracy on real pictures that it did not learn from; the ceiling of what painted ones can reach.
    """

    known: Tensor
    mean: Tensor
    scale: Tensor
    weight: Tensor
    bias: Tensor
    held_out: Interval

    def classify(self, features: Tensor) -> Tensor:
        """features: [n, dim]; returns the likeliest class of each, int64 [n]."""
        standard = (features.double() - self.mean) / self.scale
        return self.known[(standard @ self.weight.T + self.bias).argmax(dim=1)]

    def accuracy(self, features: Tensor, classes: Tensor) -> Interval:
        """How often pictures fall into their classes.

        Args:
            features: [n, dim].
            classes: int64 [n].

        Raises:
            ValueError: for a class that it never learnt.
        """
        strange = set(classes.tolist()) - set(self.known.tolist())
        if strange:
            raise ValueError(
                f"the classifier never saw class {min(strange)}; it knows {sorted(self.known.tolist())}, so ask for "
                "captions of the classes that it learnt from"
            )
        return bootstrap((self.classify(features) == classes).double().tolist())


def train_classifier(features: Tensor, classes: Tensor, penalty: float = 1e-3, seed: int = 0) -> Classifier:
    """Train a classifier on some of the real pictures of each class and examine it on the others.

    Args:
        features: [n, dim] of real pictures.
        classes: int64 [n].
        penalty: on the squared weights, so that few pictures are not learnt by heart.
        seed: of the choice of those that are held out.

    Raises:
        ValueError: for fewer than 2 classes, or a class with fewer than 4 pictures.
    """
    known, place, counts = torch.unique(classes, return_inverse=True, return_counts=True)
    if len(known) < 2:
        raise ValueError(f"there is nothing to tell apart among {len(known)} classes; use pictures of 2 or more")
    if counts.min() < 4:
        few = known[counts.argmin()].item()
        raise ValueError(f"class {few} has {int(counts.min())} real pictures; a classifier needs 4 or more of each")
    order = np.random.default_rng(seed).permutation(len(classes))
    asked = np.zeros(len(classes), dtype=bool)
    for one in range(len(known)):
        mine = order[place.numpy()[order] == one]
        asked[mine[: max(1, round(HELD_OUT * len(mine)))]] = True
    learn = torch.from_numpy(~asked)
    mean, scale = features[learn].double().mean(dim=0), features[learn].double().std(dim=0).clamp(min=1e-6)
    standard = (features.double() - mean) / scale
    weight, bias = _regress(standard[learn], place[learn], len(known), penalty)
    right = (standard[~learn] @ weight.T + bias).argmax(dim=1) == place[~learn]
    return Classifier(known, mean, scale, weight, bias, bootstrap(right.double().tolist()))


def _regress(features: Tensor, targets: Tensor, count: int, penalty: float) -> tuple[Tensor, Tensor]:
    r"""Weight [count, dim] and bias [count] at the one minimum of the penalised cross-entropy.

    $$ -\frac{1}{n} \sum_i \log p_{y_i}(x_i) + \lambda \lVert W \rVert^2, \quad
       p(x) = \operatorname{softmax}(W x + b) $$

    scipy's minimiser: torch's would import a compiler first, which takes seconds.
    """
    points, number = features.numpy(), len(features)
    wanted = F.one_hot(targets, count).numpy()

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weight, bias = np.split(flat, [count * points.shape[1]])
        weight = weight.reshape(count, -1)
        logits = points @ weight.T + bias
        sure = logits - logsumexp(logits, axis=1, keepdims=True)
        off = (np.exp(sure) - wanted) / number
        value = -(wanted * sure).sum() / number + penalty * np.square(weight).sum()
        return value, np.concatenate([(off.T @ points + 2 * penalty * weight).ravel(), off.sum(axis=0)])

    start = np.zeros(count * (points.shape[1] + 1))
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
    weight, bias = np.split(found, [count * points.shape[1]])
    return torch.from_numpy(weight.reshape(count, -1).copy()), torch.from_numpy(bias.copy())
