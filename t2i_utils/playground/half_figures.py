"""What half precision does to DF-GAN's penalty where nobody takes care of it, watched number by number."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from t2i_utils.interfaces import Batch, Text, draw_noise, step_rng
from t2i_utils.playground.figures import drawn
from t2i_utils.recipe import Recipe
from t2i_utils.training.budget import Budget
from t2i_utils.training.trainer import Trainer
from t2i_utils.training.wide_sums import sums_of_a_gpu


@dataclass
class Watched:
    """The largest magnitudes that a training met, step by step.

    Attributes:
        sizes: by name, in the order in which a step computes them, one number a step; nan and inf stay.
        gradients: of the weights, one a step; those that are not finite were skipped.
        scales: of the gradient scaler after each step.
    """

    sizes: dict[str, list[float]]
    gradients: list[float]
    scales: list[float]

    @property
    def first_bad(self) -> tuple[int, str] | None:
        """The step and the name of the first tensor that was not finite; None if all were.

        Gradients do not count: where only they are not finite, a smaller scale helps.
        """
        for step in range(len(self.scales)):
            for name, values in self.sizes.items():
                if not math.isfinite(values[step]):
                    return step, name
        return None

    def __str__(self) -> str:
        """What broke first, how its value had been, and how many steps learnt nothing."""
        skipped = sum(not math.isfinite(gradient) for gradient in self.gradients)
        ending = f"{skipped} of {len(self.scales)} steps skipped, the gradients' scale now {self.scales[-1]:.3g}"
        if self.first_bad is None:
            return f"every loss finite; {ending}"
        step, name = self.first_bad
        before = ", ".join(f"{value:.3g}" for value in self.sizes[name][: step + 1])
        return f"the first bad tensor, in step {step}: the {name}; it had been {before}\n{ending}"


def naive_penalty(logits: Tensor, images: Tensor, sentence: Tensor) -> dict[str, Tensor]:
    """The paper's penalty in whatever precision its inputs have: each number on the way to it.

    logits: [batch], computed from images: [batch, channels, size, size] and sentence: [batch, text_dim].
    """
    slopes = torch.autograd.grad(logits.sum(), (images, sentence), create_graph=True)
    squared = torch.cat([slope.flatten(1) for slope in slopes], dim=1).square().sum(dim=1)
    norm = squared.sqrt()
    sixth = norm**6
    return {"squared slope": squared, "slope": norm, "slope to the sixth": sixth, "penalty": 2 * sixth.mean()}


def naive_losses(recipe: Recipe, batch: Batch, noise: Tensor) -> dict[str, Tensor]:
    """The discriminator's losses as one writes them first: fp16 from pictures to penalty, all under autocast.

    noise: [batch, *noise_shape] on the batch's device; returns each number on the way, the loss last.
    """
    discriminator = recipe.discriminator
    images, sentence = (part.half().requires_grad_() for part in (batch.images, batch.text.sentence))

    def judge(features: Sequence[Tensor], text: Text) -> Tensor:
        return discriminator.score(features, text)[0].logits

    with torch.autocast(images.device.type, dtype=torch.float16):
        painted = recipe.generator(noise, batch.text).detach().images
        features = discriminator.features((images,))
        matching, swapped = judge(features, Text(sentence)), judge(features, Text(sentence[batch.swap]))
        fake = judge(discriminator.features(painted), batch.text)
        hinge = F.relu(1 - matching).mean() + (F.relu(1 + fake).mean() + F.relu(1 + swapped).mean()) / 2
        numbers = {"logit of a matching pair": matching, **naive_penalty(matching, images, sentence)}
        return numbers | {"loss": hinge + numbers["penalty"]}


def watch_naive(recipe: Recipe, batches: Callable[[int], Iterable[Batch]], steps: int, seed: int = 0) -> Watched:
    """Train a discriminator the naive way, with a gradient scaler, beside a generator that stands still.

    Args:
        recipe: of DF-GAN, on the device of the batches; its discriminator's weights change.
        batches: from a step to the batches from there on.
        steps: batches.
        seed: of the noise.
    """
    optimizer = recipe.discriminator_optimizer(recipe.discriminator)
    watched = Watched({}, [], [])
    device = next(recipe.discriminator.parameters()).device
    scaler = torch.amp.GradScaler(device.type, init_scale=256.0)  # small enough for every gradient at first
    for step, batch in zip(range(steps), batches(0), strict=False):
        noise = draw_noise(recipe.generator.noise_shape, len(batch), step_rng(seed, step)).to(device)
        optimizer.zero_grad()
        with sums_of_a_gpu(torch.float16, device):
            numbers = naive_losses(recipe, batch, noise)
            scaler.scale(numbers["loss"]).backward()
        scaler.unscale_(optimizer)
        for name, value in numbers.items():
            watched.sizes.setdefault(name, []).append(value.detach().double().abs().max().item())
        gradients = [p.grad.abs().max() for p in recipe.discriminator.parameters() if p.grad is not None]
        watched.gradients.append(torch.stack(gradients).max().item())
        scaler.step(optimizer)
        scaler.update()
        watched.scales.append(scaler.get_scale())
    return watched


def watch_ours(
    recipe: Recipe, batches: Callable[[int], Iterable[Batch]], steps: int, half: torch.dtype | None, seed: int = 0
) -> Watched:
    """The same discriminator by `Trainer`: half precision but for the pass that the penalty differentiates.

    Args: as of `watch_naive`; half: the precision of everything else, None for float32.

    Raises:
        DivergedError: should it break, too.
    """
    turns = [turn for turn in recipe.players()[0] if turn.name == "discriminator"]
    watched = Watched({"penalty": [], "loss": []}, [], [])

    def look(trainer: Trainer, moment: object, losses: Mapping[str, Tensor]) -> None:
        watched.sizes["penalty"].append(losses["discriminator/matching_aware"].item())
        watched.sizes["loss"].append(sum(losses.values()).item())
        watched.gradients.append(trainer.norms["discriminator"].item())
        watched.scales.append(float(trainer.scales.get("discriminator", 1.0)))

    device = next(recipe.discriminator.parameters()).device
    with sums_of_a_gpu(half, device):
        Trainer(turns, recipe.prepare(seed), device, half, seed=seed).run(batches, Budget(steps=steps), [look])
    return watched


def side_by_side(watched: Mapping[str, Watched], name: str = "penalty") -> Image.Image:
    """One number's history in several trainings, logarithmic; a cross where it stops being finite."""
    figure = Figure(figsize=(7, 3), layout="constrained")
    axis = figure.subplots()
    for label, history in watched.items():
        values = history.sizes[name]
        bad = next((step for step, value in enumerate(values) if not math.isfinite(value)), len(values))
        (line,) = axis.plot(range(bad), values[:bad], marker=".", label=label)
        if bad < len(values):
            axis.plot([bad], [max(values[:bad], default=1.0)], "x", color=line.get_color(), markersize=12, mew=3)
    axis.axhline(torch.finfo(torch.float16).max, color="grey", linestyle=":", label="the largest number of fp16")
    axis.set(yscale="log", xlabel="step", ylabel=name)
    axis.legend(fontsize=8)
    return drawn(figure)
