"""A data set comes to its folder: over the network, or from a person's hand, or from both."""

import hashlib
import time

import pytest
from hostile import tar, zipped
from misbehaving import page, sends, serving, status

from t2i_utils.__main__ import main
from t2i_utils.data import download as downloading
from t2i_utils.data.addresses import REMOTE_SETS
from t2i_utils.data.download import DownloadError, download
from t2i_utils.data.fetch import Patience
from t2i_utils.data.remote import RemoteFile, RemoteSet

FAST = Patience(tries=2, timeout=5, pause=0, sleep=lambda seconds: None)
LABELS = b"MATLAB 5.0" + bytes(90)


@pytest.fixture
def web(monkeypatch):
    yield from serving(monkeypatch)


class Shop:
    """A data set of three files, its true bytes, and where the server has them."""

    def __init__(self, web, tmp_path):
        self.web = web
        pictures = tar(tmp_path / "p", *((f"jpg/{number}.jpg", bytes([number])) for number in range(5))).read_bytes()
        captions = zipped(tmp_path / "c", ("cvpr/text/1.txt", b"a bird"), ("cvpr/list.txt", b"1")).read_bytes()
        self.data = {"labels.mat": LABELS, "pictures.tgz": pictures, "captions.zip": captions}
        self.files = {
            "labels.mat": self.record("labels.mat", b"MATLAB"),
            "captions.zip": self.record(
                "captions.zip", b"PK", take=("text", "list.txt"), proof=("text/1.txt", "list.txt")
            ),
            "pictures.tgz": self.record("pictures.tgz", b"\x1f\x8b", take=("jpg",), proof=("jpg/4.jpg",)),
        }
        for name, data in self.data.items():
            web.serve(f"/{name}", sends(data))

    def record(self, name, begins, **layout):
        data = self.data[name]
        sums = {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest()}
        return RemoteFile(name, (f"{self.web.base}/{name}",), begins, len(data), **sums, **layout)

    def asked(self):
        """Names of what was asked for since the last time."""
        paths = [path for path, _ in self.web.asked]
        self.web.asked.clear()
        return paths


@pytest.fixture
def shop(web, tmp_path, monkeypatch):
    found = Shop(web, tmp_path)
    remote = RemoteSet(tuple(found.files.values()), licence="for looking", notes=("mind the step",))
    monkeypatch.setitem(REMOTE_SETS, "birds", remote)
    return found


WHOLE = ["jpg/0.jpg", "jpg/1.jpg", "jpg/2.jpg", "jpg/3.jpg", "jpg/4.jpg", "labels.mat", "list.txt", "text/1.txt"]


def paths(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())


def test_everything_comes_once(shop, tmp_path, capsys):
    root = tmp_path / "new" / "birds"
    report = download("birds", root, FAST)
    assert capsys.readouterr().out.splitlines()[:2] == ["birds: licence: for looking", "birds: mind the step"]
    assert paths(root) == WHOLE
    assert not (root / "downloads").exists()
    assert report.fetched == ("labels.mat", "captions.zip", "pictures.tgz")
    assert f"build birds --root {root}" in str(report)
    assert len(shop.asked()) == 3
    again = download("birds", root, FAST)
    assert again.there == ("labels.mat", "captions.zip", "pictures.tgz")
    assert shop.asked() == []
    assert "already there" in str(again)
    (root / "list.txt").unlink()
    (root / "text" / "1.txt").unlink()
    (root / "text").rmdir()
    assert download("birds", root, FAST).fetched == ("captions.zip",)
    assert paths(root) == WHOLE


@pytest.mark.parametrize("folder", ["", "downloads"])
def test_what_a_person_put_there_is_used_and_kept(shop, tmp_path, folder):
    root = tmp_path / "birds"
    (root / folder).mkdir(parents=True)
    for name, data in shop.data.items():
        (root / folder / name).write_bytes(data)
    report = download("birds", root, FAST)
    assert shop.asked() == []
    assert {*report.by_hand, *report.there} == set(shop.data)
    assert set(paths(root)) == {*WHOLE, *(f"{folder}/{name}".strip("/") for name in shop.data)}
    assert (root / folder / "pictures.tgz").read_bytes() == shop.data["pictures.tgz"]


def test_the_message_says_what_to_do_and_a_rerun_takes_it_from_there(shop, tmp_path):
    root = tmp_path / "birds"
    shop.web.serve("/pictures.tgz", status(404))
    with pytest.raises(DownloadError) as failed:
        download("birds", root, FAST)
    said = str(failed.value)
    assert "1 of 3 files of birds" in said
    place = root / "downloads" / "pictures.tgz"
    for words in (
        "pictures.tgz (",
        f"{len(shop.data['pictures.tgz']):,} bytes)",
        f"{shop.web.base}/pictures.tgz",
        str(place),
    ):
        assert words in said
    assert "404 Not Found" in said
    assert "captions.zip" not in said
    assert not place.exists()
    assert paths(root) == ["labels.mat", "list.txt", "text/1.txt"]
    place.write_bytes(shop.data["pictures.tgz"])
    shop.asked()
    report = download("birds", root, FAST)
    assert shop.asked() == []
    assert (report.by_hand, report.there) == (("pictures.tgz",), ("labels.mat", "captions.zip"))
    assert {*WHOLE, "downloads/pictures.tgz"} == set(paths(root))


@pytest.mark.parametrize("name", ["labels.mat", "pictures.tgz", "captions.zip"])
@pytest.mark.parametrize(
    ("data", "said"),
    [(b"<!DOCTYPE html><title>Quota exceeded", "quota block"), (b"short", "5 bytes where"), (None, "sha256")],
)
def test_a_wrong_file_of_a_person_is_told_and_never_touched(shop, tmp_path, name, data, said):
    root = tmp_path / "birds"
    root.mkdir()
    data = data or shop.data[name][:-1] + b"?"
    (root / name).write_bytes(data)
    with pytest.raises(DownloadError, match=rf"(?s){name} is not the published file: .*{said}.* move it away"):
        download("birds", root, FAST)
    assert (root / name).read_bytes() == data
    assert f"/{name}" not in shop.asked()


def test_a_folder_that_is_not_complete_is_left_alone(shop, tmp_path):
    (tmp_path / "birds" / "jpg").mkdir(parents=True)
    (tmp_path / "birds" / "jpg" / "1.jpg").write_bytes(b"mine")
    with pytest.raises(DownloadError, match="jpg is there but not complete; move it away"):
        download("birds", tmp_path / "birds", FAST)
    assert "/pictures.tgz" not in shop.asked()
    assert (tmp_path / "birds" / "jpg" / "1.jpg").read_bytes() == b"mine"


def test_a_damaged_archive_without_a_published_sum_is_not_kept(shop, tmp_path, monkeypatch):
    root, bare = (
        tmp_path / "birds",
        RemoteFile("pictures.tgz", shop.files["pictures.tgz"].mirrors, b"\x1f\x8b", take=("jpg",)),
    )
    monkeypatch.setitem(REMOTE_SETS, "birds", RemoteSet((bare,), licence="none"))
    shop.web.serve("/pictures.tgz", sends(shop.data["pictures.tgz"][:-9]))
    with pytest.raises(DownloadError, match=r"(?s)size not published.*damaged"):
        download("birds", root, FAST)
    assert paths(root) == []
    shop.web.serve("/pictures.tgz", sends(shop.data["pictures.tgz"]))
    download("birds", root, FAST)
    assert paths(root) == WHOLE[:5]


def test_stopping_while_it_unpacks_keeps_the_archive_only(shop, tmp_path, monkeypatch):
    root = tmp_path / "birds"

    def stop(*arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(downloading, "unpack", stop)
        with pytest.raises(KeyboardInterrupt):
            download("birds", root, FAST)
    assert paths(root) == ["downloads/captions.zip", "labels.mat"]
    shop.asked()
    download("birds", root, FAST)
    assert shop.asked() == ["/pictures.tgz"]


@pytest.mark.parametrize("name", ["synthetic_flowers", "nothing"])
def test_a_name_without_addresses_is_told(tmp_path, name):
    with pytest.raises(ValueError, match=f"{name}.*choose from: oxford_flowers, cub_birds"):
        download(name, tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_the_command_does_it_and_fails_with_status_2(shop, tmp_path, capsys):
    root = tmp_path / "birds"
    shop.web.serve("/labels.mat", page("<html>gone</html>", 410))
    began = time.monotonic()
    assert main(["download", "birds", "--root", str(root)]) == 2
    assert time.monotonic() - began < 2
    told = capsys.readouterr().err
    assert "t2i_utils download: 1 of 3 files of birds" in told
    assert str(root / "labels.mat") in told
    shop.web.serve("/labels.mat", sends(LABELS))
    assert main(["download", "birds", "--root", str(root)]) == 0
    assert "birds is complete" in capsys.readouterr().out
