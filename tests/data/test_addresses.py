"""The table of addresses: complete, possible, and what others have published."""

import re
from urllib.parse import urlsplit

import pytest
from torchvision.datasets import FashionMNIST, Flowers102

from t2i_utils.data.addresses import REMOTE_SETS
from t2i_utils.data.datasets import DATASETS
from t2i_utils.data.remote import DriveFile

FILES = [(dataset, file) for dataset, remote in REMOTE_SETS.items() for file in remote.files]


def test_every_name_is_one_that_build_knows():
    assert set(REMOTE_SETS) <= set(DATASETS)
    assert {"oxford_flowers", "cub_birds", "coco_captions", "fashion_mnist"} == set(REMOTE_SETS)


@pytest.mark.parametrize(("dataset", "file"), FILES, ids=lambda value: getattr(value, "name", value))
def test_a_record_can_be_true(dataset, file):
    assert file.mirrors
    assert len(set(file.mirrors)) == len(file.mirrors)
    for mirror in file.mirrors:
        if not isinstance(mirror, DriveFile):
            assert urlsplit(mirror).scheme in ("http", "https")
            assert urlsplit(mirror).path.endswith(f"/{file.name}")
            assert mirror.startswith("https") or file.known, "what comes over http needs a sum"
    assert re.fullmatch(r"([0-9a-f]{64})?", file.sha256)
    assert re.fullmatch(r"([0-9a-f]{32})?", file.md5)
    assert file.known or "cvpr2016" in file.name
    assert bool(file.take) == bool(file.proof)
    assert all(any(path == part or path.startswith(f"{part}/") for part in file.take) for path in file.proof)


def test_sums_are_those_of_torchvision():
    flowers = dict(Flowers102._file_dict.values())
    fashion = dict(FashionMNIST.resources)
    ours = {(dataset, file.name): file.md5 for dataset, file in FILES}
    assert {name: ours["oxford_flowers", name] for name in flowers} == flowers
    assert {name: ours["fashion_mnist", name] for name in fashion} == fashion
    assert {name for dataset, name in ours if dataset == "fashion_mnist"} == set(fashion)


def test_addresses_are_those_of_torchvision():
    ours = {file.name: file.mirrors for dataset, file in FILES if dataset in ("oxford_flowers", "fashion_mnist")}
    for name, _ in Flowers102._file_dict.values():
        assert Flowers102._download_url_prefix + name in ours[name]
    for name, _ in FashionMNIST.resources:
        assert FashionMNIST.mirrors[0] + name in ours[name]
