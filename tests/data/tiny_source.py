"""A data set of a few flat pictures, for the tests of this folder."""

from functools import partial

import numpy as np
from PIL import Image

from t2i_utils.data.source import Caption, Example, Source

CLASSES = {"red": "train", "green": "train", "blue": "train", "grey": "val", "white": "test", "black": "test"}


def paint(index, size):
    """Noise that differs from picture to picture, drawn at the size asked for."""
    noise = np.random.default_rng(index).integers(0, 256, (size, size, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def interrupt(size):
    """A picture during which a person presses Ctrl-C."""
    raise KeyboardInterrupt


def example(index, picture=None, captions=None, class_name=None):
    name = list(CLASSES)[index % len(CLASSES)] if class_name is None else class_name
    texts = [f"a {name} flower, number {index}, told {told}" for told in range(1 + index % 4)]
    known = tuple(Caption(text, frozenset({"shade"}) if told else frozenset()) for told, text in enumerate(texts))
    return Example(
        name=f"picture_{index:03d}",
        picture=picture or partial(paint, index),
        captions=known if captions is None else tuple(Caption(text) for text in captions),
        class_name=name,
        split=CLASSES.get(name, "train"),
        attributes={"shade": index % 2},
    )


def tiny_source(count=36, examples=None, channels=3, name="tiny"):
    examples = [example(index) for index in range(count)] if examples is None else examples
    return Source(
        name,
        "1",
        "none",
        examples,
        channels,
        attributes={"shade": ("light", "dark"), "size": ("small",)},
        notes=("told",),
    )
