"""Encoders by name."""

from __future__ import annotations

from pathlib import Path

import torch

from t2i_utils.interfaces import TextEncoder
from t2i_utils.published import PUBLISHED, WEIGHTS
from t2i_utils.text import bert, char_cnn_rnn
from t2i_utils.text.char_cnn_rnn import open_char_folder
from t2i_utils.text.clip_opening import names_weights, open_clip_encoder
from t2i_utils.text.from_scratch import TRAINED, trained_folder
from t2i_utils.text.minilm import VOCABULARY
from t2i_utils.text.packed import holds_tower, open_tower_of
from t2i_utils.text.sbert import SBERT, open_sbert, open_sbert_folder
from t2i_utils.text.silent import SILENT, SilentEncoder


def open_encoder(name: str, data: Path | None = None, device: torch.device | str = "cpu") -> TextEncoder:
    """The encoder that a user names.

    Args:
        name: `none`, for systems that no caption is told; `tiny_clip` or `char_cnn_rnn`: trained from scratch on
            `data`, beside which it lies, now if it is not there yet; `sbert`: all-MiniLM-L6-v2; the name of a painter
            that comes with the package, for its text tower; `MODEL/TAG` of open_clip; or a folder that holds one of
            these.
        data: the HDF5 file at hand; only encoders that are trained on it need it.
        device: where it will run.

    Raises:
        ValueError, FileNotFoundError: as `open_clip_encoder`, `open_char_folder` and `open_sbert`, and where data are
            needed and none are named.
    """
    if name == SILENT:
        return SilentEncoder()
    if name in TRAINED:
        if data is None:
            raise ValueError(f"{name} is trained on the data at hand; name an HDF5 file made by `build`")
        folder = trained_folder(name, data)
        if not folder.is_dir():
            TRAINED[name](data, folder, device=device)
        return open_encoder(str(folder), device=device)
    if _packed_here(name):
        return open_tower_of(WEIGHTS / name, device, name)
    if holds_tower(Path(name)):
        return open_tower_of(Path(name), device)
    if (Path(name) / char_cnn_rnn.CONFIG_FILE).is_file():
        return open_char_folder(Path(name), device)
    if all((Path(name) / file).is_file() for file in (bert.CONFIG_FILE, VOCABULARY)):
        return open_sbert_folder(Path(name), device)
    return open_sbert(device) if name == SBERT else open_clip_encoder(name, device)


def opens_by_name(name: str) -> bool:
    """Whether `open_encoder` finds this encoder again anywhere, without data and without a folder."""
    return name in (SBERT, SILENT) or _packed_here(name) or (not Path(name).is_dir() and names_weights(name))


def _packed_here(name: str) -> bool:
    """Whether a painter of that name comes with the package and has a text tower of its own."""
    return name in PUBLISHED and holds_tower(WEIGHTS / name)
