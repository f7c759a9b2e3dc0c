"""The web page of the painters that come with the package, served once a module: `pytest_plugins = ["served_page"]`."""

import pytest

from t2i_utils.playground.studio import Studio
from torture.prompts import free_port


@pytest.fixture(scope="module")
def flowers_studio():
    return Studio()


@pytest.fixture(scope="module")
def url(flowers_studio):
    """Where the page is, until the module's last test."""
    from t2i_utils.playground.webapp import Serving, served  # gradio is an extra

    with served(flowers_studio, Serving(port=free_port())) as url:
        yield url
