"""Links: what the book's Markdown points to must be there. Nothing here uses the network.

A Colab link must name a notebook of this repository, a relative link a file that git knows, an
anchor a heading or a label. Other hosts' links are only checked for their form.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt

from book import address
from book.sources import read

MARKDOWN = MarkdownIt("commonmark").enable("table")
COLAB_LINK = re.compile(re.escape(address.COLAB) + r"""/[^\s"'<>()\[\]{}]+""")
HTML_LINK = re.compile(r"""\b(?:href|src|srcset)\s*=\s*["']([^"'\s]+)""")
LABEL = re.compile(r"^(?:\(([\w:-]+)\)=|:(?:name|label):\s*([\w:-]+))\s*$", re.MULTILINE)
PICTURE = re.compile(r"\{(?:image|figure)\}\s+(\S+)")


@dataclass
class Page:
    """What one file offers and what it asks for: its anchors and labels, its links."""

    path: Path
    text: str
    anchors: set = field(default_factory=set)
    labels: set = field(default_factory=set)
    links: list = field(default_factory=list)


def check(root):
    """Return every link that leads nowhere and every place with another address, in words."""
    root = root.resolve()
    files = set(address.tracked(root))
    folders = {parent for file in files for parent in file.parents}
    home = address.configured(root)
    notebooks = {home.colab(f.relative_to(root).as_posix()) for f in files if f.suffix == ".ipynb"}
    pages = {path: _page(path) for path in sorted(files) if path.suffix in (".md", ".ipynb")}
    labels = set().union(*(page.labels for page in pages.values()))
    problems = address.check(root)
    for page in pages.values():
        where = page.path.relative_to(root)
        for link in COLAB_LINK.findall(page.text):
            if link.rstrip(".,;:") not in notebooks:
                problems.append(
                    f"{where}: {link} opens no notebook of this checkout; expected "
                    f"{home.colab('chapters/...')} with a notebook that exists"
                )
        for link in page.links:
            problem = _problem(link, page, pages, labels, files | folders)
            if problem:
                problems.append(f"{where}: the link {link} {problem}")
    return problems


def _page(path):
    """Read a Markdown file or the Markdown cells of a notebook."""
    if path.suffix == ".ipynb":
        cells = [cell.source for cell in read(path).cells if cell.cell_type == "markdown"]
        page = Page(path, "\n\n".join(cells))
    else:
        page = Page(path, path.read_text(encoding="utf-8"))
    page.labels.update(marked or named for marked, named in LABEL.findall(page.text))
    _scan(page, MARKDOWN.parse(page.text))
    return page


def _scan(page, tokens):
    """Collect links and headings from Markdown tokens, those inside MyST directives included."""
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "fence" and token.info.startswith("{"):
            page.links += PICTURE.findall(token.info)
            _scan(page, MARKDOWN.parse(token.content))
        elif token.type in ("html_block", "html_inline"):
            page.links += HTML_LINK.findall(token.content)
        elif token.type == "inline":
            if before is not None and before.type == "heading_open":
                page.anchors.add(_slug(token.content))
            page.links += [
                child.attrs.get("href", child.attrs.get("src"))
                for child in token.children
                if child.type in ("link_open", "image")
            ]
            _scan(page, [child for child in token.children if child.type == "html_inline"])


def _slug(heading):
    """Return a heading's anchor, as GitHub and MyST make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def _problem(link, page, pages, labels, known):
    """Say what is wrong with one link, or return an empty string."""
    parts = urlsplit(link)
    if "{{" in unquote(link):
        return ""  # homework: a release fills it in
    if parts.scheme in ("http", "https"):
        sane = re.fullmatch(r"[\w-]+(\.[\w-]+)+(:\d+)?|localhost(:\d+)?", parts.netloc)
        return "" if sane else "has no host: expected https://host/path"
    if parts.scheme:
        return (
            "" if parts.scheme in ("mailto", "data") else f"has a scheme, {parts.scheme}, unknown"
        )
    target = page.path
    if parts.path:
        target = Path(page.path.parent, unquote(parts.path)).resolve()
        # MyST also takes a chapter's name without its ending.
        endings = [target, target.with_name(f"{target.name}.md"), Path(f"{target}.ipynb")]
        target = next((path for path in endings if path in known), None)
        if target is None:
            return "leads to no file that git knows"
    if parts.fragment and target in pages:
        anchors = pages[target].anchors | pages[target].labels | labels
        if parts.fragment not in anchors:
            return f"names no heading or label of {target.name}"
    return ""
