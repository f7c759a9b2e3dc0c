"""Captions as people left them on disk."""

import pytest

from t2i_utils.data.captions import repair, repair_all
from t2i_utils.data.source import Caption


@pytest.mark.parametrize(
    ("broken", "whole"),
    [
        ("a red flower", "a red flower"),
        ("  a\tred \r\n flower\r", "a red flower"),
        ("a\x00red\x07flower", "a red flower"),
        ("a red\ufffd flower\ufeff", "a red flower"),
        ("petals that donâ€™t curl", "petals that don't curl"),
        ("petals that don\u00e2\u0080\u0099t curl", "petals that don't curl"),
        ("red &amp; white", "red & white"),
        ("une fleur rouge à dix pétales 🌷", "une fleur rouge à dix pétales 🌷"),
        ("a \ud800red flower", "a red flower"),
        ("\ufffd \r\n\x00", ""),
        ("", ""),
    ],
)
def test_a_caption_becomes_one_clean_line(broken, whole):
    assert repair(broken) == whole
    assert repair(whole) == whole


def test_a_long_caption_stays_whole():
    assert repair("petal " * 2000) == " ".join(["petal"] * 2000)


def test_empty_captions_go_and_the_others_keep_what_they_state():
    states = frozenset({"color"})
    kept = repair_all([Caption("\ufffd", states), Caption("red\r", states), Caption("")])
    assert kept == (Caption("red", states),)
