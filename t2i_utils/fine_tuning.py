"""An encoder learns from a file's own captions: kept like every training, chosen on val classes, exported to a folder.

The folder holds what every training leaves (see `training.session`), `choice.json` with what was chosen and why, and
`encoder/`, the encoder for `embed --encoder FOLDER/encoder`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal

import torch

from t2i_utils.colab import choose_device, half_dtype
from t2i_utils.data.loader import Loader
from t2i_utils.data.split import Pictures, evenly, read_contents, read_split
from t2i_utils.data.verify import verify
from t2i_utils.fine_tuned import Choice, Outcome
from t2i_utils.interfaces import TextEncoder
from t2i_utils.metrics.examination import examine
from t2i_utils.metrics.retrieval import mean_recall
from t2i_utils.text.clip import ClipEncoder
from t2i_utils.text.contrastive import Same, contrastive_turn, pairings
from t2i_utils.text.encoders import open_encoder
from t2i_utils.text.picture_towers import SbertTowers
from t2i_utils.text.sbert import SbertEncoder
from t2i_utils.text.towers import ClipTowers, Towers
from t2i_utils.text.weights import Best, between
from t2i_utils.training.keeping import Keeping
from t2i_utils.training.session import Session
from t2i_utils.training.trainer import Trainer, Watcher, as_it_is
from t2i_utils.training.watchers import Every
from t2i_utils.whole import write_whole

ENCODER, CHOICE = "encoder", "choice.json"
WEIGHTS = tuple(step / 10 for step in range(11))


@dataclass(frozen=True)
class Tuning(Keeping):
    """How an encoder is fine-tuned, and how the training is kept.

    Attributes:
        epochs: over the train classes.
        batch_size: pictures a step; each should find its caption among all of the batch.
        rate: AdamW's highest; 0 for the usual one: 1e-5 for a published CLIP, more for small ones and new towers.
        sentence_factor: of the rate for a Sentence-BERT beside its new picture tower.
        weight_decay: of weights; gains, biases and the logit scale never decay.
        image_layers, text_layers: how many of a tower's last layers learn; -1 for all of them.
        captions: of each picture a visit.
        same: which captions of a batch count as true of a picture: "own", "picture" or "class".
        one_a_class: at most one picture of a class in a batch, which caps it at their number.
        chunk: pictures or captions that go through a tower at once, for a batch that does not fit; 0 for all.
        checkpointing: compute layers twice instead of keeping what is in them.
        val_pictures: by which the epoch is chosen, at most.
        seed: of batches, and of a new picture tower.
        precision: auto is bf16 or fp16 on a GPU, by what it can do, and float32 on a CPU.
    """

    epochs: int = 10
    batch_size: int = 128
    rate: float = 0.0
    sentence_factor: float = 0.02
    weight_decay: float = 0.1
    image_layers: int = -1
    text_layers: int = -1
    captions: int = 1
    same: Same = "picture"
    one_a_class: bool = False
    chunk: int = 0
    checkpointing: bool = False
    val_pictures: int = 1000
    seed: int = 0
    precision: Literal["auto", "float32", "bf16", "fp16"] = "auto"

    def __post_init__(self):
        super().__post_init__()
        if self.epochs < 1 or self.chunk < 0 or self.val_pictures < 2:
            raise ValueError(
                f"got {self.epochs} epochs, chunks of {self.chunk} and {self.val_pictures} val pictures; use 1 "
                "epoch, chunks of 0 (no chunks) and 2 pictures, or more of each"
            )


class FineTuning(Session):
    """One fine-tuning in one folder.

    Args:
        towers: what learns.
        data: HDF5 file made by `build`, with train and val classes.
        start: fingerprint of the encoder that the towers come from.
        folder: where everything lies.
        tuning: how.
        device: where it trains; the GPU if there is one.

    Attributes:
        steps: of the whole training.

    Raises:
        ValueError: for a file without val pictures, a folder with another fine-tuning, and numbers that do not fit.
    """

    def __init__(
        self,
        towers: Towers,
        data: Path,
        start: str,
        folder: Path,
        tuning: Tuning = Tuning(),
        device: torch.device | str | None = None,
    ):
        device = torch.device(device) if device is not None else choose_device()
        tuning = replace(tuning, rate=tuning.rate or towers.usual_rate)
        self.towers, self.held_out = towers, self._held_out(data, tuning)
        batch_size = min(tuning.batch_size, len(read_contents(data, "train").rows))
        loader = Loader(
            data,
            batch_size=batch_size,
            seed=tuning.seed,
            split="train",
            captions_per_visit=tuning.captions,
            device=device,
            one_a_class=tuning.one_a_class,
        )
        if loader.batch_size < tuning.batch_size:
            why = "one picture of each class" if loader.batch_size < batch_size else "all pictures of train classes"
            print(f"a batch is {loader.batch_size} pictures, not {tuning.batch_size}: {why}")
        towers.lock(*(None if layers < 0 else layers for layers in (tuning.image_layers, tuning.text_layers)))
        if tuning.checkpointing:
            towers.checkpoint()
        self.epoch = -(-len(loader) // loader.batch_size)
        self.steps = tuning.epochs * self.epoch
        factors = {"bert.": tuning.sentence_factor}
        turn = contrastive_turn(
            towers, self.steps, tuning.rate, tuning.weight_decay, tuning.same, tuning.chunk, factors
        )
        self.original = copy.deepcopy(towers.state_dict())
        self.best = Best(towers)
        half = half_dtype(device, tuning.precision)
        trainer = Trainer([turn], as_it_is, device, half, {"best": self.best}, tuning.seed)
        kept = {field.name for field in fields(Keeping)} | {"precision"}
        facts = {
            "start": start,
            "data": loader.fingerprint,
            "tuning": {name: value for name, value in asdict(tuning).items() if name not in kept},
        }
        super().__init__(Path(folder), "fine-tuning", trainer, pairings(loader, towers), facts, tuning)

    @staticmethod
    def _held_out(data: Path, tuning: Tuning) -> Pictures:
        try:
            return evenly(read_split(data, "val"), tuning.val_pictures)
        except ValueError as error:
            raise ValueError(f"the epoch is chosen on val classes: {error}") from error

    def score(self) -> float:
        """The towers' mean recall on val classes as they are now."""
        return mean_recall(*self.towers.compare(self.held_out), self.held_out.caption_picture)

    def measure(self) -> dict[str, float]:
        """At the end of an epoch its score, which may make it the best; in between nothing, whatever the clock says."""
        epoch, rest = divmod(self.trainer.step, self.epoch)
        if rest:
            return {}
        score = self.score()
        self.best.offer(self.towers, epoch, score)
        return {"score": score}

    def run(self, watchers: Sequence[Watcher] = (), progress: bool = True) -> bool:
        """Train to the end, or to Ctrl-C; whether it is the end."""
        self.train(self.steps, watchers=[Every(self.epoch, lambda trainer: self.save()), *watchers], progress=progress)
        return self.trainer.step >= self.steps

    def choose(self) -> Choice:
        """Take the best epoch, go from the original towards it, and leave the towers at the best point on the way.

        From: Wortsman et al., Robust fine-tuning of zero-shot models, 2022 (arXiv:2109.01903).
        """
        tuned, curve = self.best.weights(), {}
        for weight in WEIGHTS:
            self.towers.load_state_dict(between(self.original, tuned, weight))
            curve[weight] = self.score()
        chosen = max(curve, key=lambda weight: (curve[weight], weight))
        self.towers.load_state_dict(between(self.original, tuned, chosen))
        steps, scores = self.val.column("score")
        epochs = {step // self.epoch: round(score, 6) for step, score in zip(steps, scores, strict=True)}
        held = self.held_out
        return Choice(int(self.best.epoch), epochs, chosen, curve, len(held), len(held.captions))


def towers_of(encoder: TextEncoder, image_size: int, seed: int = 0) -> Towers:
    """What learns when an encoder is fine-tuned.

    Args:
        encoder: a CLIP, whose two towers these are, or a Sentence-BERT, which gets a new picture tower.
        image_size, seed: of that tower.

    Raises:
        ValueError: for any other encoder.
    """
    if isinstance(encoder, ClipEncoder):
        if getattr(encoder.model, "logit_bias", None) is not None:
            raise ValueError(
                f"{encoder.name} has a logit bias: it learnt by SigLIP's loss, each pair by itself, which is not here; "
                "name a model without one, for example ViT-B-32-quickgelu/openai"
            )
        return ClipTowers(encoder)
    if isinstance(encoder, SbertEncoder):
        return SbertTowers(encoder.folder, image_size, seed)
    raise ValueError(
        f"{encoder.name} cannot be fine-tuned; name a CLIP (tiny_clip, MODEL/TAG of open_clip, a folder) or sbert"
    )


def fine_tune(
    name: str,
    data: Path,
    folder: Path,
    tuning: Tuning = Tuning(),
    device: torch.device | str | None = None,
    watchers: Sequence[Watcher] = (),
    progress: bool = True,
) -> Outcome | None:
    """Fine-tune an encoder on a file's train classes, choose on its val classes, export to FOLDER/encoder.

    Run again, it goes on where it stopped; run again after its end, it only tells. Test classes are looked at once, in
    the end.

    Args:
        name: of the encoder, as of `open_encoder`; tiny_clip is that of this file.
        data: HDF5 file made by `build`.
        folder: of the training.
        tuning: how.
        device: where; the GPU if there is one.
        watchers: called after every step.
        progress: whether to show a bar.

    Returns:
        What came of it; None where Ctrl-C ended it before.

    Raises:
        FileNotFoundError, ValueError: as `open_encoder`, `towers_of` and `FineTuning`.
    """
    facts = verify(data, vectors=False)
    encoder = open_encoder(name, data)
    start = encoder.fingerprint
    training = FineTuning(towers_of(encoder, facts.image_size, tuning.seed), data, start, folder, tuning, device)
    if not training.run(watchers, progress):
        return None
    choice = training.choose()
    if isinstance(encoder, ClipEncoder):
        encoder.ancestors = (*encoder.ancestors, start)
    training.towers.save(training.folder / ENCODER)
    write_whole(training.folder / CHOICE, json.dumps(asdict(choice), indent=1).encode())
    if not facts.pictures.get("test"):
        return Outcome(choice, None, None)
    test = evenly(read_split(data, "test"), tuning.val_pictures)
    after = examine(training.towers, test, facts.dataset)
    training.towers.load_state_dict(training.original)
    return Outcome(choice, examine(training.towers, test, facts.dataset), after)
