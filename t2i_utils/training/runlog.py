"""What happened to a run, line by line, in its folder: resumed, skipped, went back, copied to Drive or not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "run.log"


class FileOfAFolder(logging.FileHandler):
    """A log that makes its folder with its first line: a folder where nothing happened is not made."""

    def _open(self):
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


@contextmanager
def logged_to(folder: Path) -> Iterator[None]:
    """Append everything that the package logs to `run.log` in a folder; warnings go to the screen as they always do."""
    logger = logging.getLogger("t2i_utils")
    file = FileOfAFolder(folder / NAME, encoding="utf-8", delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    before = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False  # whoever configured the root logger (libraries do) would show every line on the screen
    for handler in (file, screen):
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in (file, screen):
            logger.removeHandler(handler)
        logger.level, logger.propagate = before
        file.close()
