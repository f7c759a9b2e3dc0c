"""What notebook 06 shows of DF-GAN: what two affines make of a value, where the discriminator is flat, who listens."""

from __future__ import annotations

import copy

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import nn

from t2i_utils.interfaces import Batch, draw_noise, step_rng
from t2i_utils.models.df_gan import Fusion
from t2i_utils.painter import Painter
from t2i_utils.playground.figures import captioned_rows, drawn
from t2i_utils.recipe import Recipe

STEPS = 9  # places on the way from a real picture to a painted one


def bends(lines: int = 6, seed: int = 0) -> Image.Image:
    """What one channel's value becomes in a fusion, under several sentences: a line each, drawn at random."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        fusion = Fusion(lines, 8)  # of which the first channel is looked at
        for affine in fusion.affines:
            for layers in (affine.scale, affine.shift):
                nn.init.normal_(layers[-1].bias)
                nn.init.normal_(layers[-1].weight, std=2.0)
    values = torch.linspace(-3, 3, 200)
    figure = Figure(figsize=(5, 2.8), layout="constrained")
    axis = figure.subplots()
    for condition in torch.eye(lines) * 3:
        with torch.no_grad():
            features = values[:, None, None, None].expand(-1, 8, 1, 1)
            became = fusion(features, condition.expand(len(values), -1))[:, 0]
        axis.plot(values, became.flatten())
    axis.set_xlabel("a channel's value")
    axis.set_ylabel("after the fusion")
    axis.set_title("one line a sentence", fontsize=10)
    axis.grid(alpha=0.3)
    return drawn(figure)


@torch.no_grad()
def walk(recipe: Recipe, batch: Batch, seed: int = 0) -> Image.Image:
    """The mean logit on the straight way from real to painted pictures, beside right and beside wrong captions.

    Args:
        recipe: whose networks are asked; they are copied, so that looking changes nothing.
        batch: of held-out pictures, on the networks' device.
        seed: of the noise.
    """
    generator, discriminator = copy.deepcopy(recipe.generator).eval(), copy.deepcopy(recipe.discriminator).eval()
    noise = draw_noise(generator.noise_shape, len(batch), step_rng(seed, 0)).to(batch.images.device)
    painted, places = generator(noise, batch.text).images[-1], torch.linspace(0, 1, STEPS).tolist()
    figure = Figure(figsize=(5, 2.8), layout="constrained")
    axis = figure.subplots()
    for name, text in (("their own captions", batch.text), ("wrong captions", batch.text.take(batch.swap))):
        means = []
        for place in places:
            features = discriminator.features((torch.lerp(batch.images, painted, place),))
            means.append(discriminator.score(features, text)[0].logits.float().mean().item())
        axis.plot(places, means, marker="o", label=name)
    axis.set_xlabel("0: real pictures    1: painted ones")
    axis.set_ylabel("mean logit")
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    return drawn(figure)


@torch.no_grad()
def one_block_at_a_time(painter: Painter, said: str, other: str, rows: int = 3, seed: int = 0) -> Image.Image:
    """Pictures of a caption, each column with one block told another; the first column none, the last one all.

    Args:
        painter: of a DF-GAN.
        said: what the blocks are told.
        other: what one of them is told instead.
        rows: noises.
        seed: of the noises.
    """
    generator, device = painter.generator, painter.device
    noise = draw_noise(generator.noise_shape, rows, step_rng(seed, 0)).to(device)
    first, second = (painter.encoder.encode([caption] * rows).to(device) for caption in (said, other))
    count = len(generator.blocks)
    told = [[first] * count]
    told += [[second if place == index else first for place in range(count)] for index in range(count)]
    told += [[second] * count]
    columns = torch.stack([generator.paint_with(texts, noise).images[-1] for texts in told], dim=1)
    names = ", ".join(["none", *(f"block {index + 1}" for index in range(count)), "all"])
    captions = [f"noise {row + 1}; told otherwise: {names}" for row in range(rows)]
    return captioned_rows(
        dict(zip(captions, ((columns.float() + 1) * 127.5).round().clamp(0, 255).byte().cpu(), strict=True))
    )
