"""Painters by name: the folder of a run, here or in the workspace."""

from __future__ import annotations

from pathlib import Path

import torch

from t2i_utils.colab import workspace
from t2i_utils.painter import Painter
from t2i_utils.runs import build_recipe
from t2i_utils.text.kept import kept_encoder
from t2i_utils.training import checkpoints


def open_painter(name: str | Path, device: torch.device | str = "cpu") -> Painter:
    """Open what a run has learnt, for painting.

    Args:
        name: a run's folder, or the name of one in the workspace.
        device: where it paints.

    Returns:
        A painter with the averaged generator of the newest whole checkpoint and the run's own encoder.

    Raises:
        FileNotFoundError: where there is no run, or none with a whole checkpoint.
        ValueError: for a checkpoint that does not fit its own description, or another encoder than the run's.
    """
    places = [Path(name), workspace() / name]
    folder = next((place for place in places if (place / "checkpoints").is_dir()), None)
    if folder is None:
        looked = " and ".join(str(place) for place in dict.fromkeys(places))
        raise FileNotFoundError(f"no run is called {str(name)!r} (looked for {looked}); `train` makes one")
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
