"""Opening an address: http and https and nothing else, and every way in which a server says no, in words."""

from __future__ import annotations

import http.client
import socket
import ssl
import urllib.error
import urllib.request
from urllib.parse import urlsplit

from t2i_utils.data.arrivals import QUOTA, explain_page

ASK_AGAIN = {408, 425, 429, 500, 502, 503, 504}
AGENT = "Mozilla/5.0 (compatible; t2i_utils)"


class RefusedError(OSError):
    """An address will not give the file, however often it is asked.

    Attributes:
        page: what it gave instead, where that was a web page.
    """

    def __init__(self, reason: str, page: bytes = b"") -> None:
        super().__init__(reason)
        self.page = page


class PartGoneError(ConnectionError):
    """The server has no bytes from there on; asked from the first byte on it may have them."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follow http and https, and never from the second to the first."""

    def redirect_request(self, request, response, code, message, headers, address):
        """As of HTTPRedirectHandler, which has refused all but http, https and ftp before."""
        if request.type == "https" and urlsplit(address).scheme != "https":
            raise RefusedError(f"it leads from https to {address}")
        return super().redirect_request(request, response, code, message, headers, address)


def open_address(address: str, headers: dict[str, str], timeout: float) -> http.client.HTTPResponse:
    """Ask for a file.

    Args:
        address: http or https; redirects are followed to such addresses only.
        headers: e.g. Range; that the bytes come as they are is always asked for.
        timeout: seconds, for the connection and for each wait on it.

    Returns:
        A response with status 200 or 206, to be closed by the caller.

    Raises:
        RefusedError: for a status that stays, a redirect elsewhere, or a quota block.
        PartGoneError: for status 416.
        ConnectionError, urllib.error.URLError, TimeoutError: for what another try may cure.
    """
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity", **headers}
    try:
        return _opener().open(urllib.request.Request(address, headers=headers), timeout=timeout)
    except ValueError as error:
        raise RefusedError(f"it leads to what is no address ({error})") from error
    except urllib.error.HTTPError as error:
        with error:
            page = error.read(2**16)
        told = f"the server says {error.code} {error.reason}"
        if QUOTA.search(page.decode("utf-8", errors="replace")):
            raise RefusedError(f"{told}: {explain_page(page)}", page) from error
        if error.code == 416:
            raise PartGoneError(told) from error
        raise (ConnectionError(told) if error.code in ASK_AGAIN else RefusedError(told, page)) from error


def in_words(error: Exception) -> str:
    """A network's error for people.

    Raises:
        RefusedError: for an error that no further try will cure: an unknown name, a certificate that does not hold.
    """
    cause = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(cause, socket.gaierror):
        raise RefusedError(f"its name cannot be found ({cause.strerror}); is there a network?") from error
    if isinstance(cause, ssl.SSLCertVerificationError):
        raise RefusedError(f"its certificate does not hold ({cause.verify_message})") from error
    if isinstance(cause, TimeoutError):
        return "no byte came in time"
    return str(cause) or type(cause).__name__


def _opener() -> urllib.request.OpenerDirector:
    """Opens http and https and nothing else: no file:, ftp: or data:, whatever a server says."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener
