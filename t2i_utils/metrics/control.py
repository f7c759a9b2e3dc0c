"""The control of every claim that a generator reads: the same data with the captions' vectors shuffled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from t2i_utils.data.hdf5 import read_embeddings, write_embeddings
from t2i_utils.data.verify import verify

SHUFFLED = "shuffled"


def shuffle_vectors(data: Path, encoder: str, seed: int = 0) -> str:
    """See to it that a file holds an encoder's vectors once more, each under a caption chosen at random over the file.

    A system trained on them sees the same pictures and the same vectors, but no vector says anything about its picture:
    what it still gets right, it gets right by chance.

    Args:
        data: HDF5 file with the encoder's vectors.
        encoder: its name or fingerprint.
        seed: of the permutation.

    Returns:
        The name by which `train` asks for the shuffled vectors.
    """
    vectors = read_embeddings(data, encoder)
    name = f"{SHUFFLED}-{vectors.fingerprint[:12]}-{seed}"
    if all(known != name for known, _, _ in verify(data).encoders):
        order = np.random.default_rng(seed).permutation(len(vectors.sentence))
        write_embeddings(data, name, name, vectors.where, vectors.sentence[order])
    return name
