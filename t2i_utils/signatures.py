"""Command-line options read from typed signatures: a recipe's new argument is an option without a line here."""

from __future__ import annotations

import argparse
import inspect
import re
import sys
import typing
from collections.abc import Callable
from typing import Any, Literal


def add_options(parser: argparse._ArgumentGroup, function: Callable, skip: tuple[str, ...] = ()) -> None:
    """Give a parser one `--name` option a parameter of `function` (or field of a dataclass).

    Types become converters, literals become choices, the docstring's line about the parameter becomes its help. What
    the user does not name stays out of the namespace, so the function's own default applies.

    Args:
        parser: or a group of one.
        function: with annotated parameters and defaults of int, float, str, bool or Literal.
        skip: parameters that come from elsewhere.
    """
    hints = typing.get_type_hints(function if inspect.isfunction(function) else function.__init__)
    told = described(function)
    for name, parameter in inspect.signature(function).parameters.items():
        if name in skip:
            continue
        hint = hints[name]
        choices = typing.get_args(hint) if typing.get_origin(hint) is Literal else None
        if hint is bool:
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                action=argparse.BooleanOptionalAction,
                default=argparse.SUPPRESS,
                help=f"{told.get(name, '')} (default: {'yes' if parameter.default else 'no'})".replace("%", "%%"),
            )
            continue
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            type=str if choices else hint,
            choices=choices,
            default=argparse.SUPPRESS,
            help=f"{told.get(name, '')} (default {parameter.default})".replace("%", "%%"),
            metavar=None if choices else name.upper(),
        )


def described(function: Callable) -> dict[str, str]:
    """What a docstring's Args or Attributes section says of each name, in one line each; a class's bases speak, too."""
    if inspect.isclass(function) and len(function.__mro__) > 2:
        inherited = {name: text for base in function.__bases__ for name, text in described(base).items()}
        return inherited | sections(function)
    return sections(function)


def sections(function: Callable) -> dict[str, str]:
    """The same of its own docstring alone."""
    if borrowed := re.search(r"^Args: as of `(\w+)`", inspect.getdoc(function) or "", re.M):
        return described(getattr(sys.modules[function.__module__], borrowed[1]))
    section = re.search(r"(?:Args|Attributes):\n(.*?)(?:\n\n|\Z)", inspect.getdoc(function) or "", re.S)
    if section is None:
        return {}
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section[1], re.M)
    return {name: re.sub(r"\s+", " ", text) for name, text in entries}


def chosen(namespace: argparse.Namespace, function: Callable) -> dict[str, Any]:
    """The parameters of `function` that the user named."""
    return {
        name: getattr(namespace, name) for name in inspect.signature(function).parameters if hasattr(namespace, name)
    }
