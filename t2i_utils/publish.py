"""A run made small, to be given away: float16 weights, a text tower of its own words, a card that tells the rest."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import torch
from safetensors.torch import save as safetensors

from t2i_utils import __version__
from t2i_utils.data.hdf5 import read_captions
from t2i_utils.data.verify import Facts, verify
from t2i_utils.gallery import open_painter
from t2i_utils.metrics.attributes import AttributeReport, score_painter
from t2i_utils.metrics.reader import ready_reader
from t2i_utils.painter import Painter
from t2i_utils.published import CARD, GENERATOR, PUBLISHED, SHARED, TEXT
from t2i_utils.text.clip import ClipEncoder
from t2i_utils.text.packed import PackedEncoder
from t2i_utils.text.packing import pack, save
from t2i_utils.training import checkpoints
from t2i_utils.whole import write_whole

READABLE = "synthetic_flowers"  # the data whose attributes the reader knows
CLOSE = 4  # grey levels by which float16 may change a picture on average


def publish(run: Path, data: Path, out: Path, note: str) -> AttributeReport | None:
    """Pack a run's painter into a folder that opens without a network, open_clip and torchvision.

    Args:
        run: the run's folder; its encoder must be a small CLIP such as `tiny_clip`, or the text tower of a painter in
            the package, which is then shared and not written again.
        data: the HDF5 file that it was trained on: its words are kept, its held-out captions are scored by a reader
            that is trained once and kept beside the file.
        out: the folder to write, whole or not at all; its name is the painter's. A packed painter there is replaced.
        note: how long it was trained on what, for the card.

    Returns:
        The scores on the card; None for data whose attributes nobody can read.

    Raises:
        FileNotFoundError, ValueError: as `open_painter` and `verify`; and for an encoder that cannot be packed, or a
            packed painter that paints something else.
    """
    facts, painter = verify(data), open_painter(run)
    if not isinstance(painter.encoder, ClipEncoder | PackedEncoder):
        raise ValueError(
            f"{run} reads captions with {painter.encoder.name}; only a run with a tiny_clip, or with the text tower of "
            "a painter in this package, can be packed"
        )
    if out.exists() and not (out / GENERATOR).is_file():
        raise ValueError(f"{out} is there and holds no packed painter; name a new folder")
    checkpoint = checkpoints.newest(Path(run) / "checkpoints")
    told = checkpoint.facts["run"]
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".packing.", dir=out.parent) as private:
        folder = Path(private) / out.name
        metadata = describe(checkpoint) | {"ancestors": json.dumps(painter.encoder.ancestors)}
        if painter.encoder.name in PUBLISHED:
            metadata[SHARED] = painter.encoder.name
        packed = _pack(painter, metadata, sorted(set(read_captions(data))), folder)
        report = None
        if facts.dataset == READABLE:
            report = score_painter(packed, ready_reader(facts.image_size, Path(data).parent), data)
            write_generator(painter, metadata | {"metrics": json.dumps(report.numbers())}, folder)
        write_whole(folder / CARD, _card(packed, facts, painter.name, told, note, report).encode())
        shutil.rmtree(out, ignore_errors=True)
        folder.rename(out)
    return report


def describe(checkpoint: checkpoints.Checkpoint) -> dict[str, str]:
    """What the header of packed weights says: system, arguments, fingerprints of data and encoder, steps, versions."""
    told = checkpoint.facts["run"]
    return {
        "system": told["system"],
        "arguments": json.dumps(told["arguments"]),
        **{name: str(told[name]) for name in ("seed", "split", "captions_per_visit", "data", "encoder")},
        "dataset": told.get("dataset", ""),  # runs of an earlier version do not say
        "step": str(checkpoint.step),
        "trained_with": ", ".join(f"{name} {checkpoint.facts.get(name, '?')}" for name in ("t2i_utils", "torch")),
        "packed_with": f"t2i_utils {__version__}, torch {torch.__version__}",
    }


def write_generator(painter: Painter, metadata: dict[str, str], folder: Path) -> None:
    """Write a painter's generator in float16, with what its header says.

    Raises:
        ValueError: for weights that float16 does not hold.
    """
    state = {name: _half(tensor) for name, tensor in painter.generator.state_dict().items()}
    if large := [name for name, tensor in state.items() if not bool(tensor.isfinite().all())]:
        raise ValueError(f"{large[0]} is beyond 65,504; these weights do not survive float16: train with a lower rate")
    write_whole(folder / GENERATOR, safetensors(state, metadata))


def _pack(painter: Painter, metadata: dict[str, str], captions: list[str], folder: Path) -> Painter:
    """Write weights and text tower of a run into a new folder; what opens from it, found to paint the same."""
    folder.mkdir()
    if SHARED not in metadata:
        clip = isinstance(painter.encoder, ClipEncoder)
        save(pack(painter.encoder, captions, folder.name) if clip else painter.encoder, folder / TEXT)
    write_generator(painter, metadata, folder)
    packed, some = open_painter(folder), captions[:: max(1, len(captions) // 64)]
    difference = (painter.paint(some).float() - packed.paint(some).float()).abs().mean().item()
    if not difference < CLOSE:
        raise ValueError(
            f"the packed painter's pictures differ by {difference:.1f} of 255 grey levels on average; "
            "these weights do not survive float16: train with a lower rate"
        )
    return packed


def _half(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().cpu().half().contiguous() if tensor.is_floating_point() else tensor.cpu()


def _card(packed: Painter, facts: Facts, trained: str, told: dict, note: str, report: AttributeReport | None) -> str:
    """What a person should know before they use these weights."""
    arguments = " ".join(f"{name}={value}" for name, value in told["arguments"].items())
    parameters = sum(p.numel() for p in packed.generator.parameters())
    words = ", ".join(word for word in packed.encoder.vocabulary if word.isalpha())
    pictures = ", ".join(f"{count:,} {split}" for split, count in facts.pictures.items())
    scores = "Not scored: nobody can read the attributes of this data set."
    if report:
        no_better = [name for name, score in report.painted.items() if score.low <= report.chance[name]]
        scores = f"```\n{report}\n```\n\nNot better than chance: {', '.join(no_better) or 'none of them'}."
    shared = packed.encoder.fingerprint == told["encoder"]
    tower = (
        f"`{packed.encoder.name}`, on whose vectors it was trained" if shared else "the CLIP that it was trained with"
    )
    return f"""# {facts.dataset} at {facts.image_size} px by {trained}

{parameters:,} parameters in float16, with the text tower of {tower}.

## How it was made

{note}

- system: `{told["system"]}` with {arguments}
- seed {told["seed"]}, split {told["split"]} of {pictures} pictures, data sha256 `{facts.fingerprint[:12]}`
- licence of the data: {facts.licence}

## How well

{scores}

## Words that it knows

All others are ignored, and named to whoever uses them: {words}.
"""
