"""Notebook 03 writes the vanilla loop out by hand; it is the Trainer's loop, bit for bit."""

import copy
from pathlib import Path

import nbformat
import torch

from t2i_utils.interfaces import Batch, Text
from t2i_utils.recipes import vanilla_gan
from t2i_utils.training.budget import Budget
from t2i_utils.training.trainer import Trainer

NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "03_gan_cls_training.ipynb"
SEED, STEPS = 5, 4


def loop_by_hand():
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    (cell,) = [cell for cell in cells if cell.cell_type == "code" and "def loop_by_hand" in cell.source]
    told = "import torch\nfrom torch.nn import functional as F\n" + cell.source
    namespace = {}
    exec(compile(told, str(NOTEBOOK), "exec"), namespace)
    return namespace["loop_by_hand"]


def batches(start=0):
    for step in range(start, STEPS):
        rng = torch.Generator().manual_seed(step)
        images = torch.rand(8, 3, 32, 32, generator=rng) * 2 - 1
        text = Text(torch.zeros(8, 0))
        yield Batch(images.contiguous(memory_format=torch.channels_last), text, torch.zeros(8).long(), torch.arange(8))


def test_the_loop_by_hand_equals_the_trainer_bitwise():
    torch.manual_seed(0)
    recipe = vanilla_gan(image_size=32, base_channels=8, discriminator_channels=8, batch_size=8)
    before = copy.deepcopy(recipe.generator.state_dict())
    generator, discriminator = (
        copy.deepcopy(player).to(memory_format=torch.channels_last)
        for player in (recipe.generator, recipe.discriminator)
    )
    losses = loop_by_hand()(generator, discriminator, batches(), STEPS, SEED)
    turns, _ = recipe.players()
    seen = []
    trainer = Trainer(turns, recipe.prepare(SEED))
    trainer.run(batches, Budget(steps=STEPS), [lambda trainer, moment, losses: seen.append(losses)])

    for theirs, ours in ((generator, recipe.generator), (discriminator, recipe.discriminator)):
        for name, tensor in ours.state_dict().items():
            assert torch.equal(tensor, theirs.state_dict()[name]), name
    assert not torch.equal(recipe.generator.state_dict()["paint.0.weight"], before["paint.0.weight"])
    for (judged, painted), step in zip(losses, seen, strict=True):
        assert judged == (step["discriminator/real"] + step["discriminator/painted"]).item()
        assert painted == step["generator/fool"].item()
