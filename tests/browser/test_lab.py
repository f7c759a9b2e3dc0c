"""The playground's widgets in a real JupyterLab page: a person runs the cell, types, presses, and sees the picture."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from t2i_utils.playground.state import State
from t2i_utils.playground.studio import Studio
from torture.prompts import free_port

pytest_plugins = ["browsing"]
pytestmark = pytest.mark.usefixtures("one_thread")  # as the kernel: two threads round otherwise
pytest.importorskip("jupyterlab", reason="pip install jupyterlab")
SHOTS = os.environ.get("T2I_SHOTS")  # a folder for screenshots, to be looked at
START = State("a red flower", count=2)
CELL = f"""from t2i_utils.playground.state import State
from t2i_utils.playground.studio import Studio
from t2i_utils.playground.widgets import playground

playground(Studio(), {START!r})"""
PICTURE = ".jp-OutputArea img.widget-image, .jp-OutputArea .widget-image img"


@pytest.fixture
def lab(tmp_path):
    """JupyterLab on this machine with a notebook of one cell; the notebook's address."""
    cell = {"cell_type": "code", "execution_count": None, "id": "one", "metadata": {}, "outputs": [], "source": CELL}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    work = tmp_path / "work"
    work.mkdir()
    (work / "play.ipynb").write_text(json.dumps(notebook))
    port, home = free_port(), tmp_path / "home"
    home.mkdir()
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1"]
    command += [f"--ServerApp.root_dir={work}", "--IdentityProvider.token=secret", "--ServerApp.port_retries=0"]
    command += ["--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate"]
    here = Path(__file__).resolve().parents[2]
    settings = {"HOME": str(home), "OMP_NUM_THREADS": "1", "JUPYTER_PLATFORM_DIRS": "1", "PYTHONPATH": str(here)}
    with (tmp_path / "lab.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=work, env=os.environ | settings, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/api?token=secret", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                assert process.poll() is None, (tmp_path / "lab.log").read_text()[-2_000:]
                time.sleep(0.3)
        yield f"http://127.0.0.1:{port}/lab/tree/play.ipynb?token=secret&reset"
    finally:
        process.terminate()
        process.wait(30)


def shown(page) -> bytes:
    """The bytes of the picture that the widget shows."""
    return bytes(
        page.evaluate(
            f"""async () => {{
                const picture = document.querySelector('{PICTURE}');
                return [...new Uint8Array(await (await fetch(picture.src)).arrayBuffer())] }}"""
        )
    )


def until(page, expected: bytes, seconds: float = 60) -> bool:
    """Whether the picture becomes the expected one."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if shown(page) == expected:
            return True
        page.wait_for_timeout(200)
    return False


def test_a_caption_typed_into_jupyterlab_is_painted(visitor, lab):
    studio = Studio()
    visitor.goto(lab)
    visitor.wait_for_selector(".jp-Notebook .jp-CodeCell", timeout=90_000)
    visitor.wait_for_selector(".jp-StatusBar-TextItem:has-text('| Idle')", timeout=90_000)  # a kernel takes its time
    visitor.click(".jp-CodeCell .cm-content")
    visitor.keyboard.press("Shift+Enter")
    visitor.wait_for_selector(PICTURE, timeout=120_000)
    assert until(visitor, studio.show(START).png), "the first picture"
    caption = visitor.locator(".widget-text:has-text('caption') input").first
    caption.fill("a blue flower with round petals")
    visitor.click("button.widget-button:has-text('Paint'), button.jupyter-button:has-text('Paint')")
    state = State("a blue flower with round petals", count=2)
    assert until(visitor, studio.show(state).png), "the picture of what was typed"
    assert shown(visitor) != studio.show(START).png
    if SHOTS:
        visitor.screenshot(path=Path(SHOTS) / "lab.png")
    caption.fill("   ")
    visitor.click("button.widget-button:has-text('Paint'), button.jupyter-button:has-text('Paint')")
    visitor.wait_for_selector(".jp-OutputArea b:has-text('is empty')", timeout=60_000)
    assert shown(visitor) == studio.show(state).png, "an error leaves the picture"
    caption.fill("red <script>alert(1)</script><img src=x onerror=alert(2)>")
    visitor.click("button.widget-button:has-text('Paint'), button.jupyter-button:has-text('Paint')")
    visitor.wait_for_selector(".jp-OutputArea :text('ignored:')", timeout=60_000)
    visitor.wait_for_timeout(300)
    assert visitor.said == []
    elsewhere = [address for address in visitor.went if not address.startswith(("http://127.0.0.1", "blob:", "data:"))]
    assert elsewhere == []
