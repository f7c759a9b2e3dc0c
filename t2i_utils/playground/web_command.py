"""`python -m t2i_utils web`: the playground as a page for a browser, with an endpoint for programs."""

from __future__ import annotations

import argparse
import signal
import threading

from t2i_utils.colab import choose_device
from t2i_utils.playground.studio import Studio, published_names
from t2i_utils.playground.web_remote import RemoteStudio
from t2i_utils.playground.webapp import HOST, PORT, WAITING, Serving, need_gradio, read_login, served


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `web`."""
    parser.add_argument("--host", default=HOST, help=f"who can reach it (default {HOST}: this machine alone)")
    parser.add_argument("--port", type=int, default=PORT, help=f"(default {PORT})")
    painters = parser.add_mutually_exclusive_group()
    painters.add_argument(
        "--painters",
        nargs="+",
        metavar="DIR_OR_NAME",
        help=f"who paints (default: those of the package, {', '.join(published_names())}); runs' folders, too",
    )
    painters.add_argument(
        "--service", metavar="URL", help="let the `web` at this address paint; this process opens no painter"
    )
    parser.add_argument("--share", action="store_true", help="make a public link by gradio's server; needs --auth")
    parser.add_argument(
        "--auth", metavar="USER:FILE", help="ask for a name and a password; the file holds the password"
    )
    parser.add_argument(
        "--queue", type=int, default=WAITING, metavar="N", help=f"people who may wait at a time (default {WAITING})"
    )


def run(options: argparse.Namespace) -> None:
    """Serve the page until Ctrl-C or SIGTERM. What cannot be is refused before anything is opened."""
    login = None if options.auth is None else read_login(options.auth)
    serving = Serving(options.host, options.port, options.queue, options.share, login)
    need_gradio()
    if options.service is not None:
        studio = RemoteStudio(options.service)
    else:
        studio = Studio(options.painters, choose_device())
        studio.painter(studio.names[0])  # the first picture should not wait for it
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what lies on the disk is taken away
    with served(studio, serving) as url:
        print(f"{url} - {', '.join(studio.names)}; Ctrl-C ends it", flush=True)
        if serving.host != HOST and login is None:
            print("everybody who reaches this machine may use it; --auth USER:FILE asks for a password", flush=True)
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("closed")
