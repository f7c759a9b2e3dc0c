"""The same work without a notebook: python -m t2i_utils COMMAND.

Commands: data | download | build | verify | embed | finetune | train | tune | evaluate | sample | pack | painters |
convert | systems | stabilisers | study | league | web.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from t2i_utils import __version__

STUDIES = (
    "hacks",
    "cures",
    "modern",
    "encoders",
    "precision",
    "false_negatives",
    "by_time",
    "summit",
    "prompts",
    "spoiling",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; a user's mistake is one line on stderr and exit status 2, never a traceback."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    options = make_parser(arguments[0] if arguments else "").parse_args(arguments)
    try:
        return options.run(options) or 0
    except (ValueError, OSError) as error:
        print(f"t2i_utils {options.command}: {error}", file=sys.stderr)
        return 2


def make_parser(arguments_of: str = "") -> argparse.ArgumentParser:
    """Every command with its options.

    Args:
        arguments_of: the command whose options are read from signatures, which imports torch: train, finetune or tune.
    """
    parser = argparse.ArgumentParser(prog="python -m t2i_utils", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_data_commands(commands)
    finetune = command(commands, "finetune", finetune_encoder, "fine-tune a text encoder on a file's captions")
    train = commands.add_parser("train", help="train a system, or go on with a run")
    if arguments_of == "finetune":
        add_finetune(finetune)
    if arguments_of == "train":
        add_systems(train)
    tune = command(commands, "tune", tune_system, "search a system's arguments, by captions of val classes")
    if arguments_of == "tune":
        from t2i_utils.studies.tune import add_arguments

        add_arguments(tune)
    score = command(commands, "evaluate", evaluate_painters, "score painters or folders of pictures against real ones")
    if arguments_of == "evaluate":
        from t2i_utils.evaluation.command import add_arguments as add_evaluate

        add_evaluate(score)
    sample = command(commands, "sample", paint_sample, "paint a caption")
    sample.add_argument(
        "where",
        metavar="DIR_OR_NAME",
        nargs="?",
        default="flowers",
        help="who paints: flowers, which comes with this package (default), a run's folder, or what `pack` wrote",
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
    systems = command(commands, "systems", list_systems, "every system with its parameter counts")
    systems.add_argument("--json", action="store_true", help="as JSON")
    command(commands, "stabilisers", list_stabilisers, "what `train --with` combines a system with")
    study = command(commands, "study", run_study, "measure something, for hours perhaps")
    study.add_argument("name", choices=STUDIES, help="`study NAME --help` says what each of them measures")
    study.add_argument("rest", nargs=argparse.REMAINDER, metavar="...", help="options of the study")
    league = command(commands, "league", run_league, "train every system alike and say which paints best")
    if arguments_of == "league":
        from t2i_utils.studies.league import add_arguments as add_league

        add_league(league)
    web = command(commands, "web", serve_page, "the playground as a page for a browser")
    if arguments_of == "web":
        from t2i_utils.playground.web_command import add_arguments as add_web

        add_web(web)
    return parser


def command(commands, name: str, run, summary: str) -> argparse.ArgumentParser:
    """A command of its own."""
    parser = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    parser.set_defaults(run=run)
    return parser


def add_data_commands(commands) -> None:
    """data, download, build, verify, embed."""
    from t2i_utils.data.addresses import REMOTE_SETS
    from t2i_utils.data.datasets import DATASETS  # without torch, as is everything that `build` and its workers import

    about = command(commands, "data", tell_data, "list the data sets, or print the card of one")
    about.add_argument("dataset", metavar="DATASET", nargs="?", help=", ".join(DATASETS))
    fetch = command(commands, "download", download_files, "bring a data set to a folder, ready for build")
    fetch.add_argument("dataset", metavar="DATASET", help=", ".join(REMOTE_SETS))
    fetch.add_argument("--root", type=Path, required=True, help="the folder that gets it; what is there stays")
    build = command(commands, "build", build_file, "read a data set and write one HDF5 file")
    build.add_argument("dataset", metavar="DATASET", help=", ".join(DATASETS))
    build.add_argument(
        "--root", type=Path, help="where it lies: see `data DATASET` for the layout (none for built-in data)"
    )
    build.add_argument(
        "--size", type=int, help="pixels that networks will paint, square (default 64, or the data set's own size)"
    )
    build.add_argument("--out", type=Path, required=True, help="the HDF5 file to write")
    build.add_argument("--limit", type=int, help="at most so many pictures")
    build.add_argument("--classes", nargs="+", help="only these classes")
    verify = command(commands, "verify", verify_file, "check an HDF5 file whole and say what it holds")
    verify.add_argument("file", type=Path)
    embed = command(commands, "embed", embed_file, "write every caption's vector into an HDF5 file")
    embed.add_argument("file", type=Path)
    embed.add_argument(
        "--encoder",
        required=True,
        help="tiny_clip or char_cnn_rnn (trained on FILE if it is not there yet), sbert (all-MiniLM-L6-v2: "
        "`make sbert`), MODEL/TAG of open_clip, or a folder",
    )
    embed.add_argument("--steps", type=int, help="of training, where an encoder is trained")
    embed.add_argument("--name", help="by which `train --encoder` asks for the vectors (default: as --encoder)")


def add_finetune(finetune: argparse.ArgumentParser) -> None:
    """finetune, its options from the fields of `Tuning`."""
    from t2i_utils.fine_tuning import Tuning
    from t2i_utils.signatures import add_options

    finetune.add_argument("file", type=Path)
    finetune.add_argument("--encoder", required=True, help="tiny_clip, sbert, MODEL/TAG of open_clip, or a folder")
    finetune.add_argument("--out", type=Path, required=True, help="the training's folder; one that lies there goes on")
    add_options(finetune.add_argument_group("the training"), Tuning)


def add_systems(train: argparse.ArgumentParser) -> None:
    """train SYSTEM, one parser a system, its options from its function's signature."""
    from t2i_utils.recipes import SYSTEMS
    from t2i_utils.recipes.arguments import FROM_DATA, defaults
    from t2i_utils.runs import Settings
    from t2i_utils.signatures import add_options
    from t2i_utils.text.silent import SILENT

    systems = train.add_subparsers(dest="system", required=True, metavar="SYSTEM")
    for name, recipe in SYSTEMS.items():
        summary = (recipe.__doc__ or name).splitlines()[0]
        parser = systems.add_parser(name, help=summary, description=summary)
        parser.set_defaults(run=train_system)
        parser.add_argument("--data", type=Path, required=True, help="HDF5 file of `build`")
        told = {"required": True} if "text_dim" in defaults(name) else {"default": SILENT}
        parser.add_argument("--encoder", help="name of vectors in it, as given to `embed`", **told)
        parser.add_argument("--out", type=Path, required=True, help="the run's folder; a run that lies there goes on")
        budget = parser.add_mutually_exclusive_group(required=True)
        budget.add_argument("--steps", type=int, help="train until the run has seen so many batches in all")
        budget.add_argument("--minutes", type=float, help="train so many minutes, save, and stop")
        add_options(parser.add_argument_group("the run"), Settings)
        parser.add_argument(
            "--with",
            dest="stabilisers",
            action="append",
            default=[],
            metavar="NAME[:KEY=VALUE,...]",
            help="a stabiliser that joins the system, see `stabilisers`; may be given several times",
        )
        add_options(parser.add_argument_group(name), recipe, skip=FROM_DATA)


def tell_data(options: argparse.Namespace) -> None:
    """`data`: one line a data set, or the whole card of one."""
    from t2i_utils.data.cards import list_datasets, read_card

    print(list_datasets() if options.dataset is None else read_card(options.dataset).rstrip())


def download_files(options: argparse.Namespace) -> None:
    """`download`: a data set from its authors' addresses, with what a person has put there by hand."""
    from t2i_utils.data.download import download

    print(download(options.dataset, options.root))


def build_file(options: argparse.Namespace) -> None:
    """`build`: a data set to HDF5."""
    from t2i_utils.data.build import build
    from t2i_utils.data.datasets import read_dataset

    source = read_dataset(options.dataset, options.root, options.limit, options.classes)
    print(build(source, options.out, options.size))


def verify_file(options: argparse.Namespace) -> None:
    """`verify`: what a file holds, if it is whole."""
    from t2i_utils.data.verify import verify

    print(verify(options.file))


def embed_file(options: argparse.Namespace) -> None:
    """`embed`: captions to vectors, once."""
    from t2i_utils.colab import choose_device
    from t2i_utils.data.verify import verify
    from t2i_utils.text.embedding import embed
    from t2i_utils.text.encoders import open_encoder
    from t2i_utils.text.from_scratch import TRAINED, trained_folder

    verify(options.file, vectors=False)
    device, name = choose_device(), options.name or options.encoder
    if options.encoder in TRAINED and options.steps is not None:
        folder = trained_folder(options.encoder, options.file)
        if not folder.is_dir():
            TRAINED[options.encoder](options.file, folder, options.steps, device=device)
    encoder = open_encoder(options.encoder, options.file, device)
    fingerprint = embed(options.file, encoder, name)
    print(f"{options.file}: vectors of {name} ({encoder.text_dim} numbers), fingerprint {fingerprint[:12]}")


def finetune_encoder(options: argparse.Namespace) -> None:
    """`finetune`: an encoder learns from a file's captions."""
    from t2i_utils.data.verify import verify
    from t2i_utils.fine_tuning import ENCODER, Tuning, fine_tune
    from t2i_utils.signatures import chosen

    verify(options.file, vectors=False)
    outcome = fine_tune(options.encoder, options.file, options.out, Tuning(**chosen(options, Tuning)))
    if outcome is None:
        print(f"stopped; the same command goes on: {options.out}")
        return
    print(f"{outcome}\nuse it: python -m t2i_utils embed {options.file} --encoder {options.out / ENCODER} --name tuned")


def train_system(options: argparse.Namespace) -> None:
    """`train`: open the run in --out, new or old, and spend the budget."""
    from t2i_utils.data.verify import verify
    from t2i_utils.playground.samples import SampleGrid
    from t2i_utils.recipes import SYSTEMS
    from t2i_utils.runs import Settings, open_run
    from t2i_utils.signatures import chosen
    from t2i_utils.training.budget import Budget

    Budget(options.steps, options.minutes)  # one that cannot be is refused before there is a folder
    verify(options.data)  # every byte, once: an hour on altered pictures costs more
    settings = Settings(**chosen(options, Settings))
    arguments = chosen(options, SYSTEMS[options.system]) | with_stabilisers(options.stabilisers)
    run = open_run(options.system, options.data, options.encoder, options.out, arguments, settings)
    begun = run.trainer.step
    begins = f"going on from step {begun}" if begun else "from the beginning"
    print(f"{run.folder}: {options.system} on {run.loader.device}, {begins}")
    run.train(options.steps, options.minutes, [SampleGrid(run)])
    print(
        f"saved at step {run.trainer.step}; paint: python -m t2i_utils sample {run.folder} --caption ... --out my.png"
    )


def tune_system(options: argparse.Namespace) -> None:
    """`tune`: try arguments and say what is best."""
    from t2i_utils.data.verify import verify
    from t2i_utils.studies.tune import run

    verify(options.data)
    run(options)


def evaluate_painters(options: argparse.Namespace) -> None:
    """`evaluate`: every score with its protocol."""
    from t2i_utils.evaluation.command import run

    run(options)


def with_stabilisers(texts: Sequence[str]) -> dict[str, object]:
    """What `--with` adds to a system's arguments."""
    from t2i_utils.recipes.arguments import STABILISED
    from t2i_utils.recipes.stabilisers import read_stabilisers

    return {STABILISED: read_stabilisers(texts)} if texts else {}


def paint_sample(options: argparse.Namespace) -> None:
    """`sample`: a row of pictures for each caption."""
    from t2i_utils.colab import choose_device
    from t2i_utils.gallery import open_painter
    from t2i_utils.playground.figures import grid, save_png

    if options.count < 1:
        raise ValueError(f"--count is {options.count}; paint at least 1 picture of each caption")
    painter = open_painter(options.where, choose_device())
    for word in painter.ignored(options.caption):
        print(f"ignored: {word!r} ({painter.name} never saw this word)", file=sys.stderr)
    captions = [caption for caption in options.caption for _ in range(options.count)]
    pictures = painter.paint(captions, options.seed)
    save_png(grid(pictures, columns=options.count), options.out)
    print(f"{options.out}: {len(pictures)} pictures by {painter.name}, seed {options.seed}")


def serve_page(options: argparse.Namespace) -> None:
    """`web`: until Ctrl-C."""
    from t2i_utils.playground.web_command import run

    run(options)


def convert_released(options: argparse.Namespace) -> None:
    """`convert`: DF-GAN's authors' weights, opened as tensors only."""
    from t2i_utils.released import convert

    print(f"{options.out}: {convert(options.file, options.out)}")


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


def list_systems(options: argparse.Namespace) -> None:
    """`systems`: names and parameter counts at each system's defaults, without allocating them."""
    import inspect

    import torch

    from t2i_utils.recipes import SYSTEMS

    rows = []
    for name, function in SYSTEMS.items():
        with torch.device("meta"):
            recipe = function()
        counts = {player: learning(getattr(recipe, player)) for player in ("generator", "discriminator")}
        defaults = {key: value.default for key, value in inspect.signature(function).parameters.items()}
        rows.append({"name": name, **counts, "summary": function.__doc__.splitlines()[0], "arguments": defaults})
    if options.json:
        print(json.dumps(rows, indent=1))
        return
    for row in rows:
        counts = f"generator {row['generator']:>11,}   discriminator {row['discriminator']:>11,}"
        print(f"{row['name']:14} {counts}   {row['summary']}")


def list_stabilisers(options: argparse.Namespace) -> None:
    """`stabilisers`: names, what each does, and its arguments with their defaults."""
    from t2i_utils.recipes.stabilisers import STABILISERS, defaults_of

    for name, function in STABILISERS.items():
        told = ",".join(f"{key}={value}" for key, value in defaults_of(name).items())
        print(f"{name + (':' + told if told else ''):60} {function.__doc__.splitlines()[0]}")


def run_league(options: argparse.Namespace) -> None:
    """`league`: every system under two budgets."""
    from t2i_utils.studies.league import run

    run(options)


def run_study(options: argparse.Namespace) -> int | None:
    """`study`: hand the rest of the line to the study."""
    import importlib

    return importlib.import_module(f"t2i_utils.studies.{options.name}").main(options.rest)


def learning(module) -> int:
    """The number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


if __name__ == "__main__":
    sys.exit(main())
