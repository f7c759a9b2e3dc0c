"""Encoders that are trained from scratch on the file at hand, beside which they lie."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from tqdm.auto import tqdm

from t2i_utils.data.hdf5 import fingerprint
from t2i_utils.data.loader import Loader
from t2i_utils.data.split import read_contents, read_split
from t2i_utils.text.char_cnn_rnn import CharEncoder, new_char_encoder, open_char_folder
from t2i_utils.text.clip import ClipEncoder, new_clip, tiny_config
from t2i_utils.text.clip_opening import open_folder
from t2i_utils.text.contrastive import contrastive_turn, pairings
from t2i_utils.text.joint_embedding import JointTowers, class_pairs, joint_turn
from t2i_utils.text.towers import ClipTowers
from t2i_utils.training.budget import Budget
from t2i_utils.training.trainer import Trainer, Watcher, as_it_is

TINY, CHAR, JUDGE = "tiny_clip", "char_cnn_rnn", "judge_clip"
TINY_STEPS, CHAR_STEPS, JUDGE_SEED = 300, 600, 1


def trained_folder(name: str, data: Path) -> Path:
    """Where an encoder that was trained on an HDF5 file lies: beside it, named after these very data."""
    return Path(data).with_suffix(f".{name}-{fingerprint(data)[:8]}")


def train_tiny_clip(
    data: Path,
    folder: Path,
    steps: int = TINY_STEPS,
    batch_size: int = 128,
    seed: int = 0,
    device: torch.device | str = "cpu",
    watchers: Sequence[Watcher] = (),
    split: str = "trainval",
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
        split: whose classes it learns from, those that GANs learn from; "train" where val classes are to choose later.

    Returns:
        The trained encoder, opened from its folder.
    """
    budget, pictures = Budget(steps=steps), len(read_contents(data, split).rows)
    loader = Loader(data, batch_size=min(batch_size, pictures), seed=seed, split=split, device=device)
    encoder = new_clip(tiny_config(loader.image_size), TINY, seed)
    towers = ClipTowers(encoder)
    trainer = Trainer([contrastive_turn(towers, steps)], as_it_is, device, seed=seed)
    with tqdm(total=steps, desc="training tiny CLIP", unit="step") as bar:
        trainer.run(pairings(loader, towers), budget, [*watchers, lambda *_: bar.update()])
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
    budget, pictures = Budget(steps=steps), read_contents(data, "trainval")
    tiny = trained_folder(TINY, data)
    seeing = open_folder(tiny, device) if tiny.is_dir() else train_tiny_clip(data, tiny, device=device)
    vectors = seeing.encode_images(read_split(data, "trainval").images.float() / 127.5 - 1)
    encoder = new_char_encoder(width, name=CHAR, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        towers = JointTowers(encoder.model, vectors.shape[1])
    turn = joint_turn(towers, classes=len(set(pictures.classes.tolist()) - {-1}))
    with tqdm(total=steps, desc="training char-CNN-RNN", unit="step") as bar:
        trainer = Trainer([turn], as_it_is, device, seed=seed)
        batches = class_pairs(pictures, vectors, batch_size, seed, device)
        trainer.run(batches, budget, [*watchers, lambda *_: bar.update()])
    encoder.save(folder)
    return open_char_folder(folder, device)


def train_judge_clip(
    data: Path,
    folder: Path,
    steps: int = TINY_STEPS,
    batch_size: int = 128,
    seed: int = JUDGE_SEED,
    device: torch.device | str = "cpu",
    watchers: Sequence[Watcher] = (),
) -> ClipEncoder:
    """Train a tiny CLIP that is there to judge only: on every class, the held-out ones too, from a seed of its own.

    No generator may be trained with it: it knows the captions that generators are examined on.

    Args: as of `train_tiny_clip`.
    """
    return train_tiny_clip(data, folder, steps, batch_size, seed, device, watchers, split="all")


TRAINED = {TINY: train_tiny_clip, CHAR: train_char_cnn_rnn, JUDGE: train_judge_clip}
