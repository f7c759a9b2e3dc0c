"""The web page in a real browser: what a person types is painted, and the browser shows the endpoint's own bytes."""

import json
import os
import threading
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from t2i_utils.playground.examples import EXAMPLES
from t2i_utils.playground.settings import from_png, to_png
from t2i_utils.playground.state import State, as_numbers
from t2i_utils.playground.studio import published_names
from t2i_utils.playground.web_files import single_pictures
from t2i_utils.published import USUAL
from torture.prompts import fetch, last_event

pytest_plugins = ["browsing", "served_page"]
pytest.importorskip("gradio", reason="the optional extra `web`: pip install 'gradio>=6.24'")
SHOTS = os.environ.get("T2I_SHOTS")  # a folder for screenshots, to be looked at
PAINTED = "#pictures img"


def shown(page) -> list[bytes]:
    """The bytes of all pictures that the page shows, fetched by the page itself."""
    fetched = page.evaluate(
        f"""async () => Promise.all([...document.querySelectorAll('{PAINTED}')].map(async (picture) =>
            [...new Uint8Array(await (await fetch(picture.src)).arrayBuffer())]))"""
    )
    return [bytes(picture) for picture in fetched]


def sources(page) -> list[str]:
    return page.eval_on_selector_all(PAINTED, "pictures => pictures.map((picture) => picture.src)")


def press(page, button="#paint") -> None:
    """Press a button and wait until other pictures than before are shown."""
    before = sources(page)
    page.click(button)
    page.wait_for_function(
        f"""before => {{
            const now = [...document.querySelectorAll('{PAINTED}')];
            return now.length && now[0].src !== before[0] && now.every((picture) => picture.complete)
                && !document.querySelector('#paint').disabled }}""",
        arg=before,
        timeout=60_000,
    )


def open_page(page, url) -> None:
    page.goto(url)
    page.wait_for_selector(PAINTED, timeout=60_000)  # it paints its first caption by itself
    page.wait_for_function("!document.querySelector('#paint').disabled", timeout=60_000)


def endpoint(url: str, state: State) -> list[bytes]:
    """The bytes of the single pictures that the endpoint gives to a program."""
    call = f"{url}gradio_api/call/paint"
    _, made = fetch(call, json.dumps({"data": list(as_numbers(state).values())}).encode())
    kind, said = last_event(fetch(f"{call}/{json.loads(made)['event_id']}")[1])
    assert kind == "complete"
    return [fetch(picture["url"])[1] for picture in said[1]]


def test_a_typed_caption_is_painted_with_the_bytes_of_the_endpoint(visitor, url, flowers_studio):
    open_page(visitor, url)
    visitor.fill("#caption input, #caption textarea", "a blue flower with pointed petals in front of soil")
    press(visitor)
    state = State("a blue flower with pointed petals in front of soil", painter=USUAL)
    found = shown(visitor)
    assert len(found) == 8
    assert found == endpoint(url, state)
    assert found == single_pictures(flowers_studio.show(state))
    if SHOTS:
        visitor.screenshot(path=Path(SHOTS) / "web.png", full_page=True)
    with visitor.expect_download() as download:
        visitor.click("#save")
    assert from_png(Path(download.value.path()).read_bytes()) == state
    visitor.fill("#seed input", "77")
    press(visitor)
    assert shown(visitor) == endpoint(url, State(state.caption, seed=77, painter=USUAL))
    elsewhere = {urlsplit(address).hostname for address in visitor.went if not address.startswith(("data:", "blob:"))}
    assert elsewhere == {"127.0.0.1"}


def test_an_error_is_told_in_the_page_and_the_pictures_stay(visitor, url):
    open_page(visitor, url)
    before = sources(visitor)
    visitor.fill("#caption input, #caption textarea", "   ")
    visitor.click("#paint")
    visitor.wait_for_selector("#message")
    said = visitor.input_value("#message input, #message textarea")
    assert said.startswith("Not painted: caption 0 ('   ') is empty; describe what to paint")
    assert sources(visitor) == before
    assert not visitor.is_disabled("#paint")


def test_what_is_typed_is_shown_as_text_and_never_run(visitor, url):
    typed = "red <script>alert(1)</script> <img/src=x/onerror=alert(2)>"
    open_page(visitor, url)
    visitor.fill("#caption input, #caption textarea", typed)
    press(visitor)
    said = visitor.input_value("#message input, #message textarea")
    assert said.startswith("ignored: 'script', 'alert'")
    visitor.click("text=More")
    visitor.click("text=what the words do")  # the words become the pictures' labels
    visitor.wait_for_function(
        "document.querySelector('#pictures').textContent.includes('<script>alert(1)</script>')", timeout=60_000
    )
    assert "<img/src=x/onerror=alert(2)>" in visitor.text_content("#pictures")
    visitor.fill("#caption input, #caption textarea", "")
    visitor.fill("#seed input", "-1")
    visitor.click("#paint")
    visitor.wait_for_function("document.querySelector('#message textarea').value.startsWith('Not painted: seed is -1')")
    assert visitor.said == []
    assert visitor.evaluate("document.querySelectorAll('img[src=x], #pictures script').length") == 0


def test_settings_come_back_from_a_saved_picture(visitor, url, flowers_studio, tmp_path):
    state = State("a white flower", "a red flower", 30, 5, 3, 0.5, painter=USUAL)
    saved = tmp_path / "saved.png"
    saved.write_bytes(flowers_studio.show(state).png)
    open_page(visitor, url)
    visitor.click("text=More")
    before = sources(visitor)
    visitor.set_input_files("#load input[type=file], input#load, input[type=file]", saved)
    visitor.wait_for_function(
        f"before => document.querySelectorAll('{PAINTED}').length == 3 && !document.querySelector('#paint').disabled",
        arg=before,
        timeout=60_000,
    )
    assert shown(visitor) == single_pictures(flowers_studio.show(state))
    assert visitor.input_value("#caption input, #caption textarea") == "a white flower"
    strange = tmp_path / "strange.png"
    strange.write_bytes(to_png(flowers_studio.show(state).picture, State("x", painter="<b>somebody</b>")))
    visitor.set_input_files("#load input[type=file], input#load, input[type=file]", strange)
    visitor.wait_for_selector("#message")
    before = sources(visitor)
    visitor.wait_for_timeout(2000)  # nothing is painted after it, which would take the words away again
    said = visitor.input_value("#message input, #message textarea", timeout=1000)
    assert sources(visitor) == before
    assert said == "Not loaded: '<b>somebody</b>' painted it, who is not here; here are " + ", ".join(published_names())


def test_an_example_and_a_surprise_are_painted(visitor, url):
    open_page(visitor, url)
    press(visitor, "#examples >> text=a pink flower with twelve petals")
    assert visitor.input_value("#caption input, #caption textarea") == "a pink flower with twelve petals"
    first = shown(visitor)
    assert first == endpoint(url, State("a pink flower with twelve petals", painter=USUAL))
    press(visitor, "#surprise")
    caption = visitor.input_value("#caption input, #caption textarea")
    assert caption != "a pink flower with twelve petals"
    seed = int(visitor.input_value("#seed input"))
    assert shown(visitor) == endpoint(url, State(caption, seed=seed, painter=USUAL))


def test_radio_buttons_choose_a_painter_and_another_to_compare(visitor, url, flowers_studio):
    first, second = published_names()[:2]
    open_page(visitor, url)
    press(visitor, f"#painter label:has(input[value='{second}'])")
    press(visitor, f"#other label:has(input[value='{first}'])")
    state = State(EXAMPLES[0], painter=second, other=first)
    found = shown(visitor)
    assert len(found) == 16
    assert found == endpoint(url, state)
    assert found == single_pictures(flowers_studio.show(state))
    if SHOTS:
        visitor.screenshot(path=Path(SHOTS) / "compared.png", full_page=True)


def test_the_button_cannot_be_pressed_while_it_paints(visitor, url, flowers_studio, monkeypatch):
    open_page(visitor, url)
    asked, show = [], type(flowers_studio).show

    def slow(self, state):
        asked.append(state)
        visitor_may_look.wait(20)
        return show(self, state)

    visitor_may_look = threading.Event()
    monkeypatch.setattr(type(flowers_studio), "show", slow)
    visitor.click("#paint")
    visitor.wait_for_function("document.querySelector('#paint').disabled", timeout=20_000)
    visitor.evaluate("for (let i = 0; i < 5; i++) document.querySelector('#paint').click()")
    visitor_may_look.set()
    visitor.wait_for_function("!document.querySelector('#paint').disabled", timeout=20_000)
    visitor.wait_for_timeout(500)
    assert len(asked) == 1


def test_the_address_serves_no_other_machines_page(url):
    with urllib.request.urlopen(url) as answer:
        assert "frame-src" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
