"""Run the numbered notebooks in order, without a browser, and end with pictures to look at.

    python notebooks/run_all.py --profile demo --out runs/demo

The executed notebooks are written to OUT even when a cell fails; what they make is in OUT too, its pictures in
OUT/gallery and on one page, OUT/index.html. Running again reuses what is there; OUT/minutes.json keeps what each
notebook took the first time. The profiles smoke and demo need no network.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from PIL import Image

from series import ROOT, notebooks, read

PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>body {{ font: 16px/1.5 sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem }}
figure {{ margin: 0 0 2rem }} img {{ max-width: 100%; image-rendering: pixelated }}</style>
<h1>{title}</h1>
{figures}
</html>
"""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
QUIET = {"PYDEVD_DISABLE_FILE_VALIDATION": "1", "TQDM_MININTERVAL": "5"}


@dataclass(frozen=True)
class Failure:
    """What stopped a notebook.

    Attributes:
        notebook: its name, without .ipynb.
        cell: the number of the cell, counted from 0 as `series.read(path).cells` does.
        heading: the heading that the cell stands under.
        error: one line.
        lines: the end of the traceback.
    """

    notebook: str
    cell: int
    heading: str
    error: str
    lines: tuple[str, ...]

    def __str__(self) -> str:
        end = "\n".join(f"    {line}" for line in self.lines)
        return f"{self.notebook} failed in cell {self.cell} ({self.heading}): {self.error}\n{end}".rstrip()


def kernel_manager(private: Path) -> AsyncKernelManager:
    """A kernel with this very interpreter, whatever kernels are installed; it is reached through files in `private`."""
    return AsyncKernelManager(
        kernel_name="python3",
        kernel_spec_manager=KernelSpecManager(kernel_dirs=[]),
        connection_file=str(private / "kernel.json"),
        transport="ipc" if os.name == "posix" else "tcp",
    )


def headings(notebook: NotebookNode) -> list[str]:
    """For every cell the heading that it stands under."""
    found, current = [], "the beginning"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            lines = [line.lstrip("# ") for line in cell.source.split("\n") if line.startswith("#")]
            current = lines[-1] if lines else current
        found.append(current)
    return found


def run_notebook(path: Path, out: Path, environment: dict[str, str], timeout: float | None = None) -> Failure | None:
    """Execute one notebook in its own folder and write the executed copy to `out`, whole or up to the cell that failed.

    Args:
        path: the notebook; it is not changed.
        out: an existing folder.
        environment: the whole environment of the kernel.
        timeout: seconds that one cell may take; None is any time.

    Returns:
        None, or what stopped it.
    """
    notebook = read(path)
    places = headings(notebook)
    at = {"cell": 0, "heading": ""}

    def started(cell: NotebookNode, cell_index: int) -> None:
        if places[cell_index] != at["heading"]:
            print(f"    {places[cell_index]}", flush=True)
        at.update(cell=cell_index, heading=places[cell_index])

    private = tempfile.TemporaryDirectory()
    client = NotebookClient(
        notebook,
        km=kernel_manager(Path(private.name)),
        timeout=timeout,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_start=started,
    )
    try:
        client.execute(env={**environment, "IPYTHONDIR": private.name}, cleanup_kc=True)
    except CellExecutionError as error:
        ends = [line.rstrip() for line in COLOURS.sub("", error.traceback).splitlines() if line.strip()][-8:]
        return Failure(path.stem, at["cell"], at["heading"], f"{error.ename}: {error.evalue}"[:300], tuple(ends))
    except (CellTimeoutError, DeadKernelError) as error:  # too slow; killed, most often for want of memory
        return Failure(path.stem, at["cell"], at["heading"], f"{type(error).__name__}: {error}"[:300], ())
    finally:
        private.cleanup()
        nbformat.write(notebook, out / path.name)
    return None


def run_series(
    paths: list[Path], out: Path, profile: str, timeout: float | None = None, extra: dict[str, str] | None = None
) -> Failure | None:
    """Execute notebooks in order, in one workspace, until one fails.

    Args:
        paths: the notebooks.
        out: the workspace, and the folder of the executed copies; made if it is missing.
        profile: smoke, demo or full.
        timeout: seconds that one cell may take.
        extra: further environment variables for the kernels.

    Returns:
        None, or the first failure.
    """
    out = out.absolute()
    out.mkdir(parents=True, exist_ok=True)
    own = {"T2I_PROFILE": profile, "T2I_WORKSPACE": str(out)}
    offline = {} if profile == "full" else {"HF_HUB_OFFLINE": "1"}  # full opens published weights
    environment = {**os.environ, **QUIET, **own, **offline, **(extra or {})}
    for path in paths:
        print(path.stem, flush=True)
        first, begin = not (out / path.name).exists(), time.monotonic()
        failure = run_notebook(path, out, environment, timeout)
        minutes = (time.monotonic() - begin) / 60
        print(f"{path.stem}: {minutes:.1f} min", flush=True)
        if failure is not None:
            return failure
        if first:
            note_minutes(out / "minutes.json", path.stem, minutes)
    return None


def note_minutes(path: Path, notebook: str, minutes: float) -> None:
    """Set a notebook's minutes in a JSON file of all; whole at any moment.

    Only the first run in a folder is noted, where it ended well: a later one finds its data sets and weights there.
    """
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(known | {notebook: round(minutes, 2)}, indent=1, sort_keys=True), encoding="utf-8")
    os.replace(partial, path)


def caption_of(picture: Path) -> str:
    """What a picture says of itself: the PNG's text named Description, else its file name in words."""
    with Image.open(picture) as image:
        return str(image.info.get("Description") or picture.stem.replace("_", " "))


def write_index(out: Path, title: str) -> list[Path]:
    """Write OUT/index.html with every PNG in OUT/gallery and its caption; return the pictures, in the page's order."""
    pictures = sorted((out / "gallery").rglob("*.png"))
    figures = []
    for picture in pictures:
        place, words = picture.relative_to(out).as_posix(), html.escape(caption_of(picture))
        figures.append(
            f'<figure><img src="{html.escape(place)}" alt="{words}"><figcaption>{words}</figcaption></figure>'
        )
    text = "\n".join(figures) or "<p>No picture was made.</p>"
    (out / "index.html").write_text(PAGE.format(title=html.escape(title), figures=text), encoding="utf-8")
    return pictures


def chosen(only: list[str]) -> list[Path]:
    """The notebooks whose names begin with one of `only`; all of them for none.

    Raises:
        ValueError: where a name fits no notebook.
    """
    every = notebooks()
    for start in only:
        if not any(path.stem.startswith(start) for path in every):
            raise ValueError(f"no notebook begins with {start!r}; there are {', '.join(path.stem for path in every)}")
    return [path for path in every if not only or path.stem.startswith(tuple(only))]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = os.environ.get("T2I_PROFILE") or "demo"
    parser.add_argument("--profile", choices=("smoke", "demo", "full"), default=usual, help=f"(here: {usual})")
    parser.add_argument("--out", type=Path, help="the folder for everything (default: runs/PROFILE)")
    parser.add_argument("--only", nargs="+", default=[], metavar="NN", help="notebooks by the start of their names")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="stop a cell that takes longer than this")
    options = parser.parse_args(arguments)
    out = (options.out or ROOT / "runs" / options.profile).absolute()
    try:
        paths = chosen(options.only)
    except ValueError as error:
        parser.error(str(error))
    begin = time.monotonic()
    failure = run_series(paths, out, options.profile, options.timeout)
    pictures = write_index(out, f"t2i_utils: {options.profile}")
    print(f"\n{len(paths)} notebooks, {(time.monotonic() - begin) / 60:.1f} min; executed copies in {out}")
    for picture in pictures:
        print(f"  {picture.relative_to(out)}  {caption_of(picture)}")
    print(f"Look at {out / 'index.html'}")
    if failure is not None:
        print(f"\n{failure}\n    the whole notebook: {out / failure.notebook}.ipynb", file=sys.stderr)
    return int(failure is not None)


if __name__ == "__main__":
    sys.exit(main())
