"""What each metric misses: real pictures are spoilt on purpose, in one way at a time, and every metric is asked again.

    python -m t2i_utils study spoiling --data FILE.h5 --out runs/spoiling
    python -m t2i_utils study spoiling --data FILE.h5 --out runs/spoiling --features inception --judge MODEL/TAG

The real pictures of a split are cut in two by chance. One half is scored against the other, first as it is, then
blurred, with noise, with its colours turned, with a few pictures in place of all, with the captions of other pictures,
and with training pictures in place of new ones. A cell is the change from the unspoilt score over its own 95 % half
width. What each metric claims to notice is written down beforehand, in `metrics.claims`, and printed below the table.

Diversity, MS-SSIM within captions and text sensitivity need several pictures of a caption: on the built-in flowers
renderings of the same captions stand in for them. Of other data nobody has any, and these rows are left out.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Sequence
from pathlib import Path

from t2i_utils.colab import choose_device
from t2i_utils.data.pixels import StoredPixels
from t2i_utils.data.split import PARTS, read_contents
from t2i_utils.evaluation.plan import Plan
from t2i_utils.evaluation.reference import Reference, look_at_real
from t2i_utils.evaluation.scores import evaluate
from t2i_utils.evaluation.sources import RealPictures
from t2i_utils.metrics.claims import CLAIMS, MISSED, MOVED, NOTICED, QUIET, SPOILINGS, WRONG_WAY, Change
from t2i_utils.metrics.extractors import open_extractor
from t2i_utils.metrics.intervals import Interval
from t2i_utils.metrics.judge import open_judge
from t2i_utils.metrics.record import Record
from t2i_utils.playground.grids import save_png
from t2i_utils.playground.spoiling_figures import noticed
from t2i_utils.studies.spoiling_stand_ins import StandIns
from t2i_utils.studies.spoiling_ways import UNTOUCHED, Spoilt, Way, ways
from t2i_utils.whole import write_whole

MARKS = {NOTICED: " ✓", MISSED: " ○", WRONG_WAY: " ✗", MOVED: " ✗", QUIET: " ✓"}
LEGEND = (
    "A cell is the change from the unspoilt score over its own 95 % half width: beyond 1 or -1 it is more than chance. "
    "✓ as the metric claims, noticed or left alone; ○ claimed, and missed; ✗ claimed, and the other way round, or "
    "moved by what it should not see; no mark: it claims nothing."
)
NO_STAND_INS = (
    "no diversity, MS-SSIM within captions and text sensitivity: they need several pictures of a caption, and only the "
    "built-in flowers can be drawn again"
)


def unspoilt(reference: Reference) -> list[Record]:
    """The scores of the half that will be spoilt, as it is; `reference` is made with `halves`."""
    return evaluate(
        RealPictures(reference.contents, reference.plan, reference.size, reference.scored), reference
    ).records


def spoil(
    reference: Reference, records: Sequence[Record], chosen: Sequence[Way], stand_ins: StandIns | None = None
) -> list[Change]:
    """Every score before and after every way of spoiling.

    Args:
        reference: made with `halves`.
        records: the scores before, as of `unspoilt`.
        chosen: the ways, as of `ways`.
        stand_ins: for the scores of several pictures a caption; None leaves these out.
    """
    before = _by_heading(records) | ({} if stand_ins is None else stand_ins.scores(UNTOUCHED))
    changes = []
    for way in chosen:
        after = _by_heading(evaluate(Spoilt(way, reference), reference).records)
        if stand_ins is not None and not way.copied:  # nobody could tell which drawing a painter learnt by heart
            after |= stand_ins.scores(way)
        changes += [
            Change(metric, heading, way.spoiling, way.strength, before[metric, heading], found, way.times)
            for (metric, heading), found in after.items()
        ]
        print(f"{way.spoiling}, {way.strength}: {len(after)} scores", flush=True)
    return changes


def _by_heading(records: Sequence[Record]) -> dict[tuple[str, str], Interval]:
    return {
        (one.protocol.metric, one.protocol.column): Interval(one.value, one.low, one.high, one.count) for one in records
    }


def table(changes: Sequence[Change]) -> str:
    """Markdown: a row a metric, a column a spoiling at a strength."""
    heads = list(dict.fromkeys((one.spoiling, one.strength) for one in changes))
    rows = list(dict.fromkeys(one.heading for one in changes))
    cells = {(one.heading, one.spoiling, one.strength): one for one in changes}
    lines = [["", *(f"{name}: {strength}" for name, strength in heads)], ["---"] * (1 + len(heads))]
    for row in rows:
        found = [cells.get((row, *head)) for head in heads]
        lines.append([row, *("" if one is None else f"{one}{MARKS.get(one.verdict, '')}" for one in found)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def claims(changes: Sequence[Change]) -> str:
    """Markdown: what each metric that was measured claims, and in one line what did not hold at full strength."""
    words = {"+": "rises", "-": "falls", "0": "does not move", ".": ""}
    measured = [name for name in CLAIMS if any(one.metric == name for one in changes)]
    lines = [["", *SPOILINGS], ["---"] * (1 + len(SPOILINGS))]
    lines += [[name, *(words[claim] for claim in CLAIMS[name])] for name in measured]
    strongest = {one.spoiling: one.strength for one in changes}
    asked = [one for one in changes if one.strength == strongest[one.spoiling] and one.claim != "."]
    broken = [one for one in asked if one.verdict not in (NOTICED, QUIET)]
    told = "; ".join(f"{one.heading} under {one.spoiling} ({one.verdict}, {one})" for one in broken)
    said = f"At the greater strengths {len(asked) - len(broken)} of {len(asked)} claims hold"
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + f"\n\n{said}{'; not: ' + told if told else ''}.\n"


def sheet(changes: Sequence[Change]) -> str:
    """CSV: a line a change."""
    text = io.StringIO()
    writer = csv.writer(text)
    head = ["metric", "heading", "spoiling", "strength", "before", "before_low", "before_high", "after", "after_low"]
    writer.writerow([*head, "after_high", "change", "claim", "verdict"])
    for one in changes:
        numbers = [value for part in (one.before, one.after) for value in (part.mean, part.low, part.high)]
        told = [f"{number:.6g}" for number in (*numbers, one.size)]
        writer.writerow([one.metric, one.heading, one.spoiling, one.strength, *told, one.claim, one.verdict])
    return text.getvalue()


def main(arguments: Sequence[str] | None = None) -> None:
    """The command: spoil, measure, and write spoiling.md, spoiling.csv and spoiling.png.

    Raises:
        FileNotFoundError, ValueError: as `look_at_real`, `open_extractor`, `open_judge` and `evaluate`.
    """
    parser = argparse.ArgumentParser(prog="python -m t2i_utils study spoiling", description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file of `build`")
    parser.add_argument("--out", type=Path, required=True, help="folder of results")
    parser.add_argument("--features", default="reader", help="as of `evaluate` (default reader)")
    parser.add_argument("--judge", help="a CLIP, as of `evaluate`, for CMMD, CLIP score and R-precision")
    parser.add_argument("--split", default="test", choices=list(PARTS), help="whose pictures (default test)")
    parser.add_argument("--seed", type=int, default=0, help="of the halves and of what is spoilt (default 0)")
    parser.add_argument("--fewer-than-features", action="store_true", help="give FID even of too few pictures")
    options = parser.parse_args(arguments)
    plan = Plan(
        options.data,
        options.split,
        seed=options.seed,
        halves=True,
        fewer_than_features=options.fewer_than_features,
    )
    device, size = choose_device(), StoredPixels(plan.data, read_contents(plan.data, plan.split).rows).image_size
    extractor = open_extractor(options.features, plan.data.parent, size, device)
    judge = None if options.judge is None else open_judge(options.judge, plan.data, device)
    reference = look_at_real(plan, extractor, size, judge)
    stand_ins = StandIns.of(reference)
    records = unspoilt(reference)
    changes = spoil(reference, records, ways(size, reference.channels), stand_ins)
    told = [f"Half of the real pictures against the other half, then spoilt. {LEGEND}\n", table(changes)]
    told += ["What each metric claims:\n", claims(changes), *(f"- {record.protocol}" for record in records)]
    told += [f"- {NO_STAND_INS if stand_ins is None else stand_ins.protocol}"]
    told += [f"- {note}" for note in reference.notes]
    options.out.mkdir(parents=True, exist_ok=True)
    write_whole(options.out / "spoiling.md", ("\n".join(told) + "\n").encode())
    write_whole(options.out / "spoiling.csv", sheet(changes).encode())
    save_png(noticed(changes), options.out / "spoiling.png")
    print("\n".join(told))


if __name__ == "__main__":
    main()
