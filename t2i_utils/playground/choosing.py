"""Who says which of several pictures shows its caption best.

Networks are imported by those who choose, not here: a page that paints one picture a caption opens none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.data.grammar_reading import stated

if TYPE_CHECKING:
    from t2i_utils.interfaces import TextEncoder
    from t2i_utils.metrics.packed_reader import PackedReader
    from t2i_utils.text.clip import ClipEncoder

KINDS = {
    "petal_color": "the petals' colour",
    "petal_shape": "their shape",
    "petal_count": "their number",
    "center_color": "the center's colour",
    "background": "the background",
}


class Chooser(Protocol):
    """Says how well pictures show their captions.

    Attributes:
        name: for people, e.g. "the reader network".
    """

    name: str

    def score(self, captions: Sequence[str], images: Tensor) -> Tensor:
        """How well each picture shows its caption.

        Args:
            captions: [n] sentences.
            images: uint8 [n, channels, size, size], a picture of each.

        Returns:
            [n] float on the CPU, the larger the better. Only scores of one caption compare.

        Raises:
            ValueError: for captions or pictures of which nothing can be said.
        """


class ReaderChooser:
    r"""Chooses by what a reader network sees of all that a caption states.

    $$ s(x, t) = \frac{1}{|A_t|} \sum_{a \in A_t} \log p_a(v_a \mid x) $$

    with the attributes A that the caption t states, and its value v of each.

    Args:
        reader: that `open_reader` opened.
    """

    name = "the reader network"

    def __init__(self, reader: PackedReader):
        self.reader = reader.eval()

    @torch.no_grad()
    def score(self, captions: Sequence[str], images: Tensor) -> Tensor:
        """As `Chooser.score`: mean log-probability of the stated values, at most 0.

        captions: [n]; images: uint8 [n, 3, size, size] of the reader's size.

        Raises:
            ValueError: for a caption that states nothing which the reader knows, and for pictures of another size.
        """
        from t2i_utils.metrics.reader import unit

        _check_pairs(captions, images)
        size = self.reader.size
        if images.shape[1:] != (3, size, size):
            shape = " x ".join(map(str, images.shape[1:]))
            raise ValueError(
                f"pictures are {shape}, and {self.name} reads 3 x {size} x {size}; open the reader of their size, or "
                "take the first picture (tries 1)"
            )
        wanted = {caption: self._wanted(caption) for caption in set(captions)}
        device = next(self.reader.parameters()).device
        parts = [self.reader(unit(part.to(device)))[1] for part in images.split(256)]
        sure = {name: torch.cat([part[name] for part in parts]).log_softmax(1).cpu() for name in self.reader.attributes}
        told = [[sure[name][row, i] for name, i in wanted[said].items()] for row, said in enumerate(captions)]
        return torch.stack([torch.stack(row).mean() for row in told])

    def _wanted(self, caption: str) -> dict[str, int]:
        """What a caption states that the reader reads, by attribute."""
        found = {name: index for name, index in stated(caption).items() if name in self.reader.attributes}
        if not found:
            knows = "; ".join(f"{KINDS[name]} ({', '.join(v)})" for name, v in self.reader.attributes.items())
            raise ValueError(
                f"{caption[:40]!r} states nothing that {self.name} can look for; it knows {knows}: "
                "say one of them without doubt, e.g. 'a red flower with a black center', or take the first picture "
                "(tries 1)"
            )
        return found


class ClipChooser:
    """Chooses by the cosine of picture and caption in the eyes of a CLIP that had no part in the pictures.

    Args:
        encoder: the CLIP.
        participants: the encoders that trained, conditioned or guided the generator; `[painter.encoder]` at least.

    Raises:
        ValueError: if it is one of the participants, or kin to one: it would choose what deceives itself.
    """

    def __init__(self, encoder: ClipEncoder, participants: Sequence[TextEncoder]):
        from t2i_utils.metrics.judge import Judge

        self.judge, self.name = Judge(encoder, participants), f"the CLIP {encoder.name}"

    def score(self, captions: Sequence[str], images: Tensor) -> Tensor:
        """As `Chooser.score`: cosines of [n] captions and uint8 [n, channels, size, size] pictures, -1 to 1.

        Raises:
            ValueError: for a caption that the encoder refuses.
        """
        _check_pairs(captions, images)
        return F.cosine_similarity(self.judge.see(images), self.judge.read(captions), dim=1)


def _check_pairs(captions: Sequence[str], images: Tensor) -> None:
    if len(captions) != len(images) or not len(captions):
        raise ValueError(f"got {len(captions)} captions and {len(images)} pictures; give a caption a picture")
