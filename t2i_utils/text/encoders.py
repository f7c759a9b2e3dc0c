"""Encoders by name, and captions to vectors once: no encoder runs inside a GAN's step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm.auto import tqdm

from t2i_utils.data.hdf5 import fingerprint as data_fingerprint
from t2i_utils.data.hdf5 import read_captions, write_embeddings
from t2i_utils.data.loader import Loader
from t2i_utils.data.split import read_contents
from t2i_utils.data.verify import verify
from t2i_utils.interfaces import TextEncoder
from t2i_utils.text.clip import ClipEncoder, names_weights, new_clip, open_clip_encoder, open_folder, tiny_config
from t2i_utils.text.contrastive import clip_turn, pairings
from t2i_utils.text.sbert import SBERT, open_sbert
from t2i_utils.training.budget import Budget
from t2i_utils.training.drive import DriveFolder, bring_folder, send_folder
from t2i_utils.training.trainer import Trainer, Watcher, as_it_is

TINY = "tiny_clip"
TINY_STEPS = 300


def open_encoder(name: str, data: Path | None = None, device: torch.device | str = "cpu") -> TextEncoder:
    """The encoder that a user names.

    Args:
        name: `tiny_clip`: the small CLIP trained from scratch on `data`, which lies beside it and is trained now if it
            is not there yet; `sbert`: all-MiniLM-L6-v2; `MODEL/TAG` of open_clip; or a folder of open_clip's.
        data: the HDF5 file at hand; only `tiny_clip` needs it.
        device: where it will run.

    Raises:
        ValueError, FileNotFoundError: as `open_clip_encoder` and `open_sbert`, and `tiny_clip` without data.
    """
    if name == TINY:
        return open_tiny_clip(data, device)
    return open_sbert(device) if name == SBERT else open_clip_encoder(name, device)


def open_tiny_clip(data: Path | None, device: torch.device | str = "cpu") -> ClipEncoder:
    """The tiny CLIP of an HDF5 file, trained now if it is not there yet."""
    if data is None:
        raise ValueError(f"{TINY} is trained on the data at hand; name an HDF5 file made by `build`")
    folder = tiny_folder(data)
    return open_folder(folder, device) if folder.is_dir() else train_tiny_clip(data, folder, device=device)


def opens_by_name(name: str) -> bool:
    """Whether `open_encoder` finds this encoder again anywhere, without data and without a folder."""
    return name == SBERT or (not Path(name).is_dir() and names_weights(name))


def tiny_folder(data: Path) -> Path:
    """Where the tiny CLIP of an HDF5 file lies: beside it, named after these very data, so that none outlives them."""
    return Path(data).with_suffix(f".{TINY}-{data_fingerprint(data)[:8]}")


def train_tiny_clip(
    data: Path,
    folder: Path,
    steps: int = TINY_STEPS,
    batch_size: int = 128,
    seed: int = 0,
    device: torch.device | str = "cpu",
    watchers: Sequence[Watcher] = (),
) -> ClipEncoder:
    """Train the tiny CLIP from scratch on a file's training and validation classes, and save it.

    Args:
        data: HDF5 file made by `build`.
        folder: where it is saved, as an open_clip local folder.
        steps: batches; 300 take about a minute on two cores at 32 pixels.
        batch_size: pictures, each with one caption, a step; fewer where the file holds fewer.
        seed: of weights and batches.
        device: where it trains.
        watchers: called after every step.

    Returns:
        The trained encoder, opened from its folder.
    """
    budget, pictures = Budget(steps=steps), len(read_contents(data, "trainval").rows)
    loader = Loader(data, batch_size=min(batch_size, pictures), seed=seed, device=device)
    encoder = new_clip(tiny_config(loader.image_size), TINY, seed)
    trainer = Trainer([clip_turn(encoder, steps)], as_it_is, device)
    with tqdm(total=steps, desc="training tiny CLIP", unit="step") as bar:
        trainer.run(pairings(loader, encoder), budget, [*watchers, lambda *_: bar.update()])
    encoder.save(folder)
    return open_folder(folder, device)


def ready_vectors(
    data: Path,
    name: str = TINY,
    steps: int | None = None,
    batch_size: int = 128,
    device: torch.device | str = "cpu",
    watchers: Sequence[Watcher] = (),
    drive: Path | None = None,
) -> TextEncoder:
    """Open an encoder and see to it that a file holds its vectors: both are made only if they are missing.

    Args:
        data: HDF5 file made by `build`.
        name: as of `open_encoder`.
        steps, batch_size, watchers: of training, where `tiny_clip` is trained now.
        device: where it runs.
        drive: a folder that keeps the tiny CLIP of these data for the next session: one that is trained again has other
            vectors, and no run goes on with those.
    """
    folder = tiny_folder(data)
    if name == TINY:
        kept = None if drive is None else DriveFolder(drive / "encoders" / folder.name)
        if not folder.is_dir() and not (kept is not None and bring_folder(kept, folder)):
            train_tiny_clip(data, folder, steps or TINY_STEPS, batch_size, device=device, watchers=watchers)
        if kept is not None:
            send_folder(folder, kept)
    encoder = open_encoder(name, data, device)
    fingerprint = encoder.fingerprint
    if all(known != fingerprint for _, known, _ in verify(data, vectors=False).encoders):
        embed(data, encoder, name)
    return encoder


def embed(data: Path, encoder: TextEncoder, name: str | None = None) -> str:
    """Write the vector of every caption of a file into it, under the encoder's fingerprint.

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
    chunks = [distinct[start : start + 1024] for start in range(0, len(distinct), 1024)]
    sentences = [encoder.encode(chunk).sentence for chunk in tqdm(chunks, desc="captions to vectors", unit="k")]
    fingerprint, rows = encoder.fingerprint, [place[caption] for caption in captions]
    write_embeddings(data, name or encoder.name, fingerprint, encoder.name, torch.cat(sentences).numpy()[rows])
    return fingerprint
