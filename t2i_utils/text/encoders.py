"""Encoders by name, and captions to vectors once: no encoder runs inside a GAN's step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm.auto import tqdm

from t2i_utils.data.hdf5 import fingerprint as data_fingerprint
from t2i_utils.data.hdf5 import read_captions, write_embeddings
from t2i_utils.data.loader import Loader
from t2i_utils.data.split import read_contents, read_split
from t2i_utils.data.verify import verify
from t2i_utils.interfaces import TextEncoder
from t2i_utils.text import char_cnn_rnn
from t2i_utils.text.char_cnn_rnn import CharEncoder, new_char_encoder, open_char_folder
from t2i_utils.text.clip import ClipEncoder, names_weights, new_clip, open_clip_encoder, open_folder, tiny_config
from t2i_utils.text.contrastive import clip_turn, pairings
from t2i_utils.text.joint_embedding import Towers, class_pairs, joint_turn
from t2i_utils.text.sbert import SBERT, open_sbert
from t2i_utils.training.budget import Budget
from t2i_utils.training.drive import DriveFolder, bring_folder, send_folder
from t2i_utils.training.trainer import Trainer, Watcher, as_it_is

TINY, CHAR = "tiny_clip", "char_cnn_rnn"  # trained on the file at hand
TINY_STEPS, CHAR_STEPS = 300, 600


def open_encoder(name: str, data: Path | None = None, device: torch.device | str = "cpu") -> TextEncoder:
    """The encoder that a user names.

    Args:
        name: `tiny_clip` or `char_cnn_rnn`: trained from scratch on `data`, beside which it lies, now if it is not
            there yet; `sbert`: all-MiniLM-L6-v2; `MODEL/TAG` of open_clip; or a folder that holds one of these.
        data: the HDF5 file at hand; only encoders that are trained on it need it.
        device: where it will run.

    Raises:
        ValueError, FileNotFoundError: as `open_clip_encoder`, `open_char_folder` and `open_sbert`, and where data are
            needed and none are named.
    """
    if name in TRAINED:
        if data is None:
            raise ValueError(f"{name} is trained on the data at hand; name an HDF5 file made by `build`")
        folder = trained_folder(name, data)
        if not folder.is_dir():
            TRAINED[name](data, folder, device=device)
        return open_encoder(str(folder), device=device)
    if (Path(name) / char_cnn_rnn.CONFIG_FILE).is_file():
        return open_char_folder(Path(name), device)
    return open_sbert(device) if name == SBERT else open_clip_encoder(name, device)


def opens_by_name(name: str) -> bool:
    """Whether `open_encoder` finds this encoder again anywhere, without data and without a folder."""
    return name == SBERT or (not Path(name).is_dir() and names_weights(name))


def trained_folder(name: str, data: Path) -> Path:
    """Where an encoder that was trained on an HDF5 file lies: beside it, named after these very data."""
    return Path(data).with_suffix(f".{name}-{data_fingerprint(data)[:8]}")


def tiny_folder(data: Path) -> Path:
    """Where the tiny CLIP of an HDF5 file lies."""
    return trained_folder(TINY, data)


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


def train_char_cnn_rnn(
    data: Path,
    folder: Path,
    steps: int = CHAR_STEPS,
    batch_size: int = 40,
    seed: int = 0,
    device: torch.device | str = "cpu",
    watchers: Sequence[Watcher] = (),
    width: int = 512,
) -> CharEncoder:
    """Train the char-CNN-RNN from scratch on a file's training and validation classes, and save it.

    The pictures' vectors are those of the file's tiny CLIP, which is trained first if it is not there yet.

    Args:
        data: HDF5 file made by `build`.
        folder: where it is saved.
        steps: batches.
        batch_size: classes a step, one picture and one caption of each; fewer where the file has fewer.
        seed: of weights and batches.
        device: where it trains.
        watchers: called after every step.
        width: of the recurrent layer; the paper's 512.

    Returns:
        The trained encoder, opened from its folder.
    """
    budget, pictures = Budget(steps=steps), read_split(data, "trainval")
    vectors = open_encoder(TINY, data, device).encode_images(pictures.images.float() / 127.5 - 1)
    encoder = new_char_encoder(width, name=CHAR, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        towers = Towers(encoder.model, vectors.shape[1])
    turn = joint_turn(towers, classes=int((pictures.classes.unique() >= 0).sum()))
    with tqdm(total=steps, desc="training char-CNN-RNN", unit="step") as bar:
        trainer = Trainer([turn], as_it_is, device)
        batches = class_pairs(pictures, vectors, batch_size, seed, device)
        trainer.run(batches, budget, [*watchers, lambda *_: bar.update()])
    encoder.save(folder)
    return open_char_folder(folder, device)


TRAINED = {TINY: train_tiny_clip, CHAR: train_char_cnn_rnn}


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
        if not folder.is_dir() and not (kept is not None and bring_folder(kept, folder)):
            chosen = {"steps": steps, "batch_size": batch_size}
            chosen = {name: value for name, value in chosen.items() if value is not None}
            TRAINED[name](data, folder, device=device, watchers=watchers, **chosen)
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
