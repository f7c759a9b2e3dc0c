"""What do the hacks do? Every stabiliser beside the plain system: accuracy, diversity, collapsed runs, cost.

    python -m t2i_utils study hacks --data FILE.h5 --encoder tiny_clip --out runs/hacks

The same pictures, captions, seeds and number of pictures seen for every line. One that does not fit the system has its
reason in its line; `layer_norm+lazy_r1` is there because a penalty needs a discriminator without batch normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from t2i_utils.recipes.arguments import STABILISED, defaults
from t2i_utils.recipes.stabilisers import STABILISERS
from t2i_utils.studies.attempts import Line
from t2i_utils.studies.tables import compare
from t2i_utils.studies.trained import QUICK

BATCH_SIZE = 32
BATCH_SIZES = (8, 64)  # beside it: one report found them decisive
TOGETHER = (("layer_norm", "lazy_r1"),)


def lines(system: str, steps: int, channels: int) -> list[Line]:
    """The plain system first, then each stabiliser, some of them together, and other batch sizes.

    Args:
        system: a name in SYSTEMS.
        steps: of a training: what fades or falls has done so at its end.
        channels: base width of both networks.
    """
    fitting = {
        "instance_noise": {"steps": steps},
        "rate_decay": {"steps": steps},
        "adaptive_augmentation": {"pictures": steps * BATCH_SIZE},
    }
    known = defaults(system)
    widths = {name: channels for name in ("base_channels", "discriminator_channels") if name in known}
    plain: dict[str, Any] = {**widths, "batch_size": BATCH_SIZE, **QUICK.get(system, {})}
    found = [Line(f"plain_{system}", system, plain)]
    for names in (*((name,) for name in STABILISERS), *TOGETHER):
        chosen = {name: fitting.get(name, {}) for name in names}
        found.append(Line("+".join(names), system, {**plain, STABILISED: chosen}))
    for size in BATCH_SIZES:
        found.append(Line(f"batch_size_{size}", system, {**plain, "batch_size": size}, share=BATCH_SIZE / size))
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    return compare("hacks", __doc__, lines, arguments, system="gan_cls")
