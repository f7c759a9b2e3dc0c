"""Pictures side by side, and pictures as files: what painting needs, and no matplotlib, which takes long to import."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from t2i_utils.whole import write_whole


def grid(images: Tensor, columns: int = 8, gap: int = 2, scale: int = 1) -> Image.Image:
    """Pictures side by side on white.

    Args:
        images: uint8 [n, channels, height, width], or float in [-1, 1].
        columns: pictures a row.
        gap: white pixels between two.
        scale: each pixel becomes so many, unsmoothed, so that 32-pixel pictures can be seen.
    """
    if images.dtype != torch.uint8:
        images = ((images.float() + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    images = images.cpu().expand(-1, 3, -1, -1).repeat_interleave(scale, 2).repeat_interleave(scale, 3)
    count, _, height, width = images.shape
    columns = min(columns, count)
    rows = -(-count // columns)
    canvas = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 255, np.uint8)
    for index, picture in enumerate(images.permute(0, 2, 3, 1).numpy()):
        top, left = (index // columns) * (height + gap), (index % columns) * (width + gap)
        canvas[top : top + height, left : left + width] = picture
    return Image.fromarray(canvas)


def save_png(picture: Image.Image, path: Path, description: str = "") -> Path:
    """Write a picture as PNG, whole or not at all, with its folder.

    Args:
        picture: what to write.
        path: where.
        description: what it shows; kept inside the file, and printed under it by a gallery.
    """
    told = PngInfo()
    if description:
        told.add_text("Description", description)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True, pnginfo=told)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, buffer.getvalue())
    return path
