"""What people type: an encoder is asked only for sentences that it can make something of."""

import pytest

from t2i_utils.text.captions import LONGEST, check_captions


@pytest.mark.parametrize(
    "caption",
    [
        "a red flower \N{CHERRY BLOSSOM}",
        "a",
        "4 petals",
        "une fleur à pétales rouges",
        "赤い花",
        "  a red flower\n",
        "a" * LONGEST,
    ],
)
def test_what_holds_a_word_passes_unchanged(caption):
    assert check_captions(["a red flower", caption]) == ["a red flower", caption]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("", "empty"),
        (" \t\n", "empty"),
        ("a red\0flower", "NUL"),
        ("x" * 10_000, "10,000 characters"),
        ("x" * (LONGEST + 1), f"{LONGEST:,}"),
        ("\N{CHERRY BLOSSOM}\N{HIBISCUS}", "no word"),
        ("...", "no word"),
    ],
)
def test_the_others_are_named_by_place_and_told_the_way_out(caption, words):
    with pytest.raises(ValueError, match=words) as refused:
        check_captions(["a red flower", caption])
    assert "caption 1" in str(refused.value)
    assert len(str(refused.value)) < 250  # of 10,000 characters the first few are enough


def test_one_string_is_not_a_list_of_letters():
    with pytest.raises(TypeError, match=r"\[caption\]"):
        check_captions("a red flower")


def test_no_captions_are_an_error():
    with pytest.raises(ValueError, match="at least one"):
        check_captions([])
