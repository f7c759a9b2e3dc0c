"""What a notebook shows: captions beside their rows, curves, sources."""

import numpy as np
import pytest
import torch

from t2i_utils.playground import grids
from t2i_utils.playground.figures import captioned_rows, curves, score_histogram, show_source
from t2i_utils.training.watchers import History


def test_captions_stand_beside_their_rows():
    red = torch.tensor([255, 0, 0], dtype=torch.uint8)[None, :, None, None].expand(2, 3, 8, 8)
    blue = red.flip(1)
    picture = captioned_rows({"a red flower": red, "a blue one, far longer " * 4: blue})
    pixels = np.asarray(picture.convert("RGB"))
    is_red, is_blue = ((pixels == color).all(axis=2).any(axis=1) for color in ((255, 0, 0), (0, 0, 255)))
    assert np.flatnonzero(is_red).max() < np.flatnonzero(is_blue).min()
    left = pixels[:, : pixels.shape[1] // 3]
    assert (left < 100).all(axis=2).any()  # ink of the captions


@pytest.mark.parametrize("caption", ["it cost $5, not $6", r"$\frac$", "50 % of_petals^2"])
def test_a_caption_is_text_and_never_a_formula(caption):
    assert captioned_rows({caption: torch.zeros(1, 3, 2, 3, dtype=torch.uint8)}).size[0] > 100


def history(**columns):
    kept = History()
    kept.rows = [{"step": step} for step in range(1, 41)]
    for name, values in columns.items():
        for row, value in zip(kept.rows, values, strict=True):
            row[name] = value
    return kept


def test_a_curve_is_drawn_for_each_column_that_has_numbers():
    kept = history(generator=torch.linspace(3, 1, 40), discriminator=torch.linspace(0, 1, 40))
    one = np.asarray(curves(kept, ["generator"]).convert("RGB"))
    both = np.asarray(curves(kept, ["generator", "discriminator"], "losses").convert("RGB"))
    assert not np.array_equal(one, both)
    for picture in (one, both):
        assert (picture.max(axis=2).astype(int) - picture.min(axis=2) > 100).any()  # a coloured line, not an empty axis
    assert np.array_equal(np.asarray(curves(kept, ["generator", "nobody"]).convert("RGB")), one)


def test_curves_take_a_history_shorter_than_their_window():
    kept = history(generator=torch.linspace(3, 1, 40))
    kept.rows = kept.rows[:2]
    assert curves(kept, ["generator"], smooth=25).size[0] > 100


def test_scores_of_any_shape_share_their_bins():
    rng = torch.Generator().manual_seed(0)
    scores = {
        "matching": torch.randn(64, generator=rng, requires_grad=True),
        "swapped": torch.randn(16, 1, 4, 4, generator=rng).bfloat16(),
    }
    assert score_histogram(scores).size[0] > 100


def test_the_source_that_is_shown_is_the_one_that_runs(monkeypatch):
    display = pytest.importorskip("IPython.display")
    shown = []
    monkeypatch.setattr(display, "display", shown.append)
    show_source(grids.grid)
    assert shown[0].data.startswith("def grid(images: Tensor")
    assert "canvas[top" in shown[0].data
