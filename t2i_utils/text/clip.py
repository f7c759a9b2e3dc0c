"""CLIP through open_clip: any of its models with any of its weights, a local folder, or a tiny one of our own.

From: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021 (arXiv:2103.00020).

open_clip is imported inside functions: it takes seconds and brings torchvision, and the other encoders need neither.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from t2i_utils.interfaces import Text
from t2i_utils.text.captions import check_captions
from t2i_utils.text.loudness import loud, weights_fingerprint
from t2i_utils.whole import writing_folder_whole

CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"
ANCESTORS = "t2i_utils_ancestors"


def tiny_config(image_size: int, width: int = 16) -> dict[str, Any]:
    """open_clip's model configuration of a CLIP that two CPU cores train in about a minute.

    Args:
        image_size: of the pictures it will see, in pixels; it looks at smaller ones at 32, which it halves five times.
        width: of the picture tower.
    """
    return {
        "embed_dim": 128,
        "vision_cfg": {"image_size": max(32, image_size), "layers": [1, 1, 1, 1], "width": width},
        "text_cfg": {"context_length": 40, "vocab_size": 49408, "width": 64, "heads": 4, "layers": 2},
    }


class ClipEncoder:
    """Captions (and pictures) to vectors by a CLIP.

    A vector's numbers have a root mean square of LOUDNESS; its direction is the encoder's, and cosines do not change.

    Args:
        model: an open_clip CLIP.
        tokenizer: its tokenizer: captions to [n, context_length] int64.
        name: how a user asks for it again.
        config: open_clip's model configuration.
        ancestors: fingerprints of the encoders that it was fine-tuned from.

    Raises:
        ValueError: for a tokenizer of another context length than the model's.
    """

    def __init__(self, model: nn.Module, tokenizer, name: str, config: dict[str, Any], ancestors: Sequence[str] = ()):
        self.model, self.tokenizer, self.name, self.config = model.eval(), tokenizer, name, config
        self.ancestors = tuple(ancestors)
        reads = getattr(getattr(model, "text", model), "context_length", None)
        if reads is not None and tokenizer.context_length != reads:
            raise ValueError(
                f"{name} reads {reads} tokens, and its tokenizer makes {tokenizer.context_length}; use its own "
                f"tokenizer: open_clip.get_tokenizer(..., context_length={reads})"
            )
        with torch.no_grad():
            self.text_dim = model.encode_text(self.tokenizer(["a"]).to(self.device)).shape[-1]

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def fingerprint(self) -> str:
        """sha256 over every weight and the loudness: other vectors, other fingerprint."""
        return weights_fingerprint(self.model.state_dict())

    @torch.no_grad()
    def encode(self, captions: Sequence[str], batch_size: int = 256, words: bool = False) -> Text:
        """Captions to vectors.

        Args:
            captions: [n] sentences.
            batch_size: sentences at a time.
            words: whether to give vectors of words, too; CLIP reads from left to right, so a word knows those before.

        Returns:
            sentence [n, text_dim]; with `words` also words [n, length, text_dim], one a token, in the sentence's space
            and not made louder, zero at padding, and mask [n, length], True at tokens (start and end of the text are
            none). float32, on the CPU.

        Raises:
            ValueError: for a caption that no encoder should be asked for (empty, no words, far too long, NUL inside).
        """
        tokens = self.tokens(captions)
        self.model.eval()
        if not words:
            parts = [self.model.encode_text(part.to(self.device)).float().cpu() for part in tokens.split(batch_size)]
            return Text(loud(torch.cat(parts)))
        states = torch.cat([self._states(part.to(self.device)).float().cpu() for part in tokens.split(batch_size)])
        # by position, not by value: what pads a caption may be a token, too; the end has the highest number of all
        end = tokens.argmax(dim=1)
        mask = torch.arange(1, int(end.max())) < end[:, None]
        sentence = states[torch.arange(len(end)), end]
        return Text(loud(sentence), states[:, 1 : int(end.max())] * mask[:, :, None], mask)

    def _states(self, tokens: Tensor) -> Tensor:
        """[n, context_length] int64 to what the last layer makes of each token, projected, [n, context_length, dim]."""
        text = getattr(self.model, "text", self.model)
        if not hasattr(text, "token_embedding"):
            raise ValueError(f"{self.name} reads with another library's network; ask for no words of it")
        found = self.model.forward_intermediates(text=tokens, text_indices=1, normalize_intermediates=True)
        project = text.text_projection
        states = found["text_intermediates"][-1]
        return states if project is None else project(states) if callable(project) else states @ project

    @torch.no_grad()
    def encode_images(self, images: Tensor, batch_size: int = 256) -> Tensor:
        """Pictures, [n, 3 or 1, size, size] in [-1, 1], to vectors as of sentences, [n, text_dim]."""
        self.model.eval()
        parts = [self.model.encode_image(self.see(p.to(self.device))).float().cpu() for p in images.split(batch_size)]
        return loud(torch.cat(parts))

    def tokens(self, captions: Sequence[str]) -> Tensor:
        """[n] captions to [n, context_length] int64; longer ones are cut at the encoder's context length."""
        return self.tokenizer(check_captions(captions))

    def see(self, images: Tensor) -> Tensor:
        """Pictures as this CLIP's image tower wants them, see `as_seen`."""
        return as_seen(self.model.visual, images)

    def save(self, folder: Path) -> None:
        """Write an open_clip local folder (configuration and safetensors) that anyone's open_clip opens.

        The folder appears whole or not at all; one that is there is replaced.
        """
        mean, std = mean_and_std(self.model.visual)
        told = {
            "model_cfg": self.config,
            "preprocess_cfg": {"mean": list(mean), "std": list(std)},
            ANCESTORS: list(self.ancestors),  # ours; open_clip does not look at it
        }
        with writing_folder_whole(Path(folder)) as whole:
            save_file({k: v.contiguous().cpu() for k, v in self.model.state_dict().items()}, whole / WEIGHTS_FILE)
            (whole / CONFIG_FILE).write_text(json.dumps(told, indent=1))


def as_seen(visual: nn.Module, images: Tensor) -> Tensor:
    """Pictures as one of open_clip's picture towers wants them: resized ([n, 3, own size, own size]) and normalised.

    images: [n, 3, size, size] in [-1, 1], or [n, 1, size, size] of grey, which is told to all three colours. The resize
    is bicubic with antialiasing, as in open_clip's own transform.
    """
    images = images.expand(-1, 3, -1, -1)
    size = visual.image_size if isinstance(visual.image_size, int) else visual.image_size[0]
    if images.shape[-1] != size:
        images = F.interpolate(images, size=(size, size), mode="bicubic", antialias=True).clamp(-1, 1)
    mean, std = (torch.tensor(part, device=images.device)[:, None, None] for part in mean_and_std(visual))
    return ((images + 1) / 2 - mean) / std


def mean_and_std(visual: nn.Module) -> tuple[Sequence[float], Sequence[float]]:
    """Of red, green and blue, as this tower was trained with; OpenAI's where it does not say."""
    import open_clip

    mean, std = getattr(visual, "image_mean", None), getattr(visual, "image_std", None)
    return mean or open_clip.OPENAI_DATASET_MEAN, std or open_clip.OPENAI_DATASET_STD


def new_clip(config: dict[str, Any], name: str = "new", seed: int = 0) -> ClipEncoder:
    """An untrained CLIP of an open_clip model configuration, the same for the same seed."""
    import open_clip

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(**config)
    tokenizer = open_clip.SimpleTokenizer(context_length=config["text_cfg"]["context_length"])
    return ClipEncoder(model, tokenizer, name, config)
