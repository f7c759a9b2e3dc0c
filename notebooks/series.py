"""The numbered notebooks as files: which there are, what is stripped from them, and where they say the project lives.

python notebooks/series.py strip [--check]      no outputs, no counts, one metadata, one cell layout
python notebooks/series.py address [--check]    setup, badges and pictures follow pyproject.toml's repository address
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from pathlib import Path

import nbformat
from nbformat import NotebookNode

ROOT = Path(__file__).resolve().parents[1]
SETUP_CELL = Path(__file__).with_name("setup_cell.py")
SETUP_TEXT = Path(__file__).with_name("setup_cell.md")  # the text above it, the same in every notebook
PICTURE = re.compile(r"\]\((?:https://raw\.githubusercontent\.com/\S+?/notebooks/)?(images/[^)\s]+)\)")
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
README_MARKS = ("<!-- badges -->", "<!-- /badges -->")


def notebooks(root: Path = ROOT) -> list[Path]:
    """The numbered notebooks in their order."""
    return sorted((root / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def read(path: Path) -> NotebookNode:
    return nbformat.read(path, as_version=4)


def repository(root: Path = ROOT) -> tuple[str, str]:
    """The address in pyproject.toml and the branch or tag that it names; ("", "") until it is set.

    Raises:
        ValueError: for an address that is not https://HOST/OWNER/NAME, with or without /tree/BRANCH_OR_TAG.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    address = project.get("urls", {}).get("Repository", "")
    if not address:
        return "", ""
    parts = re.fullmatch(r"(https://[\w.-]+/[\w.-]+/[\w.-]+?)(?:\.git)?(?:/tree/([\w./-]+?))?/?", address)
    if parts is None:
        raise ValueError(
            f"pyproject.toml's Repository is https://HOST/OWNER/NAME, perhaps with /tree/TAG behind it; got {address!r}"
        )
    return parts[1], parts[2] or ""


def setup_cell(root: Path = ROOT) -> str:
    """The first code cell of every notebook, with the project's address in its place."""
    address, ref = repository(root)
    where = f"{address}@{ref}" if ref else address
    return SETUP_CELL.read_text(encoding="utf-8").replace('REPOSITORY = ""', f'REPOSITORY = "{where}"').rstrip("\n")


def badge(name: str, root: Path = ROOT) -> str:
    """The line that opens a notebook in Colab; "" while no address is set, or one that is not on GitHub."""
    address, ref = repository(root)
    if not address.startswith("https://github.com/"):
        return ""
    place = address.removeprefix("https://github.com/")
    return (
        f"[![Open {name} in Colab]({BADGE})]"
        f"(https://colab.research.google.com/github/{place}/blob/{ref or 'main'}/notebooks/{name}.ipynb)"
    )


def pictured(text: str, root: Path = ROOT) -> str:
    """The text with its pictures where a lone upload in Colab shows them, or beside it while there is no address.

    Only an address on GitHub says where its raw files lie.
    """
    address, ref = repository(root)
    place = address.removeprefix("https://github.com/")
    raw = "" if place == address else f"https://raw.githubusercontent.com/{place}/{ref or 'main'}/notebooks/"
    return PICTURE.sub(rf"]({raw}\1)", text)


def stripped(notebook: NotebookNode) -> NotebookNode:
    """The notebook without outputs, counts and editors' metadata; a cell is named by its place, whoever saved it."""
    clean = nbformat.v4.new_notebook(metadata=METADATA, nbformat_minor=5)
    for number, cell in enumerate(notebook.cells):
        make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}.get(cell.cell_type)
        if make is None:
            raise ValueError(f"cell {number} is of type {cell.cell_type!r}; a notebook holds code and markdown cells")
        kept = {key: value for key, value in cell.metadata.items() if key == "tags"}
        clean.cells.append(make(cell.source.strip("\n"), id=f"cell-{number:02d}", metadata=kept))
    return clean


def addressed(notebook: NotebookNode, name: str, root: Path = ROOT) -> NotebookNode:
    """The notebook with today's setup cell and its text, today's badge under its title, and pictures by address.

    Raises:
        ValueError: for a notebook that does not begin with a markdown title, `## Setup` and a code cell.
    """
    kinds = [cell.cell_type for cell in notebook.cells[:3]]
    heads = [cell.source.partition("\n")[0] for cell in notebook.cells[:2]]
    if kinds != ["markdown", "markdown", "code"] or not heads[0].startswith("# ") or heads[1] != "## Setup":
        raise ValueError(
            f"{name} begins with a markdown cell whose first line is its title (# ...), one whose first line is "
            "## Setup, and a code cell"
        )
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = pictured(cell.source, root)
    notebook.cells[1].source = SETUP_TEXT.read_text(encoding="utf-8").rstrip("\n")
    notebook.cells[2].source = setup_cell(root)
    title, *rest = [line for line in notebook.cells[0].source.split("\n") if BADGE not in line]
    text = "\n".join(rest).strip("\n")
    notebook.cells[0].source = "\n\n".join(part for part in (title, badge(name, root), text) if part)
    return notebook


def addressed_readme(text: str, root: Path = ROOT) -> str:
    """The README with one badge a notebook between its two marks, or nothing between them while no address is set.

    Raises:
        ValueError: where the marks are missing.
    """
    begin, end = README_MARKS
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(end) < text.index(begin):
        raise ValueError(f"README.md needs the two marks {begin} and {end} once each: the badges stand between them")
    head, tail = text.split(begin)[0], text.split(end)[1]
    lines = [f"- {badge(path.stem, root)} {path.stem}" for path in notebooks(root) if badge(path.stem, root)]
    return "\n".join([head + begin, *lines, end + tail])


def changes(command: str, root: Path = ROOT) -> dict[Path, str]:
    """What `strip` or `address` would write: file to new text, only where it differs."""
    wanted: dict[Path, str] = {}
    for path in notebooks(root):
        notebook = stripped(read(path)) if command == "strip" else addressed(read(path), path.stem, root)
        wanted[path] = nbformat.writes(notebook) + "\n"
    readme = root / "README.md"
    if command == "address" and readme.is_file():
        wanted[readme] = addressed_readme(readme.read_text(encoding="utf-8"), root)
    return {path: text for path, text in wanted.items() if path.read_text(encoding="utf-8") != text}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("strip", "address"))
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 where something would change")
    options = parser.parse_args(arguments)
    try:
        todo = changes(options.command)
    except ValueError as error:
        print(f"series: {error}", file=sys.stderr)
        return 1
    for path, text in todo.items():
        print(f"{'would change' if options.check else 'changed'} {path.relative_to(ROOT)}")
        if not options.check:
            path.write_text(text, encoding="utf-8")
    if options.check and todo:
        print(f"series: run `make {options.command}`", file=sys.stderr)
    return int(options.check and bool(todo))


if __name__ == "__main__":
    sys.exit(main())
