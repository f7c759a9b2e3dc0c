"""Does the picture show what its caption says: a painter that listens is told from one that does not."""

import numpy as np
import pytest
import torch

from t2i_utils.data.grammar import caption_for
from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import ATTRIBUTES, TEST_CLASSES, draw_flower, render
from t2i_utils.metrics import attributes
from t2i_utils.metrics.attributes import (
    attribute_accuracy,
    held_out_captions,
    paint_each,
    real_renderings,
    score_painter,
    spelled_out,
)
from t2i_utils.metrics.reader import reading_accuracy

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

SURE = ("petal_color", "background")  # what two seconds of training teaches the reader


class Listening:
    """Renders a flower with what the caption states; everything else is drawn."""

    def __init__(self, path):
        pictures = read_split(path, "test")
        everything = ({name: int(v[i]) for name, v in pictures.attributes.items()} for i in range(len(pictures)))
        self.stated = {caption_for(known): known for known in everything}
        for row, caption in enumerate(pictures.captions):
            picture = pictures.caption_picture[row]
            self.stated[caption] = {
                name: int(pictures.attributes[name][picture])
                for column, name in enumerate(pictures.values)
                if pictures.states[row, column]
            }

    def paint(self, captions, seed=0):
        rng = np.random.default_rng(seed)
        pixels = [np.asarray(render(draw_flower(rng, self.fixed(caption)), 32)) for caption in captions]
        return torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2)

    def fixed(self, caption):
        return self.stated[caption]


class Deaf(Listening):
    """Renders any flower."""

    def fixed(self, caption):
        return {}


class OneForAll(Listening):
    """Listens, but paints one picture of a caption whatever the noise."""

    def paint(self, captions, seed=0):
        once = {caption: super(OneForAll, self).paint([caption], 7) for caption in dict.fromkeys(captions)}
        return torch.cat([once[caption] for caption in captions])


@pytest.fixture(scope="module")
def reports(reader, plain_file, on_one_thread):
    """What is said of each painter."""
    with on_one_thread():
        return {
            painter.__name__: score_painter(painter(plain_file), reader, plain_file, captions=60, noises=2, diverse=3)
            for painter in (Listening, Deaf, OneForAll)
        }


def test_only_captions_that_state_an_attribute_count():
    read = {"color": torch.tensor([[0, 0], [1, 0], [2, 2]]), "shape": torch.zeros(3, 2, dtype=torch.int64)}
    wanted = {"color": torch.tensor([0, 1, 0]), "shape": torch.tensor([0, 0, 0])}
    states = {"color": torch.tensor([True, True, False]), "shape": torch.tensor([False, False, False])}
    scores = attribute_accuracy(read, wanted, states)
    assert set(scores) == {"color"}
    assert scores["color"].mean == pytest.approx((1 + 0.5) / 2)
    assert scores["color"].count == 2  # captions, not pictures: noises of one caption are not independent


def test_a_painter_that_listens_scores_at_the_readers_ceiling(reports):
    report = reports["Listening"]
    for name in SURE:
        assert report.painted[name].mean == pytest.approx(report.ceiling[name].mean, abs=0.1)
        assert report.painted[name].mean > 0.85


def test_a_painter_that_does_not_scores_near_chance(reports):
    report = reports["Deaf"]
    for name in SURE:
        assert report.painted[name].mean == pytest.approx(report.chance[name], abs=0.17)
        assert report.painted[name].high < reports["Listening"].painted[name].low


def test_diversity_is_1_for_real_renderings_and_0_for_one_picture(reports):
    assert reports["Listening"].diversity.mean == pytest.approx(1, abs=0.2)
    assert reports["OneForAll"].diversity.mean == pytest.approx(0, abs=1e-6)
    for name in SURE:  # which accuracy does not see
        assert reports["OneForAll"].painted[name].mean > 0.85


def test_the_report_tells_counts_ceiling_and_chance(reports, reader, plain_file):
    report = reports["Listening"]
    pictures = read_split(plain_file, "test")
    assert report.chance == {name: 1 / len(values) for name, values in ATTRIBUTES.items()}
    assert report.ceiling == reading_accuracy(reader, pictures)
    told = str(report).splitlines()
    assert "60 captions of held-out classes x 2 noises at 32 px" in told[0]
    assert f" {len(pictures)} " in told[0]
    for name, score in report.painted.items():
        (line,) = [line for line in told if line.startswith(name)]
        for number in (f"n = {score.count}", f"{report.ceiling[name].mean:.3f}", f"{report.chance[name]:.3f}"):
            assert number in line
    assert told[-1].startswith("diversity")
    assert "n = 3" in told[-1]


def test_the_same_seed_gives_the_same_report(reports, reader, plain_file):
    again = score_painter(Deaf(plain_file), reader, plain_file, captions=60, noises=2, diverse=3)
    assert again == reports["Deaf"]


def test_captions_are_of_held_out_classes_and_known_by_seed(plain_file):
    pictures = read_split(plain_file, "test")
    assert {pictures.class_names[index] for index in pictures.classes} == set(TEST_CLASSES)
    chosen = held_out_captions(plain_file, 30)
    assert len(chosen.captions) == 30
    for index, caption in enumerate(chosen.captions):
        row = pictures.captions.index(caption)
        picture = pictures.caption_picture[row]
        for column, name in enumerate(pictures.values):
            assert chosen.states[name][index] == pictures.states[row, column]
            if chosen.states[name][index]:
                assert chosen.attributes[name][index] == pictures.attributes[name][picture]
    assert held_out_captions(plain_file, 30).captions == chosen.captions
    assert held_out_captions(plain_file, 30, seed=1).captions != chosen.captions
    assert len(held_out_captions(plain_file, 10**6).captions) == len(pictures.captions)


def test_diversity_is_asked_of_captions_that_leave_nothing_open(plain_file):
    pictures = read_split(plain_file, "test")
    chosen = spelled_out(plain_file, 8)
    assert len(chosen.captions) == 8
    held_out = {tuple(int(values[i]) for values in pictures.attributes.values()) for i in range(len(pictures))}
    for index, caption in enumerate(chosen.captions):
        known = {name: int(values[index]) for name, values in chosen.attributes.items()}
        assert caption == caption_for(known)
        assert tuple(known.values()) in held_out
        assert all(chosen.states[name][index] for name in ATTRIBUTES)
    assert spelled_out(plain_file, 8).captions == chosen.captions


def test_real_renderings_keep_what_is_stated_and_draw_the_rest(plain_file, monkeypatch):
    drawn = []

    def note(flower, size):
        drawn.append(flower)
        return render(flower, size)

    monkeypatch.setattr(attributes, "render", note)
    captions = held_out_captions(plain_file, 6)
    pixels = real_renderings(captions, 5, 32)
    assert pixels.shape == (6, 5, 3, 32, 32)
    assert pixels.dtype == torch.uint8
    values = {name: set() for name in ATTRIBUTES}
    for index, flower in enumerate(drawn):
        caption = index // 5
        assert np.array_equal(pixels[caption, index % 5].permute(1, 2, 0).numpy(), np.asarray(render(flower, 32)))
        for name, value in flower.attributes.items():
            if captions.states[name][caption]:
                assert value == captions.attributes[name][caption]
            else:
                values[name].add(value)
    assert all(len(values[name]) > 1 for name in ATTRIBUTES if not captions.states[name].all())


def test_pictures_of_a_caption_stand_together():
    class Counter:
        def paint(self, captions, seed):
            numbers = [int(caption) * 10 + place for place, caption in enumerate(captions)]
            return torch.tensor(numbers, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 4, 4)

    painted = paint_each(Counter(), ["1", "2"], 3, seed=0)
    assert painted.shape == (2, 3, 3, 4, 4)
    assert painted[:, :, 0, 0, 0].tolist() == [[10, 11, 12], [23, 24, 25]]
