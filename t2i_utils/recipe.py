"""What a system is: networks, an adversarial loss, weights of pairs, named terms, and how these become two turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from t2i_utils.interfaces import Batch
from t2i_utils.objectives.adversarial import BCE, Adversarial, Pairs, discriminator_losses, generator_losses
from t2i_utils.objectives.augment import Augment
from t2i_utils.objectives.balance import Balance
from t2i_utils.objectives.replay import Replay
from t2i_utils.objectives.round import Memory, Penalty, Round, Term, is_due, paint_round
from t2i_utils.objectives.standing import StandingStatistics
from t2i_utils.training.average import Average
from t2i_utils.training.optimizers import SGD, Adam, RMSProp
from t2i_utils.training.trainer import Trainer
from t2i_utils.training.turns import Turn, mixes_examples

BALANCE_RATE = 1e-3  # of a learnt balance's gradient descent, as WGAN-CLS has it


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
        balance: learns these weights in a turn of its own; `pairs` are not looked at then.
        discriminator_terms: named terms added to the discriminator's loss; penalties at the steps where they are due.
        generator_terms: named terms added to the generator's loss.
        augments: change every picture that the discriminator judges, real and painted alike; penalties that watch real
            pairs differentiate with respect to the pictures before them, the gradient penalty's own pass goes without.
        replay: earlier painted pictures, some of which the discriminator sees instead of new ones.
        round: what the players see in a step; `JointRound` shows the discriminator everything in one batch.
        after_discriminator: called with the discriminator after each of its steps: weight clipping.
        critic_steps: the discriminator learns so many times for each time the generator does.
        schedule: from a step to a factor of both rates.
        average: decay of the generator's moving average, the one that paints; 0 paints with the last weights.
        standing: the average gathers the statistics of its batch normalisation by itself; None where it averages the
            trained generator's.
        batch_size: pictures a step.
    """

    generator: nn.Module
    discriminator: nn.Module
    generator_optimizer: Adam | RMSProp | SGD
    discriminator_optimizer: Adam | RMSProp | SGD
    adversarial: Adversarial = BCE
    pairs: Pairs = field(default_factory=Pairs)
    balance: Balance | None = None
    discriminator_terms: Mapping[str, Term] = field(default_factory=dict)
    generator_terms: Mapping[str, Term] = field(default_factory=dict)
    augments: tuple[Augment, ...] = ()
    replay: Replay | None = None
    round: type[Round] = Round
    after_discriminator: Callable[[nn.Module], None] | None = None
    critic_steps: int = 1
    schedule: Callable[[int], float] | None = None
    average: float = 0.999
    standing: StandingStatistics | None = None
    batch_size: int = 64

    def __post_init__(self):
        penalties = [name for name, term in self.discriminator_terms.items() if isinstance(term, Penalty)]
        mixing = [name for name, part in self.discriminator.named_modules() if mixes_examples(part)]
        if penalties and mixing:
            what = f"{mixing[0]!r} of the discriminator" if mixing[0] else type(self.discriminator).__name__
            raise ValueError(
                f"the penalty {penalties[0]!r} measures the slope of each example by itself, but {what} "
                "mixes the examples of a batch, so that none has a slope of its own; leave out the "
                "penalty, or use a discriminator that does not (the stabilisers layer_norm and spectral_norm take its "
                "batch normalisation out)"
            )

    def prepare(self, seed: int) -> Callable[[Batch, int, frozenset[str]], Round]:
        """What the trainer calls on each batch: it paints, and keeps the graph only if the generator learns."""
        terms = self.discriminator_terms.values()

        def paint(batch: Batch, step: int, due: frozenset[str]) -> Round:
            watched = any(isinstance(term, Penalty) and term.watches and is_due(term, step) for term in terms)
            history = "generator" in due
            players = (self.generator, self.discriminator)
            shown = (self.augments, self.replay, self.round)
            return paint_round(*players, batch, step, seed, history, watched, *shown)

        return paint

    def judge(self, round: Round) -> dict[str, torch.Tensor]:
        """The discriminator's losses by name, scalars."""
        pairs = self.pairs if self.balance is None else self.balance.pairs()
        losses = discriminator_losses(round, self.adversarial, pairs)
        terms = {name: term for name, term in self.discriminator_terms.items() if is_due(term, round.step)}
        losses |= {name: term(round) for name, term in terms.items()}
        for memory in self.memories().values():
            memory.see(round)
        return losses

    def fool(self, round: Round) -> dict[str, torch.Tensor]:
        """The generator's losses by name, scalars."""
        losses = generator_losses(round, self.adversarial)
        return losses | {name: term(round) for name, term in self.generator_terms.items()}

    def memories(self) -> dict[str, Memory]:
        """What the recipe's terms and augmentations remember from step to step, modules by name."""
        parts = {f"discriminator/{name}": term for name, term in self.discriminator_terms.items()}
        parts |= {f"generator/{name}": term for name, term in self.generator_terms.items()}
        parts |= {f"augment/{index}": augment for index, augment in enumerate(self.augments)}
        parts |= {"replay": self.replay, "standing": self.standing}
        return {name: part for name, part in parts.items() if isinstance(part, nn.Module)}

    def learnt(self) -> None:
        """What follows each step of the discriminator."""
        if self.after_discriminator is not None:
            self.after_discriminator(self.discriminator)
        for memory in self.memories().values():
            memory.keep()

    def trainer(
        self, seed: int = 0, device: torch.device | str = "cpu", half: torch.dtype | None = None
    ) -> tuple[Trainer, Average]:
        """The loop that trains the recipe, with everything that a checkpoint must hold; and the average that paints."""
        turns, average = self.players()
        state = {"average": average, **self.memories()}
        return Trainer(turns, self.prepare(seed), device, half, state, seed), average

    def players(self) -> tuple[list[Turn], Average]:
        """The turns, discriminator first, then generator, and the average that the generator's turn keeps."""
        average = Average(self.generator, self.average, self.standing is not None)

        def averaged() -> None:
            average.update(self.generator)
            if self.standing is not None:
                self.standing.settle(average)

        optimize = self.discriminator_optimizer(self.discriminator)
        discriminator = Turn(
            "discriminator", self.discriminator, optimize, self.judge, schedule=self.schedule, after=self.learnt
        )
        generator = Turn(
            "generator",
            self.generator,
            self.generator_optimizer(self.generator),
            self.fool,
            every=self.critic_steps,
            schedule=self.schedule,
            after=averaged,
        )
        turns = [discriminator, generator]
        if self.balance is not None:
            turns.append(Turn("balance", self.balance, SGD(BALANCE_RATE)(self.balance), self.balance.losses))
        return turns, average
