"""An assignment as it was released: its cells in order, with the checks that students don't get.

The checks come from the gradebook, where `nbgrader generate_assignment` put them, and never from a
submission.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.utils import is_grade, is_solution

from book import address
from grader import variants

ROOT = Path(__file__).resolve().parents[2]

_HIDDEN = re.compile(
    r"^[ \t]*### BEGIN HIDDEN TESTS.*?^[ \t]*### END HIDDEN TESTS[^\n]*\n?",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Cell:
    """A cell of an assignment.

    Attributes:
        kind: "text", "given", "answer", "check" or "written".
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
    """An assignment: its `variants.Spec`, its cells, whether each student has a variant."""

    spec: variants.Spec
    cells: tuple
    by_student: bool = False

    @property
    def name(self):
        """The assignment's name."""
        return self.spec.name

    def texts(self, student=None):
        """Return the texts of a student's variant, and those that all students share."""
        return self.shared() | self.spec.choose(student if self.by_student else None)

    def shared(self):
        """Return the texts of the header, which do not depend on the student."""
        points = sum(cell.points for cell in self.cells)
        return {
            "title": self.spec.title,
            "chapter": str(int(self.spec.chapter[:2])),
            "address": f"{address.configured(ROOT).site}chapters/{self.spec.chapter}.html",
            "minutes": str(self.spec.minutes),
            "points": f"{points:g}",
        }

    def for_student(self, notebook, student):
        """Return the cells to grade: the release's, rendered, with the answers of a notebook."""
        answers = {
            cell.metadata.nbgrader.grade_id: cell.source
            for cell in notebook.cells
            if is_solution(cell)
        }
        texts = self.texts(student)
        return [
            replace(cell, source=answers[cell.name])
            if cell.kind in ("answer", "written") and cell.name in answers
            else replace(cell, source=variants.render(cell.source, texts))
            for cell in self.cells
        ]


def kind(cell):
    """Return the kind of a notebook's cell (`Cell`)."""
    if cell.cell_type == "markdown":
        return "written" if is_grade(cell) else "text"
    return "check" if is_grade(cell) else "answer" if is_solution(cell) else "given"


def without_hidden(source):
    """Return a check's source as students see it."""
    return _HIDDEN.sub("", source).rstrip()


def from_source(course, name, by_student=False):
    """Return the `Release` of an assignment's source; its answers are the solutions."""
    cells = [
        Cell(
            kind(cell),
            cell.metadata.nbgrader.grade_id,
            cell.source,
            float(cell.metadata.nbgrader.get("points", 0)),
        )
        for cell in source(course, name).cells
    ]
    return Release(variants.read(course / "source" / name), tuple(cells), by_student)


def from_gradebook(course, name):
    """Return the `Release` of an assignment as the gradebook has it; its answers are empty.

    Raises:
        NotReleased: if there is none.
    """
    released = course / "release" / name / f"{name}.ipynb"
    if not released.is_file():
        raise NotReleased(f"{name} is not released: there is no {released}")
    notebook = nbformat.read(released, as_version=4)
    cells = []
    with Gradebook(database(course)) as gradebook:
        for cell in notebook.cells:
            meta = cell.metadata.nbgrader
            try:
                kept = gradebook.find_source_cell(meta.grade_id, name, name)
            except MissingEntry:
                raise NotReleased(
                    f"the gradebook has no cell {meta.grade_id!r} of {name}: release it again"
                ) from None
            points = float(meta.points) if is_grade(cell) else 0.0
            cells.append(Cell(kind(cell), meta.grade_id, kept.source, points))
    spec = variants.read(course / "source" / name)
    return Release(spec, tuple(cells), (course / "by-student" / name).is_dir())


def database(course):
    """Return the address of the course's gradebook."""
    return f"sqlite:///{course.resolve() / 'gradebook.db'}"


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
