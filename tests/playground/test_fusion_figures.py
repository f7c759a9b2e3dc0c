"""Figures of notebook 06: one block is told another caption, and looking changes nothing."""

import copy

import pytest
import torch
from PIL import Image

from t2i_utils.interfaces import Text
from t2i_utils.models import df_gan
from t2i_utils.painter import Painter
from t2i_utils.playground import fusion_figures as show

pytestmark = pytest.mark.usefixtures("one_thread")


class Two:
    """Two captions, two vectors."""

    name, text_dim = "two", 12

    def encode(self, captions) -> Text:
        rng = torch.Generator().manual_seed(0)
        vectors = dict(zip(("first", "second"), torch.randn(2, 12, generator=rng), strict=True))
        return Text(torch.stack([vectors[caption] for caption in captions]))


def test_each_column_tells_one_block_otherwise(make_recipe, monkeypatch):
    generator = make_recipe("df_gan").generator
    for part in generator.modules():
        if isinstance(part, df_gan.Affine):
            torch.nn.init.normal_(part.scale[-1].weight)
    painter, shown = Painter(Two(), generator), {}
    monkeypatch.setattr(show, "captioned_rows", lambda rows: shown.update(rows))
    show.one_block_at_a_time(painter, "first", "second", rows=2, seed=1)
    assert [name.partition("; ")[2] for name in shown] == ["told otherwise: none, block 1, block 2, all"] * 2
    columns = torch.stack(list(shown.values()), dim=1)
    assert columns.shape == (4, 2, 3, 16, 16)  # none, two blocks, all
    assert len({tuple(column.flatten().tolist()) for column in columns}) == 4
    shown.clear()
    show.one_block_at_a_time(painter, "first", "first", rows=2, seed=1)
    same = torch.stack(list(shown.values()), dim=1)
    assert all(torch.equal(column, columns[0]) for column in same)


def test_a_walk_asks_copies(make_recipe, make_batch):
    recipe = make_recipe("df_gan")
    before = copy.deepcopy(recipe.discriminator.state_dict())
    assert isinstance(show.walk(recipe, make_batch()), Image.Image)
    assert all(torch.equal(before[name], value) for name, value in recipe.discriminator.state_dict().items())


def test_bends_are_drawn_without_touching_the_global_seed():
    torch.manual_seed(5)
    expected = torch.get_rng_state()
    assert isinstance(show.bends(3), Image.Image)
    assert torch.equal(torch.get_rng_state(), expected)
