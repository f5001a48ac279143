"""What a teacher does with a course, by nbgrader: release, grade, feedback, export."""

import csv
import io
import logging
import os
import re
import secrets
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import warnings
from datetime import UTC
from pathlib import Path

import nbformat
from nbformat.v4 import new_notebook
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment, GenerateFeedback, NbGraderException
from nbgrader.coursedir import CourseDirectory
from nbgrader.plugins import CsvExportPlugin
from nbgrader.preprocessors import AssignLatePenalties
from traitlets.config import PyFileConfigLoader

from grader import leaks, release
from grader.collect import Student, collect, read_roster
from grader.steps import config

CONFIG = "nbgrader_config.py"


class CourseError(ValueError):
    """Something that the teacher can mend; the text says how."""


class Course:
    """A course's folder: sources, releases, submissions, grades.

    Args:
        folder: with ``source`` in it; all the rest is made.
    """

    def __init__(self, folder):
        self.folder = Path(folder).resolve()
        if set("*?[]") & set(str(self.folder)):
            raise CourseError(f"nbgrader takes *, ?, [ and ] for patterns: rename {self.folder}")
        for shown in map(Path, ("/usr", sys.prefix, sys.base_prefix)):
            if self.folder.is_relative_to(shown):
                raise CourseError(f"students' code sees what is in {shown}: move the course")
        self.config = config(self.folder)
        if (self.folder / CONFIG).is_file():
            # Whatever a teacher has set there holds for these commands, too.
            self.config.merge(PyFileConfigLoader(CONFIG, str(self.folder)).load_config())
        # To make a gradebook, nbgrader calls alembic, a program that is installed beside it.
        path, scripts = os.environ.get("PATH", ""), sysconfig.get_path("scripts")
        if scripts not in path.split(os.pathsep):
            os.environ["PATH"] = os.pathsep.join([scripts, path])
        if not (self.folder / "source" / "header.ipynb").is_file():
            raise CourseError(f"{self.folder} is no course: it has no source/header.ipynb")

    def assignments(self):
        """Return the names of the assignments that have a source."""
        return sorted(path.parent.name for path in self.folder.glob("source/*/assignment.json"))

    def gradebook(self):
        """Return the gradebook, to be used in ``with``; it is made if there is none."""
        return Gradebook(release.database(self.folder), "unrolled")

    def enroll(self, path):
        """Take the students of a CSV file (id, first_name, last_name, email, lms_user_id).

        Returns:
            How many.
        """
        students = read_roster(Path(path))
        with self.gradebook() as gradebook:
            for student in students:
                fields = {key: value or None for key, value in vars(student).items()}
                gradebook.update_or_create_student(fields.pop("id"), **fields)
        return len(students)

    def roster(self):
        """Return the `collect.Student`s of the gradebook."""
        names = Student.__dataclass_fields__
        with self.gradebook() as gradebook:
            return sorted(
                (Student(**{name: getattr(one, name) or "" for name in names}))
                for one in gradebook.students
            )

    def release(self, name, due=None, by_student=False, same_for_all=False, progress=iter):
        """Make the notebooks that students get, and check that nothing leaks.

        Args:
            name: the assignment's.
            due: when it is due, an aware `datetime`.
            by_student: also a notebook for each student of the gradebook, with the student's own
                variant.
            same_for_all: not so, although it was: what students have answered by then is of
                another variant.
            progress: wraps the iterable of students, as `tqdm` does.

        Returns:
            The `release.Release`.
        """
        self._must_have(name)
        folder = self.folder / "by-student" / name
        if folder.is_dir() and not by_student and not same_for_all:
            raise CourseError(
                f"{name} was released with a variant for each student, and their answers are of "
                "these: say --variant-by-student again, or --same-for-all if you mean it"
            )
        roster = self.roster() if by_student else []
        if by_student and not roster:
            raise CourseError("variants by student need students: enroll them first")
        self._convert(GenerateAssignment, name)
        with self.gradebook() as gradebook:
            # nbgrader keeps times in UTC.
            when = due and due.astimezone(tz=None).isoformat()
            gradebook.update_or_create_assignment(name, **({"duedate": when} if due else {}))
        shutil.rmtree(folder, ignore_errors=True)
        if by_student:
            folder.mkdir(parents=True)
        found = release.from_gradebook(self.folder, name)
        for student in progress(roster):
            own = release.notebook(self.folder, found, student.id)
            nbformat.write(own, folder / f"{student.id}.ipynb")
        found_leaks = leaks.find(self.folder, name)
        if found_leaks:
            raise CourseError("the release gives away what it must not:\n" + "\n".join(found_leaks))
        return found

    def publish(self, progress=iter):
        """Write the notebooks that everyone may open, the release for all of each assignment.

        They are made in a course of their own, so that this one stays as it is.

        Returns:
            The files that changed.
        """
        changed = []
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(self.folder / "source", Path(folder) / "source")
            other = Course(folder)
            for name in progress(other.assignments()):
                other.release(name)
                made = (other.folder / "release" / name / f"{name}.ipynb").read_bytes()
                path = self.folder / "assignments" / f"{name}.ipynb"
                if not path.is_file() or path.read_bytes() != made:
                    path.parent.mkdir(exist_ok=True)
                    path.write_bytes(made)
                    changed.append(path)
        return changed

    def stale(self, name, student):
        """Return whether the gradebook has no grade, or one for another time of handing in."""
        places = (self.folder / part / student / name for part in ("submitted", "autograded"))
        times = [place / "timestamp.txt" for place in places]
        texts = [path.read_bytes() if path.is_file() else None for path in times]
        return texts[0] != texts[1] or student not in self.autograded(name)

    def autograded(self, name):
        """Return the ids of the students whose grades are in the gradebook."""
        return sorted(path.parent.parent.name for path in self._files("autograded", name, "ipynb"))

    def collect(self, name, source, aliases=None, replace=False, progress=iter):
        """Take what was handed in (`collect.collect`) as submissions."""
        found = release.from_gradebook(self.folder, name)
        return collect(
            source,
            name,
            lambda student: release.notebook(self.folder, found, student),
            self.roster(),
            self.folder / "submitted",
            due=self.due(name),
            aliases=aliases,
            replace=replace,
            progress=progress,
        )

    def autograde(self, name, students, trusted=False, progress=iter):
        """Write the grades of these students into the gradebook: the one writer.

        Args:
            name: the assignment's.
            students: their ids.
            trusted: whether they were graded without a sandbox.
            progress: wraps the iterable of students, as `tqdm` does.

        Returns:
            A sentence for each student for whom it failed.
        """
        problems = {}
        self.config.Outcomes.trust_students = trusted
        for student in progress(students):
            try:
                self._convert(Autograde, name, student)
            except CourseError as error:
                problems[student] = str(error)
        return problems

    def feedback(self, name, progress=iter):
        """Write each graded student's feedback; return the pages."""
        self._must_have(name)
        self._penalize(name)
        for student in progress(self.autograded(name)):
            self._convert(GenerateFeedback, name, student)
        return sorted(self._files("feedback", name, "html"))

    def grades(self, name):
        """Return by student: points, the most, whether an answer waits for a mark, seconds late."""
        with self.gradebook() as gradebook:
            try:
                submissions = gradebook.assignment_submissions(name)
            except MissingEntry:
                return {}
            return {
                submission.student.id: (
                    submission.score,
                    submission.max_score,
                    submission.needs_manual_grade,
                    submission.total_seconds_late,
                )
                for submission in submissions
            }

    def export(self, path):
        """Write all grades as CSV, by nbgrader."""
        for name in self.assignments():
            self._penalize(name)
        with self.gradebook() as gradebook:
            plugin = CsvExportPlugin(config=self.config)
            plugin.to = str(path)
            plugin.export(gradebook)
        _without_formulas(Path(path))

    def formgrader(self, port):
        """Serve nbgrader's formgrader on this computer alone; return when it is stopped."""
        if not (self.folder / CONFIG).is_file():
            raise CourseError(f"the formgrader needs {self.folder / CONFIG}")
        token = os.environ.get("JUPYTER_TOKEN") or secrets.token_urlsafe(16)
        print(f"Open http://localhost:{port}/formgrader?token={token}", flush=True)
        print("Ctrl-C ends it; marks are saved as you give them.", flush=True)
        extension = {"nbgrader.server_extensions.formgrader": True}
        command = [sys.executable, "-m", "jupyter_server", "--no-browser", "--ip=localhost"]
        command += [f"--port={port}", f"--ServerApp.jpserver_extensions={extension}"]
        command += ["--ServerApp.default_url=/formgrader", "--log-level=ERROR"]
        if hasattr(os, "getuid") and os.getuid() == 0:
            command.append("--allow-root")
        server = subprocess.Popen(
            command, cwd=self.folder, env={**os.environ, "JUPYTER_TOKEN": token}
        )
        try:
            return server.wait()
        except KeyboardInterrupt:
            server.terminate()
            server.wait()
            return 0

    def due(self, name):
        """Return when an assignment is due (UTC), or None."""
        with self.gradebook() as gradebook:
            try:
                when = gradebook.find_assignment(name).duedate
            except MissingEntry:
                return None
        return when and when.replace(tzinfo=UTC)

    def _files(self, folder, name, kind):
        return self.folder.glob(f"{folder}/*/{name}/{name}.{kind}")

    def _penalize(self, name):
        """Let nbgrader's rule for late submissions see the points that there are by now."""
        step = AssignLatePenalties(config=self.config)
        for student in self.autograded(name):
            names = {"student": student, "assignment": name, "notebook": name}
            names["db_url"] = release.database(self.folder)
            step.preprocess(new_notebook(), {"nbgrader": names})

    def _must_have(self, name):
        if name not in self.assignments():
            known = ", ".join(self.assignments())
            raise CourseError(f"there is no assignment {name!r}; there are: {known}")

    def _convert(self, converter, name, student="*"):
        """Run one of nbgrader's converters.

        Raises:
            CourseError: if it fails, with what its log says at the end.
        """
        config = self.config.copy()
        config.CourseDirectory.assignment_id = name
        config.CourseDirectory.student_id = student
        made = converter(coursedir=CourseDirectory(config=config), config=config)
        made.force = True
        made.log = logging.Logger("nbgrader", logging.ERROR)
        said = io.StringIO()
        made.log.addHandler(logging.StreamHandler(said))
        with warnings.catch_warnings():
            # About nbgrader's own way with SQLAlchemy.
            warnings.simplefilter("ignore")
            try:
                made.start()
            except NbGraderException as error:
                lines = [line for line in said.getvalue().splitlines() if line.strip()]
                errors = [line for line in lines if re.match(r"[\w.]+: ", line)] or [error]
                raise CourseError(f"nbgrader failed: {errors[-1]}") from error


def _without_formulas(path):
    """Quote what a spreadsheet would take for a formula: students may choose their names."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    for row in rows:
        row[:] = [f"'{x}" if x.startswith(("=", "+", "-", "@", "\t")) else x for x in row]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
