"""Notebooks that try to get points, secrets or power they have no right to; nothing comes of it."""

import json
import os
import re
import runpy
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from grader.grade import grade
from grader.repair import BadSubmission
from grader.sandbox import Limits

HERE = Path(__file__).parent
cases = runpy.run_path(str(HERE / "tamper" / "cases.py"))
LIMITS = Limits(memory=2**29, processes=64, cell=2, call=1)
LONGEST = 20_000  # characters of any outcome, so that a class's results stay small
CASES = {path.stem: cases["read"](path) for path in sorted((HERE / "tamper").glob("t*.py"))}
# Those that can be tried against any assignment at all.
GENERAL = [name for name, case in CASES.items() if "{{functions}}" in case.cells.get("*", "")]
REAL = sorted(path.stem for path in (cases["COURSE"] / "source").glob("*/*.ipynb"))


@dataclass
class Outside:
    """What is there besides the sandbox, and what a case may know of it."""

    folder: Path
    secret: str
    values: dict
    listening: list

    def files(self):
        paths = sorted(path for path in self.folder.rglob("*") if not path.is_socket())
        return {p: (p.stat().st_mtime_ns, p.is_file() and p.read_bytes()) for p in paths}

    def processes(self, there=frozenset()):
        """Return the processes that a sandbox has left: of ours, and those that bear the mark.

        Children that were there, a browser that other tests share, may stay, and have others.
        """
        new = set(psutil.Process().children()) - there
        found = [process for child in new for process in [child, *child.children(recursive=True)]]
        for process in psutil.process_iter(["cmdline", "status"]):
            if self.values["marker"] in (process.info["cmdline"] or ()):
                found.append(process)
        return [p for p in found if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]

    def connections(self):
        for listener in self.listening:
            try:
                yield listener.accept()
            except BlockingIOError:
                continue


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    """A course with a secret in each place where graders have some, and a network."""
    folder = tmp_path_factory.mktemp("course")
    secret = f"canary-{secrets.token_hex(16)}"
    files = "canary.txt", "gradebook.db", "source/ps1/ps1.ipynb", "release/ps1/ps1.ipynb"
    for name in (*files, "submitted/alice/ps1/ps1.ipynb", "home/.ssh/id_ed25519"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(secret)
    abstract = f"unrolled-{os.getpid()}"
    listening = [socket.create_server(("127.0.0.1", 0))]
    for address in (str(folder / "socket"), f"\0{abstract}"):
        listening.append(socket.socket(socket.AF_UNIX))
        listening[-1].bind(address)
        listening[-1].listen()
    for listener in listening:
        listener.setblocking(False)
        listener.set_inheritable(True)
    values = {
        "course": folder,
        "canary": folder / "canary.txt",
        "home": folder / "home",
        "abstract": abstract,
        "port": listening[0].getsockname()[1],
        "marker": str(10**6 + os.getpid()),
    }
    with pytest.MonkeyPatch.context() as patch, (folder / "canary.txt").open() as left_open:
        os.set_inheritable(left_open.fileno(), True)
        patch.setenv("UNROLLED_CANARY", secret)
        patch.setenv("HOME", str(folder / "home"))
        patch.chdir(folder)
        yield Outside(folder, secret, values, listening)
    for listener in listening:
        listener.close()


@pytest.fixture(autouse=True)
def unharmed(outside):
    """Look whether a case has changed anything outside, or left anything behind."""
    before, threads = outside.files(), threading.active_count()
    there = set(psutil.Process().children())
    yield
    assert outside.files() == before
    assert not list(outside.connections())
    deadline = time.monotonic() + 2
    while (left := outside.processes(there)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left
    assert threading.active_count() == threads


def graded(outside, case, cells):
    """Return the points of a case, and the text of all outcomes; check what holds for each case."""
    started = time.monotonic()
    result = grade(cells, "mallory", LIMITS, check_seconds=5)
    seconds = time.monotonic() - started
    text = json.dumps(result.as_json(), ensure_ascii=False)
    assert outside.secret not in text
    assert "EVIDENCE" not in text
    for outcome in result.outcomes.values():
        assert len(outcome.printed) <= LONGEST and len(outcome.reason) <= LONGEST
    assert seconds < case.seconds
    return cases["points"](cells, result)[0], text


@pytest.mark.parametrize("name", [name for name, c in CASES.items() if "notebook" not in c.cells])
def test_hostile_answers_get_no_points(name, outside):
    case = CASES[name]
    cells = cases["attacked"](cases["assignment"](outside.secret), case, outside.values)
    got, text = graded(outside, case, cells)
    assert got == 0
    assert re.search(case.shows, text)
    if "next" in case.cells:
        after = case._replace(cells={"step": case.cells["next"]})
        cells = cases["attacked"](cells, after, outside.values)
        assert graded(outside, case, cells)[0] == 0


@pytest.mark.parametrize("name", [name for name, c in CASES.items() if "notebook" in c.cells])
def test_a_damaged_notebook_gets_no_points(name, outside):
    case = CASES[name]
    cells = cases["assignment"](outside.secret)
    submission = cases["damaged"](case, cases["released"](cells))
    try:
        cells = cases["repaired"](cells, submission)
    except BadSubmission:
        return
    got, text = graded(outside, case, cells)
    assert got == 0
    assert re.search(case.shows, text)


@pytest.mark.parametrize("assignment", REAL)
@pytest.mark.parametrize("name", GENERAL)
def test_no_assignment_gives_points_for_nothing(name, assignment, outside):
    case = CASES[name]
    cells = cases["attacked"](cases["real"](assignment), case, outside.values)
    result = grade(cells, "mallory", LIMITS, check_seconds=5)
    checks = [cell for cell in cells if cell.kind == "check" and cell.points]
    assert not [cell.name for cell in checks if result.outcomes[cell.name].passed]


def test_an_honest_notebook_gets_all_points_on_the_same_way(outside):
    cells = cases["assignment"](outside.secret)
    solutions = {cell.name: cell.source for cell in cells if cell.kind == "answer"}
    notebook = cases["released"](cells)
    for cell in notebook.cells:
        cell.source = solutions.get(cell.id, cell.source)
    result = grade(cases["repaired"](cells, json.dumps(notebook).encode()), "alice", LIMITS)
    assert cases["points"](cells, result) == (7, 7)
    assert all(outcome.passed for outcome in result.outcomes.values())


def test_the_cases_are_many_and_tell_what_they_try():
    assert len(CASES) >= 46 and len(GENERAL) >= 5
    for name in CASES:
        first = (HERE / "tamper" / f"{name}.py").read_text().splitlines()[0]
        assert first.startswith("# ") and first.endswith(".")
