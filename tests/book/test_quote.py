import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from book import quote
from book.sources import BookError

MODULE = '''"""A module."""

import functools


@functools.cache
def twice(x):
    """Return 2x."""
    return 2 * x


def thrice(x):
    return x + twice(x)


class NumpyThing:
    """A thing."""

    def step(self, x):
        return thrice(x)  # (N,)
'''
THING = MODULE[MODULE.index("class NumpyThing") :].rstrip("\n")


@pytest.fixture
def book(tmp_path):
    (tmp_path / "_toc.yml").write_text("root: index\nchapters:\n- file: chapters/01-a\n")
    (tmp_path / "index.md").write_text("# Start\n")
    package = tmp_path / "code" / "unrolled"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "thing.py").write_text(MODULE)
    (tmp_path / "chapters").mkdir()
    return tmp_path


def write(book, *cells):
    path = book / "chapters" / "01-a.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell("# A", id="title"), *cells]), path)
    return path


def quoting(text, names="NumpyThing", **metadata):
    metadata = {"quote": f"unrolled.thing:{names}", **metadata}
    return new_code_cell(text, id="the-quote", metadata=metadata)


def test_an_exact_quotation_that_is_used_next_passes(book):
    write(book, quoting(THING), new_code_cell("NumpyThing().step(1)"))
    assert quote.check(book) == []


@pytest.mark.parametrize(
    "planted", [("(N,)", "(M,)"), ("thing.", "thing. "), ("return ", "return  ")]
)
def test_a_quotation_changed_by_one_character_is_named(book, planted):
    write(book, quoting(THING.replace(*planted)), new_code_cell("NumpyThing()"))
    [problem] = quote.check(book)
    assert problem.startswith("chapters/01-a.ipynb, cell 2 (id the-quote): differs from")
    assert "unrolled.thing:NumpyThing" in problem
    assert any(line.strip().startswith("+") for line in problem.splitlines()[4:])


def test_code_changed_by_one_character_is_found_and_refreshed(book):
    path = write(book, quoting(THING), new_code_cell("NumpyThing()"))
    module = book / "code" / "unrolled" / "thing.py"
    module.write_text(MODULE.replace("(N,)", "(N, H)"))
    assert len(quote.check(book)) == 1
    assert quote.refresh(book) == [path]
    assert quote.check(book) == []
    cell = nbformat.read(path, as_version=4).cells[1]
    assert cell.id == "the-quote" and "(N, H)" in cell.source


def test_a_refresh_without_changes_leaves_the_file_alone(book):
    path = write(book, quoting(THING), new_code_cell("NumpyThing()"))
    before = path.stat().st_mtime_ns, path.read_bytes()
    assert quote.refresh(book) == []
    assert (path.stat().st_mtime_ns, path.read_bytes()) == before
    assert before[1].startswith(b'{\n "cells"') and before[1].endswith(b"}\n")


def test_several_functions_stand_in_the_order_asked_for_with_their_decorators(book):
    path = write(book, quoting("", names="thrice,twice"), new_code_cell("thrice(2)"))
    quote.refresh(book)
    assert quote.check(book) == []
    source = nbformat.read(path, as_version=4).cells[1].source
    assert source.startswith("def thrice") and "\n\n\n@functools.cache\ndef twice" in source


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (
            "unrolled.thing:NumpyThong",
            "quotes NumpyThong, but unrolled.thing defines twice, thrice",
        ),
        ("unrolled.thong:NumpyThing", "quotes unrolled.thong, but code/ has no such module"),
        ("unrolled.thing", 'should read "module:Name"'),
    ],
)
def test_an_unknown_name_or_module_is_a_clear_error(book, asked, message):
    write(book, quoting(THING, quote=asked))
    [problem] = quote.check(book)
    assert message in problem and "cell 2 (id the-quote)" in problem
    with pytest.raises(BookError, match="cell 2 .id the-quote."):
        quote.refresh(book)


def test_a_quoted_class_must_be_used_in_the_next_cell(book):
    write(book, quoting(THING), new_code_cell("# NumpyThing\n1 + 1"), new_code_cell("NumpyThing()"))
    [problem] = quote.check(book)
    assert "quotes NumpyThing, but the next code cell does not use it" in problem


def test_the_next_cell_is_the_next_of_the_same_framework(book):
    cells = [
        quoting(THING, tags=["numpy"]),
        new_code_cell("1", metadata={"tags": ["keras"]}),
        new_code_cell("NumpyThing()", metadata={"tags": ["numpy"]}),
    ]
    write(book, *cells)
    assert quote.check(book) == []
    cells[2].metadata["tags"] = ["pytorch"]
    write(book, *cells)
    assert len(quote.check(book)) == 1


def test_cells_that_do_not_fit_a_screen_are_named(book):
    write(book, new_code_cell("1\n" * 40 + "1", id="long"), new_code_cell("1\n" * 39 + "1"))
    [problem] = quote.check(book)
    assert (
        problem == "chapters/01-a.ipynb, cell 2 (id long): has 41 lines; at most 40 fit on a screen"
    )


def test_a_quotation_may_have_ninety_lines_and_a_method_forty(book):
    module = book / "code" / "unrolled" / "thing.py"
    for length, problems in ((40, 0), (41, 1)):
        methods = (
            f"    def method_{i}(self):\n" + "        x = 1\n" * (length - 1) for i in range(2)
        )
        text = "class NumpyThing:\n" + "".join(methods).rstrip()
        module.write_text(text + "\n")
        write(book, quoting(text), new_code_cell("NumpyThing()"))
        assert len(quote.check(book)) == 2 * problems
    for length, problems in ((90, 0), (91, 1)):
        text = "class NumpyThing:\n" + "\n".join(f"    x{i} = 1" for i in range(length - 1))
        module.write_text(text + "\n")
        write(book, quoting(text), new_code_cell("NumpyThing()"))
        assert len(quote.check(book)) == problems
