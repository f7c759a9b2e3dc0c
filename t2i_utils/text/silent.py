"""The encoder of systems that nobody tells what to paint: every caption says nothing to it."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from t2i_utils.interfaces import Text
from t2i_utils.text.captions import check_captions

SILENT = "none"


class SilentEncoder:
    """Captions to vectors of no numbers.

    Attributes:
        name, fingerprint, text_dim: as of every encoder.
    """

    name = fingerprint = SILENT
    text_dim = 0

    def encode(self, captions: Sequence[str]) -> Text:
        """[n] captions to sentence [n, 0]; refuses what every encoder refuses."""
        return Text(torch.empty(len(check_captions(captions)), 0))
