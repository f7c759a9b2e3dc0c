"""A file arrives whole and right, or not at all, whatever the server does."""

import hashlib
import http.client
import json
import random
import socket
import ssl
import urllib.error
import urllib.request
from collections import namedtuple

import pytest
from misbehaving import page, sends, serving, status

from t2i_utils.data import fetch as fetching
from t2i_utils.data.addresses import REMOTE_SETS
from t2i_utils.data.download import DownloadError, download, fetch_file
from t2i_utils.data.fetch import Patience, fetch
from t2i_utils.data.remote import RemoteFile, RemoteSet
from t2i_utils.data.web import RefusedError, _Redirects, in_words

DATA = b"\x1f\x8b" + random.Random(7).randbytes(60_000)
QUOTA = "<html><title>Google Drive - Quota exceeded</title>Too many users have viewed or downloaded this file</html>"
FAST = Patience(tries=3, timeout=5, pause=0, sleep=lambda seconds: None)


@pytest.fixture
def web(monkeypatch):
    yield from serving(monkeypatch)


def asking(*mirrors, **facts):
    """A record of DATA; `facts` change what is published about it."""
    published = {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest(), "md5": hashlib.md5(DATA).hexdigest()}
    return RemoteFile("birds.tgz", mirrors, b"\x1f\x8b", **(published | facts))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def check_arrival(folder, file, patience=FAST):
    """Fetch it, and find nothing but the file."""
    fetch_file(file, folder / file.name, patience)
    assert (folder / file.name).read_bytes() == DATA
    assert names(folder) == [file.name]


def fail(folder, file, patience=FAST):
    """Ask for it in vain: what was said. No file has the final name; the message says what a person can do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(REMOTE_SETS, "birds", RemoteSet((file,), licence="none"))
        with pytest.raises(DownloadError, match="tried 127") as failed:
            download("birds", folder, patience)
    said = str(failed.value)
    assert file.name not in names(folder)
    for words in (f"{file.name} ({file.size_in_words})", *file.mirrors, str(folder / file.name)):
        assert words in said
    return said


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param([sends(DATA)], id="plain"),
        pytest.param([sends(DATA, pause=0.02)], id="slow"),
        pytest.param([sends(DATA, length=False)], id="unknown length"),
        pytest.param([sends(DATA, cut=20_000), sends(DATA)], id="cut off, then resumed"),
        pytest.param([sends(DATA, cut=20_000, ranges=False), sends(DATA, ranges=False)], id="no ranges"),
        pytest.param([sends(DATA, cut=20_000, length=False), sends(DATA)], id="cut off where nobody could know"),
        pytest.param([status(503), status(429), sends(DATA)], id="busy"),
        pytest.param([sends(DATA, etag='"1"', cut=30_000), sends(DATA, etag='"1"')], id="same version"),
        pytest.param([sends(DATA, cut=30_000), status(416), sends(DATA)], id="no such part"),
    ],
)
def test_it_arrives(web, tmp_path, answers):
    check_arrival(tmp_path, asking(web.serve("/birds.tgz", *answers)))


def test_what_was_cut_off_goes_on_from_the_byte_it_had(web, tmp_path):
    cuts = [sends(DATA, cut=at, etag='"v"') for at in (10_000, 20_000, 30_000, 40_000, 50_000)]
    check_arrival(tmp_path, asking(web.serve("/birds.tgz", *cuts, sends(DATA, etag='"v"'))))
    assert web.ranges() == [None, *(f"bytes={at}-" for at in (10_000, 20_000, 30_000, 40_000, 50_000))]
    assert web.asked[1][1]["If-Range"] == '"v"'
    assert web.asked[1][1]["Accept-Encoding"] == "identity"


def test_a_later_call_goes_on_from_what_an_earlier_one_left(web, tmp_path):
    address = web.serve("/birds.tgz", sends(DATA, cut=40_000), status(500))
    assert "500" in fail(tmp_path, asking(address))
    assert names(tmp_path) == ["birds.tgz.part", "birds.tgz.part.json"]
    web.serve("/birds.tgz", sends(DATA))
    check_arrival(tmp_path, asking(address))
    assert web.ranges()[-1] == "bytes=40000-"


def test_another_mirror_goes_on_only_where_the_result_can_be_proved(web, tmp_path):
    mirrors = web.serve("/a/birds.tgz", sends(DATA, cut=40_000), status(404)), web.serve("/b/birds.tgz", sends(DATA))
    check_arrival(tmp_path, asking(*mirrors))
    assert web.ranges() == [None, "bytes=40000-", "bytes=40000-"]
    (tmp_path / "birds.tgz").unlink()
    web.asked.clear()
    web.serve("/a/birds.tgz", sends(DATA, cut=40_000), status(404))
    check_arrival(tmp_path, asking(*mirrors, sha256="", md5=""))
    assert web.ranges() == [None, "bytes=40000-", None]


def test_a_file_that_changed_between_two_tries_is_begun_again(web, tmp_path):
    old = b"\x1f\x8b" + bytes(len(DATA) - 2)
    answers = [sends(old, etag='"1"', cut=30_000), sends(DATA, etag='"2"')]
    check_arrival(tmp_path, asking(web.serve("/birds.tgz", *answers), sha256="", md5="", size=None))
    assert web.ranges() == [None, "bytes=30000-"]  # answered with 200 and all of the new one


def test_a_server_that_mixes_versions_is_not_trusted(web, tmp_path):
    mixing = status(206, DATA[30_000:], Content_Range=f"bytes 30000-{len(DATA) - 1}/{len(DATA)}", ETag='"2"')
    web.serve("/birds.tgz", sends(DATA, etag='"1"', cut=30_000), mixing, sends(DATA, etag='"2"'))
    check_arrival(tmp_path, asking(web.base + "/birds.tgz", sha256="", md5="", size=None))
    assert web.ranges() == [None, "bytes=30000-", None]


def test_old_bytes_that_were_wrong_cost_one_more_try(web, tmp_path):
    address = web.serve("/birds.tgz", sends(DATA))
    (tmp_path / "birds.tgz.part").write_bytes(b"\x1f\x8b" + bytes(9_998))
    mark = {"address": address, "total": len(DATA), "version": ""}
    (tmp_path / "birds.tgz.part.json").write_text(json.dumps(mark))
    check_arrival(tmp_path, asking(address))
    assert web.ranges() == ["bytes=10000-", None]


@pytest.mark.parametrize("noted", ["", "{}", '{"address": 3}', "[1", '{"address": "", "total": null, "version": ""}'])
def test_a_part_of_nobody_knows_what_is_not_used(web, tmp_path, noted):
    (tmp_path / "birds.tgz.part").write_bytes(b"x" * 100)
    if noted:
        (tmp_path / "birds.tgz.part.json").write_text(noted)
    check_arrival(tmp_path, asking(web.serve("/birds.tgz", sends(DATA))))
    assert web.ranges() == [None]


@pytest.mark.parametrize(
    ("answers", "facts", "said"),
    [
        pytest.param([sends(DATA, length=40_000)], {}, "sends 40,000 bytes where 60,002 are", id="wrong length"),
        pytest.param([sends(DATA[:-5], length=False)], {}, "broke off after 59,997 of 60,002", id="shorter"),
        pytest.param([sends(DATA, cut=500)], {}, "broke off after 500 of 60,002 bytes (3 tries in a row)", id="cut"),
        pytest.param([page("<!DOCTYPE html><title>Sign\n in &amp; go</title>")], {}, "'Sign in & go'", id="page"),
        pytest.param([page(QUOTA)], {}, "quota block", id="page about quota"),
        pytest.param([page(QUOTA, 403)], {}, "403 Forbidden: a quota block", id="403 about quota"),
        pytest.param([sends(b"\n<HTML><body>no", length=False)], {"size": None}, "HTML page", id="page as a file"),
        pytest.param([status(404)], {}, "404 Not Found", id="404"),
        pytest.param([status(403)], {}, "403 Forbidden", id="403"),
        pytest.param([status(500)], {}, "500 Internal Server Error (3 tries in a row)", id="500"),
        pytest.param(
            [status(302, Location="file:///etc/passwd")], {}, "'file:///etc/passwd' is not allowed", id="file:"
        ),
        pytest.param([status(302, Location="ftp://x/y")], {}, "unknown url type: ftp", id="ftp:"),
        pytest.param([status(302, Location="http://[")], {}, "no address", id="nowhere"),
        pytest.param([status(302, Location="/birds.tgz")], {}, "infinite loop", id="circle"),
        pytest.param([sends(DATA)], {"sha256": "0" * 64}, "sha256 is", id="wrong sha256"),
        pytest.param([sends(DATA)], {"md5": "0" * 32}, "md5 is", id="wrong md5"),
        pytest.param([sends(b"PK" + DATA[2:])], {"sha256": "", "md5": ""}, "begins with b'PK", id="wrong kind"),
        pytest.param([sends(DATA, stall=700)], {}, "no byte came in time (3 tries in a row)", id="stall"),
    ],
)
def test_it_does_not_arrive(web, tmp_path, answers, facts, said):
    patience = Patience(3, timeout=0.2 if "in time" in said else 5, pause=0, sleep=lambda seconds: None)
    assert said in fail(tmp_path, asking(web.serve("/birds.tgz", *answers), **facts), patience)


def test_a_redirect_is_followed_with_its_range(web, tmp_path):
    web.serve("/there", sends(DATA, cut=100), sends(DATA))
    check_arrival(tmp_path, asking(web.serve("/birds.tgz", status(302, Location=f"{web.base}/there"))))
    assert web.ranges() == [None, None, "bytes=100-", "bytes=100-"]


def test_a_redirect_from_https_to_http_is_refused():
    request = urllib.request.Request("https://example.invalid/birds.tgz")
    follow = _Redirects().redirect_request
    assert follow(request, None, 302, "Found", {}, "https://example.invalid/b").full_url == "https://example.invalid/b"
    with pytest.raises(RefusedError, match="from https to http://example"):
        follow(request, None, 302, "Found", {}, "http://example.invalid/b")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TimeoutError(), "no byte came in time"),
        (urllib.error.URLError(TimeoutError()), "no byte came in time"),
        (urllib.error.URLError(ConnectionRefusedError(111, "Connection refused")), "Connection refused"),
        (http.client.IncompleteRead(b""), "IncompleteRead"),
        (ConnectionResetError(), "ConnectionResetError"),
    ],
)
def test_a_networks_error_is_told_in_words(error, said):
    assert said in in_words(error)


def test_a_certificate_that_does_not_hold_is_no_reason_to_try_again():
    error = ssl.SSLCertVerificationError(1, "no")
    error.verify_message = "self-signed certificate"
    with pytest.raises(RefusedError, match="self-signed"):
        in_words(urllib.error.URLError(error))


def test_the_next_mirror_is_tried_and_every_failure_told(web, tmp_path):
    first, second = (
        web.serve("/a/birds.tgz", status(404)),
        web.serve("/b/birds.tgz", sends(b"\x1f\x8b" + bytes(60_000))),
    )
    check_arrival(tmp_path, asking(first, second, web.serve("/c/birds.tgz", sends(DATA))))
    (tmp_path / "birds.tgz").unlink()
    said = fail(tmp_path, asking(first, second))
    assert "404" in said
    assert "sha256" in said


def test_pauses_double_and_a_stream_that_grows_is_not_given_up(web, tmp_path):
    slept = []
    patience = Patience(tries=4, pause=1, sleep=slept.append)
    fail(tmp_path, asking(web.serve("/birds.tgz", status(500))), patience)
    assert slept == [1, 2, 4]
    slept.clear()
    growing = [sends(DATA, cut=at) for at in range(1000, 9000, 1000)]
    web.serve("/birds.tgz", *growing, sends(DATA))
    check_arrival(tmp_path, asking(web.base + "/birds.tgz"), patience)
    assert slept == [1] * 8


def test_a_name_that_nobody_knows_is_asked_for_once(tmp_path, monkeypatch):
    asked = []

    def unknown(*arguments, **options):
        asked.append(arguments)
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    patience = Patience(sleep=lambda seconds: pytest.fail("it waited"))
    with pytest.raises(RefusedError, match="is there a network"):
        fetch("http://example.invalid/birds.tgz", tmp_path / "birds.tgz.part", asking(), patience)
    assert len(asked) == 1


def test_a_disk_that_is_too_small_is_told_before_anything_is_written(web, tmp_path, monkeypatch):
    free = namedtuple("Usage", ["free"])(fetching.SPARE + 50_000)
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda folder: free)
    file = asking(web.serve("/birds.tgz", sends(DATA)))
    with pytest.raises(OSError, match=r"birds.tgz needs 60,002 bytes and .* has 50,000 free"):
        fetch_file(file, tmp_path / "birds.tgz", FAST)
    assert len(web.asked) == 1
    assert not (tmp_path / "birds.tgz").exists()


def test_stopping_it_leaves_what_came_and_no_more(web, tmp_path, monkeypatch):
    class Stops:
        def __init__(self, **options):
            self.come = 0

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def update(self, count):
            self.come += count
            if self.come >= 20_000:
                raise KeyboardInterrupt

    file = asking(web.serve("/birds.tgz", sends(DATA, pause=0.01)))
    with monkeypatch.context() as patch:
        patch.setattr(fetching, "tqdm", Stops)
        with pytest.raises(KeyboardInterrupt):
            fetch_file(file, tmp_path / "birds.tgz", FAST)
    assert names(tmp_path) == ["birds.tgz.part", "birds.tgz.part.json"]
    check_arrival(tmp_path, file)
    assert int(web.ranges()[-1].strip("bytes=-")) >= 20_000
