"""What a system is: networks, an adversarial loss, weights of pairs, named terms, and how these become two turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import nn

from t2i_utils.interfaces import Batch
from t2i_utils.objectives.adversarial import BCE, Adversarial, Pairs, discriminator_losses, generator_losses
from t2i_utils.objectives.round import Round, Term, paint_round
from t2i_utils.training.average import Average
from t2i_utils.training.optimizers import Adam
from t2i_utils.training.turns import Turn


@dataclass(frozen=True)
class Recipe:
    """A system, ready to be trained: networks, losses, optimisers.

    Attributes:
        generator: paints; a module of the `Generator` protocol.
        discriminator: judges; a module of the `Discriminator` protocol.
        generator_optimizer: waits for the generator.
        discriminator_optimizer: waits for the discriminator.
        adversarial: the game.
        pairs: weights of real, painted and swapped pairs.
        discriminator_terms: named terms added to the discriminator's loss.
        generator_terms: named terms added to the generator's loss.
        critic_steps: the discriminator learns so many times for each time the generator does.
        schedule: from a step to a factor of both rates.
        average: decay of the generator's moving average, the one that paints; 0 paints with the last weights.
        batch_size: pictures a step.
    """

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: Adam
    discriminator_optimizer: Adam
    adversarial: Adversarial = BCE
    pairs: Pairs = field(default_factory=Pairs)
    discriminator_terms: Mapping[str, Term] = field(default_factory=dict)
    generator_terms: Mapping[str, Term] = field(default_factory=dict)
    critic_steps: int = 1
    schedule: Callable[[int], float] | None = None
    average: float = 0.999
    batch_size: int = 64

    def prepare(self, seed: int) -> Callable[[Batch, int, frozenset[str]], Round]:
        """What the trainer calls on each batch: it paints, and keeps the graph only if the generator learns."""

        def paint(batch: Batch, step: int, due: frozenset[str]) -> Round:
            return paint_round(self.generator, self.discriminator, batch, step, seed, "generator" in due)

        return paint

    def judge(self, round: Round) -> dict[str, torch.Tensor]:
        """The discriminator's losses by name, scalars."""
        losses = discriminator_losses(round, self.adversarial, self.pairs)
        return losses | {name: term(round) for name, term in self.discriminator_terms.items()}

    def fool(self, round: Round) -> dict[str, torch.Tensor]:
        """The generator's losses by name, scalars."""
        losses = generator_losses(round, self.adversarial)
        return losses | {name: term(round) for name, term in self.generator_terms.items()}

    def players(self) -> tuple[list[Turn], Average]:
        """The two turns, discriminator first, and the average that the generator's turn keeps."""
        average = Average(self.generator, self.average)
        optimize = self.discriminator_optimizer(self.discriminator)
        discriminator = Turn("discriminator", self.discriminator, optimize, self.judge, schedule=self.schedule)
        generator = Turn(
            "generator",
            self.generator,
            self.generator_optimizer(self.generator),
            self.fool,
            every=self.critic_steps,
            schedule=self.schedule,
            after=partial(average.update, self.generator),
        )
        return [discriminator, generator], average
