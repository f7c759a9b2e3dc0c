"""`python -m t2i_utils evaluate`: whatever paints, on any data file, in one table."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from t2i_utils.colab import choose_device
from t2i_utils.data.split import PARTS
from t2i_utils.data.verify import verify
from t2i_utils.evaluation.discriminator_scores import discriminator_scores
from t2i_utils.evaluation.named import Named, open_named, size_of
from t2i_utils.evaluation.plan import Plan
from t2i_utils.evaluation.reference import Reference, look_at_real
from t2i_utils.evaluation.scores import evaluate, refuse_kin
from t2i_utils.evaluation.sources import Files, Noise, Painting, RealPictures, Source
from t2i_utils.evaluation.tables import tell
from t2i_utils.metrics.extractors import open_extractor
from t2i_utils.metrics.judge import open_judge
from t2i_utils.metrics.record import Record, sheet, write_records
from t2i_utils.whole import write_whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `evaluate`."""
    parser.add_argument(
        "where",
        nargs="+",
        metavar="DIR_OR_NAME",
        help="a run's folder, what `pack` wrote, a published name, or a folder of pictures that anybody painted (with "
        "a captions.jsonl beside them, captions are scored, too; ./NAME if it is called like a painter)",
    )
    parser.add_argument("--data", type=Path, required=True, help="HDF5 file of real pictures and captions")
    parser.add_argument(
        "--features",
        default="reader",
        help="whose: reader (default, for the built-in flowers, no download), inception, inception-pytorch, "
        "inception-clean, inception-torchvision, clip:MODEL/TAG or clip:FOLDER",
    )
    parser.add_argument(
        "--judge",
        help="a CLIP that had no part in the pictures, for CLIP score, R-precision and CMMD: judge_clip (trained on "
        "the file, to judge only), MODEL/TAG of open_clip, or a folder",
    )
    parser.add_argument(
        "--split", default="test", choices=list(PARTS), help="whose captions and pictures (default test)"
    )
    parser.add_argument("--pictures", type=int, default=1000, help="painted for the scores (default 1000)")
    parser.add_argument("--seed", type=int, default=0, help="of captions and noises (default 0)")
    parser.add_argument("--truncation", type=float, help="where the noise is cut (default: nowhere)")
    parser.add_argument(
        "--bracket",
        action="store_true",
        help="score half of the real pictures and noise like painters, all against the other half",
    )
    parser.add_argument(
        "--fewer-than-features",
        action="store_true",
        help="give FID of fewer pictures than features, too, under a heading that says so; to compare with a paper",
    )
    parser.add_argument("--size", type=int, help="pixels that folders of pictures are brought to (default: as painted)")
    parser.add_argument("--out", type=Path, help="folder for scores.md, scores.csv and scores.json")


def run(options: argparse.Namespace) -> list[Record]:
    """Score everything that is named, print the table, and write it where that is asked for.

    What cannot be is refused before minutes go by, and nothing is written before everything is scored.
    """
    plan = Plan(
        options.data,
        options.split,
        options.pictures,
        options.seed,
        options.truncation,
        options.bracket,
        options.fewer_than_features,
    )
    if options.out is not None and options.out.exists() and not options.out.is_dir():
        raise ValueError(f"{options.out} is a file; name a folder for the scores with --out")
    verify(options.data)
    device = choose_device()
    named = open_named(options.where, device, taken=(RealPictures.name, Noise.name))
    size = size_of(named, options.size)
    judge = None if options.judge is None else open_judge(options.judge, options.data, device)
    extractor = open_extractor(options.features, options.data.parent, size, device)
    for one in named:
        if one.painter is not None:
            refuse_kin(one.painter, extractor, judge)
    reference = look_at_real(plan, extractor, size, judge)
    records, notes = [], []
    if options.bracket:
        notes.append(
            f"half of the real pictures are scored like a painter's, so every painter paints {reference.pictures:,}"
        )
    for source, run_folder in list(_sources(named, reference)):  # a folder that cannot be is refused before any score
        found = [evaluate(source, reference)]
        if run_folder is not None:
            found.append(discriminator_scores(source, run_folder, reference))
        elif source.checkpoint:
            notes.append(f"no discriminator accuracy of {source.name}: only a run's folder holds a discriminator")
        records += [record for part in found for record in part.records]
        notes += [note for part in found for note in part.notes]
        print(f"{source.name}: {sum(len(part.records) for part in found)} scores", file=sys.stderr)
    told = tell(records, notes)
    print(told)
    if options.out is not None:
        options.out.mkdir(parents=True, exist_ok=True)
        write_whole(options.out / "scores.md", told.encode())
        write_whole(options.out / "scores.csv", sheet(records).encode())
        write_records(options.out / "scores.json", records)
    return records


def _sources(named: list[Named], reference: Reference) -> Iterator[tuple[Source, Path | None]]:
    """Everything that is scored, in order, with the folder of its run where it is one."""
    plan, contents, size = reference.plan, reference.contents, reference.size
    for one in named:
        if one.painter is not None:
            yield Painting(one.painter, contents, plan, reference.pictures), one.run
        else:
            yield Files(one.pictures, contents, size, reference.channels, plan.seed, one.name), None
    if plan.halves:
        yield RealPictures(contents, plan, size, reference.scored), None
        yield Noise(contents, plan, size, reference.pictures, reference.channels), None
