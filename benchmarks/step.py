"""A `dcgan_cls` step against the usual one: 64 pictures of 64 pixels, 1024-d sentences, float32, the recipe's widths.

The usual step is the one of the port that most PyTorch code for GAN-CLS follows (trainer.py of
github.com/aelnouby/Text-to-Image-Synthesis; written here anew). It differs in what makes it slow, and in nothing else:

- the discriminator looks at pictures three times (real with its caption, real with someone else's, painted), where ours
  scores the features of the real pictures twice;
- pictures are painted twice, once for each player, where ours are painted once; in the discriminator's turn they are
  not detached, so its backward pass runs on through the generator, whose gradients are thrown away;
- the generator's turn computes the features of the real pictures again for feature matching, and collects gradients for
  the discriminator's weights, which are thrown away too.

Without the second half of the second point (a `detach()` in the right place) the ratio is about 1.5, not about 1.7.
Networks, fused Adam, channels-last memory, the moving average and the losses are the same. So are losses and gradients
of one batch (a test says so), but for one thing: our feature matching looks at the real features from before the
discriminator's step, the usual one computes them after it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.timing import Benchmark, Sampler, Side, timed
from t2i_utils.interfaces import Batch, Text
from t2i_utils.recipes import Recipe, dcgan_cls
from t2i_utils.training.trainer import Trainer

REAL_LABEL, FEATURE_WEIGHT, PIXEL_WEIGHT = 0.9, 100.0, 50.0  # the recipe's


def random_batch(batch_size: int, image_size: int, text_dim: int) -> Batch:
    """Noise for pictures ([batch, 3, size, size], channels last) and captions: time does not depend on either."""
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(batch_size, 3, image_size, image_size, generator=rng) * 2 - 1
    sentence = torch.randn(batch_size, text_dim, generator=rng)
    swap = torch.arange(batch_size).roll(1)
    return Batch(images.contiguous(memory_format=torch.channels_last), Text(sentence), torch.arange(batch_size), swap)


class UsualStep:
    """The step as most code for GAN-CLS has it.

    Args:
        recipe: whose networks learn, with its optimisers and its average.
    """

    def __init__(self, recipe: Recipe):
        self.generator = recipe.generator.to(memory_format=torch.channels_last).train()
        self.discriminator = recipe.discriminator.to(memory_format=torch.channels_last).train()
        self.generator_optimizer = recipe.generator_optimizer(self.generator)
        self.discriminator_optimizer = recipe.discriminator_optimizer(self.discriminator)
        self.average = recipe.players()[1]

    def learn(self, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
        """One step of both players, the discriminator first. noise: [batch, noise_dim]; returns losses by name."""
        judged = self.judge(batch, noise)
        self.discriminator_optimizer.step()
        fooled = self.fool(batch, noise)
        self.generator_optimizer.step()
        self.average.update(self.generator)
        return judged | fooled

    def judge(self, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
        """The discriminator's losses, backpropagated. noise: [batch, noise_dim]."""
        self.discriminator_optimizer.zero_grad(set_to_none=True)
        painted = self.generator(noise, batch.text).images[-1]
        real, _ = self.look(batch.images, batch.text)
        swapped, _ = self.look(batch.images, batch.text.take(batch.swap))
        fake, _ = self.look(painted, batch.text)
        losses = {
            "discriminator/real": cross_entropy(real, REAL_LABEL),
            "discriminator/painted": cross_entropy(fake, 0.0),
            "discriminator/swapped": cross_entropy(swapped, 0.0),
        }
        sum(losses.values()).backward()
        return losses

    def fool(self, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
        """The generator's losses, backpropagated. noise: [batch, noise_dim]."""
        self.generator_optimizer.zero_grad(set_to_none=True)
        painted = self.generator(noise, batch.text).images[-1]
        fake, painted_features = self.look(painted, batch.text)
        _, real_features = self.look(batch.images, batch.text)
        losses = {
            "generator/fool": cross_entropy(fake, 1.0),
            "generator/features": FEATURE_WEIGHT
            * F.mse_loss(painted_features.mean(dim=0), real_features.detach().mean(dim=0)),
            "generator/pixels": PIXEL_WEIGHT * F.l1_loss(painted, batch.images),
        }
        sum(losses.values()).backward()
        return losses

    def look(self, images: Tensor, text: Text) -> tuple[Tensor, Tensor]:
        """images: [batch, 3, size, size]; returns logits [batch] and features [batch, channels, 4, 4]."""
        features = self.discriminator.features((images,))
        return self.discriminator.score(features, text)[0].logits, features[-1]


def cross_entropy(logits: Tensor, label: float) -> Tensor:
    """Binary cross-entropy of logits [batch] against one label, a scalar."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, label))


def our_step(recipe: Recipe, seed: int = 0) -> Trainer:
    """The trainer as a run has it: the recipe's turns and what it prepares."""
    turns, average = recipe.players()
    return Trainer(turns, recipe.prepare(seed), state={"average": average})


def start_ours(folder: Path) -> Sampler:
    """One step of ours a sample."""
    torch.manual_seed(0)
    return timed(partial(our_step(dcgan_cls()).learn, random_batch(64, 64, 1024)))


def start_usual(folder: Path) -> Sampler:
    """One usual step a sample."""
    torch.manual_seed(0)
    return timed(with_noise(UsualStep(dcgan_cls()), random_batch(64, 64, 1024)))


def with_noise(step: UsualStep, batch: Batch) -> Callable[[], object]:
    """A step with noise of its own."""
    return lambda: step.learn(batch, torch.randn(len(batch), *step.generator.noise_shape))


STEP = Benchmark("step", Side("ours", start_ours), Side("usual", start_usual), bar=1.6, samples=10)
