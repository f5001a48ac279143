"""The zip for Gradescope grades as the book's own command does, and is complete."""

import json
import os
import subprocess
import sys
import zipfile

import nbformat
import pytest

from grader import gradescope, sandbox
from grader.course import Course

from .tiny import solve, write_source

TRIPLES, DOUBLES = "one@example.org", "two@example.org"


@pytest.fixture(scope="module")
def container(tmp_path_factory):
    """What Gradescope unpacks, and the course it was made of."""
    folder = tmp_path_factory.mktemp("gradescope")
    write_source(folder / "course")
    (folder / "students.csv").write_text(f"id\n{TRIPLES}\n{DOUBLES}\n")
    course = Course(folder / "course")
    course.enroll(folder / "students.csv")
    course.release("tiny", by_student=True)
    path = gradescope.make(course, "tiny")
    with zipfile.ZipFile(path) as file:
        file.extractall(folder / "source")
        modes = {entry.filename: entry.external_attr >> 16 for entry in file.infolist()}
    assert modes["setup.sh"] & 0o111 and modes["run_autograder"] & 0o111
    return folder / "source", course


def grade(container, tmp_path, notebook, student=None):
    """Hand a notebook in, run the autograder in a process of its own; return its report."""
    source, _ = container
    submission = tmp_path / "submission"
    submission.mkdir()
    if isinstance(notebook, bytes):
        (submission / "mine.ipynb").write_bytes(notebook)
    else:
        nbformat.write(notebook, submission / "mine.ipynb")
    metadata = tmp_path / "metadata.json"
    metadata.write_text(json.dumps({"users": [{"email": student or TRIPLES}]}))
    results = tmp_path / "results.json"
    code = (
        "import sys; from pathlib import Path; from grader import gradescope;"
        "gradescope.run(*map(Path, sys.argv[1:]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, source, submission, results, metadata],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(source)},  # and not this repository
        cwd=tmp_path,
        check=True,
    )
    return json.loads(results.read_text())


def points(report):
    return {test["name"]: (test["score"], test["max_score"]) for test in report["tests"]}


def test_right_answers_and_what_students_see(container, tmp_path):
    report = grade(container, tmp_path, solve(container[1].folder, "tiny", TRIPLES))
    assert points(report) == {
        "Visible: a state of zeros": (0, 0),
        "Hidden: other shapes": (3, 3),
        "Hidden: the product": (2, 2),
    }
    assert [test["visibility"] for test in report["tests"]] == [
        "visible",
        "after_published",
        "after_published",
    ]
    assert "factor_of_the_variant" not in json.dumps(report)


def test_another_students_answers(container, tmp_path):
    notebook = solve(container[1].folder, "tiny", TRIPLES)
    report = grade(container, tmp_path, notebook, student=DOUBLES)
    assert points(report)["Hidden: other shapes"] == (0, 3)


def test_what_is_no_notebook(container, tmp_path):
    report = grade(container, tmp_path, b"%PDF-1.7")
    assert report["score"] == 0 and "could not be graded" in report["output"]


def test_with_variants_it_must_know_students_by_their_ids(course):
    course.release("tiny", by_student=True)
    with pytest.raises(ValueError, match="e-mail addresses, so these must be their ids; 'ada'"):
        gradescope.make(course, "tiny")
    course.release("tiny", same_for_all=True)
    assert gradescope.make(course, "tiny").is_file()


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user, as root in a container can")
def test_without_namespaces_the_student_is_another_user(tmp_path):
    secret = tmp_path / "assignment.json"
    secret.write_text("the checks")
    tmp_path.chmod(0o700)
    from grader.messages import Run

    limits = sandbox.Limits(namespaces=False)
    with sandbox.Sandbox(limits) as made:
        attack = f"import os\nassert os.getuid() > 1000\nprint(open({str(secret)!r}).read())"
        answer = made.ask(Run(0, "attack", attack), 10)
        assert "Permission denied" in answer.error and "the checks" not in answer.printed
        daemon = "import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(60)"
        made.ask(Run(0, "daemon", daemon), 10)
        user = made.user
    import psutil

    left = [p for p in psutil.process_iter(["uids"]) if p.info["uids"].real == user]
    assert all(process.status() == psutil.STATUS_ZOMBIE for process in left)
