"""Why did the GAN with conditioning augmentation not converge, and what cures it? Its report's choices, one changed.

    python -m t2i_utils study cures --data FILE.h5 --encoder tiny_clip --out runs/cures

First `ca_gan` as its report built it; then each suspect taken away by itself; then one after another, which is the
story of notebook 04.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from t2i_utils.studies.attempts import Line
from t2i_utils.studies.tables import compare

BATCH_SIZE = 32
# what is suspected, and what is done about it
SUSPECTS: dict[str, dict[str, Any]] = {
    "discriminator at 4 times the rate": {"discriminator_rate": 8e-4},
    "no dropout": {"dropout": 0.0},
    "condition held near N(0, 1)": {"kl_weight": 1.0},
    "no augmentation": {"augment": 0.0},
}


def lines(steps: int, channels: int) -> list[Line]:
    """The report's system, each suspect alone, and all of them one after another."""
    widths = {"base_channels": channels, "discriminator_channels": channels, "batch_size": BATCH_SIZE}
    found = [Line("as reported", "ca_gan", widths)]
    found += [Line(name, "ca_gan", widths | change) for name, change in SUSPECTS.items()]
    changed: Mapping[str, Any] = {}
    for count, change in enumerate(SUSPECTS.values(), 1):
        changed = {**changed, **change}
        if count > 1:
            found.append(Line(f"the first {count} together", "ca_gan", widths | changed))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    return compare("cures", __doc__, lines, arguments)
