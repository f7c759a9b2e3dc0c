"""How much of a gradient does half precision keep? Of networks at several moments of one training in float32.

    python -m t2i_utils study gradients --data FILE.h5 --encoder NAME --systems gan --steps 500 2000 5000

Two trainings in two precisions part like any two trainings; this compares what both would learn from one batch at the
same weights: the cosine between the two gradients of a player, and how long half precision's is along float32's. Beside
them stand two batches in float32: how much gradients of one network differ anyway.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from t2i_utils.colab import choose_device
from t2i_utils.data.loader import Loader
from t2i_utils.interfaces import Batch
from t2i_utils.recipes import SYSTEMS
from t2i_utils.recipes.arguments import build_recipe, complete
from t2i_utils.studies.trained import QUICK
from t2i_utils.training.budget import Budget
from t2i_utils.training.wide_sums import sums_of_a_gpu

HALVES = {"fp16": torch.float16, "bf16": torch.bfloat16}


def gradients(
    system: str,
    arguments: Mapping[str, Any],
    seed: int,
    state: Mapping[str, Any],
    batch: Batch,
    half: torch.dtype | None,
    device: torch.device,
) -> dict[str, Tensor]:
    """What every player would learn from a batch, the weights being as they are.

    Args:
        system, arguments, seed: of the recipe.
        state: of its trainer, in float32.
        batch: the batch.
        half: the precision, None for float32.
        device: where it is computed.

    Returns:
        The gradient of each player that is due, by name: all of it as one vector, float32.
    """
    trainer, _ = build_recipe(system, dict(arguments), seed).trainer(seed, device, half)
    trainer.load_state_dict(state)
    for turn in trainer.turns:
        turn.schedule = lambda step: 0.0  # they compute everything and do not move
    step, overflows = trainer.step, None
    with sums_of_a_gpu(half, device):
        while overflows != trainer.guard.overflows:  # a scaler that is still finding its scale
            overflows = dict(trainer.guard.overflows)
            trainer.step = step
            trainer.learn(batch)
    due = [turn for turn in trainer.turns if turn.due(step)]
    return {turn.name: torch.cat([p.grad.flatten() for p in turn.learns if p.grad is not None]) for turn in due}


def likeness(one: Tensor, full: Tensor) -> tuple[float, float]:
    """The cosine between two vectors [n], and the length of the first along the second, in lengths of the second."""
    one, full = one.double(), full.double()
    return torch.cosine_similarity(one, full, 0).item(), ((one @ full) / (full @ full)).item()


def moments(system: str, arguments: Mapping[str, Any], loader: Loader, steps: Sequence[int], batches: int):
    """Train in float32 and stop at some steps to compare.

    Args:
        system, arguments: of the recipe; its seed is the loader's.
        loader: of the data.
        steps: where to stop, in order.
        batches: to compare by.

    Yields:
        Step, player, and by "fp16", "bf16" and "another batch" the mean cosine and length over the batches.
    """
    device, seed = loader.device, loader.seed
    trainer, _ = build_recipe(system, dict(arguments), seed).trainer(seed, device)
    for stop in steps:
        trainer.run(loader.stream, Budget(stop))
        # a copy: optimisers take the very tensors of a state that they load
        state, known = copy.deepcopy(trainer.state_dict()), (system, arguments, seed)
        found: dict[str, dict[str, list[tuple[float, float]]]] = {}
        for number in range(batches):
            batch, other = (loader.batch(stop + place) for place in (number, number + batches))
            full = gradients(*known, state, batch, None, device)
            beside = {name: gradients(*known, state, batch, half, device) for name, half in HALVES.items()}
            beside["another batch"] = gradients(*known, state, other, None, device)
            for name, players in beside.items():
                for player, gradient in players.items():
                    found.setdefault(player, {}).setdefault(name, []).append(likeness(gradient, full[player]))
        for player, told in found.items():
            yield stop, player, {name: torch.tensor(pairs).mean(0).tolist() for name, pairs in told.items()}


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a line for each system, step and player; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m t2i_utils study gradients", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file made by `build`")
    parser.add_argument("--encoder", required=True, help="name of vectors in it")
    parser.add_argument("--systems", nargs="+", choices=list(SYSTEMS), default=["gan", "gan_cls"])
    parser.add_argument("--steps", nargs="+", type=int, default=[500, 2000, 5000], help="where to look, in order")
    parser.add_argument("--batches", type=int, default=8, help="of 32 pictures to compare by (default 8)")
    parser.add_argument("--channels", type=int, default=16, help="base width of both networks (default 16)")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    widths = {"base_channels": options.channels, "discriminator_channels": options.channels, "batch_size": 32}
    device = choose_device()
    print(f"gradients of {options.batches} batches of 32 pictures beside float32's at the same weights, on {device}")
    for system in options.systems:
        loader = Loader(options.data, encoder=options.encoder, batch_size=32, seed=options.seed, device=device)
        chosen = complete(system, widths | QUICK.get(system, {}), loader)
        for step, player, told in moments(system, chosen, loader, options.steps, options.batches):
            words = [f"{name} cosine {cosine:.4f}, length {length:.4f}" for name, (cosine, length) in told.items()]
            print(f"{system:12} step {step:6,}  {player:13}  {'   '.join(words)}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
