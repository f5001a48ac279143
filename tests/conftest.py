"""What all tests share: how they are dealt out to the workers, and one browser in each of them."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

# The same list as in the Makefile.
PROGRAMS = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Keep a file's tests in one worker, one after the other, unless they say otherwise."""
    for item in items:
        if not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(item.nodeid.split("::")[0]))


@pytest.fixture(scope="session")
def browser():
    """An installed Chromium; the tests fail without one."""
    program = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not program:
        pytest.fail(
            "no Chromium found: install it (`sudo apt-get install chromium`, on macOS "
            "`brew install --cask chromium`), or name a Chrome's path in CHROMIUM",
            pytrace=False,
        )
    root = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no other way
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=[*root, *QUIET])
        yield chromium
        chromium.close()
