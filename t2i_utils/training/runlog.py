"""What happened to a run, line by line, in its folder: resumed, skipped, went back, copied to Drive or not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "run.log"


@contextmanager
def logged_to(folder: Path) -> Iterator[None]:
    """Append everything that the package logs to `run.log` in a folder; warnings go to the screen as they always do."""
    logger = logging.getLogger("t2i_utils")
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder / NAME, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    screen = logging.StreamHandler()
    screen.setLevel(logging.WARNING)
    level, logger.level = logger.level, logging.INFO
    logger.addHandler(handler)
    if not logging.getLogger().handlers:  # with a handler of ours Python's last resort is silent
        logger.addHandler(screen)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.removeHandler(screen)
        logger.level = level
        handler.close()
