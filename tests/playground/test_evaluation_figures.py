"""Figures of notebook 09: they show what they were given, and refuse what does not compare."""

import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from t2i_utils.metrics.record import MixedProtocolsError, Protocol, Record
from t2i_utils.playground import evaluation_figures as show

pytestmark = pytest.mark.usefixtures("one_thread")


def record(painter, metric="FID", value=1.0, half=0.1, extractor="reader"):
    return Record(painter, "", Protocol(metric, extractor, "e" * 64), value, value - half, value + half, 9)


@pytest.fixture
def drawing(monkeypatch):
    """The figures that were drawn, to be asked what is in them."""
    figures, drawn = [], show.drawn
    monkeypatch.setattr(show, "drawn", lambda figure: (figures.append(figure), drawn(figure))[1])
    return figures


RECORDS = [
    *(record(name, "FID", value) for name, value in (("a", 3.0), ("b", 2.0), ("real", 0.5), ("noise", 900.0))),
    *(record(name, "density", value) for name, value in (("a", 0.9), ("b", 0.6), ("real", 1.0), ("noise", 0.7))),
    record("a", "diversity", 0.8),
]


def test_a_panel_a_metric_with_painters_between_real_pictures_and_noise(drawing):
    assert isinstance(show.scores(RECORDS, "real", "noise", across=2), Image.Image)
    (figure,) = drawing
    assert isinstance(figure, Figure)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["FID (reader)\nless is better", "density (reader)\n1 is real", "diversity (reader)\n1 is real"]
    fid, density, diversity = figure.axes
    dots = [line.get_xdata()[0] for line in fid.lines if line.get_marker() == "o"]
    assert dots == [3.0, 2.0]
    assert [text.get_text() for text in fid.texts] == ["900 ▸"], "far away, it would squeeze all others together"
    assert fid.get_xlim()[1] < 5
    assert not density.texts
    assert [line.get_xdata()[0] for line in density.lines if line.get_linestyle() == ":"] == [0.7]
    assert sum(line.get_marker() == "o" for line in diversity.lines) == 1
    assert [label.get_text() for label in fid.get_yticklabels()] == ["a", "b"]


def test_scores_without_brackets_are_drawn_too(drawing):
    show.scores([record("a"), record("b", value=2.0)])
    assert [label.get_text() for label in drawing[0].axes[0].get_yticklabels()] == ["a", "b"]


def test_a_sheet_has_every_score_once_and_every_protocol():
    told = show.sheet(RECORDS)
    lines = told.splitlines()
    assert lines[0] == "|  | a | b | real | noise |"
    assert lines[2].startswith("| FID (reader), less is better | 3 [2.9, 3.1] | 2 [1.9, 2.1] | 0.5 [")
    assert lines[4].endswith("| 0.8 [0.7, 0.9] |  |  |  |")
    assert told.count("extractor reader eeeeeeeeeeee") == 3


@pytest.mark.parametrize("figure", [show.scores, show.sheet])
def test_scores_that_do_not_compare_are_not_shown_together(figure):
    other = Record("b", "", Protocol("FID", "reader", "f" * 64), 1, 1, 1, 1)
    with pytest.raises(MixedProtocolsError, match="extractor_hash"):
        figure([record("a"), other])


@pytest.mark.parametrize(("low", "high"), [(3.2, 3.4), (0.9, 40.0), (150.0, 151.0), (0.011, 0.013)])
def test_bias_is_drawn_between_round_numbers(drawing, low, high):
    show.by_count({"a": {200: high, 400: low}, "b": {200: high, 400: (low + high) / 2}}, "FID (reader)")
    (axis,) = drawing[0].axes
    assert [list(line.get_ydata()) for line in axis.lines] == [[high, low], [high, (low + high) / 2]]
    assert [label.get_text() for label in axis.get_xticklabels()] == ["200", "400"]
    assert len(axis.get_yticks()) >= 2
    assert axis.get_ylabel() == "FID (reader)"


def test_a_course_is_drawn_beside_real_pictures(drawing):
    told = {step: [record("run", "FID", 100 / step), record("run", "recall", step / 100)] for step in (10, 20)}
    show.by_step(told, ["FID", "recall"], [record("real", "FID", 0.5)])
    fid, recall = drawing[0].axes
    assert [axis.get_title() for axis in (fid, recall)] == [
        "FID (reader)\nless is better",
        "recall (reader)\nmore is better",
    ]
    assert list(fid.lines[0].get_xdata()) == [10, 20]
    assert list(fid.lines[0].get_ydata()) == [10, 5]
    assert list(fid.lines[1].get_ydata()) == [0.5, 0.5]
    assert len(recall.lines) == 1


def test_every_picture_has_its_words_below(drawing):
    pictures = torch.zeros(5, 3, 16, 16, dtype=torch.uint8)
    texts = [f"{number}: a flower of $ and % that is told of in more than one line" for number in range(5)]
    show.labelled(pictures, texts, columns=3)
    told = [axis.get_title().replace("\n", " ") for axis in drawing[0].axes]
    assert told == [*texts, ""]
