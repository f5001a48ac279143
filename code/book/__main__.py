"""The command line of the book's tools, which the Makefile calls: ``python -m book --help``."""

import argparse
import os
import sys
from pathlib import Path

from book.sources import BookError

# Each command imports what it needs itself, so that `make check` does not wait for Sphinx.


def build(root, options):
    """Execute what changed, check the numbers, render the site, print a table."""
    from book.table import table

    if _execute(root, options, backend=None):
        return 1
    page = _render(root)
    print(f"\n{table(root)}\n\nThe book's front page: {page}")
    return 0


def execute(root, options):
    """Execute the chapters that changed and check the numbers they record."""
    return _execute(root, options, backend=options.keras_backend)


def results(root, options):
    """Gather the recorded numbers into _build/results.json and check them."""
    return _gather(root, backend=options.keras_backend)


def render(root, options):
    """Render the executed chapters as _build/html."""
    print(f"The book's front page: {_render(root)}")
    return 0


def backends(root, options):
    """Execute the chapters with Keras on PyTorch and on JAX too."""
    statuses = [_execute(root, options, backend=backend) for backend in ("torch", "jax")]
    return max(statuses)


def quote(root, options):
    """Fill the quoted cells from the code."""
    from book.quote import refresh

    changed = refresh(root)
    for path in changed:
        print(f"refreshed {path.relative_to(root)}")
    if not changed:
        print("All quotations equal the code.")
    return 0


def check(root, options):
    """Lint, quotations, links, spelling, workflows: the quick checks."""
    from book.check import check as passes

    return 0 if passes(root) else 1


def serve(root, options):
    """Show the built site on localhost."""
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    site = root / "_build" / "html"
    if not (site / "index.html").is_file():
        raise BookError(f"there is no site at {site} yet; `make book` builds it")
    handler = partial(SimpleHTTPRequestHandler, directory=site)
    with ThreadingHTTPServer(("localhost", options.port), handler) as server:
        print(f"The book is at http://localhost:{server.server_port}/ until Ctrl-C", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print()
    return 0


def _render(root):
    """Render the site; return its front page."""
    from book.render import render as make_site

    return make_site(root)


def _execute(root, options, backend):
    """Execute the chapters on a Keras backend (None: the book's own), then check the numbers."""
    from book.execute import execute as run

    if options.require_gpu and not _gpu_is_seen(backend):
        return 1
    if backend:
        print(f"Keras on {backend}:")
    outcomes = run(root, backend=backend, timeout=options.timeout)
    failed = [outcome.chapter for outcome in outcomes if outcome.error]
    if failed:
        print(f"Failed: {', '.join(failed)} ({len(failed)} of {len(outcomes)} chapters)")
        return 1
    return _gather(root, backend)


def _gather(root, backend):
    """Gather and check the recorded numbers; return the exit status."""
    from book.execute import Places
    from book.results import gather, write

    places = Places(root, backend)
    found, problems = gather(places)
    write(found, places.results)
    for problem in problems:
        print(f"FAILED  {problem}")
    return 1 if problems else 0


def _gpu_is_seen(backend):
    """Say which framework sees no GPU; return whether all of them see one."""
    from book.devices import without_gpu

    missing = without_gpu(backend or os.environ.get("KERAS_BACKEND", "tensorflow"))
    for framework in missing:
        print(f"FAILED  {framework} sees no GPU, and --require-gpu asks for one")
    return not missing


def main(arguments=None):
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="book", description="Build and check the book.")
    checkout = Path(__file__).parents[2]
    parser.add_argument("--root", type=Path, default=checkout, help="the book's folder")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for function in (build, execute, results, render, serve, quote, check, backends):
        name, words = function.__name__, function.__doc__
        command = commands.add_parser(name, help=words, description=words)
        command.set_defaults(function=function)
        if function in (build, execute, backends):
            command.add_argument(
                "--timeout", type=int, default=900, help="seconds a cell may take (900)"
            )
            command.add_argument(
                "--require-gpu", action="store_true", help="fail unless the frameworks see a GPU"
            )
        if function in (execute, results):
            command.add_argument(
                "--keras-backend", choices=["torch", "jax"], help="try Keras on another backend"
            )
        if function is serve:
            command.add_argument("--port", type=int, default=8000, help="port (8000)")
    options = parser.parse_args(arguments)
    try:
        return options.function(options.root.resolve(), options)
    except BookError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
