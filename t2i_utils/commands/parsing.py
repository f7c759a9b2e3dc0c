"""How a command is made."""

from __future__ import annotations

import argparse
from collections.abc import Callable

Run = Callable[[argparse.Namespace], int | None]


def command(commands, name: str, run: Run, summary: str) -> argparse.ArgumentParser:
    """A command of its own."""
    parser = commands.add_parser(name, help=summary, description=summary[0].upper() + summary[1:] + ".")
    parser.set_defaults(run=run)
    return parser
