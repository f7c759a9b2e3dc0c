"""A change is judged by what was claimed before, and by more than chance."""

import math

import pytest

from t2i_utils.metrics.claims import CLAIMS, SPOILINGS, Change
from t2i_utils.metrics.directions import LESS, MORE, direction
from t2i_utils.metrics.intervals import Interval


def change(metric="FID", spoiling="blur", before=1.0, after=1.0, halves=(0.3, 0.4), times=1):
    first, second = (
        Interval(mean, mean - half, mean + half, 9) for mean, half in zip((before, after), halves, strict=True)
    )
    return Change(metric, f"{metric} (x)", spoiling, "5 %", first, second, times)


def test_a_change_is_measured_in_half_widths_of_the_difference():
    assert change(after=3.0).size == pytest.approx(4)
    assert change(after=0.5).size == pytest.approx(-1)
    assert change(halves=(0, 0)).size == 0
    assert change(after=0.5, halves=(0, 0)).size == -math.inf
    assert [str(change(after=end)) for end in (1.0, 3.04, 0.5, 11.2)] == ["0", "+4.1", "-1.0", "+20"]


def test_every_claim_has_its_verdict():
    told = {
        ("FID", "blur"): "+",
        ("precision", "noise"): "-",
        ("FID", "captions swapped"): "0",
        ("recall", "blur"): ".",
    }
    verdicts = {
        "+": ["wrong way", "missed", "noticed"],
        "-": ["noticed", "missed", "wrong way"],
        "0": ["moved", "quiet", "moved"],
        ".": ["no claim"] * 3,
    }
    for (metric, spoiling), claim in told.items():
        found = [change(metric, spoiling, after=1 + moved) for moved in (-0.51, 0.49, 0.51)]
        assert [one.claim for one in found] == [claim] * 3
        assert [one.verdict for one in found] == verdicts[claim]


def test_a_few_pictures_scatter_more_where_nothing_is_claimed_of_their_number():
    quiet = change("precision", "modes dropped", after=1.05, halves=(0.01, 0.0), times=25)
    assert quiet.size == pytest.approx(0.05 / (0.01 * 26**0.5))  # even where all few are alike
    assert quiet.verdict == "quiet"
    noticed = change("coverage", "modes dropped", after=0.95, halves=(0.01, 0.0), times=25)
    assert noticed.size == pytest.approx(-5)


def test_what_nobody_wrote_down_is_refused():
    with pytest.raises(ValueError, match="'beauty' claims under 'blur'"):
        _ = change("beauty").verdict
    with pytest.raises(ValueError, match="under 'dust'"):
        _ = change(spoiling="dust").verdict


def test_claims_follow_from_what_a_metric_looks_at():
    captions = SPOILINGS.index("captions swapped")
    of_captions = ("right", "accuracy", "CLIP score", "R-precision", "sensitivity", "diversity", "within captions")
    for metric, claims in CLAIMS.items():
        assert len(claims) == len(SPOILINGS)
        assert set(claims) <= set("+-0.")
        assert (claims[captions] == "0") == (not any(word in metric for word in of_captions)), metric
    assert [
        metric for metric, claims in CLAIMS.items() if claims[SPOILINGS.index("copies of training pictures")] != "."
    ] == ["distance to training pictures"]


def test_a_spoiling_that_is_noticed_makes_it_worse():
    worse = {MORE: set("-0."), LESS: set("+0.")}
    assert all(set(claims) <= worse.get(direction(metric), set("+-0.")) for metric, claims in CLAIMS.items())
