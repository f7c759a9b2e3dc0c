"""Pictures as training goes: the same captions and noises again and again, on disk and under the notebook's cell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from t2i_utils.data.loader import Loader, fitting
from t2i_utils.data.split import read_contents, read_split
from t2i_utils.interfaces import Batch
from t2i_utils.painter import Painter
from t2i_utils.playground.figures import captioned_rows, curves
from t2i_utils.playground.grids import grid, save_png
from t2i_utils.runs import Run

SCORES = ("score/matching", "score/swapped", "score/painted")


class SampleGrid:
    """A watcher that paints held-out captions with fixed noise: `samples/step_*.png` in its folder, and its board.

    Args:
        run: whose average paints.
        captions: what to paint, one row each; captions of the test classes if not given.
        columns: noises a caption.
        every: steps between two grids; the first few come sooner, doubling, because much happens early.
    """

    def __init__(self, run: Run, captions: Sequence[str] | None = None, columns: int = 8, every: int = 500):
        self.run, self.columns, self.every = run, columns, every
        self.captions = list(captions) if captions else some_captions(run)
        self.painter: Painter | None = None  # opened with the first grid

    def __call__(self, trainer, moment: Any, losses: Mapping[str, Tensor]) -> None:
        step = trainer.step
        early = step < self.every and step >= 50 and (step & (step - 1)) == 0
        if early or step % self.every == 0:
            self.save(step)

    def save(self, step: int):
        """Paint now; returns the grid."""
        pictures = self.paint()
        picture = grid(pictures, self.columns)
        save_png(picture, self.run.folder / "samples" / f"step_{step:08d}.png")
        rows = dict(zip(self.captions, pictures.split(self.columns), strict=True))
        self.run.board.picture("samples", captioned_rows(rows), step)
        return picture

    def paint(self) -> Tensor:
        """uint8 [captions x columns, channels, size, size], a row a caption."""
        self.painter = self.painter or self.run.painter()
        return self.painter.paint([caption for caption in self.captions for _ in range(self.columns)], seed=0)


class LivePlot:
    """A watcher that draws losses, the three scores and samples under the cell that trains, in place.

    Args:
        run: whose history is drawn.
        samples: what paints the pictures.
        every: steps between two drawings.
    """

    def __init__(self, run: Run, samples: SampleGrid, every: int = 200):
        from IPython.display import display

        self.run, self.samples, self.every = run, samples, every
        self.places = [display(display_id=True) for _ in range(3)]
        self.show()

    def __call__(self, trainer, moment: Any, losses: Mapping[str, Tensor]) -> None:
        if trainer.step % self.every == 0:
            self.show()

    def show(self) -> None:
        """Draw what is known now."""
        history = self.run.history
        losses = history.losses()
        if history.rows:
            self.places[0].update(curves(history, losses, "losses"))
            self.places[1].update(curves(history, SCORES, "mean logit by kind of pair"))
        self.places[2].update(grid(self.samples.paint(), self.samples.columns, scale=2))


def held_out_batch(data: Path, encoder: str, most: int = 32, device: torch.device | str = "cpu") -> Batch:
    """At most so many pictures of held-out classes with their captions; of all, where fewer than 2 are held out."""
    try:
        split = "test" if len(read_contents(data, "test").rows) >= 2 else "all"
    except ValueError:  # a file of training classes alone
        split = "all"
    return Loader(data, encoder=encoder, batch_size=fitting(data, most, split), split=split, device=device).batch(0)


def some_captions(run: Run, count: int = 6, seed: int = 0) -> list[str]:
    """Captions drawn from held-out classes (from training classes where a file has no others)."""
    path = run.loader.path
    try:
        pictures = read_split(path, "test")
    except ValueError:  # a file of training classes alone
        pictures = read_split(path, run.loader.split)
    rng = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(pictures.captions), generator=rng)[:count]
    return [pictures.captions[index] for index in chosen.tolist()]
