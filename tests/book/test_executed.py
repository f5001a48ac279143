import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from sphinx.errors import ExtensionError

from book.executed import foot

RECORD = {
    "executed": "2026-11-21T08:00:00+00:00",
    "device": "cpu",
    "device_name": "2 CPU cores, x86_64",
    "versions": {"torch": "2.13.0", "keras": "3.15.1", "numpy": "2.4.6", "python": "3.11.2"},
    "seconds": 41.2,
    "cells": 2,
    "key": "abc",
}


@pytest.fixture
def book(tmp_path):
    """A book of one bare notebook and its executed copy; returns the paths of both."""
    source = tmp_path / "source"
    executed = source / "_build" / "executed"
    executed.mkdir(parents=True)
    title = new_markdown_cell("# A page")
    bare = new_notebook(cells=[title, new_code_cell("print(6 * 7)")])
    nbformat.write(bare, source / "index.ipynb")
    done = new_output("stream", name="stdout", text="42")
    full = new_notebook(cells=[title, new_code_cell("print(6 * 7)", outputs=[done])])
    full.metadata["unrolled"] = RECORD
    nbformat.write(full, executed / "index.ipynb")
    return source / "index.ipynb", executed / "index.ipynb"


@pytest.fixture
def build(run_sphinx):
    """Build the book; return the text of its page, what was read again, and the warnings."""

    def build(source):
        page, warnings, _, read = run_sphinx(source, "book.executed")
        return page, read, warnings

    return build


def test_the_page_shows_the_executed_copy(book, build):
    source, _ = book
    before = source.read_bytes()
    page, _, _ = build(source.parent)
    assert ">42" in page
    assert source.read_bytes() == before


def test_a_new_run_renders_the_page_again(book, build):
    source, executed = book
    build(source.parent)
    assert build(source.parent)[1] == []
    notebook = nbformat.read(executed, 4)
    notebook.cells[1].outputs[0].text = "forty-two"
    nbformat.write(notebook, executed)
    page, read, _ = build(source.parent)
    assert read == ["index"] and "forty-two" in page


def test_the_foot_stands_on_the_page(book, build):
    page, _, _ = build(book[0].parent)
    assert page.count('class="unrolled-executed"') == 1


def test_recorded_numbers_leave_the_page_to_their_table(book, build):
    data = {"application/vnd.unrolled.scoreboard+json": [], "text/html": "<table>board</table>"}
    notebook = nbformat.read(book[1], 4)
    notebook.cells[1].outputs = [new_output("display_data", data=data)]
    nbformat.write(notebook, book[1])
    page, _, warnings = build(book[0].parent)
    assert "<table>board</table>" in page
    assert "unknown output mime type" not in warnings


def test_missing_copy_names_make_book(book, build):
    book[1].unlink()
    with pytest.raises(ExtensionError, match="index.ipynb is missing: run `make book`"):
        build(book[0].parent)


def test_copy_without_a_key_names_make_book(book, build):
    notebook = nbformat.read(book[1], 4)
    del notebook.metadata["unrolled"]["key"]
    nbformat.write(notebook, book[1])
    with pytest.raises(ExtensionError, match=r"no metadata unrolled.key\): run `make book`"):
        build(book[0].parent)


def test_foot_says_when_where_with_what_and_how_long():
    text = foot(RECORD)
    assert 'datetime="2026-11-21T08:00:00+00:00">2026-11-21<' in text
    assert "on 2 CPU cores, x86_64 in 41 seconds" in text
    assert "Python 3.11.2, NumPy 2.4.6, Keras 3.15.1, PyTorch 2.13.0." in text


def test_foot_names_the_backend_of_keras():
    record = {**RECORD, "versions": {"keras": "3.15.1", "keras backend": "jax", "jax": "0.10.2"}}
    assert "with Keras 3.15.1, JAX 0.10.2; Keras runs on JAX." in foot(record)


def test_foot_escapes_what_a_machine_says_of_itself():
    assert "&lt;GPU&gt;" in foot({**RECORD, "device_name": "<GPU>"})
