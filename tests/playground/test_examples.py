"""Captions to begin with: the painter knows their words; and surprises, which are as random as who draws them."""

import random
import subprocess
import sys

import pytest

from t2i_utils.gallery import open_painter
from t2i_utils.playground.examples import EXAMPLES, LAST_SEED, surprise
from t2i_utils.playground.state import State


def test_the_painter_that_came_along_knows_every_word_of_the_examples():
    assert open_painter().ignored(EXAMPLES) == []
    assert len(set(EXAMPLES)) == len(EXAMPLES)


@pytest.mark.parametrize("caption", EXAMPLES)
def test_every_example_can_be_a_state(caption):
    assert State(caption).caption == caption


def test_a_surprise_is_another_example_and_a_seed_and_nothing_else():
    state = State(EXAMPLES[0], "blue", mix=30, seed=1000, count=3, truncation=0.7, other="digits")
    drawn = [surprise(state, random.Random(number)) for number in range(200)]
    assert {one.caption for one in drawn} == set(EXAMPLES[1:])
    assert len({one.seed for one in drawn}) > 100
    assert all(0 <= one.seed <= LAST_SEED for one in drawn)
    kept = ("second", "mix", "count", "truncation", "view", "tries", "painter", "other")
    assert all(getattr(one, name) == getattr(state, name) for one in drawn for name in kept)


def test_whoever_draws_alike_is_surprised_alike():
    state = State("red")
    assert surprise(state, random.Random(5)) == surprise(state, random.Random(5))
    assert len({surprise(state, random.Random(number)) for number in range(20)}) > 10


def test_examples_and_states_need_no_torch():
    """A page checks what was typed before anybody has opened a network."""
    ask = "import sys, t2i_utils.playground.examples; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", ask]).returncode == 0
