import io
import subprocess

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from book import address

URL = "https://github.com/some-org/some-book"


@pytest.fixture
def run_sphinx(tmp_path):
    """Build a folder's pages with Sphinx; return page, warnings, status, documents read."""

    def run(source, extension, **options):
        warnings, read = io.StringIO(), []
        settings = {
            "extensions": ["myst_nb", extension],
            "nb_execution_mode": "off",
            "exclude_patterns": ["_build"],
        }
        html, trees = tmp_path / "html", tmp_path / "doctrees"
        with patch_docutils(), docutils_namespace():
            app = Sphinx(
                source, None, html, trees, "html", settings,
                status=None, warning=warnings, **options,
            )  # fmt: skip
            app.connect("source-read", lambda app, name, text: read.append(name))
            app.build()
        return (html / "index.html").read_text(), warnings.getvalue(), app.statuscode, read

    return run


@pytest.fixture
def linked_book(tmp_path):
    """A book of one chapter in a git checkout, with every kind of link, all of them good."""
    home = address.parse(URL)
    chapters = tmp_path / "chapters"
    chapters.mkdir()
    (tmp_path / "_config.yml").write_text(
        f"repository:\n  url: {URL}  # stands here alone\n  branch: main\n"
        f"sphinx:\n  config:\n    html_baseurl: {home.site}\n"
    )
    (tmp_path / "_toc.yml").write_text("root: chapters/index\nchapters:\n- file: chapters/01-a\n")
    (tmp_path / "CITATION.cff").write_text(f"repository-code: {URL}\nurl: {home.site}\n")
    (tmp_path / "README.md").write_text(
        f"[Read it]({home.site}), [run it]({home.colab('chapters/01-a.ipynb')}).\n\n"
        f"`pip install git+{URL}`; git clone {URL}.git; issues are at {URL}/issues.\n\n"
        "[index](chapters/index.md#the-map-of-all), [code](chapters/)\n\n"
        '<img src="chapters/images/a.png" alt="a picture">\n'
    )
    (chapters / "index.md").write_text(
        "# Start\n\n(map)=\n## The map of *all*\n\n[chapter](01-a), [here](#map)\n\n"
        "```{figure} images/a.png\nA [caption](../README.md)\n```\n\n"
        "[elsewhere](https://example.org/x)\n"
    )
    (chapters / "images").mkdir()
    (chapters / "images/a.png").write_bytes(b"\x89PNG\xff")
    cells = [
        new_markdown_cell("# A chapter\n\n![a picture](images/a.png) [start](index.md)"),
        new_code_cell(address.setup_cell(home), metadata={"setup": True}),
    ]
    nbformat.write(new_notebook(cells=cells), chapters / "01-a.ipynb")
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path
