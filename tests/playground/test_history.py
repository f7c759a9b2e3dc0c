"""Where a playground can go back to: the newest first, and files that take no other's place."""

import os
import threading

import pytest

from t2i_utils.playground import history
from t2i_utils.playground.history import REMEMBERED, fetch, keep, remember, title
from t2i_utils.playground.render import render
from t2i_utils.playground.state import State

pytest_plugins = ["two_colours"]
A, B, C = (State(caption) for caption in "abc")


def test_the_newest_stands_first_and_the_oldest_goes():
    past = ()
    for seed in range(REMEMBERED + 5):
        past = remember(past, State("a", seed=seed))
    assert [state.seed for state in past] == list(range(REMEMBERED + 4, 4, -1))


def test_what_is_there_keeps_its_place():
    assert remember((A, B), B) == (A, B)
    assert remember((A, B), B, instead=True) == (A, B)


def test_a_state_may_take_the_newest_ones_place():
    assert remember((A, B), C, instead=True) == (C, B)
    assert remember((), C, instead=True) == (C,)


@pytest.mark.parametrize(
    ("state", "line"),
    [
        (State("a red flower"), "a red flower"),
        (State("red", seed=3, truncation=0.7), "red, seed 3, truncation 0.7"),
        (State("red\n\t flower", "blue", 30), "red flower, second blue, mix 30"),
        (State("x" * 60, other="digits"), "x" * 50 + "…, other digits"),
        (State("<b>"), "<b>"),
        (State(""), ""),
    ],
)
def test_a_state_is_told_in_one_line(state, line):
    assert title(state) == line


@pytest.mark.parametrize(
    ("caption", "name"),
    [
        ("A red flower!", "a_red_flower_seed_0.png"),
        ("../../etc/passwd red", "etc_passwd_red_seed_0.png"),
        ("red <script> | con: * ? \0 \\ ~", "red_script_con_seed_0.png"),
        ("\N{CHERRY BLOSSOM} \u202e", "picture_seed_0.png"),
        ("red " * 100, "red_" * 9 + "red_seed_0.png"),
        ("красный 红" * 40, None),
    ],
)
def test_a_file_is_named_by_words_of_its_caption_and_stays_in_its_folder(painter, tmp_path, caption, name):
    path = keep(tmp_path / "new" / "folder", render(State(caption, count=1), painter))
    assert path.parent == tmp_path / "new" / "folder"
    assert name in (None, path.name)
    assert fetch(str(path)) == State(caption, count=1)


def test_two_who_save_at_once_get_two_files(painter, tmp_path):
    shown = [render(State("red", count=count), painter) for count in range(1, 9)]
    threads = [threading.Thread(target=keep, args=(tmp_path, one)) for one in shown]
    for one in shown:
        assert one.png
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(fetch(str(path)).count for path in tmp_path.iterdir()) == list(range(1, 9))


def test_the_same_picture_is_saved_once(painter, tmp_path):
    shown = render(State("red", count=1), painter)
    assert keep(tmp_path, shown) == keep(tmp_path, shown)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_full_disk_leaves_no_half_picture(painter, tmp_path, monkeypatch):
    def full(handle):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        keep(tmp_path, render(State("red", count=1), painter))
    assert list(tmp_path.iterdir()) == []


def test_of_a_file_no_more_is_read_than_a_picture_can_have(tmp_path, monkeypatch):
    monkeypatch.setattr(history, "LARGEST", 99)
    monkeypatch.setattr("t2i_utils.playground.settings.LARGEST", 99)
    (tmp_path / "large.png").write_bytes(b"x" * 10**6)
    with pytest.raises(ValueError, match="the file has 100 bytes"):
        fetch(str(tmp_path / "large.png"))
