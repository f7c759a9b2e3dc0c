"""The encoder that reads letters: its table, its sizes, its recurrent layer by hand, and what its loss asks for."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from t2i_utils.data.split import read_contents
from t2i_utils.gallery import open_painter
from t2i_utils.text import embedding
from t2i_utils.text.char_cnn_rnn import (
    ALPHABET,
    LENGTH,
    UNKNOWN,
    CharCnnRnn,
    GatedUnit,
    letters,
    new_char_encoder,
    open_char_folder,
)
from t2i_utils.text.embedding import embed, ready_vectors
from t2i_utils.text.encoders import open_encoder
from t2i_utils.text.from_scratch import CHAR, train_char_cnn_rnn, trained_folder
from t2i_utils.text.joint_embedding import JointTowers, class_pairs, joint_embedding_loss, joint_turn
from t2i_utils.training.budget import Budget
from t2i_utils.training.trainer import Trainer, as_it_is

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def encoder():
    return new_char_encoder(width=16, text_dim=24)


# Letters


def test_the_table_has_70_columns_of_which_the_first_hyphen_is_never_lit():
    assert len(ALPHABET) == UNKNOWN == 70
    lit = {int(letters([letter])[0, 0]) for letter in ALPHABET}
    assert lit == set(range(70)) - {ALPHABET.index("-")}
    assert int(letters(["-"])[0, 0]) == ALPHABET.rindex("-")


def test_letters_are_read_in_lower_case_and_unknown_ones_light_nothing():
    places = letters(["Ab é1", "x" * 300])
    assert places.shape == (2, LENGTH)
    assert places[0, :5].tolist() == [0, 1, 69, UNKNOWN, 27]
    assert (places[0, 5:] == UNKNOWN).all()
    assert (places[1] == 23).all()


def test_an_unknown_letter_is_what_no_letter_is(encoder):
    with torch.no_grad():
        blank = encoder.model(torch.full((1, LENGTH), UNKNOWN))
        assert torch.equal(blank, encoder.model(letters(["é" * 40])))


# The network


@pytest.mark.parametrize(("width", "count"), [(512, 4_045_184), (256, 2_077_312)])
def test_it_has_the_papers_number_of_parameters(width, count):
    model = CharCnnRnn(width)
    assert sum(parameter.numel() for parameter in model.parameters()) == count
    assert max(parameter.abs().max().item() for parameter in model.parameters()) <= 0.08
    with torch.no_grad():
        assert model.see(torch.zeros(1, 70, LENGTH)).shape == (1, width, 18)


def test_the_recurrent_layer_by_hand():
    unit = GatedUnit(1)
    with torch.no_grad():
        unit.seen.weight.copy_(torch.tensor([[0.5], [-1.0], [2.0]]))
        unit.seen.bias.copy_(torch.tensor([0.1, 0.2, 0.3]))
        unit.gates.weight.copy_(torch.tensor([[0.7], [0.4]]))
        unit.gates.bias.zero_()
        unit.candidate.weight.fill_(-0.6)
        unit.candidate.bias.fill_(0.05)
        states = unit(torch.tensor([[[1.0], [-2.0]]])).flatten()
    first = torch.tanh(torch.tensor(2.3))
    update = torch.sigmoid(0.5 * -2 + 0.1 + 0.7 * first)
    reset = torch.sigmoid(-1.0 * -2 + 0.2 + 0.4 * first)
    candidate = torch.tanh(2.0 * -2 + 0.3 - 0.6 * (reset * first) + 0.05)
    torch.testing.assert_close(states, torch.stack([first, update * candidate + (1 - update) * first]))


def test_who_stands_beside_a_caption_changes_nothing(encoder):
    both = encoder.encode(["a red flower", "a blue one"]).sentence
    torch.testing.assert_close(both[:1], encoder.encode(["a red flower"]).sentence)
    assert both.square().mean(dim=1).sqrt().tolist() == pytest.approx([0.3, 0.3])


# The loss


def test_the_loss_by_hand():
    images = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    sentences = torch.tensor([[2.0, 0.5], [0.5, 1.0]])
    # scores: [[2, 0.5], [0.5, 1]]; of picture 1: 1 + 0.5 - 2 < 0; of picture 2: 1 + 0.5 - 1 = 0.5; captions the same
    assert joint_embedding_loss(images, sentences).item() == pytest.approx((0.5 + 0.5) / 4)


def test_equal_scores_cost_one_a_wrong_pair_both_ways():
    assert joint_embedding_loss(torch.zeros(5, 3), torch.zeros(5, 3)).item() == pytest.approx(2 * 20 / 25)


def test_pairs_a_margin_apart_cost_nothing_and_pictures_and_captions_may_trade_places():
    assert joint_embedding_loss(torch.eye(4), torch.eye(4)).item() == 0
    rng = torch.Generator().manual_seed(0)
    one, other = torch.randn(6, 4, generator=rng), torch.randn(6, 4, generator=rng)
    torch.testing.assert_close(joint_embedding_loss(one, other), joint_embedding_loss(other, one))


# Its training


@pytest.fixture(scope="module")
def pictures(plain_file):
    return read_contents(plain_file, "trainval")


def test_a_batch_is_one_pair_of_each_of_different_classes_and_a_function_of_the_step(pictures):
    count = len(set(pictures.classes.tolist()))
    vectors = torch.arange(len(pictures.rows))[:, None].float()
    stream = class_pairs(pictures, vectors, batch_size=count - 1)
    batches = [next(iter(stream(step))) for step in (0, 1, 0)]
    assert torch.equal(batches[0].images, batches[2].images)
    assert not torch.equal(batches[0].images, batches[1].images)
    for batch in batches:
        shown = batch.images.flatten().long()
        assert len(set(pictures.classes[shown].tolist())) == len(shown) == count - 1
        for picture, places in zip(shown.tolist(), batch.places, strict=True):
            own = [c for c, p in zip(pictures.captions, pictures.caption_picture.tolist(), strict=True) if p == picture]
            assert any(torch.equal(places, row) for row in letters(own))
    assert len(next(iter(class_pairs(pictures, vectors, batch_size=400)(0))).images) == count


def test_pictures_of_one_class_are_refused(pictures):
    alike = replace(pictures, classes=np.zeros_like(pictures.classes))
    with pytest.raises(ValueError, match="needs pictures of 2 known classes, these have 1"):
        class_pairs(alike, torch.zeros(len(alike.rows), 2))


def test_it_learns_which_words_belong_to_which_pictures(pictures):
    colour = torch.from_numpy(pictures.attributes[:, list(pictures.values).index("petal_color")])
    vectors = nn.functional.one_hot(colour, 7).float() * 3
    encoder = new_char_encoder(width=32, text_dim=32)
    towers = JointTowers(encoder.model, 7)
    losses = []
    trainer = Trainer([joint_turn(towers, classes=1000, rate=2e-3)], as_it_is, "cpu")
    trainer.run(class_pairs(pictures, vectors), Budget(steps=150), [lambda _, __, told: losses.append(*told.values())])
    assert torch.stack(losses[-20:]).mean() < 0.8 * torch.stack(losses[:5]).mean()


def test_resuming_is_bitwise(pictures):
    def make():
        torch.manual_seed(0)
        towers = JointTowers(new_char_encoder(8, 8).model, 7)
        return Trainer([joint_turn(towers, classes=2)], as_it_is, "cpu")

    stream = class_pairs(pictures, torch.randn(len(pictures.rows), 7, generator=torch.Generator().manual_seed(0)))
    straight, stopped, resumed = make(), make(), make()
    straight.run(stream, Budget(steps=4))
    stopped.run(stream, Budget(steps=2))
    resumed.load_state_dict(stopped.state_dict())
    resumed.run(stream, Budget(steps=4))
    ours, theirs = (dict(t.turns[0].module.state_dict()) for t in (resumed, straight))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


# As an encoder among others


def test_saved_and_opened_it_is_the_same(encoder, tmp_path):
    encoder.save(tmp_path / "letters")
    again = open_encoder(str(tmp_path / "letters"))
    assert again.fingerprint == encoder.fingerprint
    assert (again.text_dim, again.name) == (24, str(tmp_path / "letters"))
    assert torch.equal(again.encode(["a red flower"]).sentence, encoder.encode(["a red flower"]).sentence)
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def cut(folder):
    path = folder / "char_cnn_rnn.safetensors"
    path.write_bytes(path.read_bytes()[:-10])


def other_sizes(folder):
    (folder / "char_cnn_rnn.json").write_text('{"width": 8, "text_dim": 24}')


def no_sizes(folder):
    (folder / "char_cnn_rnn.json").write_text("{}")


@pytest.mark.parametrize("damage", [cut, other_sizes, no_sizes])
def test_a_folder_that_does_not_fit_is_refused(damage, encoder, tmp_path):
    encoder.save(tmp_path / "letters")
    damage(tmp_path / "letters")
    with pytest.raises(ValueError, match=r"does not open as a char-CNN-RNN .*copy it again or train it again"):
        open_char_folder(tmp_path / "letters")


def test_a_folder_without_weights_is_refused(encoder, tmp_path):
    encoder.save(tmp_path / "letters")
    (tmp_path / "letters" / "char_cnn_rnn.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"char_cnn_rnn\.safetensors is missing"):
        open_encoder(str(tmp_path / "letters"))


def test_by_name_it_is_trained_once_and_a_run_that_used_it_paints_elsewhere(
    plain_file, small_encoder, open_small_run, tmp_path, monkeypatch
):
    data = shutil.copyfile(plain_file, tmp_path / "flowers.h5")
    small_encoder.save(trained_folder("tiny_clip", data))
    monkeypatch.setitem(embedding.TRAINED, CHAR, lambda *given, **named: train_char_cnn_rnn(*given, **named, width=16))
    encoder = ready_vectors(data, CHAR, steps=2)
    assert encoder.text_dim == 1024
    assert ready_vectors(data, CHAR, steps=2).fingerprint == encoder.fingerprint
    assert embed(data, encoder, CHAR) == encoder.fingerprint
    run = open_small_run(tmp_path / "run", data=data, encoder=CHAR)
    run.train(steps=1, progress=False)
    expected = run.painter().paint(["a red flower"])
    shutil.rmtree(trained_folder(CHAR, data))
    moved = shutil.move(tmp_path / "run", tmp_path / "elsewhere")
    assert torch.equal(open_painter(moved).paint(["a red flower"]), expected)
