"""What notebook 02 says of vectors, where the right answer is known."""

import numpy as np
import pytest
import torch

from t2i_utils.data.build import build
from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import synthetic_flowers
from t2i_utils.fine_tuned import Choice
from t2i_utils.metrics.retrieval import agreement, retrieval
from t2i_utils.playground import text_figures as show
from t2i_utils.playground.data_figures import RIGHT
from t2i_utils.training.watchers import History


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return read_split(
        build(synthetic_flowers(63), tmp_path_factory.mktemp("text") / "flowers.h5", 32, progress=False).path, "test"
    )


def test_some_pictures_keep_their_captions_and_attributes(pictures):
    few = show.some_of(pictures, 5)
    names = [next(i for i, image in enumerate(pictures.images) if torch.equal(image, mine)) for mine in few.images]
    assert len(set(names)) == 5
    for caption, owner in zip(few.captions, few.caption_picture.tolist(), strict=True):
        theirs = [
            text for text, row in zip(pictures.captions, pictures.caption_picture, strict=True) if row == names[owner]
        ]
        assert caption in theirs
    assert len(few.captions) == 50
    assert few.attributes["background"].tolist() == pictures.attributes["background"][names].tolist()
    assert len(show.some_of(pictures, 10**6).images) == len(pictures)


def test_what_is_wanted_is_what_the_caption_says(pictures):
    few = show.some_of(pictures, 4)
    say = {0: ("leaves", "foliage", "greenery"), 1: ("soil", "earth", "dirt", "ground"), 2: ("sky",)}
    told = few.states["background"].nonzero().flatten().tolist()
    assert told
    for row in told:
        assert any(word in few.captions[row].lower() for word in say[few.wanted["background"][row].item()])


def test_vectors_that_know_everything_agree_and_those_that_know_nothing_are_at_chance(pictures):
    held = show.some_of(pictures, 1000)
    knows = torch.nn.functional.one_hot(held.attributes["background"], 3).float()
    found = agreement(knows, knows[held.caption_picture], held.attributes, held.wanted, held.states)
    assert found["background"].mean == 1
    rng = torch.Generator().manual_seed(0)
    blind = [
        agreement(torch.randn(len(knows), 8, generator=rng), torch.randn(len(held.captions), 8, generator=rng),
                  held.attributes, held.wanted, held.states)["background"].mean
        for _ in range(20)
    ]  # fmt: skip
    assert np.mean(blind) == pytest.approx(held.chance()["background"], abs=0.05)


def test_chance_of_recall_is_what_noise_finds():
    rng = torch.Generator().manual_seed(0)
    owner = torch.arange(40).repeat_interleave(5)
    found = retrieval(torch.randn(40, 6, generator=rng), torch.randn(200, 6, generator=rng), owner)
    told = [line for line in show.recall_table(found).splitlines() if "->" in line]
    said = [float(line.split()[-2]) for line in told]
    assert said[:3] == [2.5, 12.5, 25.0]
    assert said[3] == 2.5
    assert said[5] == pytest.approx(100 * (1 - np.prod([(195 - i) / (200 - i) for i in range(10)])), abs=0.06)
    measured = [100 * found.picture_of_caption[10].mean, 100 * found.caption_of_picture[10].mean]
    assert measured == pytest.approx([said[2], said[5]], abs=12)


def test_blind_guessing_finds_a_lone_picture_and_its_captions():
    """Ten photographs hold out one, whose two captions are fewer than the ten that are looked at."""
    one = torch.ones(1, 4)
    told = show.recall_table(retrieval(one, one.expand(2, -1), torch.zeros(2, dtype=torch.int64)))
    assert all(line.split()[-2] == "100.0" for line in told.splitlines() if "->" in line)


def test_stated_attributes_are_those_of_the_captions_picture(pictures):
    rows, labels, names = show.stated(pictures, "petal_color", 30)
    assert len(rows) == len(set(rows.tolist())) == 30
    column = list(pictures.values).index("petal_color")
    assert pictures.states[rows, column].all()
    colours = [pictures.class_names[pictures.classes[pictures.caption_picture[row]]].split()[0] for row in rows]
    assert [names[label] for label in labels] == colours


def test_without_attributes_captions_state_their_class(pictures):
    rows, labels, names = show.stated(pictures, "no such attribute", 10)
    assert names == pictures.class_names
    assert labels.tolist() == pictures.classes[pictures.caption_picture[rows]].tolist()


def test_a_table_without_attributes_says_so():
    assert "nobody knows" in show.agreement_table({}, {})


def test_own_captions_are_green(pictures):
    captions = [["a red flower", "$5^ a blue flower$"]]
    greens = []
    for own in ([[False, False]], [[True, False]]):
        pixels = np.asarray(show.nearest_captions(pictures.images[:1], captions, own).convert("RGB"))
        colour = [int(RIGHT[start : start + 2], 16) for start in (1, 3, 5)]
        greens.append(int((pixels == colour).all(axis=2).sum()))
    assert greens[0] == 0 < greens[1]


def test_figures_of_vectors_are_drawn():
    vectors = torch.randn(12, 5, generator=torch.Generator().manual_seed(0))
    assert show.similarity_table(["a", "$5^ a flower$", "c"], vectors[:3]).width > 0
    assert show.sentence_map(vectors, torch.arange(12) % 2, ["white", "heart-shaped"]).width > 0


def test_a_loss_that_was_not_recorded_is_named():
    history = History()
    history.rows = [{"step": 1, "clip/contrastive": torch.tensor(3.0)}, {"step": 2, "clip/contrastive": 2.0}]
    assert show.loss_curve(history, "clip/contrastive", 3.5, "knows nothing").width > 0
    with pytest.raises(ValueError, match="no 'clip/other' was recorded, only: clip/contrastive"):
        show.loss_curve(history, "clip/other", 3.5, "")


def held_of(colours, backgrounds, states):
    """Pictures on the axes of space, a caption each, with two attributes."""
    count = len(colours)
    known = {"color": torch.tensor(colours), "place": torch.tensor(backgrounds)}
    stated = {name: torch.tensor(told) for name, told in zip(known, states, strict=True)}
    values = dict.fromkeys(known, ("a", "b"))
    return show.HeldOut(torch.zeros(count, 3, 4, 4), [""] * count, torch.arange(count), known, known, stated, values)


def test_only_captions_that_state_both_are_counted_and_shuffling_is_the_control():
    count = 200
    colours, places = [n % 2 for n in range(count)], [n // 2 % 2 for n in range(count)]
    states = [[n < 150 for n in range(count)], [n >= 50 for n in range(count)]]
    held = held_of(colours, places, states)
    told = show.agreement_of_both(torch.eye(count), torch.eye(count), held, ["color", "place"])
    lines = told.splitlines()
    assert lines[0].startswith("100 captions that state both")
    assert [line.split()[1] for line in lines[1:]] == ["100.0", "100.0"]
    assert all(30 < float(line.split()[-2]) < 70 for line in lines[1:])
    assert "nobody knows" in show.agreement_of_both(torch.eye(count), torch.eye(count), held, ["color", "shape"])


def test_both_curves_are_drawn():
    choice = Choice(1, {0: 0.1, 1: 0.3, 2: 0.2}, 0.5, {0.0: 0.1, 0.5: 0.4, 1.0: 0.3}, 20, 200)
    width, height = show.tuning_curves(choice).size
    assert width > 2 * height
