"""Flowers that the project draws itself, with ten captions each and every attribute known exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType

import numpy as np
from PIL import Image

from t2i_utils.data import flower_backgrounds, flower_drawing
from t2i_utils.data.grammar import write_captions
from t2i_utils.data.source import Example, Source

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "petal_color": ("red", "orange", "yellow", "white", "pink", "purple", "blue"),
    "petal_shape": ("round", "pointed", "heart-shaped"),
    "petal_count": ("4", "5", "6", "8", "12"),
    "center_color": ("yellow", "brown", "green", "black"),
    "background": ("leaves", "soil", "sky"),
}
BACKGROUNDS = {
    "leaves": flower_backgrounds.leaves,
    "soil": flower_backgrounds.soil,
    "sky": flower_backgrounds.sky,
}
SMALLEST, LARGEST = 32, 304  # 304 is 256 * 76 / 64: what the builder stores for pictures of 256 pixels

# Each colour is held out with one shape and both held-out parts hold every shape: a network has seen every colour and
# every shape, but never these pairs.
VAL_CLASSES = ("orange round", "pink heart-shaped", "blue pointed")
TEST_CLASSES = ("red heart-shaped", "yellow pointed", "white pointed", "purple round")
CLASSES = tuple(f"{color} {shape}" for color in ATTRIBUTES["petal_color"] for shape in ATTRIBUTES["petal_shape"])


@dataclass(frozen=True)
class Flower:
    """Everything that a rendering depends on: what captions may say, and what they never do.

    Attributes:
        attributes: attribute name to the index of its value in ATTRIBUTES.
        x, y: the flower's middle in units of the picture, 0..1 from the left and from the top.
        radius: from the middle to the tip of a petal, in units of the picture.
        turn: of the first petal, radians.
        shade: how light the petals are, -1..1.
        texture: seed of the background and of the petals' small differences.
    """

    attributes: dict[str, int] = field(hash=False)
    x: float
    y: float
    radius: float
    turn: float
    shade: float
    texture: int

    def value(self, attribute: str) -> str:
        """The word for one attribute, e.g. "red" for "petal_color"."""
        return ATTRIBUTES[attribute][self.attributes[attribute]]


def draw_flower(rng: np.random.Generator, fixed: Mapping[str, int] = MappingProxyType({})) -> Flower:
    """Draw a random flower, with the attributes in `fixed` (name to index in ATTRIBUTES) as they are given.

    What is not fixed does not depend on what is: the same rng gives the same place, turn, size and shade. Raises
    ValueError for an attribute or an index that does not exist.
    """
    for name, index in fixed.items():
        if name not in ATTRIBUTES:
            raise ValueError(f"flowers have no attribute {name!r}; choose from {', '.join(ATTRIBUTES)}")
        if not 0 <= index < len(ATTRIBUTES[name]):
            known = ", ".join(f"{i} {value}" for i, value in enumerate(ATTRIBUTES[name]))
            raise ValueError(f"{name} has no value number {index}; choose from {known}")
    drawn = {name: int(rng.integers(len(values))) for name, values in ATTRIBUTES.items()}
    radius, shade, turn, x, y = rng.uniform((0.32, -1, 0, -1, -1), (0.43, 1, 2 * np.pi, 1, 1)).tolist()
    room = min(0.08, 0.5 - radius)
    return Flower(
        attributes={name: int(fixed.get(name, index)) for name, index in drawn.items()},
        x=0.5 + room * x,
        y=0.5 + room * y,
        radius=radius,
        turn=turn,
        shade=shade,
        texture=int(rng.integers(2**63)),
    )


def render(flower: Flower, size: int) -> Image.Image:
    """Draw a flower as an RGB picture of size x size pixels; the same flower at every size, anti-aliased.

    Raises ValueError for a size outside 32..304 (304 = 256 * 76 / 64, from which crops of 256 pixels are taken).
    """
    if not SMALLEST <= size <= LARGEST:
        raise ValueError(
            f"flowers are drawn at {SMALLEST} to {LARGEST} pixels, not {size}; ask for a size in that range"
        )
    rng = np.random.default_rng(flower.texture)
    petals = int(flower.value("petal_count"))
    bloom = flower_drawing.Bloom(
        flower.value("petal_shape"),
        flower.x,
        flower.y,
        flower.radius,
        flower.turn,
        bends=rng.uniform(-0.09, 0.09, 12)[:petals] * (2 * np.pi / petals) / 2,
        lengths=rng.uniform(0.94, 1.0, 12)[:petals],
    )
    bend = float(rng.uniform(-0.5, 0.5))
    background = flower.value("background")
    canvas = BACKGROUNDS[background](rng, size)
    if background == "sky":  # nothing up there to throw a shadow on: a stem holds the flower instead
        flower_drawing.draw_stem(canvas, bloom, bend)
    flower_drawing.draw_shadow(canvas, bloom, 0.12 if background == "sky" else 0.55)
    flower_drawing.draw_petals(
        canvas, bloom, flower_drawing.PETAL_RAMPS[flower.value("petal_color")], 0.18 * flower.shade
    )
    flower_drawing.draw_centre(canvas, bloom, flower_drawing.CENTRE_RAMPS[flower.value("center_color")])
    return Image.fromarray(np.clip(canvas + 0.5, 0, 255).astype(np.uint8))


def synthetic_flowers(count: int = 4000, seed: int = 0, classes: Sequence[str] | None = None) -> Source:
    """The built-in data set: rendered flowers with ten captions each, in classes of petal colour and shape.

    Args:
        count: how many examples; the classes take turns. Example i depends on seed, i and classes alone, so a smaller
            set is the beginning of a larger one.
        seed: another seed gives other flowers.
        classes: keep to these (names as in CLASSES, e.g. "red round"); all 21 by default.

    Returns:
        Examples whose picture is a picklable function of the size in pixels; 14 classes train, 3 val, 4 test.

    Raises:
        ValueError: for fewer than one example, a negative seed, no class, one that does not exist or one named twice.
    """
    if count < 1:
        raise ValueError(f"a data set needs at least one example, got count={count}")
    if seed < 0:
        raise ValueError(f"seeds are 0 or more, got seed={seed}")
    chosen = tuple(CLASSES if classes is None else classes)
    unknown = [name for name in chosen if name not in CLASSES]
    if not chosen:
        raise ValueError(f"a data set needs at least one class; choose from: {', '.join(CLASSES)}")
    if unknown:
        raise ValueError(
            f"synthetic_flowers has no class {', '.join(map(repr, unknown))}; choose from: {', '.join(CLASSES)}"
        )
    if len(set(chosen)) < len(chosen):
        raise ValueError(f"a class is named twice in {', '.join(chosen)}; name each once")
    return Source(
        name="synthetic_flowers",
        version="1",
        licence="MIT, made by this project",
        examples=[_example(seed, index, chosen) for index in range(count)],
        attributes=ATTRIBUTES,
        origin=f"drawn by t2i_utils.data.synthetic, count={count}, seed={seed}",
        notes=() if classes is None else (f"only {len(chosen)} of {len(CLASSES)} classes: {', '.join(chosen)}",),
    )


def split_of(class_name: str) -> str:
    """The part that a class belongs to: "train", "val" or "test"."""
    return "val" if class_name in VAL_CLASSES else "test" if class_name in TEST_CLASSES else "train"


def _example(seed: int, index: int, classes: tuple[str, ...]) -> Example:
    # every run of len(classes) examples holds each class once, in an order of its own
    run, place = divmod(index, len(classes))
    class_name = classes[np.random.default_rng((seed, run, 0)).permutation(len(classes))[place]]
    color, shape = divmod(CLASSES.index(class_name), len(ATTRIBUTES["petal_shape"]))
    rng = np.random.default_rng((seed, index, 1))
    flower = draw_flower(rng, {"petal_color": color, "petal_shape": shape})
    return Example(
        name=f"flower {index:05d}",
        picture=partial(render, flower),
        captions=write_captions(rng, flower.attributes),
        class_name=class_name,
        split=split_of(class_name),
        attributes=dict(flower.attributes),
    )
