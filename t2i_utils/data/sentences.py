"""The shapes of sentence in which captions of rendered flowers say what they say: words in, one sentence out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")

FLOWERS = ("flower", "flower", "flower", "bloom", "blossom")
CENTERS = ("center", "center", "middle", "core", "eye")
OPENINGS = (
    "",
    "",
    "",
    "",
    "a photo of ",
    "a picture of ",
    "this is ",
    "here is ",
    "a close-up of ",
    "you can see ",
    "there is ",
)


class Draw:
    """Random choices from one block of uniform numbers: ten times quicker than a call of numpy for each."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng, self._left = rng, []

    def uniform(self) -> float:
        """A number from 0 to 1, 1 left out."""
        if not self._left:
            self._left = self._rng.random(256).tolist()
        return self._left.pop()

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, each as likely."""
        return options[int(self.uniform() * len(options))]


def with_article(phrase: str) -> str:
    """The phrase after "a" or "an", as it is spoken: an orange flower, an 8-petaled one, a 12-petaled one."""
    return ("an " if phrase[0] in "aeio8" else "a ") + phrase


def place(background: str, kind: int) -> str:
    """A background as a place: the sky is behind a flower, leaves and soil may also lie under it."""
    if "sky" in background:
        return ("against ", "in front of ", "under ", "with nothing behind it but ")[kind] + background
    return ("in front of ", "on ", "surrounded by ", "with nothing behind it but ")[kind] + background


def sentence(draw: Draw, words: dict[str, str]) -> str:
    """One sentence that says all the words and nothing else, in a random one of the shapes below."""
    text = draw.pick(_SHAPES)(draw, dict(words))
    if draw.uniform() < 0.45:
        text = text[0].upper() + text[1:]
        text += "." if not text.endswith(".") else ""
    return text


def _petals(draw: Draw, words: dict[str, str]) -> str:
    """Petals with all that the words say of them, which they then no longer hold: "five round red petals"."""
    count = [words.pop("petal_count")] if "petal_count" in words else []
    looks = [words.pop(name) for name in ("petal_shape", "petal_color") if name in words]
    if len(looks) == 2 and draw.uniform() < 0.35:
        looks = draw.pick(([f"{looks[1]},", looks[0]], [f"{looks[0]},", looks[1]], [f"{looks[1]} and {looks[0]}"]))
    return " ".join([*count, *looks, "petals"])


def _middle(draw: Draw, words: dict[str, str]) -> str:
    return with_article(f"{words.pop('center_color')} {draw.pick(CENTERS)}")


def _head(draw: Draw, words: dict[str, str], more: float) -> str:
    """The flower after its colour and, by chance `more`, its number of petals and centre: "5-petaled red flower"."""
    front = []
    if "petal_count" in words and draw.uniform() < more:
        front.append(f"{words.pop('petal_count')}-petaled")
    if "center_color" in words and draw.uniform() < more / 2:
        front.append(f"{words.pop('center_color')}-centered")
    if "petal_color" in words and draw.uniform() < 0.75:
        front.append(words.pop("petal_color"))
    return " ".join([*front, draw.pick(FLOWERS)])


def _has_petals(words: Mapping[str, str]) -> bool:
    return any(name.startswith("petal_") for name in words)


def _with(draw: Draw, words: dict[str, str]) -> list[str]:
    """Petals and centre as things that a flower has, in either order; nothing for what is not said."""
    parts = [_petals(draw, words)] if _has_petals(words) else []
    if "center_color" in words:
        parts.append(_middle(draw, words))
    return parts[::-1] if draw.uniform() < 0.3 else parts


def _phrase(draw: Draw, words: dict[str, str]) -> str:
    """a photo of a red flower with five petals and a black center, on leaves"""
    opening = draw.pick(OPENINGS)
    text = with_article(_head(draw, words, more=0.4))
    parts = _with(draw, words)
    text += (draw.pick((" with ", " that has ")) + " and ".join(parts)) if parts else ""
    if "background" not in words:
        return opening + text
    where = place(words["background"], int(draw.uniform() * 4))
    if not opening and draw.uniform() < 0.3 and not where.startswith("with"):
        return f"{where}, {text}"
    return f"{opening}{text}{draw.pick((', ', ' ')) if not where.startswith('with') else ', '}{where}"


def _this_flower(draw: Draw, words: dict[str, str]) -> str:
    """this flower has round red petals and its center is black, with soil behind it"""
    if not _has_petals(words):
        return _phrase(draw, words)
    name = f"{draw.pick(('this', 'the'))} {draw.pick(FLOWERS)}"
    text = f"{name} {draw.pick(('has', 'shows', 'displays'))} {_petals(draw, words)}"
    if "center_color" in words:
        noun, colour = draw.pick(CENTERS), words["center_color"]
        text += draw.pick(
            (
                f" and its {noun} is {colour}",
                f" around {with_article(colour)} {noun}",
                f" and {with_article(colour)} {noun}",
            )
        )
    if "background" in words:
        text += draw.pick((f", with {words['background']} behind it", f"; the background is {words['background']}"))
    return text


def _clauses(draw: Draw, words: dict[str, str]) -> str:
    """the petals of this flower are red and pointed, the center is black and behind it is soil"""
    looks = [words[name] for name in ("petal_color", "petal_shape") if name in words]
    if not looks:
        return _this_flower(draw, words)
    count = words.get("petal_count", "")
    flower = f"{draw.pick(('this', 'the'))} {draw.pick(FLOWERS)}"
    subject = draw.pick((f"the {count} petals of {flower} are", f"{flower} has {count} petals that are"))
    clauses = [" ".join(subject.split()) + " " + " and ".join(looks if draw.uniform() < 0.5 else looks[::-1])]
    if "center_color" in words:
        clauses.append(f"the {draw.pick(CENTERS)} is {words['center_color']}")
    if "background" in words:
        clauses.append(draw.pick((f"behind it is {words['background']}", f"the background is {words['background']}")))
    return clauses[0] if len(clauses) == 1 else ", ".join(clauses[:-1]) + " and " + clauses[-1]


def _two_sentences(draw: Draw, words: dict[str, str]) -> str:
    """A red flower on soil. Its five petals are pointed. The center is black."""
    first = with_article(_head(draw, words, more=0.0))
    first += " " + place(words["background"], int(draw.uniform() * 3)) if "background" in words else ""
    later = []
    if "petal_shape" in words or "petal_color" in words:
        looks = [words[name] for name in ("petal_shape", "petal_color") if name in words]
        later.append(
            " ".join(
                ["Its", *([words["petal_count"]] if "petal_count" in words else []), "petals are", " and ".join(looks)]
            )
        )
    elif "petal_count" in words:
        later.append(f"It has {words['petal_count']} petals")
    if "center_color" in words:
        later.append(f"The {draw.pick(CENTERS)} is {words['center_color']}")
    return ". ".join([first[0].upper() + first[1:], *later]) + "."


def _keywords(draw: Draw, words: dict[str, str]) -> str:
    """red flower, five pointed petals, black center, soil"""
    parts = [_head(draw, words, more=0.2), *_with(draw, words)]
    parts = [part.removeprefix("an ").removeprefix("a ") for part in parts]
    if "background" in words:
        where = words["background"].removeprefix("the ")
        parts.append(draw.pick((where, f"{where} in the background", f"{where} behind")))
    return ", ".join(parts)


_SHAPES: tuple[Callable[[Draw, dict[str, str]], str], ...] = (
    _phrase,
    _phrase,
    _phrase,
    _this_flower,
    _this_flower,
    _clauses,
    _two_sentences,
    _keywords,
)
