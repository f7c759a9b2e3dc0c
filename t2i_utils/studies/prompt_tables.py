"""The study of prompts in tables: what was asked, how well it was painted, and what differs from the plainest way."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence

from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.outcomes import Outcome, spelled
from t2i_utils.painter import Painter
from t2i_utils.studies.prompt_answers import Asked
from t2i_utils.text.packed import pieces


def words_of(captions: Sequence[str]) -> list[str]:
    """All words of captions in small letters, as often as they stand there; signs are none."""
    return [word for caption in captions for word in pieces(caption) if any(letter.isalnum() for letter in word)]


def what_was_asked(asked: Asked, training: Sequence[str], painters: Mapping[str, Painter]) -> str:
    """Markdown: a row a structure, with an example, and how many of its words say nothing to a painter.

    Args:
        asked: the questions.
        training: captions that painters of this data learn from.
        painters: by name. An encoder that cuts words into pieces ignores none, whether it ever learnt them or not.
    """
    known, first = set(words_of(training)), next(iter(asked.values())).captions
    rows = []
    for name, question in asked.items():
        words = words_of(question.captions)
        nothing = [set(words) - known, *(set(one.ignored(question.captions)) for one in painters.values())]
        shares = [f"{100 * sum(word in these for word in words) / len(words):.1f} %" for these in nothing]
        alike = sum(one == other for one, other in zip(question.captions, first, strict=True)) / len(first)
        counts = [f"{100 * alike:.0f} %", f"{len(words) / len(first):.1f}"]
        rows.append([name, question.captions[0], *counts, *shares])
    head = [
        "structure",
        "an example",
        "captions as in the first row",
        "words a caption",
        "words in no training caption",
    ]
    return _table([*head, *(f"words ignored by {name}" for name in painters)], rows)


def levels(painted: Sequence[Outcome], real: Sequence[Outcome], chance: Mapping[str, float]) -> str:
    """Markdown: a row a structure, a column a measure, of one painter; then real renderings and chance, if known."""
    painted, real = ([one for one in part if not one.beside] for part in (painted, real))
    measures = list(dict.fromkeys(one.measure for one in painted))
    rows = _rows(painted, measures, Outcome.level, "")
    if real:
        (row,) = _rows(real, measures, Outcome.level, "")
        rows.append([real[0].painter, *row[1:]])
        rows.append(["chance", *(f"{chance[key]:.3f}" if key in chance else "" for key in measures)])
    return _table(["", *map(spelled, measures)], rows)


def differences(painted: Sequence[Outcome]) -> str:
    """Markdown: the same, of differences from the plainest way."""
    compared = [one for one in painted if one.base and not one.beside]
    measures = list(dict.fromkeys(one.measure for one in compared))
    return _table(["", *map(spelled, measures)], _rows(compared, measures, Outcome.change, "+"))


def _rows(outcomes: Sequence[Outcome], measures: Sequence[str], of: Callable[[Outcome], Interval], sign: str):
    by_name = {(one.structure, one.measure): one for one in outcomes}
    return [
        [name, *(between(of(by_name[name, key]), sign) if (name, key) in by_name else "" for key in measures)]
        for name in dict.fromkeys(one.structure for one in outcomes)
    ]


def wrong(outcomes: Sequence[Outcome]) -> str:
    """Markdown: a row a painter and thing that nobody asked for."""
    rows = []
    for one in outcomes:
        shares = [between(one.level()), between(one.reference()), one.beside, between(one.change(), "+")]
        rows.append([one.measure, one.painter, *shares])
    return _table(["", "painter", "share of pictures", "beside", "which is", "difference"], rows)


def sheet(outcomes: Sequence[Outcome]) -> str:
    """CSV: a line an outcome; without a change where there is nothing to compare with."""
    text = io.StringIO()
    writer = csv.writer(text)
    head = ["painter", "structure", "measure", "mean", "low", "high", "change", "change_low", "change_high"]
    writer.writerow([*head, "captions", "compared_with"])
    for one in outcomes:
        level = one.level()
        told = [level.mean, level.low, level.high]
        if one.base:
            change = one.change()
            told += [change.mean, change.low, change.high]
        numbers = [f"{number:.6g}" for number in told] + [""] * (6 - len(told))
        beside = one.beside or ("the plainest" if one.base else "")
        writer.writerow([one.painter, one.structure, one.measure, *numbers, level.count, beside])
    return text.getvalue()


def between(one: Interval, sign: str = "") -> str:
    """A mean and its interval, with a sign where it is a difference."""
    return f"{one.mean:{sign}.3f} [{one.low:{sign}.3f}, {one.high:{sign}.3f}]"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"
