"""Files of torch.save that were cut or altered anywhere: what was saved, or one error that says why."""

import pickle
import random

import pytest
import torch

from t2i_utils.tensor_files import read_tensors

SAVED = {"weight": torch.arange(64.0).view(8, 8), "step": 7, "names": ["a", "b"]}


@pytest.fixture
def path(tmp_path):
    torch.save(SAVED, tmp_path / "saved.pt")
    return tmp_path / "saved.pt"


def same(found) -> bool:
    return torch.equal(found["weight"], SAVED["weight"]) and (found["step"], found["names"]) == (7, ["a", "b"])


def test_what_was_saved_is_read(path):
    assert same(read_tensors(path))


def test_a_file_that_is_not_there_is_missed_by_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file .*gone\.pt"):
        read_tensors(tmp_path / "gone.pt")


def test_however_much_is_cut_off_it_is_refused(path):
    data = path.read_bytes()
    for length in range(0, len(data), 37):
        path.write_bytes(data[:length])
        with pytest.raises(ValueError, match=r"saved\.pt does not open as tensors alone"):
            read_tensors(path)


def test_an_altered_byte_never_alters_what_is_read(path):
    data, rng, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(300):
        altered = bytearray(data)
        altered[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        path.write_bytes(altered)
        try:
            assert same(read_tensors(path)), "a byte that nobody reads, or nothing"
        except ValueError as error:
            refused += "does not open as tensors alone" in str(error)
    assert refused > 100


class Code:
    def __reduce__(self):
        return print, ("this is run",)


def test_what_asks_for_code_is_refused_by_the_name_of_what_it_asked_for(path, capsys):
    path.write_bytes(pickle.dumps({"weight": Code()}, protocol=2))
    with pytest.raises(ValueError, match=r"it asks for \S*print\. Nothing in it was run"):
        read_tensors(path)
    assert capsys.readouterr().out == ""
