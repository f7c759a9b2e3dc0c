"""What the trainer costs: its step against the same step written bare, without Trainer, Turn, Round or Recipe.

Networks, losses, optimisers, average and the reuse of features and pictures are the same; the test suite shows that
both arrive at the same weights, bit for bit. `dcgan_cls` at 32 pixels, base width 32, batch 64: a step of some
80 ms on two cores, so that what the trainer adds would be seen. The bar is near: single steps take turns, many times.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.step import FEATURE_WEIGHT, PIXEL_WEIGHT, REAL_LABEL, cross_entropy, our_step, random_batch
from benchmarks.timing import Benchmark, Sampler, Side, timed
from t2i_utils.interfaces import Batch
from t2i_utils.recipes import Recipe, dcgan_cls

IMAGE_SIZE, WIDTH, TEXT_DIM, BATCH_SIZE = 32, 32, 256, 64


def small_recipe() -> Recipe:
    """What both sides train, from the same weights."""
    torch.manual_seed(0)
    return dcgan_cls(image_size=IMAGE_SIZE, text_dim=TEXT_DIM, base_channels=WIDTH, discriminator_channels=WIDTH)


def bare_step(recipe: Recipe) -> Callable[[Batch, Tensor], None]:
    """One step as one would write it for this system alone: (batch, noise [batch, noise_dim]) to nothing."""
    generator = recipe.generator.to(memory_format=torch.channels_last).train()
    discriminator = recipe.discriminator.to(memory_format=torch.channels_last).train()
    generator_optimizer = recipe.generator_optimizer(generator)
    discriminator_optimizer = recipe.discriminator_optimizer(discriminator)
    average = recipe.players()[1]

    def step(batch: Batch, noise: Tensor) -> None:
        discriminator.requires_grad_(True)
        painted = generator(noise, batch.text)

        generator.requires_grad_(False)
        discriminator_optimizer.zero_grad(set_to_none=True)
        features = discriminator.features((batch.images,))
        matching = discriminator.score(features, batch.text)[0].logits
        fake = discriminator.score(discriminator.features(painted.detach().images), batch.text)[0].logits
        swapped = discriminator.score(features, batch.text.take(batch.swap))[0].logits
        loss = cross_entropy(matching, REAL_LABEL) + cross_entropy(fake, 0.0) + cross_entropy(swapped, 0.0)
        loss.backward()
        discriminator_optimizer.step()

        generator.requires_grad_(True)
        discriminator.requires_grad_(False)
        generator_optimizer.zero_grad(set_to_none=True)
        painted_features = discriminator.features(painted.images)
        loss = cross_entropy(discriminator.score(painted_features, batch.text)[0].logits, 1.0)
        matched = F.mse_loss(painted_features[0].mean(dim=0), features[0].detach().mean(dim=0))
        loss = loss + FEATURE_WEIGHT * matched + PIXEL_WEIGHT * F.l1_loss(painted.images[0], batch.images)
        loss.backward()
        generator_optimizer.step()
        average.update(generator)

    return step


def start_ours(folder: Path) -> Sampler:
    """One step of the trainer a sample."""
    return timed(partial(our_step(small_recipe()).learn, random_batch(BATCH_SIZE, IMAGE_SIZE, TEXT_DIM)))


def start_bare(folder: Path) -> Sampler:
    """One bare step a sample, noise drawn in one call."""
    recipe, batch = small_recipe(), random_batch(BATCH_SIZE, IMAGE_SIZE, TEXT_DIM)
    step = bare_step(recipe)
    return timed(lambda: step(batch, torch.randn(BATCH_SIZE, *recipe.generator.noise_shape)))


TRAINER = Benchmark(
    "trainer", Side("ours", start_ours), Side("bare", start_bare), bar=1.05, at_most=True, samples=100, warm_up=5
)
