import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


def code(source, *tags):
    output = new_output("stream", name="stdout", text=f"output of {source}")
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=[output])


@pytest.fixture
def build(run_sphinx, tmp_path):
    """Build a one-page site from cells with Sphinx; return its page, the warnings, the status."""

    def build(*cells, strict=False):
        source = tmp_path / "source"
        source.mkdir()
        notebook = new_notebook(cells=[new_markdown_cell("# A page"), *cells])
        notebook.metadata["language_info"] = {"name": "python", "pygments_lexer": "ipython3"}
        nbformat.write(notebook, source / "index.ipynb")
        options = {"freshenv": True, "warningiserror": strict, "keep_going": True}
        page, warnings, status, _ = run_sphinx(source, "book.tabs", **options)
        return BeautifulSoup(page, "html.parser"), warnings, status

    return build


def tab_sets(page):
    """Each tab set of a page as a list of (label, sync group, key, text of the content)."""
    return [
        [
            (
                label.get_text(strip=True),
                label["data-sync-group"],
                label["data-sync-id"],
                label.find_next_sibling("div").get_text(),
            )
            for label in group.find_all("label", recursive=False)
        ]
        for group in page.select("div.sd-tab-set")
    ]


def test_cells_of_three_frameworks_become_one_set(build):
    page, warnings, _ = build(
        code("in_numpy", "numpy"), code("in_keras", "keras"), code("in_torch", "pytorch")
    )
    (tabs,) = tab_sets(page)
    assert [tab[:3] for tab in tabs] == [
        ("NumPy", "framework", "numpy"),
        ("Keras", "framework", "keras"),
        ("PyTorch", "framework", "pytorch"),
    ]
    for tab, name in zip(tabs, ("in_numpy", "in_keras", "in_torch"), strict=True):
        assert name in tab[3] and f"output of {name}" in tab[3]
    assert warnings == ""
    assert len(page.select("div.cell")) == 3, "a cell stands on the page twice, or is lost"


def test_several_cells_of_one_framework_share_a_tab(build):
    page, warnings, _ = build(
        code("n1", "numpy"),
        code("n2", "numpy"),
        code("k1", "keras"),
        code("t1", "pytorch"),
        code("t2", "pytorch"),
    )
    (tabs,) = tab_sets(page)
    assert [tab[0] for tab in tabs] == ["NumPy", "Keras", "PyTorch"]
    assert tabs[0][3].index("n1") < tabs[0][3].index("n2")
    assert "t1" in tabs[2][3] and "t2" in tabs[2][3]
    assert warnings == ""


def test_going_back_to_the_first_framework_opens_a_second_set(build):
    names = ("numpy", "keras", "pytorch")
    page, warnings, _ = build(*[code(f"{name}{k}", name) for k in (1, 2) for name in names])
    assert [[tab[2] for tab in tabs] for tabs in tab_sets(page)] == [list(names), list(names)]
    assert warnings == ""


def test_prose_and_untagged_cells_stay_where_they_are(build):
    page, _, _ = build(
        code("before"),
        code("n", "numpy"),
        code("k", "keras"),
        code("t", "pytorch"),
        new_markdown_cell("Between."),
        code("after"),
    )
    text = page.select_one("div.body").get_text()
    order = [text.index(word) for word in ("before", "NumPy", "PyTorch", "Between.", "after")]
    assert order == sorted(order)
    assert len(tab_sets(page)) == 1


def test_first_tab_is_chosen_without_javascript(build):
    page, _, _ = build(code("n", "numpy"), code("k", "keras"), code("t", "pytorch"))
    inputs = page.select("div.sd-tab-set > input[type=radio]")
    assert [i.has_attr("checked") for i in inputs] == [True, False, False]


@pytest.mark.parametrize("missing", ["numpy", "keras", "pytorch"])
def test_a_set_that_lacks_a_framework_fails_the_strict_build(build, missing):
    cells = [code(name, name) for name in ("numpy", "keras", "pytorch") if name != missing]
    _, warnings, status = build(*cells, strict=True)
    assert status == 1
    assert "must hold numpy, keras, pytorch in this order" in warnings
    assert "found only " + ", ".join(cell.source for cell in cells) in warnings


def test_a_set_in_another_order_warns(build):
    _, warnings, _ = build(code("k", "keras"), code("n", "numpy"), code("t", "pytorch"))
    assert "found only keras;" in warnings


def test_prose_between_the_cells_of_a_set_warns(build):
    cells = [code("n", "numpy"), new_markdown_cell("So."), code("k", "keras"), code("t", "pytorch")]
    _, warnings, _ = build(*cells)
    assert "found only numpy;" in warnings and "found only keras, pytorch;" in warnings


def test_framework_only_allows_a_set_of_two(build):
    page, warnings, status = build(
        code("k", "keras", "framework-only"), code("t", "pytorch", "framework-only"), strict=True
    )
    assert [tab[0] for tab in tab_sets(page)[0]] == ["Keras", "PyTorch"]
    assert (warnings, status) == ("", 0)


def test_framework_only_must_stand_on_every_cell(build):
    _, warnings, _ = build(code("k", "keras", "framework-only"), code("t", "pytorch"))
    assert "found only keras, pytorch" in warnings


def test_a_cell_with_two_frameworks_warns(build):
    _, warnings, _ = build(code("n", "numpy", "keras"), code("t", "pytorch"))
    assert "belongs to one framework, found the tags numpy, keras" in warnings
