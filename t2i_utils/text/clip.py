"""CLIP through open_clip: any of its models with any of its weights, a local folder, or a tiny one of our own.

From: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, 2021 (arXiv:2103.00020).

open_clip is imported inside functions: it takes seconds and brings torchvision, and the other encoders need neither.
"""

from __future__ import annotations

import difflib
import json
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from t2i_utils.interfaces import Text
from t2i_utils.text.captions import check_captions
from t2i_utils.text.loudness import loud, weights_fingerprint

CONFIG_FILE, WEIGHTS_FILE = "open_clip_config.json", "open_clip_model.safetensors"
LOCAL = "local-dir:"


def tiny_config(image_size: int) -> dict[str, Any]:
    """open_clip's model configuration of a CLIP that two CPU cores train in about a minute.

    Args:
        image_size: of the pictures it will see, in pixels; it looks at smaller ones at 32, which it halves five times.
    """
    return {
        "embed_dim": 128,
        "vision_cfg": {"image_size": max(32, image_size), "layers": [1, 1, 1, 1], "width": 16},
        "text_cfg": {"context_length": 40, "vocab_size": 49408, "width": 64, "heads": 4, "layers": 2},
    }


class ClipEncoder:
    """Captions (and pictures) to vectors by a CLIP.

    A vector's numbers have a root mean square of LOUDNESS; its direction is the encoder's, and cosines do not change.

    Args:
        model: an open_clip CLIP.
        tokenizer: its tokenizer: captions to [n, context_length] int64.
        name: how a user asks for it again.
        config: open_clip's model configuration, needed for saving; None where weights came by tag.
    """

    def __init__(self, model: nn.Module, tokenizer, name: str, config: dict[str, Any] | None = None):
        self.model, self.tokenizer, self.name, self.config = model.eval(), tokenizer, name, config
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
    def encode(self, captions: Sequence[str], batch_size: int = 256) -> Text:
        """Captions to vectors.

        Args:
            captions: [n] sentences.
            batch_size: sentences at a time.

        Returns:
            sentence [n, text_dim], float32, on the CPU.

        Raises:
            ValueError: for a caption that no encoder should be asked for (empty, no words, far too long, NUL inside).
        """
        tokens = self.tokens(captions)
        self.model.eval()
        parts = [self.model.encode_text(part.to(self.device)).float().cpu() for part in tokens.split(batch_size)]
        return Text(loud(torch.cat(parts)))

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
        """Pictures as this CLIP's image tower wants them: resized ([n, 3, own size, own size]) and normalised.

        images: [n, 3, size, size] in [-1, 1], or [n, 1, size, size] of grey, which is told to all three colours. The
        resize is bicubic with antialiasing, as in open_clip's own transform.
        """
        import open_clip

        images = images.expand(-1, 3, -1, -1)
        visual = self.model.visual
        size = visual.image_size if isinstance(visual.image_size, int) else visual.image_size[0]
        if images.shape[-1] != size:
            images = F.interpolate(images, size=(size, size), mode="bicubic", antialias=True).clamp(-1, 1)
        mean = torch.tensor(getattr(visual, "image_mean", None) or open_clip.OPENAI_DATASET_MEAN, device=images.device)[
            :, None, None
        ]
        std = torch.tensor(getattr(visual, "image_std", None) or open_clip.OPENAI_DATASET_STD, device=images.device)[
            :, None, None
        ]
        return ((images + 1) / 2 - mean) / std

    def save(self, folder: Path) -> None:
        """Write an open_clip local folder (configuration and safetensors) that anyone's open_clip opens.

        The folder appears whole or not at all; one that is there is replaced.

        Raises:
            ValueError: where the configuration is not known because the weights came by tag.
        """
        if self.config is None:
            raise ValueError(
                f"{self.name} is opened by its tag from open_clip; ask for it by that name, not from a folder"
            )
        folder = Path(folder)
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        try:
            save_file({k: v.contiguous().cpu() for k, v in self.model.state_dict().items()}, temporary / WEIGHTS_FILE)
            (temporary / CONFIG_FILE).write_text(json.dumps({"model_cfg": self.config, "preprocess_cfg": {}}, indent=1))
            if folder.exists():
                shutil.rmtree(folder)
            temporary.chmod(0o755)  # mkdtemp makes it private
            temporary.rename(folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def new_clip(config: dict[str, Any], name: str = "new", seed: int = 0) -> ClipEncoder:
    """An untrained CLIP of an open_clip model configuration, the same for the same seed."""
    import open_clip

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(**config)
    tokenizer = open_clip.SimpleTokenizer(context_length=config["text_cfg"]["context_length"])
    return ClipEncoder(model, tokenizer, name, config)


def open_clip_encoder(name: str, device: torch.device | str = "cpu") -> ClipEncoder:
    """Open a CLIP by name.

    Args:
        name: `MODEL/TAG` as open_clip lists them (`ViT-B-32-quickgelu/openai`), downloaded on first use; or a folder
            with
            open_clip_config.json and weights, optionally written `local-dir:FOLDER`.
        device: where it will run.

    Raises:
        FileNotFoundError: a folder without a configuration or weights.
        ValueError: an unknown model or tag, or weights that need another activation than the model has.
    """
    import open_clip

    folder = Path(name.removeprefix(LOCAL))
    if name.startswith(LOCAL) or folder.is_dir():
        return open_folder(folder, device)
    model, _, tag = name.partition("/")
    if model not in open_clip.list_models():
        near = difflib.get_close_matches(model, open_clip.list_models(), n=8, cutoff=0.5)
        raise ValueError(
            f"{name!r} is neither a folder nor MODEL/TAG of open_clip; like it: {', '.join(near) or 'none'}; "
            "for example ViT-B-32-quickgelu/openai"
        )
    if tag not in open_clip.list_pretrained_tags_by_model(model):
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model)) or "none"
        raise ValueError(f"{model} has no weights tagged {tag!r}; its tags: {tags}; write for example {model}/TAG")
    with warnings.catch_warnings():
        # the wrong activation for the weights builds with only a warning, and paints worse without a word
        warnings.filterwarnings("error", message="QuickGELU mismatch")
        try:
            network = open_clip.create_model(model, pretrained=tag, device=device)
        except UserWarning as warning:
            raise ValueError(f"{name}: {warning} Use {model}-quickgelu/{tag}.") from warning
        except RuntimeError as error:  # open_clip's word for a download that failed
            raise ValueError(f"{name} did not open ({error}); check the network, or name a folder") from error
    return ClipEncoder(network, open_clip.get_tokenizer(model), name)


def names_weights(name: str) -> bool:
    """Whether this is MODEL/TAG of open_clip and not a folder."""
    import open_clip

    model, _, tag = name.partition("/")
    return tag in open_clip.list_pretrained_tags_by_model(model)


def open_folder(folder: Path, device: torch.device | str) -> ClipEncoder:
    """Open an open_clip local folder; its name is the folder's path."""
    import open_clip

    for file in (folder / CONFIG_FILE, folder / WEIGHTS_FILE):
        if not file.is_file():
            raise FileNotFoundError(
                f"{file} is missing; a CLIP's folder holds {CONFIG_FILE} and {WEIGHTS_FILE} (both written by `embed`)"
            )
    try:
        config = json.loads((folder / CONFIG_FILE).read_text())["model_cfg"]
        network = open_clip.create_model(f"{LOCAL}{folder}", device=device)
        tokenizer = open_clip.get_tokenizer(f"{LOCAL}{folder}")
    except (RuntimeError, ValueError, KeyError, TypeError, AssertionError, OSError, SafetensorError) as error:
        # open_clip asserts where a configuration does not fit the weights; torch names every tensor, a line each
        said = str(error).partition("\n")[0]
        raise ValueError(
            f"{folder} does not open as a CLIP ({said}); copy the folder again or train it again"
        ) from error
    return ClipEncoder(network, tokenizer, str(folder), config)
