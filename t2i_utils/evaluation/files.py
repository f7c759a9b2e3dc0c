"""A folder of pictures that anybody made, as a source of scores."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from t2i_utils.data.captions import repair_all
from t2i_utils.data.captions_file import CAPTIONS
from t2i_utils.data.inside import listed
from t2i_utils.data.own_folder import PICTURES, own_folder
from t2i_utils.data.pictures import BrokenPictureError, open_picture, squash, to_array
from t2i_utils.data.split import Contents
from t2i_utils.evaluation.parts import Part
from t2i_utils.evaluation.plan import BATCH, LEAST
from t2i_utils.evaluation.words import positions_of


class Files:
    """A folder of pictures that anybody made; a captions.jsonl in it says what each should show.

    Args:
        folder: of PNG, JPEG and other pictures, in folders of its own if you like.
        contents: of the split, whose captions are recognised by their words.
        size: all are brought to it, as the data sets' pictures are: squashed to a square, bicubic, with antialiasing.
        channels: 3 or 1.
        seed: of their order.
        name: of its row in a table; the folder's where none is given.

    Attributes:
        paths: of the pictures, in the order in which they are looked at.
        notes: what a reader of its scores should know; complete when all parts were given.

    Raises:
        ValueError: for a folder with fewer pictures than scores need; and, where there is a captions.jsonl, as
            `own_folder`: for a caption whose picture is not there.
    """

    painter = None

    def __init__(self, folder: Path, contents: Contents, size: int, channels: int, seed: int = 0, name: str = ""):
        self.folder, self.name, self.size = folder, name or folder.resolve().name, size
        self._channels, self._resized, self._notes = channels, 0, []
        names = [one for one in listed(folder) if Path(one).suffix.lower() in PICTURES]
        told = self._told(len(names)) if (folder / CAPTIONS).is_file() else None
        names = names if told is None else sorted(told)
        if len(names) < LEAST:
            raise ValueError(
                f"{folder} holds {len(names)} pictures ({', '.join(PICTURES)}), scores need {LEAST} or more; name the "
                "folder that holds them"
            )
        order = [names[place] for place in np.random.default_rng(seed).permutation(len(names))]
        self.paths = [folder / name for name in order]
        self._captions = None if told is None else [told[name] for name in order]
        self._rows = None if told is None else positions_of(self._captions, contents.captions)
        strange = 0 if told is None else int((self._rows < 0).sum())
        if strange:
            self._notes.append(
                f"{strange:,} of the {len(names):,} captions of {self.name} are not of this split: class and "
                "attributes are not asked of their pictures"
            )

    def _told(self, there: int) -> dict[str, str]:
        """Picture to the first of its captions, as captions.jsonl has them; `there` pictures lie in the folder."""
        examples = own_folder(self.folder).examples
        several = sum(len(example.captions) > 1 for example in examples)
        if several:
            self._notes.append(f"{several:,} pictures of {self.name} have several captions: the first of each counts")
        if there > len(examples):
            self._notes.append(f"{there - len(examples):,} pictures of {self.name} are not in {CAPTIONS}: left away")
        return {example.name: repair_all(example.captions)[0].text for example in examples}

    def __len__(self) -> int:
        return len(self.paths)

    @cached_property
    def checkpoint(self) -> str:
        """sha256 of all files with their names and captions, whatever the order that they are looked at in."""
        digest = hashlib.sha256()
        for place in sorted(range(len(self.paths)), key=lambda place: self.paths[place]):
            path = self.paths[place]
            digest.update(path.relative_to(self.folder).as_posix().encode(errors="surrogateescape"))
            digest.update(hashlib.sha256(path.read_bytes()).digest())
            digest.update((self._captions[place] if self._captions else "").encode())
        return digest.hexdigest()

    @property
    def notes(self) -> list[str]:
        """What a reader of its scores should know."""
        if not self._resized:
            return self._notes
        return [*self._notes, f"{self._resized:,} pictures of {self.name} were brought to {self.size} px"]

    def parts(self) -> Iterator[Part]:
        """The pictures, made alike, a batch at a time.

        Raises:
            ValueError: for a file that holds no whole picture, naming it.
        """
        self._resized = 0
        for start in range(0, len(self.paths), BATCH):
            squares = [self._square(path) for path in self.paths[start : start + BATCH]]
            images = torch.from_numpy(np.stack(squares).transpose(0, 3, 1, 2).copy())
            if self._captions is None:
                yield Part(images)
                continue
            rows = torch.from_numpy(self._rows[start : start + BATCH])
            yield Part(images, self._captions[start : start + BATCH], rows)

    def _square(self, path: Path) -> np.ndarray:
        """uint8 [size, size, channels]."""
        try:
            picture = open_picture(path, self._channels)
        except BrokenPictureError as error:
            raise ValueError(f"{path}: {error}; paint it again, or take it away with its caption") from error
        self._resized += picture.size != (self.size, self.size)
        return to_array(squash(picture, self.size), self._channels)
