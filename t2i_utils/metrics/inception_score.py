"""Inception score: is each picture clearly of one class, and are all classes there?"""

from __future__ import annotations

import torch
from torch import Tensor

from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.moments import features_matrix
from t2i_utils.metrics.student import student_interval


def inception_score(probabilities: Tensor, splits: int = 10, seed: int = 0, level: float = 0.95) -> Interval:
    r"""IS: the mean of `inception_scores` over splits in a random order, and how sure it is.

    1 where every picture looks the same to the classifier, and at most the number of classes. It looks at painted
    pictures only and grows with the pictures of a split. Of birds and flowers papers mean a classifier that was
    fine-tuned on the test classes: scores by different classifiers do not compare.

    Args:
        probabilities: [n, classes], each row sums to 1.
        splits: how many, at least 2 pictures each; papers take 10 and print their standard deviation.
        seed: of the order: pictures come sorted by caption, and a split of one class would score 1.
        level: of confidence, by Student's t over splits.

    Returns:
        `count` is of pictures.

    Raises:
        ValueError: as `inception_scores`, and for 1 split, which has no interval.

    From: Salimans et al., Improved Techniques for Training GANs, 2016, section 4 (arXiv:1606.03498).
    """
    if splits < 2:
        raise ValueError(f"splits is {splits}; an interval needs 2 or more (inception_scores gives the score of one)")
    order = torch.randperm(len(probabilities), generator=torch.Generator().manual_seed(seed))
    scores = inception_scores(probabilities[order.to(probabilities.device)], splits)
    error = float(scores.std() / splits**0.5)
    return student_interval(float(scores.mean()), error, splits - 1, len(probabilities), level)


def inception_scores(probabilities: Tensor, splits: int = 10) -> Tensor:
    r"""The score of each split, in the order that the pictures come in.

    $$ \exp\, \mathbb{E}_x\, \mathrm{KL}(p(y|x)\, \Vert\, p(y)), \quad p(y) = \mathbb{E}_x\, p(y|x) $$

    In float64, and with 0 log 0 = 0: a classifier may be certain.

    Args:
        probabilities: [n, classes], each row sums to 1.
        splits: neighbouring pictures, equally many to within one.

    Returns:
        [splits] float64, each from 1 to the number of classes.

    Raises:
        ValueError: for rows that are no probabilities, or fewer than 2 pictures a split.
    """
    count = len(features_matrix(probabilities, "probabilities"))
    rows = probabilities.double()
    if (rows < 0).any() or ((rows.sum(dim=1) - 1).abs() > 1e-3).any():
        raise ValueError(
            "rows of the probabilities are negative or do not sum to 1; give softmax of logits, not logits"
        )
    if splits < 1 or count < 2 * splits:
        raise ValueError(f"{count} pictures in {splits} splits; a split needs 2 pictures or more")
    scores = []
    for part in rows.tensor_split(splits):
        divergence = torch.xlogy(part, part) - torch.xlogy(part, part.mean(dim=0))
        scores.append(divergence.sum(dim=1).mean().exp())
    return torch.stack(scores)
