"""What notebook 04 shows of critics: a distance with a slope, weights in a box, slopes of one, an estimate's worth."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor, nn

from t2i_utils.interfaces import Batch, draw_noise, step_rng
from t2i_utils.metrics.attributes import CaptionSet, attribute_accuracy, paint_each
from t2i_utils.metrics.reader import Reader
from t2i_utils.objectives.penalties import squared_slopes
from t2i_utils.playground.figures import drawn
from t2i_utils.recipe import Recipe
from t2i_utils.runs import Run


def two_distances() -> Image.Image:
    r"""Two points at distance theta: what two measures say of how far apart they are.

    Jensen-Shannon's divergence is ln 2 wherever they differ, however near; the earth mover's distance is |theta|.

    From: Arjovsky et al., Wasserstein GAN, 2017, example 1 (arXiv:1701.07875).
    """
    theta = torch.linspace(-1, 1, 401)
    figure = Figure(figsize=(5, 2.6), layout="constrained")
    axis = figure.subplots()
    axis.plot(theta, torch.where(theta == 0, 0.0, torch.tensor(2.0).log()), label="Jensen-Shannon")
    axis.plot(theta, theta.abs(), label="earth mover")
    axis.set_xlabel("distance of the painted point from the real one")
    axis.legend(fontsize=8)
    axis.grid(alpha=0.3)
    return drawn(figure)


def histograms(values: Mapping[str, Tensor], label: str, bins: int = 60) -> Image.Image:
    """How numbers of any shape are spread, a panel each, on scales of their own."""
    figure = Figure(figsize=(3.4 * len(values), 2.4), layout="constrained")
    for axis, (name, numbers) in zip(figure.subplots(1, len(values), squeeze=False)[0], values.items(), strict=True):
        axis.hist(numbers.detach().float().flatten().cpu().numpy(), bins)
        axis.set_title(name, fontsize=9)
        axis.set_xlabel(label, fontsize=8)
        axis.set_yticks([])
    return drawn(figure)


def weights_of(critic: nn.Module) -> Tensor:
    """All weights of a critic's layers (no biases) in one row, [weights]."""
    return torch.cat([parameter.detach().flatten() for parameter in critic.parameters() if parameter.ndim > 1])


def slopes_between(recipe: Recipe, batch: Batch, seed: int = 0) -> Tensor:
    """How steep a critic is between real and painted pictures: gradient norms over pictures, [batch].

    Args:
        recipe: whose networks are asked; they are copied, so that looking changes nothing.
        batch: on the networks' device.
        seed: of noise and places.
    """
    generator, critic = copy.deepcopy(recipe.generator).eval(), copy.deepcopy(recipe.discriminator).eval()
    rng, device = step_rng(seed, 0), batch.images.device
    with torch.no_grad():
        painted = generator(draw_noise(generator.noise_shape, len(batch), rng).to(device), batch.text).images[-1]
    places = torch.rand(len(batch), 1, 1, 1, generator=rng).to(device)
    between = torch.lerp(batch.images, painted, places).requires_grad_()
    (squares,) = squared_slopes(critic.score(critic.features((between,)), batch.text), (between,))
    return squares.detach().sqrt()


class EstimateAndQuality:
    """A watcher that writes down, every so often, the critic's estimate of the distance and how good the pictures are.

    The estimate is minus the critic's loss without its penalty, the mean over the last steps; the quality is the share
    of painted pictures in which a reader finds what the caption states of `attribute`.

    Args:
        run: whose average paints.
        reader: of the built-in flowers' attributes.
        captions: to paint.
        attribute: which of their attributes counts.
        every: steps between two rows.
    """

    def __init__(self, run: Run, reader: Reader, captions: CaptionSet, attribute: str, every: int):
        self.run, self.reader, self.captions, self.attribute, self.every = run, reader, captions, attribute, every
        self.painter = None
        self.recent: list[Tensor] = []
        self.rows: list[tuple[int, float, float]] = []

    def __call__(self, trainer, moment, losses: Mapping[str, Tensor]) -> None:
        kinds = ("real", "painted", "swapped")
        self.recent.append(-sum(losses[f"discriminator/{kind}"] for kind in kinds if f"discriminator/{kind}" in losses))
        if trainer.step % self.every == 0:
            self.painter = self.painter or self.run.painter()
            painted = paint_each(self.painter, self.captions.captions, 2, 0)
            read = {name: values.reshape(-1, 2) for name, values in self.reader.read(painted.flatten(0, 1)).items()}
            scores = attribute_accuracy(read, self.captions.attributes, self.captions.states)
            estimate = torch.stack(self.recent).mean().item()
            self.rows.append((trainer.step, estimate, scores[self.attribute].mean))
            self.recent.clear()

    def show(self) -> Image.Image:
        """Both against the step, on two scales."""
        return two_scales(self.rows, "the critic's estimate", f"share of pictures with the right {self.attribute}")


def two_scales(rows: Sequence[tuple[int, float, float]], left: str, right: str) -> Image.Image:
    """Two columns against the step, each on a scale of its own."""
    figure = Figure(figsize=(6, 2.8), layout="constrained")
    axis = figure.subplots()
    steps, first, second = zip(*rows, strict=True) if rows else ((), (), ())
    axis.plot(steps, first, marker="o", color="tab:blue")
    axis.set_ylabel(left, color="tab:blue", fontsize=8)
    axis.set_xlabel("step")
    other = axis.twinx()
    other.plot(steps, second, marker="s", color="tab:orange")
    other.set_ylabel(right, color="tab:orange", fontsize=8)
    axis.grid(alpha=0.3)
    return drawn(figure)
