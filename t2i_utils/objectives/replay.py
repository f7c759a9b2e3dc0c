"""Painted pictures of earlier steps, so that a discriminator does not forget what it has already seen through."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Text
from t2i_utils.objectives.round import Round


class Replay(nn.Module):
    """Painted pictures with their captions, some of which stand for new ones in the discriminator's turn.

    Args:
        image_shape: (channels, size, size) of a picture.
        text_dim: length of a sentence vector; words are not kept.
        size: pictures that are kept; the oldest go first.
        share: of the painted pictures in a discriminator's turn, the part that are old ones.

    Raises:
        ValueError: for a size below 1, or a share that is not above 0 and below 1.

    From: Shrivastava et al., Learning from Simulated and Unsupervised Images through Adversarial Training, 2017,
    section 2.3 (arXiv:1612.07828), who keep half.
    """

    def __init__(self, image_shape: Sequence[int], text_dim: int, size: int = 256, share: float = 0.5):
        super().__init__()
        if size < 1 or not 0 < share < 1:
            raise ValueError(
                f"{size} pictures cannot stand for a share of {share}; use 1 or more, and a share above 0 and below 1"
            )
        self.share = share
        self.register_buffer("images", torch.zeros(size, *image_shape))
        self.register_buffer("sentences", torch.zeros(size, text_dim))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.count = 0  # the same number on the host: reading the buffer would wait for a GPU in every step
        self._last: tuple[Tensor, Tensor] | None = None

    def mix(self, images: tuple[Tensor, ...], text: Text, rng: torch.Generator) -> tuple[tuple[Tensor, ...], Text]:
        """The last of a batch's pictures replaced by old ones, as soon as there are enough of those.

        Args:
            images: one size, [batch, channels, size, size], without history.
            text: their captions.
            rng: draws of this step, on the CPU.
        """
        if len(images) > 1 or text.words is not None:
            raise ValueError("experience replay keeps pictures of one size with sentences; this system needs more")
        (fresh,) = images
        old, known = round(self.share * len(fresh)), min(self.count, len(self.images))
        if known < old or not old:
            return images, text
        chosen = torch.randperm(known, generator=rng)[:old].to(fresh.device)
        mixed = torch.cat([fresh[:-old], self.images[chosen].to(fresh.dtype)])
        sentences = self.sentences[chosen] if self.sentences.shape[1] else text.sentence[-old:]
        return (mixed,), Text(torch.cat([text.sentence[:-old], sentences]))

    def see(self, round: Round) -> None:
        """Look at the pictures that were painted."""
        self._last = round.fake.images[-1].detach(), round.batch.text.sentence

    @torch.no_grad()
    def keep(self) -> None:
        """Put them in the place of the oldest."""
        images, sentences = self._last
        size = len(self.images)
        images, sentences = images[:size], sentences[:size]
        places = ((self.count + torch.arange(len(images))) % size).to(self.images.device)
        self.images[places] = images.float()
        if self.sentences.shape[1]:
            self.sentences[places] = sentences
        self.count += len(images)
        self.seen.fill_(self.count)

    def _load_from_state_dict(self, state_dict, prefix, *rest) -> None:
        super()._load_from_state_dict(state_dict, prefix, *rest)
        self.count = int(self.seen)
