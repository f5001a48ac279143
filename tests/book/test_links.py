import time

import nbformat
import pytest

from book import address, links


def append(path, text):
    """Add text to a Markdown file, or as a Markdown cell to a notebook."""
    if path.suffix == ".ipynb":
        notebook = nbformat.read(path, 4)
        notebook.cells.append(nbformat.v4.new_markdown_cell(text))
        nbformat.write(notebook, path)
    else:
        path.write_text(f"{path.read_text()}\n{text}\n")


def test_a_sound_book_has_no_complaint(linked_book):
    assert links.check(linked_book) == []


@pytest.mark.parametrize("name", ["README.md", "chapters/index.md", "chapters/01-a.ipynb"])
@pytest.mark.parametrize(
    "link",
    [
        "https://colab.research.google.com/github/some-org/some-book/blob/main/chapters/99-b.ipynb",
        "https://colab.research.google.com/github/some-org/some-book/blob/dev/chapters/01-a.ipynb",
        "https://colab.research.google.com/github/old-org/some-book/blob/main/chapters/01-a.ipynb",
    ],
)
def test_a_dead_colab_link_is_found(linked_book, name, link):
    append(linked_book / name, f"[![Colab](https://example.org/badge.svg)]({link})")
    (problem,) = links.check(linked_book)
    assert problem.startswith(f"{name}: {link} opens no notebook")


def test_a_colab_link_in_html_counts_too(linked_book):
    home = address.configured(linked_book)
    append(linked_book / "README.md", f'<a href="{home.colab("chapters/b.ipynb")}">run</a>')
    (problem,) = links.check(linked_book)
    assert "opens no notebook" in problem


def test_a_notebook_that_git_ignores_is_no_target(linked_book):
    (linked_book / ".gitignore").write_text("*.ipynb\n")
    assert [problem.split(" ")[0:2] for problem in links.check(linked_book)] == [
        ["README.md:", address.configured(linked_book).colab("chapters/01-a.ipynb")],
        ["chapters/index.md:", "the"],
    ]


@pytest.mark.parametrize("name", ["README.md", "chapters/index.md", "chapters/01-a.ipynb"])
@pytest.mark.parametrize(
    "text",
    [
        "[gone](gone.md)",
        "![gone](gone.md)",
        "see [the code][1]\n\n[1]: gone.md",
        '<img src="gone.md" alt="">',
        "```{note}\nin a directive: [gone](gone.md)\n```",
        "```{figure} gone.md\n```",
        "| a |\n|---|\n| [gone](gone.md) |",
    ],
)
def test_a_dead_relative_link_is_found(linked_book, name, text):
    append(linked_book / name, text)
    assert links.check(linked_book) == [f"{name}: the link gone.md leads to no file that git knows"]


def test_a_dead_anchor_is_found(linked_book):
    append(linked_book / "README.md", "[gone](chapters/index.md#gone) [here](#gone-too)")
    assert links.check(linked_book) == [
        "README.md: the link chapters/index.md#gone names no heading or label of index.md",
        "README.md: the link #gone-too names no heading or label of README.md",
    ]


@pytest.mark.parametrize("link", ["https://", "https:///x", "http://nohost/x", "htps://a.org/x"])
def test_a_malformed_web_link_is_found(linked_book, link):
    append(linked_book / "README.md", f"[x]({link})")
    (problem,) = links.check(linked_book)
    assert problem.startswith(f"README.md: the link {link} has ")


def test_what_only_looks_like_a_link_is_left_alone(linked_book):
    append(linked_book / "README.md", "`[code](gone.md)` and\n\n```text\n[more](gone.md)\n```")
    append(linked_book / "chapters/index.md", "[mail](mailto:a@example.org)")
    assert links.check(linked_book) == []


def test_addresses_are_checked_along_with_links(linked_book):
    (linked_book / "CITATION.cff").write_text("url: https://old.github.io/\n")
    (problem,) = links.check(linked_book)
    assert problem.startswith("CITATION.cff, url")


def test_many_pages_take_little_time(linked_book):
    text = (linked_book / "chapters/index.md").read_text() * 20
    for number in range(50):
        (linked_book / f"chapters/page-{number}.md").write_text(text)
    started = time.perf_counter()
    assert links.check(linked_book) == []
    assert time.perf_counter() - started < 3
