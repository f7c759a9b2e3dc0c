"""A DF-GAN step in our default settings (batch 32, 64 px, 256-d sentences, a penalty every 4th step) against the usual.

The usual step has contiguous memory, shortcuts convolved at the larger resolution, a penalty with its double backward
in every step, and a discriminator whose weights collect gradients in the generator's turn, where nobody looks at them.
Everything else is the same on both sides, in particular that the hinge and the penalty share a pass and that pictures
are painted once; a test shows that losses and gradients are equal while the penalty is due. Each of the four causes has
a line of its own: the best hand-written step against the same one without it. All lines time 4 steps at a time, one of
which has the lazy side's penalty.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.step import our_step, random_batch
from benchmarks.timing import Benchmark, Sampler, Side, timed
from t2i_utils.interfaces import Batch, Text
from t2i_utils.models.df_gan import DownBlock, UpBlock
from t2i_utils.recipes import Recipe, df_gan

EVERY = 4
TEXT_DIM = 256
SENTENCE = 0.25  # how much the penalty counts a slope along the sentence


@dataclass(frozen=True)
class Way:
    """How a step is computed.

    Attributes:
        channels_last: memory format of networks and pictures; False is contiguous.
        shortcuts: 1 x 1 convolutions of shortcuts at the smaller resolution, where they come to the same for a quarter
            of the cost; False is the authors' order.
        frozen: the discriminator's weights collect no gradients in the generator's turn.
        every: steps between two penalties, each then so many times as strong.
    """

    channels_last: bool = True
    shortcuts: bool = True
    frozen: bool = True
    every: int = EVERY


BEST, USUAL = Way(), Way(channels_last=False, shortcuts=False, frozen=False, every=1)


class AuthorsUpBlock(UpBlock):
    """The same block, its shortcut convolved after the repetition."""

    def forward(self, features: Tensor, condition: Tensor) -> Tensor:
        features = residual = F.interpolate(features, scale_factor=2, mode="nearest")
        for fuse, convolve in zip(self.fuse, self.convolve, strict=True):
            residual = convolve(fuse(residual, condition))
        return self.shortcut(features) + residual


class AuthorsDownBlock(DownBlock):
    """The same block, its shortcut convolved before the average."""

    def forward(self, features: Tensor) -> Tensor:
        return F.avg_pool2d(self.shortcut(features), 2) + self.gate * self.residual(features)


AUTHORS = {UpBlock: AuthorsUpBlock, DownBlock: AuthorsDownBlock}


class HandStep:
    """A DF-GAN step written out by hand.

    Args:
        recipe: whose networks learn, with its optimisers and its average.
        way: how.
    """

    def __init__(self, recipe: Recipe, way: Way):
        for network in () if way.shortcuts else (recipe.generator, recipe.discriminator):
            for part in network.modules():
                part.__class__ = AUTHORS.get(type(part), type(part))
        memory = torch.channels_last if way.channels_last else torch.contiguous_format
        self.way, self.step = way, 0
        self.generator = recipe.generator.to(memory_format=memory).train()
        self.discriminator = recipe.discriminator.to(memory_format=memory).train()
        self.generator_optimizer = recipe.generator_optimizer(self.generator)
        self.discriminator_optimizer = recipe.discriminator_optimizer(self.discriminator)
        self.average = recipe.players()[1]
        self.memory = memory

    def learn(self, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
        """One step of both players, the discriminator first. noise: [batch, noise_dim]; returns losses by name."""
        painted = self.generator(noise, batch.text).images[-1]
        losses = self.judge(batch, painted)
        self.discriminator_optimizer.step()
        losses |= self.fool(batch, painted)
        self.generator_optimizer.step()
        self.average.update(self.generator)
        self.step += 1
        return losses

    def judge(self, batch: Batch, painted: Tensor) -> dict[str, Tensor]:
        """The discriminator's losses, backpropagated. painted: [batch, 3, size, size]."""
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        due = self.step % self.way.every == 0
        images = batch.images.contiguous(memory_format=self.memory).detach().requires_grad_(due)
        sentence = batch.text.sentence.detach().requires_grad_(due)
        features = self.discriminator.features((images,))
        real = self.discriminator.score(features, Text(sentence))[0].logits
        swapped = self.discriminator.score(features, batch.text.take(batch.swap))[0].logits
        fake = self.look(painted.detach(), batch.text)
        losses = {
            "discriminator/real": F.relu(1 - real).mean(),
            "discriminator/painted": 0.5 * F.relu(1 + fake).mean(),
            "discriminator/swapped": 0.5 * F.relu(1 + swapped).mean(),
        }
        if due:
            gradients = torch.autograd.grad(real.sum(), (images, sentence), create_graph=True)
            weighted = (gradients[0].flatten(1), SENTENCE * gradients[1])
            norm = torch.cat(weighted, dim=1).square().sum(1).sqrt()
            losses["discriminator/matching_aware"] = 2.0 * self.way.every * (norm**6).mean()
        sum(losses.values()).backward()
        return losses

    def fool(self, batch: Batch, painted: Tensor) -> dict[str, Tensor]:
        """The generator's loss, backpropagated. painted: [batch, 3, size, size], with its history."""
        self.generator_optimizer.zero_grad(set_to_none=True)
        self.discriminator.requires_grad_(not self.way.frozen)
        losses = {"generator/fool": -self.look(painted, batch.text).mean()}
        losses["generator/fool"].backward()
        self.discriminator.requires_grad_(True)
        return losses

    def look(self, images: Tensor, text: Text) -> Tensor:
        """images: [batch, 3, size, size]; returns logits [batch]."""
        return self.discriminator.score(self.discriminator.features((images,)), text)[0].logits


def recipe_of(every: int) -> Recipe:
    """The system at its defaults, with the weights of one seed."""
    torch.manual_seed(0)
    return df_gan(image_size=64, text_dim=TEXT_DIM, penalty_every=every)


def start_ours(folder: Path, every: int = EVERY) -> Sampler:
    """As many steps of our trainer as lie between two penalties, a sample."""
    torch.set_flush_denormal(True)
    return timed(partial(our_step(recipe_of(every)).learn, random_batch(32, 64, TEXT_DIM)), repeats=EVERY)


def start_by_hand(folder: Path, way: Way) -> Sampler:
    """As many hand-written steps, a sample."""
    torch.set_flush_denormal(True)
    step, batch = HandStep(recipe_of(way.every), way), random_batch(32, 64, TEXT_DIM)
    return timed(lambda: step.learn(batch, torch.randn(len(batch), *step.generator.noise_shape)), repeats=EVERY)


def start_lone(folder: Path, due: bool) -> Sampler:
    """Steps of our trainer, each of which has a penalty, or none of which has."""
    torch.set_flush_denormal(True)
    trainer, batch = our_step(recipe_of(every=1 if due else 10**9)), random_batch(32, 64, TEXT_DIM)
    trainer.learn(batch)  # step 0 is divisible by everything
    return timed(partial(trainer.learn, batch))


def start_aged(folder: Path, steps: int) -> Sampler:
    """Ten steps of a small system, a sample, after so many steps."""
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    trainer, batch = our_step(df_gan(32, TEXT_DIM, 8, 8, penalty_every=1)), random_batch(8, 32, TEXT_DIM)
    for _ in range(steps):
        trainer.learn(batch)
    return timed(partial(trainer.learn, batch), repeats=10)


def against(name: str, way: Way, bar: float) -> Benchmark:
    """The best hand-written step against the same one without one of its causes."""
    ours, other = (Side(side, partial(start_by_hand, way=w)) for side, w in (("with", BEST), ("without", way)))
    return Benchmark(name, ours, other, bar=bar, samples=3, warm_up=1)


DF_GAN = Benchmark(
    "df_gan", Side("ours", start_ours), Side("usual", partial(start_by_hand, way=USUAL)), bar=1.5, samples=4, warm_up=1
)
SHORTCUTS = against("shortcuts", replace(BEST, shortcuts=False), bar=1.05)
MEMORY = against("memory", replace(BEST, channels_last=False), bar=1.05)
FROZEN = against("frozen", replace(BEST, frozen=False), bar=1.02)
LAZY = against("lazy", replace(BEST, every=1), bar=1.05)
# r times the time of a step without: the penalty's share is (r - 1) / r of every step, or (r - 1) / (r + 3) where it
# is due at every fourth
PENALTY = Benchmark(
    "penalty", Side("due", partial(start_lone, due=True)), Side("not_due", partial(start_lone, due=False)), bar=2.5,
    at_most=True, samples=5, warm_up=1,
)  # fmt: skip
# the last hundred of a thousand steps against a hundred of the first: a sixth power makes denormal numbers
AGEING = Benchmark(
    "ageing", Side("last", partial(start_aged, steps=900)), Side("first", partial(start_aged, steps=0)), bar=1.1,
    at_most=True, samples=9, warm_up=1,
)  # fmt: skip
