"""The real side: looked at once, and what a file cannot tell is said, not guessed."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from given import Given, real, values

from t2i_utils.data.build import build
from t2i_utils.data.source import Caption, Example, Source
from t2i_utils.data.split import read_contents, read_split
from t2i_utils.evaluation.plan import LEAST, Plan
from t2i_utils.evaluation.reading import known_exactly
from t2i_utils.evaluation.reference import look_at_real, training_pictures
from t2i_utils.evaluation.scores import evaluate
from t2i_utils.metrics.judge import CANDIDATES
from t2i_utils.metrics.nearest import small_pixels

pytest_plugins = ["small_data", "mixing"]
pytestmark = pytest.mark.usefixtures("one_thread")


def noted(reference, what):
    return [note for note in reference.notes if note.startswith(f"no {what}")]


def test_it_looks_at_each_real_picture_once(halves, eyes, many_flowers, judge):
    eyes.looked = 0
    whole = look_at_real(replace(halves.plan, halves=False), eyes, 32, judge)
    count = len(read_contents(many_flowers, "test").rows)
    assert eyes.looked == whole.real.count == whole.judged.real.count == count
    assert whole.pictures == whole.plan.pictures == 1000
    assert halves.real.count == count // 2
    assert halves.pictures == len(halves.scored) == count - count // 2


def test_the_ceiling_is_the_readers_accuracy_on_these_pictures(halves, reader, many_flowers):
    compared, _ = halves.plan.halved(len(halves.contents.rows))
    pictures = read_split(many_flowers, "test")
    read = reader.read(pictures.images[compared])
    for name, share in halves.ceiling.items():
        assert share == pytest.approx((read[name] == pictures.attributes[name][compared]).double().mean().item())


def test_attributes_are_known_by_name_whatever_their_order(many_flowers):
    contents = read_contents(many_flowers, "test")
    turned = replace(contents, values=dict(reversed(contents.values.items())))
    assert known_exactly(turned, 3)
    assert not known_exactly(contents, 1), "a reader reads colours"
    assert not known_exactly(replace(contents, values={"petal_color": ("red",)}), 3)


@pytest.mark.parametrize(("split", "halved"), [("test", False), ("val", False), ("all", True)])
def test_too_few_real_pictures_are_refused(tmp_path, eyes, split, halved):
    from t2i_utils.data.synthetic import synthetic_flowers

    data = build(synthetic_flowers(38), tmp_path / "few.h5", 32, progress=False, workers=1).path
    with pytest.raises(
        ValueError, match=f"scores need {LEAST} real pictures or more, and the {split} split of .*few.h5"
    ):
        look_at_real(Plan(data, split, halves=halved), eyes, 32)


def test_a_size_above_the_files_is_refused(halves, eyes):
    with pytest.raises(ValueError, match="was built for 32 pixels, not for 64"):
        look_at_real(halves.plan, eyes, 64)


def test_copies_of_training_pictures_are_0_away_and_unseen_real_ones_about_1(halves, many_flowers):
    unseen = evaluate(real(halves), halves)
    assert values(unseen)["distance to training pictures"] == pytest.approx(1, abs=0.1)
    copies = read_split(many_flowers, "train").images[:40]
    assert values(evaluate(Given(copies), halves))["distance to training pictures"] == 0


def test_training_pictures_are_those_of_other_splits_that_generators_learn_from(plain_file):
    sizes = {split: len(read_contents(plain_file, split).rows) for split in ("train", "val", "test")}
    of_test, _ = training_pictures(Plan(plain_file), 32)
    of_val, _ = training_pictures(Plan(plain_file, "val"), 32)
    assert (len(of_test), len(of_val)) == (sizes["train"] + sizes["val"], sizes["train"])
    assert torch.equal(of_val, small_pixels(read_split(plain_file, "train").images))
    for split in ("train", "trainval", "all"):
        none, why = training_pictures(Plan(plain_file, split), 32)
        assert len(none) == 0
        assert f"pictures of {split} are compared with" in why


def test_where_training_pictures_are_compared_with_there_is_no_distance_to_them(plain_file, eyes, small_reading):
    reference = look_at_real(Plan(plain_file, "all", halves=True), eyes, 32)
    assert noted(reference, "distance to training pictures")
    assert "distance to training pictures" not in values(evaluate(real(reference), reference))


def picture(seed, size):
    from PIL import Image

    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8))


@pytest.fixture(scope="module")
def plain_photographs(tmp_path_factory):
    """Pictures without classes and attributes, every caption different, none of train."""
    from functools import partial

    examples = [
        Example(f"{n}", partial(picture, n), (Caption(f"photograph number {n}"),), "", "test") for n in range(60)
    ]
    source = Source("photographs", "1", "none", examples)
    return build(source, tmp_path_factory.mktemp("plain") / "photographs.h5", 32, progress=False, workers=1).path


def test_a_file_without_classes_attributes_and_training_pictures(plain_photographs, eyes, judge, mixing):
    from given import painting

    reference = look_at_real(Plan(plain_photographs, pictures=60, diverse=4, noises=3), eyes, 32, judge)
    assert reference.reader is None
    assert reference.renderings is None
    assert noted(reference, "classification accuracy") == [
        "no classification accuracy: there is nothing to tell apart among 0 classes; use pictures of 2 or more"
    ]
    for what in ("attribute accuracy", "distance to training pictures", "R-precision"):
        assert noted(reference, what), what
    found = values(evaluate(painting(mixing(0.4, plain_photographs), reference), reference))
    assert {"FID", "KID", "CLIP score", "spread within captions", "text sensitivity"} <= set(found)
    assert not {"R-precision", "diversity", "classification accuracy", "petal colour right"} & set(found)
    assert found["spread within captions"] > 0


def test_grey_pictures_of_a_few_captions(grey_file, eyes, mixing, judge):
    """48 of two classes with two captions each."""
    from given import painting

    reference = look_at_real(Plan(grey_file, "all", pictures=LEAST, diverse=9, noises=3), eyes, 28, judge)
    assert reference.channels == 1
    painter = mixing(0.2, grey_file, "all")
    found = evaluate(painting(painter, reference), reference)
    scores = {record.protocol.metric: record for record in found.records}
    assert scores["classification accuracy"].value > 0.6
    assert scores["spread within captions"].protocol.captions == 4, "different ones, not nine"
    assert scores["text sensitivity"].protocol.captions == 4
    (note,) = noted(reference, "R-precision")
    assert f"ranks a caption among {CANDIDATES}" in note
    assert "2 others of other classes" in note
    with pytest.raises(ValueError, match=r"\[3, 28, 28\].*\[1, 28, 28\]"):
        evaluate(Given(torch.zeros(40, 3, 28, 28, dtype=torch.uint8), size=28), reference)


def test_the_readers_features_of_other_pictures_are_remarked_upon(grey_file, small_reading, monkeypatch):
    monkeypatch.setattr(small_reading, "size", 28)
    reference = look_at_real(Plan(grey_file, "all"), small_reading, 28)
    assert any("learnt from the built-in flowers" in note for note in reference.notes)


def test_a_class_that_half_of_the_pictures_lack_is_left_out(halves):
    known = halves.classifier.known[1:]
    fewer = replace(halves, classifier=replace(halves.classifier, known=known, **first_gone(halves.classifier)))
    whole, part = (evaluate(real(one), one) for one in (halves, fewer))
    counts = [
        next(one.count for one in found.records if "classification" in one.protocol.metric) for found in (whole, part)
    ]
    assert counts[1] < counts[0]


def first_gone(classifier):
    return {"weight": classifier.weight[1:], "bias": classifier.bias[1:]}


# Wrong captions for R-precision


def test_wrong_captions_are_of_another_class_and_no_two_are_alike(halves):
    judged, rng = halves.judged, np.random.default_rng(0)
    for row in range(0, len(halves.contents.captions), 97):
        caption, meant = halves.contents.captions[row], int(halves.caption_classes[row])
        wrong = judged.wrong(caption, meant, rng)
        words = [judged.words[place] for place in wrong]
        assert len(set(words)) == CANDIDATES - 1
        assert caption not in words
        if meant >= 0:
            assert meant not in judged.classes[wrong]
            assert -1 not in judged.classes[wrong]


def test_where_the_class_is_not_known_they_are_of_other_words(halves):
    judged, rng = halves.judged, np.random.default_rng(0)
    caption = judged.words[5]
    drawn = {judged.words[place] for _ in range(60) for place in judged.wrong(caption, -1, rng)}
    assert caption not in drawn
    assert len(drawn) > 0.7 * len(judged.words)
    nobody = replace(judged, classes=np.full(len(judged.words), -1))
    assert caption not in {nobody.words[place] for place in nobody.wrong(caption, 3, rng)}
