"""What a typed sentence states about a flower, read from its words; what is not certain is left out.

The grammar's own sentences are read exactly. People write others: a word that is not known ends what went before it, so
that a red vase beside flowers makes no red flower, and a value that is denied, or stands beside another one, is none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from t2i_utils.data.grammar import SYNONYMS
from t2i_utils.data.rewordings import SMALL_WORDS
from t2i_utils.data.sentences import CENTERS

TOKEN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+|[.,;:!?]")
# What a noun can have, by kind of noun. A flower is as red as its petals, but "five flowers" counts no petals.
PETALS, FLOWER, CENTER, ELSEWHERE, SAME = "petals", "flower", "center", "elsewhere", "same"
HAS = {
    PETALS: ("petal_color", "petal_shape", "petal_count"),
    FLOWER: ("petal_color",),
    CENTER: ("center_color",),
    ELSEWHERE: (),
}
COLOURS = ("petal_color", "center_color")
HYPHENED = ("petaled", "petalled", "centered", "centred")  # a yellow black-centered flower has no yellow center
NOUNS = {
    PETALS: ("petal", "petals", "petaled", "petalled"),
    FLOWER: ("flower", "flowers", "bloom", "blooms", "blossom", "blossoms"),
    CENTER: (*CENTERS, "centers", "centre", "centres", "heart", "centered", "centred"),
    ELSEWHERE: ("background", "backdrop", "behind"),
    SAME: ("one", "ones"),  # as the noun before: a red flower or a blue one
}
KINDS = {
    "be": ("is", "are", "was", "were", "look", "looks", ":"),
    "join": ("and", "or", ","),
    "stop": (".", ";", "!", "?"),
    # after these nobody can say what is left: "no blue petals", "more than five petals", "yellow rather than red"
    "deny": ("no", "not", "non", "none", "nor", "neither", "never", "nothing", "without", "than", "instead"),
    # these may stand between a value and its noun, and change nothing
    "beside": (
        *("s", "very", "quite", "all", "big", "large", "small", "little", "tiny", "long", "short", "wide", "soft"),
        *("pretty", "beautiful", "lovely", "delicate", "bright", "dark", "light", "pale", "deep", "colored"),
    ),
}
PHRASES = {("eye", "catching"): "beside", ("at", "least"): "deny", ("at", "most"): "deny"}
SKY_BLUE = ("sky", "blue")  # a colour, no background
Values = tuple[tuple[str, int], ...]  # attribute and index of all that a word may mean: "yellow" means two


@dataclass(frozen=True)
class Token:
    """One word, or two that mean one thing.

    Attributes:
        kind: "value", "noun", one of KINDS, "small", or "word" for all that is not known.
        word: the first of them in small letters.
        values: what it may mean; a background is a noun with a value.
        noun: its kind of noun.
    """

    kind: str
    word: str
    values: Values = ()
    noun: str = ""


def stated(caption: str) -> dict[str, int]:
    """What a sentence states about a flower.

    A value belongs to the noun that it stands before (yellow petals, a yellow center), or to the one of which it is
    said (its petals are yellow; center: yellow). An attribute is left out where it is not named, where a value of it is
    denied, where two different ones are given, and where its part is given a colour that it never has.

    Args:
        caption: anything; words in any case.

    Returns:
        Attribute name to the index of its value, as in `synthetic.ATTRIBUTES`; {} where nothing is known for certain.
    """
    tokens, reading = _tokens(caption), _Reading()
    for place, token in enumerate(tokens):
        reading.take(token, tokens[place + 1 : place + 4])
    reading.leave()
    found = {name: reading.found[name] for name in SYNONYMS if name in reading.found}
    return {name: index for name, values in found.items() for index in values if len(values) == 1 and index is not None}


@cache
def _meanings() -> dict[tuple[str, ...], Token]:
    """Every word and phrase that means something, as a tuple of words."""
    known = {(word,): Token("small", word) for word in SMALL_WORDS}
    known |= {(word,): Token(kind, word) for kind, words in KINDS.items() for word in words}
    known |= {(word,): Token("noun", word, noun=noun) for noun, words in NOUNS.items() for word in words}
    known |= {words: Token(kind, words[0]) for words, kind in PHRASES.items()}
    values: dict[tuple[str, ...], Values] = {}
    for name, choices in SYNONYMS.items():
        for text, index in ((text, index) for index, texts in enumerate(choices) for text in texts):
            words = tuple(text.removeprefix("the ").replace("-", " ").split())
            values[words] = (*values.get(words, ()), (name, index))
    values[SKY_BLUE] = values["blue",]
    for words, meant in values.items():
        place = meant[0][0] == "background"
        known[words] = Token("noun" if place else "value", words[0], meant, ELSEWHERE if place else "")
    return known


def _tokens(caption: str) -> list[Token]:
    words = TOKEN.findall(re.sub(r"n['\u2019]t\b", " not", caption.lower()))
    known, tokens, place = _meanings(), [], 0
    while place < len(words):
        pair = tuple(words[place : place + 2])
        found = pair if pair in known else pair[:1]
        tokens.append(known.get(found, Token("word", words[place])))
        place += len(found)
    return tokens


class _Reading:
    """What was found, and what the words to come may still belong to."""

    def __init__(self):
        self.found: dict[str, set[int | None]] = {}  # None: what was said gives no certain value
        self.waiting: list[tuple[Values, bool, int]] = []  # without a noun as yet; whether denied; its group
        self.group = 0  # grows with every "and" and comma
        self.subject = ""  # the kind of noun of which something may be said
        self.said_of = False  # whether it is being said: "the petals are ..."
        self.directly = False  # whether the first value that waits stands directly behind a noun: "center yellow"
        self.denied = self.after_of = False
        self.before = ""  # kind of the word before

    def take(self, token: Token, ahead: Sequence[Token]) -> None:
        """Read on by one token; `ahead` are a few of those that follow."""
        if token.kind == "beside":
            return
        if token.kind == "value":
            if not self.waiting:
                self.group, self.directly = 0, self.before == "noun"
            self.waiting.append((token.values, self.denied, self.group))
        elif token.kind == "join":
            self.group += 1
            # "no red or blue petals" denies both; "no blue petals and a black center" only one of them
            self.denied &= token.word == "or" or (token.word == "and" and not (ahead and ahead[0].kind == "small"))
        elif token.kind == "noun":
            self._noun(token, ahead)
        else:
            self._break(token, ahead)
        self.before = token.kind

    def leave(self, unknown: bool = False) -> None:
        """No noun follows what waits: it is said of the subject, or belongs to the noun directly before, or is lost.

        unknown: whether a word follows that is not known, and may be the noun.
        """
        for values, denied, group in self.waiting:
            if self.said_of or (self.directly and group == 0 and not unknown):
                self._give(values, self.subject, denied)
            elif denied:
                self._add(values, denied)
        self.waiting = []

    def _noun(self, token: Token, ahead: Sequence[Token]) -> None:
        noun = token.noun if token.noun != SAME else self.subject or ELSEWHERE
        if self.before == "join":  # petals are red, center black
            self.leave()
        hyphened, parts = token.word in HYPHENED, (PETALS, FLOWER, CENTER)
        if not hyphened and noun in parts and ahead and ahead[0].noun in parts:
            return  # a yellow flower center: what waits belongs to the last noun
        # of what is said of a subject only the last group can stand before this noun; before "-centered" the last value
        first = sum(group < self.group for _, _, group in self.waiting) if self.said_of else 0
        first = max(0, len(self.waiting) - 1) if hyphened else first
        own, self.waiting = self.waiting[first:], self.waiting[:first]
        denied = any(denied for _, denied, _ in own)
        for values, _, _ in own:
            self._give(values, noun, denied)
        if not hyphened:
            self.leave()
        self._add(token.values, self.denied)
        if not (self.after_of and self.subject):  # the petals of this flower are ...
            self.subject = noun
        self.said_of = self.after_of = False

    def _break(self, token: Token, ahead: Sequence[Token]) -> None:
        """A word that no value's noun can follow."""
        after = next((one for one in ahead if one.kind != "small"), None)
        if token.word in ("in", "at") and self.before == "value" and after is not None and after.noun == CENTER:
            for values, denied, group in self.waiting:  # yellow in the middle
                if group == self.group:
                    self._give(values, CENTER, denied)
            self.waiting = [one for one in self.waiting if one[2] != self.group]
        self.leave(unknown=token.kind == "word")
        self.said_of = bool(self.subject) if token.kind == "be" else self.said_of and token.kind == "deny"
        self.after_of = token.word == "of" or (self.after_of and token.kind == "small")
        if token.kind in ("word", "stop"):
            self.subject = ""
        ends = token.kind == "stop" or token.word == "but" or (token.word == "with" and self.before != "deny")
        self.denied = token.kind == "deny" or (self.denied and not ends)

    def _give(self, values: Values, noun: str, denied: bool) -> None:
        """Write down that this kind of noun has a value, or has it not."""
        fitting = tuple((name, index) for name, index in values if name in HAS[noun])
        if not (fitting or denied) and values[0][0] in COLOURS:  # green petals are nobody's: no colour is certain then
            fitting, denied = tuple((name, 0) for name in HAS[noun] if name in COLOURS), True
        self._add(fitting, denied)

    def _add(self, values: Values, denied: bool) -> None:
        for name, index in values:
            self.found.setdefault(name, set()).add(None if denied else index)
