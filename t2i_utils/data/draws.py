"""Chance in a loader: which pictures, captions, crops and wrong captions a step shows, from (seed, step) alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# streams of random numbers under one seed: the order of epochs, what happens in a step, and which classes it shows
ORDER, STEP, CLASSES = 0, 1, 2


@dataclass(frozen=True)
class Draw:
    """What one step shows; positions are within the loader's split, numpy int64 unless said otherwise.

    Attributes:
        pictures: [batch].
        captions: [batch, captions_per_visit], positions in `Loader.all_captions`; -1 where the picture has no more.
        top, left: [batch], the crop's upper left pixel in the stored picture.
        mirror: bool [batch].
        swap: [batch], a position in the batch whose caption is wrong for the picture.
    """

    pictures: np.ndarray
    captions: np.ndarray
    top: np.ndarray
    left: np.ndarray
    mirror: np.ndarray
    swap: np.ndarray


class Chance:
    """Draws of steps in any order: the same (seed, step) gives the same draw, whatever was drawn before."""

    def __init__(
        self,
        classes: np.ndarray,
        caption_offsets: np.ndarray,
        batch_size: int,
        seed: int = 0,
        captions_per_visit: int = 1,
        room: int = 0,
        mirror: bool = True,
        one_a_class: bool = False,
    ) -> None:
        """
        Args:
            classes: int64 [pictures], -1 where unknown.
            caption_offsets: int64 [pictures + 1]: captions of picture p are offsets[p] .. offsets[p + 1], at least one.
            batch_size: pictures a step, 2 at least (each needs another's caption), and at most all of them.
            seed: of everything drawn, from 0.
            captions_per_visit: distinct captions of each picture, at least 1.
            room: pixels by which a stored picture is larger than a crop.
            mirror: turn half of the pictures left to right.
            one_a_class: show at most one picture of a class in a step, drawn anew each time, instead of every picture
                once an epoch; a batch is then no larger than the number of classes.

        Raises:
            ValueError: for numbers outside these ranges.
        """
        self._members = members_by_class(classes) if one_a_class else []
        if one_a_class:
            if len(self._members) < 2:
                raise ValueError(
                    f"one picture a class needs pictures of 2 known classes, these have {len(self._members)}; "
                    "draw pictures from all of them"
                )
            batch_size = min(batch_size, len(self._members))
        if batch_size < 2:
            raise ValueError(
                f"a mismatched pair needs at least 2 captions in a batch, "
                f"got {batch_size}; use a batch size of 2 or more"
            )
        if len(classes) < batch_size:
            raise ValueError(
                f"a batch of {batch_size} needs as many pictures, there are {len(classes)}; use a smaller batch size"
            )
        if seed < 0 or captions_per_visit < 1:
            raise ValueError(
                f"seed is 0 or more and captions_per_visit 1 or more, got {seed} and {captions_per_visit}; change them"
            )
        self.batch_size, self.seed, self.captions_per_visit = batch_size, seed, captions_per_visit
        self.room, self.mirror = room, mirror
        self._classes = classes
        self._first, self._counts = caption_offsets[:-1], np.diff(caption_offsets)
        self._most = max(captions_per_visit, int(self._counts.max()))
        self._orders: dict[int, np.ndarray] = {}

    def draw(self, step: int) -> Draw:
        """What step `step` (from 0) shows."""
        if step < 0:
            raise ValueError(f"steps count from 0, got {step}")
        batch, rng = self.batch_size, np.random.default_rng([self.seed, STEP, step])
        pictures = self._pictures(step)
        place = (rng.random((2, batch)) * (self.room + 1)).astype(np.int64)
        mirror = (rng.random(batch) < 0.5) & self.mirror
        return Draw(pictures, self._draw_captions(pictures, rng), *place, mirror, self._draw_swap(pictures, rng))

    def order(self, epoch: int) -> np.ndarray:
        """int64 [pictures]: every picture once, as this epoch shows them.

        A batch that begins in one epoch and ends in the next holds no picture twice: those that would come again wait
        for the batch after it. (With less than two batches an epoch that can still happen.)
        """
        if epoch not in self._orders:
            if len(self._orders) > 2:
                self._orders.clear()
            order = self._shuffle(epoch)
            begun = epoch * len(order) % self.batch_size
            if begun:
                head, before = order[: self.batch_size], self._shuffle(epoch - 1)[-begun:]
                again = np.isin(head, before)
                order[: self.batch_size] = np.concatenate([head[~again], head[again]])
            self._orders[epoch] = order
        return self._orders[epoch]

    def _shuffle(self, epoch: int) -> np.ndarray:
        return np.random.default_rng([self.seed, ORDER, epoch]).permutation(len(self._classes))

    def _pictures(self, step: int) -> np.ndarray:
        if self._members:
            rng = np.random.default_rng([self.seed, CLASSES, step])
            chosen = rng.permutation(len(self._members))[: self.batch_size]
            return np.array([rng.choice(self._members[one]) for one in chosen])
        epoch, start = divmod(step * self.batch_size, len(self._classes))
        now = self.order(epoch)[start : start + self.batch_size]
        missing = self.batch_size - len(now)
        return np.concatenate([now, self.order(epoch + 1)[:missing]]) if missing else now

    def _draw_captions(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """int64 [batch, captions_per_visit]: distinct captions of each picture, each as likely as the others."""
        counts = self._counts[pictures][:, None]
        if self.captions_per_visit == 1:
            chosen = (rng.random((self.batch_size, 1)) * counts).astype(np.int64)
        else:
            columns = np.arange(self._most)
            keys = np.where(columns < counts, rng.random((self.batch_size, self._most)), 2.0)
            chosen = keys.argsort(axis=1)[:, : self.captions_per_visit]
        return np.where(chosen < counts, self._first[pictures][:, None] + chosen, -1)

    def _draw_swap(self, pictures: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """int64 [batch]: a random position of another class; of another picture where the batch has no such."""
        classes = self._classes[pictures]
        other_picture = pictures[:, None] != pictures
        # A class that is not known counts as another one.
        other_class = ((classes[:, None] != classes) | (classes < 0)) & other_picture
        keys = rng.random((self.batch_size, self.batch_size), dtype=np.float32) + other_picture + 2.0 * other_class
        np.fill_diagonal(keys, -1.0)
        return keys.argmax(axis=1)


def members_by_class(classes: np.ndarray) -> list[np.ndarray]:
    """The pictures of each known class, int64 each; classes: int64 [pictures], -1 where unknown."""
    return [np.flatnonzero(classes == one) for one in np.unique(classes) if one >= 0]
