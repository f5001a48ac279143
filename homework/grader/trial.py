"""Tries an assignment as its author does: the solutions as students would hand them in."""

import itertools

from grader import release, variants
from grader.grade import grade


class Trial:
    """An assignment's source, with variants by student.

    Args:
        course: the course's folder.
        name: the assignment's.
    """

    def __init__(self, course, name):
        self.course, self.name = course, name
        self.release = release.from_source(course, name, by_student=True)
        self.spec = self.release.spec
        self.checks = [cell for cell in self.release.cells if cell.kind == "check"]
        self.hidden = [cell for cell in self.checks if cell.points]

    def options(self, student):
        """Return a student's choice as axis -> the short name of the option."""
        texts = self.spec.choose(student)
        return {axis: texts[next(iter(options[0]))] for axis, options in self.spec.variants.items()}

    def students(self):
        """Return students of whom each option of each axis is somebody's."""
        wanted = {
            (axis, next(iter(option.values())))
            for axis, options in self.spec.variants.items()
            for option in options
        }
        chosen = []
        for number in itertools.count():
            own = set(self.options(f"student-{number}").items())
            if own & wanted:
                chosen.append(f"student-{number}")
                wanted -= own
            if not wanted:
                return chosen

    def notebook(self, student, answers=None):
        """Return a student's notebook.

        Args:
            student: whose variant it is.
            answers: name of an answer -> its source with ``{{keys}}``; by default the solutions.
        """
        return self._filled(student, student, answers or {})

    def copied(self, student, other):
        """Return a student's notebook with the solutions for another's variant."""
        return self._filled(student, other, {})

    def blank(self, student):
        """Return the notebook that a student gets."""
        notebook = release.source(self.course, self.name)
        texts = self.release.texts(student)
        for cell in notebook.cells:
            kind = release.kind(cell)
            if kind == "written":
                cell.source = "YOUR ANSWER HERE"
            elif kind == "answer":
                cell.source = _unanswered(cell.source)
            cell.source = variants.render(release.without_hidden(cell.source), texts)
        return notebook

    def grade(self, notebook, student, **options):
        """Return the `Result` of a repaired notebook."""
        return grade(self.release.for_student(notebook, student), student, **options)

    def missed(self, notebook, student, **options):
        """Return the checks that a notebook fails, as name -> reason; visible ones, too."""
        outcomes = self.grade(notebook, student, **options).outcomes
        return {
            check.name: outcomes[check.name].reason
            for check in self.checks
            if not outcomes[check.name].passed
        }

    def points(self, notebook, student, **options):
        """Return the points of a notebook by its hidden checks."""
        missed = self.missed(notebook, student, **options)
        return sum(check.points for check in self.hidden if check.name not in missed)

    def _filled(self, student, answerer, answers):
        notebook = self.blank(student)
        texts = self.release.texts(answerer)
        for cell, kept in zip(notebook.cells, self.release.cells, strict=True):
            if kept.kind in ("answer", "written"):
                cell.source = variants.render(answers.get(kept.name, kept.source), texts)
        return notebook


def _unanswered(source):
    """Return an answer's source with nbgrader's stub in place of the solution."""
    lines, inside = [], False
    for line in source.splitlines():
        if "### BEGIN SOLUTION" in line:
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + part for part in release.STUB.splitlines()]
            inside = True
        elif "### END SOLUTION" in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)
