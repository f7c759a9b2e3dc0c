"""Painters that are given away, as records: what they are, how good, how large, where they lie. `checkpoints.md` shows
this table, and a test keeps the two alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from t2i_utils.data.arrivals import what_is_wrong
from t2i_utils.data.remote import RemoteFile

WEIGHTS = Path(__file__).with_name("weights")
GENERATOR, TEXT, CARD = "generator.safetensors", "text.safetensors", "card.md"
SHARED = "text_of"  # in a generator's header: the painter of this package whose text tower it reads captions with
USUAL = "flowers"
NOT_YET = "not trained yet"


@dataclass(frozen=True)
class Published:
    """A painter that is published, or that is to be.

    Attributes:
        name: by which `open_painter` finds it.
        system: a name in SYSTEMS.
        data: what it was trained on, with the size of its pictures.
        licence: of the weights; they may not be used more freely than the data.
        files: of the packed folder, each with size and sha256; those without mirrors come with the package. None at
            all: it is not trained yet, and there are no numbers.
        scores: by metric.
        protocol: what they were measured on.
    """

    name: str
    system: str
    data: str
    licence: str
    files: tuple[RemoteFile, ...] = ()
    scores: Mapping[str, str] = field(default_factory=dict)
    protocol: str = ""

    @property
    def where(self) -> str:
        """Where it lies, for a table."""
        if not self.files:
            return NOT_YET
        mirrors = [str(mirror) for mirror in self.files[0].mirrors]
        return ", ".join(mirrors) or "in this package"

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def row(self) -> str:
        """One line of the table."""
        size = f"{self.size / 1e6:.2f} MB" if self.files else "-"
        sums = "<br>".join(f"{file.name} `{file.sha256}`" for file in self.files) or "-"
        scores = ", ".join(f"{metric} {score}" for metric, score in self.scores.items())
        scores = f"{scores} ({self.protocol})" if scores else NOT_YET
        cells = (f"`{self.name}`", f"`{self.system}`", self.data, size, sums, self.where, self.licence, scores)
        return f"| {' | '.join(cells)} |"

    def wrong(self, folder: Path) -> str:
        """Why the files in a folder are not the published ones; "" if they are."""
        for file in self.files:
            path = folder / file.name
            if not path.is_file():
                return f"{path} is missing"
            if why := what_is_wrong(path, file):
                return f"{path}: {why}"
        return ""

    def bring(self, folder: Path) -> Path:
        """Download what is missing or wrong in a folder; returns the folder.

        Raises:
            ValueError: for a painter that nobody has trained yet.
            OSError: when no mirror has the published file, saying what became of each.
        """
        if not self.files:
            raise ValueError(f"{self.name} is {NOT_YET}; train {self.system} on {self.data}: see checkpoints.md")
        from t2i_utils.data.download import fetch_file  # who opens what is here need not import it
        from t2i_utils.data.fetch import Patience

        for file in self.files:
            path = folder / file.name
            if not path.is_file() or what_is_wrong(path, file):
                fetch_file(file, path, Patience())
        return folder


PUBLISHED = {
    record.name: record
    for record in (
        Published(
            name="flowers",
            system="gan_cls",
            data="synthetic_flowers, 64 px",
            licence="MIT",
            files=(
                RemoteFile(
                    GENERATOR, (), b"", 3_796_984, "ae9da806871c9b7d690a3914ed96ab6bdf16af4a221ea7bdf7e017763c2dd89d"
                ),
                RemoteFile(TEXT, (), b"", 241_496, "60cf0506c95cb82d55acf382895ae6c11e14190d0fe7038a61c0f7cf0b4adc9e"),
                RemoteFile(CARD, (), b"", 3_110, "bd95040678b133be17d95a4a175a58d6227975021b111e3492fec380092353d6"),
            ),
            scores={"petal colour": "0.830", "background": "1.000", "petal count": "0.281"},
            protocol="attribute accuracy, 200 captions of held-out classes x 4 noises, seed 0; others on its card",
        ),
        Published("oxford", "df_gan", "oxford_flowers, 64 px", "for research, as its pictures"),
        Published("birds", "df_gan", "cub_birds, 256 px", "for research, as its pictures"),
        Published("coco", "df_gan", "coco_captions, 256 px", "for research, as its pictures"),
    )
}

COLUMNS = ("name", "system", "data", "size", "sha256", "where", "licence", "metrics and their protocol")


def table() -> str:
    """All records as a Markdown table."""
    head = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    return "\n".join([*head, *(record.row() for record in PUBLISHED.values())])
