"""How a flower is drawn: petals from signed distances, shaded, veined and outlined, around a speckled centre."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from t2i_utils.data.flower_backgrounds import Ramp, cover, pixel_centres, shaded, window

Array = np.ndarray  # float32 throughout, and plain Python numbers beside it: twice as quick as float64

PETAL_RAMPS: dict[str, Ramp] = {
    "red": ((120, 6, 20), (212, 24, 34), (240, 78, 78)),
    "orange": ((184, 74, 4), (249, 130, 16), (255, 168, 70)),
    "yellow": ((196, 140, 6), (252, 216, 36), (255, 238, 118)),
    "white": ((168, 170, 186), (244, 243, 240), (255, 255, 255)),
    "pink": ((196, 72, 128), (250, 146, 190), (255, 190, 216)),
    "purple": ((66, 16, 96), (134, 48, 172), (176, 98, 208)),
    "blue": ((12, 26, 120), (38, 74, 210), (96, 130, 238)),
}
CENTRE_RAMPS: dict[str, Ramp] = {
    "yellow": ((118, 62, 0), (238, 168, 6), (255, 226, 96)),
    "brown": ((44, 20, 8), (112, 62, 26), (172, 112, 62)),
    "green": ((26, 66, 14), (92, 148, 34), (164, 206, 84)),
    "black": ((6, 5, 8), (30, 26, 32), (96, 90, 104)),
}
STEM_RAMP: Ramp = ((24, 74, 26), (62, 132, 50), (122, 182, 92))
CENTRE_RADIUS = 0.23  # of the flower's


@dataclass(frozen=True)
class Bloom:
    """A flower's outline: where it is, in units of the picture, and each petal's own turn and length.

    Attributes:
        shape: a key of PETAL_SHAPES.
        x, y, radius: middle and reach of a petal of length one.
        turn: of the first petal, in radians.
        bends, lengths: [petals], radians beside the even place and length relative to `radius`.
    """

    shape: str
    x: float
    y: float
    radius: float
    turn: float
    bends: Array
    lengths: Array


def _drop(u: Array, v: Array, base: tuple[float, float], tip: tuple[float, float], r1: float, r2: float) -> Array:
    """Signed distance to the hull of two circles, radius r1 at `base` and r2 at `tip` (each (along, beside))."""
    length = math.hypot(tip[0] - base[0], tip[1] - base[1])
    ax, ay = (tip[0] - base[0]) / length, (tip[1] - base[1]) / length
    along = (u - base[0]) * ax + (v - base[1]) * ay
    beside = np.abs((v - base[1]) * ax - (u - base[0]) * ay)
    slope = (r1 - r2) / length  # sine of the angle between a side and the axis
    lean = math.sqrt(1 - slope * slope)
    # the point of the axis whose circle is nearest: along + beside * tan, kept between the two ends
    at = np.clip((along - beside * (slope / lean)) / length, 0, 1)
    gap = along - at * length
    return np.sqrt(gap * gap + beside * beside) - (r1 + at * (r2 - r1))


def _round(u: Array, v: Array, petals: int) -> Array:
    """A drop with a wide, circular end that all but touches its neighbours."""
    half = 0.94 * math.sin(math.pi / petals)
    end = half / (1 + half)
    return _drop(u, v, (0.12, 0.0), (1 - end, 0.0), 0.05, end)


def _pointed(u: Array, v: Array, petals: int) -> Array:
    """A blade, widest below its middle, whose straight sides meet in a sharp tip."""
    wide = 2.8 * min(0.27, 0.62 * math.tan(math.pi / petals))
    inner = np.clip(u, 0, None)
    half = wide * inner * (1 - u) * (1.8 - 0.8 * inner)
    slope = wide * (1.8 + inner * (-5.2 + 2.4 * inner))
    return (np.abs(v) - half) / np.sqrt(1 + slope * slope)


def _heart(u: Array, v: Array, petals: int) -> Array:
    """Two drops that lean apart and one between them: lobes with a notch, shallower than the gap to the next petal."""
    apart = 0.94 + 0.015 * petals  # of the lobes' axes, in lobe radii: narrow petals need the wider notch
    half = min(0.62, 0.78 * math.tan(math.pi / petals))
    lobe = half / (1 + apart + half)
    lobes = _drop(u, np.abs(v), (0.10, 0.0), (1 - lobe, apart * lobe), 0.04, lobe)
    notch, end = 0.10 + 0.75 * lobe, 0.9 * lobe
    return np.minimum(lobes, _drop(u, v, (0.10, 0.0), (1 - notch - end, 0.0), 0.04, end))


PETAL_SHAPES = {"round": _round, "pointed": _pointed, "heart-shaped": _heart}


def _petals_near(bloom: Bloom, dx: Array, dy: Array) -> tuple[Array, Array, Array]:
    """For each point the three petals that can reach it: (u, v, distance), each [3, height, width], previous to next.

    u runs along a petal from the flower's middle to its tip (0 to 1), v beside it. Looking at the nearest petal and its
    neighbours alone costs the same for 4 petals as for 12, and lets each petal lie over the one before it all the way
    round, as in a real flower.
    """
    petals = len(bloom.bends)
    step = 2 * math.pi / petals
    nearest = np.rint((np.arctan2(dy, dx) - bloom.turn) / step).astype(np.int32)
    which = np.stack([nearest - 1, nearest, nearest + 1]) % petals
    angles = bloom.turn + step * np.arange(petals) + bloom.bends
    scale = 1 / (bloom.radius * bloom.lengths)
    cos, sin = (np.cos(angles) * scale).astype(np.float32)[which], (np.sin(angles) * scale).astype(np.float32)[which]
    u, v = dx * cos + dy * sin, dy * cos - dx * sin
    return u, v, PETAL_SHAPES[bloom.shape](u, v, petals)


def _offsets(bloom: Bloom, size: int, rows: slice, columns: slice) -> tuple[Array, Array]:
    across, down = pixel_centres(size)
    return across[:, columns] - bloom.x, down[rows] - bloom.y


def draw_shadow(canvas: Array, bloom: Bloom, strength: float) -> None:
    """Darken the canvas [size, size, 3] softly below and to the right of the flower."""
    # so soft that 40 pixels tell everything: computed small, then enlarged
    across, down = pixel_centres(40)
    drop = 0.10 * bloom.radius
    _, _, distance = _petals_near(bloom, across - bloom.x - drop, down - bloom.y - 2 * drop)
    depth = np.clip(0.65 - distance.min(axis=0) / 0.28, 0, 1)
    light = Image.fromarray(1 - strength * depth * depth * (3 - 2 * depth))
    canvas *= np.asarray(light.resize(canvas.shape[:2], Image.Resampling.BICUBIC))[..., None]


def draw_petals(canvas: Array, bloom: Bloom, ramp: Ramp, light: float) -> None:
    """Draw the petals on the canvas [size, size, 3]; `light` moves their tone, -1..1."""
    size = len(canvas)
    rows, columns = window(size, bloom.x, bloom.y, 1.15 * bloom.radius)
    dx, dy = _offsets(bloom, size, rows, columns)
    u, v, distance = _petals_near(bloom, dx, dy)
    pixels = bloom.radius * size  # a petal's length in pixels
    line = max(0.045, 0.9 / pixels)
    spread = v / (np.abs(u) + 0.35)
    middle = np.sqrt(dx * dx + dy * dy) / bloom.radius
    tone = light + 0.55 * (u - 0.62)
    tone += 0.08 * min(1.0, pixels / 60) * np.cos(spread * 46)  # veins
    tone -= 0.55 * np.exp((CENTRE_RADIUS - middle) / 0.09)  # the centre's shadow
    tone += 0.22 * np.clip(-distance / 0.12, 0, 1)  # petals are domed
    tone -= 0.8 * np.clip(1 + distance / line, 0, 1)  # and darker at their edges
    above = np.clip(1 - distance[1:] / 0.13, 0, 1)  # the next petal throws a shadow on this one
    tone[:2] -= 0.35 * above * above
    amount = np.clip(0.5 - distance * pixels, 0, 1)
    seen, opaque = tone[0] * amount[0], amount[0]  # one layer over the other, in tones: a third of the work of colours
    for petal in (1, 2):
        seen += amount[petal] * (tone[petal] - seen)
        opaque += amount[petal] * (1 - opaque)
    cover(canvas[rows, columns], shaded(ramp, seen / np.maximum(opaque, 1e-3)), opaque)


def draw_centre(canvas: Array, bloom: Bloom, ramp: Ramp) -> None:
    """Draw the centre on the canvas [size, size, 3]: a dome with seeds in a spiral and a dark rim."""
    size, radius = len(canvas), CENTRE_RADIUS * bloom.radius
    rows, columns = window(size, bloom.x, bloom.y, 1.2 * radius)
    dx, dy = _offsets(bloom, size, rows, columns)
    dx, dy = dx / radius, dy / radius
    far = np.sqrt(dx * dx + dy * dy)
    pixels = radius * size
    seeds = np.arange(1, 48, dtype=np.float32)
    angle, reach = seeds * (math.pi * (3 - 5**0.5)) + bloom.turn, np.sqrt(seeds / 50)
    seed_x, seed_y = (reach * np.cos(angle))[:, None, None], (reach * np.sin(angle))[:, None, None]
    gap = np.sqrt(((dx - seed_x) ** 2 + (dy - seed_y) ** 2).min(axis=0))
    speckle = min(1.0, pixels / 9) * (0.55 - gap * 6)
    tone = 0.6 * speckle - 0.35 * (dx + dy) + 0.1
    tone -= 1.1 * np.clip(1 - (1 - far) / max(0.16, 0.9 / pixels), 0, 1)
    cover(canvas[rows, columns], shaded(ramp, tone), np.clip((1 - far) * pixels + 0.5, 0, 1))


def draw_stem(canvas: Array, bloom: Bloom, bend: float) -> None:
    """Draw a stem on the canvas [size, size, 3], from the flower's middle down to the lower edge."""
    size = len(canvas)
    rows = slice(min(int(bloom.y * size), size - 1), size)
    across, down = pixel_centres(size)
    below = down[rows] - bloom.y
    beside = across - bloom.x - bend * below * below
    half = 0.055 * bloom.radius
    tone = -0.7 * beside / half - 0.5 * np.clip(1 - (below - bloom.radius) * 8, 0, 1)
    cover(canvas[rows], shaded(STEM_RAMP, tone), np.clip((half - np.abs(beside)) * size + 0.5, 0, 1))
