"""A folder of somebody's pictures: the same scores as if they were painted now, and every fault of it named."""

import json
import shutil

import numpy as np
import pytest
import torch
from given import by_metric, painting, saved
from PIL import Image

from t2i_utils.evaluation.files import Files
from t2i_utils.evaluation.plan import LEAST
from t2i_utils.evaluation.scores import evaluate
from t2i_utils.metrics.record import differing

pytest_plugins = ["small_data", "mixing"]
pytestmark = pytest.mark.usefixtures("one_thread")


def noise_pictures(count, channels=3, size=32):
    return torch.randint(
        256, (count, channels, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )


def files(folder, halves, **more):
    return Files(folder, halves.contents, halves.size, halves.channels, **more)


def all_of(source):
    """Picture to its pixels, caption and row."""
    parts = list(source.parts())
    images = torch.cat([part.images for part in parts])
    if parts[0].captions is None:
        return dict(zip([path.name for path in source.paths], images, strict=True))
    told = [(caption, int(row)) for part in parts for caption, row in zip(part.captions, part.rows, strict=True)]
    return {path.name: (image, *one) for path, image, one in zip(source.paths, images, told, strict=True)}


@pytest.fixture(scope="module")
def painted(halves, mixing, tmp_path_factory):
    """A painter's pictures of its captions in a folder, and what they were scored as."""
    source = painting(mixing(0.4), halves)
    parts = list(source.parts())
    captions = [caption for part in parts for caption in part.captions]
    return saved(tmp_path_factory.mktemp("painted") / "mine", torch.cat([part.images for part in parts]), captions)


def test_a_painters_pictures_as_files_have_its_scores_and_compare_with_it(painted, halves, mixing):
    direct, again = evaluate(painting(mixing(0.4), halves), halves), evaluate(files(painted, halves), halves)
    records, found = by_metric(direct), by_metric(again)
    assert set(records) - set(found) == {"diversity", "text sensitivity", "MS-SSIM (2 of 5 scales) within captions"}
    for metric, record in found.items():
        assert not differing(record.protocol, records[metric].protocol), metric
        chance = {"KID": 0.02, "IS": 0.5, "R-precision": 0.1}.get(metric, 1e-6)  # subsets, splits and pools are drawn
        assert record.value == pytest.approx(records[metric].value, abs=chance), metric
    assert {record.painter for record in found.values()} == {"mine"}


def test_its_checkpoint_is_of_the_files_wherever_they_lie_and_in_whatever_order(painted, halves, tmp_path):
    mark = files(painted, halves).checkpoint
    moved = tmp_path / "elsewhere"
    shutil.copytree(painted, moved)
    assert files(moved, halves, seed=3).checkpoint == mark
    assert [path.name for path in files(moved, halves, seed=3).paths] != [
        path.name for path in files(moved, halves).paths
    ]
    lines = (moved / "captions.jsonl").read_text().splitlines()
    (moved / "captions.jsonl").write_text("\n".join([lines[0].replace('["', '["so '), *lines[1:]]))
    assert files(moved, halves).checkpoint != mark
    (moved / "captions.jsonl").unlink()
    plain = files(moved, halves).checkpoint
    Image.new("RGB", (32, 32)).save(moved / "00003.png")
    assert len({mark, plain, files(moved, halves).checkpoint}) == 3


def test_a_name_can_be_given(painted, halves, monkeypatch):
    assert files(painted, halves, name="yours").name == "yours"
    monkeypatch.chdir(painted)
    assert files(painted.relative_to(painted), halves).name == "mine"


def test_pictures_of_every_kind_become_alike(halves, tmp_path):
    saved(tmp_path, noise_pictures(LEAST))
    Image.new("L", (32, 32), 200).save(tmp_path / "grey.png")
    Image.new("RGB", (50, 90), (1, 2, 3)).save(tmp_path / "large.bmp")
    (tmp_path / "deeper").mkdir()
    Image.new("RGB", (32, 32), (9, 8, 7)).save(tmp_path / "deeper" / "more.jpeg", quality=100)
    (tmp_path / "notes.txt").write_text("no picture")
    source = files(tmp_path, halves)
    found = all_of(source)
    assert len(source) == len(found) == LEAST + 3
    assert {tuple(image.shape) for image in found.values()} == {(3, 32, 32)}
    assert found["grey.png"].unique().tolist() == [200]
    assert found["large.bmp"].flatten(1).unique(dim=1).flatten().tolist() == [1, 2, 3]
    assert [note for note in source.notes if "brought to 32 px" in note] == [
        f"1 pictures of {source.name} were brought to 32 px"
    ]
    grey = Files(tmp_path, halves.contents, 32, 1)
    assert {tuple(image.shape) for image in all_of(grey).values()} == {(1, 32, 32)}


def test_of_several_captions_the_first_counts_and_pictures_without_are_left_away(halves, tmp_path):
    first, second = halves.contents.captions[:2]
    saved(tmp_path, noise_pictures(LEAST + 4), [second] * (LEAST + 2))
    lines = (tmp_path / "captions.jsonl").read_text().splitlines()
    lines[5] = json.dumps({"file": "00005.png", "captions": [first, second], "class": "daisy"})
    lines[6] = json.dumps({"file": "00006.png", "captions": ["  a  thing that nobody\tknows "]})
    (tmp_path / "captions.jsonl").write_text("\n".join(lines))
    source = files(tmp_path, halves)
    told = all_of(source)
    assert len(source) == LEAST + 2
    assert told["00005.png"][1:] == (first, halves.contents.captions.index(first))
    assert told["00006.png"][1:] == ("a thing that nobody knows", -1)
    assert {halves.contents.captions[row] for _, _, row in told.values() if row >= 0} == {first, second}
    said = "\n".join(source.notes)
    assert "1 pictures of" in said
    assert "have several captions" in said
    assert "2 pictures of" in said
    assert "are not in captions.jsonl" in said
    assert f"1 of the {LEAST + 2} captions" in said


def test_each_picture_keeps_its_own_caption(halves, tmp_path):
    captions = halves.contents.captions[: LEAST + 5]
    images = noise_pictures(LEAST + 5)
    found = all_of(files(saved(tmp_path, images, captions), halves))
    for index, caption in enumerate(captions):
        image, told, row = found[f"{index:05d}.png"]
        assert torch.equal(image, images[index])
        assert told == caption == halves.contents.captions[row]


@pytest.mark.parametrize(("count", "said"), [(0, "holds 0 pictures"), (LEAST - 1, f"holds {LEAST - 1} pictures")])
def test_an_empty_folder_and_too_few_pictures_are_refused(halves, tmp_path, count, said):
    saved(tmp_path, noise_pictures(count))
    with pytest.raises(ValueError, match=f"{said} .*scores need {LEAST} or more"):
        files(tmp_path, halves)


def test_a_caption_without_its_picture_is_named_with_its_line(halves, tmp_path):
    saved(tmp_path, noise_pictures(LEAST), ["a flower"] * LEAST)
    (tmp_path / "00007.png").unlink()
    with pytest.raises(ValueError, match=r"line 8: '00007.png' is not there"):
        files(tmp_path, halves)


@pytest.mark.parametrize("damage", [b"", b"no picture at all", None])
def test_a_broken_picture_is_named(halves, tmp_path, damage):
    saved(tmp_path, noise_pictures(LEAST))
    path = tmp_path / "00011.png"
    path.write_bytes(path.read_bytes()[:900] if damage is None else damage)
    with pytest.raises(ValueError, match=r"00011\.png: the file is .*take it away"):
        evaluate(files(tmp_path, halves), halves)


def test_nobody_says_who_made_the_pictures_so_a_judge_is_remarked_upon(painted, halves):
    (note,) = [note for note in evaluate(files(painted, halves), halves).notes if "the judge must not" in note]
    assert "mine" in note


def test_paths_are_in_random_order(painted, halves):
    names = [path.name for path in files(painted, halves).paths]
    assert names != sorted(names)
    assert np.unique(names).size == len(names)
