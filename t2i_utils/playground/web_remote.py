"""Painters behind another machine's web endpoint, asked like those of this process: the page and the model apart."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urljoin, urlsplit

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from t2i_utils.playground.render import Shown
from t2i_utils.playground.state import State, as_numbers
from t2i_utils.playground.web_limits import PREFIX

PATIENCE = 120.0  # seconds without a word from the service


class RemoteStudio:
    """Has `names` and `show` as a Studio does; whoever paints is elsewhere.

    Args:
        url: of a page that `python -m t2i_utils web` serves, http://HOST:PORT, without a password.

    Raises:
        ValueError: for an address that is none.
        OSError: when nobody answers there.
    """

    def __init__(self, url: str):
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
            raise ValueError(f"the service is {url!r}; give an address such as http://127.0.0.1:7861")
        self.url = url.rstrip("/")
        (self.names,) = self._ask("painters", [])

    def show(self, state: State) -> Shown:
        """What the service shows for a state: the same pictures, labels and note as a Studio's there.

        Raises:
            ValueError: for what the service refuses, in its words.
            OSError: when it does not answer.
        """
        _, files, labels, columns, note, _ = self._ask("paint", list(as_numbers(state).values()))
        pictures = tuple(_as_tensor(self._read(self._own(file["path"]))) for file in files)
        return Shown(state, pictures, tuple(labels), columns, note)

    def _own(self, path: str) -> str:
        """The address of a file there; what the answer says of other machines is not believed."""
        return f"{self.url}{PREFIX}file={urllib.request.quote(path)}"

    def _ask(self, name: str, data: list[Any]) -> list[Any]:
        """Call one of the service's endpoints and wait for its answer: a post, then a stream of events."""
        place = f"{self.url}{PREFIX}call/{name}"
        told = json.loads(self._read(place, json.dumps({"data": data}).encode()))
        event = ""
        for line in self._read(urljoin(f"{place}/", told["event_id"])).decode().splitlines():
            kind, _, value = line.partition(": ")
            if kind == "event":
                event = value
            elif kind == "data" and event == "complete":
                return json.loads(value)
            elif kind == "data" and event == "error":
                said = json.loads(value)
                why = said.get("error") if isinstance(said, dict) else said
                raise ValueError(why or "the model service could not paint this, and did not say why; see its log")
        raise OSError(f"the model service at {self.url} broke off; try again")

    def _read(self, url: str, body: bytes | None = None) -> bytes:
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"} if body else {})
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return answer.read()
        except urllib.error.HTTPError as error:
            said = _detail(error.read(10_000))
            if error.code == 503:
                raise OSError("very many are painting just now; try again in a minute") from error
            raise OSError(f"the model service at {self.url} refuses ({error.code}): {said}") from error
        except OSError as error:
            raise OSError(
                f"no model service answers at {self.url} ({error}); start one: python -m t2i_utils web --port ..."
            ) from error


def _detail(body: bytes) -> str:
    try:
        return str(json.loads(body)["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        return body[:100].decode(errors="replace")


def _as_tensor(data: bytes) -> Tensor:
    """A PNG file as uint8 [3, size, size]."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
        return torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1).contiguous()
