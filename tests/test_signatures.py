"""Options read from signatures: every argument of every recipe, with its type, help and default."""

import argparse
import inspect
from dataclasses import dataclass
from typing import Literal

import pytest

from t2i_utils.recipes import SYSTEMS
from t2i_utils.signatures import add_options, chosen, described


@dataclass(frozen=True)
class Choices:
    """Some settings.

    Attributes:
        seed: of everything, 100 % of it.
        precision: how numbers are kept;
            two lines of it.
        minutes: between two saves.
    """

    seed: int = 0
    precision: Literal["auto", "bf16"] = "auto"
    minutes: float = 5.0


def parser_for(function, skip=()):
    parser = argparse.ArgumentParser()
    add_options(parser.add_argument_group("options"), function, skip)
    return parser


@pytest.mark.parametrize("system", SYSTEMS)
def test_every_argument_of_every_recipe_is_an_option_with_help(system):
    parser, function = parser_for(SYSTEMS[system]), SYSTEMS[system]
    actions = {action.dest: action for action in parser._actions}
    for name, parameter in inspect.signature(function).parameters.items():
        action = actions[name]
        assert action.option_strings == [f"--{name.replace('_', '-')}"]
        text = action.help % {"default": ""}  # as argparse will
        assert text.endswith(f" (default {parameter.default})")
        assert len(text.split(" (default")[0]) > 10, f"--{name} of {system} has no help"
        assert action.type is type(parameter.default)
    assert parser.format_help()


@pytest.mark.parametrize("system", SYSTEMS)
def test_what_is_not_named_keeps_the_functions_default(system):
    parser, function = parser_for(SYSTEMS[system]), SYSTEMS[system]
    assert vars(parser.parse_args([])) == {}
    options = parser.parse_args(["--rate", "1e-3", "--batch-size", "7"])
    assert vars(options) == {"rate": 1e-3, "batch_size": 7}
    assert chosen(options, function) == {"rate": 1e-3, "batch_size": 7}


def test_literals_are_choices_and_types_convert(capsys):
    parser = parser_for(Choices)
    options = parser.parse_args(["--precision", "bf16", "--seed", "3", "--minutes", "0.5"])
    assert Choices(**chosen(options, Choices)) == Choices(3, "bf16", 0.5)
    for wrong in (["--precision", "fp64"], ["--seed", "1.5"]):
        with pytest.raises(SystemExit):
            parser.parse_args(wrong)
    assert "choose from" in capsys.readouterr().err


def test_help_is_the_docstrings_line(capsys):
    with pytest.raises(SystemExit):
        parser_for(Choices).parse_args(["--help"])
    said = " ".join(capsys.readouterr().out.split())
    assert "of everything, 100 % of it. (default 0)" in said
    assert "how numbers are kept; two lines of it. (default auto)" in said


def test_what_comes_from_elsewhere_is_skipped():
    parser = parser_for(SYSTEMS["gan_cls"], skip=("image_size", "text_dim"))
    names = {action.dest for action in parser._actions}
    assert {"image_size", "text_dim"}.isdisjoint(names)
    assert "rate" in names


def test_chosen_looks_at_its_own_parameters_only():
    assert chosen(argparse.Namespace(seed=3, other=4), Choices) == {"seed": 3}


def test_a_recipe_may_say_that_its_arguments_are_anothers():
    assert described(SYSTEMS["gan_int"]) == described(SYSTEMS["gan_cls"])
    assert set(described(SYSTEMS["gan_cls"])) == set(inspect.signature(SYSTEMS["gan_cls"]).parameters)


def test_a_function_that_describes_nothing():
    def bare(width: int = 3):
        pass

    assert described(bare) == {}
    (action,) = [action for action in parser_for(bare)._actions if action.dest == "width"]
    assert action.help == " (default 3)"


@dataclass(frozen=True)
class More(Choices):
    """Some settings and one more.

    Attributes:
        mirror: turn half of them.
    """

    mirror: bool = False


def test_a_switch_is_turned_on_and_off_and_what_is_inherited_keeps_its_help():
    parser = parser_for(More)
    assert vars(parser.parse_args([])) == {}
    assert parser.parse_args(["--mirror"]).mirror is True
    assert parser.parse_args(["--no-mirror", "--seed", "3"]).mirror is False
    assert described(More) == {**described(Choices), "mirror": "turn half of them."}
    assert "turn half of them. (default: no)" in parser.format_help()
