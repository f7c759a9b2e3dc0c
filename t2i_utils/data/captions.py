"""Captions as people left them on disk, repaired once, when they are stored."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import ftfy

from t2i_utils.data.source import Caption

# U+FFFD stands where somebody's decoder had lost a letter; U+FEFF is a byte order mark inside a text.
LOST = re.compile("[\ufffd\ufeff]")
# To spaces before ftfy, which would delete them and glue the words on their two sides; the ones from 0x80 on wait until
# after it, for they may be halves of a letter that was decoded wrongly.
CONTROL = re.compile("[\x00-\x1f\x7f]")
LATE_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


def repair(text: str) -> str:
    """One clean line: broken encodings mended, control characters and runs of white space to one space.

    What ftfy can tell from its context comes back (`donâ€™t` to `don't`); U+FFFD, for which nothing can be told, goes.
    Emoji and every other written character stay. The result may be empty.
    """
    text = LATE_CONTROL.sub(" ", ftfy.fix_text(CONTROL.sub(" ", text)))
    return " ".join(LOST.sub("", text).split())


def repair_all(captions: Iterable[Caption]) -> tuple[Caption, ...]:
    """The captions repaired, in their order, without those of which nothing is left; what each states is kept."""
    repaired = (replace(caption, text=repair(caption.text)) for caption in captions)
    return tuple(caption for caption in repaired if caption.text)
