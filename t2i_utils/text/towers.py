"""Two networks into one space, one for pictures and one for captions, and which of their layers learn."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from t2i_utils.data.split import Pictures
from t2i_utils.text.clip import ClipEncoder
from t2i_utils.training.turns import mixes_examples

LARGE = 10_000_000  # numbers of a picture tower; open_clip's smallest published ones have 38 million
Group = tuple[nn.Module | nn.Parameter, ...]


class Towers(nn.Module, ABC):
    """A picture tower and a caption tower whose vectors may be compared by their cosine.

    Subclasses say how pictures and tokens become vectors, and in which order their layers stand.

    Attributes:
        logit_scale: ln of the scale by which cosines are multiplied, a scalar.
        usual_rate: of AdamW, where nobody asks for another.
    """

    logit_scale: nn.Parameter
    usual_rate: float

    def __init__(self):
        super().__init__()
        self._asleep: list[nn.Module] = []  # in a list, so that they are not registered twice

    @abstractmethod
    def see(self, images: Tensor) -> Tensor:
        """Pictures [n, channels, size, size] in [-1, 1] to unit vectors [n, dim]."""

    @abstractmethod
    def read(self, tokens: Tensor) -> Tensor:
        """[n, length] int64 of `tokens` to unit vectors [n, dim]."""

    @abstractmethod
    def tokens(self, captions: Sequence[str]) -> Tensor:
        """[n] captions to [n, length] int64."""

    @abstractmethod
    def image_groups(self) -> list[Group]:
        """The picture tower's layers, from pixels to the vector."""

    @abstractmethod
    def text_groups(self) -> list[Group]:
        """The caption tower's layers, from letters to the vector."""

    def lock(self, image_layers: int | None = None, text_layers: int | None = None) -> None:
        """Let only the last layers of each tower learn; None for all of them, 0 for none.

        Batch normalisation in a locked layer keeps the statistics that it has.

        Raises:
            ValueError: for more layers than a tower has.
        """
        self.requires_grad_(True)
        self._asleep.clear()
        for name, groups, layers in (
            ("picture", self.image_groups(), image_layers),
            ("caption", self.text_groups(), text_layers),
        ):
            if layers is None:
                continue
            if not 0 <= layers <= len(groups):
                raise ValueError(
                    f"the {name} tower has {len(groups)} layers, of which {layers} should learn; use fewer"
                )
            for part in itertools.chain(*groups[: len(groups) - layers]):
                part.requires_grad_(False)
                if isinstance(part, nn.Module):
                    self._asleep.append(part)

    def checkpoint(self) -> None:
        """Keep less for backpropagation and compute it twice instead: half the speed, and room for larger batches."""
        raise ValueError(f"{type(self).__name__} has no layers that can be computed twice; leave checkpointing out")

    def save(self, folder: Path) -> None:
        """Write what encodes captions, as a folder that `open_encoder` opens; whole or not at all."""
        raise ValueError(f"{type(self).__name__} have no encoder of their own to save; save the one they read")

    def train(self, mode: bool = True) -> Towers:
        """As of every module, but for locked layers, which never train."""
        super().train(mode)
        for part in self._asleep:
            part.eval()
        return self

    def mixing(self) -> str:
        """The first layer that mixes the examples of a batch in training, "" where there is none."""
        return next((name for name, part in self.named_modules() if part.training and mixes_examples(part)), "")

    @torch.no_grad()
    def see_all(self, images: Tensor, batch_size: int = 256) -> Tensor:
        """Pictures, uint8 [n, channels, size, size], to vectors [n, dim] on the CPU, in evaluation mode."""
        with self._at_rest() as device:
            seen = [self.see(part.to(device).float() / 127.5 - 1) for part in images.split(batch_size)]
        return torch.cat(seen).float().cpu()

    @torch.no_grad()
    def read_all(self, captions: Sequence[str], batch_size: int = 256) -> Tensor:
        """[n] captions to vectors [n, dim] on the CPU, in evaluation mode."""
        with self._at_rest() as device:
            read = [self.read(part.to(device)) for part in self.tokens(captions).split(batch_size)]
        return torch.cat(read).float().cpu()

    def compare(self, pictures: Pictures) -> tuple[Tensor, Tensor]:
        """Vectors of pictures [pictures, dim] and of all their captions [captions, dim]."""
        return self.see_all(pictures.images), self.read_all(pictures.captions)

    @contextmanager
    def _at_rest(self) -> Iterator[torch.device]:
        """In evaluation mode for a while; gives the device."""
        training = self.training
        self.eval()
        try:
            yield self.logit_scale.device
        finally:
            self.train(training)


class ClipTowers(Towers):
    """Both towers of a CLIP; they are the encoder's own, which learns with them."""

    def __init__(self, encoder: ClipEncoder):
        super().__init__()
        self.clip = encoder.model
        self._encoder = encoder

    @property
    def logit_scale(self) -> nn.Parameter:
        return self.clip.logit_scale

    @property
    def usual_rate(self) -> float:
        """That of published CLIPs in fine-tuning; small ones have less to lose."""
        return 1e-5 if sum(part.numel() for part in self.clip.visual.parameters()) > LARGE else 3e-4

    def see(self, images: Tensor) -> Tensor:
        return self.clip.encode_image(self._encoder.see(images), normalize=True)

    def read(self, tokens: Tensor) -> Tensor:
        return self.clip.encode_text(tokens, normalize=True)

    def tokens(self, captions: Sequence[str]) -> Tensor:
        return self._encoder.tokens(captions)

    def checkpoint(self) -> None:
        self.clip.set_grad_checkpointing(True)

    def save(self, folder: Path) -> None:
        self._encoder.save(folder)

    def image_groups(self) -> list[Group]:
        return visual_groups(self.clip.visual)

    def text_groups(self) -> list[Group]:
        text = getattr(self.clip, "text", self.clip)  # open_clip's two kinds of CLIP
        if not hasattr(text, "token_embedding"):
            return [(text,)]
        return [
            (text.token_embedding, text.positional_embedding),
            *((block,) for block in text.transformer.resblocks),
            tuple(present(text.ln_final, text.text_projection)),
        ]


def visual_groups(visual: nn.Module) -> list[Group]:
    """The layers of one of open_clip's picture towers; a tower of another library is one layer."""
    if hasattr(visual, "layer4"):  # a ResNet
        stem = (visual.conv1, visual.bn1, visual.conv2, visual.bn2, visual.conv3, visual.bn3)
        return [stem, *((getattr(visual, f"layer{n}"),) for n in range(1, 5)), (visual.attnpool,)]
    if not hasattr(visual, "transformer"):
        return [(visual,)]
    stem = (visual.conv1, visual.class_embedding, visual.positional_embedding, visual.ln_pre)
    blocks = ((block,) for block in visual.transformer.resblocks)
    return [stem, *blocks, tuple(present(visual.ln_post, visual.proj))]


def present(*parts: nn.Module | nn.Parameter | None) -> Iterator[nn.Module | nn.Parameter]:
    """The parts that a network has."""
    return (part for part in parts if part is not None)


def unit(vectors: Tensor) -> Tensor:
    """Vectors [n, dim] of length 1, in float32 under autocast, too."""
    return F.normalize(vectors.float(), dim=-1)
