"""Every data set has a card that names its licence and its split, and the command that prints it."""

import re

import pytest

from t2i_utils.__main__ import main
from t2i_utils.data.cards import FOLDER, read_card
from t2i_utils.data.datasets import DATASETS

PARTS = ("Where it comes from", "Licence", "Split", "Layout on disk", "What was checked here", "What to mind")


@pytest.mark.parametrize("name", DATASETS)
def test_a_card_tells_everything_it_should(name):
    card = read_card(name)
    assert card.startswith(f"# {name}: ")
    for part in PARTS:
        (told,) = re.findall(rf"^\*\*{part}\.\*\* (.+)$", card, re.M)
        assert len(told) > 10
    assert max(map(len, card.splitlines())) <= 160


def test_there_is_no_card_of_anything_else():
    assert {path.stem for path in FOLDER.iterdir()} == set(DATASETS)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("cub_birds", ("8,855", "2,933")),
        ("oxford_flowers", ("7,034", "1,155")),
        ("coco_captions", ("82,783", "40,504")),
        ("fashion_mnist", ("60,000", "10,000")),
        ("synthetic_flowers", ("2,668", "570", "762")),
    ],
)
def test_counts_of_the_split_stand_in_it(name, counts):
    split = read_card(name).partition("**Split.**")[2].partition("**Layout")[0]
    for count in counts:
        assert count in split


def test_the_built_in_counts_are_right():
    from collections import Counter

    from t2i_utils.data.synthetic import synthetic_flowers

    counts = Counter(example.split for example in synthetic_flowers().examples)
    assert counts == {"train": 2668, "val": 570, "test": 762}


def test_the_command_lists_all_in_a_line_each_and_prints_one(capsys):
    assert main(["data"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(DATASETS)
    assert main(["data", "cub_birds"]) == 0
    assert capsys.readouterr().out == read_card("cub_birds")
    assert main(["data", "birds"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    assert "choose from: synthetic_flowers, " in said.err
