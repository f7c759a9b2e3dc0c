"""A discriminator that sees whether the pictures of a batch are all alike."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Score, Text


class MinibatchDiscrimination(nn.Module):
    r"""Add to a discriminator's logits what it makes of how close each picture lies to the others of its batch.

    $$ M_i = f(x_i)\, T, \quad o_{ib} = \sum_j \exp(-\lVert M_{ib} - M_{jb} \rVert_1),
       \quad d_i \leftarrow d_i + w o_i $$

    A generator that paints one picture for every noise is caught: its pictures are closer to each other than real ones.
    The paper puts o beside the features that a last linear layer reads, which comes to the same sum.

    Args:
        discriminator: whose last features f are looked at.
        image_shape: of its pictures.
        kernels: b runs over so many; the paper's 100, the reports' 128.
        length: of each row of M; the paper's 5, the reports' 16.

    From: Salimans et al., Improved Techniques for Training GANs, 2016, section 3.2 (arXiv:1606.03498).
    """

    mixes_examples = True

    def __init__(self, discriminator: nn.Module, image_shape: Sequence[int], kernels: int = 128, length: int = 16):
        super().__init__()
        if kernels < 1 or length < 1:
            raise ValueError(f"minibatch discrimination has {kernels} kernels of {length} numbers; use 1 or more each")
        self.discriminator, self.shape = discriminator, (kernels, length)
        training, device = discriminator.training, next(discriminator.parameters()).device
        with torch.no_grad():  # as if evaluating: batch normalisation shall not count this picture
            features = discriminator.eval().features((torch.zeros(1, *image_shape, device=device),))[-1]
        discriminator.train(training)
        self.project = nn.Linear(features.flatten(1).shape[1], kernels * length, bias=False)
        self.judge = nn.Linear(kernels, 1, bias=False)
        nn.init.normal_(self.judge.weight, 0.0, 0.02)

    def features(self, images: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """images: coarse to fine, [batch, channels, size, size] each; returns the closeness before their features."""
        features = self.discriminator.features(images)
        return (self.closeness(features[-1]), *features)

    def closeness(self, features: Tensor) -> Tensor:
        """features: [batch, ...]; returns [batch, kernels], in float32, 1 for a picture that is like no other."""
        rows = self.project(features.flatten(1)).float().unflatten(1, self.shape)
        return torch.exp(-(rows[:, None] - rows[None]).abs().sum(dim=-1)).sum(dim=1)

    def score(self, features: tuple[Tensor, ...], text: Text) -> list[Score]:
        """features: as above, of [batch] pictures; text: [batch] captions; returns the heads of the one within."""
        closeness, *features = features
        told = self.judge(closeness)
        scores = self.discriminator.score(tuple(features), text)
        return [Score(s.logits + told.view(-1, *[1] * (s.logits.ndim - 1)), s.sees_text) for s in scores]
