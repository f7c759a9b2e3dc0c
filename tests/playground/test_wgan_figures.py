"""Figures of notebook 04: slopes are the critic's own, the estimate is minus its loss, looking changes nothing."""

import copy
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from t2i_utils.metrics.attributes import CaptionSet
from t2i_utils.playground import wgan_figures as show
from t2i_utils.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")


def test_slopes_between_are_the_gradients_of_the_critic(make_recipe, make_batch):
    recipe, batch = make_recipe("unconditional_wgan_gp"), make_batch()
    slopes = show.slopes_between(recipe, batch)
    assert slopes.shape == (8,)
    for part in recipe.discriminator.parameters():  # seven times the last layer, seven times the slope
        last = part
    with torch.no_grad():
        last *= 7
    assert torch.allclose(show.slopes_between(recipe, batch), 7 * slopes, rtol=1e-4)


def test_looking_changes_no_network(make_recipe, make_batch):
    recipe = make_recipe("wgan")
    before = copy.deepcopy(recipe.generator.state_dict()), copy.deepcopy(recipe.discriminator.state_dict())
    show.slopes_between(recipe, make_batch())
    for old, player in zip(before, (recipe.generator, recipe.discriminator), strict=True):
        assert all(torch.equal(old[name], value) for name, value in player.state_dict().items())
        assert all(parameter.grad is None for parameter in player.parameters())


def test_weights_are_those_of_layers_and_not_biases(make_recipe):
    critic = make_recipe("wgan").discriminator
    assert len(show.weights_of(critic)) == sum(p.numel() for p in critic.parameters() if p.ndim > 1)


def test_the_estimate_is_minus_the_critics_loss_without_its_penalty(make_recipe, make_batch):
    recipe = make_recipe("wgan_gp", critic_steps=1)
    captions = CaptionSet(["a", "b"], {"background": torch.tensor([0, 1])}, {"background": torch.tensor([True, True])})
    red = torch.zeros(4, 3, 16, 16, dtype=torch.uint8)
    run = SimpleNamespace(painter=lambda: SimpleNamespace(paint=lambda captions, seed: red))
    reader = SimpleNamespace(read=lambda images: {"background": torch.tensor([0, 0, 0, 1])})  # three of four are right
    watcher = show.EstimateAndQuality(run, reader, captions, "background", every=2)
    turns, average = recipe.players()
    trainer, losses = Trainer(turns, recipe.prepare(0), state={"average": average}), []
    for step in range(4):
        moment, found = trainer.learn(make_batch(step))
        losses.append(-sum(found[f"discriminator/{kind}"] for kind in ("real", "painted", "swapped")).item())
        watcher(trainer, moment, found)
    expected = [(2, sum(losses[:2]) / 2, 0.75), (4, sum(losses[2:]) / 2, 0.75)]
    assert [tuple(map(pytest.approx, row)) for row in watcher.rows] == expected
    assert isinstance(watcher.show(), Image.Image)


def test_every_figure_is_a_picture():
    assert isinstance(show.two_distances(), Image.Image)
    assert isinstance(show.histograms({"a": torch.randn(5), "b": torch.ones(2, 2)}, "numbers"), Image.Image)
    assert isinstance(show.two_scales([], "left", "right"), Image.Image)
