import nbformat
import pytest

from book import address
from book.sources import BookError


def test_everything_that_follows_from_the_address():
    home = address.parse("https://github.com/Some-Org/book.py", "trunk")
    assert home.url == "https://github.com/Some-Org/book.py"
    assert home.site == "https://some-org.github.io/book.py/"
    assert home.colab("chapters/01-a.ipynb") == (
        "https://colab.research.google.com/github/Some-Org/book.py/blob/trunk/chapters/01-a.ipynb"
    )
    assert "git+https://github.com/Some-Org/book.py@trunk" in address.setup_cell(home)


def test_the_repository_of_a_user_site_has_no_folder():
    assert address.parse("https://github.com/Ann/ann.github.io").site == "https://ann.github.io/"


@pytest.mark.parametrize("url", ["https://github.com/a/b", "https://github.com/a/b/"])
def test_forms_of_the_same_address(url):
    assert address.parse(url) == address.parse("https://github.com/a/b.git")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "github.com/a/b",
        "http://github.com/a/b",
        "https://gitlab.com/a/b",
        "https://github.com/a",
        "https://github.com/a/b/tree/main",
        "https://github.com/-a/b",
        "https://github.com/a/b c",
        'https://github.com/a/b"; import os',
        "git@github.com:a/b.git",
    ],
)
def test_anything_else_is_refused_and_said_why(url):
    with pytest.raises(BookError, match="must read https://github.com/owner/name"):
        address.parse(url)


def test_setting_the_address_reaches_every_place(linked_book):
    notebook = linked_book / "chapters/01-a.ipynb"
    ids = [cell.id for cell in nbformat.read(notebook, 4).cells]
    picture = (linked_book / "chapters/images/a.png").read_bytes()

    changed = address.set_address(linked_book, "https://github.com/New/home")

    names = {path.relative_to(linked_book).as_posix() for path in changed}
    assert names == {"_config.yml", "README.md", "CITATION.cff", "chapters/01-a.ipynb"}
    assert address.configured(linked_book) == address.Address("New", "home")
    assert "# stands here alone" in (linked_book / "_config.yml").read_text()
    readme = (linked_book / "README.md").read_text()
    assert "some" not in readme
    for form in (
        "(https://new.github.io/home/)",
        "https://colab.research.google.com/github/New/home/blob/main/chapters/01-a.ipynb",
        "git+https://github.com/New/home`",
        "https://github.com/New/home.git",
        "https://github.com/New/home/issues",
    ):
        assert form in readme
    cells = nbformat.read(notebook, 4).cells
    assert [cell.id for cell in cells] == ids
    assert cells[1].source == address.setup_cell(address.Address("New", "home"))
    assert (linked_book / "chapters/images/a.png").read_bytes() == picture
    assert address.check(linked_book) == []


def test_setting_it_back_restores_every_byte(linked_book):
    files = [path for path in address.tracked(linked_book) if path.is_file()]
    before = {path: path.read_bytes() for path in files}
    url = address.configured(linked_book).url
    address.set_address(linked_book, "https://github.com/New/home")
    address.set_address(linked_book, url)
    assert {path: path.read_bytes() for path in files} == before


def test_other_repositories_keep_their_links(linked_book):
    others = (
        "https://github.com/some-org/some-book-2 https://github.com/else/some-book "
        "https://some-org.github.io/some-book-2/ https://some-org.github.io/"
    )
    (linked_book / "others.md").write_text(others)
    address.set_address(linked_book, "https://github.com/New/home")
    assert (linked_book / "others.md").read_text() == others


def test_a_bad_address_changes_nothing(linked_book):
    before = (linked_book / "_config.yml").read_text()
    with pytest.raises(BookError):
        address.set_address(linked_book, "https://example.org/a/b")
    assert (linked_book / "_config.yml").read_text() == before


def test_check_names_the_place_that_disagrees(linked_book):
    config = linked_book / "_config.yml"
    config.write_text(config.read_text().replace("some-org.github.io", "old.github.io"))
    citation = linked_book / "CITATION.cff"
    citation.write_text("repository-code: https://github.com/old/old\n")
    problems = address.check(linked_book)
    assert len(problems) == 2
    assert problems[0].startswith("_config.yml, html_baseurl: expected https://some-org.github.io")
    assert problems[1].startswith("CITATION.cff, repository-code: expected https://github.com/some")


def test_check_wants_one_canonical_setup_cell_and_refresh_mends_it(linked_book):
    path = linked_book / "chapters/01-a.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells[1].source += "\nimport torch"
    nbformat.write(notebook, path)
    assert "the setup cell is not the canonical one" in address.check(linked_book)[0]
    assert address.refresh(linked_book) == [path]
    assert address.check(linked_book) == []

    del notebook.cells[1]
    nbformat.write(notebook, path)
    assert (
        'expected one cell with metadata {"setup": true}, found 0'
        in (address.check(linked_book)[0])
    )


def test_the_command_line(linked_book, monkeypatch, capsys):
    monkeypatch.chdir(linked_book)
    address.main(["https://github.com/New/home"])
    said = capsys.readouterr().out
    assert "changed README.md" in said
    assert "https://new.github.io/home/" in said
    with pytest.raises(SystemExit, match="must read https://github.com/owner/name"):
        address.main(["home"])
