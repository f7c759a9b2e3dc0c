"""A real Chromium for tests marked `browser`; without it (or playwright) they say so and are left out."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
QUIET = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def pytest_collection_modifyitems(items):
    """Everything in tests/browser needs a browser."""
    try:
        import playwright.sync_api  # noqa: F401
    except ImportError:
        why = "playwright is not installed (pip install playwright; its own browsers are not needed)"
    else:
        why = "" if CHROMIUM else "no Chromium on the PATH (Debian: apt-get install chromium)"
    for item in items:
        if "tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            if why:
                item.add_marker(pytest.mark.skip(reason=why))


@pytest.fixture
def visitor(tmp_path):
    """A page of a browser that nobody used before; `visitor.went` lists every address that it asked for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch_persistent_context(
            tmp_path / "profile", executable_path=CHROMIUM, args=list(QUIET), viewport={"width": 1280, "height": 950}
        )
        page = browser.pages[0] if browser.pages else browser.new_page()
        page.went, page.said = [], []
        page.on("request", lambda request: page.went.append(request.url))
        page.on("dialog", lambda dialog: (page.said.append(dialog.message), dialog.dismiss()))
        yield page
        browser.close()
