"""The repository's address: where it stands, all that follows from it, and how to set it.

It stands in ``_config.yml``, under ``repository``. The site's own address, the Colab links, the
setup cell of every chapter and the links of README, CITATION and the like follow from it;
``make address URL=https://github.com/owner/name`` rewrites them all.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import nbformat
import yaml

from book.sources import BookError, chapters, read

COLAB = "https://colab.research.google.com/github"

SETUP_CELL = """\
import sys

if "google.colab" in sys.modules:  # on Colab: fetch the book's code, change nothing it has
    %pip list --format=freeze > /tmp/installed.txt
    %pip install -q -c /tmp/installed.txt "unrolled @ git+{address.url}@{address.branch}"
"""


@dataclass(frozen=True)
class Address:
    """A repository on GitHub and the branch that readers get."""

    owner: str
    name: str
    branch: str = "main"

    @property
    def url(self):
        """The repository's page, which git can clone too."""
        return f"https://github.com/{self.owner}/{self.name}"

    @property
    def site(self):
        """Where GitHub Pages serves the book."""
        host = f"{self.owner.lower()}.github.io"
        return f"https://{host}/" if self.name.lower() == host else f"https://{host}/{self.name}/"

    def colab(self, notebook):
        """Return the link that opens a notebook of the repository on Colab."""
        return f"{COLAB}/{self.owner}/{self.name}/blob/{self.branch}/{notebook}"


def parse(url, branch="main"):
    """Return the Address that a GitHub link names.

    Raises: BookError for anything but ``https://github.com/owner/name``.
    """
    match = re.fullmatch(
        r"https://github\.com/([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)/([\w.-]+?)(?:\.git)?/?",
        url,
        re.ASCII,
    )
    if not match:
        raise BookError(
            f"the address must read https://github.com/owner/name, got {url!r}; "
            "say, for example, make address URL=https://github.com/owner/name"
        )
    return Address(*match.groups(), branch)


def configured(root):
    """Return the Address that stands in ``_config.yml``."""
    repository = _config(root).get("repository") or {}
    if not {"url", "branch"} <= set(repository):
        raise BookError("_config.yml must name the repository: repository: {url: ..., branch: ...}")
    return parse(repository["url"], repository["branch"])


def setup_cell(address):
    """Return the source of the cell that makes a chapter run on Colab."""
    return SETUP_CELL.format(address=address).rstrip()


def is_setup(cell):
    """Tell whether a cell is the setup cell."""
    return cell.cell_type == "code" and bool(cell.metadata.get("setup"))


def set_address(root, url):
    """Make ``url`` the repository's address everywhere; return the files that changed."""
    old = configured(root)
    new = parse(url, old.branch)
    owner, name = re.escape(old.owner), re.escape(old.name)
    patterns = [
        (
            rf"(\bgithub\.com/|{re.escape(COLAB)}/){owner}/{name}(?![\w-])",
            rf"\1{new.owner}/{new.name}",
        ),
        (rf"{re.escape(old.site.rstrip('/'))}(?![\w.-]*\w)", new.site.rstrip("/")),
    ]
    changed = set()
    for path in tracked(root):
        try:
            before = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue  # a picture, not text
        after = before
        for pattern, replacement in patterns:
            after = re.sub(pattern, replacement, after)
        if after != before:
            path.write_bytes(after.encode("utf-8"))
            changed.add(path)
    return sorted(changed | set(refresh(root)))


def refresh(root):
    """Give every chapter's setup cell its text; return the notebooks that changed."""
    text = setup_cell(configured(root))
    changed = []
    for path in chapters(root):
        notebook = read(path)
        stale = [cell for cell in notebook.cells if is_setup(cell) and cell.source != text]
        for cell in stale:
            cell.source = text
        if stale:
            nbformat.write(notebook, path)
            changed.append(path)
    return changed


def check(root):
    """Return where something derived disagrees with ``_config.yml``, one message each."""
    address = configured(root)
    return [*_check_settings(root, address), *_check_setup_cells(root, address)]


def tracked(root):
    """Return the files of the checkout that git tracks or would track.

    Raises: BookError outside a git checkout.
    """
    command = [
        "git",
        "-C",
        str(root),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listing = subprocess.run(command, capture_output=True, text=True)
    if listing.returncode:
        raise BookError(f"{root} is no git checkout, and git must say which files are the book's")
    files = (root / name for name in listing.stdout.split("\0") if name)
    return [path for path in files if path.is_file()]


def _config(root):
    """Return ``_config.yml`` as data."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))


def _check_settings(root, address):
    """Yield the settings of _config.yml and CITATION.cff that differ from what they should be."""
    sphinx = (_config(root).get("sphinx") or {}).get("config") or {}
    found = [
        (f"_config.yml, {key}", sphinx.get(key), address.site)
        for key in ("html_baseurl", "ogp_site_url")
    ]
    citation = root / "CITATION.cff"
    if citation.is_file():
        data = yaml.safe_load(citation.read_text(encoding="utf-8"))
        found.append(("CITATION.cff, repository-code", data.get("repository-code"), address.url))
        found.append(("CITATION.cff, url", data.get("url"), address.site))
    for where, value, expected in found:
        if value is not None and value != expected:
            yield f"{where}: expected {expected}, found {value}; make address sets it"


def _check_setup_cells(root, address):
    """Yield the chapters whose one setup cell is missing or differs."""
    for path in chapters(root):
        where = path.relative_to(root)
        cells = [cell for cell in read(path).cells if is_setup(cell)]
        if len(cells) != 1:
            yield f'{where}: expected one cell with metadata {{"setup": true}}, found {len(cells)}'
        elif cells[0].source != setup_cell(address):
            yield f"{where}: the setup cell is not the canonical one; make address refreshes it"


def main(arguments):
    """Set the address to the one given, or bring the setup cells up to date; say what changed."""
    root = Path.cwd()
    try:
        changed = set_address(root, arguments[0]) if arguments else refresh(root)
        address = configured(root)
    except BookError as error:
        sys.exit(f"address: {error}")
    for path in changed:
        print(f"changed {path.relative_to(root)}")
    print(f"The book lives at {address.url} and is read at {address.site}")


if __name__ == "__main__":
    main(sys.argv[1:])
