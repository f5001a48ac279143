"""The built site on localhost, and how to visit it."""

import gzip
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

SITE = Path(__file__).parents[2] / "_build" / "html"


class Handler(SimpleHTTPRequestHandler):
    """Serves files silently."""

    def log_message(self, *args):
        pass


@pytest.fixture(scope="session")
def pages():
    """The addresses of all pages, relative to the site."""
    if not (SITE / "index.html").exists():
        pytest.fail(f"{SITE} holds no site: run `make book`", pytrace=False)
    return sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html"))


@pytest.fixture(scope="session")
def site(pages):
    """The address of the built site, served on a free port of this machine."""
    server = ThreadingHTTPServer(("localhost", 0), partial(Handler, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.fixture
def visit(browser, site):
    """Open pages in a fresh browser profile; fail on any error or request to another host."""
    contexts, trouble = [], []

    def visit(address, **options):
        if not contexts:
            contexts.append(
                browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
            )
            contexts[0].on("request", lambda request: foreign(request.url))
        page = contexts[0].new_page()
        page.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on(
            "response",
            lambda r: trouble.append(f"{r.status}: {r.url}") if r.status >= 400 else None,
        )
        page.goto(site + address, wait_until="load")
        return page

    def foreign(url):
        if not url.startswith((site, "data:", "blob:")):
            trouble.append(f"request to another host: {url}")

    yield visit
    for context in contexts:
        context.close()
    assert trouble == []


def weight(path):
    """Return the bytes of a file as a server sends it: text compressed, fonts as they are."""
    data = path.read_bytes()
    return len(data) if path.suffix in {".woff2", ".png"} else len(gzip.compress(data, 6))
