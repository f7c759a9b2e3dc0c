"""Files of torch.save opened as tensors and plain values only, whoever wrote them."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import torch


def read_tensors(path: Path, device: torch.device | str = "cpu") -> Any:
    """What torch.save wrote into a file; no code in it is run.

    Args:
        path: the file.
        device: where its tensors will be.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: saying why, for a file that is cut or altered (checksums inside must hold), of another kind, or
            that asks for anything but tensors and plain values, naming what it asked for.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"there is no file {path}")
    try:
        if zipfile.is_zipfile(path):  # torch looks at no checksums
            with zipfile.ZipFile(path) as inside:
                if (spoilt := inside.testzip()) is not None:
                    raise ValueError(f"the checksum of {spoilt} does not hold")
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # an altered file makes torch raise whatever it comes to, AssertionError too
        # torch's own words tell people how to open such a file all the same
        asked = re.search(r"GLOBAL (\S+)", str(error))
        why = f"it asks for {asked[1]}" if asked else "it is cut, altered or of another kind"
        raise ValueError(f"{path} does not open as tensors alone: {why}. Nothing in it was run") from error
