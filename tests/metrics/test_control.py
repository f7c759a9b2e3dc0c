"""Shuffled vectors are the same vectors, and say nothing of their captions any more."""

import shutil

import numpy as np
import pytest

from t2i_utils.data.hdf5 import read_embeddings
from t2i_utils.data.verify import verify
from t2i_utils.metrics.control import shuffle_vectors

pytest_plugins = ["small_data"]


@pytest.fixture
def copy(embedded_file, tmp_path):
    return shutil.copy(embedded_file, tmp_path / "flowers.h5")


def test_the_same_vectors_in_another_order(copy):
    (name, _, _) = verify(copy).encoders[0]
    before = read_embeddings(copy, name).sentence
    after = read_embeddings(copy, shuffle_vectors(copy, name)).sentence
    assert (before != after).any(axis=1).mean() > 0.5
    np.testing.assert_array_equal(np.sort(before, axis=0), np.sort(after, axis=0))
    np.testing.assert_array_equal(read_embeddings(copy, name).sentence, before)


def test_they_are_written_once(copy):
    (encoder, _, _) = verify(copy).encoders[0]
    name = shuffle_vectors(copy, encoder)
    written = copy.stat().st_mtime_ns
    assert shuffle_vectors(copy, encoder) == name
    assert copy.stat().st_mtime_ns == written
    assert shuffle_vectors(copy, encoder, seed=1) != name
