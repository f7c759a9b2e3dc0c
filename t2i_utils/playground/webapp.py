"""A playground for everybody with a browser: `python -m t2i_utils web`. Gradio is the optional extra `web`.

Nothing but this machine can reach the page unless a host is named; no share link is made unless it is asked for, and
then only with a password. It needs no network: no fonts, scripts or counters of other machines.
"""

from __future__ import annotations

import importlib.util
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from t2i_utils.playground.studio import Studio
from t2i_utils.playground.web_endpoint import ARGUMENTS
from t2i_utils.playground.web_files import PictureFolder
from t2i_utils.playground.web_limits import LARGEST_UPLOAD, Doors
from t2i_utils.playground.web_page import CSS, make_page
from t2i_utils.playground.web_remote import RemoteStudio

HOST, PORT, WAITING = "127.0.0.1", 7860, 100
LEAST_LETTERS = 8  # of a password


@dataclass(frozen=True)
class Serving:
    """How the page is reached.

    Attributes:
        host: whose addresses may reach it; 127.0.0.1 for this machine alone, 0.0.0.0 for everybody on its networks.
        port: of the machine.
        waiting: people in the queue; who comes then is told to come back.
        share: make a public link by gradio's server; only with a password.
        login: name and password, if one is asked for.

    Raises:
        ValueError: for a share link without a password, and numbers out of range.
    """

    host: str = HOST
    port: int = PORT
    waiting: int = WAITING
    share: bool = False
    login: tuple[str, str] | None = None

    def __post_init__(self):
        if self.share and self.login is None:
            raise ValueError("a share link lets everybody in who has it; ask for a password with --auth USER:FILE")
        if not 0 < self.port < 65536:
            raise ValueError(f"port is {self.port}; use a number from 1 to 65535")
        if self.waiting < 1:
            raise ValueError(f"the queue is {self.waiting} long; at least 1 must be able to wait")


def read_login(told: str) -> tuple[str, str]:
    """Name and password from USER:FILE; passwords on a command line would be seen by everybody on the machine.

    Raises:
        ValueError: for another form, a file that others may read, or a password that is too short.
        OSError: for a file that cannot be read.
    """
    user, _, name = told.partition(":")
    if not user or not name:
        raise ValueError("--auth is a name and a file that holds the password, USER:FILE, never the password itself")
    path = Path(name).expanduser()
    if not path.is_file():
        raise ValueError(f"{name} is no file; --auth names a file that holds the password: USER:FILE")
    if os.name == "posix" and path.stat().st_mode & stat.S_IROTH and not str(path).startswith("/run/secrets/"):
        raise ValueError(f"everybody on this machine can read {path}; chmod 600 {path}")
    password = path.read_text(encoding="utf-8").strip("\r\n")
    if len(password) < LEAST_LETTERS:
        raise ValueError(f"the password in {path} has {len(password)} characters; use at least {LEAST_LETTERS}")
    return user, password


@contextmanager
def served(studio: Studio | RemoteStudio, serving: Serving) -> Iterator[str]:
    """The page, for as long as the context lasts; its address.

    Raises:
        ValueError: where gradio is not installed.
        OSError: for a port that is taken.
    """
    need_gradio()
    with tempfile.TemporaryDirectory(prefix="t2i_web.") as name, _gradio_in(Path(name).resolve()) as place:
        import gradio as gr

        page = make_page(studio, PictureFolder(place))
        page.queue(max_size=serving.waiting, default_concurrency_limit=1, api_open=False)
        theme = gr.themes.Soft(
            primary_hue="rose",
            neutral_hue="stone",
            font=["system-ui", "sans-serif"],
            font_mono=["ui-monospace", "monospace"],
        )
        try:
            _, url, shared = page.launch(
                server_name=serving.host,
                server_port=serving.port,
                share=serving.share,
                auth=serving.login,
                prevent_thread_lock=True,
                quiet=True,
                ssr_mode=False,
                run_history=False,
                enable_monitoring=False,
                mcp_server=False,
                pwa=False,
                max_file_size=LARGEST_UPLOAD,
                state_session_capacity=200,
                allowed_paths=[],
                footer_links=["api"],
                app_kwargs={"middleware": [(Doors, (), {"folder": place, "takes": ARGUMENTS})]},
                theme=theme,
                css=CSS,
            )
            yield shared or url
        finally:
            page.close(verbose=False)


def need_gradio() -> None:
    """Raise a ValueError with the way out where gradio is missing."""
    if importlib.util.find_spec("gradio") is None:
        raise ValueError("the web page needs gradio; pip install 't2i-utils[web]' (or pip install 'gradio>=6.24')")


@contextmanager
def _gradio_in(place: Path) -> Iterator[Path]:
    """Gradio reads from the environment where its files lie and whether it calls home, while it runs, too."""
    told = {
        "GRADIO_TEMP_DIR": str(place),
        "GRADIO_EXAMPLES_CACHE": str(place / "examples"),
        "GRADIO_ANALYTICS_ENABLED": "False",
        "GRADIO_SHARE": "False",
        "GRADIO_ANALYTICS_MAX_EVENTS": "100",  # of a table of who waited how long ...
        "GRADIO_ANALYTICS_CACHE_FREQUENCY": "1000000",  # ... that nobody looks at; it costs time with every picture
    }
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield place
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
