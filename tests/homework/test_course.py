"""From a source to grades: what a teacher's commands do, and what they refuse."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest

from grader import release
from grader.__main__ import _table, main
from grader.course import Course, CourseError

from .tiny import HOMEWORK, hand_in, solve

ROOT = Path(__file__).resolve().parents[2]


def run(course, *arguments):
    """Run a command of the grader in this process; return its exit status."""
    return main(["--course", str(course.folder), *map(str, arguments)])


@pytest.fixture
def released(course):
    """The course with a variant for each student, and both students' right answers."""
    course.release("tiny", by_student=True)
    for student in ("ada", "eve"):
        hand_in(course.folder, "tiny", student, solve(course.folder, "tiny", student))
    return course


def test_from_release_to_csv(released, capsys):
    assert run(released, "grade", "tiny") == 0
    said = capsys.readouterr().out
    assert said.count("5 of 5") == 2 and said.count("to be marked") == 2
    assert "2 graded; median 5, lowest 5, highest 5 points by checks." in said

    with released.gradebook() as gradebook:
        grade = gradebook.find_grade("why", "tiny", "tiny", "ada")
        grade.manual_score = 1.5
        grade.needs_manual_grade = False
        gradebook.db.commit()
    assert run(released, "export") == 0
    rows = list(csv.DictReader((released.folder / "grades.csv").open()))
    assert {row["student_id"]: (row["score"], row["max_score"]) for row in rows} == {
        "ada": ("6.5", "7.0"),
        "eve": ("5.0", "7.0"),
    }


def test_another_students_answer_fails_where_the_variant_matters(released, capsys):
    copied = solve(released.folder, "tiny", "ada", by="eve")
    hand_in(released.folder, "tiny", "ada", copied)
    run(released, "grade", "tiny")
    said = capsys.readouterr().out
    assert "ada      2 of 5" in said and "eve      5 of 5" in said


def test_what_was_graded_is_not_graded_again_unless_it_changed(released, capsys):
    run(released, "grade", "tiny")
    capsys.readouterr()
    run(released, "grade", "tiny")
    assert capsys.readouterr().out.count("graded before") == 2
    hand_in(released.folder, "tiny", "eve", solve(released.folder, "tiny", "eve", wrong=["step"]))
    run(released, "grade", "tiny")
    said = capsys.readouterr().out
    assert said.count("graded before") == 1 and "eve      2 of 5" in said
    assert released.grades("tiny")["eve"][0] == 2


def test_a_mark_by_hand_survives_grading_again(released):
    run(released, "grade", "tiny")
    with released.gradebook() as gradebook:
        gradebook.find_grade("why", "tiny", "tiny", "ada").manual_score = 2
        gradebook.db.commit()
    run(released, "grade", "tiny", "--force")
    assert released.grades("tiny")["ada"][0] == 7


def test_nbgraders_own_command_grades_in_the_sandbox_too(released):
    folder = released.folder
    (folder / "nbgrader_config.py").write_text((HOMEWORK / "nbgrader_config.py").read_text())
    spy = folder / "seen"
    notebook = solve(folder, "tiny", "ada")
    answer = next(cell for cell in notebook.cells if cell.id == "step")
    answer.source += f"\nopen({str(spy)!r}, 'w').write('here')"
    hand_in(folder, "tiny", "ada", notebook)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "PYTHONPATH": f"{HOMEWORK}:{ROOT / 'code'}"}
    command = [sys.executable, "-m", "nbgrader", "autograde", "tiny", "--student=ada"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    assert not spy.exists()
    assert released.grades("tiny")["ada"][0] == 5
    assert (folder / "results" / "tiny" / "ada.json").is_file()


def test_one_broken_notebook_is_named_and_the_others_are_graded(released, capsys):
    hand_in(released.folder, "tiny", "eve", b"<!DOCTYPE html><html>Please log in</html>")
    assert run(released, "grade", "tiny") == 1
    said = capsys.readouterr().out
    assert "ada      5 of 5" in said and "1 graded, 1 not: see the table" in said
    line = next(line for line in said.splitlines() if line.startswith("eve"))
    assert "of 5" not in line and "web page" in line.lower() or "html" in line.lower()


class TestFeedback:
    @pytest.fixture
    def page(self, released):
        """Ada's page: her step is wrong, and she attacks whoever reads it."""
        notebook = solve(released.folder, "tiny", "ada", wrong=["step"])
        for cell in notebook.cells:
            if cell.id == "why":
                cell.source = (
                    "<script>steal()</script><img src=x onerror=steal()> [x](javascript:a)"
                )
            if cell.id == "product":
                cell.source += "\nprint('<script>steal()</script>')"
        hand_in(released.folder, "tiny", "ada", notebook)
        run(released, "grade", "tiny")
        assert run(released, "feedback", "tiny") == 0
        return (released.folder / "feedback/ada/tiny/tiny.html").read_text()

    def test_it_shows_visible_checks_and_only_the_names_of_hidden_ones(self, page):
        assert "Visible: a state of zeros" in page and "the shape is another" in page
        assert "Hidden: other shapes" in page
        assert "factor_of_the_variant" not in page
        assert "HIDDEN TESTS" not in page
        assert "six and seven" not in page

    def test_it_shows_points(self, page):
        assert "2 of 7 points" in page
        rows = re.findall(r"<tr>(.*?)</tr>", page, re.DOTALL)
        rows = [re.sub(r"\s+", " ", re.sub(r"<.*?>", " ", row)).strip() for row in rows]
        assert rows[1:] == [
            "Visible: a state of zeros not passed",
            "Hidden: other shapes 0 of 3",
            "Hidden: the product 2 of 2",
            "Your answer in words 0 of 2",
        ]

    def test_it_shows_the_students_own_variant(self, page):
        assert "three times in each of its steps" in page
        assert "twice" not in page and "{{" not in page

    def test_what_students_write_runs_in_no_browser(self, page):
        assert "steal()</script>" not in page.replace("&lt;script&gt;steal()&lt;/script&gt;", "")
        assert "<script>steal" not in page
        assert "onerror=" not in page.replace("onerror=steal()&gt;", "")
        assert 'href="javascript:' not in page


class TestRelease:
    def test_students_get_their_own_equations_and_no_list_of_the_others(self, released):
        texts = {
            student: (released.folder / f"by-student/tiny/{student}.ipynb").read_text()
            for student in ("ada", "eve")
        }
        assert "three times in each of its steps" in texts["ada"] and "twice" not in texts["ada"]
        assert "twice in each of its steps" in texts["eve"] and "three times" not in texts["eve"]
        for text in texts.values():
            assert "raise NotImplementedError" in text and "{{" not in text

    def test_without_variants_everyone_gets_the_same(self, course):
        found = course.release("tiny")
        assert not found.by_student
        cells = [release.notebook(course.folder, found, name).cells for name in ("ada", "eve")]
        assert cells[0] == cells[1]

    def test_only_known_assignments(self, course, capsys):
        assert run(course, "release", "tony") == 1
        assert "there is no assignment 'tony'; there are: tiny" in capsys.readouterr().err

    def test_variants_need_students(self, source):
        with pytest.raises(CourseError, match="enroll them first"):
            Course(source).release("tiny", by_student=True)

    def test_a_release_that_leaks_is_refused(self, course, capsys):
        steps = course.config.GenerateAssignment.preprocessors
        course.config.GenerateAssignment.preprocessors = [
            step for step in steps if step.__name__ != "ClearHiddenTests"
        ]
        with pytest.raises(CourseError, match="BEGIN HIDDEN TESTS"):
            course.release("tiny")


def test_grading_needs_a_release(course, capsys):
    assert run(course, "grade", "tiny") == 1
    assert "tiny is not released" in capsys.readouterr().err


def test_a_folder_that_is_no_course(tmp_path, capsys):
    assert main(["--course", str(tmp_path), "grade", "tiny"]) == 1
    assert "is no course" in capsys.readouterr().err


def test_without_a_sandbox_it_says_what_to_do_and_grades_nothing(released, monkeypatch, capsys):
    from grader import sandbox

    monkeypatch.setattr(sandbox, "unavailable", lambda: "bubblewrap is not installed")
    assert run(released, "grade", "tiny") == 1
    said = capsys.readouterr().err
    for advice in ("apt-get install bubblewrap", "apparmor", "Docker", "--trust-students"):
        assert advice in said
    assert not (released.folder / "results").exists()

    # Nowhere on this system, not in the processes that run the checks either.
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    assert run(released, "grade", "tiny", "--trust-students") == 0
    assert "ada      5 of 5" in capsys.readouterr().out
    assert released.grades("tiny")["ada"][0] == 5


def test_collect_and_grade(course, tmp_path, capsys):
    course.release("tiny", by_student=True)
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    nbformat.write(solve(course.folder, "tiny", "ada"), downloads / "ada.ipynb")
    (downloads / "stranger.ipynb").write_text("{}")
    assert run(course, "collect", "tiny", downloads) == 0
    assert "stranger" in capsys.readouterr().out
    assert run(course, "grade", "tiny") == 0
    assert "ada      5 of 5" in capsys.readouterr().out


def test_an_interrupted_batch_goes_on_where_it_was(released, capsys):
    """The second student's function hangs; the command is interrupted meanwhile, and repeated."""
    folder = released.folder
    slow = solve(folder, "tiny", "eve")
    answer = next(cell for cell in slow.cells if cell.id == "step")
    answer.source = "def step(x, h_prev):\n    import time\n    time.sleep(9)"
    hand_in(folder, "tiny", "eve", slow)
    environment = {**os.environ, "PYTHONPATH": f"{HOMEWORK}:{ROOT / 'code'}"}
    process = subprocess.Popen(
        [sys.executable, "-m", "grader", "--course", folder, "grade", "tiny"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    kept = folder / "results" / "tiny" / "ada.json"
    end = time.monotonic() + 60
    while not kept.exists() and time.monotonic() < end:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert "the same command goes on" in process.communicate()[1]
    assert process.returncode == 130
    assert [path.name for path in kept.parent.iterdir()] == ["ada.json"]
    json.loads(kept.read_text())
    hand_in(folder, "tiny", "eve", solve(folder, "tiny", "eve"))
    assert run(released, "grade", "tiny") == 0
    said = capsys.readouterr().out
    assert said.count("5 of 5") == 2 and said.count("graded before") == 1


def test_penalties_follow_the_teachers_rule_and_the_marks_of_the_day(course):
    folder = course.folder
    rule = 'c.LateSubmissionPlugin.penalty_method = "zero"'
    settings = (HOMEWORK / "nbgrader_config.py").read_text().replace("# " + rule, rule)
    (folder / "nbgrader_config.py").write_text(settings)
    course = Course(folder)
    course.release("tiny", due=datetime(2027, 3, 1, 18, tzinfo=UTC))
    for student, when in (("ada", "2027-03-01 17:59:00"), ("eve", "2027-03-01 18:01:00")):
        hand_in(folder, "tiny", student, solve(folder, "tiny", student))
        (folder / "submitted" / student / "tiny" / "timestamp.txt").write_text(f"{when} UTC")
    run(course, "grade", "tiny")
    with course.gradebook() as gradebook:  # an answer in words is marked afterwards
        for student in ("ada", "eve"):
            gradebook.find_grade("why", "tiny", "tiny", student).manual_score = 2
        gradebook.db.commit()
    run(course, "export")
    rows = list(csv.DictReader((folder / "grades.csv").open()))
    assert {row["student_id"]: row["score"] for row in rows} == {"ada": "7.0", "eve": "0.0"}


def test_a_notebook_handed_in_again_at_another_time_is_late_then(course, capsys):
    course.release("tiny", due=datetime(2027, 3, 1, 18, tzinfo=UTC))
    hand_in(course.folder, "tiny", "ada", solve(course.folder, "tiny", "ada"))
    stamp = course.folder / "submitted" / "ada" / "tiny" / "timestamp.txt"
    for when, late in (("2027-03-01 17:00:00", 0), ("2027-03-01 19:00:00", 3600)):
        stamp.write_text(f"{when} UTC")
        run(course, "grade", "tiny")
        assert course.grades("tiny")["ada"][3] == late
    assert "1.0 h late; graded before" in capsys.readouterr().out


def test_variants_are_not_taken_back_by_accident(released, capsys):
    assert run(released, "release", "tiny") == 1
    assert "--same-for-all if you mean it" in capsys.readouterr().err
    assert (released.folder / "by-student" / "tiny" / "ada.ipynb").is_file()
    assert run(released, "release", "tiny", "--same-for-all") == 0
    assert not (released.folder / "by-student" / "tiny").exists()


def test_names_are_no_formulas_in_a_spreadsheet(course):
    (course.folder / "more.csv").write_text("id,first_name\nmal,=HYPERLINK(1)\n")
    course.enroll(course.folder / "more.csv")
    course.release("tiny")
    run(course, "export")
    text = (course.folder / "grades.csv").read_text()
    assert "'=HYPERLINK(1)" in text and ",=HYPERLINK" not in text


def test_nothing_in_a_table_steers_the_terminal():
    table = _table(("student",), [("mal\x1b[2J\x1b]52;c;aGk=\x07",)])
    assert "\x1b" not in table and "\x07" not in table and "mal?[2J" in table


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["release", "tiny", "--due", "tomorrow"], "'tomorrow' is no time; say 2027-03-01T18:00"),
        (["grade", "tiny", "--jobs", "none"], "'none' is no number of processes"),
        (["collect", "tiny", ".", "--alias", "Jo"], "'Jo' has not the form TEXT=ID"),
        (["grade"], "ASSIGNMENT"),
    ],
)
def test_wrong_arguments_are_told_what_is_right(course, capsys, arguments, said):
    with pytest.raises(SystemExit):
        run(course, *arguments)
    assert said in capsys.readouterr().err


def test_what_is_no_submission_is_named_and_costs_the_others_nothing(course, tmp_path, capsys):
    """From one download: a row for each, and a grade in the end for each good one."""
    course.enroll(_csv(tmp_path, "ben", "cat", "dan", "fay"))
    course.release("tiny", by_student=True)
    downloads = tmp_path / "downloads"
    downloads.mkdir()
    right = nbformat.writes(solve(course.folder, "tiny", "ada"))
    (downloads / "ada.ipynb").write_text(right)
    (downloads / "ada (1).ipynb").write_text(right.replace("slope * x", "slope + x"))
    (downloads / "ben.ipynb").write_text("<!DOCTYPE html><html>Please log in</html>")
    (downloads / "cat.ipynb").write_text(right[:-200])
    with (downloads / "dan.ipynb").open("wb") as file:
        file.truncate(200 * 10**6)
    (downloads / "fay.ipynb").write_bytes((ROOT / "chapters" / "01-hello.ipynb").read_bytes())
    (downloads / "somebody.ipynb").write_text(right)
    nbformat.write(solve(course.folder, "tiny", "eve"), downloads / "eve.ipynb")

    assert run(course, "collect", "tiny", downloads) == 0
    rows = capsys.readouterr().out
    for name, reason in {
        "ada": "older, and not used: ada.ipynb",
        "ben": "web page",
        "cat": "only the beginning of a notebook",
        "dan": "larger than 50 MB",
        "fay": "answers of this assignment are not in it",
        "?": "No student of the roster has this name",
    }.items():
        assert re.search(rf"^{re.escape(name)} .*\n?.*{reason}", rows, re.MULTILINE), (name, rows)
    assert run(course, "grade", "tiny") == 0
    said = capsys.readouterr().out
    assert "ada      2 of 5" in said and "eve      5 of 5" in said and "2 graded" in said


def _csv(folder, *ids):
    """Return a file of students with these ids."""
    path = folder / "more.csv"
    path.write_text("id\n" + "\n".join(ids) + "\n")
    return path
