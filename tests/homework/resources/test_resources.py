"""Notebooks that use up time, memory, processes, disk, or the grader's patience.

Each costs its own question only, within its stated time. The files are as those of `tamper`.
"""

import re
import runpy
import time
from pathlib import Path

import psutil
import pytest

from grader.grade import grade
from grader.sandbox import Limits

HERE = Path(__file__).parent
cases = runpy.run_path(str(HERE.parent / "tamper" / "cases.py"))
LIMITS = Limits(memory=2**28, disk=2**25, processes=48, cell=1.5, call=0.8)
CASES = {path.stem: cases["read"](path) for path in sorted(HERE.glob("r*.py"))}
LARGE = """
same(step(np.zeros((1000, 200)), np.zeros((1000, 1)), np.ones((200, 1)), np.ones((1, 1)), 0.0),
     np.zeros((1000, 1)), "the state")
"""


@pytest.fixture(scope="module")
def cells():
    """Two questions with a hidden check each; the first asks for something large."""
    everything = {cell.name: cell for cell in cases["assignment"]("")}
    first = everything["step-hidden"]
    return [
        everything["tools"],
        everything["step"],
        first.__class__(first.kind, first.name, LARGE + first.source, first.points),
        everything["backward"],
        everything["backward-hidden"],
    ]


@pytest.fixture(scope="module", autouse=True)
def loaded():
    """Load what the checks import, so that it is not counted as growth."""
    import torch

    torch.ones(1, requires_grad=True).sum().backward()


def left_over(there):
    """Return the processes that have come since; a browser that other tests share may stay."""
    new = set(psutil.Process().children()) - there
    found = [process for child in new for process in [child, *child.children(recursive=True)]]
    return [process for process in found if process.status() != psutil.STATUS_ZOMBIE]


def peak():
    """Return the most memory that this process has had since `start_over`."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def start_over():
    Path("/proc/self/clear_refs").write_text("5")


@pytest.mark.parametrize("name", CASES)
def test_a_case_costs_its_own_question_within_its_time(name, cells):
    case = CASES[name]
    honest = {cell.name: cell.source for cell in cells if cell.kind == "answer"}
    attacked = cases["attacked"](cells, case._replace(cells=honest | case.cells), {})
    start_over()
    there = set(psutil.Process().children())
    before, started = psutil.Process().memory_info().rss, time.monotonic()
    result = grade(attacked, "mallory", LIMITS, check_seconds=5)
    seconds, grown = time.monotonic() - started, peak() - before
    outcomes = result.outcomes
    assert not outcomes["step-hidden"].passed
    assert re.search(case.shows, outcomes["step"].reason + outcomes["step-hidden"].reason)
    assert outcomes["backward"].passed and outcomes["backward-hidden"].passed
    assert seconds < case.seconds
    assert grown < 200 * 2**20
    deadline = time.monotonic() + 2
    while left_over(there) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left_over(there)


def test_without_a_case_both_questions_get_their_points(cells):
    result = grade(cells, "alice", LIMITS)
    assert cases["points"](cells, result) == (6, 6)


def test_the_cases_are_many_and_tell_what_they_try():
    assert len(CASES) >= 14
    for name in CASES:
        first = (HERE / f"{name}.py").read_text().splitlines()[0]
        assert first.startswith("# ") and first.endswith(".")
