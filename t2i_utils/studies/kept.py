"""Results that lie in a folder, so that an interrupted study goes on where it stopped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from t2i_utils.data.hdf5 import fingerprint
from t2i_utils.whole import write_whole


def as_file(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.=+,-]", "_", name)


def kept(
    folder: Path, name: str, data: Path, facts: Mapping[str, Any], work: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """What is in FOLDER/NAME.json if it came from the same facts and data; else what `work` gives, kept there.

    Args:
        folder: made if it is not there.
        name: of the result; what may not stand in a file's name becomes an underscore.
        data: HDF5 file that the result comes from; its fingerprint is one of the facts.
        facts: plain values that decide what the result is.
        work: makes it, of plain values.
    """
    path = folder / f"{as_file(name)}.json"
    facts = json.loads(json.dumps({"data": fingerprint(data), **facts}))
    if path.is_file() and (told := json.loads(path.read_text(encoding="utf-8")))["facts"] == facts:
        return told["result"]
    folder.mkdir(parents=True, exist_ok=True)
    result = work()
    write_whole(path, json.dumps({"facts": facts, "result": result}, indent=1).encode())
    return result
