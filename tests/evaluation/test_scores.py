"""Every score of a source: real pictures and noise bracket all others, twice it is the same, and nothing is lost."""

import gc
from dataclasses import replace

import pytest
import torch
from given import Given, by_metric, noise, painting, real, values

from t2i_utils.evaluation.parts import Part
from t2i_utils.evaluation.plan import LEAST
from t2i_utils.evaluation.reference import look_at_real
from t2i_utils.evaluation.scores import evaluate
from t2i_utils.evaluation.sources import Painting
from t2i_utils.interfaces import Sample
from t2i_utils.metrics.attributes import real_renderings, spelled_out
from t2i_utils.metrics.directions import NEITHER, direction, shortfall
from t2i_utils.metrics.extractors import ClipExtractor
from t2i_utils.metrics.gather import Gathered
from t2i_utils.metrics.record import columns
from t2i_utils.painter import Painter
from t2i_utils.text.clip import new_clip

pytest_plugins = ["small_data", "mixing"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def scored(halves, mixing):
    """Real pictures, two painters and noise, from good to bad."""
    sources = [real(halves), *(painting(mixing(share), halves) for share in (0.25, 0.6)), noise(halves)]
    return [evaluate(source, halves) for source in sources]


BRACKETED = {
    "FID",
    "KID",
    "CMMD",
    "IS",
    "precision",
    "recall",
    "density",
    "coverage",
    "distance to training pictures",
    "classification accuracy",
    "petal colour right",
    "background right",
    "CLIP score",
    "R-precision",
}


def ends(record):
    """The shortfall at best and at worst, by the record's interval."""
    found = [shortfall(record.protocol.metric, value) for value in (record.low, record.value, record.high)]
    return min(found), max(found)


@pytest.mark.parametrize("metric", sorted(BRACKETED))
def test_real_pictures_and_noise_bracket_every_painter(scored, metric):
    best, good, bad, worst = (by_metric(found)[metric] for found in scored)
    assert ends(best)[1] < ends(worst)[0], "it tells real pictures from noise, surely"
    for painter in (good, bad):
        assert ends(best)[0] <= ends(painter)[1], "a painter may be as good as real pictures, not surely better"
        assert shortfall(metric, painter.value) <= shortfall(metric, worst.value)


def test_every_metric_has_a_direction_and_all_of_them_fit_in_one_table(scored):
    given = {record.protocol.metric for found in scored for record in found.records}
    assert given >= BRACKETED | {"petal shape right", "petal count right", "center colour right", "diversity"}
    assert {direction(metric) for metric in given}
    assert [metric for metric in given if direction(metric) == NEITHER] != []
    assert len(columns([record for found in scored for record in found.records])) == len(given)


def test_diversity_of_renderings_is_1_and_of_one_picture_and_of_noise_it_is_not(halves, mixing):
    few = spelled_out(halves.plan.data, 4, halves.plan.seed)
    drawn = real_renderings(few, 4, 32, seed=9).flatten(0, 1)

    class Draws(Painter):
        def paint(self, captions, seed=0, truncation=None):
            return drawn if len(captions) == len(drawn) else super().paint(captions, seed, truncation)

    class OneForAll(Painter):
        def paint(self, captions, seed=0, truncation=None):
            return drawn[:1].expand(len(captions), -1, -1, -1)

    like = mixing(0.25)
    draws, one = (kind(like.encoder, like.generator, "x") for kind in (Draws, OneForAll))
    diverse, collapsed = (values(evaluate(painting(one, halves), halves)) for one in (draws, one))
    assert diverse["diversity"] == pytest.approx(1, abs=0.35)
    assert collapsed["diversity"] == 0
    assert collapsed["MS-SSIM (2 of 5 scales) within captions"] == pytest.approx(1)


def test_the_same_again_is_bitwise_the_same(halves, mixing, eyes, judge):
    again = look_at_real(halves.plan, eyes, 32, judge)
    first, second = (evaluate(painting(mixing(0.4), reference), reference) for reference in (halves, again))
    assert first.records == second.records
    assert first.notes == second.notes
    for name, told in first.values.items():
        assert torch.equal(told.nan_to_num(-1), second.values[name].nan_to_num(-1))
    other = evaluate(painting(mixing(0.4), halves), replace(halves, plan=replace(halves.plan, seed=1)))
    assert values(other)["KID"] != values(first)["KID"]


def test_values_are_of_each_picture_and_their_means_are_the_scores(scored, halves):
    found = scored[1]
    assert len(found.values["CLIP score"]) == halves.pictures
    for name, told in found.values.items():
        assert told.nanmean().item() == pytest.approx(values(found)[name])


def alive():
    """Bytes of all tensors there are."""
    gc.collect()
    tensors = (one for one in gc.get_objects() if type(one) is torch.Tensor and one.layout is torch.strided)
    return sum({one.untyped_storage().data_ptr(): one.untyped_storage().nbytes() for one in tensors}.values())


def test_memory_does_not_grow_with_the_number_of_pictures(halves, mixing):
    few = replace(halves, plan=replace(halves.plan, halves=False, keep=40, pictures=200))
    painter = mixing(0.4)

    def most(pictures):
        held = []

        class Watched(Painting):
            def parts(self):
                for part in super().parts():
                    held.append(alive())
                    yield part

        evaluate(Watched(painter, few.contents, few.plan, pictures), few)
        assert len(held) == pictures // 100
        return max(held) - held[0]

    picture = 3 * 32 * 32
    assert most(400) - most(200) < 20 * picture, "200 more pictures passed; one batch alone holds 100"


def test_scores_of_kept_features_say_so(halves, mixing):
    kept = look_at_real(replace(halves.plan, keep=40), halves.real.extractor, 32)
    protocols = {record.protocol.metric: record.protocol for record in evaluate(real(kept), kept).records}
    assert (protocols["KID"].real, protocols["KID"].painted, protocols["IS"].painted) == (40, 40, 40)
    assert (protocols["FID"].real, protocols["FID"].painted) == (len(kept.scored), len(kept.scored))
    assert "of the first 40" in protocols["FID"].choices
    assert protocols["classification accuracy"].painted == 40
    assert protocols["distance to training pictures"].painted == len(kept.scored)


def test_precision_and_recall_are_of_equally_many_of_both_kinds(halves, mixing):
    more = replace(halves, plan=replace(halves.plan, halves=False, pictures=300))
    records = by_metric(evaluate(painting(mixing(0.4), more), more))
    protocols = {metric: record.protocol for metric, record in records.items()}
    for metric in ("precision", "recall"):
        assert protocols[metric].real == protocols[metric].painted == more.real.count < 300
        assert records[metric].count == more.real.count
    assert protocols["coverage"].painted == 300
    assert (protocols["IS"].real, protocols["CLIP score"].real) == (0, 0), "they look at no real picture"


# What cannot be, or cannot be measured


def test_fewer_pictures_than_features_cost_fid_alone_and_it_is_there_for_who_asks(halves, mixing, eyes):
    class Wide(type(eyes)):
        dim = 6 * eyes.dim

        def see(self, images):
            seen = super().see(images)
            return replace(seen, features=seen.features.repeat(1, 6))

    reference = look_at_real(halves.plan, Wide(eyes.reader), 32)
    found = evaluate(painting(mixing(0.4), reference), reference)
    assert {"KID", "precision", "petal colour right"} <= set(values(found))
    assert "FID" not in values(found)
    (note,) = [note for note in found.notes if note.startswith("no FID (eyes)")]
    assert "KID" in note
    assert "for 132 features" in note
    asked = replace(reference, plan=replace(reference.plan, fewer_than_features=True))
    (fid,) = [one for one in evaluate(painting(mixing(0.4), asked), asked).records if one.protocol.metric == "FID"]
    assert fid.protocol.column == "FID (eyes), fewer pictures than features"
    assert not fid.protocol.sound


@pytest.mark.parametrize(
    ("images", "said"),
    [
        (torch.rand(60, 3, 32, 32) * 2 - 1, r"pictures are torch.float32.*from \[-1, 1\]"),
        (torch.zeros(60, 1, 32, 32, dtype=torch.uint8), r"\[1, 32, 32\].*\[3, 32, 32\]"),
        (torch.zeros(60, 3, 16, 16, dtype=torch.uint8), r"\[3, 16, 16\].*\[3, 32, 32\]"),
        (torch.zeros(LEAST - 1, 3, 32, 32, dtype=torch.uint8), f"gave {LEAST - 1} pictures, scores need {LEAST}"),
        (torch.zeros(0, 3, 32, 32, dtype=torch.uint8), f"gave 0 pictures, scores need {LEAST}"),
    ],
)
def test_pictures_of_the_wrong_kind_are_refused(halves, images, said):
    with pytest.raises(ValueError, match=said):
        evaluate(Given(images), halves)


def test_a_source_of_another_size_is_refused_before_it_is_looked_at(halves):
    source = Given(torch.zeros(60, 3, 64, 64, dtype=torch.uint8), size=64)
    source.parts = lambda: pytest.fail("it was looked at")
    with pytest.raises(ValueError, match="given has pictures of 64 px, the real ones are of 32"):
        evaluate(source, halves)


def test_a_generator_that_paints_nan_is_refused(halves, mixing):
    painter = mixing(0.4)

    class Diverged(torch.nn.Module):
        noise_shape, image_shape, text_dim = painter.generator.noise_shape, (3, 32, 32), 1

        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.ones(()))

        def forward(self, noise, text):
            images = torch.zeros(len(noise), 3, 32, 32)
            images[2, 1, 5, 5] = torch.nan
            return Sample((images,))

    with pytest.raises(ValueError, match=r"1 of 100 pictures by wreck hold NaN or infinity.*earlier checkpoint"):
        evaluate(painting(Painter(painter.encoder, Diverged(), "wreck"), halves), halves)


def test_pictures_that_look_like_0_to_1_are_remarked_upon(halves):
    dark = torch.randint(2, (60, 3, 32, 32), dtype=torch.uint8)
    (note,) = [note for note in evaluate(Given(dark), halves).notes if "of 255" in note]
    assert "no pixel of given is above 1" in note
    assert not any("of 255" in note for note in evaluate(Given(dark * 2), halves).notes)


def test_pictures_without_captions_have_no_score_of_captions(halves):
    found = evaluate(Given(torch.randint(256, (60, 3, 32, 32), dtype=torch.uint8)), halves)
    assert {"FID", "KID", "CMMD", "IS"} <= set(values(found))
    assert not {"CLIP score", "R-precision", "petal colour right", "classification accuracy"} & set(values(found))
    assert any(note.startswith("no score of captions") for note in found.notes)


def test_captions_of_some_parts_only_are_refused(halves):
    class Forgetful(Given):
        def parts(self):
            first, second = super().parts()
            yield first
            yield Part(second.images)

    contents = halves.contents
    source = Forgetful(torch.randint(256, (60, 3, 32, 32), dtype=torch.uint8), contents.captions[:60], torch.arange(60))
    with pytest.raises(ValueError, match="some parts have captions and some have none"):
        evaluate(source, halves)


def test_captions_that_are_not_of_the_split_have_no_class_and_no_attributes_but_a_clip_score(halves):
    images = torch.randint(256, (60, 3, 32, 32), dtype=torch.uint8)
    found = evaluate(Given(images, ["something else"] * 60, torch.full((60,), -1)), halves)
    assert not {"petal colour right", "classification accuracy"} & set(values(found))
    clip = next(record for record in found.records if record.protocol.metric == "CLIP score")
    assert (clip.protocol.captions, clip.count) == (1, 60)


def test_an_encoder_that_had_a_part_neither_judges_nor_looks_and_nor_do_its_kin(
    small_encoder, small_config, halves, mixing
):
    painter = Painter(small_encoder, mixing(0.4).generator, "taught")
    kin = new_clip(small_config, "kin", seed=5)
    kin.ancestors = (small_encoder.fingerprint,)
    for encoder in (small_encoder, kin):
        judged = replace(halves, judged=replace(halves.judged, encoder=encoder))
        looking = replace(halves, judged=None, real=Gathered(ClipExtractor(encoder, "small")))
        for reference in (judged, looking):
            with pytest.raises(ValueError, match=f"{encoder.name} cannot judge these pictures"):
                evaluate(painting(painter, reference), reference)


def test_truncation_reaches_every_picture(halves, mixing):
    cut = replace(halves, plan=replace(halves.plan, truncation=0.1))
    whole, short = (evaluate(painting(mixing(0.6), one), one) for one in (halves, cut))
    assert all(record.protocol.truncation == 0.1 for record in short.records)
    assert values(short)["diversity"] < values(whole)["diversity"]
    assert values(short)["text sensitivity"] > values(whole)["text sensitivity"]
