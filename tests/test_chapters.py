"""Each chapter as the reader runs it: within its time, and failing when a reader breaks a cell."""

import json
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
# On two CPU cores, all three frameworks, imports included.
SECONDS = {"01-hello": 60, "02-bptt": 150, "03-charlm": 150}


def code_cells(chapter):
    notebook = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4)
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


@pytest.mark.parametrize("chapter", SECONDS)
@pytest.mark.site
def test_a_chapter_keeps_to_its_time(chapter):
    results = json.loads((ROOT / "_build" / "results.json").read_text())["chapters"][chapter]
    assert results["device"] != "cpu" or results["seconds"] <= SECONDS[chapter]


def run(cells, *, until, changes=()):
    """Run the definitions of a chapter, and the cells its agreement table needs.

    Args: until, the id of the last cell; changes, (cell id, old text, new text) made before.
    """
    for cell_id, old, new in changes:
        assert cells[cell_id].source.count(old) == 1
        cells[cell_id].source = cells[cell_id].source.replace(old, new)
    # Where the readouts keep their weights: the chapter says so in a cell that is not run here.
    names = {"readout.kernel": "W_hy", "readout.weight": "W_hy.T", "readout.bias": "b_y"}
    namespace = {"__name__": "__main__", "names": names}
    for cell_id, cell in cells.items():
        needed = "quote" in cell.metadata or cell_id in ("imports", until)
        if needed:
            exec(compile(cell.source, cell_id, "exec"), namespace)
        if cell_id == until:
            return namespace


@pytest.mark.parametrize(
    ("cell_id", "old", "new", "blamed"),
    [
        ("cell-torch", "h_prev @ self.W_hh", "h_prev @ self.W_hh.T", "TorchSpeller"),
        ("cell-keras", "h_prev @ self.W_hh", "inputs @ self.W_xh", "KerasSpeller"),
        ("speller-torch", "hs.append(h)", "hs.insert(0, h)", "TorchSpeller"),
        ("layer-keras", 'name="rnn"', 'name="rnn", go_backwards=True', "keras SimpleRNN"),
    ],
)
def test_a_reader_who_breaks_a_cell_sees_it_in_the_agreement_table(cell_id, old, new, blamed):
    from unrolled.agreement import Disagreement

    cells = code_cells("01-hello")
    with pytest.raises(Disagreement, match=rf"{blamed}: outputs differs by .* in float64"):
        run(cells, until="agree-run", changes=[(cell_id, old, new)])


def test_the_unbroken_chapter_agrees():
    cells = code_cells("01-hello")
    assert run(cells, until="agree-run")["table"].largest("float64") <= 1e-10
