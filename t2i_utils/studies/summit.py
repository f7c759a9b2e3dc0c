"""How soon does DF-GAN's discriminator tell captions apart, when its penalty counts slopes along the sentence or not?

No generator takes part: real pictures beside their own captions against the same pictures beside captions of which one
attribute was changed. Sentences are exact (one number an attribute's value), as long as a text encoder's, so nothing
but the penalty decides. Run with `python -m t2i_utils study summit`.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.data.synthetic import ATTRIBUTES, draw_flower, render
from t2i_utils.interfaces import Text, step_rng
from t2i_utils.metrics.reader import unit
from t2i_utils.models.df_gan import Discriminator
from t2i_utils.objectives.adversarial import HINGE
from t2i_utils.objectives.penalties import squared_slopes
from t2i_utils.training.optimizers import Adam

LENGTH = 4.0  # of a sentence vector; captions that differ in one attribute are 2.5 apart, as a tiny CLIP's are
WEIGHT, POWER, EVERY = 2.0, 6.0, 4
Labels = Mapping[str, Tensor]


def sentences(labels: Labels) -> Tensor:
    """labels: [n] int64 by attribute; returns [n, all values], one of them lit an attribute."""
    lit = torch.cat([F.one_hot(labels[name], len(values)) for name, values in ATTRIBUTES.items()], dim=1).float()
    return lit * LENGTH / len(ATTRIBUTES) ** 0.5


def change(labels: Labels, name: str, rng: torch.Generator) -> dict[str, Tensor]:
    """The same labels ([n] by attribute) with another value of one attribute."""
    values = len(ATTRIBUTES[name])
    other = torch.randint(1, values, labels[name].shape, generator=rng)
    return {**labels, name: (labels[name] + other) % values}


def renderings(count: int, seed: int) -> tuple[Tensor, dict[str, Tensor]]:
    """[count, 3, 32, 32] in [-1, 1], the middle of 38 x 38 as `build` stores them, and their labels."""
    rng = np.random.default_rng(seed)
    flowers = [draw_flower(rng) for _ in range(count)]
    images = torch.from_numpy(np.stack([np.asarray(render(flower, 38)) for flower in flowers])).permute(0, 3, 1, 2)
    return unit(images[:, :, 3:35, 3:35]), {
        name: torch.tensor([flower.attributes[name] for flower in flowers]) for name in ATTRIBUTES
    }


def told_apart(discriminator: Discriminator, images: Tensor, labels: Labels) -> dict[str, tuple[float, float]]:
    """By attribute: the share of pictures ([n, 3, 32, 32]) whose own caption scores above one with another value, and
    by how much on average; the hinge asks for 2."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        features = discriminator.features((images,))
        own = discriminator.score(features, Text(sentences(labels)))[0].logits
        shares = {}
        for name in ATTRIBUTES:
            other = discriminator.score(features, Text(sentences(change(labels, name, rng))))[0].logits
            shares[name] = ((own > other).double().mean().item(), (own - other).mean().item())
    return shares


def train(
    weight: float, sentence: float, steps: int, pictures: int = 4000, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Train a discriminator of 16 channels; returns `told_apart` on renderings that it has not seen.

    Args:
        weight: of the penalty; 0 leaves it out.
        sentence: how much a slope along the sentence counts in it.
        steps: batches of 32.
        pictures: renderings that it is trained on, and a quarter as many that it is asked about.
        seed: of weights, renderings and batches.
    """
    torch.manual_seed(seed)
    images, labels = renderings(pictures, seed)
    discriminator = Discriminator(32, sum(map(len, ATTRIBUTES.values())), 16).to(memory_format=torch.channels_last)
    optimizer = Adam(8e-4, (0.0, 0.9))(discriminator)
    for step in range(steps):
        rng = step_rng(seed, step)
        chosen = torch.randint(len(images), (32,), generator=rng)
        mine = {name: values[chosen] for name, values in labels.items()}
        changed = [sentences(change(mine, name, rng)) for name in ATTRIBUTES]
        which = torch.randint(len(ATTRIBUTES), (32,), generator=rng)
        wrong = torch.stack(changed)[which, torch.arange(32)]
        due = weight > 0 and step % EVERY == 0
        shown, text = images[chosen].requires_grad_(due), sentences(mine).requires_grad_(due)
        features = discriminator.features((shown,))
        own = discriminator.score(features, Text(text))
        loss = HINGE.real(own[0].logits) + HINGE.fake(discriminator.score(features, Text(wrong))[0].logits)
        if due:
            along_pixels, along_sentence = squared_slopes(own, (shown, text))
            loss = loss + weight * EVERY * ((along_pixels + sentence**2 * along_sentence) ** (POWER / 2)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return told_apart(discriminator, *renderings(pictures // 4, seed + 1))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train with each penalty and print which attributes its discriminator tells apart."""
    parser = argparse.ArgumentParser(prog="python -m t2i_utils study summit", description=__doc__)
    parser.add_argument("--steps", type=int, default=500)
    options = parser.parse_args(arguments)
    torch.set_flush_denormal(True)
    print(f"told apart after {options.steps} steps (by)".ljust(34) + "".join(f"{name:>15}" for name in ATTRIBUTES))
    for name, weight, sentence in (("s = 1, the paper's", WEIGHT, 1.0), ("s = 1/4", WEIGHT, 0.25), ("none", 0.0, 0.0)):
        shares = train(weight, sentence, options.steps)
        columns = "".join(f"{f'{share:.2f} ({fall:.2f})':>15}" for share, fall in shares.values())
        print(f"penalty: {name}".ljust(34) + columns, flush=True)


if __name__ == "__main__":
    main()
