"""Painters by name: published weights, a folder that `pack` wrote, or the folder of a run; here or on Drive."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from t2i_utils.colab import drive_folder, remount_drive, workspace
from t2i_utils.drive.folder import DriveFolder
from t2i_utils.drive.sending import LIST
from t2i_utils.painter import Painter
from t2i_utils.published import GENERATOR, PUBLISHED, SHARED, USUAL, WEIGHTS
from t2i_utils.training.resuming import CHECKPOINTS

WRITTEN = (torch.float16, torch.float32)  # by `pack`; by `convert`
DOWNLOADED, BROUGHT = "painters", "from_drive"  # in the workspace


def open_painter(name: str | Path = USUAL, device: torch.device | str = "cpu") -> Painter:
    """Open something that paints captions.

    Args:
        name: of a record in `published` (the ones in the package need no network and no open_clip, others are
            downloaded once); or a folder that `pack` wrote; or a run's folder; or the name of one of these in the
            workspace or on a mounted Drive, from where it is copied.
        device: where it paints.

    Returns:
        A painter: of a run, the averaged generator of the newest whole checkpoint and the run's own encoder.

    Raises:
        FileNotFoundError: where nothing of that name is found, or a run without a whole checkpoint.
        ValueError: for weights that do not fit their own description, another encoder than the run's, or a record that
            is not trained yet.
        OSError: where a download failed, saying what became of each mirror.
    """
    place = find(name)
    painter = _open_packed(place, device) if (place / GENERATOR).is_file() else _open_run(place, device)
    if not painter.dataset and str(name) in PUBLISHED:  # packed before headers told it
        painter.dataset = PUBLISHED[str(name)].dataset
    return painter


def find(name: str | Path) -> Path:
    """The folder of a painter: the first that holds one, brought here if it lies on Drive or has to be downloaded.

    Raises:
        as `open_painter`.
    """
    given, record = Path(name).expanduser(), PUBLISHED.get(str(name))
    published = record if record is not None and record.files else None
    if _holds_painter(given):
        if published is not None and (why := published.wrong(given)):
            raise ValueError(
                f"{name} is the name of a published painter, and the folder {given.absolute()} is another ({why}); "
                f"name the folder as ./{given}, or call it otherwise"
            )
        return _from_drive(given) if _on_drive(given) else given
    looked = [str(given)]
    if published is not None and _holds_painter(inside := WEIGHTS / published.name):
        if why := published.wrong(inside):
            raise ValueError(f"{name} of this package is not as it was published ({why}): install the package again")
        return inside
    home = workspace()  # this makes the folder, so it comes after what needs none
    drive = drive_folder()
    for place in [home / given] + ([] if drive is None else [drive / given]):
        if _holds_painter(place) and not (published and published.wrong(place)):
            return place if place == home / given else _from_drive(place)
        looked.append(str(place))
    if record is not None:
        return record.bring(home / DOWNLOADED / record.name)
    raise FileNotFoundError(
        f"no painter is called {str(name)!r} (looked for {', '.join(looked)}"
        f"{'' if drive is not None else ', no Drive is mounted'}); published are "
        f"{', '.join(record.name for record in PUBLISHED.values() if record.files)}, and `train` makes others"
    )


def _holds_painter(place: Path) -> bool:
    try:
        return (place / GENERATOR).is_file() or (place / CHECKPOINTS).is_dir()
    except OSError:  # a mount that died
        return False


def _on_drive(place: Path) -> bool:
    """Whether a folder is what `train --drive` left: its encoder lies there as a list of files."""
    return next(place.glob(f"*/{LIST}"), None) is not None


def _from_drive(place: Path) -> Path:
    """Copy a painter from Drive, where nothing is opened: a mount may die, and its files are read slowly."""
    from t2i_utils.text.kept import ENCODER, bring_encoder
    from t2i_utils.training.restoring import restore

    target = workspace() / BROUGHT / place.name
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as private:
        whole = Path(private) / place.name
        if (place / GENERATOR).is_file():
            shutil.copytree(place, whole)
        else:
            restore(DriveFolder(place / CHECKPOINTS), whole / CHECKPOINTS, remount=remount_drive)
            bring_encoder(DriveFolder(place / ENCODER), whole)
        shutil.rmtree(target, ignore_errors=True)  # of an earlier visit: the run may have gone on, or begun anew
        whole.rename(target)
    return target


def _open_packed(folder: Path, device: torch.device | str) -> Painter:
    """A painter from float16 weights in safetensors, whose metadata say what they are the weights of."""
    from t2i_utils.recipes.arguments import build_recipe
    from t2i_utils.text.packed import open_tower_of

    path = folder / GENERATOR
    try:
        with safe_open(path, "pt") as file:
            told = file.metadata() or {}
            arguments = json.loads(told["arguments"])
            if not isinstance(arguments, dict):
                raise ValueError(f"its arguments are {told['arguments'][:40]!r}")
            with torch.random.fork_rng(devices=[]):  # the meta device would import a compiler: a second or more
                generator = build_recipe(told["system"], arguments).generator
            like = generator.state_dict()
            state = {key: _unpacked(key, file.get_tensor(key), like.get(key)) for key in file.keys()}  # noqa: SIM118
        generator.load_state_dict(state)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError) as error:
        said = str(error).partition("\n")[0]
        raise ValueError(f"{path} holds no weights that this version opens ({said}); copy the folder again") from error
    generator = generator.to(device, memory_format=torch.channels_last)
    if told.get(SHARED, USUAL) not in PUBLISHED:  # a name from a file, and no path
        raise ValueError(f"{path} wants the text tower of {told[SHARED][:40]!r}; here are {', '.join(PUBLISHED)}")
    encoder = open_tower_of(WEIGHTS / told[SHARED] if SHARED in told else folder, device, told.get(SHARED, folder.name))
    if SHARED in told and encoder.fingerprint != told.get("encoder"):
        raise ValueError(
            f"{path} was trained on sentences as {told[SHARED]}'s text tower read them then; the one that comes with "
            "this version reads otherwise: get both from the same version"
        )
    return Painter(encoder, generator, f"{folder.name} ({told['system']})", told.get("dataset", ""))


def _unpacked(name: str, tensor: torch.Tensor, like: torch.Tensor | None) -> torch.Tensor:
    """A tensor of a packed file as the network has it; a header may lie about what its bytes are."""
    if like is None:
        return tensor  # which the network does not know, and will refuse by its name
    possible = WRITTEN if like.is_floating_point() else (like.dtype,)
    if tensor.dtype not in possible:
        raise ValueError(f"{name} is of {tensor.dtype}, not {' or '.join(map(str, possible))}")
    if not bool(tensor.isfinite().all()):
        raise ValueError(f"{name} holds numbers that are not finite")
    return tensor.to(like.dtype)


def _open_run(folder: Path, device: torch.device | str) -> Painter:
    """The painter that a run has become."""
    from t2i_utils.recipes.arguments import build_recipe
    from t2i_utils.text.kept import kept_encoder
    from t2i_utils.training import checkpoints

    checkpoint = checkpoints.newest(folder / CHECKPOINTS)
    if checkpoint is None:
        raise FileNotFoundError(f"{folder / 'checkpoints'} holds no whole checkpoint; train until one is saved")
    facts = checkpoint.facts.get("run", {})
    if "system" not in facts or not isinstance(facts.get("arguments"), dict):
        raise ValueError(f"{checkpoint.path} is no state of a system that paints; use another checkpoint")
    average = build_recipe(facts["system"], facts["arguments"]).players()[1]
    try:
        average.load_state_dict(checkpoints.load(checkpoint.path)["state"]["average"])
    except (KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{checkpoint.path} does not fit {facts['system']} ({error}); use another checkpoint"
        ) from error
    generator = average.module.to(device, memory_format=torch.channels_last)
    name = f"{facts['system']} at step {checkpoint.step:,}"
    return Painter(kept_encoder(folder, device), generator, name, facts.get("dataset", ""))
