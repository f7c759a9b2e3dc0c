"""Pictures as training goes: the same captions and noises, on disk, and training does not notice."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from t2i_utils.data.build import build
from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import synthetic_flowers
from t2i_utils.gallery import open_painter
from t2i_utils.playground.grids import grid
from t2i_utils.playground.samples import LivePlot, SampleGrid, held_out_batch, some_captions
from t2i_utils.text.embedding import embed

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def run(trained_run, open_small_run, tmp_path):
    """The trained run in a folder of its own, to go on with."""
    return open_small_run(shutil.copytree(trained_run, tmp_path / "run"))


class Moment:
    """Only a step."""

    def __init__(self, step):
        self.step = step


def test_early_grids_double_and_later_ones_come_evenly(run):
    watcher, saved = SampleGrid(run, every=500), []
    watcher.save = saved.append
    for step in range(1, 1600):
        watcher(Moment(step), None, {})
    assert saved == [64, 128, 256, 500, 1000, 1500]


def test_a_grid_is_the_runs_own_painting(run):
    captions = ["a red flower", "six blue petals"]
    SampleGrid(run, captions, columns=3).save(7)
    path = run.folder / "samples" / "step_00000007.png"
    expected = open_painter(run.folder).paint([c for c in captions for _ in range(3)], seed=0)
    with Image.open(path) as opened:
        assert np.array_equal(np.asarray(opened.convert("RGB")), np.asarray(grid(expected, columns=3)))


def test_grids_show_how_the_same_captions_change(run):
    watcher = SampleGrid(run, columns=2)
    before = watcher.paint()
    assert before.shape == (2 * len(watcher.captions), 3, 32, 32)
    assert torch.equal(watcher.paint(), before)
    run.train(steps=5, progress=False)
    assert not torch.equal(watcher.paint(), before)


def test_training_does_not_notice_that_it_is_watched(run, trained_run, open_small_run, tmp_path):
    watched, alone = run, open_small_run(shutil.copytree(trained_run, tmp_path / "alone"))
    watched.train(steps=5, watchers=[SampleGrid(watched, columns=1, every=1)], progress=False)
    alone.train(steps=5, progress=False)
    assert len(list((watched.folder / "samples").iterdir())) == 2
    for module in ("generator", "discriminator"):
        ours, theirs = (getattr(r.recipe, module).state_dict() for r in (watched, alone))
        for name, tensor in ours.items():
            assert torch.equal(tensor, theirs[name]), name
    assert torch.equal(watched.average.module.project[0].weight, alone.average.module.project[0].weight)


def test_captions_are_of_held_out_classes_and_always_the_same(run):
    captions = some_captions(run)
    assert len(captions) == 6
    assert set(captions) <= set(read_split(run.loader.path, "test").captions)
    assert some_captions(run) == captions
    assert SampleGrid(run).captions == captions


def test_grey_pictures_are_painted_as_training_goes(open_small_run, grey_file, tmp_path):
    run = open_small_run(tmp_path / "run", data=grey_file)
    watcher = SampleGrid(run, columns=3)
    assert set(watcher.captions) <= set(read_split(grey_file, "test").captions)
    watcher.save(0)
    with Image.open(run.folder / "samples" / "step_00000000.png") as opened:
        pixels = np.asarray(opened.convert("RGB"))
    assert pixels.shape == (6 * 30 - 2, 3 * 30 - 2, 3)
    assert (pixels == pixels[:, :, :1]).all()


def test_where_no_class_is_held_out_training_captions_are_painted(open_small_run, small_encoder, tmp_path):
    source = synthetic_flowers(12, classes=("red round", "blue round"))
    data = build(source, tmp_path / "train.h5", 32, progress=False).path
    embed(data, small_encoder, "small")
    run = open_small_run(tmp_path / "run", data=data)
    assert set(some_captions(run)) <= set(read_split(data, "train").captions)


def test_a_live_plot_redraws_in_place(run, monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown = []

    class Place:
        def __init__(self):
            self.pictures = []
            shown.append(self)

        def update(self, picture):
            self.pictures.append(picture)

    monkeypatch.setattr(display, "display", lambda *_, **__: Place())
    plot = LivePlot(run, SampleGrid(run, ["a red flower"], columns=2), every=2)
    losses, scores, samples = shown
    assert [len(place.pictures) for place in shown] == [1, 1, 1]  # the history that was resumed, and what it paints now
    run.train(steps=6, watchers=[plot], progress=False)
    assert [len(place.pictures) for place in shown] == [3, 3, 3]  # after steps 4 and 6
    assert samples.pictures[-1].size == (2 * 64 + 2, 64)
    assert isinstance(losses.pictures[-1], Image.Image)
    assert isinstance(scores.pictures[-1], Image.Image)


@pytest.mark.parametrize(("held_out", "shown"), [(3, 3), (1, 9), (0, 8)])
def test_a_batch_of_held_out_pictures_is_of_all_where_no_two_are_held_out(held_out, shown, small_encoder, tmp_path):
    """A pair of right and swapped caption needs two pictures; ten photographs hold out one."""
    known = synthetic_flowers(200).examples
    few = [one for one in known if one.split == "train"][:8] + [one for one in known if one.split == "test"][:held_out]
    path = build(replace(synthetic_flowers(200), examples=few), tmp_path / "few.h5", 32, progress=False).path
    embed(path, small_encoder, "small")
    assert len(held_out_batch(path, "small")) == shown
    assert len(held_out_batch(path, "small", most=2)) == 2
