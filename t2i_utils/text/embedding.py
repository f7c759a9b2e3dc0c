"""Captions to vectors once: no encoder runs inside a GAN's step."""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from t2i_utils.colab import remount_drive
from t2i_utils.data.hdf5 import read_captions, write_embeddings
from t2i_utils.data.verify import verify
from t2i_utils.drive.folder import DriveFolder
from t2i_utils.drive.looking import wait_aloud
from t2i_utils.drive.sending import bring_folder, send_folder
from t2i_utils.interfaces import TextEncoder
from t2i_utils.text.encoders import open_encoder
from t2i_utils.text.from_scratch import TINY, TRAINED, trained_folder
from t2i_utils.training.trainer import Watcher
from t2i_utils.whole import write_whole

CHUNK = 1024  # captions that are encoded, and kept, at a time


def ready_vectors(
    data: Path,
    name: str = TINY,
    steps: int | None = None,
    batch_size: int | None = None,
    device: torch.device | str = "cpu",
    watchers: Sequence[Watcher] = (),
    drive: Path | None = None,
) -> TextEncoder:
    """Open an encoder and see to it that a file holds its vectors: both are made only if they are missing.

    Args:
        data: HDF5 file made by `build`.
        name: as of `open_encoder`.
        steps, batch_size, watchers: of training, where an encoder is trained on these data now.
        device: where it runs.
        drive: a folder that keeps such an encoder for the next session: one that is trained again has other vectors,
            and no run goes on with those.
    """
    if name in TRAINED:
        folder = trained_folder(name, data)
        kept = None if drive is None else DriveFolder(drive / "encoders" / folder.name)
        if not folder.is_dir() and not (kept is not None and bring_folder(kept, folder, remount_drive)):
            chosen = {"steps": steps, "batch_size": batch_size}
            chosen = {name: value for name, value in chosen.items() if value is not None}
            TRAINED[name](data, folder, device=device, watchers=watchers, **chosen)
        if kept is not None:
            send_folder(folder, kept, wait_aloud)
    encoder = open_encoder(name, data, device)
    embed_once(data, encoder, name)
    return encoder


def embed_once(data: Path, encoder: TextEncoder, name: str | None = None) -> None:
    """`embed`, unless the file holds this encoder's vectors; then it is left as it is."""
    if all(known != encoder.fingerprint for _, known, _ in verify(data, vectors=False).encoders):
        embed(data, encoder, name)


def embed(data: Path, encoder: TextEncoder, name: str | None = None) -> str:
    """Write the vector of every caption of a file into it, under the encoder's fingerprint.

    What is made lies in a folder beside the file until all is done: interrupted, the next call goes on there.

    Args:
        data: HDF5 file made by `build`.
        encoder: any text encoder.
        name: by which `train` will ask for the vectors; the encoder's own name if not given.

    Returns:
        The encoder's fingerprint.
    """
    captions = read_captions(data)
    distinct = sorted(set(captions))  # many pictures share a caption, and all of Fashion-MNIST some hundred
    place = {caption: row for row, caption in enumerate(distinct)}
    fingerprint, rows = encoder.fingerprint, [place[caption] for caption in captions]
    # under a name that no other encoder and no other captions have: nothing stale is ever gone on with
    kept = Path(f"{data}.{hashlib.sha256(repr((fingerprint, distinct)).encode()).hexdigest()[:12]}.vectors")
    starts = tqdm(range(0, len(distinct), CHUNK), desc="captions to vectors", unit="k")
    sentences = [kept_chunk(encoder, distinct[start : start + CHUNK], kept / f"{start:08d}.npy") for start in starts]
    write_embeddings(data, name or encoder.name, fingerprint, encoder.name, torch.cat(sentences).numpy()[rows])
    shutil.rmtree(kept)
    return fingerprint


def kept_chunk(encoder: TextEncoder, captions: Sequence[str], path: Path) -> Tensor:
    """Vectors of captions, [n, text_dim], from the file that an interrupted call left, or made and left there now."""
    try:
        found = np.load(path, allow_pickle=False)
        if found.shape == (len(captions), encoder.text_dim):
            return torch.from_numpy(found)
    except (OSError, ValueError):  # not made yet, or not whole
        pass
    made, buffer = encoder.encode(captions).sentence, io.BytesIO()
    np.save(buffer, made.numpy())
    if made.isfinite().all():  # others are refused in the end, and are not worth keeping
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, buffer.getvalue())
    return made
