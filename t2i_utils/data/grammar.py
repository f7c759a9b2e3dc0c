"""What can be said of a rendered flower: true sentences of many shapes, each with the attributes that it states."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from t2i_utils.data.sentences import Draw, place, sentence, with_article
from t2i_utils.data.source import Caption

# Every word for a value belongs to that value alone within its attribute, the plainest first; only "yellow" is a petal
# colour and a centre colour, and which of them is meant always shows from the noun beside it.
SYNONYMS: dict[str, tuple[tuple[str, ...], ...]] = {
    "petal_color": (
        ("red", "crimson", "scarlet"),
        ("orange", "tangerine", "bright orange"),
        ("yellow", "lemon yellow", "sunny yellow"),
        ("white", "snow-white", "pure white"),
        ("pink", "rosy pink", "candy pink"),
        ("purple", "violet", "deep purple"),
        ("blue", "cobalt blue", "royal blue"),
    ),
    "petal_shape": (
        ("round", "rounded"),
        ("pointed", "pointy", "spiky", "sharp"),
        ("heart-shaped", "heart shaped", "notched"),
    ),
    "petal_count": (("four", "4"), ("five", "5"), ("six", "6"), ("eight", "8"), ("twelve", "12")),
    "center_color": (
        ("yellow", "golden"),
        ("brown", "chestnut", "dark brown"),
        ("green", "lime green", "grassy green"),
        ("black", "jet-black", "coal-black"),
    ),
    "background": (
        ("leaves", "foliage", "greenery"),
        ("soil", "earth", "dirt", "bare ground"),
        ("the sky", "the open sky", "the bright sky"),
    ),
}
# How often a caption that is free to choose states each attribute; one caption of ten states all of them besides.
STATED = {"petal_color": 0.62, "petal_shape": 0.42, "petal_count": 0.40, "center_color": 0.42, "background": 0.44}


def write_captions(rng: np.random.Generator, attributes: Mapping[str, int], count: int = 10) -> tuple[Caption, ...]:
    """Write `count` different captions of a flower; one in every ten, at a random place, states all that is known.

    Args:
        rng: what the choices of words, order and attributes are drawn from.
        attributes: attribute name to the index of its value, as in `synthetic.ATTRIBUTES`; a part of them is enough.
        count: how many.

    Returns:
        Captions whose `states` names exactly the attributes that the text gives a value for.

    Raises:
        ValueError: for no attributes, unknown ones, or more captions than the grammar has to say.
    """
    _check(attributes)
    if count < 1:
        raise ValueError(f"at least one caption must be asked for, got count={count}")
    draw, known = Draw(rng), [name for name in SYNONYMS if name in attributes]
    full_at = {start + int(draw.uniform() * min(10, count - start)) for start in range(0, count, 10)}
    captions: dict[str, Caption] = {}
    for _ in range(100 * count):
        if len(captions) == count:
            break
        stated = known if len(captions) in full_at else [name for name in known if draw.uniform() < STATED[name]]
        if stated:
            text = sentence(draw, {name: draw.pick(SYNONYMS[name][attributes[name]]) for name in stated})
            captions.setdefault(text, Caption(text, frozenset(stated)))
    if len(captions) < count:
        said = f"of {dict(attributes)}, {len(captions)} different captions were found"
        raise ValueError(f"{count} captions were asked for, but {said}; ask for fewer")
    return tuple(captions.values())


def caption_for(attributes: Mapping[str, int]) -> str:
    """The plainest sentence that states all of `attributes` (name to index), e.g. to ask a painter for a picture.

    `caption_for({"petal_color": 0, "background": 2})` is "a red flower, against the sky"; raises ValueError as
    `write_captions` does.
    """
    return plain_sentence(plainest_words(attributes))


def plainest_words(attributes: Mapping[str, int]) -> dict[str, str]:
    """The plainest word for each of `attributes` (name to index); raises ValueError as `write_captions` does."""
    _check(attributes)
    return {name: SYNONYMS[name][index][0] for name, index in attributes.items()}


def plain_sentence(words: Mapping[str, str]) -> str:
    """The plainest sentence with these words (attribute name to word): a red flower with six petals, on soil."""
    parts = plain_parts(words)
    text = plain_head(words) + (" with " + " and ".join(parts) if parts else "")
    return f"{text}, {place(words['background'], 0)}" if "background" in words else text


def plain_head(words: Mapping[str, str]) -> str:
    """The flower itself with its colour: a red flower."""
    return with_article(f"{words['petal_color']} flower" if "petal_color" in words else "flower")


def plain_parts(words: Mapping[str, str]) -> list[str]:
    """Petals and centre as things that a flower has; nothing for what is not said."""
    petals = [words[name] for name in ("petal_count", "petal_shape") if name in words]
    parts = [" ".join([*petals, "petals"])] if petals else []
    return [*parts, with_article(f"{words['center_color']} center")] if "center_color" in words else parts


def _check(attributes: Mapping[str, int]) -> None:
    if not attributes:
        raise ValueError(
            "a caption needs at least one attribute to state, got none; give some of " + ", ".join(SYNONYMS)
        )
    for name, index in attributes.items():
        if name not in SYNONYMS:
            raise ValueError(f"captions know no attribute {name!r}; choose from {', '.join(SYNONYMS)}")
        if not 0 <= index < len(SYNONYMS[name]):
            known = ", ".join(f"{i} {words[0]}" for i, words in enumerate(SYNONYMS[name]))
            raise ValueError(f"{name} has no value number {index}; choose from {known}")
