"""What do ten years of practice add to the 2016 model, at the same cost?

    python -m t2i_utils study modern --data FILE.h5 --encoder tiny_clip --out runs/modern

Three lines of the same width, data and time (each takes as many steps as fit in those of `gan_cls`, by what its steps
cost, measured in turns): our `gan_cls`; the model as its paper has it, with its text encoder (`embed FILE.h5 --encoder
char_cnn_rnn` first) and without an average; and `gan_cls_modern`.
"""

from __future__ import annotations

from collections.abc import Sequence

from t2i_utils.studies.attempts import Line
from t2i_utils.studies.tables import compare
from t2i_utils.studies.trained import QUICK

FIRST_ENCODER = "char_cnn_rnn"


def lines(steps: int, channels: int) -> list[Line]:
    """Ours, the paper's, and the modernised one."""
    widths = {"base_channels": channels, "discriminator_channels": channels, "batch_size": 32, **QUICK["gan_cls"]}
    return [
        Line("gan_cls", "gan_cls", widths),
        Line("the model of 2016", "gan_cls", widths | {"average": 0.0}, encoder=FIRST_ENCODER),
        Line("gan_cls_modern", "gan_cls_modern", widths),
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    return compare("modern", __doc__, lines, arguments, equal_time=True)
