"""What lies behind a rendered flower: leaves, soil or sky, drawn in units of the picture so that every size agrees."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from PIL import Image

Ramp = tuple[tuple[int, int, int], tuple[int, int, int], tuple[int, int, int]]  # in the shade, as it is, in the light

LEAF_RAMP: Ramp = ((10, 40, 28), (44, 100, 46), (120, 176, 84))
SOIL_RAMP: Ramp = ((50, 32, 22), (112, 78, 54), (186, 158, 132))
SKY_HIGH, SKY_LOW, CLOUD = (84, 158, 226), (160, 208, 242), (226, 238, 249)


@lru_cache(maxsize=8)
def pixel_centres(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Where the pixels are: x [1, size] and y [size, 1], float32, from 0 (left, top) to 1 (right, bottom)."""
    at = (np.arange(size, dtype=np.float32) + 0.5) / size
    return at[None, :], at[:, None]


def shaded(ramp: Ramp, tone: np.ndarray) -> np.ndarray:
    """Colour by tone: [...] tones, -1 in the shade, 0 as it is and 1 in the light, to [..., 3] colours in 0..255."""
    return _table(ramp).take(np.clip(tone * 255 + 255.5, 0, 510).astype(np.int16), axis=0)


@lru_cache(maxsize=64)
def _table(ramp: Ramp) -> np.ndarray:
    """The colours of 511 tones, [511, 3]: looking them up takes a quarter of the time of mixing them."""
    at = np.linspace(-1, 1, 511)
    return np.stack([np.interp(at, (-1, 0, 1), channel) for channel in zip(*ramp, strict=True)], -1).astype(np.float32)


def cover(canvas: np.ndarray, colour: np.ndarray, amount: np.ndarray) -> None:
    """Lay colours (or tones) over a canvas [height, width, ...], `amount` [height, width] in 0..1 opaque."""
    canvas += amount.reshape(amount.shape + (1,) * (canvas.ndim - 2)) * (colour - canvas)


def noise(rng: np.random.Generator, size: int, cells: tuple[int, ...], fall: float = 0.6) -> np.ndarray:
    """Smooth random hills [size, size] of variance about one: lattices of `cells` per side, each `fall` as high.

    Lattices finer than the picture are averaged, not sampled, so that small sizes show the large ones made smaller.
    """
    total, power = np.zeros((size, size), np.float32), 0.0
    for octave, count in enumerate(cells):
        lattice = Image.fromarray(rng.standard_normal((count, count), dtype=np.float32))
        total += np.asarray(lattice.resize((size, size), Image.Resampling.BICUBIC)) * fall**octave
        power += 0.6 * fall ** (2 * octave)  # interpolation keeps about 0.6 of a lattice's variance
    return total / power**0.5


def window(size: int, x: float, y: float, reach: float) -> tuple[slice, slice]:
    """The rows and columns of a picture within `reach` of (x, y), all in units of the picture."""
    rows, columns = ((max(int((c - reach) * size), 0), min(int((c + reach) * size) + 2, size)) for c in (y, x))
    return slice(*rows), slice(*columns)


def _leaf(tones: np.ndarray, x: float, y: float, turn: float, length: float, light: float) -> None:
    """Draw one leaf around (x, y), `length` long, on tones [size, size]: midrib, veins and the shadow it throws."""
    size = len(tones)
    rows, columns = window(size, x, y, 0.56 * length)
    across, down = pixel_centres(size)
    dx, dy = (across[:, columns] - x) / length, (down[rows] - y) / length
    cos, sin = math.cos(turn), math.sin(turn)
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    side, pixels = np.abs(v), length * size
    distance = (side - (0.25 - u * u) * (0.9 - 0.45 * u)) * 0.8
    part = tones[rows, columns]
    part -= 0.5 * np.square(np.clip(1 - distance * 11, 0, 1))
    lit = 0.3 if sin > cos else -0.3
    tone = np.cos((u - 0.9 * side) * 42) * (0.1 * min(1.0, pixels / 50)) + light
    tone += np.clip(v * (80 * lit), -0.3, 0.3)
    tone += np.clip(0.5 - side * (0.3 / max(0.014, 0.5 / pixels)), 0, 0.4)
    tone -= np.clip(0.4 + distance * 8, 0, 0.4)
    cover(part, tone, np.clip(0.5 - distance * pixels, 0, 1))


def leaves(rng: np.random.Generator, size: int) -> np.ndarray:
    """A thicket of leaves, [size, size, 3] in 0..255."""
    tones = 0.15 * noise(rng, size, (5, 10)) - 0.8
    columns, rows = np.divmod(rng.permutation(25), 5)
    x, y = columns / 4 + rng.uniform(-0.13, 0.13, 25), rows / 4 + rng.uniform(-0.13, 0.13, 25)
    turn, length, light = rng.uniform(0, 2 * np.pi, 25), rng.uniform(0.38, 0.56, 25), rng.uniform(-0.5, 0.35, 25)
    for leaf in zip(*(part.tolist() for part in (x, y, turn, length, light)), strict=True):
        _leaf(tones, *leaf)
    return shaded(LEAF_RAMP, tones)


def soil(rng: np.random.Generator, size: int) -> np.ndarray:
    """Crumbly soil with a few pebbles, [size, size, 3] in 0..255."""
    tones = 0.36 * noise(rng, size, (6, 14, 30, 62, 126), fall=0.85)
    across, down = pixel_centres(size)
    for x, y, radius, squash, light in rng.uniform((0, 0, 0.014, 0.65, 0), (1, 1, 0.036, 1, 0.7), (22, 5)).tolist():
        rows, columns = window(size, x, y, 1.6 * radius)
        dx, dy = (across[:, columns] - x) / radius, (down[rows] - y) / (radius * squash)
        far = np.sqrt(dx * dx + dy * dy)
        part = tones[rows, columns]
        part -= 0.7 * np.clip(1.5 - far + 0.2 * dy, 0, 1)
        cover(part, light - 0.45 * (dx + dy), np.clip((1 - far) * (radius * size) + 0.5, 0, 1))
    return shaded(SOIL_RAMP, tones)


def sky(rng: np.random.Generator, size: int) -> np.ndarray:
    """Sky, deeper above, with a few soft clouds, [size, size, 3] in 0..255."""
    _, down = pixel_centres(size)
    canvas = np.empty((size, size, 3), np.float32)
    canvas[:] = np.asarray(SKY_HIGH, np.float32) + down[..., None] * np.subtract(SKY_LOW, SKY_HIGH).astype(np.float32)
    hills = noise(rng, size, (3, 6, 12, 24, 48), fall=0.55)
    clouds = np.clip((hills - 0.25) * 0.75, 0, 1)
    cover(canvas, np.asarray(CLOUD, np.float32), clouds * clouds * (3 - 2 * clouds) * 0.85)
    return canvas
