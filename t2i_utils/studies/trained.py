"""A training without a folder, for studies: until a budget is spent, what became of it, and who read its captions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from t2i_utils.data.loader import Loader
from t2i_utils.recipe import Recipe
from t2i_utils.text.kept import the_encoder
from t2i_utils.training.budget import Budget

# the demo's rates: the papers' want more steps than a comparison has
REEDS = ("gan", "gan_cls", "gan_int", "gan_int_cls", "dcgan_cls", "gan_cls_modern")
QUICK = {name: {"rate": 3e-4} for name in REEDS} | {
    "wgan_gp": {"rate": 4e-4, "critic_steps": 2},
    "df_gan": {"rate": 4e-4, "discriminator_rate": 2e-3},
}


@dataclass
class Survival:
    """What became of a training.

    Attributes:
        steps: taken.
        seconds: a step.
        skipped: turns whose numbers were not finite.
        overflows: turns that a gradient scaler used up while it found its scale.
        broken: tensors of weights, averages and optimisers that hold numbers which are not finite, by name.
    """

    steps: int
    seconds: float
    skipped: int
    overflows: int
    broken: list[str] = field(default_factory=list)


def train(recipe: Recipe, batches, device: torch.device, half: torch.dtype | None, budget: Budget, seed: int = 0):
    """Train a recipe until the budget is spent; returns what became of it and the averaged generator."""
    trainer, average = recipe.trainer(seed, device, half)
    began = time.perf_counter()
    trainer.run(batches, budget)
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = (time.perf_counter() - began) / max(1, trainer.step)
    guard = trainer.guard
    state = {name: part for name, part in trainer.state_dict().items() if name in ("turns", "state")}
    survival = Survival(trainer.step, seconds, len(guard.skipped), sum(guard.overflows.values()), broken(state))
    return survival, average.module


def broken(tree: Any, name: str = "") -> list[str]:
    """The paths of the tensors in a nested state that hold numbers which are not finite."""
    if torch.is_tensor(tree):
        return [] if not tree.is_floating_point() or bool(tree.isfinite().all()) else [name]
    parts = tree.items() if isinstance(tree, Mapping) else enumerate(tree) if isinstance(tree, list | tuple) else ()
    return [path for key, part in parts for path in broken(part, f"{name}/{key}")]


def encoder_of(loader: Loader, device: torch.device):
    """The encoder whose vectors a loader gives."""
    return the_encoder(loader.encoder_where, loader.encoder, f"{loader.path} holds vectors", device=device)
