"""What came of a fine-tuning: what was chosen on val classes, and the marks on test classes."""

from __future__ import annotations

from dataclasses import dataclass

from t2i_utils.metrics.examination import Examination


@dataclass(frozen=True)
class Choice:
    """What was chosen on val classes, and by which numbers.

    Attributes:
        epoch: whose weights are the fine-tuned ones; 0 for those before training.
        epochs: epoch to its mean recall on val classes.
        weight: of the fine-tuned weights; the rest is the original's.
        curve: weight to mean recall on val classes.
        pictures, captions: of val classes, that this was measured on.
    """

    epoch: int
    epochs: dict[int, float]
    weight: float
    curve: dict[float, float]
    pictures: int
    captions: int

    def __str__(self) -> str:
        epochs = "   ".join(f"epoch {epoch} {100 * score:.1f} %" for epoch, score in self.epochs.items())
        curve = "   ".join(f"{weight:g} {100 * score:.1f} %" for weight, score in self.curve.items())
        return (
            f"mean recall (R@1, R@5, R@10, both ways) on {self.pictures:,} pictures and {self.captions:,} captions of "
            f"val classes\n{epochs}\nfrom the original (0) to the fine-tuned weights (1): {curve}\n"
            f"chosen: epoch {self.epoch}, {self.weight:g} of the way"
        )


@dataclass(frozen=True)
class Outcome:
    """What came of a fine-tuning.

    Attributes:
        choice: what was chosen on val classes.
        before, after: the marks on test classes, which decided nothing; None where the file has none.
    """

    choice: Choice
    before: Examination | None
    after: Examination | None

    def __str__(self) -> str:
        if self.before is None:
            return str(self.choice)
        return f"{self.choice}\nbefore, on test classes: {self.before}\nafter, on test classes: {self.after}"
