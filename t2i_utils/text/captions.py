"""Captions that people type, before any encoder sees them."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST = 2000


def check_captions(captions: Sequence[str]) -> list[str]:
    """The captions, if an encoder can make something of each.

    Raises:
        TypeError: for one string where a list is meant.
        ValueError: for no captions, or one that is empty, holds no word, holds NUL or is longer than LONGEST
            characters.
    """
    if isinstance(captions, str):
        raise TypeError(f"got the single string {captions[:40]!r}; give a list of captions, e.g. [caption]")
    if not captions:
        raise ValueError("got no captions; give at least one")
    for index, caption in enumerate(captions):
        where = f"caption {index} ({caption[:40]!r})"
        if not caption.strip():
            raise ValueError(f"{where} is empty; describe what to paint, e.g. 'a flower with red petals'")
        if "\0" in caption:
            raise ValueError(f"{where} holds a NUL character; remove it")
        if len(caption) > LONGEST:
            raise ValueError(
                f"{where} has {len(caption):,} characters; encoders read some dozens of words: use {LONGEST:,}"
            )
        if not any(character.isalnum() for character in caption):
            raise ValueError(
                f"{where} holds no word; an encoder knows letters and digits, e.g. 'a flower with red petals'"
            )
    return list(captions)
