"""Whatever paints, and what painters are kept in: sample, pack, painters, convert, web."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from t2i_utils.commands.parsing import command
from t2i_utils.published import USUAL


def add(commands, arguments_of: str) -> None:
    """Their options; `web`'s only if `arguments_of` names it, for they import torch."""
    sample = command(commands, "sample", paint_sample, "paint a caption")
    sample.add_argument(
        "where",
        metavar="DIR_OR_NAME",
        nargs="*",
        default=[USUAL],
        help=f"who paints: a painter that comes with this package (default: {USUAL}; see `painters`), a run's folder, "
        "or what `pack` wrote; of several, each paints every caption",
    )
    sample.add_argument("--caption", required=True, action="append", help="what to paint; may be given several times")
    sample.add_argument("--seed", type=int, default=0, help="of the noise (default 0)")
    sample.add_argument("--count", type=int, default=8, help="pictures of each caption (default 8)")
    sample.add_argument(
        "--out", type=Path, default=Path("painted.png"), help="the PNG to write (default: painted.png in this folder)"
    )
    pack = command(commands, "pack", pack_run, "make a run small, to be given away")
    pack.add_argument("where", metavar="DIR", type=Path, help="the run's folder")
    pack.add_argument("--data", type=Path, required=True, help="HDF5 file that it was trained on")
    pack.add_argument("--out", type=Path, required=True, help="the folder to write; its name is the painter's")
    pack.add_argument("--note", required=True, help="the command, time and hardware that made it, for the card")
    command(commands, "painters", list_painters, "every published painter, as checkpoints.md shows them")
    theirs = command(commands, "convert", convert_released, "turn the weights that DF-GAN's authors released into ours")
    theirs.add_argument("file", type=Path, help="their state_epoch_*.pth or netG*.pth")
    theirs.add_argument("--out", type=Path, required=True, help="the folder that gets generator.safetensors")
    web = command(commands, "web", serve_page, "the playground as a page for a browser")
    if arguments_of == "web":
        from t2i_utils.playground.web_command import add_arguments as add_web

        add_web(web)


def paint_sample(options: argparse.Namespace) -> None:
    """`sample`: a row of pictures for each caption; of several painters, a row each under it."""
    from t2i_utils.colab import choose_device
    from t2i_utils.gallery import open_painter
    from t2i_utils.playground.grids import save_png
    from t2i_utils.playground.render import sheet

    if options.count < 1:
        raise ValueError(f"--count is {options.count}; paint at least 1 picture of each caption")
    device, count = choose_device(), options.count
    painters = {name: open_painter(name, device) for name in options.where}
    captions = [caption for caption in options.caption for _ in range(count)]
    for painter in painters.values():
        for word in painter.ignored(options.caption):
            print(f"ignored: {word!r} ({painter.name} never saw this word)", file=sys.stderr)
    rows = {name: painter.paint(captions, options.seed).split(count) for name, painter in painters.items()}
    pictures, labels = [], []
    for index in range(len(options.caption)):
        for name in painters:
            pictures += rows[name][index]
            labels += [name if len(painters) > 1 else "", *[""] * (count - 1)]
    save_png(sheet(pictures, labels, columns=count), options.out)
    by = ", ".join(painter.name for painter in painters.values())
    print(f"{options.out}: {len(pictures)} pictures by {by}, seed {options.seed}")


def pack_run(options: argparse.Namespace) -> None:
    """`pack`: float16 weights, a small text tower and a card."""
    from t2i_utils.publish import publish

    report = publish(options.where, options.data, options.out, options.note)
    print(f"{options.out}: packed; it opens with open_painter({str(options.out)!r}) or `sample {options.out}`")
    if report:
        print(report)


def list_painters(options: argparse.Namespace) -> None:
    """`painters`: the records as a table."""
    from t2i_utils.published import table

    print(table())


def convert_released(options: argparse.Namespace) -> None:
    """`convert`: DF-GAN's authors' weights, opened as tensors only."""
    from t2i_utils.released import convert

    print(f"{options.out}: {convert(options.file, options.out)}")


def serve_page(options: argparse.Namespace) -> None:
    """`web`: until Ctrl-C."""
    from t2i_utils.playground.web_command import run

    run(options)
