"""What a network makes of a sentence before it looks at it."""

from __future__ import annotations

from torch import Tensor, nn


class ConditioningAugmentation(nn.Module):
    r"""A sentence to a cloud of conditions around it, so that captions that nobody wrote are trained on, too.

    $$ c = \mu(t) + \sigma(t) \odot \epsilon, \quad \epsilon \sim N(0, 1) $$

    Without a term that holds the cloud near N(0, 1) (`terms.condition_kl`) a generator may shrink it to a point.

    Args:
        text_dim: length of the sentence vector.
        condition_dim: length of the condition.

    From: Zhang et al., StackGAN, 2017, section 3.2 (arXiv:1612.03242).
    """

    def __init__(self, text_dim: int, condition_dim: int = 128):
        super().__init__()
        self.describe = nn.Linear(text_dim, 2 * condition_dim)

    def forward(self, sentence: Tensor, epsilon: Tensor | None = None) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """What the network looks at, and where it was drawn from.

        Args:
            sentence: [batch, text_dim].
            epsilon: [batch, condition_dim], standard normal; None for the middle of the cloud.

        Returns:
            The condition [batch, condition_dim], and (mean, log-variance), each [batch, condition_dim].
        """
        mean, logvar = self.cloud(sentence)
        condition = mean if epsilon is None else mean + epsilon * (logvar / 2).exp()
        return condition, (mean, logvar)

    def cloud(self, sentence: Tensor) -> tuple[Tensor, Tensor]:
        """sentence: [batch, text_dim]; returns (mean, log-variance), each [batch, condition_dim]."""
        mean, logvar = self.describe(sentence).chunk(2, dim=1)
        return mean, logvar
