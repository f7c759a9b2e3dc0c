"""Sentences to the pieces of words that a BERT knows.

From: Devlin et al., BERT, 2019 (arXiv:1810.04805), and Wu et al., 2016, section 4.1 (arXiv:1609.08144), whose pieces
these are. Written after the rules; the tests compare with the tokenizer that everyone uses.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

PAD, UNKNOWN, START, END, MASK = "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"
SPECIAL = re.compile("(" + "|".join(map(re.escape, (PAD, UNKNOWN, START, END, MASK))) + ")")
LONGEST_WORD = 100
# Not "Cn", unassigned: this year's emoji are so in last year's Python, and unknown words in every vocabulary.
HIDDEN = {"Cc", "Cf", "Co", "Cs"}
# Chinese characters: each is a word of its own. Letters of Japanese kana and Korean are not among them.
IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


class WordPiece:
    """An uncased BERT's tokenizer.

    Args:
        pieces: every piece it knows, in the order of the rows of the model's table; `##ing` goes on with a word.

    Raises:
        ValueError: where one of the special pieces is missing.
    """

    def __init__(self, pieces: Sequence[str]):
        self.rows = {piece: row for row, piece in enumerate(pieces)}
        missing = [piece for piece in (PAD, UNKNOWN, START, END) if piece not in self.rows]
        if missing:
            raise ValueError(f"the vocabulary of {len(pieces)} pieces lacks {', '.join(missing)}; is it a BERT's?")

    def ids(self, sentence: str, longest: int) -> list[int]:
        """The rows of a sentence's pieces between START and END; what goes beyond `longest` rows in all is cut."""
        rows = [self.rows[piece] for piece in self.pieces(sentence)]
        return [self.rows[START], *rows[: longest - 2], self.rows[END]]

    def pieces(self, sentence: str) -> list[str]:
        """A sentence's pieces, each one of the vocabulary's: `['tu', '##lip', '##s']`."""
        found: list[str] = []
        for part in SPECIAL.split(sentence):
            if part in self.rows and SPECIAL.fullmatch(part):  # somebody typed it, and means it
                found.append(part)
            else:
                for word in words(part):
                    found += self.cut(word)
        return found

    def cut(self, word: str) -> list[str]:
        """A word's pieces, the longest first; one unknown where the vocabulary cannot spell all of it."""
        if len(word) > LONGEST_WORD:
            return [UNKNOWN]
        found, start = [], 0
        while start < len(word):
            begun = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if begun + word[start:end] in self.rows), None)
            if end is None:
                return [UNKNOWN]
            found.append(begun + word[start:end])
            start = end
        return found


def read_wordpiece(path: Path) -> WordPiece:
    """Open a BERT's vocab.txt: one piece a line, its row the line's number.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: for a file that is no BERT's vocabulary.
    """
    return WordPiece(Path(path).read_text(encoding="utf-8").removesuffix("\n").split("\n"))


def words(sentence: str) -> list[str]:
    """A sentence's words in small letters without accents; every sign and every Chinese character by itself."""
    return "".join(_spaced(_plain(sentence))).split()


def _plain(sentence: str) -> str:
    """Without control characters and accents, in small letters."""
    kept = "".join(" " if letter.isspace() else letter for letter in sentence if not _is_control(letter))
    apart = unicodedata.normalize("NFD", "".join(_ideographs_apart(kept)))
    # letter by letter: a whole word's lower() would end Greek words in another sigma than the vocabulary has
    return "".join(letter.lower() for letter in apart if unicodedata.category(letter) != "Mn")


def _spaced(sentence: str) -> Iterator[str]:
    """With spaces around every sign."""
    return (f" {letter} " if _is_sign(letter) else letter for letter in sentence)


def _ideographs_apart(sentence: str) -> Iterator[str]:
    """With spaces around every Chinese character."""
    return (f" {c} " if any(first <= ord(c) <= last for first, last in IDEOGRAPHS) else c for c in sentence)


def _is_control(letter: str) -> bool:
    """Nothing that is seen: controls, format marks, private characters, and what stands for a broken one."""
    return letter not in "\t\n\r" and (unicodedata.category(letter) in HIDDEN or letter == "\N{REPLACEMENT CHARACTER}")


def _is_sign(letter: str) -> bool:
    """Unicode's punctuation, and all that ASCII has beside letters and digits, such as $ ^ and `."""
    ascii_sign = letter.isascii() and letter.isprintable() and not letter.isalnum() and letter != " "
    return ascii_sign or unicodedata.category(letter)[0] == "P"
