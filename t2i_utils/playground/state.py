"""What a playground is set to, as one frozen record.

Nothing is imported here that takes time: a page can check what was typed before anybody has opened a network.
"""

from __future__ import annotations

import reprlib
from dataclasses import asdict, dataclass
from typing import Any

from t2i_utils.published import USUAL

MOST, MOST_TRIES = 16, 8  # pictures; candidates for each of them
LETTERS = 500  # of a caption: encoders read some dozens of words
SEEDS = 2**53  # a browser's numbers are exact below
PLAIN = "pictures"
VIEWS = {  # what can be painted, and how a person chooses it
    PLAIN: "pictures",
    "captions": "from caption to caption",
    "noises": "from noise to noise",
    "words": "what the words do",
}


@dataclass(frozen=True)
class State:
    """Everything that a picture of the playground depends on: with the painters' weights it is the picture.

    Attributes:
        caption: what to paint.
        second: another caption to mix in; "" for none.
        mix: how much of the second caption, percent, 0 to 100.
        seed: of the noise, 0 to SEEDS - 1: the same seed keeps place, turn and light while the words change.
        count: pictures, 1 to MOST.
        truncation: where the noise is cut, 0.05 to 10: the smaller, the surer and the more alike; None leaves it whole.
        view: `pictures` with a noise each; a strip from one caption to the other (`captions`) or from one noise to
            another (`noises`); or what the `words` do, each left out once.
        tries: candidates of which the best is shown, 1 to MOST_TRIES.
        painter: the name of who paints.
        other: the name of who paints the same beside; "" for nobody.

    Raises:
        ValueError: for a value of another type or outside its range, naming both and what to use.
    """

    caption: str
    second: str = ""
    mix: int = 0
    seed: int = 0
    count: int = 8
    truncation: float | None = None
    view: str = PLAIN
    tries: int = 1
    painter: str = USUAL
    other: str = ""

    def __post_init__(self):
        for name in ("caption", "second", "view", "painter", "other"):
            _check_text(name, getattr(self, name))
        for name, least, most in (
            ("mix", 0, 100),
            ("seed", 0, SEEDS - 1),
            ("count", 1, MOST),
            ("tries", 1, MOST_TRIES),
        ):
            _check_number(name, getattr(self, name), least, most)
        if self.truncation is not None:
            _check_truncation(self.truncation)
        if self.view not in VIEWS:
            raise ValueError(f"view is {_shown(self.view)}; use one of {', '.join(VIEWS)}")
        if self.view == "captions" and not self.mixes:
            raise ValueError("second is empty; a strip between captions goes from one to another: write a second one")
        if self.tries > 1 and (self.mixes or self.view != PLAIN):
            raise ValueError(
                f"tries is {self.tries}, but nobody can say which picture shows a mixture best; "
                "use 1, or one caption and plain pictures"
            )

    @property
    def mixes(self) -> bool:
        """Whether there is a second caption."""
        return bool(self.second.strip())

    @property
    def said(self) -> list[str]:
        """The one or two captions."""
        return [self.caption, self.second] if self.mixes else [self.caption]


def as_numbers(state: State) -> dict[str, Any]:
    """A state as JSON holds it; `from_numbers` reads it."""
    return asdict(state)


def from_numbers(told: Any) -> State:
    """A state from what JSON held, whoever wrote it.

    Raises:
        ValueError: for something else than a state's fields, naming what is wrong.
    """
    known = list(State.__dataclass_fields__)
    if not isinstance(told, dict):
        raise ValueError(f"settings are {_shown(told)}; give fields and values: {', '.join(known)}")
    if strange := [_shown(name) for name in told if name not in known]:
        raise ValueError(f"settings name {', '.join(strange[:3])}; there are only {', '.join(known)}")
    if "caption" not in told:
        raise ValueError("settings have no caption; say what to paint")
    return State(**told)


def _check_text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name} is {_shown(value)}, a {type(value).__name__}; use text")
    if len(value) > LETTERS:
        raise ValueError(f"{name} has {len(value):,} characters; use at most {LETTERS}")
    if any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ValueError(f"{name} holds half a character (a lone surrogate); type it anew")


def _check_number(name: str, value: Any, least: int, most: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ValueError(f"{name} is {_shown(value)}; use a whole number from {least} to {most:,}")


def _check_truncation(value: Any) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0.05 <= value <= 10:  # nothing compares with NaN
        raise ValueError(f"truncation is {_shown(value)}; use a number from 0.05 to 10, or none")


def _shown(value: Any) -> str:
    """The beginning of a value, however large it is: the message must not fail over what it complains of."""
    if isinstance(value, int) and abs(value) >= 10**40:
        return "an enormous number"
    return reprlib.repr(value)
