"""Whatever learns: finetune, train, tune."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from t2i_utils.commands.parsing import command


def add(commands, arguments_of: str) -> None:
    """Their options; those read from signatures only of the command `arguments_of`, for they import torch."""
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


def with_stabilisers(texts: Sequence[str]) -> dict[str, object]:
    """What `--with` adds to a system's arguments."""
    from t2i_utils.recipes.arguments import STABILISED
    from t2i_utils.recipes.stabilisers import read_stabilisers

    return {STABILISED: read_stabilisers(texts)} if texts else {}
