"""Weights come whole and right, or a message says how to bring them; a file's code is never run."""

import hashlib
import os
import pickle
import socket

import pytest
import torch
from misbehaving import sends, serving, status

from t2i_utils.data.download import DownloadError
from t2i_utils.data.fetch import Patience
from t2i_utils.data.remote import RemoteFile
from t2i_utils.metrics.weights_files import INCEPTION_2015, INCEPTION_IMAGENET, read_weights, weights_file

FAST = Patience(tries=2, timeout=5, pause=0, sleep=lambda seconds: None)


@pytest.fixture
def web(monkeypatch):
    yield from serving(monkeypatch)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """A workspace and a torch hub that hold nothing yet."""
    monkeypatch.setenv("T2I_WORKSPACE", str(tmp_path / "workspace"))
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path / "hub"))
    return tmp_path


@pytest.fixture
def data(tmp_path):
    """The bytes of random weights."""
    torch.save({"one": torch.rand(50, 50), "two": torch.rand(3)}, tmp_path / "made.pth")
    return (tmp_path / "made.pth").read_bytes()


def record(data, *mirrors):
    return RemoteFile("net-1234.pth", mirrors, b"", len(data), hashlib.sha256(data).hexdigest())


def test_it_is_fetched_once_and_opened(web, home, data):
    file = record(data, web.serve("/net.pth", sends(data)))
    path = weights_file(file, FAST)
    assert path == home / "workspace" / "extractors" / "net-1234.pth"
    assert set(read_weights(path)) == {"one", "two"}
    assert weights_file(file, FAST) == path
    assert len(web.asked) == 1


def test_what_torch_hub_has_is_not_fetched_again(home, data):
    place = home / "hub" / "checkpoints" / "net-1234.pth"
    place.parent.mkdir(parents=True)
    place.write_bytes(data)
    assert weights_file(record(data, "http://127.0.0.1:9/none"), FAST) == place


def test_the_second_address_is_tried(web, data):
    mirrors = web.serve("/gone", status(404)), web.serve("/here", sends(data))
    assert weights_file(record(data, *mirrors), FAST).read_bytes() == data


def test_a_wrong_file_from_the_web_never_gets_the_name(web, home, data):
    file = record(data, web.serve("/net.pth", sends(data[:-1] + bytes([data[-1] ^ 1]))))
    with pytest.raises(DownloadError, match=r"its sha256 is .*, not the published"):
        weights_file(file, FAST)
    assert not (home / "workspace" / "extractors" / "net-1234.pth").exists()


@pytest.mark.parametrize("file", [INCEPTION_2015, INCEPTION_IMAGENET])
def test_without_a_network_the_message_says_all_that_a_person_needs(file, home, monkeypatch):
    def nobody(*address, **how):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    with pytest.raises(DownloadError) as failed:
        weights_file(file, FAST)
    place = home / "workspace" / "extractors" / file.name
    for words in (file.name, f"{file.size:,} bytes", *file.mirrors, file.sha256, str(place), "is there a network?"):
        assert words in str(failed.value)
    assert "`reader` needs no download" in str(failed.value)
    assert not place.exists()


@pytest.mark.parametrize("file", [INCEPTION_2015, INCEPTION_IMAGENET])
def test_a_published_name_promises_the_beginning_of_the_hash(file):
    assert file.sha256.startswith(file.name.removesuffix(".pth").rpartition("-")[2])
    assert len(file.sha256) == 64


def test_a_truncated_or_another_file_is_refused_by_its_path(home, data):
    path = home / "workspace" / "extractors" / "net-1234.pth"
    path.parent.mkdir(parents=True)
    for wrong, told in ((data[:-100], "bytes where"), (data[:-1] + b"x", "its sha256 is")):
        path.write_bytes(wrong)
        with pytest.raises(ValueError, match=rf"net-1234.pth is not the published file: .*{told}.*; delete it"):
            weights_file(record(data), FAST)
    assert path.read_bytes() == wrong  # a person may have put it there


class Trap:
    """Makes a folder when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_no_code_in_a_file_is_run(home):
    path, sprung = home / "trap.pth", home / "sprung"
    torch.save({"one": torch.zeros(1), "trap": Trap(sprung)}, path)
    with pytest.raises(ValueError, match=r"trap.pth does not open as tensors alone: it asks for .*delete it"):
        read_weights(path)
    path.write_bytes(pickle.dumps(Trap(sprung), protocol=2))
    with pytest.raises(ValueError, match=r"trap.pth does not open as tensors alone"):
        read_weights(path)
    assert not sprung.exists()


@pytest.mark.parametrize("wrong", [b"", b"PK\x03\x04 and no more", b"<html>"])
def test_what_holds_no_weights_is_refused(home, wrong):
    (home / "bad.pth").write_bytes(wrong)
    with pytest.raises(ValueError, match=r"bad.pth does not open as tensors alone"):
        read_weights(home / "bad.pth")


@pytest.mark.parametrize("wrong", [torch.zeros(3), {"epoch": 3, "one": torch.zeros(1)}])
def test_weights_are_tensors_by_name(home, wrong):
    torch.save(wrong, home / "bad.pth")
    with pytest.raises(ValueError, match="not weights by name"):
        read_weights(home / "bad.pth")
