"""Where the weights of published networks lie: found on this machine or downloaded once, every byte checked."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from t2i_utils.colab import workspace
from t2i_utils.data.arrivals import what_is_wrong
from t2i_utils.data.download import DownloadError, NoMirrorError, fetch_file
from t2i_utils.data.fetch import Patience
from t2i_utils.data.remote import RemoteFile
from t2i_utils.tensor_files import read_tensors

FOLDER = "extractors"  # in the workspace

# Apache 2.0, as TensorFlow's, from which they were converted. Two projects publish the same bytes.
INCEPTION_2015 = RemoteFile(
    "weights-inception-2015-12-05-6726825d.pth",
    (
        "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
        "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    ),
    begins=b"",
    size=95_628_359,
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
)
INCEPTION_IMAGENET = RemoteFile(
    "inception_v3_google-0cc3c7bd.pth",
    ("https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth",),
    begins=b"",
    size=108_949_747,
    sha256="0cc3c7bd75056d25e46cba549dc184522069b81e9787eff6df84f397bd52a5ef",
)


def weights_file(file: RemoteFile, patience: Patience | None = None) -> Path:
    """Where a file lies, every byte of it as published: the workspace, torch hub's cache, or fetched to the first now.

    Args:
        file: what it is, with its sha256.
        patience: how long to try each address.

    Raises:
        DownloadError: where it is not here and cannot be fetched, saying how to put it in place by hand.
        ValueError: for a file of that name that is another one, or a part of it.
    """
    place = workspace() / FOLDER / file.name
    # torch-fidelity and torchvision leave the same files there, under the same names
    for path in (place, Path(torch.hub.get_dir()) / "checkpoints" / file.name):
        if path.is_file():
            if wrong := what_is_wrong(path, file):
                raise ValueError(f"{path} is not the published file: {wrong}; delete it or move it away")
            return path
    try:
        fetch_file(file, place, patience or Patience())
    except NoMirrorError as error:
        raise DownloadError(
            f"{file.name} ({file.size_in_words}) is not on this machine and did not come; put it there by hand, or "
            "look through another network (`reader` needs no download)\n"
            f"  from   {(chr(10) + '  or     ').join(map(str, file.mirrors))}\n"
            f"  to     {place}\n"
            f"  sha256 {file.sha256}\n" + "\n".join(f"  {line}" for line in str(error).splitlines())
        ) from error
    return place


def read_weights(path: Path) -> dict[str, Tensor]:
    """Weights by name, on the CPU; no code in the file is run.

    Raises:
        ValueError: for a file that holds anything else.
    """
    try:
        weights = read_tensors(path)
    except ValueError as error:
        raise ValueError(f"{error}; delete it and fetch it again") from error
    if not isinstance(weights, dict) or not all(isinstance(value, Tensor) for value in weights.values()):
        raise ValueError(f"{path} holds a {type(weights).__name__}, not weights by name; delete it and fetch it again")
    return weights
