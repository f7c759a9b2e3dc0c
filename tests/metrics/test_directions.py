"""Which way is better: of every metric, and in agreement with what each claims to notice."""

import pytest

from t2i_utils.metrics.directions import DIRECTIONS, LESS, MORE, NEITHER, ONE, direction, shortfall


def test_every_direction_is_one_of_four():
    assert set(DIRECTIONS.values()) == {MORE, LESS, ONE, NEITHER}


def test_the_number_of_scales_changes_no_direction():
    assert direction("MS-SSIM (3 of 5 scales) within captions") == DIRECTIONS["MS-SSIM within captions"]


def test_the_smaller_the_shortfall_the_better():
    assert shortfall("FID", 3.0) < shortfall("FID", 5.0)
    assert shortfall("recall", 0.9) < shortfall("recall", 0.2)
    assert shortfall("density", 1.0) < shortfall("density", 1.1) < shortfall("density", 0.8)
    assert shortfall("text sensitivity", 0.5) is None


def test_a_metric_that_nobody_wrote_down_is_refused():
    with pytest.raises(ValueError, match="which way 'beauty' is better; give it a line in DIRECTIONS"):
        direction("beauty")
