"""A small course, for the tests that need one: one assignment, two variants."""

import json
import shutil
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader import release, variants

HOMEWORK = Path(__file__).resolve().parents[2] / "homework"

STEP = '''\
def step(x, h_prev):
    """Return the next state."""
    ### BEGIN SOLUTION
    slope = {"double": 2.0, "triple": 3.0}["{{factor}}"]
    return slope * x + np.tanh(h_prev)
    ### END SOLUTION'''
VISIBLE = """\
# Visible: a state of zeros
assert np.shape(step(np.ones((2, 3)), np.zeros((2, 3)))) == (2, 3), "the shape is another"
"""
HIDDEN = """\
# Hidden: other shapes
### BEGIN HIDDEN TESTS
factor_of_the_variant = {"double": 2.0, "triple": 3.0}["{{factor}}"]
for shape in [(1, 1), (3, 2)]:
    x, h = rng.normal(size=shape), rng.normal(size=shape)
    same(step(x, h), factor_of_the_variant * x + np.tanh(h), "the state")
### END HIDDEN TESTS"""
PREDICT = """\
# What is 6 times 7?
### BEGIN SOLUTION
prediction_of_the_product = 42
### END SOLUTION"""
PRODUCT = """\
# Hidden: the product
### BEGIN HIDDEN TESTS
same(prediction_of_the_product, 6 * 7, "the product of six and seven")
### END HIDDEN TESTS"""
WHY = """\
### BEGIN SOLUTION
Because the hyperbolic tangent has the slope one at zero.
### END SOLUTION"""


def cell(kind, name, source, points=None):
    """Return a cell of an assignment's source."""
    make = new_code_cell if kind in ("given", "answer", "check") else new_markdown_cell
    meta = {
        "schema_version": 3,
        "grade_id": name,
        "grade": kind in ("check", "written"),
        "solution": kind in ("answer", "written"),
        "locked": kind not in ("answer", "written"),
        "task": False,
    }
    if meta["grade"]:
        meta["points"] = points
    return make(source, id=name, metadata={"nbgrader": meta})


def write_source(folder, name="tiny"):
    """Write a course's source with one small assignment."""
    notebook = new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        cells=[
            cell("text", "ask-step", "## Your cell\n\nIts input counts {{factor_text}}."),
            cell("answer", "step", STEP),
            cell("check", "step-visible", VISIBLE, 0),
            cell("check", "step-hidden", HIDDEN, 3),
            cell("text", "ask-product", "## A product"),
            cell("answer", "product", PREDICT),
            cell("check", "product-hidden", PRODUCT, 2),
            cell("text", "ask-why", "## Why?\n\nTwo points: the slope, and where."),
            cell("written", "why", WHY, 2),
        ],
    )
    fields = {
        "title": "A tiny cell",
        "chapter": "01-hello",
        "minutes": 5,
        "seconds": 0.1,
        "variants": {
            "factor": [
                {"factor": "double", "factor_text": "twice in each of its steps"},
                {"factor": "triple", "factor_text": "three times in each of its steps"},
            ]
        },
    }
    place = folder / "source" / name
    place.mkdir(parents=True)
    nbformat.write(notebook, place / f"{name}.ipynb")
    (place / "assignment.json").write_text(json.dumps(fields))
    shutil.copy(HOMEWORK / "source" / "header.ipynb", folder / "source")


def solve(folder, name, student, wrong=(), by=None):
    """Return a student's notebook with the solutions, for their variant or for that of another."""
    found = release.from_gradebook(folder, name)
    notebook = release.notebook(folder, found, student)
    solutions = {cell.name: cell for cell in release.from_source(folder, name).cells}
    for cell in notebook.cells:
        solution = solutions[cell.metadata.nbgrader.grade_id]
        if solution.kind in ("answer", "written") and solution.name not in wrong:
            cell.source = variants.render(solution.source, found.texts(by or student))
    return notebook


def hand_in(folder, name, student, notebook):
    """Write a notebook, or bytes, as a student's submission."""
    path = folder / "submitted" / student / name / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(notebook, bytes):
        path.write_bytes(notebook)
    else:
        nbformat.write(notebook, path)
