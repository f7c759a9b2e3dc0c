"""Where this runs (Colab, Kaggle, VS Code, Jupyter, plain Python), and what that means: device, precision, Drive.

Nothing happens at import, and torch is only imported by the functions that need it: a notebook's setup cell asks here
what is missing before anything is installed.
"""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from t2i_utils import __version__

if TYPE_CHECKING:
    import torch

Place = Literal["colab", "kaggle", "vscode", "jupyter", "plain"]
PROFILES = ("smoke", "demo", "full")
PRECISIONS = ("auto", "float32", "bf16", "fp16")
NAMES = {"colab": "Colab", "kaggle": "Kaggle", "vscode": "VS Code", "jupyter": "Jupyter", "plain": "plain Python"}
CONTENT = Path("/content")  # on Colab: where notebooks run and Drive is mounted
# What a notebook service brings and must keep: pip is told that these versions are the only ones there are.
KEPT = ("torch", "torchvision", "numpy", "pillow", "scipy", "h5py", "matplotlib", "ipython", "ipywidgets", "gdown")


def where() -> Place:
    """Say where this runs: `colab`, `kaggle`, `vscode`, `jupyter` or `plain` (a script or a terminal)."""
    if "google.colab" in sys.modules or "COLAB_RELEASE_TAG" in os.environ:
        return "colab"
    if "KAGGLE_KERNEL_RUN_TYPE" in os.environ:
        return "kaggle"
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if getattr(shell, "kernel", None) is None:
        return "plain"
    return "vscode" if "VSCODE_PID" in os.environ or "__vsc_ipynb_file__" in shell.user_ns else "jupyter"


def checkout() -> Path | None:
    """The folder of the checkout that this package is used from; None where it was installed as a copy."""
    root = Path(__file__).resolve().parents[1]
    return root if (root / "pyproject.toml").is_file() else None


def workspace() -> Path:
    """The folder for data and runs, made if it is missing: local and fast, never a mounted Drive.

    The environment variable T2I_WORKSPACE comes first; then /content/t2i on Colab, /kaggle/working on Kaggle (which is
    kept after a session), `runs` in the checkout, `runs` in the current folder.
    """
    chosen = os.environ.get("T2I_WORKSPACE")
    if chosen:
        folder = Path(chosen).expanduser()
    else:
        usual = (checkout() or Path.cwd()) / "runs"
        folder = {"colab": CONTENT / "t2i", "kaggle": Path("/kaggle/working")}.get(where(), usual)
    folder = folder.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OSError(
            f"the workspace {folder} cannot be made ({error.strerror}); name another folder in T2I_WORKSPACE"
        ) from error
    return folder


def offer_drive(wanted: bool = True) -> Path | None:
    """Mount Google Drive where the user asked for it and there is one; say what happened and what it means.

    Returns:
        A folder on Drive for finished files (training reads and writes `workspace()`), or None without a Drive.
    """
    if not wanted:
        return None
    if where() != "colab":
        print(f"Drive exists only on Colab; here ({NAMES[where()]}) everything stays in {workspace()}.")
        return None
    try:
        folder = _mounted()
    except Exception as error:  # refused, closed window, no cookies, errno 5 and 107: Colab raises many kinds
        print(
            f"Drive was not mounted ({type(error).__name__}: {error}). Everything still works, in {workspace()}, but "
            "is gone when the session ends: download what you want to keep, or run this cell again and allow Drive."
        )
        return None
    print(
        f"Drive is mounted. Work stays in {workspace()}, which is faster. Copied into {folder} are data files, "
        "checkpoints and the encoders of painters; nothing else is: download what you want to keep of the gallery."
    )
    return folder


def drive_folder() -> Path | None:
    """Our folder on a Drive that is mounted and answers; None where there is none."""
    folder = CONTENT / "drive" / "MyDrive" / "t2i"
    return folder if where() == "colab" and folder.is_dir() else None


def _mounted() -> Path:
    """Our folder on Drive, mounted now; a mount that an earlier cell made and that died since is mounted anew, once."""
    from google.colab import drive  # only Colab has this module

    folder = CONTENT / "drive" / "MyDrive" / "t2i"
    for again in (False, True):
        drive.mount(str(CONTENT / "drive"), force_remount=again)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            os.listdir(folder)  # a dead mount answers only when it is asked
            break
        except OSError:
            if again:
                raise
    return folder


def remount_drive() -> None:
    """Mount a Drive that died in the middle of a session anew.

    Raises:
        RuntimeError: where there is no Drive to mount.
        Exception: whatever Colab raises when it refuses.
    """
    if where() != "colab":
        raise RuntimeError("this is not Colab, and the folder for copies is not a Drive that could be mounted again")
    from google.colab import drive  # only Colab has this module

    drive.mount(str(CONTENT / "drive"), force_remount=True)


def choose_device() -> torch.device:
    """The GPU where there is one that this torch can use, else the CPU (with a warning where a GPU is too old).

    On a CPU numbers below 1e-38 become 0 from here on, in this thread and those it starts: a sixth power makes
    such numbers by the million, and computing with them takes ten times as long. Ask before anything is computed.
    """
    import torch

    if not torch.cuda.is_available():
        torch.set_flush_denormal(True)
        return torch.device("cpu")
    oldest = min(
        (int(name[3:].rstrip("af")) for name in torch.cuda.get_arch_list() if name.startswith("sm_")), default=0
    )
    major, minor = torch.cuda.get_device_capability(0)
    if 10 * major + minor < oldest:
        warnings.warn(
            f"{torch.cuda.get_device_name(0)} (compute capability {major}.{minor}) is too old for torch "
            f"{torch.__version__}, which needs {oldest / 10:.1f}: working on the CPU; on Kaggle choose the T4 instead",
            stacklevel=2,
        )
        return torch.device("cpu")
    return torch.device("cuda", 0)


def half_dtype(device: torch.device, precision: str = "auto") -> torch.dtype | None:
    """The half precision to compute in on this device; None is float32.

    `auto` goes by compute capability and not by `torch.cuda.is_bf16_supported()`, which says True on a T4 that has no
    bf16 convolutions: fp16 below 8.0, bf16 from there on, float32 on a CPU.

    Raises:
        ValueError: for an unknown precision, or one that the device does not have.
    """
    import torch

    if precision not in PRECISIONS:
        raise ValueError(f"precision is one of {', '.join(PRECISIONS)}, got {precision!r}")
    on_gpu = device.type == "cuda"
    modern = on_gpu and torch.cuda.get_device_capability(device) >= (8, 0)
    if precision == "auto":
        precision = "float32" if not on_gpu else "bf16" if modern else "fp16"
    if precision == "fp16" and not on_gpu:
        raise ValueError(f"fp16 needs a GPU, and the device is {device}; use float32 or bf16")
    if precision == "bf16" and on_gpu and not modern:
        name = torch.cuda.get_device_name(device)
        raise ValueError(f"{name} has no bf16 convolutions (compute capability below 8.0); use fp16 or float32")
    return {"float32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]


def choose_profile(field: str = "auto") -> str:
    """How much to do: `smoke` (seconds), `demo` (minutes on a CPU) or `full` (the papers' settings).

    The environment variable T2I_PROFILE comes before the form field; `auto` is full on a GPU and demo on a CPU.

    Raises:
        ValueError: for any other word, naming where it came from.
    """
    origin, chosen = "T2I_PROFILE", os.environ.get("T2I_PROFILE", "")
    if not chosen:
        origin, chosen = "the profile", field
    if chosen == "auto":
        return "full" if choose_device().type == "cuda" else "demo"
    if chosen not in PROFILES:
        raise ValueError(f"{origin} is one of auto, {', '.join(PROFILES)}, got {chosen!r}")
    return chosen


def report(profile: str = "auto", precision: str = "auto") -> str:
    """One line for people: place, device, precision, profile, free disk, versions."""
    import torch

    device = choose_device()
    half = half_dtype(device, precision)
    gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if gpu else f"CPU with {torch.get_num_threads()} threads (no GPU)"
    numbers = "float32" if half is None else {torch.bfloat16: "bf16", torch.float16: "fp16"}[half]
    free = shutil.disk_usage(workspace()).free / 2**30
    python = ".".join(map(str, sys.version_info[:2]))
    return (
        f"{NAMES[where()]} | {name}, {numbers} | profile {choose_profile(profile)} | {free:.0f} GB free in "
        f"{workspace()} | t2i_utils {__version__}, torch {torch.__version__}, Python {python}"
    )


def requirements() -> list[str]:
    """The project's requirement lines without their reasons: the checkout's, or those of the installed copy.

    None at all for a folder that was copied here without either: then an import says what is missing.
    """
    root = checkout()
    if root is not None and (root / "requirements.txt").is_file():
        lines = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
        return [line for line in (line.split("#")[0].strip() for line in lines) if line]
    lines = (importlib.metadata.requires("t2i-utils") or []) if _version("t2i-utils") else []
    return [line for line in lines if "extra ==" not in line]


def missing() -> list[str]:
    """The requirement lines of which nothing is installed here; what is here is not listed, whatever its version."""
    return [line for line in requirements() if _version(re.match(r"[\w.-]+", line)[0]) is None]


def install_missing() -> list[str]:
    """Install what is missing and leave what is there exactly as it is; return the lines installed.

    Raises:
        RuntimeError: where pip fails, with its first error and the way out.
    """
    lines = missing()
    if not lines:
        return []
    print(f"Installing {', '.join(lines)} ...")
    kept = {name: _version(name) for name in KEPT}
    with tempfile.TemporaryDirectory() as folder:
        constraints = Path(folder) / "kept.txt"
        constraints.write_text("".join(f"{name}=={version}\n" for name, version in kept.items() if version))
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--constraint", str(constraints), *lines]
        result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode:
        every = result.stderr.strip().splitlines() or ["nothing"]
        said = next((line for line in every if line.startswith("ERROR:")), every[-1])  # the first says what is wrong
        raise RuntimeError(
            f"pip could not install {', '.join(lines)}; it said: {said}. Switch the internet on (Kaggle: Settings, "
            "Internet) or install them by hand, then run this cell again"
        )
    importlib.invalidate_caches()
    return lines


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
