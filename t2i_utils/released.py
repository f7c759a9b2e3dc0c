"""The weights that DF-GAN's authors released, in our `df_gan`: opened as tensors only, checked name by name.

Nothing of theirs comes with this package; checkpoints.md says where their files are. There are two generations:

- **2022**, a checkpoint {"model": {"netG": ..., "netD": ...}, "optimizers": ..., "epoch": ...}: our `df_gan`, weight by
  weight. Names change and nothing else. (Our shortcuts convolve before they double and theirs after: with 1 x 1 the
  same.)
- **2020**, a generator's weights by themselves, of another network than ours: a block more, at 4 x 4; blocks hear the
  sentence without the noise, through a hidden layer that is 256 wide however many channels there are; a learnt gate
  lets each residual in. No arguments make that of `df_gan`, so `FirstGenerator` puts it together of our parts.

What cannot be done: both learnt from sentence vectors of DAMSM, a bidirectional LSTM that this project does not have
yet. Vectors of other encoders mean nothing to them, so there is a generator of vectors and no painter of captions.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as safetensors
from torch import Tensor

from t2i_utils.models import df_gan
from t2i_utils.models.df_gan_first import FirstGenerator
from t2i_utils.published import GENERATOR
from t2i_utils.tensor_files import read_tensors
from t2i_utils.whole import write_whole

PREFIX = "module."  # before every name where several GPUs trained
LICENCE = "the authors release their code for academic research only"
ENCODER = "the authors' DAMSM text encoder, which this project does not have yet"

# A name of ours becomes theirs when each of these is replaced, in this order.
SHARED = {
    "start.": "fc.",
    ".convolve.0.": ".c1.",
    ".convolve.1.": ".c2.",
    ".shortcut.": ".c_sc.",
    ".scale.0.": ".fc_gamma.linear1.",
    ".scale.2.": ".fc_gamma.linear2.",
    ".shift.0.": ".fc_beta.linear1.",
    ".shift.2.": ".fc_beta.linear2.",
}
NAMES = {
    "2022": {
        **SHARED,
        ".fuse.0.affines.": ".fuse1.affine",
        ".fuse.1.affines.": ".fuse2.affine",
        "blocks.": "GBlocks.",
        "paint.": "to_rgb.1.",
    },
    "2020": {
        **SHARED,
        ".fuse.0.affines.0.": ".affine0.",
        ".fuse.0.affines.1.": ".affine1.",
        ".fuse.1.affines.0.": ".affine2.",
        ".fuse.1.affines.1.": ".affine3.",
        ".gate": ".gamma",
        "blocks.": "block",
        "paint.": "conv_img.1.",
    },
}


NETWORKS = {"2022": df_gan.Generator, "2020": FirstGenerator}


@dataclass(frozen=True)
class Released:
    """A released generator and what is known of it.

    Attributes:
        generator: computes what the authors' computes; float32, on the CPU, in evaluation mode.
        layout: "2022" or "2020", the generation of the authors' code.
        arguments: of our network; of 2022 those that `build_recipe("df_gan", arguments)` takes.
        epoch: after which it was saved, where the file says so.
        sha256: of the file.
    """

    generator: df_gan.Generator
    layout: str
    arguments: dict[str, int]
    epoch: int | None
    sha256: str

    def __str__(self) -> str:
        count = sum(parameter.numel() for parameter in self.generator.parameters())
        told = ", ".join(f"{name} {value}" for name, value in self.arguments.items())
        after = "" if self.epoch is None else f", epoch {self.epoch:,}"
        return (
            f"DF-GAN of {self.layout}{after}, {count:,} parameters ({told}); it paints vectors of {ENCODER}; {LICENCE}"
        )


def load_released(path: Path) -> Released:
    """A generator from a file of DF-GAN's authors.

    Args:
        path: a checkpoint of 2022, or a generator's weights of either layout, as the authors' code saves them.

    Raises:
        FileNotFoundError: if it is not there.
        ValueError: for a file that is damaged, that asks for more than tensors (none of that is run), that holds
            something else, or whose names, shapes or numbers are not those of the network, naming them.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {path}; checkpoints.md says where the authors' weights are")
    try:
        found = read_tensors(path)
    except ValueError as error:
        raise ValueError(f"{error}; download it again from the authors") from error
    state, epoch = _generator_state(found, path)
    layout = _layout(state, path)
    arguments = _arguments(state, layout, path)
    try:
        generator = _without_numbers(layout, arguments)
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"{path} is of no network that we have: {error}") from error
    ours = generator.state_dict()
    if wrong := _differences(state, {their_name(name, layout): list(one.shape) for name, one in ours.items()}):
        told = ", ".join(f"{name} {value}" for name, value in arguments.items())
        more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ValueError(
            f"{path} looks like the authors' generator of {layout} ({told}), but {'; '.join(wrong[:5])}{more}: it was "
            "altered or is not theirs; download it again"
        )
    generator.load_state_dict({name: state[their_name(name, layout)].detach().float() for name in ours}, assign=True)
    return Released(generator.eval(), layout, arguments, epoch, hashlib.sha256(path.read_bytes()).hexdigest())


def convert(path: Path, out: Path) -> Released:
    """Write a released generator as ours: `generator.safetensors`, float32, with a header that says what it is.

    `open_converted` opens it; `open_painter` does not, for want of the text encoder.

    Args:
        path: as of `load_released`.
        out: the folder that gets it; one that holds a generator already is refused.

    Raises: as `load_released`.
    """
    path, out = Path(path), Path(out)
    if (out / GENERATOR).exists():
        raise ValueError(f"{out} holds a generator already; name a new folder")
    released = load_released(path)
    told = {
        "system": "df_gan" if released.layout == "2022" else f"df_gan_{released.layout}",
        "arguments": json.dumps(released.arguments),
        "layout": released.layout,
        "epoch": str(released.epoch),
        "text_encoder": ENCODER,
        "source": f"{path.name}, sha256 {released.sha256}",
        "licence": LICENCE,
    }
    out.mkdir(parents=True, exist_ok=True)
    state = {name: tensor.contiguous() for name, tensor in released.generator.state_dict().items()}
    write_whole(out / GENERATOR, safetensors(state, told))
    return released


def open_converted(folder: Path) -> df_gan.Generator:
    """The generator in a folder that `convert` wrote, in evaluation mode.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: for a file that is damaged or that `convert` did not write.
    """
    path = Path(folder) / GENERATOR
    if not path.is_file():
        raise FileNotFoundError(f"there is no {path}; name a folder that `convert` wrote")
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            generator = _without_numbers(told["layout"], json.loads(told["arguments"]))
            generator.load_state_dict({name: file.get_tensor(name) for name in file.keys()}, assign=True)  # noqa: SIM118
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        said = str(error).partition("\n")[0]
        raise ValueError(f"{path} holds no converted generator ({said}); convert the authors' file again") from error
    return generator.eval()


def their_name(ours: str, layout: str) -> str:
    """What the authors call a weight: our blocks.0.convolve.1.bias is their GBlocks.0.c2.bias, or block0.c2.bias."""
    for name, theirs in NAMES[layout].items():
        ours = ours.replace(name, theirs)
    return ours


def _without_numbers(layout: str, arguments: Mapping[str, int]) -> df_gan.Generator:
    """The network with shapes only: a file that lies about its sizes costs no memory."""
    with torch.device("meta"):
        return NETWORKS[layout](**arguments)


def _generator_state(found: object, path: Path) -> tuple[dict[str, Tensor], int | None]:
    """The generator's weights by the authors' names, and the epoch."""
    epoch = None
    if isinstance(found, Mapping) and isinstance(found.get("model"), Mapping):
        epoch, found = found.get("epoch"), found["model"].get("netG")
    if not isinstance(found, Mapping) or not found or not all(isinstance(key, str) for key in found):
        raise ValueError(
            f"{path} holds no generator's weights by name; use the authors' netG*.pth or state_epoch_*.pth"
        )
    if all(key.startswith(PREFIX) for key in found):
        found = {key.removeprefix(PREFIX): value for key, value in found.items()}
    return dict(found), epoch if isinstance(epoch, int) else None


def _layout(state: Mapping[str, Tensor], path: Path) -> str:
    for layout in NAMES:
        if any(key.startswith(their_name("blocks.0.fuse.0.affines.0.", layout)) for key in state):
            return layout
    raise ValueError(
        f"{path} is no generator of DF-GAN's authors: it begins with {', '.join(list(state)[:3])}; use their netG*.pth "
        "or state_epoch_*.pth"
    )


def _arguments(state: Mapping[str, Tensor], layout: str, path: Path) -> dict[str, int]:
    """Our network's arguments, read from the shapes of three weights and the number of blocks."""
    shapes = []
    for name in ("start.weight", "paint.weight", "blocks.0.fuse.0.affines.0.scale.0.weight"):
        tensor = state.get(their_name(name, layout))
        if not isinstance(tensor, Tensor) or tensor.ndim < 2:
            raise ValueError(f"{path}: {their_name(name, layout)} is missing or no matrix; download it again")
        shapes.append(tensor.shape)
    (_, noise_dim), (channels, base_channels), (hidden, heard) = (shape[:2] for shape in shapes)
    block = re.compile(re.escape(NAMES[layout]["blocks."]) + r"(\d+)\.")
    count = len({match[1] for match in map(block.match, state) if match})
    sizes = {"base_channels": base_channels, "noise_dim": noise_dim, "channels": channels}
    if layout == "2022":
        return {"image_size": 4 * 2**count, "text_dim": heard - noise_dim, **sizes}
    return {"image_size": 2 * 2**count, "text_dim": heard, **sizes, "hidden": hidden}


def _differences(state: Mapping[str, Tensor], shapes: Mapping[str, list[int]]) -> list[str]:
    """Every way in which weights are not those of a network with these shapes."""
    wrong = [f"{key} is missing" for key in shapes if key not in state]
    wrong += [f"it has {key}, which our network has not" for key in state if key not in shapes]
    for key in (key for key in shapes if key in state):
        tensor = state[key]
        if not isinstance(tensor, Tensor) or not tensor.is_floating_point():
            wrong.append(f"{key} is no tensor of floating-point numbers")
        elif list(tensor.shape) != shapes[key]:
            wrong.append(f"{key} is {list(tensor.shape)} where our network has {shapes[key]}")
        elif tensor.layout is not torch.strided or tensor.device.type != "cpu" or not torch.isfinite(tensor).all():
            wrong.append(f"{key} holds NaN or infinity, or no numbers at all")
    return wrong
