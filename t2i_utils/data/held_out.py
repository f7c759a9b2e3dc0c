"""Which part of a data set is kept from training, where nobody has said."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping


def hold_out(sizes: Mapping[str, int]) -> dict[str, str]:
    """A split for each class, or for each picture: about a tenth each for val and test, never more than two in ten.

    The choice depends on names and sizes alone: the same set is split the same way on any machine. Below five
    pictures nothing is held out, below ten only one for test.

    Args:
        sizes: name of what stays together to the number of its pictures; 1 where each picture stands for itself.

    Returns:
        Name to "train", "val" or "test".
    """
    pictures, tenth = sum(sizes.values()), len(sizes) // 10
    split_of = dict.fromkeys(sizes, "train")
    shuffled = sorted(sizes, key=lambda name: hashlib.sha256(name.encode()).digest())
    rooms = {"test": (max(1, tenth), pictures // 5 - pictures // 10), "val": (tenth, pictures // 10)}
    for split, (count, room) in rooms.items():
        for name in shuffled:
            if count and sizes[name] <= room and split_of[name] == "train":
                split_of[name] = split
                count, room = count - 1, room - sizes[name]
    return split_of
