"""Sentences that name a class, for telling classes apart without having learnt them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

# as Radford et al. asked CLIP about such sets; {} is the class's name
PROMPTS = {
    "synthetic_flowers": ("a flower with {} petals", "{} petals"),
    "oxford_flowers": ("a photo of a {}, a type of flower.", "a {} flower."),
    "cub_birds": ("a photo of a {}, a type of bird.",),
    "fashion_mnist": ("a photo of a {}, a piece of clothing.",),
}
USUAL = ("a photo of {}.", "a picture of {}.")


def class_sentences(dataset: str, class_names: Sequence[str], classes: Iterable[int]) -> dict[int, list[str]]:
    """Class to the sentences that name it.

    Args:
        dataset: of the file; sets that are not in PROMPTS are asked the usual way.
        class_names: of the whole file.
        classes: indices of them; -1, unknown, is left out.

    From: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021, section 3.1.4.
    """
    known = sorted({int(one) for one in classes if one >= 0})
    ways = PROMPTS.get(dataset, USUAL)
    return {one: [way.format(class_names[one].replace("_", " ").strip()) for way in ways] for one in known}
