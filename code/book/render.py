"""Render the executed chapters to ``_build/html``, warnings being errors.

The site is built apart and takes the old one's place only when it is whole: a failed build leaves
the last good site standing.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from book.slim import slim
from book.sources import BookError

INPUTS = (
    "_config.yml",
    "_toc.yml",
    "references.bib",
    "requirements.txt",
    "chapters/**/*",
    "code/**/*.*",
    "_build/executed/**/*",
)
# What axe-core finds in the pages of the theme and of sphinxcontrib-bibtex.
MENDS = (
    (
        '<div id="pst-primary-sidebar"',
        '<div role="region" aria-label="Sidebar" id="pst-primary-sidebar"',
    ),
    (' role="doc-biblioentry"', ""),
    ('<div role="list" class="citation-list"', '<div class="citation-list"'),
)
NOISE = re.compile(r"\x1b\[[0-9;]*m")


def render(root):
    """Render the book; return the path of its front page.

    Nothing is done when the site is newer than all it was made from. Otherwise every page is
    made anew: Sphinx's own bookkeeping forgets warnings of pages that it does not read again.
    Raises: BookError with the warnings.
    """
    root = Path(root).resolve()
    site, work = root / "_build" / "html", root / ".cache" / "site"
    stamp, page = work / "stamp", site / "index.html"
    now = fingerprint(root)
    if page.exists() and stamp.exists() and stamp.read_text() == now:
        return page
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    made = run_jupyter_book(root, work)
    tidy(made)
    mend(made)
    slim(made)
    swap(made, site)
    stamp.write_text(now)
    return page


def fingerprint(root):
    """Return a digest of every file that the site is made from."""
    digest = hashlib.sha256(sys.version.encode())
    files = {path for pattern in INPUTS for path in root.glob(pattern) if path.is_file()}
    for path in sorted(files):
        if not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts):
            digest.update(str(path.relative_to(root)).encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def run_jupyter_book(root, work):
    """Run ``jupyter-book build`` into a folder of its own; return the folder of the pages."""
    # Through Python, not the jupyter-book script: that need not be on the PATH.
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    options = ["build", str(root), "--path-output", str(work), "-W", "--keep-going", "--all", "-q"]
    code = str(Path(__file__).parents[1])
    paths = [code, os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), "NO_COLOR": "1"}
    # To a file: a pipe would stay open, and this wait, for as long as any child of it lives.
    log = work / "log"
    with log.open("w") as out:
        status = subprocess.call(
            [*command, *options], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env
        )
    made = work / "_build" / "html"
    if status or not (made / "index.html").exists():
        raise BookError(report(root, log.read_text(encoding="utf-8", errors="replace")))
    return made


def report(root, log):
    """Return the warnings of a failed build, one a line, with paths relative to the book."""
    lines = NOISE.sub("", log).replace(f"{root}{os.sep}", "").splitlines()
    telling = [line for line in lines if re.search(r"WARNING|ERROR|Error: .", line)]
    detail = "\n".join(telling or lines[-20:])
    return f"the site was not rendered; the last good one stays in place.\n{detail}"


def tidy(made):
    """Let the search and the sitemap name the front page as the site does."""
    root_doc = "chapters/index"
    index = made / "searchindex.js"
    text = index.read_text(encoding="utf-8")
    index.write_text(text.replace(f'"{root_doc}"', '"index"'), encoding="utf-8")
    sitemap = made / "sitemap.xml"
    if sitemap.exists():
        text = sitemap.read_text(encoding="utf-8")
        sitemap.write_text(text.replace(f"{root_doc}.html</loc>", "</loc>"), encoding="utf-8")
    for leftover in (".buildinfo", "objects.inv"):
        (made / leftover).unlink(missing_ok=True)


def mend(made):
    """Make the pages say to assistive technology what they show."""
    for page in made.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        for flawed, sound in MENDS:
            html = html.replace(flawed, sound)
        page.write_text(html, encoding="utf-8")


def swap(made, site):
    """Put the new site in the old one's place."""
    old = site.with_name("html.old")
    shutil.rmtree(old, ignore_errors=True)
    site.parent.mkdir(exist_ok=True)
    if site.exists():
        site.rename(old)
    shutil.move(made, site)
    shutil.rmtree(old, ignore_errors=True)
