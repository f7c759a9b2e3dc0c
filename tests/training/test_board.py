"""What TensorBoard reads of a run: the very numbers of its histories, and nothing of steps that were lost."""

from io import BytesIO
from types import SimpleNamespace

import numpy
import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from t2i_utils.training.board import Board
from t2i_utils.training.watchers import History


def shown(folder):
    """By name, the (step, value) pairs that TensorBoard shows."""
    events = EventAccumulator(str(folder)).Reload()
    return {tag: [(e.step, e.value) for e in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


@pytest.fixture
def history():
    return History()


@pytest.fixture
def board(history, tmp_path):
    return Board(tmp_path / "board", {"": history, "val/": History()}, every=2)


def steps(history, first, last, worth=1.0):
    history.rows += [{"step": n, "generator/fool": torch.tensor(worth * n), "skipped": 0.0} for n in range(first, last)]


def test_every_second_step_is_shown_with_its_number(board, history):
    steps(history, 1, 7)
    board.write()
    steps(history, 7, 10)
    board.write()
    assert shown(board.folder) == {
        "generator/fool": [(2, 2.0), (4, 4.0), (6, 6.0), (8, 8.0)],
        "skipped": [(2, 0.0), (4, 0.0), (6, 0.0), (8, 0.0)],
    }


def test_what_was_measured_beside_a_checkpoint_is_shown_whatever_its_step(board):
    val = board.histories["val/"]
    val.note(0, {"score": -3.0})
    val.note(5, {"score": -1.5})
    board.write()
    assert shown(board.folder) == {"val/score": [(0, -3.0), (5, -1.5)]}


def test_steps_of_a_lost_session_are_hidden(board, history, tmp_path):
    steps(history, 1, 9)
    board.write()
    board.close()
    known = History()
    steps(known, 1, 5)  # the session went on from step 4
    again = Board(tmp_path / "board", {"": known}, every=2)
    again.begin(4)
    steps(known, 5, 9, worth=-1.0)
    again.write()
    again.close()
    assert shown(board.folder)["generator/fool"] == [(2, 2.0), (4, 4.0), (6, -6.0), (8, -8.0)]


def test_a_run_that_goes_on_after_it_was_closed_hides_nothing(board, history):
    steps(history, 1, 5)
    board.write()
    board.close()
    steps(history, 5, 9)
    board.write()
    assert [step for step, _ in shown(board.folder)["skipped"]] == [2, 4, 6, 8]


def test_nothing_is_written_before_its_time(history, tmp_path):
    time = [0.0]
    board = Board(tmp_path / "board", {"": history}, every=1, seconds=20, now=lambda: time[0])
    steps(history, 1, 3)
    board(None, None, {})
    assert not (tmp_path / "board").exists()
    time[0] = 21
    board(SimpleNamespace(step=2), None, {})
    assert [step for step, _ in shown(tmp_path / "board")["skipped"]] == [1, 2]


def test_a_picture_is_shown_as_it_was_painted(board):
    pixels = torch.randint(0, 256, (6, 5, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)).numpy()
    board.picture("samples", pixels, 3)
    board.close()
    events = EventAccumulator(str(board.folder), size_guidance={"images": 0}).Reload()
    (event,) = events.Images("samples")
    assert event.step == 3
    assert numpy.array_equal(numpy.asarray(Image.open(BytesIO(event.encoded_image_string))), pixels)
