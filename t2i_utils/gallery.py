"""Painters by name: weights that come with this package, a folder of packed weights, or the folder of a run."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from t2i_utils.painter import Painter

PUBLISHED = Path(__file__).with_name("weights")
GENERATOR, TEXT, CARD = "generator.safetensors", "text.safetensors", "card.md"
USUAL = "flowers"


def published() -> dict[str, str]:
    """The painters that come with this package: name to one line about each."""
    cards = sorted(PUBLISHED.glob(f"*/{CARD}"))
    return {path.parent.name: path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for path in cards}


def open_painter(name: str | Path = USUAL, device: torch.device | str = "cpu") -> Painter:
    """Open something that paints captions.

    Args:
        name: of `published()` (no network, no open_clip); or a folder that `pack` wrote; or a run's folder, or the name
            of one in the workspace.
        device: where it paints.

    Returns:
        A painter: of a run, the averaged generator of the newest whole checkpoint and the run's own encoder.

    Raises:
        FileNotFoundError: where nothing of that name is found, or a run without a whole checkpoint.
        ValueError: for weights that do not fit their own description, or another encoder than the run's.
    """
    from t2i_utils.colab import workspace

    looked = []
    for home in (
        Path,
        PUBLISHED.joinpath,
        lambda place: workspace() / place,
    ):  # the last makes its folder: so it is last
        place = home(name)
        if (place / GENERATOR).is_file():
            return _open_packed(place, device)
        if (place / "checkpoints").is_dir():
            return _open_run(place, device)
        looked.append(str(place))
    raise FileNotFoundError(
        f"no painter is called {str(name)!r} (looked for {', '.join(dict.fromkeys(looked))}); the package brings "
        f"{', '.join(published())}, and `train` makes others"
    )


def _open_packed(folder: Path, device: torch.device | str) -> Painter:
    """A painter from float16 weights in safetensors, whose metadata say what they are the weights of."""
    from t2i_utils.recipes import SYSTEMS
    from t2i_utils.text.packed import open_packed

    path = folder / GENERATOR
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            with torch.random.fork_rng(devices=[]):  # the meta device would import a compiler: a second or more
                generator = SYSTEMS[told["system"]](**json.loads(told["arguments"])).generator
            state = {key: _whole_numbers_stay(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118
        generator.load_state_dict(state)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        said = str(error).partition("\n")[0]
        raise ValueError(f"{path} holds no weights that this version opens ({said}); copy the folder again") from error
    generator = generator.to(device, memory_format=torch.channels_last)
    return Painter(open_packed(folder / TEXT, device), generator, f"{folder.name} ({told['system']})")


def _whole_numbers_stay(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor


def _open_run(folder: Path, device: torch.device | str) -> Painter:
    """The painter that a run has become."""
    from t2i_utils.runs import build_recipe
    from t2i_utils.text.kept import kept_encoder
    from t2i_utils.training import checkpoints

    checkpoint = checkpoints.newest(folder / "checkpoints")
    if checkpoint is None:
        raise FileNotFoundError(f"{folder / 'checkpoints'} holds no whole checkpoint; train until one is saved")
    facts = checkpoint.facts["run"]
    average = build_recipe(facts["system"], facts["arguments"]).players()[1]
    try:
        average.load_state_dict(checkpoints.load(checkpoint.path)["state"]["average"])
    except (KeyError, RuntimeError) as error:
        raise ValueError(
            f"{checkpoint.path} does not fit {facts['system']} ({error}); use another checkpoint"
        ) from error
    generator = average.module.to(device, memory_format=torch.channels_last)
    return Painter(kept_encoder(folder, device), generator, f"{facts['system']} at step {checkpoint.step:,}")
