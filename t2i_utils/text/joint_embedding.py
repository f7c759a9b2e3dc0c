"""The char-CNN-RNN learns: a picture of a class lies nearer to that class's captions than to others', by a margin."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor, nn

from t2i_utils.data.draws import Chance
from t2i_utils.data.split import Contents
from t2i_utils.text.char_cnn_rnn import CharCnnRnn, letters
from t2i_utils.training.optimizers import RMSProp
from t2i_utils.training.turns import Turn

RATE, DECAY = 7e-4, 0.98  # of RMSProp; the rate's factor after as many updates as there are classes


def joint_embedding_loss(images: Tensor, sentences: Tensor) -> Tensor:
    r"""Structured joint embedding, both ways: every wrong pair a margin of one below the right one.

    $$ \frac{1}{n^2} \sum_{i \ne j} [1 + v_i^\top t_j - v_i^\top t_i]_+ + [1 + v_j^\top t_i - v_i^\top t_i]_+ $$

    images, sentences: [n, dim], row i of both of the i-th of n different classes. Computed in float32. (j = i would
    add a constant.)

    From: Reed et al., 2016, equations 2 to 4 (arXiv:1605.05395).
    """
    scores = images.float() @ sentences.float().T
    own = scores.diagonal()
    wrong = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    of_picture = (1 + scores - own[:, None]).clamp(min=0)
    of_caption = (1 + scores - own[None, :]).clamp(min=0)
    return ((of_picture + of_caption) * wrong).sum() / len(scores) ** 2


@dataclass(frozen=True)
class ClassPairs:
    """One picture and one caption of each of some classes.

    Attributes:
        images: [n, dim] vectors of an image encoder.
        places: [n, 201] int64, letters.
    """

    images: Tensor
    places: Tensor


class JointTowers(nn.Module):
    """The encoder that is wanted, and the Linear that brings another network's picture vectors to its length."""

    def __init__(self, encoder: CharCnnRnn, image_dim: int):
        super().__init__()
        self.encoder = encoder
        self.bring = nn.Linear(image_dim, encoder.tell.out_features)


def joint_turn(towers: JointTowers, classes: int, rate: float = RATE) -> Turn:
    """The turn that trains both towers; the rate falls by 2 % after every `classes` updates."""

    def losses(pairs: ClassPairs) -> dict[str, Tensor]:
        return {"joint_embedding": joint_embedding_loss(towers.bring(pairs.images), towers.encoder(pairs.places))}

    return Turn("char_cnn_rnn", towers, RMSProp(rate)(towers), losses, schedule=lambda step: DECAY ** (step // classes))


def class_pairs(
    pictures: Contents, vectors: Tensor, batch_size: int = 40, seed: int = 0, device: torch.device | str = "cpu"
) -> Callable[[int], Iterable[ClassPairs]]:
    """Batches for `joint_turn` without end, a function of (seed, step): different classes, one pair of each.

    Args:
        pictures: whose captions are learnt.
        vectors: [pictures, dim] of an image encoder.
        batch_size: classes a batch; fewer where there are fewer.
        seed: of the choice.
        device: where they are wanted.

    Raises:
        ValueError: where there are not two classes to tell apart.
    """
    chance = Chance(pictures.classes, pictures.caption_offsets, batch_size, seed, one_a_class=True)
    places = letters(pictures.captions)

    def stream(start: int) -> Iterator[ClassPairs]:
        for draw in map(chance.draw, count(start)):
            yield ClassPairs(vectors[draw.pictures].to(device), places[draw.captions[:, 0]].to(device))

    return stream
