"""Captions and class lists as Reed et al. published them for birds and flowers.

    text_c10/CLASS/PICTURE.txt        captions, one a line, ten a picture
    {train,val,test}classes.txt       the classes of each split, one a line; no class is in two

From: Reed et al., Learning Deep Representations of Fine-Grained Visual Descriptions, 2016 (archives cvpr2016_cub and
cvpr2016_flowers).
"""

from __future__ import annotations

from pathlib import Path

from t2i_utils.data.missing import need
from t2i_utils.data.source import SPLITS, Caption


def read_splits(folder: Path, dataset: str, origin: str) -> dict[str, str]:
    """Class to split, from the three lists in a folder.

    Args:
        folder: holds trainclasses.txt, valclasses.txt and testclasses.txt.
        dataset, origin: for the message about one that is missing, as of `need`.

    Raises:
        FileNotFoundError: for a list that is missing.
        ValueError: for splits that share a class.
    """
    split_of: dict[str, str] = {}
    for split in SPLITS:
        path = need(folder / f"{split}classes.txt", dataset, origin)
        classes = read_lines(path)
        shared = sorted(split_of.keys() & set(classes))
        if shared:
            raise ValueError(
                f"{path} names {', '.join(shared)}, which {split_of[shared[0]]}classes.txt "
                f"names too; splits share no class"
            )
        split_of |= dict.fromkeys(classes, split)
    return split_of


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that hold something, without the white space around them.

    Raises:
        ValueError: for a file that is not UTF-8.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not a text file in UTF-8 ({error}); fetch it again") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def read_captions(path: Path) -> tuple[Caption, ...]:
    """One caption a line; none without the file, so that the builder leaves the picture out and says so."""
    if not path.is_file():
        return ()
    data = path.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", errors="replace")
    # Only \n ends a line: str.splitlines would cut a sentence at the odd control character in it.
    return tuple(Caption(line) for line in text.split("\n") if line.strip())


def difference(counts: tuple[int, int], full: tuple[int, int], dataset: str) -> list[str]:
    """A note for who believes that a part is the full set; none where it is.

    Args:
        counts, full: pictures of trainval and of test, here and in the full set.
        dataset: its name in sentences.
    """
    if counts == full:
        return []
    return [
        f"this is not the full set: {counts[0]:,} trainval and {counts[1]:,} test pictures, "
        f"where {dataset} has {full[0]:,} and {full[1]:,}"
    ]
