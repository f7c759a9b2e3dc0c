"""What a discriminator believes: matching pairs, wrong captions, painted pictures."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from t2i_utils.interfaces import Batch, Discriminator, Generator, Score, draw_noise, step_rng
from t2i_utils.metrics.intervals import Interval, bootstrap
from t2i_utils.training.turns import mixes_examples


@torch.no_grad()
def pair_accuracies(
    generator: Generator, discriminator: Discriminator, batches: Iterable[Batch], divides: bool = True, seed: int = 0
) -> dict[str, Interval]:
    """How often a discriminator is right about each kind of pair.

    It judges batches, each kind by itself, as in training where it normalises by a batch's own statistics, and without
    what is drawn by chance in training (dropout); its running statistics stay as they are.

    Args:
        generator: an average in evaluation mode.
        discriminator: of the same run.
        batches: real pictures with captions and swaps; of held-out classes to know what it has understood, of
            classes that it learnt from to know what it has learnt by heart.
        divides: whether a logit of 0 lies between what is believed and what is not. A critic's 0 means nothing: a
            matching pair then counts as right where it scores above the swapped and the painted one, and those
            where they score below it.
        seed: of the noises.

    Returns:
        "matched", "swapped" (where a head sees text) and "painted", each a share over pictures; of several heads, the
        mean logit counts.
    """
    judge = copy.deepcopy(discriminator)
    if isinstance(judge, nn.Module):
        judge.eval()
        for part in judge.modules():
            part.training = mixes_examples(part)
    right: dict[str, list[float]] = {"matched": [], "swapped": [], "painted": []}
    for step, batch in enumerate(batches):
        noise = draw_noise(generator.noise_shape, len(batch), step_rng(seed, step)).to(batch.images.device)
        painted = generator(noise, batch.text).images
        sizes = [image.shape[-1] for image in painted]
        real = tuple(nn.functional.adaptive_avg_pool2d(batch.images, size) for size in sizes)
        features = judge.features(real)
        scores = judge.score(features, batch.text)
        wrong = [score for score in judge.score(features, batch.text.take(batch.swap)) if score.sees_text]
        matched = _logit(scores)
        others = {"painted": _logit(judge.score(judge.features(painted), batch.text))}
        if wrong:
            others["swapped"] = _logit(wrong)
        if divides:
            right["matched"] += (matched > 0).double().tolist()
        else:
            right["matched"] += (matched > torch.stack(list(others.values())).amax(dim=0)).double().tolist()
        for name, logit in others.items():
            right[name] += (logit < (0 if divides else matched)).double().tolist()
    return {name: bootstrap(values) for name, values in right.items() if values}


def _logit(scores: Sequence[Score]) -> Tensor:
    """[batch], the mean logit over heads and places."""
    heads = [score.logits.float() for score in scores]
    return torch.stack([logits.reshape(len(logits), -1).mean(dim=1) for logits in heads]).mean(dim=0)
