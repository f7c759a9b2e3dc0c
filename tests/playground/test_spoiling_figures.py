"""The table of spoilings in colours."""

import pytest
from matplotlib.colors import to_hex
from PIL import Image

from t2i_utils.metrics.claims import Change
from t2i_utils.metrics.intervals import Interval
from t2i_utils.playground import spoiling_figures as show

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_cell_a_change_in_the_colour_of_its_verdict(monkeypatch):
    figures, drawn = [], show.drawn
    monkeypatch.setattr(show, "drawn", lambda figure: (figures.append(figure), drawn(figure))[1])
    plain = Interval(1.0, 0.9, 1.1, 9)
    changes = [
        Change(metric, f"{metric} (x)", spoiling, "5 %", plain, Interval(end, end, end, 9))
        for metric in ("FID", "recall")
        for spoiling, end in (("blur", 2.0), ("modes dropped", 0.5), ("captions swapped", 1.0))
    ]
    assert isinstance(show.noticed(changes), Image.Image)
    (axis,) = figures[0].axes
    assert [text.get_text() for text in axis.texts] == ["+10", "-5.0", "0"] * 2
    verdicts = ["noticed", "wrong way", "quiet", "no claim", "noticed", "quiet"]
    assert [one.verdict for one in changes] == verdicts
    cells = axis.collections[: len(changes)]
    told = [to_hex(cell.get_facecolor()[0]) for cell in cells]
    assert told == [to_hex(show.COLOURS[verdict]) for verdict in verdicts]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["FID (x)", "recall (x)"]
    assert len(axis.get_xticklabels()) == 3
