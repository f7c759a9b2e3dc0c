"""A score with everything that decides what it means, and a table that will not set two different things side by side.

Three different numbers are called FID, and what a CLIP score says depends on whose CLIP it was. A number here is never
alone: it carries the extractor with its hash, the resize rule, counts, split, size, truncation and seed.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from t2i_utils.metrics.intervals import Interval
from t2i_utils.whole import write_whole


@dataclass(frozen=True)
class Protocol:
    """What was measured, and how: two scores compare where all of this is the same.

    Attributes:
        metric: e.g. "FID".
        extractor: name of the network whose features were looked at; "" where there is none.
        extractor_hash: sha256 of its weights.
        resize: the rule by which pictures were brought to its size.
        data: sha256 of the data file's contents; "" where nothing real was looked at.
        split: of the real pictures and captions.
        size: of the painted pictures, in pixels.
        real: real pictures that were looked at.
        painted: painted pictures that were looked at.
        captions: different captions that they were painted for.
        truncation: where the noise was cut; None where it was not.
        seed: of the noises and of the choice of captions.
        choices: all else that the metric was told, e.g. "k 5" or "subsets 100 x 1,000".
        sound: False for a number that is only there to be compared with papers, e.g. FID of too few pictures.
    """

    metric: str
    extractor: str = ""
    extractor_hash: str = ""
    resize: str = ""
    data: str = ""
    split: str = ""
    size: int = 0
    real: int = 0
    painted: int = 0
    captions: int = 0
    truncation: float | None = None
    seed: int = 0
    choices: str = ""
    sound: bool = True

    @property
    def column(self) -> str:
        """The heading under which its scores stand: "FID (reader)"; one that is not sound says so."""
        name = f"{self.metric} ({self.extractor})" if self.extractor else self.metric
        return name if self.sound else f"{name}, fewer pictures than features"

    def __str__(self) -> str:
        what = {
            "extractor": f"{self.extractor} {self.extractor_hash[:12]}" if self.extractor else "",
            "resize": self.resize,
            "real": f"{self.real:,} ({self.split} of {self.data[:12]})" if self.real else "",
            "painted": f"{self.painted:,} of {self.size} px" if self.painted else "",
            "captions": f"{self.captions:,} ({self.split} of {self.data[:12]})" if self.captions else "",
            "truncation": "" if self.truncation is None else f"{self.truncation:g}",
            "seed": str(self.seed),
        }
        told = [f"{name} {value}" for name, value in what.items() if value] + ([self.choices] if self.choices else [])
        return f"{self.column}: {'; '.join(told)}"


@dataclass(frozen=True)
class Record:
    """One score of one painter.

    Attributes:
        painter: its name: the row of a table.
        checkpoint: sha256 of its weights, or of pictures that came as files; "" for real pictures and noise.
        protocol: what was measured.
        value: the score.
        low, high: its 95 % interval.
        count: independent values behind the interval: captions, pictures, subsets or blocks.
    """

    painter: str
    checkpoint: str
    protocol: Protocol
    value: float
    low: float
    high: float
    count: int

    @classmethod
    def of(cls, painter: str, checkpoint: str, protocol: Protocol, interval: Interval) -> Record:
        """A record of a mean and its interval."""
        return cls(painter, checkpoint, protocol, interval.mean, interval.low, interval.high, interval.count)


class MixedProtocolsError(ValueError):
    """Scores that do not compare were about to stand in one column."""


def columns(records: Sequence[Record]) -> dict[str, Protocol]:
    """By heading, the one protocol of all scores under it.

    Raises:
        MixedProtocolsError: where two scores of one heading were measured differently, naming every difference.
        ValueError: where one painter has two scores under one heading.
    """
    found: dict[str, Protocol] = {}
    seen: set[tuple[str, str, str]] = set()
    for record in records:
        heading = record.protocol.column
        known = found.setdefault(heading, record.protocol)
        if differences := differing(known, record.protocol):
            told = "; ".join(f"{name} is {one!r} here and {other!r} there" for name, one, other in differences)
            raise MixedProtocolsError(
                f"{heading} of {record.painter} does not compare with the others in its column: {told}; measure all "
                "of them alike, or make two tables"
            )
        place = (heading, record.painter, record.checkpoint)
        if place in seen:
            raise ValueError(f"{record.painter} has two scores called {heading}; keep one of them")
        seen.add(place)
    return found


def differing(one: Protocol, other: Protocol) -> list[tuple[str, Any, Any]]:
    """(field, value, other value) wherever two protocols differ."""
    pairs = ((field.name, getattr(one, field.name), getattr(other, field.name)) for field in fields(Protocol))
    return [(name, left, right) for name, left, right in pairs if left != right]


def table(records: Sequence[Record]) -> str:
    """Markdown: a row a painter, a column a metric, and below it every column's protocol.

    Raises:
        as `columns`.
    """
    found = columns(records)
    painters = list(dict.fromkeys((record.painter, record.checkpoint) for record in records))
    cells = {(record.painter, record.checkpoint, record.protocol.column): record for record in records}
    lines = [f"| painter | {' | '.join(found)} |", "|---|" + "---|" * len(found)]
    for painter, checkpoint in painters:
        row = [cells.get((painter, checkpoint, heading)) for heading in found]
        told = [f"{r.value:.4g} [{r.low:.4g}, {r.high:.4g}]" if r else "" for r in row]
        lines.append(f"| {painter} | {' | '.join(told)} |")
    return "\n".join([*lines, "", *(f"- {protocol}" for protocol in found.values()), ""])


def sheet(records: Sequence[Record]) -> str:
    """CSV: a line a record, every field of its protocol beside it."""
    text = io.StringIO()
    names = [field.name for field in fields(Record) if field.name != "protocol"]
    writer = csv.writer(text)
    writer.writerow([*names, *(field.name for field in fields(Protocol))])
    for record in records:
        writer.writerow([getattr(record, name) for name in names] + list(asdict(record.protocol).values()))
    return text.getvalue()


def write_records(path: Path, records: Sequence[Record]) -> None:
    """Write records as JSON, whole or not at all."""
    write_whole(path, json.dumps([asdict(record) for record in records], indent=1).encode())


def read_records(path: Path) -> list[Record]:
    """The records of a file that `write_records` wrote.

    Raises:
        ValueError: for a file that holds something else.
    """
    try:
        rows: list[Mapping[str, Any]] = json.loads(path.read_text())
        if not isinstance(rows, list):
            raise TypeError("not a list")
        return [Record(**{**row, "protocol": Protocol(**row["protocol"])}) for row in rows]
    except (TypeError, KeyError, AttributeError, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} holds no scores ({error}); write them with `evaluate ... --out`") from error
