"""Data sets by their names."""

import pickle

import pytest

from t2i_utils.data.addresses import REMOTE_SETS
from t2i_utils.data.datasets import DATASETS, read_dataset

ON_DISK = [name for name, dataset in DATASETS.items() if dataset.root]


def test_the_built_in_set_needs_no_root():
    assert len(read_dataset("synthetic_flowers", None, 30).examples) == 30


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=f"'roses'; choose from: {', '.join(DATASETS)}"):
        read_dataset("roses")


@pytest.mark.parametrize("name", ON_DISK)
def test_where_it_lies_must_be_said(name):
    """In words that fit both a notebook, where ROOT and DOWNLOAD are fields, and the command line."""
    with pytest.raises(ValueError, match=f"{name} is read from disk: say where it lies") as error:
        read_dataset(name)
    assert f"in a notebook ROOT, else --root {DATASETS[name].root}" in str(error.value)
    assert ("in a notebook DOWNLOAD, else `python -m t2i_utils download`" in str(error.value)) == (name in REMOTE_SETS)


@pytest.mark.parametrize("name", ON_DISK)
def test_an_empty_folder_is_no_data_set(name, tmp_path):
    with pytest.raises((FileNotFoundError, ValueError)) as error:
        read_dataset(name, tmp_path)
    assert str(tmp_path) in str(error.value)
    assert "\n" not in str(error.value)


class Wicked:
    """What would make a file if anybody unpickled it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("name", ON_DISK)
@pytest.mark.parametrize("file", ["filenames.pickle", "captions.pkl", "birds.h5"])
def test_a_pickle_is_never_opened(name, file, tmp_path):
    ran = tmp_path / "ran"
    (tmp_path / file).write_bytes(pickle.dumps(Wicked(ran)))
    with pytest.raises(ValueError, match=f"{file} is a pickle: a pickle runs whatever code"):
        read_dataset(name, tmp_path / file)
    assert not ran.exists()
    pickle.loads(pickle.dumps(Wicked(ran))).close()  # so that the test would see it
    assert ran.exists()
