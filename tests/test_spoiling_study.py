"""The study of spoilings in miniature: every metric reacts as it claims, and leaves alone what it claims to leave."""

import csv
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from t2i_utils.__main__ import main as command
from t2i_utils.data.build import build
from t2i_utils.data.split import read_contents
from t2i_utils.data.synthetic import TEST_CLASSES, synthetic_flowers
from t2i_utils.evaluation import reading
from t2i_utils.evaluation.plan import Plan
from t2i_utils.evaluation.reference import look_at_real
from t2i_utils.evaluation.sources import RealPictures
from t2i_utils.interfaces import Text
from t2i_utils.metrics.claims import CLAIMS, SPOILINGS
from t2i_utils.metrics.reader import unit
from t2i_utils.metrics.seen import Seen
from t2i_utils.studies import spoiling
from t2i_utils.studies.spoiling_stand_ins import StandIns
from t2i_utils.studies.spoiling_ways import Spoilt, ways

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")

SEES = ("petal_color", "background")  # what a reader of two seconds can tell


@pytest.fixture(scope="module")
def flowers(tmp_path_factory):
    """Four in five of 500 pictures are of test classes, so that halves hold more pictures than features."""
    source = synthetic_flowers(500, classes=[*TEST_CLASSES, "red round"])
    return build(source, tmp_path_factory.mktemp("spoilt") / "flowers.h5", 32, progress=False, workers=1).path


def steps_between_pixels(images):
    """[n, 12]: how much neighbours differ, in four quarters of each channel."""
    steps = (images[..., 1:, 1:] - images[..., :-1, 1:]).abs() + (images[..., 1:, 1:] - images[..., 1:, :-1]).abs()
    return F.adaptive_avg_pool2d(steps, 2).flatten(1)


class Eyes:
    """Colours and edges of four quarters: too little to know a flower, enough to see each spoiling."""

    name, fingerprint, resize, dim = "eyes", "e" * 64, "none", 24

    def __init__(self, reader):
        self.reader = reader

    def see(self, images):
        pixels = unit(images)
        parts = [logits.softmax(1) for name, logits in self.reader(pixels)[1].items() if name in SEES]
        classes = (parts[0][:, :, None] * parts[1][:, None, :]).flatten(1).detach()
        colours = F.adaptive_avg_pool2d(pixels, 2).flatten(1)
        return Seen(torch.cat([colours, steps_between_pixels(pixels)], dim=1), classes)


class Knowing:
    """In place of a CLIP: vectors of captions are what they state, those of pictures what a reader reads, and edges."""

    name, fingerprint, text_dim, device = "knowing", "k" * 64, 22, torch.device("cpu")
    model = SimpleNamespace(visual=SimpleNamespace(image_size=32))

    def __init__(self, reader, contents):
        self.reader, self.said = reader, {}
        columns = [list(contents.values).index(name) for name in SEES]
        sizes = [len(contents.values[name]) for name in SEES]
        for row, caption in enumerate(contents.captions):
            vector = torch.full((self.text_dim,), 1e-3)
            true = contents.attributes[contents.caption_picture[row]]
            for column, start in zip(columns, (0, sizes[0]), strict=True):
                if contents.states[row, column]:
                    vector[start + true[column]] = 1
            self.said[caption] = vector

    def encode(self, captions):
        return Text(torch.stack([self.said[caption] for caption in captions]))

    def encode_images(self, images):
        read = [logits.softmax(1) for name, logits in self.reader(images)[1].items() if name in SEES]
        return torch.cat([*read, steps_between_pixels(images)], dim=1)


@pytest.fixture(scope="module")
def quick(reader):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "ready_reader", lambda size, folder: reader)
        yield reader


@pytest.fixture(scope="module")
def reference(flowers, quick, on_one_thread):
    plan = Plan(flowers, halves=True, diverse=8, noises=6)
    with on_one_thread(), torch.no_grad():
        return look_at_real(plan, Eyes(quick), 32, Knowing(quick, read_contents(flowers, "test")))


@pytest.fixture(scope="module")
def changes(reference, on_one_thread):
    """At the greater strengths, by metric and spoiling."""
    with on_one_thread(), torch.no_grad():
        strong = ways(32, 3)[1::2]
        found = spoiling.spoil(reference, spoiling.unspoilt(reference), strong, StandIns.of(reference))
    return {(one.metric, one.spoiling): one for one in found}


def seen(metric):
    """Whether a test's reader can tell anything about it."""
    return not metric.endswith(" right") or metric in ("petal colour right", "background right")


@pytest.mark.parametrize("metric", [metric for metric in CLAIMS if seen(metric)])
def test_every_metric_reacts_as_it_claims(changes, metric):
    asked = {name: one for (which, name), one in changes.items() if which == metric and one.claim != "."}
    assert asked, "it was measured"
    told = {name: (one.claim, one.verdict, one.size) for name, one in asked.items()}
    assert all(one.verdict in ("noticed", "quiet") for one in asked.values()), told


def test_all_metrics_were_measured_under_all_spoilings(changes):
    of_painters = {"diversity", "MS-SSIM within captions", "text sensitivity"}
    expected = {(metric, name) for metric in CLAIMS for name in SPOILINGS}
    expected -= {(metric, SPOILINGS[-1]) for metric in of_painters}
    assert set(changes) == expected


def test_swapped_captions_leave_every_score_of_pictures_exactly_as_it_was(changes):
    of_pictures = [metric for metric, claims in CLAIMS.items() if claims[SPOILINGS.index("captions swapped")] == "0"]
    assert len(of_pictures) == 9
    for metric in of_pictures:
        one = changes[metric, "captions swapped"]
        assert one.after == one.before


def test_copies_are_copies_and_only_their_distance_tells(changes):
    assert changes["distance to training pictures", SPOILINGS[-1]].after.mean == pytest.approx(0, abs=1e-6)


def whole(parts):
    """Parts as one: images, captions, rows."""
    parts = list(parts)
    captions = [caption for part in parts for caption in part.captions]
    return torch.cat([part.images for part in parts]), captions, torch.cat([part.rows for part in parts])


def test_spoilt_pictures_keep_their_captions_and_swapped_captions_their_pictures(reference):
    contents = reference.contents
    images, captions, rows = whole(RealPictures(contents, reference.plan, 32, reference.scored).parts())
    for way in ways(32, 3):
        spoilt, told, places = whole(Spoilt(way, reference).parts())
        assert told == [contents.captions[row] for row in places]
        assert torch.equal(spoilt, images) == (way.spoiling == "captions swapped")
        assert (told == captions) == (way.spoiling not in ("captions swapped", "modes dropped"))
        if way.swapped:
            assert (places != rows).double().mean().item() == pytest.approx(way.swapped, abs=0.02)
        if way.times > 1:
            kept = len(images) // way.times
            assert torch.equal(spoilt, images[torch.arange(len(images)) % kept])
            assert len(places.unique()) == kept, "captions are dropped with their pictures"
        if way.copied:
            new = (spoilt != images).flatten(1).any(dim=1).double().mean().item()
            assert new == pytest.approx(way.copied, abs=0.02)


def test_grey_pictures_have_no_colours_to_turn():
    assert {way.spoiling for way in ways(28, 1)} == set(SPOILINGS) - {"colours turned"}


def test_a_reference_without_halves_has_nothing_to_spoil(flowers, quick):
    whole = look_at_real(Plan(flowers), Eyes(quick), 32)
    with pytest.raises(ValueError, match="halves=True"):
        Spoilt(ways(32, 3)[0], whole)


# The command


def test_one_command_gives_a_table_a_sheet_and_a_figure(flowers, quick, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(spoiling, "open_extractor", lambda *told: Eyes(quick))
    monkeypatch.setattr(spoiling, "ways", lambda size, channels: ways(size, channels)[7:10])
    monkeypatch.setattr(spoiling, "Plan", partial(Plan, diverse=3, noises=4))
    out = tmp_path / "out"
    assert command(["study", "spoiling", "--data", str(flowers), "--out", str(out)]) == 0
    told = (out / "spoiling.md").read_text()
    assert told in capsys.readouterr().out
    assert "| FID (eyes) |" in told
    assert "captions swapped: 100%" in told
    assert "| recall |  |  |  | falls | does not move |  |" in told
    assert "- FID (eyes): extractor eyes eeeeeeeeeeee" in told
    assert "no CLIP score" in told
    with open(out / "spoiling.csv") as file:
        rows = list(csv.DictReader(file))
    assert {row["spoiling"] for row in rows} == {"modes dropped", "captions swapped"}
    (swapped,) = [row for row in rows if row["metric"] == "FID" and row["strength"] == "100%"]
    assert (swapped["change"], swapped["claim"], swapped["verdict"]) == ("0", "0", "quiet")
    assert Image.open(out / "spoiling.png").size[0] > 300


def test_pictures_of_other_data_have_no_renderings_and_say_so(grey_file, quick, tmp_path, monkeypatch, capsys):
    class Grey(Eyes):
        dim = 8

        def see(self, images):
            pixels = unit(images)
            return Seen(torch.cat([F.adaptive_avg_pool2d(pixels, 2).flatten(1), steps_between_pixels(pixels)], 1), None)

    monkeypatch.setattr(spoiling, "open_extractor", lambda *told: Grey(quick))
    monkeypatch.setattr(spoiling, "ways", lambda size, channels: ways(size, channels)[-3:-2])
    out = ["--out", str(tmp_path / "out"), "--split", "train"]
    assert command(["study", "spoiling", "--data", str(grey_file), *out]) == 0
    told = capsys.readouterr().out
    assert "diversity" not in told.partition("What each metric claims")[0]
    assert "no diversity, MS-SSIM within captions and text sensitivity" in told


def test_a_file_that_is_not_there_is_one_line(tmp_path, capsys):
    assert command(["study", "spoiling", "--data", str(Path("nowhere.h5")), "--out", str(tmp_path)]) == 2
    assert "nowhere.h5" in capsys.readouterr().err
