"""A CLIP by its name: any of open_clip's models with any of its weights, or a local folder.

open_clip is imported inside functions: it takes seconds and brings torchvision, and the other encoders need neither.
"""

from __future__ import annotations

import difflib
import json
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from t2i_utils.text.clip import ANCESTORS, CONFIG_FILE, WEIGHTS_FILE, ClipEncoder

LOCAL = "local-dir:"


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
            network = create_model(model, device, tag)
        except UserWarning as warning:
            raise ValueError(f"{name}: {warning} Use {model}-quickgelu/{tag}.") from warning
        except RuntimeError as error:  # open_clip's word for a download that failed
            raise ValueError(f"{name} did not open ({error}); check the network, or name a folder") from error
    return ClipEncoder(network, open_clip.get_tokenizer(model), name, open_clip.get_model_config(model))


def create_model(name: str, device: torch.device | str, tag: str | None = None) -> nn.Module:
    """open_clip's; the weights that it draws, to be replaced, are nobody else's randomness."""
    import open_clip

    with torch.random.fork_rng(devices=[]):
        return open_clip.create_model(name, pretrained=tag, device=device)


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
        told = json.loads((folder / CONFIG_FILE).read_text())
        config = told["model_cfg"]
        network = create_model(f"{LOCAL}{folder}", device)
        tokenizer = open_clip.get_tokenizer(f"{LOCAL}{folder}")
        check_shapes(folder / WEIGHTS_FILE, network)
    except (RuntimeError, ValueError, KeyError, TypeError, AssertionError, OSError, SafetensorError) as error:
        # open_clip asserts where a configuration does not fit the weights; torch names every tensor, a line each
        said = str(error).partition("\n")[0]
        raise ValueError(
            f"{folder} does not open as a CLIP ({said}); copy the folder again or train it again"
        ) from error
    return ClipEncoder(network, tokenizer, str(folder), config, told.get(ANCESTORS, ()))


def check_shapes(path: Path, model: nn.Module) -> None:
    """Raise a ValueError where a tensor of a file has another shape than in the model.

    open_clip stretches positions that do not fit (another context length, another picture size) without a word.
    """
    with safe_open(path, "pt") as file:
        stored = {name: list(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    for name, tensor in model.state_dict().items():
        if tensor.ndim and stored.get(name, list(tensor.shape)) != list(tensor.shape):
            raise ValueError(f"{name} is {stored[name]} in {path.name}, and {list(tensor.shape)} by {CONFIG_FILE}")
