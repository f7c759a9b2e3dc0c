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
USUAL = "flowers_df_gan"
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
    def dataset(self) -> str:
        """The name of the data set."""
        return self.data.partition(",")[0]

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


DRAWN = "synthetic_flowers, 64 px"
COUNTED = (
    "attribute accuracy, 200 captions of held-out classes x 4 noises; diversity, 24 captions x 16 noises, 1 = real "
    "renderings; seed 0; others on its card"
)


def _inside(name: str, system: str, scores: Mapping[str, str], files: Mapping[str, tuple[int, str]]) -> Published:
    """A painter of the built-in flowers that comes with the package: files by name, each with size and sha256."""
    lying = tuple(RemoteFile(file, (), b"", size, sha256) for file, (size, sha256) in files.items())
    return Published(name, system, DRAWN, "MIT", lying, scores, COUNTED)


PUBLISHED = {
    record.name: record
    for record in (
        _inside(
            "flowers_df_gan",
            "df_gan",
            {
                "petal colour": "0.736",
                "background": "1.000",
                "petal shape": "0.599",
                "petal count": "0.547",
                "diversity": "1.342",
            },
            {
                GENERATOR: (2_901_134, "78c3d1350b856f82641f0eb69baf62ffdf8e9333282157138610a2f2e65e55b8"),
                CARD: (3_218, "09b8fa1f14c011379e53f4cd9a4cb6fd678f6cad5ab10cb0c6972c903446ff7f"),
            },
        ),
        _inside(
            "flowers_gan_cls_modern",
            "gan_cls_modern",
            {"petal colour": "0.821", "background": "1.000", "diversity": "0.651"},
            {
                GENERATOR: (1_449_128, "1db4f882010df10f756aed89117b7bdbdafcf4d07e58c19fd5051f214fa0a474"),
                CARD: (2_869, "c5b18c4a4e105bd3b1dba74825babb4febb4eae2fbaf6f460957528952fd5ec2"),
            },
        ),
        _inside(
            "flowers_gan_int_cls",
            "gan_int_cls",
            {"petal colour": "0.846", "background": "1.000", "diversity": "0.897"},
            {
                GENERATOR: (1_449_096, "e28e59a4fa68612bbd54b96c15006467dc53398d354dfcc62e900606ff87d14b"),
                CARD: (2_878, "59aeaceb2b4235bbb1bb49f8e616a146fa045a94ee8349ad82ff451cd8b69c4f"),
            },
        ),
        _inside(
            "flowers_dcgan_cls",
            "dcgan_cls",
            {"petal colour": "0.838", "background": "1.000", "diversity": "0.364"},
            {
                GENERATOR: (1_319_448, "a4736ab3cd5165b97b1212a6f49dcc9e8234eedba239535d643bb01b4cefd201"),
                CARD: (2_944, "49103fa0e54641925a50fdf80b1af2ed7123417129fd11c01dd7cc2f7d35dd11"),
            },
        ),
        _inside(
            "flowers",
            "gan_cls",
            {"petal colour": "0.830", "background": "1.000", "petal count": "0.281", "diversity": "0.727"},
            {
                GENERATOR: (3_796_984, "ae9da806871c9b7d690a3914ed96ab6bdf16af4a221ea7bdf7e017763c2dd89d"),
                TEXT: (241_496, "60cf0506c95cb82d55acf382895ae6c11e14190d0fe7038a61c0f7cf0b4adc9e"),
                CARD: (3_110, "bd95040678b133be17d95a4a175a58d6227975021b111e3492fec380092353d6"),
            },
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
