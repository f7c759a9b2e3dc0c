"""Extractors by name, and what each promises: float32 features, probabilities of sum 1, the same picture the same."""

import socket

import pytest
import torch
from torch.nn import functional as F

from t2i_utils.data.download import DownloadError
from t2i_utils.data.split import read_split
from t2i_utils.data.synthetic import ATTRIBUTES
from t2i_utils.metrics import extractors
from t2i_utils.metrics.extractors import (
    EXTRACTORS,
    ClipExtractor,
    InceptionProtocol,
    ReaderExtractor,
    Seen,
    joint,
    open_extractor,
)
from t2i_utils.metrics.reader import train_reader, unit
from t2i_utils.text.clip import new_clip

pytest_plugins = ["small_data"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def pictures(plain_file):
    return read_split(plain_file, "all").images[:20]


@pytest.fixture
def reading(reader):
    return ReaderExtractor(reader, 32, batch_size=6)


@pytest.fixture
def clip_looking(small_encoder):
    return ClipExtractor(small_encoder, "small", batch_size=6)


@pytest.fixture(params=["reading", "clip_looking"])
def extractor(request):
    return request.getfixturevalue(request.param)


def test_every_picture_has_its_features_whoever_stands_beside_it(extractor, pictures):
    seen = extractor.see(pictures)
    assert isinstance(seen, Seen)
    assert seen.features.shape == (20, extractor.dim)
    assert seen.features.dtype == torch.float32
    assert len(extractor.fingerprint) == 64
    torch.testing.assert_close(extractor.see(pictures[3:4]).features, seen.features[3:4], atol=1e-5, rtol=1e-4)
    assert seen.features.std(dim=0).max() > 1e-4


def test_grey_is_told_to_all_three_colours(extractor, pictures):
    grey = pictures[:, :1]
    torch.testing.assert_close(extractor.see(grey).features, extractor.see(grey.repeat(1, 3, 1, 1)).features)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda images: images / 255, "float32"),
        (lambda images: images[0], r"\[3, 32, 32\]; give"),
        (lambda images: images[:0], "one picture or more"),
        (lambda images: images[..., :20], "32 x 20 pixels"),
    ],
)
def test_what_is_no_picture_is_refused(extractor, pictures, spoil, told):
    with pytest.raises(ValueError, match=told):
        extractor.see(spoil(pictures))


def test_the_readers_features_are_the_readers_and_its_classes_all_combinations(reading, reader, pictures):
    reader.train()
    seen = reading.see(pictures)
    torch.testing.assert_close(seen.features, reader.features(pictures))
    sizes = [len(values) for values in ATTRIBUTES.values()]
    assert seen.probabilities.shape == (20, 1260)
    torch.testing.assert_close(seen.probabilities.sum(dim=1), torch.ones(20))
    grid = seen.probabilities.unflatten(1, sizes)
    logits = reader.eval()(unit(pictures))[1]
    for axis, name in enumerate(ATTRIBUTES, start=1):
        others = [dim for dim in range(1, len(sizes) + 1) if dim != axis]
        torch.testing.assert_close(grid.sum(dim=others), logits[name].softmax(dim=1), atol=1e-5, rtol=1e-4)
    best = torch.stack(torch.unravel_index(seen.probabilities.argmax(dim=1), sizes), dim=1)
    assert torch.equal(best, torch.stack(list(reader.read(pictures).values()), dim=1))


def test_a_joint_probability_is_the_product():
    one, other = torch.tensor([[0.25, 0.75]]), torch.tensor([[0.5, 0.0, 0.5]])
    assert torch.equal(joint([one, other]), torch.tensor([[0.125, 0.0, 0.125, 0.375, 0.0, 0.375]]))
    assert torch.equal(joint([one]), one)


def test_a_reader_refuses_pictures_that_it_was_not_trained_to_read(reading):
    with pytest.raises(ValueError, match=r"reads pictures of 32 px, and these have 64; open one of their size"):
        reading.see(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    assert reading.resize == "none, pictures of 32 px"


def test_other_weights_have_another_fingerprint():
    first, again, other = (train_reader(32, steps=1, batch_size=2, pictures=4, seed=seed) for seed in (0, 0, 1))
    marks = [ReaderExtractor(reader, 32).fingerprint for reader in (first, again, other)]
    assert marks[0] == marks[1] != marks[2]


def test_clips_features_are_unit_vectors_in_the_encoders_direction(clip_looking, small_encoder, pictures):
    seen = clip_looking.see(pictures)
    assert seen.probabilities is None
    torch.testing.assert_close(seen.features.norm(dim=1), torch.ones(20))
    cosines = F.cosine_similarity(seen.features, small_encoder.encode_images(unit(pictures)), dim=1)
    torch.testing.assert_close(cosines, torch.ones(20))
    assert clip_looking.fingerprint == small_encoder.fingerprint
    assert clip_looking.resize.startswith("bicubic to 32 px, antialias")


def test_the_reader_is_opened_by_name_and_kept_beside_the_data(tmp_path, monkeypatch):
    made = []

    def quick(size, folder):
        made.append((size, folder))
        return train_reader(size, steps=1, batch_size=2, pictures=4)

    monkeypatch.setattr(extractors, "ready_reader", quick)
    opened = open_extractor("reader", tmp_path, 32)
    assert made == [(32, tmp_path)]
    assert opened.name == "reader"
    with pytest.raises(FileNotFoundError, match="nowhere is no folder"):
        open_extractor("reader", tmp_path / "nowhere", 32)


def test_a_clip_is_opened_by_its_folder_and_called_by_the_folders_name(small_config, tmp_path):
    new_clip(small_config, "new").save(tmp_path / "my_clip")
    for name in (f"clip:{tmp_path / 'my_clip'}", f"clip:local-dir:{tmp_path / 'my_clip'}"):
        assert open_extractor(name, tmp_path, 64).name == "my_clip"


def test_every_inception_is_opened_by_its_own_name(tmp_path, monkeypatch):
    monkeypatch.setattr(InceptionProtocol, "open", lambda protocol, device: (protocol.name, device))
    opened = [open_extractor(name, tmp_path, 64, "cpu") for name in EXTRACTORS if name.startswith("inception")]
    assert opened == [
        ("Inception 2015, TF1 bilinear", "cpu"),
        ("Inception 2015, torch bilinear (pytorch-fid)", "cpu"),
        ("Inception 2015, PIL bicubic (clean-fid)", "cpu"),
        ("torchvision Inception, 0..1 (DM-GAN)", "cpu"),
    ]


def test_an_inception_that_cannot_be_had_says_how_to_bring_it(tmp_path, monkeypatch):
    def nobody(*address, **how):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    with pytest.raises(DownloadError, match=r"weights-inception-2015.*`reader` needs no download"):
        open_extractor("inception-clean", tmp_path, 64)


@pytest.mark.parametrize("name", ["", "Reader", "clip", "clip:", "reader:32", "inception:tf", "fid"])
def test_a_name_that_nobody_has_is_refused_with_all_that_there_are(name, tmp_path):
    with pytest.raises(ValueError, match=r"choose from: reader, inception, .*clip:MODEL/TAG or clip:FOLDER"):
        open_extractor(name, tmp_path, 64)
