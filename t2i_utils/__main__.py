"""The same work without a notebook: python -m t2i_utils COMMAND.

Commands: data | download | build | verify | embed | finetune | train | tune | evaluate | sample | pack | painters |
convert | systems | stabilisers | study | league | web.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from t2i_utils import __version__
from t2i_utils.commands import data, measuring, painting, training


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
        arguments_of: the command whose options are read from signatures, or import torch for another reason.
    """
    parser = argparse.ArgumentParser(prog="python -m t2i_utils", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    data.add(commands)
    training.add(commands, arguments_of)
    painting.add(commands, arguments_of)
    measuring.add(commands, arguments_of)
    return parser


if __name__ == "__main__":
    sys.exit(main())
