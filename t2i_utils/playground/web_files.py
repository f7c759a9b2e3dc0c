"""The folder from which a browser fetches what was painted: some minutes long, and never more than so many bytes."""

from __future__ import annotations

import contextlib
import io
import secrets
import time
from collections.abc import Sequence
from pathlib import Path

from t2i_utils.playground.render import Shown, as_image
from t2i_utils.playground.web_limits import LARGEST_FOLDER, size_of

MINUTES = 10  # that a picture can be fetched
EVERY = 60.0  # seconds between two looks at what is old


class PictureFolder:
    """Writes what the playground shows as PNG files, and takes old ones away.

    Args:
        place: an empty folder that nobody else writes to, except uploads.
        largest: bytes that may lie there.

    Attributes:
        remembered: sets of paths, from which those of files that are gone are taken, too: gradio keeps a name for every
            file that it ever served. (Its own clean-up, `delete_cache`, ends with an error as soon as somebody paints
            while it looks, and never comes again.)
    """

    def __init__(self, place: Path, largest: int = LARGEST_FOLDER):
        self.place, self.largest, self.looked = place, largest, time.monotonic()
        self.remembered: Sequence[set[str]] = ()

    def save(self, shown: Shown) -> tuple[Path, list[Path]]:
        """Write a sheet with its settings inside, and every picture by itself.

        Returns:
            The sheet's file and one a picture, under names that nobody can guess.

        Raises:
            OSError: when so much was painted in the last minutes that the folder is full.
        """
        if time.monotonic() - self.looked > EVERY:
            self.sweep()
        if size_of(self.place) > self.largest:
            self.sweep()
            raise OSError("too many pictures were painted in the last minutes; try again in some")
        name = secrets.token_hex(12)
        sheet = self.place / f"painted_{name}.png"
        sheet.write_bytes(shown.png)
        pictures = [self.place / f"picture_{name}_{index:02}.png" for index in range(1, len(shown.pictures) + 1)]
        for path, data in zip(pictures, single_pictures(shown), strict=True):
            path.write_bytes(data)
        return sheet, pictures

    def sweep(self) -> None:
        """Take away what is older than it may be, uploads and their folders too."""
        self.looked = time.monotonic()
        oldest, gone = time.time() - 60 * MINUTES, set()
        for path in sorted(self.place.rglob("*"), reverse=True):  # files before the folder that holds them
            with contextlib.suppress(FileNotFoundError):  # an upload that is just being moved
                if path.lstat().st_mtime >= oldest:
                    continue
                if not path.is_dir():
                    path.unlink()
                    gone.add(str(path))
                elif not any(path.iterdir()):
                    path.rmdir()
        for names in self.remembered:
            names.difference_update(gone)


def single_pictures(shown: Shown) -> list[bytes]:
    """Every picture as a PNG file of its own, each of its pixels one pixel, in the order of the sheet."""
    files = []
    for picture in shown.pictures:
        buffer = io.BytesIO()
        as_image(picture).save(buffer, "PNG")
        files.append(buffer.getvalue())
    return files
