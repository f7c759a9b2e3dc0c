"""States of a run on disk, never half of one.

A checkpoint is `step_00001234.pt` and, written after it, the manifest `step_00001234.json` with the size and sha256 of
the first and facts about the run. A file without a manifest is an interrupted save and is not looked at. Only tensors
and plain values are inside, so `torch.load(weights_only=True)` opens it and no code runs.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from t2i_utils.tensor_files import read_tensors
from t2i_utils.whole import digest_of, write_whole, writing_whole

KEPT = 2


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose manifest was read.

    Attributes:
        path: of the state.
        step: batches seen.
        facts: what was trained on what, as the saving run said.
    """

    path: Path
    step: int
    facts: dict[str, Any]


def save(folder: Path, state: Mapping[str, Any], facts: Mapping[str, Any], busy: Collection[Path] = ()) -> Path:
    """Save a trainer's state; keep the last two and the best.

    Args:
        folder: made if it is not there.
        state: of `Trainer.state_dict`; tensors and plain values.
        facts: plain values that a resuming run compares, JSON; "score" among them says how good the run was then.
        busy: manifests that somebody is reading and that stay therefore.

    Returns:
        The state's path.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{state['step']:08d}.pt"
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    data = buffer.getvalue()
    write_whole(path, data)
    manifest = {
        "step": state["step"],
        "file": path.name,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "facts": dict(facts),
    }
    write_whole(path.with_suffix(".json"), json.dumps(manifest, indent=1).encode())
    # later ones are not whole, or the run would have gone on from them: they must not push out those that are
    told = {other: told for other in manifests(folder) if (told := tell(other)) and told["step"] <= state["step"]}
    for old in told.keys() - worth_keeping(told) - set(busy):
        old.unlink()  # the manifest first: a state without one is never taken for whole
        old.with_suffix(".pt").unlink(missing_ok=True)
    for left in folder.glob("step_*.pt"):
        if not left.with_suffix(".json").exists():  # whoever saved it was killed before its manifest
            left.unlink()
    return path


def worth_keeping(told: Mapping[Any, Mapping[str, Any]]) -> set:
    """Of manifests by name: the names of the last two and of the best by its score (the newer of two equals)."""
    newest = sorted(told, key=lambda name: (told[name]["step"], str(name)), reverse=True)
    scores = {name: score for name in newest if (score := told[name]["facts"].get("score")) is not None}
    scored = [name for name in scores if -math.inf < scores[name] < math.inf]
    return {*newest[:KEPT], *sorted(scored, key=lambda name: -scores[name])[:1]}


def tell(manifest: Path) -> dict[str, Any] | None:
    """What a manifest says, without looking at its state; None for one that cannot be read."""
    try:
        return parse(manifest.read_bytes())
    except OSError:
        return None


def parse(data: bytes) -> dict[str, Any] | None:
    """What a manifest says; None unless everything that is ever read of one is of its type."""
    try:
        told = json.loads(data)
        facts = told["facts"]
        right = (
            (type(told["step"]), type(told["bytes"]), type(told["file"]), type(told["sha256"])) == (int, int, str, str)
            and told["step"] >= 0
            and isinstance(facts.get("run", {}), dict)
            and isinstance(facts.get("precision", ""), str)
            and isinstance(facts.get("kept", {}), dict)
            and isinstance(facts.get("score", 0.0), float | int | None)
        )
        return told if right else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def adopt(folder: Path, told: Mapping[str, Any], bring: Callable[[Path], object]) -> Path:
    """Make a state that lies elsewhere a checkpoint of this folder, if it is the one that its manifest describes.

    Args:
        folder: made if it is not there.
        told: what the manifest says there.
        bring: writes the state to the path that it is given.

    Returns:
        The manifest's path.

    Raises:
        OSError: whatever `bring` raises.
        ValueError: if size or sha256 differ; nothing is left of it then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step_{told['step']:08d}.pt"
    with writing_whole(path) as partial:
        bring(partial)
        if digest_of(partial) != (told["bytes"], told["sha256"]):
            raise ValueError("size or sha256 differ")
    write_whole(path.with_suffix(".json"), json.dumps({**told, "file": path.name}, indent=1).encode())
    return path.with_suffix(".json")


def set_aside(folder: Path) -> Path:
    """Rename a folder to the first free NAME.before-1, -2, ...: nothing that was trained is lost by beginning anew."""
    number = 1
    while (aside := folder.with_name(f"{folder.name}.before-{number}")).exists():
        number += 1
    return folder.rename(aside)


def find(path: Path) -> Checkpoint:
    """The checkpoint that a path means: a manifest, its state, a folder of checkpoints or of a run (the newest whole).

    Raises:
        FileNotFoundError: if there is none.
        ValueError: if the one that is named is not whole.
    """
    if path.is_dir():
        found = newest(path / "checkpoints" if (path / "checkpoints").is_dir() else path)
        if found is None:
            raise FileNotFoundError(f"{path} holds no whole checkpoint; name a run's folder or one of its checkpoints")
        return found
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint {path}; name a run's folder or one of its checkpoints")
    return read_manifest(path.with_suffix(".json"))


def manifests(folder: Path) -> list[Path]:
    """The manifests in a folder, newest first."""
    return sorted(folder.glob("step_*.json"), reverse=True)


def newest(folder: Path) -> Checkpoint | None:
    """The newest checkpoint whose hash holds, or None. Altered and half-written ones are passed over."""
    for manifest in manifests(folder):
        try:
            return read_manifest(manifest)
        except ValueError:
            continue
    return None


def read_manifest(manifest: Path) -> Checkpoint:
    """The checkpoint of a manifest.

    Raises:
        ValueError: if the state is missing or is not the one that was saved.
    """
    told = tell(manifest)
    if told is None:
        raise ValueError(f"{manifest} describes no whole checkpoint; use an older one or train again")
    path = manifest.parent / Path(told["file"]).name
    try:
        right = path.stat().st_size == told["bytes"] and digest_of(path)[1] == told["sha256"]
    except OSError as error:
        raise ValueError(
            f"{manifest} describes no whole checkpoint ({error}); use an older one or train again"
        ) from error
    if not right:
        raise ValueError(
            f"{path} is not the file that {manifest.name} describes (size or sha256 differ); use an older one"
        )
    return Checkpoint(path, told["step"], told["facts"])


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The state in a checkpoint, without running code from it.

    Raises:
        ValueError: for a file that is no checkpoint.
    """
    try:
        return read_tensors(path, device)
    except ValueError as error:
        raise ValueError(f"{error}; use another checkpoint") from error


def differences(saved: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Every fact in which two runs differ, as "name: then -> now", nested names joined by dots."""
    found = []
    for name in sorted(saved.keys() | now.keys()):
        then, here = saved.get(name), now.get(name)
        if isinstance(then, Mapping) and isinstance(here, Mapping):
            found += differences(then, here, f"{prefix}{name}.")
        elif then != here:
            found.append(f"{prefix}{name}: {then!r} -> {here!r}")
    return found
