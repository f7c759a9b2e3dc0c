"""How a training is kept: how often it is saved and copied, and where it goes on from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Keeping:
    """How a training is kept.

    Attributes:
        save_minutes: between two checkpoints.
        resume: auto goes on with the newest whole checkpoint, here or on Drive; never sets what is here aside and
            begins anew; a path goes on from that checkpoint, or from the newest of that folder.
        drive: a folder, on a mounted Drive for example, that gets copies of the checkpoints under the run's own name.
        drive_minutes: between two copies.
    """

    save_minutes: float = 5.0
    resume: str = "auto"
    drive: str = ""
    drive_minutes: float = 10.0

    def __post_init__(self):
        for what, minutes in (("save", self.save_minutes), ("copy", self.drive_minutes)):
            if not minutes > 0:
                raise ValueError(f"cannot {what} every {minutes} minutes; use a number above 0")
