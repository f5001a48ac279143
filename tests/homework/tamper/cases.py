"""Reads the assignment and the hostile notebooks of this folder, and puts the two together.

A case is a Python file. Its first comment says what is tried. Then come cells: `# %% step` is the
answer of that name, `# %% *` each answer, `# %% notebook` defines `damage(notebook)`, which a
student does to the file before handing it in, `# %% next` is what another student hands in next.
Two comments may follow the first: `# seconds: 7`, within which grading must end, and
`# shows: text`, a regular expression that is found in the outcomes, as a proof that the case did
what it is there for ("tried" if there is no such comment).
"""

import ast
import json
import re
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import nbformat

from grader import release, variants
from grader.repair import repair

HERE = Path(__file__).parent
COURSE = HERE.parents[2] / "homework"
STUB = "# YOUR CODE HERE\nraise NotImplementedError('not answered yet')"

Case = namedtuple("Case", "name cells seconds shows")


def read(path):
    """Return the case of a file."""
    text = path.read_text(encoding="utf-8")
    head = text.partition("# %%")[0]
    seconds, shows = (re.search(rf"^# {key}: (.+)$", head, re.M) for key in ("seconds", "shows"))
    return Case(
        path.stem,
        dict(_percent(text)),
        float(seconds[1]) if seconds else 10.0,
        shows[1] if shows else "tried",
    )


def assignment(secret):
    """Return the cells of the assignment, with its solutions and with a secret in its checks."""
    header = nbformat.read(COURSE / "source" / "header.ipynb", as_version=4)
    tools = next(cell for cell in header.cells if cell.get("id") == "tools")
    cells = [release.Cell("given", "tools", tools.source)]
    text = (HERE / "assignment.py").read_text(encoding="utf-8")
    for title, source in _percent(text.replace("{{secret}}", secret)):
        name, kind, *points = title.split()
        cells.append(release.Cell(kind, name, source, float(*points)))
    return cells


def real(name):
    """Return the cells of an assignment of the book, as one student gets them."""
    found = release.from_source(COURSE, name, by_student=True)
    texts = found.texts("mallory")
    return [replace(cell, source=variants.render(cell.source, texts)) for cell in found.cells]


def attacked(cells, case, values):
    """Return the cells of an assignment with the answers of a case; other answers are empty."""
    values = values | _wanted(cells)
    answers = {
        cell.name: _filled(case.cells.get(cell.name, case.cells.get("*", STUB)), values)
        for cell in cells
        if cell.kind == "answer"
    }
    return [replace(cell, source=answers.get(cell.name, cell.source)) for cell in cells]


def repaired(cells, submission):
    """Return the cells to grade after what was handed in was repaired."""
    spec = variants.Spec("ps1", "A cell", "01-hello", 1, 1, {})
    notebook, _ = repair(released(cells), submission)
    return release.Release(spec, tuple(cells), {}).for_student(notebook, "mallory")


def released(cells):
    """Return the notebook that students get."""
    notebook = nbformat.v4.new_notebook()
    for cell in cells:
        source = STUB if cell.kind == "answer" else release.without_hidden(cell.source)
        new = nbformat.v4.new_code_cell(source, id=cell.name)
        new.metadata.nbgrader = {
            "grade_id": cell.name,
            "grade": cell.kind == "check",
            "locked": cell.kind != "answer",
            "solution": cell.kind == "answer",
            "schema_version": 3,
            "task": False,
        }
        if cell.kind == "check":
            new.metadata.nbgrader.points = cell.points
        notebook.cells.append(new)
    return notebook


def damaged(case, notebook):
    """Return the bytes of a notebook that a case damages, as a student may hand them in."""
    names = {}
    exec(compile(case.cells["notebook"], case.name, "exec"), names)
    result = names["damage"](notebook)
    return result if isinstance(result, bytes) else json.dumps(notebook).encode()


def points(cells, result):
    """Return the points of a result, and the most there are."""
    checks = [cell for cell in cells if cell.kind == "check"]
    got = sum(cell.points for cell in checks if result.outcomes[cell.name].passed)
    return got, sum(cell.points for cell in checks)


def _percent(text):
    """Yield the title and the source of each cell of a file in percent format."""
    for part in re.split(r"^# %% ", text, flags=re.M)[1:]:
        title, _, source = part.partition("\n")
        yield title.strip(), source.strip()


def _filled(source, values):
    for key, value in values.items():
        source = source.replace("{{" + key + "}}", str(value))
    return source


def _wanted(cells):
    """Return what the answers must define, as every student knows it.

    `functions` is a text such as "step:1 step_backward:5", with the number of results of each.
    """
    functions, values = [], []
    for cell in cells:
        for node in ast.parse(cell.source).body if cell.kind == "answer" else ():
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                returned = [n.value for n in ast.walk(node) if isinstance(n, ast.Return)]
                counts = [len(value.elts) for value in returned if isinstance(value, ast.Tuple)]
                functions.append(f"{node.name}:{max(counts, default=1)}")
            elif isinstance(node, ast.Assign):
                places = (place for target in node.targets for place in ast.walk(target))
                values += [place.id for place in places if isinstance(place, ast.Name)]
    return {"functions": " ".join(functions), "values": " ".join(values)}
