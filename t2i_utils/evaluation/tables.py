"""Scores in as few tables as they compare in: nothing is lost because two of them were measured differently."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from t2i_utils.metrics.record import Protocol, Record, differing, table


def comparable(records: Sequence[Record]) -> list[list[Record]]:
    """Records in groups within which every heading has one protocol, in their order; one group where all compare."""
    groups: list[tuple[dict[str, Protocol], list[Record]]] = []
    for record in records:
        heading = record.protocol.column
        for known, members in groups:
            if known.setdefault(heading, record.protocol) == record.protocol:
                members.append(record)
                break
        else:
            groups.append(({heading: record.protocol}, [record]))
    return [members for _, members in groups]


def tell(records: Sequence[Record], notes: Iterable[str] = ()) -> str:
    """Markdown: a table of all that compares, further ones of what does not, and every note once."""
    first, *others = comparable(records)
    known = {record.protocol.column: record.protocol for record in first}
    lines = [table(first)]
    for group in others:
        apart: dict[str, None] = {}
        for record in group:
            if record.protocol.column in known:
                found = differing(known[record.protocol.column], record.protocol)
                apart |= dict.fromkeys(f"{name} {here!r}, not {there!r}" for name, there, here in found)
        lines += [f"These do not compare with those above ({'; '.join(apart)}):", "", table(group)]
    return "\n".join([*lines, *(f"- {note}" for note in dict.fromkeys(notes))]) + "\n"
