"""Gradescope: a zip whose ``run_autograder`` calls the same checker as `batch`.

Gradescope runs an autograder in a container of its own for each submission: as root, without the
rights to make a sandbox in it. So the student's cells run there as another user without rights, and
the checks as root, in a folder that only root can read.
"""

import json
import os
import sys
import zipfile
from pathlib import Path

import nbformat

from grader import release, sandbox, variants
from grader.grade import grade
from grader.release import Cell, Release
from grader.repair import BadSubmission, read, repair
from grader.sandbox import Limits

SUBMISSION = Path("/autograder/submission")
RESULTS = Path("/autograder/results/results.json")
METADATA = Path("/autograder/submission_metadata.json")

SETUP = """\
#!/usr/bin/env bash
# Run once, when Gradescope builds the image.
set -euo pipefail
apt-get update
apt-get install --yes --no-install-recommends bubblewrap curl python3-pip
python3 -m pip install --quiet uv
export UV_PYTHON_INSTALL_DIR=/opt/python
uv venv --quiet --python 3.12 /opt/grader
cd /autograder/source
grep ^torch== requirements.txt > torch.txt
uv pip install --quiet --python /opt/grader --no-deps -r torch.txt \\
  --index https://download.pytorch.org/whl/cpu
uv pip install --quiet --python /opt/grader -r requirements.txt -r requirements-homework.txt
chown -R root:root /autograder
chmod -R go= /autograder
"""

RUN = """\
#!/usr/bin/env bash
# Run for each submission.
cd /autograder/source
PYTHONPATH=/autograder/source exec /opt/grader/bin/python -m grader.gradescope
"""


def make(course, name):
    """Write the zip for an assignment, which must be released; return its path.

    Where students have variants, Gradescope must know them by their ids: by e-mail.

    Raises:
        ValueError: if it does not.
    """
    found = release.from_gradebook(course.folder, name)
    others = [student.id for student in course.roster() if "@" not in student.id]
    if found.by_student and others:
        raise ValueError(
            f"{name} was released with a variant for each student. Gradescope knows students by "
            f"their e-mail addresses, so these must be their ids; {others[0]!r} is none"
        )
    fields = {
        "spec": {**vars(found.spec)},
        "shared": found.shared,
        "by_student": found.by_student,
        "cells": [vars(cell) for cell in found.cells],
        "release": nbformat.writes(
            nbformat.read(course.folder / "release" / name / f"{name}.ipynb", as_version=4)
        ),
    }
    path = course.folder / "gradescope" / f"{name}.zip"
    path.parent.mkdir(exist_ok=True)
    here = Path(__file__).parent
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for script, text in {"setup.sh": SETUP, "run_autograder": RUN}.items():
            entry = zipfile.ZipInfo(script)
            entry.external_attr = 0o755 << 16
            file.writestr(entry, text)
        for module in sorted(here.glob("*.py")):
            file.write(module, f"grader/{module.name}")
        file.writestr("assignment.json", json.dumps(fields))
        for name in ("requirements.txt", "requirements-homework.txt"):
            file.write(release.ROOT / name, name)
    return path


def run(source, submission=SUBMISSION, results=RESULTS, metadata=METADATA):
    """Grade what Gradescope has put in place; write its results."""
    fields = json.loads((source / "assignment.json").read_text(encoding="utf-8"))
    found = Release(
        variants.Spec(**fields["spec"]),
        tuple(Cell(**cell) for cell in fields["cells"]),
        fields["shared"],
        fields["by_student"],
    )
    student = json.loads(metadata.read_text(encoding="utf-8"))["users"][0]["email"]
    try:
        report = _report(found, fields, submission, student)
    except BadSubmission as error:
        report = {"score": 0, "output": f"This could not be graded: {error}"}
    # Written beside and moved: Gradescope never finds a half.
    new = results.with_suffix(".tmp")
    new.write_text(json.dumps(report), encoding="utf-8")
    os.replace(new, results)


def _report(found, fields, submission, student):
    """Return Gradescope's report on the one notebook that was handed in."""
    notebooks = sorted(submission.glob("*.ipynb"))
    if len(notebooks) != 1:
        raise BadSubmission(f"hand in one notebook; there are {len(notebooks)}")
    skeleton = nbformat.reads(fields["release"], as_version=4)
    notebook, notes = repair(skeleton, read(notebooks[0]))
    cells = found.for_student(notebook, student)
    # Where no sandbox can be made, the container is one, and the student another user in it.
    result = grade(cells, student, Limits(namespaces=sandbox.unavailable() is None))
    tests = []
    for cell in cells:
        if cell.kind == "check":
            outcome = result.outcomes[cell.name]
            hidden = release.without_hidden(cell.source) != cell.source.rstrip()
            tests.append(
                {
                    "name": cell.source.splitlines()[0].lstrip("# "),
                    "score": cell.points if outcome.passed else 0,
                    "max_score": cell.points,
                    "status": "passed" if outcome.passed else "failed",
                    "output": "" if hidden or outcome.passed else outcome.reason,
                    "visibility": "after_published" if hidden else "visible",
                }
            )
    return {"tests": tests, "output": "\n".join(notes), "execution_time": round(result.seconds)}


if __name__ == "__main__":
    run(Path.cwd())
    sys.exit()
