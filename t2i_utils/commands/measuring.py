"""What there is and how good it is: systems, stabilisers, evaluate, study, league."""

from __future__ import annotations

import argparse
import json

from t2i_utils.commands.parsing import command

STUDIES = (
    "hacks",
    "cures",
    "modern",
    "encoders",
    "gradients",
    "precision",
    "false_negatives",
    "by_time",
    "summit",
    "prompts",
    "spoiling",
)


def add(commands, arguments_of: str) -> None:
    """Their options; those that import torch only of the command `arguments_of`."""
    score = command(commands, "evaluate", evaluate_painters, "score painters or folders of pictures against real ones")
    if arguments_of == "evaluate":
        from t2i_utils.evaluation.command import add_arguments as add_evaluate

        add_evaluate(score)
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


def evaluate_painters(options: argparse.Namespace) -> None:
    """`evaluate`: every score with its protocol."""
    from t2i_utils.evaluation.command import run

    run(options)


def run_study(options: argparse.Namespace) -> int | None:
    """`study`: hand the rest of the line to the study."""
    import importlib

    return importlib.import_module(f"t2i_utils.studies.{options.name}").main(options.rest)


def run_league(options: argparse.Namespace) -> None:
    """`league`: every system under two budgets."""
    from t2i_utils.studies.league import run

    run(options)


def learning(module) -> int:
    """The number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)
