"""The web page and its endpoint, served in this process and asked as strangers ask."""

import contextlib
import dataclasses
import io
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from t2i_utils.playground import webapp
from t2i_utils.playground.render import render
from t2i_utils.playground.settings import from_png
from t2i_utils.playground.state import State, as_numbers
from t2i_utils.playground.studio import published_names
from t2i_utils.playground.web_files import PictureFolder, single_pictures
from t2i_utils.playground.web_limits import LARGEST_BODY, LARGEST_UPLOAD, UPLOAD
from t2i_utils.playground.web_remote import RemoteStudio
from t2i_utils.playground.webapp import Serving, read_login, served
from t2i_utils.published import USUAL
from torture.prompts import free_port

pytest.importorskip("gradio", reason="the optional extra `web`: pip install 'gradio>=6.24'")
pytest_plugins = ["two_colours", "served_page"]


def fetch(url: str, body: bytes | None = None, **headers: str) -> tuple[int, bytes]:
    """As curl would: status and bytes."""
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=60) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def post(url: str, told, path: str = "call/paint") -> tuple[int, dict]:
    status, body = fetch(f"{url}gradio_api/{path}", json.dumps(told).encode(), Content_Type="application/json")
    return status, json.loads(body)


def answer(url: str, event: str) -> tuple[str, object]:
    """The kind of the last event and what it says."""
    _, body = fetch(f"{url}gradio_api/call/paint/{event}")
    lines = body.decode().split("\n")
    return lines[-4].removeprefix("event: "), json.loads(lines[-3].removeprefix("data: "))


def paint(url: str, state: State) -> tuple[str, object]:
    return answer(url, post(url, {"data": list(as_numbers(state).values())})[1]["event_id"])


class TwoColours:
    """A studio whose painters are quick, or as slow as somebody wants."""

    def __init__(self, painter, names=("first", "second")):
        self.names, self.one, self.order, self.go_on = list(names), painter, [], threading.Event()
        self.go_on.set()

    def show(self, state):
        self.order.append(state.seed)
        self.go_on.wait(20)
        if state.painter not in self.names:
            raise ValueError(f"painter is {state.painter!r}; here are {', '.join(self.names)}")
        return render(state, self.one, self.one if state.other else None)


def test_a_program_gets_the_very_bytes_that_the_studio_shows(url, flowers_studio):
    from gradio_client import Client

    state = State("a blue flower", "a red flower", 40, 7, 3, painter=USUAL)
    shown = flowers_studio.show(state)
    client = Client(url, verbose=False, analytics_enabled=False)
    sheet, pictures, labels, columns, note, settings = client.predict(
        "a blue flower", second="a red flower", mix=40, seed=7, count=3, api_name="/paint"
    )
    assert Path(sheet).read_bytes() == shown.png
    assert [Path(picture).read_bytes() for picture in pictures] == single_pictures(shown)
    assert (tuple(labels), columns, note) == (shown.labels, shown.columns, shown.note)
    assert from_png(Path(sheet).read_bytes()) == state
    assert settings == as_numbers(state)
    assert client.predict(api_name="/painters") == published_names()


@pytest.mark.parametrize("path", ["call/paint", "call/v2/paint"])
def test_curl_gets_them_too(url, flowers_studio, path):
    state = State("a white flower zebra", seed=5, count=2, truncation=0.5)
    told = {"caption": state.caption, "seed": 5, "count": 2, "truncation": 0.5}
    _, made = post(url, told if "v2" in path else {"data": list(as_numbers(state).values())}, path)
    kind, (sheet, pictures, _, _, note, settings) = answer(url, made["event_id"])
    assert (kind, note, settings) == ("complete", "ignored: 'zebra'", as_numbers(state))
    shown = flowers_studio.show(state)
    assert fetch(sheet["url"])[1] == shown.png
    assert [fetch(picture["url"])[1] for picture in pictures] == single_pictures(shown)


def test_a_picture_by_itself_is_the_painters_pixels(flowers_studio):
    shown = flowers_studio.show(State("a red flower", count=2))
    for data, picture in zip(single_pictures(shown), shown.pictures, strict=True):
        with Image.open(io.BytesIO(data)) as image:
            assert list(image.tobytes()) == picture.permute(1, 2, 0).flatten().tolist()


REFUSED = [
    ({"caption": " "}, "empty"),
    ({"caption": "x" * 501}, "caption has 501 characters; use at most 500"),
    ({"second": "y" * 20_000}, "second has 20,000 characters"),
    ({"count": 17}, "count is 17; use a whole number from 1 to 16"),
    ({"count": 10**400}, "count is an enormous number"),
    ({"tries": 100}, "tries is 100"),
    ({"seed": -1}, "seed is -1"),
    ({"caption": None}, "caption is None, a NoneType; use text"),
    ({"caption": ["red"]}, "caption is ['red'], a list; use text"),
    ({"mix": float("nan")}, "mix is nan"),
    ({"truncation": float("nan")}, "truncation is nan; use a number from 0.05 to 10"),
    ({"painter": "/etc/passwd"}, "painter is '/etc/passwd'; here are flowers"),
    ({"painter": "../../../etc"}, "painter is '../../../etc'; here are flowers"),
    ({"other": "nobody"}, "painter is 'nobody'; here are flowers"),
    ({"view": "<script>"}, "view is '<script>'; use one of"),
]


@pytest.mark.parametrize(("change", "message"), REFUSED, ids=[message[:30] for _, message in REFUSED])
def test_what_cannot_be_is_refused_in_words(url, change, message, capfd):
    told = as_numbers(State("a red flower", painter=USUAL)) | change
    kind, said = answer(url, post(url, {"data": list(told.values())})[1]["event_id"])
    assert kind == "error"
    assert message in said["error"]
    assert "Traceback" not in json.dumps(said) + capfd.readouterr().err


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        ("call/paint", b'{"data": ["red"]}', 422, "data holds 1 values; /paint takes a list of 10: caption, second"),
        ("call/paint", b'{"data": null}', 422, "data holds no list"),
        ("call/paint", b"[1]", 422, "no JSON object"),
        ("call/paint", b"{nonsense", 422, "no JSON"),
        ("call/paint", b"[" * 60_000, 422, "no JSON"),
        ("call/paint", b'{"data": ["' + b"x" * 1_000_000 + b'"]}', 413, f"more than {LARGEST_BODY:,} bytes"),
        ("call/v2/paint", b'{"caption": "red", "zzz": 1}', 422, "/paint takes caption, second"),
        ("call/v2/paint", b'{"seed": 1}', 422, "the first must be given"),
        ("call/v2/painters", b'{"seed": 1}', 422, "/painters takes nothing"),
        ("call/v2/nobody", b"{}", 404, "nothing is here"),
        ("run/paint", b'{"data": []}', 404, "nothing is here"),
        ("upload", b"x" * (LARGEST_UPLOAD + 1), 413, f"more than {LARGEST_UPLOAD:,} bytes"),
    ],
)
def test_requests_that_cannot_be_are_refused_at_the_door(url, path, body, status, message, capfd):
    found, said = fetch(f"{url}gradio_api/{path}", body, Content_Type="application/json")
    assert found == status
    assert message in json.loads(said)["detail"]
    assert "Traceback" not in capfd.readouterr().err


def test_who_still_sends_too_much_learns_why(url):
    """A connection that is closed while a client sends shows it a broken pipe, and no answer."""
    host = urllib.parse.urlsplit(url)
    head = f"POST /gradio_api/call/paint HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Length: 300000\r\n\r\n"
    with socket.create_connection((host.hostname, host.port), timeout=10) as client:
        client.sendall(head.encode() + b"x" * 100_000)
        for _ in range(4):
            time.sleep(0.1)  # long enough for a refusal that does not wait
            client.sendall(b"x" * 50_000)
        assert client.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_request_without_end_is_not_received_to_its_end(url):
    host = urllib.parse.urlsplit(url)
    head = f"POST /gradio_api/call/paint HTTP/1.1\r\nHost: {host.netloc}\r\nContent-Length: 1000000000\r\n\r\n"
    with socket.create_connection((host.hostname, host.port), timeout=10) as client:
        client.sendall(head.encode())
        sent = 0
        with contextlib.suppress(ConnectionError):
            while sent < 100_000_000:
                sent += client.send(b"x" * 100_000)
        assert sent < 50_000_000


def test_files_of_the_machine_cannot_be_read(url, flowers_studio):
    kind, (sheet, *_) = paint(url, State("a red flower", count=1, painter=USUAL))
    assert kind == "complete"
    folder = Path(sheet["path"]).parent
    here = Path(__file__).resolve()
    asked = ["/etc/passwd", str(here), str(here.parents[2] / "pyproject.toml"), "pyproject.toml", str(folder), "../x"]
    asked += [
        f"{folder}/../../etc/passwd",
        f"{folder}/..%2f..%2fetc/passwd",
        f"{folder}//etc/passwd",
        "/proc/self/environ",
    ]
    asked += ["http://127.0.0.1/", "https://example.com/", f"{folder}x/y", f"{folder}/"]
    for path in asked:
        for route in (
            "gradio_api/file=",
            "gradio_api/file/",
            "file=",
            "gradio_api/proxy=",
            "static/",
            "assets/",
            "svelte/",
        ):
            for written in (path, urllib.parse.quote(path, safe="")):
                status, body = fetch(f"{url}{route}{written}")
                assert status in (400, 403, 404, 405), (route, written)
                assert b"root:" not in body
                assert b"setuptools" not in body


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "http://127.0.0.1:1/x.png", "HTTPS://example.com/x.png", "\0", "{folder}/../x", "{folder}x"]
)
@pytest.mark.parametrize("route", ["call/paint", "queue/join"])
def test_no_file_is_opened_or_fetched_that_a_request_names(url, path, route):
    _, (sheet, *_) = paint(url, State("a red flower", count=1, painter=USUAL))
    file = {"path": path.format(folder=Path(sheet["path"]).parent), "meta": {"_type": "gradio.FileData"}}
    told = {"data": [[{"x": file}], *list(as_numbers(State("red")).values())[1:]], "fn_index": 0, "session_hash": "x"}
    assert post(url, told, route) == (422, {"detail": "the request names a file that was not uploaded here"})


def test_only_the_two_endpoints_have_names(url):
    told = json.loads(fetch(f"{url}gradio_api/info")[1])
    assert set(told["named_endpoints"]) == {"/paint", "/painters"}
    assert not told["unnamed_endpoints"]
    parameters = told["named_endpoints"]["/paint"]["parameters"]
    assert [parameter["parameter_name"] for parameter in parameters] == [f.name for f in dataclasses.fields(State)]
    assert {parameter["parameter_name"] for parameter in parameters if not parameter["parameter_has_default"]} == {
        "caption"
    }


def test_the_page_names_no_other_machine_to_load_from(url):
    with urllib.request.urlopen(url) as answer:
        page, policy = answer.read().decode(), answer.headers["content-security-policy"]
    assert not re.findall(r"(?:src|srcset)=[\"']?https?:|<link[^>]*href=[\"']?https?:|url\(['\"]?https?:", page)
    assert not re.findall(r"@import|url\(['\"]?(?:https?:)?//", fetch(f"{url}theme.css")[1].decode())
    assert policy.startswith("default-src 'self'")
    assert '"analytics_enabled":false' in page.replace(" ", "")


def test_twenty_at_once_are_served_in_order_each_with_their_own(painter):
    studio = TwoColours(painter)
    with served(studio, Serving(port=free_port(), waiting=40)) as url:
        studio.go_on.clear()
        states = [State("red flower", count=2, seed=seed, painter="first") for seed in range(20)]
        events = [post(url, {"data": list(as_numbers(state).values())})[1]["event_id"] for state in states]
        studio.go_on.set()
        with ThreadPoolExecutor(20) as crowd:
            answers = list(crowd.map(lambda event: answer(url, event), events))
        assert studio.order == list(range(20))
        for state, (kind, (sheet, *_)) in zip(states, answers, strict=True):
            assert kind == "complete"
            assert fetch(sheet["url"])[1] == render(state, painter).png


def test_a_full_queue_says_so_and_serves_who_waits(painter):
    studio = TwoColours(painter)
    with served(studio, Serving(port=free_port(), waiting=2)) as url:
        studio.go_on.clear()
        data = {"data": list(as_numbers(State("red", count=1, painter="first")).values())}
        found, deadline = [post(url, data)], time.monotonic() + 20
        while not studio.order and time.monotonic() < deadline:
            time.sleep(0.01)
        found += [post(url, data) for _ in range(5)]
        assert [status for status, _ in found] == [200, 200, 200, 503, 503, 503]
        assert "Queue is full" in found[-1][1]["detail"]
        studio.go_on.set()
        assert [answer(url, said["event_id"])[0] for _, said in found[:3]] == ["complete"] * 3


def test_a_page_whose_painters_are_elsewhere_shows_the_same(painter):
    studio = TwoColours(painter)
    with served(studio, Serving(port=free_port())) as url:
        remote = RemoteStudio(url)
        assert remote.names == ["first", "second"]
        state = State("red zebra", "blue", 30, count=5, painter="first", other="second")
        there, here = studio.show(state), remote.show(state)
        assert (here.png, here.labels, here.columns, here.note) == (there.png, there.labels, there.columns, there.note)
        with pytest.raises(ValueError, match="a caption is empty"):
            remote.show(State(" ", painter="first"))
        with served(remote, Serving(port=free_port())) as page:
            kind, (sheet, *_) = paint(page, state)
            assert (kind, fetch(sheet["url"])[1]) == ("complete", there.png)


def test_a_service_that_is_not_there_is_named():
    with pytest.raises(OSError, match=r"no model service answers at http://127\.0\.0\.1"):
        RemoteStudio(f"http://127.0.0.1:{free_port()}")
    with pytest.raises(ValueError, match="give an address such as"):
        RemoteStudio("file:///etc/passwd")


def test_with_a_password_nobody_gets_anything_without_it(painter, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("correct horse\n")
    secret.chmod(0o600)
    login = read_login(f"anna:{secret}")
    assert login == ("anna", "correct horse")
    with served(TwoColours(painter), Serving(port=free_port(), login=login)) as url:
        data = {"data": list(as_numbers(State("red", painter="first")).values())}
        assert post(url, data)[0] == 401
        assert fetch(f"{url}config")[0] == 401
        assert fetch(f"{url}login", b"username=anna&password=wrong+horse", Content_Type=FORM)[0] == 400
        request = urllib.request.Request(f"{url}login", b"username=anna&password=correct+horse", {"Content-Type": FORM})
        with urllib.request.urlopen(request) as answered:
            cookies = "; ".join(value.partition(";")[0] for value in answered.headers.get_all("set-cookie"))
        assert fetch(f"{url}config", Cookie=cookies)[0] == 200


FORM = "application/x-www-form-urlencoded"


def test_a_share_link_needs_a_password():
    with pytest.raises(ValueError, match="ask for a password with --auth USER:FILE"):
        Serving(share=True)
    assert Serving(share=True, login=("anna", "correct horse")).share


def test_a_password_on_the_command_line_or_for_everybody_is_refused(tmp_path):
    with pytest.raises(ValueError, match="never the password itself"):
        read_login("anna")
    with pytest.raises(ValueError, match="is no file"):
        read_login("anna:correct horse")
    secret = tmp_path / "secret"
    secret.write_text("correct horse")
    secret.chmod(0o644)
    with pytest.raises(ValueError, match="everybody on this machine can read"):
        read_login(f"anna:{secret}")
    secret.chmod(0o600)
    secret.write_text("short")
    with pytest.raises(ValueError, match="has 5 characters; use at least 8"):
        read_login(f"anna:{secret}")


def test_pictures_do_not_fill_the_disk(painter, tmp_path, monkeypatch):
    folder = PictureFolder(tmp_path, largest=5_000)
    shown = render(State("red", count=2), painter)
    sheet, pictures = folder.save(shown)
    assert (sheet.read_bytes(), len(pictures)) == (shown.png, 2)
    folder.remembered = [{str(sheet), "another"}]
    with pytest.raises(OSError, match="too many pictures were painted in the last minutes"):
        all(folder.save(shown) for _ in range(100))
    later = time.time() + 24 * 3600
    monkeypatch.setattr("t2i_utils.playground.web_files.time.time", lambda: later)
    (tmp_path / "upload").mkdir()
    (tmp_path / "upload" / "x.png").write_bytes(b"x")
    folder.sweep()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert folder.remembered == [{"another"}]
    folder.save(shown)


def test_a_page_forgets_the_names_of_files_that_are_gone(painter, monkeypatch):
    made, make = [], webapp.make_page

    def keep(studio, folder):
        made.append((make(studio, folder), folder))
        return made[0][0]

    monkeypatch.setattr(webapp, "make_page", keep)
    with served(TwoColours(painter), Serving(port=free_port())) as url:
        (page, folder), (_, (sheet, *_)) = made[0], paint(url, State("red", painter="first"))
        assert sheet["path"] in set().union(*page.temp_file_sets)
        later = time.time() + 24 * 3600
        monkeypatch.setattr("t2i_utils.playground.web_files.time.time", lambda: later)
        folder.sweep()
        assert sheet["path"] not in set().union(*page.temp_file_sets)
        assert fetch(sheet["url"])[0] in (403, 404)
        assert paint(url, State("red", painter="first"))[0] == "complete"


def test_nothing_stays_behind_when_the_page_closes(painter):
    with served(TwoColours(painter), Serving(port=free_port())) as url:
        folder = Path(paint(url, State("red", painter="first"))[1][0]["path"]).parent
        assert folder.is_dir()
    assert not folder.exists()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(url)


def test_the_command_serves_until_it_is_asked_to_end_and_leaves_nothing(tmp_path):
    port = free_port()
    code = (
        "import argparse, sys; from t2i_utils.playground import web_command as command; p = argparse.ArgumentParser(); "
    )
    code += "command.add_arguments(p); command.run(p.parse_args(sys.argv[1:]))"
    arguments = [sys.executable, "-c", code, "--port", str(port), "--painters", "flowers"]
    environment = os.environ | {"TMPDIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as process:
        said = process.stdout.readline()
        assert said == f"http://127.0.0.1:{port}/ - flowers; Ctrl-C ends it\n"
        assert len(list(tmp_path.glob("t2i_web.*"))) == 1
        assert fetch(f"http://127.0.0.1:{port}/")[0] == 200
        process.terminate()
        assert process.wait(30) == 0
    assert not list(tmp_path.glob("t2i_web.*"))


def test_a_missing_gradio_is_named_with_the_way_out(painter, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"pip install 't2i-utils\[web\]'"), served(TwoColours(painter), Serving()):
        pass


def test_an_upload_of_a_pictures_size_is_taken(url, flowers_studio):
    head = b'--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    picture = flowers_studio.show(State("a flower")).png
    body = head + picture + b"\r\n--b--\r\n"
    status, said = fetch(f"{url.rstrip('/')}{UPLOAD}", body, Content_Type="multipart/form-data; boundary=b")
    assert status == 200
    assert Path(json.loads(said)[0]).read_bytes() == picture
