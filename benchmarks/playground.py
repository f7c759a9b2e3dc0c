"""From a caption that was never seen to eight pictures of it as a PNG, against the generator's pass and no more.

What is beside the pass: checking the settings, reading the caption, drawing noise, one sheet, one file. Moving a slider
is the same work.
"""

from __future__ import annotations

from itertools import count, product
from pathlib import Path

import torch

from benchmarks.timing import Benchmark, Sampler, Side, timed
from t2i_utils.gallery import open_painter
from t2i_utils.interfaces import draw_noise
from t2i_utils.playground.render import render
from t2i_utils.playground.state import State

COUNT = 8
COLOURS, SHAPES, PLACES = ("red", "blue", "white", "pink"), ("round", "pointed"), ("soil", "leaves")


def start_render(folder: Path) -> Sampler:
    """A caption, settings, a PNG; another caption every time."""
    painter, numbers = open_painter(), count()
    said = [f"a {colour} flower, {shape} petals, {place}" for colour, shape, place in product(COLOURS, SHAPES, PLACES)]

    def paint() -> int:
        number = next(numbers)
        return len(render(State(said[number % len(said)], seed=number, count=COUNT), painter).png)

    return timed(paint)


def start_pass(folder: Path) -> Sampler:
    """As many pictures from vectors and noise that are there already."""
    painter = open_painter()
    text = painter.encoder.encode(["a red flower"]).take(torch.zeros(COUNT, dtype=torch.int64))
    noise = draw_noise(painter.generator.noise_shape, COUNT, torch.Generator().manual_seed(0))
    return timed(lambda: painter.paint_vectors(text, noise))


PLAYGROUND = Benchmark(
    "playground",
    Side("caption to PNG", start_render),
    Side("generator", start_pass),
    bar=4,
    at_most=True,
    samples=30,
    warm_up=3,
    limit=0.15,
)
