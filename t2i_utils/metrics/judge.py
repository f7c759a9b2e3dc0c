"""Scores by a CLIP that had no part in the pictures: CLIP score and R-precision.

An encoder that trained, conditioned or guided a generator finds its own taste in the pictures: its scores are inflated.
Here it is refused, by fingerprint, and so is one that it was fine-tuned from, or that was fine-tuned from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.interfaces import TextEncoder
from t2i_utils.text.clip import ClipEncoder
from t2i_utils.text.encoders import open_encoder

CANDIDATES = 100  # captions that R-precision ranks, the picture's own among them


def family(encoder: TextEncoder) -> set[str]:
    """The fingerprints of an encoder and of those that it was fine-tuned or packed from."""
    return {encoder.fingerprint, *getattr(encoder, "ancestors", ())}


def refuse_participants(judge: TextEncoder, participants: Sequence[TextEncoder]) -> None:
    """Raise a ValueError if a judge took part in what it judges.

    Args:
        judge: who should score.
        participants: the encoders that trained, conditioned or guided the generator.
    """
    for other in participants:
        if shared := family(judge) & family(other):
            raise ValueError(
                f"{judge.name} cannot judge these pictures: {other.name}, which had a part in them, is it or kin to it "
                f"(fingerprint {min(shared)[:12]}); use another CLIP, for example "
                "ViT-B-32/laion2b_s34b_b79k where ViT-B-32-quickgelu/openai was used"
            )


def open_judge(name: str, data: Path, device: torch.device | str = "cpu") -> ClipEncoder:
    """The CLIP that a user names to judge; whose pictures it may judge is for `Judge` to say.

    Args:
        name: as of `open_encoder`: judge_clip (trained on the data, to judge only), MODEL/TAG, or a folder.
        data: the HDF5 file at hand.
        device: where it will run.

    Raises:
        ValueError: for an encoder that sees no pictures; and as `open_encoder`.
        FileNotFoundError: as `open_encoder`.
    """
    encoder = open_encoder(name, data, device)
    if not isinstance(encoder, ClipEncoder):
        raise ValueError(f"{name} sees no pictures and cannot judge any; name a CLIP with --judge")
    return encoder


class Judge:
    """A CLIP that scores pictures of somebody else's making.

    Args:
        encoder: a CLIP; it is not changed.
        participants: the encoders that trained, conditioned or guided the generator; `[painter.encoder]` at least.

    Raises:
        ValueError: if it is one of the participants, or kin to one.
    """

    def __init__(self, encoder: ClipEncoder, participants: Sequence[TextEncoder]):
        refuse_participants(encoder, participants)
        self.encoder = encoder

    def see(self, images: Tensor) -> Tensor:
        """uint8 [n, channels, size, size] to unit vectors, [n, dim]."""
        return self.encoder.encode_images(images.float() / 127.5 - 1)

    def read(self, captions: Sequence[str]) -> Tensor:
        """[n] captions to vectors, [n, dim]."""
        return self.encoder.encode(captions).sentence


def clip_score(images: Tensor, sentences: Tensor) -> Tensor:
    """100 times the cosine of each picture and its caption, 0 where it is negative.

    images, sentences: [n, dim]; returns [n].

    From: Hessel et al., CLIPScore, 2021 (arXiv:2104.08718), whose factor is 2.5 and not 100.
    """
    return 100 * F.cosine_similarity(images.double(), sentences.double(), dim=1).clamp(min=0)


def r_precision(images: Tensor, own: Tensor, others: Tensor) -> Tensor:
    """Whether each picture's own caption is strictly nearer than all of some others.

    images, own: [n, dim]; others: [n, candidates - 1, dim]; returns bool [n].

    From: Xu et al., AttnGAN, 2018, section 4.1 (arXiv:1711.10485), with R = 1 relevant caption among 100.
    """
    images, own, others = (F.normalize(part.double(), dim=-1) for part in (images, own, others))
    best = (others @ images[:, :, None]).squeeze(2).max(dim=1).values
    return (images * own).sum(1) > best
