"""Grades many notebooks: in parallel, on a cluster, or again after an interruption.

What student code was run for is kept as one file a student, written whole or not at all; only then
does the one writer of the gradebook, nbgrader's own autograder, take it from there (`steps`).
"""

import hashlib
import json
import os
import signal
import tempfile
from concurrent.futures import FIRST_COMPLETED, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from multiprocessing import get_context
from pathlib import Path

from pebble import ProcessExpired, ProcessPool

from grader import release
from grader.grade import Result, grade, longest
from grader.repair import BadSubmission, read, repair

# Raised when the same notebook would be graded in another way.
VERSION = 2
# Of a process that runs checks: bytes, and the seconds that it may take itself for a notebook.
MEMORY, OWN_SECONDS = 6 * 2**30, 180


@dataclass(frozen=True)
class Task:
    """A submission to grade: the student, the cells, the key of the result."""

    student: str
    cells: tuple
    key: str
    trusted: bool = False


@dataclass
class Graded:
    """A student's submission as the summary shows it.

    Attributes:
        student: the student's id.
        problem: why it could not be graded, or "".
        notes: what was unusual.
        points: of the checks, out of ``most``.
        seconds: that grading took, ``own_seconds`` of them in the student's code; both as they were
            when the result was made, which may have been kept from before.
        kept: whether it was.
    """

    student: str
    problem: str = ""
    notes: tuple = ()
    points: float = 0.0
    most: float = 0.0
    seconds: float = 0.0
    own_seconds: float = 0.0
    kept: bool = False


def released(course, name):
    """Return the `release.Release` of an assignment, read once."""
    path = Path(course).resolve()
    notebook = path / "release" / name / f"{name}.ipynb"
    stamp = notebook.stat().st_mtime_ns if notebook.is_file() else None
    return _released(path, name, stamp, (path / "by-student" / name).is_dir())


@cache
def _released(course, name, stamp, by_student):
    return release.from_gradebook(course, name)


def result(course, found, cells, student, trusted=False):
    """Return the `Result` of a notebook: what was kept for just these cells, or a new one."""
    path = _path(course, found.name, student)
    task = _task(cells, student, trusted)
    kept = _kept(path, task.key)
    if kept:
        return kept
    [(_, fields)] = _in_processes([task], jobs=1)
    return _keep(path, task.key, fields)


def grade_all(course, name, jobs=1, dask=None, trusted=False, force=False, progress=None):
    """Grade every submission of an assignment that was not graded yet.

    Args:
        course: the course's folder.
        name: the assignment's.
        jobs: how many processes.
        dask: the address of a Dask scheduler instead, whose workers have this package.
        trusted: without a sandbox.
        force: also what was graded.
        progress: wraps the iterable of what comes in, as `tqdm` does; ``total`` is passed.

    Returns:
        A `Graded` for each student who submitted, in the order of their ids.
    """
    found = released(course, name)
    graded, tasks = {}, []
    for path in sorted((course / "submitted").glob(f"*/{name}/{name}.ipynb")):
        student = path.parent.parent.name
        try:
            skeleton = release.notebook(course, found, student)
            notebook, notes = repair(skeleton, read(path))
        except (BadSubmission, OSError) as error:
            graded[student] = Graded(student, problem=str(error))
            continue
        task = _task(found.for_student(notebook, student), student, trusted)
        graded[student] = Graded(student, notes=tuple(notes))
        kept = None if force else _kept(_path(course, name, student), task.key)
        if kept:
            graded[student].kept = True
            _score(graded[student], found, kept)
        else:
            tasks.append(task)
    keys = {task.student: task.key for task in tasks}
    done = _on_dask(tasks, dask) if dask else _in_processes(tasks, jobs)
    for student, fields in progress(done, total=len(tasks)) if progress else done:
        if isinstance(fields, str):
            graded[student].problem = fields
            continue
        new = _keep(_path(course, name, student), keys[student], fields)
        _score(graded[student], found, new)
    return [graded[student] for student in sorted(graded)]


def _score(graded, found, result):
    """Write the points and seconds of a result into a summary."""
    checks = [cell for cell in found.cells if cell.kind == "check"]
    graded.most = sum(cell.points for cell in checks)
    graded.points = sum(cell.points for cell in checks if result.outcomes[cell.name].passed)
    graded.seconds, graded.own_seconds = result.seconds, result.own_seconds


def _in_processes(tasks, jobs):
    """Yield a student and the fields of a result, as they come, from so many processes.

    Never from this one: what a student returns may be too much for a check, and the process that
    runs it is then without memory or time. It is replaced, and only that student is without points.
    """
    checks = [cell for task in tasks for cell in task.cells if cell.kind == "check"]
    torch = any("import torch" in cell.source for cell in checks)
    context = get_context("spawn")  # what PyTorch has started does not survive a fork
    jobs = min(jobs, max(1, len(tasks)))
    with ProcessPool(jobs, initializer=_prepare, initargs=[torch], context=context) as pool:
        waiting, tasks = {}, iter(tasks)
        try:
            while True:
                # A few at a time, so that an interruption waits for a few.
                while len(waiting) < 2 * jobs and (task := next(tasks, None)):
                    seconds = OWN_SECONDS + longest(task.cells)
                    waiting[pool.schedule(_grade, args=[task], timeout=seconds)] = task.student
                if not waiting:
                    return
                for future in wait(waiting, return_when=FIRST_COMPLETED).done:
                    student = waiting.pop(future)
                    try:
                        yield future.result()
                    except TimeoutError:
                        yield student, "its checks did not come to an end"
                    except (ProcessExpired, MemoryError) as error:
                        yield student, f"its checks ended the grader's process: {error}"
        finally:
            for future in waiting:
                future.cancel()


def _prepare(torch):
    """Load PyTorch, if the checks use it, before the first notebook waits for it."""
    # Ctrl-C is for the process that waits for this one, and ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if torch:
        import torch

        # One for each process is enough: they share the processors.
        torch.set_num_threads(1)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))


def _on_dask(tasks, address):
    """Yield a student and the fields of a result, as they come, from the workers of a cluster."""
    from distributed import Client, as_completed

    with Client(address, set_as_default=False) as client:
        futures = client.map(_grade, tasks, pure=False, retries=1)
        for _, value in as_completed(futures, loop=client.loop, with_results=True):
            yield value


def _grade(task):
    """Return the student of a task and the fields of the result, or a sentence on what failed."""
    try:
        return task.student, grade(task.cells, task.student, trusted=task.trusted).as_json()
    except Exception as error:
        # The grader's own failure. It names itself in the summary and costs nobody else's grade.
        return task.student, f"the grader failed: {type(error).__name__}: {error}"


def _task(cells, student, trusted):
    """Return the task of grading these cells."""
    what = [(cell.kind, cell.name, cell.source, cell.points) for cell in cells]
    parts = [VERSION, student, trusted, what]
    key = hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).hexdigest()
    return Task(student, tuple(cells), key, trusted)


def _path(course, name, student):
    """Return the file in which a student's result is kept."""
    return Path(course) / "results" / name / f"{student}.json"


def _kept(path, key):
    """Return the result that was kept under a key, or None."""
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        return Result.from_json(fields["result"]) if fields["key"] == key else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None  # damaged, or of an older grader


def _keep(path, key, fields):
    """Write a result, whole or not at all; return it."""
    if isinstance(fields, str):
        raise RuntimeError(fields)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=path.parent, suffix=".tmp", delete=False) as file:
        json.dump({"key": key, "result": fields}, file)
    os.replace(file.name, path)
    return Result.from_json(fields)
