"""The built-in flowers without their colours: pictures for Fashion-MNIST's networks where its files are not at hand."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from PIL import Image, ImageOps

from t2i_utils.data.grammar import write_captions
from t2i_utils.data.source import Example, Source
from t2i_utils.data.subset import choose
from t2i_utils.data.synthetic import ATTRIBUTES, SMALLEST, Flower, draw_flower, render

SIDE = 28  # Fashion-MNIST's
SEEN = ("petal_shape", "petal_count", "background")  # what grey shows
CLASSES = ATTRIBUTES["petal_shape"]
TEST_EVERY = 7  # Fashion-MNIST's share of test pictures, 10,000 of 70,000


def grey_flowers(count: int = 2000, seed: int = 3, classes: Sequence[str] | None = None) -> Source:
    """Rendered flowers in grey, 28 x 28 pixels, bright on dark as garments are, captions that name no colour.

    Args:
        count: how many examples; a smaller set is the beginning of a larger one.
        seed: another seed gives other flowers.
        classes: only these shapes of petals, or None for all.

    Returns:
        Examples whose class is the shape of their petals; every class is in train and in test, as in Fashion-MNIST.

    Raises:
        ValueError: for fewer than one example, a negative seed, or an unknown class.
    """
    if count < 1 or seed < 0:
        raise ValueError(f"a data set needs one example or more and a seed of 0 or more, got {count} and {seed}")
    examples, notes = choose([_example(seed, i) for i in range(count)], lambda one: one.class_name, None, classes)
    return Source(
        name="grey_flowers",
        version="1",
        licence="MIT, made by this project",
        examples=examples,
        channels=1,
        attributes={name: ATTRIBUTES[name] for name in SEEN},
        origin=f"drawn by t2i_utils.data.grey_flowers, count={count}, seed={seed}",
        notes=tuple(notes),
        native_size=SIDE,
    )


def _example(seed: int, index: int) -> Example:
    rng = np.random.default_rng((seed, index))
    flower = draw_flower(rng, {"petal_shape": index % len(CLASSES)})
    seen = {name: flower.attributes[name] for name in SEEN}
    return Example(
        name=f"grey flower {index:05d}",
        picture=partial(_draw, flower),
        captions=write_captions(rng, seen, 5),
        class_name=flower.value("petal_shape"),
        split="test" if index // len(CLASSES) % TEST_EVERY == TEST_EVERY - 1 else "train",
        attributes=seen,
    )


def _draw(flower: Flower, size: int) -> Image.Image:
    """The flower in grey, its greys spread from black to white; drawn no smaller than flowers can be, then shrunk."""
    grey = ImageOps.autocontrast(render(flower, max(size, SMALLEST)).convert("L"))
    return grey.resize((size, size), Image.Resampling.LANCZOS)
