"""Trainings that are compared: the same data, budget and seeds for each line of a table, one file a training.

Interrupted, a comparison goes on: what lies in its folder is not done again. What is measured, of each line:

- attribute accuracy on captions of held-out classes, and diversity, with 95 % intervals over seeds and captions;
- collapsed runs: those that paint nearly one picture for every noise, or gave up on numbers that are not finite;
- what a step costs beside one of the first line, both taken in turns in one process.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from t2i_utils.data.loader import Loader
from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import ATTRIBUTES
from t2i_utils.metrics.attributes import held_out_captions
from t2i_utils.metrics.val import ValMeasures
from t2i_utils.painter import Painter
from t2i_utils.playground.figures import captioned_rows
from t2i_utils.playground.grids import save_png
from t2i_utils.recipes.arguments import build_recipe, complete
from t2i_utils.studies.kept import as_file
from t2i_utils.studies.reading import diversity_by_caption, right_by_caption
from t2i_utils.studies.trained import encoder_of, train
from t2i_utils.training.budget import Budget
from t2i_utils.training.guard import DivergedError

SHOWN = 3  # captions in the grids, of 8 noises


@dataclass(frozen=True)
class Line:
    """One line of a table.

    Attributes:
        name: of the line, for people and files.
        system: a name in SYSTEMS.
        arguments: of its function, stabilisers among them.
        share: of the plan's steps that it takes; half as many where a batch is twice as large.
        encoder: name of its vectors, where they are not the plan's.
    """

    name: str
    system: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    share: float = 1.0
    encoder: str = ""


@dataclass(frozen=True)
class Plan:
    """What all lines have in common.

    Attributes:
        data: HDF5 file of the built-in flowers, with the encoder's vectors.
        encoder: their name.
        out: folder of results.
        steps: of each training.
        seeds: so many trainings a line.
        captions, noises: held-out captions for the accuracies, and pictures of each.
        split: of the classes that train.
        asked_for: of the classes whose captions are painted.
    """

    data: Path
    encoder: str
    out: Path
    steps: int = 1200
    seeds: int = 3
    captions: int = 200
    noises: int = 4
    split: str = "trainval"
    asked_for: str = "test"

    def asked(self, line: Line) -> dict[str, Any]:
        """The plain values that decide what a line's trainings give."""
        budget = {"steps": max(1, round(self.steps * line.share))}
        arguments = {"system": line.system, "arguments": dict(line.arguments), "encoder": line.encoder or self.encoder}
        splits = {} if self.asked_for == "test" else {"split": self.split, "asked_for": self.asked_for}
        return {**arguments, **budget, **splits, "captions": self.captions, "noises": self.noises}


def open_line(plan: Plan, line: Line, seed: int, device: torch.device):
    """A line's recipe with the weights of a seed, and its loader."""
    encoder = line.encoder or plan.encoder
    probe = Loader(plan.data, encoder=encoder, batch_size=2, split=plan.split)
    recipe = build_recipe(line.system, complete(line.system, line.arguments, probe), seed)
    size = recipe.batch_size
    loader = Loader(plan.data, encoder=encoder, batch_size=size, seed=seed, split=plan.split, device=device)
    return recipe, loader


def attempt(plan: Plan, line: Line, seed: int, device: torch.device) -> dict[str, Any]:
    """One training and what came of it.

    By attribute, the share right for each caption, and diversity for each caption, of the built-in flowers; of any
    other file how near pairs of painted pictures and captions are to real ones ("score", more is better).
    """
    recipe, loader = open_line(plan, line, seed, device)
    try:
        survival, average = train(recipe, loader.stream, device, None, Budget(plan.asked(line)["steps"]), seed)
    except DivergedError as error:
        return {"gave_up": str(error).partition("\n")[0]}
    told = {"steps": survival.steps, "seconds_a_step": survival.seconds, "skipped": survival.skipped}
    told |= {name: value for name, value in ValMeasures(loader)(average).items() if name == "score"}
    painter = Painter(encoder_of(loader, device), average, line.system)
    if seed == 0:
        save_png(some_pictures(painter, plan), plan.out / f"{as_file(line.name)}.png")
    if set(read_split(plan.data, plan.asked_for).attributes) != set(ATTRIBUTES):
        return told
    size = loader.image_size
    right = right_by_caption(painter, plan.data, size, plan.captions, plan.noises, plan.asked_for)
    return told | {"right": listed(right), "diversity": diversity_by_caption(painter, plan.data, size).tolist()}


def some_pictures(painter: Painter, plan: Plan):
    """A few held-out captions, a row of noises each."""
    captions = held_out_captions(plan.data, SHOWN, seed=5, split=plan.asked_for).captions
    return captioned_rows({caption: painter.paint([caption] * 8, 0) for caption in captions})


def listed(tensors: Mapping[str, torch.Tensor]) -> dict[str, list[float | None]]:
    """Tensors as JSON has them: nan is none."""
    return {name: [None if value != value else value for value in part.tolist()] for name, part in tensors.items()}


def tensor(values: Sequence[float | None]) -> torch.Tensor:
    """The contrary."""
    return torch.tensor([torch.nan if value is None else value for value in values], dtype=torch.float64)


def cost(plan: Plan, line: Line, other: Line, device: torch.device, steps: int = 12, rounds: int = 5) -> dict[str, Any]:
    """What a step of a line costs beside one of another, a ratio: some of each in turns, the median of some rounds.

    Per picture: a step of 64 pictures counts as two of 32.
    """
    sides = []
    for one in (line, other):
        recipe, loader = open_line(plan, one, 0, device)
        trainer, _ = recipe.trainer(0, device)
        sides.append((trainer, loader, recipe.batch_size))
        trainer.run(loader.stream, Budget(steps=steps))  # warm
    ratios = []
    for _ in range(rounds):
        seconds = []
        for trainer, loader, batch_size in sides:
            began = time.perf_counter()
            trainer.run(loader.stream, Budget(steps=trainer.step + steps))
            if device.type == "cuda":
                torch.cuda.synchronize()
            seconds.append((time.perf_counter() - began) / batch_size)
        ratios.append(seconds[0] / seconds[1])
    return {"ratio": statistics.median(ratios)}
