"""A file that is right is used, any other is built: nobody waits twice, nobody trains on something else."""

import pytest

from t2i_utils.data import ready
from t2i_utils.data.ready import ready_file
from t2i_utils.data.verify import verify


@pytest.fixture
def ask(tmp_path, capsys):
    """Ask for built-in flowers; returns (path, what was printed)."""

    def ask(size=32, limit=21):
        path = ready_file("synthetic_flowers", size, tmp_path / "data", limit=limit)
        return path, capsys.readouterr().out

    return ask


def test_the_first_call_builds_and_the_second_only_verifies(ask):
    path, said = ask()
    assert (path.name, sum(verify(path).pictures.values())) == ("synthetic_flowers_32.h5", 21)
    assert "built (there was none)" in said
    before = path.stat().st_mtime_ns
    again, said = ask()
    assert (again, again.stat().st_mtime_ns) == (path, before)
    assert "verified, nothing to build" in said
    assert said.count("\n") == 1


def test_another_limit_is_another_file(ask):
    ask(limit=21)
    path, said = ask(limit=25)
    assert sum(verify(path).pictures.values()) == 25
    assert "it held 21 pictures, not the 25" in said
    assert ask(size=40)[0] != path, "another size lies beside it"


def test_a_file_under_a_wrong_name_is_not_believed(ask):
    small, _ = ask(size=32)
    large = small.with_name("synthetic_flowers_40.h5")
    small.rename(large)
    _, said = ask(size=40)
    assert "it held synthetic_flowers at 32 pixels" in said
    assert verify(large).image_size == 40


def test_a_damaged_file_is_kept_and_replaced(ask):
    path, _ = ask()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    _, said = ask()
    assert path.with_name("synthetic_flowers_32.h5.old").read_bytes() == whole[: len(whole) // 2]
    assert "built (" in said
    assert verify(path).fingerprint


def test_a_verified_file_needs_no_folder(tmp_path, monkeypatch, capsys):
    """On another machine the photographs need not lie beside the file that was made of them."""
    path = ready_file("synthetic_flowers", 32, tmp_path, limit=21)
    monkeypatch.setattr(ready, "DRAWN", ())
    monkeypatch.setattr(ready, "read_dataset", lambda *_: pytest.fail("nothing may be read"))
    assert ready_file("synthetic_flowers", 32, tmp_path) == path
    monkeypatch.undo()
    with pytest.raises(ValueError, match="--root"):
        ready_file("oxford_flowers", 32, tmp_path)


def test_an_unknown_name_is_told(tmp_path):
    with pytest.raises(ValueError, match="no data set is called 'roses'"):
        ready_file("roses", 32, tmp_path)
