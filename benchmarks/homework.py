"""How fast and how right is the grader? ``python benchmarks/homework.py``.

- ``batch``: a course of 300 students hands in one assignment, solved, wrong, or blank, each with a
  variant; they are graded by ``make grade``'s own functions with two processes, from the files to
  the gradebook.
- ``right``: the solutions of every assignment, for 100 students, in all variants that they have,
  with the numbers of ten draws of each hidden check: none may fail.
- ``wrong``: mutmut's operators change the solutions in every way they know. Whatever still passes
  all hidden checks meets 1,000 other inputs: a wrong answer that passed is told from an equal one.

Needs the packages of requirements-homework.txt and requirements-test.txt, and bubblewrap. What is
found is printed, and kept in ``benchmarks/results/homework.json``; started again, the script goes
on with what is missing.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import date
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path += [str(ROOT / "homework"), str(ROOT / "code")]

from grader.sandbox import Limits  # noqa: E402

COURSE = ROOT / "homework"
RESULTS = ROOT / "benchmarks" / "results" / "homework.json"
DRAWS = 250  # of each check, each with several inputs: more than 1,000
# Wrong answers often do not end.
BRIEF = Limits(cell=5, call=2)


def names():
    """Return the names of the assignments."""
    return sorted(path.parent.name for path in COURSE.glob("source/*/assignment.json"))


def batch(name, count, jobs):
    """Grade a course of so many students; return how long it took, by parts."""
    import nbformat

    from grader import batch as grading
    from grader.course import Course
    from grader.trial import Trial

    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(COURSE / "source", Path(folder) / "source")
        students = Path(folder) / "students.csv"
        ids = [f"student-{number}" for number in range(count)]
        students.write_text("id\n" + "\n".join(ids) + "\n")
        course, trial = Course(folder), Trial(COURSE, name)
        course.enroll(students)
        course.release(name, by_student=True)
        expected = {}
        for number, student in enumerate(ids):
            notebook = trial.notebook(student)
            if number % 3 == 1:
                notebook = trial.copied(student, ids[number - 1])
            elif number % 10 == 0:
                notebook = trial.blank(student)
            else:
                expected[student] = sum(check.points for check in trial.hidden)
            path = course.folder / "submitted" / student / name / f"{name}.ipynb"
            path.parent.mkdir(parents=True)
            nbformat.write(notebook, path)
        began = time.perf_counter()
        graded = grading.grade_all(course.folder, name, jobs=jobs)
        middle = time.perf_counter()
        problems = course.autograde(name, ids)
        end = time.perf_counter()
        assert not problems and not any(one.problem for one in graded), problems
        points = {one.student: one.points for one in graded}
        assert all(points[student] == most for student, most in expected.items())
    own = sum(one.own_seconds for one in graded)
    return {
        "assignment": name,
        "students": count,
        "jobs": jobs,
        "seconds": end - began,
        "of these in the gradebook": end - middle,
        "own compute of all students": own,
        "seconds a submission": (end - began) / count,
        "seconds a submission over its own compute": (end - began) / count - own / count / jobs,
    }


def right(name):
    """Return how often solutions were tried, and which of them failed which checks."""
    from grader.trial import Trial

    trial = Trial(COURSE, name)
    failed, tried = {}, 0
    for number in range(100):
        student = f"student-{number}"
        cells = _drawn(trial, trial.notebook(student), student, draws=10)
        failed |= {f"{student}, {check}": why for check, why in _failed(cells, student).items()}
        tried += 10 * len(trial.hidden)
    return {"checks": tried, "failed": failed}


def wrong(name, every=1):
    """Return how many wrong answers there were, which were equal, and which passed.

    Args: every, to take one in so many.
    """
    from grader.trial import Trial

    trial = Trial(COURSE, name)
    students = trial.students()
    made = list(_mutants(trial))[::every]
    equal, passed, caught = [], [], 0
    hidden = {check.name for check in trial.hidden}
    for answer, source, what in made:
        # A change in what one option does is none for students who have another.
        for student in students:
            notebook = trial.notebook(student, {answer: source})
            if set(trial.missed(notebook, student, limits=BRIEF, check_seconds=5)) & hidden:
                caught += 1
                break
        else:
            own = _checks_of(trial, answer)
            failed = _failed(_drawn(trial, notebook, student, draws=DRAWS, only=own), student)
            (passed if failed else equal).append({"answer": answer, "what": what})
    return {"wrong": len(made), "caught": caught, "equal": equal, "passed": passed}


def _checks_of(trial, answer):
    """Return the names of the hidden checks between an answer and the next."""
    found, inside = set(), False
    for cell in trial.release.cells:
        if cell.kind == "answer":
            inside = cell.name == answer
        elif inside and cell.points:
            found.add(cell.name)
    return found


def _drawn(trial, notebook, student, draws, only=None):
    """Return the cells to grade, with hidden checks so many times: each draws other numbers."""
    hidden = {check.name for check in trial.hidden} if only is None else only
    cells = []
    for cell in trial.release.for_student(notebook, student):
        many = cell.name in hidden
        cells += [replace(cell, name=f"{cell.name} {n}") for n in range(draws)] if many else [cell]
    return cells


def _failed(cells, student):
    """Return the hidden checks that fail, and why."""
    from grader.grade import grade

    outcomes = grade(cells, student, BRIEF).outcomes
    checks = [cell.name for cell in cells if cell.kind == "check" and cell.points]
    return {name: outcomes[name].reason for name in checks if not outcomes[name].passed}


def _mutants(trial):
    """Yield each answer's name, its source with one change, and what was changed."""
    from libcst import Module
    from mutmut.mutation.file_mutation import create_mutations, deep_replace

    for cell in trial.release.cells:
        if cell.kind != "answer":
            continue
        module, mutations, *_ = create_mutations("answer.py", cell.source)
        for mutation in mutations:
            changed = deep_replace(module, mutation.original_node, mutation.mutated_node).code
            before, after = Module([]), Module([])
            what = [before.code_for_node(mutation.original_node).strip()]
            what.append(after.code_for_node(mutation.mutated_node).strip())
            if "{{" in what[0] or what[0].startswith('"""'):
                continue  # the name of a variant, or the text that explains the function
            yield cell.name, changed, " -> ".join(part.splitlines()[0][:60] for part in what)


def main():
    """Run the parts that were asked for and are missing."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="+", choices=["batch", "right", "wrong"])
    parser.add_argument("--assignments", nargs="+", choices=names(), default=names())
    parser.add_argument("--students", type=int, default=300, help="of the batch (default: 300)")
    parser.add_argument("--every", type=int, default=1, help="of `wrong`: one in so many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--again", action="store_true", help="also what was found before")
    options = parser.parse_args()
    kept = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for part in options.parts or ["batch", "right", "wrong"]:
        if part == "batch":
            todo = {"batch": lambda: batch("04-lstm", options.students, options.jobs)}
        else:
            todo = {f"{part} {name}": None for name in options.assignments}
        todo = {key: do for key, do in todo.items() if options.again or key not in kept}
        if part == "batch":
            for key, do in todo.items():
                _keep(kept, key, do())
            continue
        function = {"right": right, "wrong": partial(wrong, every=options.every)}[part]
        with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
            runs = {key: pool.submit(function, key.split()[1]) for key in todo}
            for key, run in runs.items():
                _keep(kept, key, run.result())


def _keep(kept, key, found):
    """Print a result and write all of them."""
    packages = ("numpy", "torch", "nbgrader", "msgspec", "mutmut")
    kept[key] = {
        "date": date.today().isoformat(),
        "device": f"{platform.machine()}, {os.cpu_count()} cores",
        "versions": {package: version(package) for package in packages},
        "found": found,
    }
    print(key, json.dumps(found, indent=2), flush=True)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")


if __name__ == "__main__":
    main()
