"""The papers' tables of choices: what each recipe chose, and that an argument reaches the place it names."""

import math
from dataclasses import replace

import pytest
import torch

from t2i_utils.objectives.adversarial import Pairs
from t2i_utils.recipes import SYSTEMS
from t2i_utils.training.trainer import Trainer

pytestmark = pytest.mark.usefixtures("one_thread")

PAIRS = {
    "vanilla_gan": Pairs(1, 1, 0),
    "gan": Pairs(1, 1, 0),
    "gan_cls": Pairs(1, 0.5, 0.5),
    "gan_int": Pairs(1, 1, 0),
    "gan_int_cls": Pairs(1, 0.5, 0.5),
    "dcgan_cls": Pairs(1, 1, 1),
}
REEDS = [name for name in SYSTEMS if name not in ("vanilla_gan", "dcgan_cls")]


@pytest.mark.parametrize("system", SYSTEMS)
def test_pairs_weigh_what_the_paper_says(make_recipe, system):
    assert make_recipe(system).pairs == PAIRS[system]


@pytest.mark.parametrize("system", SYSTEMS)
def test_defaults_are_the_papers(system):
    with torch.device("meta"):
        recipe = SYSTEMS[system]()
    for optimizer in (recipe.generator_optimizer, recipe.discriminator_optimizer):
        assert (optimizer.rate, optimizer.betas, optimizer.weight_decay) == (2e-4, (0.5, 0.999), 0)
    assert recipe.batch_size == 64
    assert recipe.generator.noise_shape == (100,)
    assert recipe.critic_steps == 1
    assert recipe.schedule is None


@pytest.mark.parametrize("system", SYSTEMS)
def test_arguments_reach_both_players(make_recipe, system):
    changes = {"rate": 0.125, "beta1": 0.25, "noise_dim": 9, "batch_size": 3, "average": 0.5}
    recipe = make_recipe(system, **changes)
    turns, average = recipe.players()
    for turn in turns:
        assert [(group["lr"], group["betas"]) for group in turn.optimizer.param_groups] == [(0.125, (0.25, 0.999))]
    assert (recipe.generator.noise_shape, recipe.batch_size, average.decay) == ((9,), 3, 0.5)
    wide = make_recipe(system, base_channels=16), make_recipe(system, discriminator_channels=16)
    sizes = [[sum(p.numel() for p in m.parameters()) for m in (r.generator, r.discriminator)] for r in (recipe, *wide)]
    assert sizes[1][0] > sizes[0][0]
    assert sizes[1][1] == sizes[0][1]
    assert sizes[2][1] > sizes[0][1]


@pytest.mark.parametrize("system", REEDS)
def test_rates_of_both_players_halve(make_recipe, make_batch, system):
    recipe = make_recipe(system, halve_every=2, rate=0.5)
    turns, average = recipe.players()
    trainer, rates = Trainer(turns, recipe.prepare(0), state={"average": average}), []
    for step in range(5):
        trainer.learn(make_batch(step))
        rates.append([turn.optimizer.param_groups[0]["lr"] for turn in turns])
    assert rates == [[0.5, 0.5], [0.5, 0.5], [0.25, 0.25], [0.25, 0.25], [0.125, 0.125]]


def test_a_critic_that_learns_more_often_sees_pictures_without_history(make_recipe, make_batch):
    recipe = replace(make_recipe("gan_cls"), critic_steps=3)
    turns, average = recipe.players()
    trainer = Trainer(turns, recipe.prepare(0), state={"average": average})
    learned, history = [], []
    for step in range(5):
        round, losses = trainer.learn(make_batch(step))
        learned.append("generator/fool" in losses)
        history.append(round.fake.images[-1].requires_grad)
    assert learned == history == [True, False, False, True, False]
    assert average.count == 2


def test_the_port_smooths_the_label_of_real_pairs(make_recipe):
    for recipe, label in [
        (make_recipe("dcgan_cls"), 0.9),
        (make_recipe("dcgan_cls", real_label=0.6), 0.6),
        (make_recipe("gan_cls"), 1.0),
    ]:
        logit = torch.tensor([2.0])
        expected = math.log1p(math.exp(-2)) * label + math.log1p(math.exp(2)) * (1 - label)
        assert recipe.adversarial.real(logit).item() == pytest.approx(expected)


def test_a_term_without_weight_is_left_out(make_recipe):
    assert list(make_recipe("dcgan_cls").generator_terms) == ["features", "pixels"]
    assert list(make_recipe("dcgan_cls", feature_weight=0).generator_terms) == ["pixels"]
    assert list(make_recipe("dcgan_cls", pixel_weight=0).generator_terms) == ["features"]


def test_term_weights_scale_their_terms(make_recipe, make_batch):
    def terms(**weights):
        recipe = make_recipe("dcgan_cls", **weights)
        return recipe.fool(recipe.prepare(0)(make_batch(), 0, frozenset({"generator"})))

    default, light = terms(), terms(feature_weight=1.0, pixel_weight=5.0)
    assert default["features"].item() == pytest.approx(100 * light["features"].item(), rel=1e-5)
    assert default["pixels"].item() == pytest.approx(10 * light["pixels"].item(), rel=1e-5)
    assert default["fool"].item() == pytest.approx(light["fool"].item())


def test_a_batch_of_one_has_no_midpoint(make_recipe, make_batch):
    recipe = make_recipe("gan_int")
    recipe.discriminator.eval()  # else the sentence's batch normalisation refuses first
    round = recipe.prepare(0)(make_batch(count=1), 0, frozenset({"generator"}))
    with pytest.raises(ValueError, match="use 2 or more"):
        recipe.fool(round)
