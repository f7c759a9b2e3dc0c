"""Small experiments of notebook 09: pictures made smaller by several rules, and a run that is scored as it trains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.data.synthetic import draw_flower, render
from t2i_utils.metrics.record import Record, read_records, write_records
from t2i_utils.painter import Painter
from t2i_utils.runs import Run

TIMES = 4  # larger, before they are made smaller


def made_smaller(count: int, size: int, seed: int = 0) -> dict[str, Tensor]:
    """The same built-in flowers, drawn four times as large and brought to a size by different rules.

    Args:
        count: of flowers.
        size: in pixels.
        seed: of the flowers.

    Returns:
        By rule, uint8 [count, 3, size, size].
    """
    rng = np.random.default_rng(seed)
    drawn = np.stack([np.asarray(render(draw_flower(rng), TIMES * size)) for _ in range(count)])
    large = torch.from_numpy(drawn).permute(0, 3, 1, 2).float()
    rules = {
        "bicubic, antialiased": {"mode": "bicubic", "antialias": True},
        "bilinear, antialiased": {"mode": "bilinear", "antialias": True},
        "bilinear, not antialiased": {"mode": "bilinear"},
        "nearest": {"mode": "nearest-exact"},
    }
    return {
        name: F.interpolate(large, size=(size, size), **rule).round().clamp(0, 255).to(torch.uint8)
        for name, rule in rules.items()
    }


def scored_at(
    run: Run, steps: Sequence[int], score: Callable[[Painter], Sequence[Record]], folder: Path
) -> dict[int, list[Record]]:
    """Train a run to one step after another, and score what it then paints.

    Scores lie in a folder: what was scored before is read, for a run does not go back.

    Args:
        run: at its beginning, or where an earlier call left it.
        steps: rising.
        score: of a painter.
        folder: of the scores, made if it is missing.

    Returns:
        Step to records; steps that the run has passed without being scored are left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = {}
    for step in steps:
        path = folder / f"step_{step:08d}.json"
        if run.trainer.step <= step and not path.is_file():
            run.train(steps=step, progress=False)
            write_records(path, score(run.painter()))
        if path.is_file():
            told[step] = read_records(path)
    return told
