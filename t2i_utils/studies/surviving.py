"""A small training of any system on pictures that need no file: does every number of it stay finite?"""

from __future__ import annotations

import torch

from t2i_utils.interfaces import Batch, Text
from t2i_utils.recipes.arguments import build_recipe, defaults
from t2i_utils.studies.trained import Survival, train
from t2i_utils.training.budget import Budget

SMALL = {
    "image_size": 16,
    "channels": 3,
    "text_dim": 12,
    "base_channels": 8,
    "discriminator_channels": 8,
    "noise_dim": 5,
}


def survive(system: str, half: torch.dtype | None, steps: int, device: torch.device, seed: int = 0) -> Survival:
    """Train a small network of a system on four colours with sentences of their own."""
    known = defaults(system)
    recipe = build_recipe(system, {name: value for name, value in SMALL.items() if name in known}, seed)
    return train(recipe, lambda step: colours(step, seed, device), device, half, Budget(steps), seed)[0]


def colours(step: int, seed: int, device: torch.device, count: int = 8):
    """Batches of plain pictures with some noise on them, [count, 3, 16, 16], four colours in turn, without end."""
    rng = torch.Generator().manual_seed(seed)
    palette, sentences = torch.rand(4, 3, generator=rng) * 2 - 1, torch.randn(4, SMALL["text_dim"], generator=rng)
    which = torch.arange(count) % 4
    size = SMALL["image_size"]
    while True:
        rng.manual_seed(seed + 1 + step)
        images = palette[which][:, :, None, None] + 0.2 * torch.randn(count, 3, size, size, generator=rng)
        images = images.clamp(-1, 1).to(device, memory_format=torch.channels_last)
        yield Batch(images, Text(sentences[which]).to(device), which.to(device), which.roll(1).to(device))
        step += 1
