"""Captions to begin with, and a state that nobody chose. Nothing is imported here that takes time."""

from __future__ import annotations

import random
from dataclasses import replace

from t2i_utils.playground.state import State

EXAMPLES = (
    "a red flower with five pointed petals in front of soil",
    "a blue flower with round petals under the sky",
    "a white flower with a brown center in front of green leaves",
    "a yellow flower with heart-shaped petals in front of soil",
    "a pink flower with twelve petals",
    "a purple flower with a yellow center",
    "an orange flower with four round petals in front of leaves",
    "a violet bloom with spiky petals and a black center",
    "a flower under the sky",
    "a flower",
)
LAST_SEED = 999  # of those that are offered: a number to remember; code and saved pictures may bring others


def surprise(state: State, rng: random.Random) -> State:
    """The same settings with another example as caption and a seed drawn from 0 to LAST_SEED.

    Args:
        state: what was set before; its caption is not chosen again.
        rng: whose next numbers decide.
    """
    others = [caption for caption in EXAMPLES if caption != state.caption]
    return replace(state, caption=rng.choice(others), seed=rng.randint(0, LAST_SEED))
