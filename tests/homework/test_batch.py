"""homework/grader/batch.py: many notebooks, in whatever way they are run, and after a stop."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest

from grader import batch
from grader.course import Course
from grader.grade import Outcome, Result
from grader.release import Cell

from .tiny import hand_in, solve, write_source

ROOT = Path(__file__).resolve().parents[2]
STUDENTS = "ada", "ben", "cat", "dan", "eve"


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    """A course whose students gave right, wrong, endless and unreadable answers."""
    folder = tmp_path_factory.mktemp("batch") / "course"
    write_source(folder)
    Course(folder).release("tiny")
    for student in STUDENTS:
        notebook = solve(folder, "tiny", student, wrong=["step"] * (student == "ben"))
        hand_in(folder, "tiny", student, notebook)
    ended = solve(folder, "tiny", "cat")
    [step] = [cell for cell in ended.cells if cell.id == "step"]
    step.source = "def step(x, h_prev):\n    import os; os._exit(1)"
    hand_in(folder, "tiny", "cat", ended)
    hand_in(folder, "tiny", "dan", nbformat.writes(ended).encode()[:-100])
    return folder


@pytest.fixture
def course(handed_in):
    """The same folder, without any results."""
    shutil.rmtree(handed_in / "results", ignore_errors=True)
    return handed_in


@pytest.fixture
def ran(monkeypatch):
    """The students whose notebooks would be run in this process; all of them pass everything."""
    students = []

    def grade(cells, student, **options):
        students.append(student)
        return Result({cell.name: Outcome() for cell in cells})

    monkeypatch.setattr(batch, "grade", grade)
    monkeypatch.setattr(batch, "_in_processes", lambda tasks, jobs: map(batch._grade, tasks))
    return students


def summary(graded):
    """What of each student's line doesn't depend on the time."""
    return [replace(one, seconds=0.0, own_seconds=0.0, kept=False) for one in graded]


def outcomes(course):
    """What was kept for each student, without the seconds."""
    files = sorted((course / "results" / "tiny").iterdir())
    return {path.stem: json.loads(path.read_text())["result"]["outcomes"] for path in files}


def test_a_broken_notebook_costs_nobody_else_a_grade(course):
    graded = batch.grade_all(course, "tiny")
    assert [one.student for one in graded] == list(STUDENTS)
    assert [one.points for one in graded] == [5, 2, 2, 0, 5]
    assert [bool(one.problem) for one in graded] == [False, False, False, True, False]
    assert {path.name for path in (course / "results" / "tiny").iterdir()} == {
        f"{student}.json" for student in set(STUDENTS) - {"dan"}
    }


def test_processes_and_a_cluster_grade_as_one_process_does(course):
    from distributed import LocalCluster

    one = summary(batch.grade_all(course, "tiny")), outcomes(course)
    assert (summary(batch.grade_all(course, "tiny", jobs=2, force=True)), outcomes(course)) == one
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        address = cluster.scheduler_address
        graded = batch.grade_all(course, "tiny", dask=address, force=True)
    assert (summary(graded), outcomes(course)) == one


def test_an_interrupted_batch_goes_on_where_it_stopped(course, ran):
    def stopped(items, total):
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        batch.grade_all(course, "tiny", progress=stopped)
    assert ran == ["ada"] and set(outcomes(course)) == {"ada"}
    graded = batch.grade_all(course, "tiny")
    assert ran == ["ada", "ben", "cat", "eve"]
    assert [one.student for one in graded if one.kept] == ["ada"]
    assert [one.points for one in graded] == [5, 5, 5, 0, 5]


def test_a_batch_that_was_killed_goes_on_where_it_stopped(course, ran):
    source = f"""
from pathlib import Path
from grader import batch
def first(items, total):
    yield next(items)
    print("kept", flush=True)
    Path("/dev/stdin").read_text()
batch.grade_all(Path({str(course)!r}), "tiny", progress=first)
"""
    path = os.pathsep.join([str(ROOT / "homework"), str(ROOT / "code")])
    process = subprocess.Popen(
        [sys.executable, "-c", source],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert process.stdout.readline() == b"kept\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    batch.grade_all(course, "tiny")
    assert ran == ["ben", "cat", "eve"]


@pytest.mark.parametrize("length", [0, 1, 100, -1])
def test_a_result_that_was_cut_short_is_made_again(course, ran, length):
    batch.grade_all(course, "tiny")
    ran.clear()
    path = course / "results" / "tiny" / "eve.json"
    before = path.read_bytes()
    path.write_bytes(before[:length])
    graded = batch.grade_all(course, "tiny")
    assert ran == ["eve"] and graded[-1].points == 5
    assert json.loads(path.read_text())["key"] == json.loads(before)["key"]


def test_only_what_changed_is_graded_again(course, ran):
    batch.grade_all(course, "tiny")
    ran.clear()
    path = course / "submitted" / "ben" / "tiny" / "tiny.ipynb"
    before = path.read_bytes()
    hand_in(course, "tiny", "ben", solve(course, "tiny", "ben"))
    graded = batch.grade_all(course, "tiny")
    path.write_bytes(before)
    assert ran == ["ben"] and graded[1].points == 5


def test_a_failure_of_the_graders_own_names_itself(course, monkeypatch):
    def fails(cells, student, **options):
        if student == "ben":
            raise ZeroDivisionError("by zero")
        return Result({cell.name: Outcome() for cell in cells})

    monkeypatch.setattr(batch, "grade", fails)
    monkeypatch.setattr(batch, "_in_processes", lambda tasks, jobs: map(batch._grade, tasks))
    graded = batch.grade_all(course, "tiny")
    assert graded[1].problem == "the grader failed: ZeroDivisionError: by zero"
    assert "ben" not in outcomes(course) and graded[4].points == 5


def test_a_check_that_ends_its_process_or_does_not_end_costs_one_student(monkeypatch):
    """What students return may be too much for a check: the teacher's process is not the one."""
    monkeypatch.setattr(batch, "OWN_SECONDS", -88)  # 90 of the notebook's own are left out
    tools = Cell("given", "tools", "import numpy as np, os, signal")
    checks = {
        "ada": "pass",
        "ben": "os.kill(os.getpid(), signal.SIGKILL)",
        "cat": "np.ones(2**34)",
        "dan": "while True: pass",
        "eve": "pass",
    }
    tasks = [
        batch._task([tools, Cell("check", "check", source, 1.0)], student, trusted=False)
        for student, source in checks.items()
    ]
    found = dict(batch._in_processes(tasks, jobs=2))
    passed = {
        student: fields["outcomes"]["check"]["passed"]
        for student, fields in found.items()
        if isinstance(fields, dict)
    }
    assert passed == {"ada": True, "cat": False, "eve": True}
    assert "MemoryError" in found["cat"]["outcomes"]["check"]["reason"]
    assert "ended the grader's process" in found["ben"]
    assert "did not come to an end" in found["dan"]
