"""Painters by name for a page: only the named ones, each opened once, whoever asks and however many at once."""

import threading
import time

import pytest

from t2i_utils.playground.render import render
from t2i_utils.playground.state import State
from t2i_utils.playground.studio import Studio, published_names
from t2i_utils.published import PUBLISHED, USUAL, WEIGHTS

pytest_plugins = ["two_colours"]


def test_it_shows_what_render_gives_for_the_painters_that_the_state_names(studio):
    state = State("red", count=2, painter="digits", other=USUAL)
    shown = studio.show(state)
    assert shown.png == render(state, studio.painter("digits"), studio.painter(USUAL)).png
    assert shown.labels == ("digits", "", USUAL, "")


def test_a_painter_may_stand_beside_itself(studio, opened):
    assert studio.show(State("red", other=USUAL)).labels[0] == USUAL
    assert opened == [USUAL]


@pytest.mark.parametrize("name", ["birds", "", "../flowers", "/etc/passwd", "flowers/", "Flowers", "x" * 500])
def test_nobody_else_is_opened(studio, opened, name):
    for ask in (lambda: studio.painter(name), lambda: studio.chooser(name)):
        with pytest.raises(ValueError, match=rf"painter is '.{{0,40}}'; here are {USUAL}, digits$"):
            ask()
    with pytest.raises(ValueError, match=f"here are {USUAL}, digits"):
        studio.show(State("red", painter=name))
    assert opened == []


def test_a_painter_is_opened_when_it_is_first_asked_for_and_kept(studio, opened):
    assert opened == []
    for _ in range(3):
        studio.show(State("red"))
    assert opened == [USUAL]
    studio.show(State("red", other="digits"))
    assert opened == [USUAL, "digits"]


def test_many_who_ask_at_once_get_the_same_painter(monkeypatch, make_painter):
    opened, got = [], []

    def slowly(name, device):
        opened.append(name)
        time.sleep(0.05)
        return make_painter(name)

    monkeypatch.setattr("t2i_utils.playground.studio.open_painter", slowly)
    studio = Studio([USUAL, "digits"])

    def ask(number):
        got.append(studio.painter(studio.names[number % 2]))

    askers = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert sorted(opened) == ["digits", USUAL]
    assert len({id(painter) for painter in got}) == 2
    assert len(got) == 20


def test_a_painter_that_cannot_be_opened_is_tried_again(monkeypatch, painter):
    answers = [FileNotFoundError("no painter is called so"), painter]

    def open_painter(name, device):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr("t2i_utils.playground.studio.open_painter", open_painter)
    studio = Studio([USUAL])
    with pytest.raises(FileNotFoundError, match="no painter is called so"):
        studio.show(State("red"))
    assert studio.show(State("red", count=1)).pictures


def test_somebody_who_chooses_is_asked_for_tries_alone_and_once(opened, likes_green):
    asked = []

    def choose(painter):
        asked.append(painter.name)
        return likes_green

    studio = Studio([USUAL, "digits"], choose=choose)
    studio.show(State("red"))
    assert asked == []
    for seed in range(3):
        shown = studio.show(State("red", seed=seed, tries=4))
    assert asked == [USUAL]
    assert shown.note == "each the best of 4 in the eyes of somebody who likes green"
    studio.show(State("red", tries=2, painter="digits", other=USUAL))
    assert asked == [USUAL, "digits"]


def test_the_device_is_passed_on(monkeypatch, painter):
    devices = []

    def open_painter(name, device):
        devices.append(device)
        return painter

    monkeypatch.setattr("t2i_utils.playground.studio.open_painter", open_painter)
    Studio([USUAL], device="meta").painter(USUAL)
    assert devices == ["meta"]


def test_the_painters_of_the_package_are_there_without_a_word():
    names = published_names()
    assert names[0] == USUAL
    assert all((WEIGHTS / name).is_dir() for name in names)
    assert Studio().names == names
    assert "birds" in PUBLISHED, "not trained yet ..."
    assert "birds" not in names, "... so nobody can choose it"


def test_a_folder_is_a_name_too(tmp_path):
    """The packed weights under another name, through the real door."""
    (tmp_path / "mine").symlink_to(WEIGHTS / USUAL)
    place = str(tmp_path / "mine")
    shown = Studio([place]).show(State("a red flower", count=2, painter=place))
    assert [tuple(picture.shape) for picture in shown.pictures] == [(3, 64, 64)] * 2
