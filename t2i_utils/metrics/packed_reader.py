"""A reader network small enough to come with the package: float16 weights that open at once.

It helps to choose among painted pictures. Scores keep a reader of their own (`ready_reader`): pictures that were chosen
by one reader please that one more than they should, so another has to judge them.

Made by, from the top of a checkout (a minute or two each on one core, more on a busy one):

    python -m t2i_utils.metrics.packed_reader --size 64 --out t2i_utils/weights/reader_64.safetensors
    python -m t2i_utils.metrics.packed_reader --size 32 --out t2i_utils/weights/reader_32.safetensors
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from t2i_utils.data.synthetic import ATTRIBUTES
from t2i_utils.metrics.reader import Reader, drawn_like, train_reader
from t2i_utils.published import WEIGHTS
from t2i_utils.whole import write_whole

TOLD = "reader"  # one key of metadata: several would be written in an order of chance, and the bytes with them


class PackedReader(Reader):
    """A reader that knows the size of the pictures it learnt from.

    Args:
        size: of the pictures, in pixels. The network takes others, too, and misreads them.
    """

    def __init__(self, size: int):
        with torch.random.fork_rng(devices=[]):  # its first weights are nobody's
            super().__init__(ATTRIBUTES)
        self.size = size


def pack_reader(size: int, out: Path) -> PackedReader:
    """Train a reader as `train_reader` does by default, and write it in float16.

    Args:
        size: of the pictures it will read, in pixels, 32 to 304.
        out: the file, e.g. FOLDER/reader_64.safetensors; its folder is made. What is there is replaced.

    Returns:
        The reader that opens from the file.

    Raises:
        ValueError: for a size at which flowers are not drawn.
    """
    out.parent.mkdir(parents=True, exist_ok=True)  # before a minute of training, not after
    return write_reader(train_reader(size), size, out, f"train_reader({size}), its defaults")


def write_reader(reader: Reader, size: int, out: Path, how: str) -> PackedReader:
    """Write a reader in float16, whole or not at all.

    Args:
        reader: of the built-in flowers.
        size: of the pictures that it was trained on, in pixels.
        out: the file.
        how: how it was trained, for people.

    Returns:
        The reader that opens from the file.
    """
    state = {name: _half(tensor) for name, tensor in reader.state_dict().items()}
    told = {
        "size": size,
        "how": how,
        "flowers": drawn_like(),  # for people who wonder; rounding differs between machines, so it is not compared
        "torch": torch.__version__,
        "sha256": _sum(state),
    }
    write_whole(out, save(state, {TOLD: json.dumps(told)}))
    return _open(out, size)


def open_reader(size: int, folder: Path = WEIGHTS) -> PackedReader:
    """Open the packed reader of a size, for float32 on the CPU.

    Args:
        size: of the pictures it will read, in pixels.
        folder: where `reader_SIZE.safetensors` lies; the package holds those of 32 and 64 pixels.

    Raises:
        ValueError: where there is none of this size, for a damaged file, and for one of a reader of another size.
    """
    path = Path(folder) / f"reader_{size}.safetensors"
    if not path.is_file():
        there = ", ".join(sorted(file.name for file in Path(folder).glob("reader_*.safetensors"))) or "none"
        raise ValueError(
            f"no packed reader reads pictures of {size} pixels ({path} is missing; there: {there}); "
            f"use pictures of another size, or make one: {_command(size, f'FOLDER/{path.name}')}, then name FOLDER"
        )
    return _open(path, size)


def _open(path: Path, size: int) -> PackedReader:
    again = f"copy it again or make it: {_command(size, path)}"
    try:
        with safe_open(path, "pt") as file:
            told = json.loads((file.metadata() or {})[TOLD])
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        holds, whole = told["size"], told["sha256"] == _sum(state)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        said = str(error).partition("\n")[0]
        raise ValueError(f"{path} does not open as a packed reader ({said}); {again}") from error
    if not whole:
        raise ValueError(f"{path} is damaged: its weights are not those that were written; {again}")
    if holds != size:
        raise ValueError(f"{path} holds a reader of {holds} pixels, and {size} were asked for; {again}")
    reader = PackedReader(size)
    try:
        reader.load_state_dict(state)  # copied into float32
    except RuntimeError as error:
        said = " ".join(str(error).split())[:200]
        raise ValueError(f"{path} holds another network than this version's reader ({said}); {again}") from error
    return reader.to(memory_format=torch.channels_last).eval()


def _half(tensor: Tensor) -> Tensor:
    return (tensor.half() if tensor.is_floating_point() else tensor).detach().cpu().contiguous()


def _sum(state: Mapping[str, Tensor]) -> str:
    """sha256 over every tensor with its name."""
    digest = hashlib.sha256()
    for name, tensor in sorted(state.items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _command(size: int, out: Path | str) -> str:
    return f"python -m t2i_utils.metrics.packed_reader --size {size} --out {out}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Train a reader, write it, and say its size and sha256."""
    parser = argparse.ArgumentParser(
        prog="python -m t2i_utils.metrics.packed_reader", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--size", type=int, required=True, help="pixels of the pictures it will read, 32 to 304")
    parser.add_argument("--out", type=Path, required=True, help="the file to write, e.g. FOLDER/reader_64.safetensors")
    options = parser.parse_args(arguments)
    try:
        pack_reader(options.size, options.out)
    except ValueError as error:
        parser.error(str(error))
    data = options.out.read_bytes()
    print(f"{options.out}: {len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
