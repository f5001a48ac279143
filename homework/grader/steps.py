"""The steps of nbgrader that are replaced, and the configuration that replaces them.

``nbgrader``'s own commands, its formgrader's buttons among them, take these steps too: no command
runs a student's cell outside of the sandbox.
"""

from pathlib import Path

import nbformat
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    ComputeChecksums,
    GetGrades,
    IncludeHeaderFooter,
    LimitOutput,
    LockCells,
    NbGraderPreprocessor,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
    SaveCells,
)
from traitlets import Bool, Unicode
from traitlets.config import Config

from grader import batch, pages, release, variants
from grader.repair import repair


class _Step(NbGraderPreprocessor):
    """A step that knows the course and, for a submission, the release and the student."""

    course = Unicode(help="The course's folder").tag(config=True)
    trust_students = Bool(False, help="Run submissions without a sandbox").tag(config=True)

    def preprocess(self, nb, resources):
        """Do the step for a notebook; nbgrader calls this."""
        names = resources["nbgrader"]
        found = batch.released(self.course, names["assignment"])
        return self.apply(nb, found, names["student"]), resources


class Render(_Step):
    """Fill in the variant that is released to all; the gradebook keeps the ``{{keys}}``."""

    def preprocess(self, nb, resources):
        """Do the step for the source of an assignment, which has no release yet."""
        found = release.from_source(Path(self.course), resources["nbgrader"]["assignment"])
        texts = found.texts()
        for cell in nb.cells:
            cell.source = variants.render(cell.source, texts)
        return nb, resources


class Repair(_Step):
    """Put the answers of a submission into the release."""

    def apply(self, nb, found, student):
        """Return the repaired notebook."""
        skeleton = release.notebook(Path(self.course), found, student)
        return repair(skeleton, nbformat.writes(nb).encode("utf-8", "replace"))[0]


class Outcomes(_Step):
    """Grade a notebook in the sandbox, or take what was kept, and write how it went as outputs."""

    def apply(self, nb, found, student):
        """Return the notebook with its student's own texts, and outputs."""
        cells = found.for_student(nb, student)
        result = batch.result(Path(self.course), found, cells, student, self.trust_students)
        for cell, graded in zip(nb.cells, cells, strict=True):
            cell.source = graded.source
            if cell.cell_type != "code":
                continue
            outcome = result.outcomes[graded.name]
            cell.outputs = []
            if outcome.printed:
                cell.outputs.append(
                    nbformat.v4.new_output("stream", name="stdout", text=outcome.printed)
                )
            if not outcome.passed:
                what = "Not passed" if graded.kind == "check" else "Stopped"
                cell.outputs.append(
                    nbformat.v4.new_output(
                        "error",
                        ename=what,
                        evalue=outcome.reason,
                        traceback=[f"{what}: {outcome.reason}"],
                    )
                )
        return nb


class HideTests(NbGraderPreprocessor):
    """Leave the hidden part of the checks out of the feedback, and what it said."""

    def preprocess_cell(self, cell, resources, cell_index):
        """Do it for a cell; nbgrader calls this."""
        seen = release.without_hidden(cell.source)
        if seen != cell.source.rstrip():
            cell.source = seen
            for output in cell.get("outputs", []):
                if output.output_type == "error":
                    output.evalue, output.traceback = "", [output.ename]
        return cell, resources


def config(course):
    """Return nbgrader's configuration for a course's folder."""
    course = course.resolve()
    c = Config()
    c.CourseDirectory.root = str(course)
    c.CourseDirectory.course_id = "unrolled"
    c.CourseDirectory.db_url = release.database(course)
    # assignment.json names all variants: neither students nor nbgrader get it.
    c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__", "assignment.json"]
    c.IncludeHeaderFooter.header = str(course / "source" / "header.ipynb")
    c.ClearSolutions.code_stub = {"python": release.STUB}
    for step in (Render, Repair, Outcomes):
        c[step.__name__].course = str(course)
    c.GenerateAssignment.preprocessors = [
        IncludeHeaderFooter,
        LockCells,
        ClearSolutions,
        ClearOutput,
        CheckCellMetadata,
        ComputeChecksums,
        SaveCells,
        ClearHiddenTests,
        ClearMarkScheme,
        Render,
        ComputeChecksums,
        CheckCellMetadata,
    ]
    # The metadata are the release's, so nbgrader need not check them for each submission.
    c.Autograde.sanitize_preprocessors = [
        Repair,
        ClearOutput,
        OverwriteKernelspec,
        OverwriteCells,
    ]
    c.Autograde.autograde_preprocessors = [
        Outcomes,
        LimitOutput,
        SaveAutoGrades,
        AssignLatePenalties,
    ]
    c.GenerateFeedback.preprocessors = [GetGrades, HideTests, CSSHTMLHeaderPreprocessor]
    pages.configure(c)
    return c
