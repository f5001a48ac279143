"""nbgrader's formgrader, as a teacher uses it: opens, shows an answer, saves a mark."""

import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from grader.__main__ import main

from .tiny import HOMEWORK, hand_in, solve

ROOT = Path(__file__).resolve().parents[2]
ATTACK = "The slope. <script>document.title = 'taken'</script><img src=x onerror=\"alert(1)\">"


@pytest.fixture
def formgrader(course):
    """The address of a formgrader for a course in which Ada was graded, and the course."""
    course.release("tiny", by_student=True)
    notebook = solve(course.folder, "tiny", "ada", wrong=["why"])
    next(cell for cell in notebook.cells if cell.id == "why").source = ATTACK
    hand_in(course.folder, "tiny", "ada", notebook)
    main(["--course", str(course.folder), "grade", "tiny"])
    (course.folder / "nbgrader_config.py").write_text((HOMEWORK / "nbgrader_config.py").read_text())
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "JUPYTER_TOKEN": "secret",
        "PYTHONPATH": f"{HOMEWORK}:{ROOT / 'code'}",
        "JUPYTER_CONFIG_DIR": str(course.folder / "jupyter"),
    }
    command = [sys.executable, "-m", "grader", "--course", course.folder, "marks"]
    server = subprocess.Popen([*command, f"--port={port}"], env=environment, start_new_session=True)
    address = f"http://localhost:{port}/formgrader"
    try:
        for _ in range(600):
            try:
                urlopen(f"{address}?token=secret", timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        yield address, course
    finally:
        os.killpg(server.pid, 15)
        server.wait()


def test_a_mark_is_given_in_the_browser(formgrader, browser):
    address, course = formgrader
    page = browser.new_page()
    alerts = []
    page.set_default_timeout(10000)
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.goto(f"{address.removesuffix('formgrader')}lab?token=secret")
    page.goto(f"{address}/gradebook/tiny/")
    page.get_by_role("link", name="tiny").last.click()
    page.get_by_role("link", name="Submission #1").click()
    page.wait_for_load_state("networkidle")
    assert page.title() != "taken"
    assert page.get_by_text("three times in each of its steps").count()  # Ada's variant
    assert page.get_by_text("Two points: the slope, and where.").count()  # the rubric
    score = page.locator("input.score").last
    score.fill("1.5")
    score.blur()
    page.wait_for_load_state("networkidle")
    end = time.monotonic() + 20
    while course.grades("tiny")["ada"][0] != 6.5 and time.monotonic() < end:
        time.sleep(0.2)
    assert course.grades("tiny")["ada"] == (6.5, 7, False, 0)
    assert not alerts
    page.close()
