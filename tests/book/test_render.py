import shutil

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from book import slim
from book.render import fingerprint, render
from book.sources import BookError

CONFIG = """\
title: Tiny
only_build_toc_files: true
repository: {url: https://github.com/some-org/some-book, branch: main}
execute: {execute_notebooks: "off"}
parse: {myst_enable_extensions: [dollarmath]}
sphinx:
  extra_extensions: [sphinxcontrib.katex, sphinx_sitemap, sphinxext.opengraph]
  local_extensions: {book.tabs: code, book.executed: code, book.site: code}
  recursive_update: true
  config:
    html_math_renderer: katex
    katex_prerender: true
    katex_css_path: katex.css
    sitemap_url_scheme: "{link}"
    ogp_social_cards: {enable: false}
"""


def write_notebook(root, *cells, name="chapters/01-a"):
    """Write a chapter and what an executor would leave of it."""
    notebook = new_notebook(cells=[new_markdown_cell("# A chapter"), *cells])
    notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
    nbformat.write(notebook, root / f"{name}.ipynb")
    notebook.metadata["unrolled"] = {
        "executed": "2026-11-21T08:00:00+00:00",
        "device": "cpu",
        "versions": {"python": "3.11"},
        "seconds": 1.0,
        "cells": len(cells),
        "key": "abc",
    }
    executed = root / "_build" / "executed" / f"{name}.ipynb"
    executed.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, executed)


@pytest.fixture
def book(tmp_path):
    """A book of a front page and one chapter."""
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "_toc.yml").write_text(
        "format: jb-book\nroot: chapters/index\nchapters: [{file: chapters/01-a}]\n"
    )
    (tmp_path / "chapters").mkdir()
    (tmp_path / "chapters/index.md").write_text("# Front\n\n[on](01-a.ipynb) with $h_t$\n")
    output = new_output("stream", name="stdout", text="42")
    write_notebook(tmp_path, new_code_cell("print(6 * 7)", outputs=[output]))
    return tmp_path


def framework_cell(name):
    return new_code_cell(f"in_{name}", metadata={"tags": [name]})


def test_the_site_opens_at_its_root(book):
    page = render(book)
    assert page == book / "_build/html/index.html"
    text = page.read_text()
    assert 'href="chapters/01-a.html"' in text
    assert '<link rel="canonical" href="https://some-org.github.io/some-book/"' in text
    assert 'class="katex-html"' in text, "the formula is not drawn"
    assert ">42" in (page.parent / "chapters/01-a.html").read_text()
    assert '"index"' in (page.parent / "searchindex.js").read_text()
    assert (
        "<loc>https://some-org.github.io/some-book/</loc>"
        in (page.parent / "sitemap.xml").read_text()
    )


def test_nothing_is_done_when_nothing_changed(book, monkeypatch):
    render(book)

    def refuse(*args):
        raise AssertionError("rendered again")

    monkeypatch.setattr("book.render.run_jupyter_book", refuse)
    assert render(book).exists()
    (book / "chapters/index.md").write_text("# Another front\n")
    with pytest.raises(AssertionError, match="rendered again"):
        render(book)


def test_a_missing_framework_fails_and_the_last_good_site_stays(book):
    good = render(book).read_text()
    write_notebook(book, framework_cell("numpy"), framework_cell("pytorch"))
    for _ in range(2):  # the second time, too: Sphinx must not have forgotten the warning
        with pytest.raises(BookError, match="found only numpy, pytorch"):
            render(book)
        assert (book / "_build/html/index.html").read_text() == good
    write_notebook(book, *map(framework_cell, ("numpy", "keras", "pytorch")))
    assert "in_keras" in (render(book).parent / "chapters/01-a.html").read_text()


def test_a_broken_link_is_named(book):
    (book / "chapters/index.md").write_text("# Front\n\n[nowhere](nowhere.md)\n")
    with pytest.raises(BookError, match=r"chapters/index.md:3: WARNING.*nowhere.md"):
        render(book)


def test_a_formula_that_cannot_be_read_fails(book):
    (book / "chapters/index.md").write_text("# Front\n\n$\\frobnicate{x}$ and [on](01-a)\n")
    with pytest.raises(BookError, match=r"frobnicate"):
        render(book)


def test_a_chapter_that_was_not_executed_names_make_book(book):
    shutil.rmtree(book / "_build/executed")
    with pytest.raises(BookError, match="run `make book`"):
        render(book)


@pytest.mark.parametrize("name", ["_config.yml", "_toc.yml", "chapters/index.md"])
def test_the_fingerprint_covers_what_the_site_is_made_from(book, name):
    before = fingerprint(book)
    assert fingerprint(book) == before
    (book / name).write_text((book / name).read_text() + "\n")
    assert fingerprint(book) != before


def test_unused_rules_go_and_used_ones_stay():
    css = (
        '@charset "UTF-8";/*! license */.used,.gone{color:red}.gone:hover{a:b}'
        "@media (width>9px){.gone{a:b}.used:not(.gone)>p{c:d}}@media print{#gone{a:b}}"
        '@font-face{font-family:X;src:url("a;b{c}.woff2")}p::before{content:"}"}'
    )
    assert slim.prune(css, {"used"}) == (
        '@charset "UTF-8";/*! license */.used{color:red}'
        "@media (width>9px){.used:not(.gone)>p{c:d}}"
        '@font-face{font-family:X;src:url("a;b{c}.woff2")}p::before{content:"}"}'
    )


def test_a_class_in_is_or_where_is_no_reason_to_drop_a_rule():
    assert slim.in_use(".a:is(.b,.c)", {"a"})
    assert not slim.in_use(".a.b", {"a"})
    assert slim.in_use(".md\\:flex", {"md:flex"})


def test_imports_are_merged(tmp_path):
    (tmp_path / "styles").mkdir()
    (tmp_path / "basic.css").write_text("p{a:b}")
    sheet = tmp_path / "styles/theme.css"
    sheet.write_text('@import "../basic.css";q{c:d}')
    assert slim.merge(sheet) == "p{a:b}q{c:d}"
