"""Where a playground can go back to: states that were painted, the newest first, and pictures kept in a folder."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from t2i_utils.playground.render import Shown
from t2i_utils.playground.settings import LARGEST, from_png
from t2i_utils.playground.state import State, as_numbers
from t2i_utils.whole import write_whole

REMEMBERED = 30  # states
LETTERS_SHOWN, LETTERS_IN_NAME = 50, 40  # of a caption: in a list, in the name of a file


def remember(past: Sequence[State], state: State, instead: bool = False) -> tuple[State, ...]:
    """The states that were painted with one more at their head; of more than REMEMBERED the oldest goes.

    Args:
        past: the newest first.
        state: what was painted now; one that is there already keeps its place.
        instead: it takes the newest one's place, as the last of a slider's many positions does.
    """
    if state in past:
        return tuple(past)
    return (state, *past[1 if instead else 0 :])[:REMEMBERED]


def title(state: State) -> str:
    """A state in one line of plain text: its caption, and what is not as usual."""
    usual = as_numbers(State(""))
    told = {name: value for name, value in as_numbers(state).items() if value != usual[name]}
    caption = _short(told.pop("caption", ""))
    return ", ".join([caption, *(f"{name} {_short(str(value))}" for name, value in told.items())])


def keep(folder: Path, shown: Shown) -> Path:
    """Write what is shown as a PNG that holds its settings; never over another file.

    Args:
        folder: made if it is missing.
        shown: the picture; the file is named by its caption and seed, and numbered where another has that name.

    Returns:
        The file; the one that is there already, if it is this very picture.

    Raises:
        OSError: where nothing can be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    png = shown.png
    path = next(path for path in _names(folder, shown.state) if _claim(path) or _holds(path, png))
    if not _holds(path, png):
        try:
            write_whole(path, png)
        except OSError:
            path.unlink(missing_ok=True)
            raise
    return path


def fetch(path: str) -> State:
    """The state in a PNG file that `keep` wrote, here or elsewhere.

    Raises:
        ValueError: as `from_png`.
        OSError: for a file that is not there or may not be read.
    """
    place = Path(path.strip()).expanduser()
    if not place.is_file():
        raise FileNotFoundError(f"there is no file {_short(str(place))!r}; give the path of a PNG that was saved here")
    with place.open("rb") as file:
        return from_png(file.read(LARGEST + 1))  # one more than is allowed is refused; all of it may not fit in memory


def _names(folder: Path, state: State) -> Iterator[Path]:
    """NAME.png, NAME_2.png, NAME_3.png, ... without end."""
    said = "_".join(re.findall(r"\w+", state.caption.lower()))[:LETTERS_IN_NAME].rstrip("_") or "picture"
    name = f"{said}_seed_{state.seed}"
    yield folder / f"{name}.png"
    for number in itertools.count(2):
        yield folder / f"{name}_{number}.png"


def _claim(path: Path) -> bool:
    """Make an empty file where there is none: whoever else is saving at this moment takes the next name."""
    try:
        path.open("xb").close()
    except FileExistsError:
        return False
    return True


def _holds(path: Path, data: bytes) -> bool:
    return path.is_file() and path.stat().st_size == len(data) and path.read_bytes() == data


def _short(text: str) -> str:
    """The beginning of a text, in one line."""
    line = " ".join(text.split())
    return line if len(line) <= LETTERS_SHOWN else f"{line[:LETTERS_SHOWN]}…"
