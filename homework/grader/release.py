"""An assignment as it was released: its cells in order, with the checks that students don't get.

The checks come from the gradebook, where `nbgrader generate_assignment` put them, and never from a
submission.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat

from grader import variants

ROOT = Path(__file__).resolve().parents[2]

# What stands where students answer.
STUB = '# YOUR CODE HERE\nraise NotImplementedError("not answered yet")'

# What the header says of the equations.
OWN = "**Yours alone.** Some of the equations below are yours: other students have others."
SHARED = "**For everyone.** In a course, some of the equations below may be each student's own."


def _region(name):
    """Return the pattern of a region of a cell between two marks."""
    marks = (rf"^[ \t]*### {edge} {name}" for edge in ("BEGIN", "END"))
    return re.compile(r".*?".join(marks) + r"[^\n]*\n?", re.MULTILINE | re.DOTALL)


_HIDDEN, _SOLUTION = _region("HIDDEN TESTS"), _region("SOLUTION")


@dataclass(frozen=True)
class Cell:
    """A cell of an assignment.

    Attributes:
        kind: "text", "given", "answer", "check" or "written"; "added" if it is a student's own.
        name: nbgrader's ``grade_id``.
        source: with ``{{keys}}`` until it is rendered.
        points: 0 for what is not graded.
    """

    kind: str
    name: str
    source: str
    points: float = 0.0


@dataclass(frozen=True)
class Release:
    """An assignment.

    Attributes:
        spec: its `variants.Spec`.
        cells: of its notebook, in order.
        shared: the texts of all students, which the header asks for.
        by_student: whether each student has a variant.
    """

    spec: variants.Spec
    cells: tuple
    shared: dict
    by_student: bool = False

    @property
    def name(self):
        """The assignment's name."""
        return self.spec.name

    def texts(self, student=None):
        """Return the texts of a student's variant, and those that all students share."""
        own = self.spec.choose(student if self.by_student else None)
        return self.shared | {"whose": OWN if self.by_student else SHARED} | own

    def for_student(self, notebook, student):
        """Return the cells to grade.

        They are the release's, rendered, with the answers of a repaired notebook, and the cells
        that the student added where they stand in it.
        """
        answers, added, own = {}, {}, []
        for cell in notebook.cells:
            if meta := cell.metadata.get("nbgrader"):
                answers[meta.grade_id] = cell.source
                added[meta.grade_id], own = own, []
            elif cell.cell_type == "code":
                own.append(Cell("added", cell.id, cell.source))
        texts, cells = self.texts(student), []
        for cell in self.cells:
            theirs = cell.kind in ("answer", "written")
            source = answers[cell.name] if theirs else variants.render(cell.source, texts)
            cells += [*added[cell.name], replace(cell, source=source)]
        return cells + own


def kind(cell):
    """Return the kind of a notebook's cell (`Cell`)."""
    meta = cell.metadata.nbgrader
    if cell.cell_type == "markdown":
        return "written" if meta.grade else "text"
    return "check" if meta.grade else "answer" if meta.solution else "given"


def without_solution(source):
    """Return an answer's source without the solution."""
    return _SOLUTION.sub("", source).rstrip()


def without_hidden(source):
    """Return a check's source as students see it."""
    return _HIDDEN.sub("", source).rstrip()


def from_source(course, name, by_student=False):
    """Return the `Release` of an assignment's source; its answers are the solutions."""
    cells = [_cell(cell, cell.source) for cell in source(course, name).cells]
    return _release(course, name, cells, by_student)


def from_gradebook(course, name):
    """Return the `Release` of an assignment as the gradebook has it; its answers are empty.

    Raises:
        NotReleased: if there is none.
    """
    from nbgrader.api import Gradebook, MissingEntry

    released = course / "release" / name / f"{name}.ipynb"
    if not released.is_file():
        raise NotReleased(f"{name} is not released: there is no {released}")
    cells = []
    with Gradebook(database(course)) as gradebook:
        for cell in nbformat.read(released, as_version=4).cells:
            grade_id = cell.metadata.nbgrader.grade_id
            try:
                kept = gradebook.find_source_cell(grade_id, name, name)
            except MissingEntry:
                raise NotReleased(
                    f"the gradebook has no cell {grade_id!r} of {name}: release it again"
                ) from None
            cells.append(_cell(cell, kept.source))
    return _release(course, name, cells, (course / "by-student" / name).is_dir())


def _cell(cell, text):
    """Return a notebook's cell as a `Cell` with this source."""
    meta = cell.metadata.nbgrader
    return Cell(kind(cell), meta.grade_id, text, float(meta.points) if meta.grade else 0.0)


def _release(course, name, cells, by_student):
    """Return the `Release` of these cells."""
    from book import address

    spec = variants.read(course / "source" / name)
    shared = {
        "title": spec.title,
        "chapter": str(int(spec.chapter[:2])),
        "address": f"{address.configured(ROOT).site}chapters/{spec.chapter}.html",
        "minutes": str(spec.minutes),
        "points": f"{sum(cell.points for cell in cells):g}",
    }
    return Release(spec, tuple(cells), shared, by_student)


def database(course):
    """Return the address of the course's gradebook."""
    from sqlalchemy import URL

    return str(URL.create("sqlite", database=str(course.resolve() / "gradebook.db")))


class NotReleased(ValueError):
    """There is no release of an assignment; the text says what to do."""


def source(course, name):
    """Return the source notebook of an assignment, with the cells that all of them begin with."""
    folder = course / "source"
    notebook = nbformat.read(folder / name / f"{name}.ipynb", as_version=4)
    notebook.cells = nbformat.read(folder / "header.ipynb", as_version=4).cells + notebook.cells
    return notebook


def notebook(course, found, student):
    """Return the notebook that a student gets: nbgrader's release with the student's own texts."""
    released = nbformat.read(course / "release" / found.name / f"{found.name}.ipynb", as_version=4)
    texts = found.texts(student)
    for cell, kept in zip(released.cells, found.cells, strict=True):
        cell.source = variants.render(without_hidden(kept.source), texts)
    return released
