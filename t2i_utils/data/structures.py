"""The same attributes of a flower said in different ways: a list, a short or a long text, turned, with more, denied.

What a caption says positively is the same in all of them, so that pictures differ by how it was said and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from t2i_utils.data.grammar import (
    SYNONYMS,
    caption_for,
    plain_head,
    plain_parts,
    plain_sentence,
    plainest_words,
)
from t2i_utils.data.sentences import place, with_article

# Things that no attribute describes; no word here is a word of any attribute's value, nor "the", which is one of sky's.
CAMERAS = (
    "taken with an old camera",
    "shot on film through a long lens",
    "snapped with somebody's phone",
    "photographed by a tired tourist",
)
OCCASIONS = (
    "on a quiet Sunday morning",
    "during our last holiday in Portugal",
    "while everybody was in a good mood",
    "a few minutes before our train left",
)
DENIALS = {
    "petal_color": "with no {} petals",
    "petal_shape": "with no {} petals",
    "petal_count": "not with {} petals",
    "center_color": "with no {} center",
    "background": "with no {} behind it",
}


@dataclass(frozen=True)
class Prompt:
    """A caption of a known structure.

    Attributes:
        text: the caption.
        states: the attributes whose value it gives.
        denied: attribute and index of a value that it says is not there; None where it denies nothing.
    """

    text: str
    states: frozenset[str]
    denied: tuple[str, int] | None = None


Structure = Callable[[Mapping[str, int], np.random.Generator], Prompt]


def short(attributes: Mapping[str, int], rng: np.random.Generator) -> Prompt:
    """The plainest sentence: a red flower with five round petals and a black center, in front of soil.

    Args:
        attributes: attribute name to the index of its value, as in `synthetic.ATTRIBUTES`; a part of them is enough.
        rng: what is left open is drawn from it; here nothing. As in all structures.

    Raises:
        ValueError: for no attributes or unknown ones. As in all structures.
    """
    return Prompt(caption_for(attributes), frozenset(attributes))


def word_list(attributes: Mapping[str, int], rng: np.random.Generator) -> Prompt:
    """red flower, five petals, round petals, black center, soil"""
    words = plainest_words(attributes)
    nouns = {"petal_color": " flower", "background": "", "center_color": " center"}
    order = ("petal_color", "petal_count", "petal_shape", "center_color", "background")
    said = [words[name].removeprefix("the ") + nouns.get(name, " petals") for name in order if name in words]
    return Prompt(", ".join(said), frozenset(attributes))


def long(attributes: Mapping[str, int], rng: np.random.Generator) -> Prompt:
    """This is a picture of a red flower. It has five petals, and they are round. Its center is black. ..."""
    words = plainest_words(attributes)
    said = [f"This is a picture of {plain_head(words)}"]
    if "petal_count" in words:
        shape = f", and they are {words['petal_shape']}" if "petal_shape" in words else ""
        said.append(f"It has {words['petal_count']} petals{shape}")
    elif "petal_shape" in words:
        said.append(f"Its petals are {words['petal_shape']}")
    if "center_color" in words:
        said.append(f"Its center is {words['center_color']}")
    if "background" in words:
        said.append(f"Behind the flower you can see {words['background']}")
    return Prompt(". ".join(said) + ".", frozenset(attributes))


def turned(attributes: Mapping[str, int], rng: np.random.Generator) -> Prompt:
    """in front of soil, with a black center and five round petals, a red flower"""
    words = plainest_words(attributes)
    where = [place(words["background"], 0)] if "background" in words else []
    parts = plain_parts(words)[::-1]
    told = ["with " + " and ".join(parts)] if parts else []
    return Prompt(", ".join([*where, *told, plain_head(words)]), frozenset(attributes))


def synonyms(attributes: Mapping[str, int], rng: np.random.Generator) -> Prompt:
    """The plainest sentence in other words: a crimson flower with 5 rounded petals and a coal-black center, ..."""
    plainest_words(attributes)
    others = {name: values[attributes[name]][1:] for name, values in SYNONYMS.items() if name in attributes}
    words = {name: choice[int(rng.integers(len(choice)))] for name, choice in others.items()}
    return Prompt(plain_sentence(words), frozenset(attributes))


def distractors(attributes: Mapping[str, int], rng: np.random.Generator) -> Prompt:
    """The plainest sentence with words about camera, time and mood: ..., shot on film on a quiet Sunday morning"""
    return Prompt(f"{caption_for(attributes)}, {aside(rng)}", frozenset(attributes))


def aside(rng: np.random.Generator) -> str:
    """Words about camera, time and mood that nothing in a picture depends on."""
    camera, occasion = (choice[int(rng.integers(len(choice)))] for choice in (CAMERAS, OCCASIONS))
    return f"{camera} {occasion}"


def negation(attributes: Mapping[str, int], rng: np.random.Generator) -> Prompt:
    """The plainest sentence, and another value is denied: ..., in front of soil, with no blue petals

    The denied value is one of the petals' colour, or where that is not stated of the first attribute in SYNONYMS.
    """
    text = caption_for(attributes)
    name = next(name for name in SYNONYMS if name in attributes)
    values = SYNONYMS[name]
    other = (attributes[name] + 1 + int(rng.integers(len(values) - 1))) % len(values)
    denial = DENIALS[name].format(values[other][0].removeprefix("the "))
    return Prompt(f"{text}, {denial}", frozenset(attributes), (name, other))


def binding(attributes: Mapping[str, int], rng: np.random.Generator) -> Prompt:
    """Two colours, each at its part: a flower with five round red petals and a black center, in front of soil.

    Raises:
        ValueError: also where one of the two colours is not given, or both are the same word.
    """
    words = plainest_words(attributes)
    two = [words.get(name) for name in ("petal_color", "center_color")]
    if None in two or two[0] == two[1]:
        raise ValueError(f"binding needs two different colours, of petals and of center; got {two[0]} and {two[1]}")
    petals = " ".join([words[name] for name in ("petal_count", "petal_shape", "petal_color") if name in words])
    text = f"a flower with {petals} petals and {with_article(words['center_color'])} center"
    where = f", {place(words['background'], 0)}" if "background" in words else ""
    return Prompt(text + where, frozenset(attributes))


PLAIN = "short"  # what all others are compared with
STRUCTURES: dict[str, Structure] = {
    PLAIN: short,
    "list": word_list,
    "long": long,
    "turned": turned,
    "synonyms": synonyms,
    "distractors": distractors,
    "negation": negation,
    "binding": binding,
}
