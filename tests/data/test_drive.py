"""Google Drive: gdown in both of its generations, and our own request where a link needs its resourcekey."""

import hashlib
import inspect
import socket
import sys
import types

import pytest
from misbehaving import page, sends, serving

from t2i_utils.data import drive
from t2i_utils.data.download import NoMirrorError, fetch_file
from t2i_utils.data.fetch import Patience
from t2i_utils.data.remote import DriveFile, RemoteFile

DATA = b"\x1f\x8b" + bytes(range(256)) * 40
FAST = Patience(tries=3, timeout=7, pause=0, sleep=lambda seconds: None)
FORM = """<!DOCTYPE html><html><body><input type="hidden" name="no" value="no">
<form id="download-form" action="{action}" method="get"><input type="submit" value="Download anyway">
<input type="hidden" name="id" value="ID"><input type="hidden" name="uuid" value="42&amp;43"></form></body></html>"""


@pytest.fixture
def web(monkeypatch):
    yield from serving(monkeypatch)


def asking(*mirrors, **facts):
    return RemoteFile("captions.tgz", mirrors, b"\x1f\x8b", **facts)


def old_gdown(behave):
    """A module with the signature of gdown 5.2.2."""

    def download(url=None, output=None, quiet=False, proxy=None, speed=None, use_cookies=True, verify=True, id=None,
                 fuzzy=False, resume=False, format=None, user_agent=None, log_messages=None):  # fmt: skip
        return behave(locals())

    return types.SimpleNamespace(download=download)


def new_gdown(behave):
    """A module with the signature of gdown 6: no `fuzzy`, but retries and a timeout."""

    def download(url=None, output=None, *, quiet=False, use_cookies=True, id=None, resume=False, timeout=None,
                 retries=0):  # fmt: skip
        return behave(locals())

    return types.SimpleNamespace(download=download)


@pytest.fixture
def gdown(monkeypatch):
    """Put a false gdown in place; Drive's name can be found."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *arguments, **options: [])

    def put(make, behave):
        monkeypatch.setitem(sys.modules, "gdown", make(behave))

    return put


@pytest.mark.parametrize("make", [old_gdown, new_gdown])
def test_gdown_is_asked_by_id_with_what_its_version_knows(gdown, tmp_path, make):
    asked = []

    def behave(options):
        asked.append({name: value for name, value in options.items() if name != "behave"})
        with open(options["output"], "wb") as file:
            file.write(DATA)
        return options["output"]

    gdown(make, behave)
    fetch_file(asking(DriveFile("ID")), tmp_path / "captions.tgz", FAST)
    assert (tmp_path / "captions.tgz").read_bytes() == DATA
    assert [path.name for path in tmp_path.iterdir()] == ["captions.tgz"]
    assert (asked[0]["id"], asked[0]["url"]) == ("ID", None)
    if make is new_gdown:
        assert (asked[0]["resume"], asked[0]["retries"], asked[0]["timeout"]) == (True, 2, 7)
    else:
        assert not asked[0]["resume"]  # it would append without looking at what comes


def test_what_the_old_gdown_left_does_not_pile_up(gdown, tmp_path):
    (tmp_path / "captions.tgz.part.gdownabc.part").write_bytes(b"half")
    gdown(old_gdown, saves(DATA))
    fetch_file(asking(DriveFile("ID")), tmp_path / "captions.tgz", FAST)
    assert [path.name for path in tmp_path.iterdir()] == ["captions.tgz"]


def test_the_installed_gdown_is_of_one_of_these_generations():
    known = set(inspect.signature(pytest.importorskip("gdown").download).parameters)
    assert {"id", "output", "resume", "use_cookies"} <= known
    assert ("retries" in known) == ("timeout" in known)


def raises(error):
    def behave(options):
        raise error

    return behave


def saves(data):
    def behave(options):
        with open(options["output"], "wb") as file:
            file.write(data)
        return options["output"]

    return behave


@pytest.mark.parametrize("make", [old_gdown, new_gdown])
@pytest.mark.parametrize(
    ("behave", "said"),
    [
        (
            raises(Exception("\tToo many users have viewed or downloaded this file recently.\n\nTry later")),
            "quota block",
        ),
        (raises(Exception("Cannot retrieve the public link\nof it")), "gdown says: Cannot retrieve the public link"),
        (raises(AssertionError()), "gdown says: AssertionError"),
        (raises(ConnectionError("reset by peer")), "gdown says: reset by peer"),
        (lambda options: None, "gdown could not fetch it"),
        (saves(b"<!DOCTYPE html><title>Drive - Quota exceeded</title>"), "quota block"),
        (saves(b"<html><title>Virus scan warning</title>"), "'Virus scan warning'"),
        (saves(b"PK\x03\x04"), "begins with b'PK"),
    ],
)
def test_gdowns_failures_are_told(gdown, tmp_path, make, behave, said):
    gdown(make, behave)
    with pytest.raises(NoMirrorError, match=said):
        fetch_file(asking(DriveFile("ID")), tmp_path / "captions.tgz", FAST)
    assert not (tmp_path / "captions.tgz").exists()


def test_without_a_network_gdown_is_not_asked(gdown, tmp_path, monkeypatch):
    gdown(new_gdown, lambda options: pytest.fail("it was asked"))

    def unknown(*arguments, **options):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setattr(drive.urllib.request, "getproxies", dict)
    with pytest.raises(NoMirrorError, match="is there a network"):
        fetch_file(asking(DriveFile("ID")), tmp_path / "captions.tgz", FAST)


def test_a_file_with_a_key_is_asked_for_with_it(web, tmp_path, monkeypatch):
    monkeypatch.setattr(
        drive, "DOWNLOAD", web.serve("/download", sends(DATA, cut=5000, etag='"1"'), sends(DATA, etag='"1"'))
    )
    fetch_file(asking(DriveFile("ID", "0-KEY")), tmp_path / "captions.tgz", FAST)
    assert (tmp_path / "captions.tgz").read_bytes() == DATA
    assert web.asked[0][0] == "/download?id=ID&export=download&confirm=t&resourcekey=0-KEY"
    assert web.ranges() == [None, "bytes=5000-"]


@pytest.mark.parametrize("action", ["/confirmed", "{base}/confirmed"])
def test_drives_form_is_sent_with_its_hidden_fields(web, tmp_path, monkeypatch, action):
    monkeypatch.setattr(
        drive, "DOWNLOAD", web.serve("/download", page(FORM.format(action=action.format(base=web.base))))
    )
    web.serve("/confirmed", sends(DATA))
    fetch_file(asking(DriveFile("ID", "0-KEY")), tmp_path / "captions.tgz", FAST)
    assert (tmp_path / "captions.tgz").read_bytes() == DATA
    assert web.asked[1][0] == "/confirmed?id=ID&uuid=42%2643&export=download&confirm=t&resourcekey=0-KEY"


def test_a_blocked_file_is_tried_another_way_and_then_told(web, gdown, tmp_path, monkeypatch):
    blocked = page("<html>Sorry, too many users have viewed or downloaded this file recently.</html>", 403)
    monkeypatch.undo()
    monkeypatch.setattr(drive, "DOWNLOAD", web.serve("/download", blocked))
    monkeypatch.setattr(drive, "need_name", lambda host: None)
    monkeypatch.setitem(sys.modules, "gdown", new_gdown(raises(Exception("no link"))))
    with pytest.raises(NoMirrorError, match=r"quota block(.|\n)*gdown says: no link"):
        fetch_file(asking(DriveFile("ID", "0-KEY"), DriveFile("ID")), tmp_path / "captions.tgz", FAST)
    monkeypatch.setitem(sys.modules, "gdown", new_gdown(saves(DATA)))
    known = {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}
    fetch_file(asking(DriveFile("ID", "0-KEY"), DriveFile("ID"), **known), tmp_path / "captions.tgz", FAST)
    assert (tmp_path / "captions.tgz").read_bytes() == DATA


def test_the_page_for_a_browser_keeps_the_key():
    assert str(DriveFile("ID", "0-KEY")) == "https://drive.google.com/file/d/ID/view?resourcekey=0-KEY"
    assert str(DriveFile("ID")) == "https://drive.google.com/file/d/ID/view"
