import copy
import json
import os
import struct
import zipfile
from datetime import UTC, datetime, timedelta, timezone

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from nbgrader.utils import parse_utc

from grader import collect, repair
from grader.collect import Collected, CollectError, Student

NAME = "04-lstm"
DUE = datetime(2026, 10, 12, 18, 0, tzinfo=timezone(timedelta(hours=2)))
JANE = Student("jdoe1", "Jane", "Doe", "Jane.Doe@uni.edu", "4711")
ROSTER = [
    JANE,
    Student("jose", "José María", "García-López", "jose@uni.edu", "4712"),
    Student("ann.lee", "Ann", "Lee", "", "4713"),
    Student("oyvind", "Øyvind", "Åsgård", "", "4714"),
    Student("0815", "Conor", "O'Brien"),
    Student("lee-2", "Ann", "Lee", "", "4715"),
]


def nbgrader(name, **flags):
    return {"nbgrader": {"grade_id": name, "solution": False, "grade": False} | flags}


def notebook(answer=None, title="A cell that peeks"):
    stub = "def step(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()"
    return new_notebook(
        cells=[
            new_markdown_cell(f"# {title}", id="title", metadata=nbgrader("title")),
            new_code_cell(answer or stub, id="step", metadata=nbgrader("step", solution=True)),
            new_code_cell("assert step(1)", id="check", metadata=nbgrader("check", grade=True)),
        ]
    )


RELEASE = notebook()


def answer(number=1):
    return f"def step(x):\n    return {number} * x"


def content(number=1):
    return json.dumps(notebook(answer(number))).encode()


class Course:
    def __init__(self, root):
        self.source, self.submitted = root / "downloads", root / "submitted"
        self.source.mkdir()

    def put(self, path, data=None, time=None):
        path = self.source / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content() if data is None else data)
        if time:
            os.utime(path, (time.timestamp(),) * 2)
        return path

    def zip(self, *entries):
        """Write a zip of (name or ZipInfo, data) and use it as the source."""
        self.source = self.source.parent / "downloads.zip"
        with zipfile.ZipFile(self.source, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in entries:
                archive.writestr(name, data)

    def collect(self, roster=ROSTER, release=RELEASE, **options):
        self.found = collect.collect(self.source, NAME, release, roster, self.submitted, **options)
        return self.found

    def one(self, **options):
        [item] = self.collect(**options)
        return item

    def source_of(self, student):
        path = self.submitted / student / NAME / f"{NAME}.ipynb"
        return nbformat.read(path, as_version=4).cells[1].source

    def files(self):
        return {p: (p.stat().st_mtime_ns, p.stat().st_ino) for p in self.submitted.rglob("*")}


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


def at(hours, zone=UTC):
    return (DUE + timedelta(hours=hours)).astimezone(zone)


# Whose a file is.


@pytest.mark.parametrize(
    ("path", "student"),
    [
        ("doejane_4711_678910_04-lstm-1.ipynb", "jdoe1"),
        ("doejane_LATE_99_678910_04-lstm.ipynb", "jdoe1"),
        ("unknownname_4711_678910_04-lstm.ipynb", "jdoe1"),
        ("garcialopezjosemaria_99_5_my_own_name.ipynb", "jose"),
        ("asgardoyvind_LATE_4714_5_04-lstm.ipynb", "oyvind"),
        ("obrienconor_1_5_04-lstm.ipynb", "0815"),
        ("leeann_4713_5_04-lstm.ipynb", "ann.lee"),
        ("Jane Doe_123456_assignsubmission_file_/04-lstm.ipynb", "jdoe1"),
        ("Jane Doe_123456_assignsubmission_file_/jose.ipynb", "jdoe1"),
        ("Jane Doe_123456_assignsubmission_file_/garcialopezjosemaria_1_2_a.ipynb", "jdoe1"),
        ("Jane Doe_123456_assignsubmission_file/work/04-lstm.ipynb", "jdoe1"),
        ("Jane Doe_123456_assignsubmission_file_04-lstm.ipynb", "jdoe1"),
        ("JOSE MARIA Garcia Lopez_1_assignsubmission_file_my notebook.ipynb", "jose"),
        ("Conor O’Brien_1_assignsubmission_file_/a.ipynb", "0815"),
        ("Jane Doe - 04-lstm.ipynb", "jdoe1"),
        ("Jane Doe - Copy of 04-lstm.ipynb", "jdoe1"),
        ("Jane Doe - Copy of Copy of 04-lstm (1).ipynb", "jdoe1"),
        ("Jane Doe - Kopie von 04-lstm.ipynb", "jdoe1"),
        ("Jane Doe - my solution.ipynb", "jdoe1"),
        ("Copy of 04-lstm - Jane Doe.ipynb", "jdoe1"),
        ("Copy of Jane Doe.ipynb", "jdoe1"),
        ("doe,  jane.ipynb", "jdoe1"),
        ("Jose\u0301 María García-López (2).ipynb", "jose"),
        ("jdoe1.ipynb", "jdoe1"),
        ("JDOE1.ipynb.json", "jdoe1"),
        ("jdoe1.ipynb.txt", "jdoe1"),
        ("jdoe1-2.ipynb", "jdoe1"),
        ("jdoe1-Copy1.ipynb", "jdoe1"),
        ("lee-2.ipynb", "lee-2"),
        ("ann.lee.ipynb", "ann.lee"),
        ("4711.ipynb", "jdoe1"),
        ("jane.doe@uni.edu.ipynb", "jdoe1"),
        ("jdoe1_04-lstm.ipynb", "jdoe1"),
        ("04_LSTM jdoe1.ipynb", "jdoe1"),
        ("0815_04-lstm-1.ipynb", "0815"),
        ("jdoe1/anything.ipynb", "jdoe1"),
        ("all of them/jane.doe@uni.edu/anything (3).ipynb", "jdoe1"),
        ("ann.lee/Ann Lee - 04-lstm.ipynb", "ann.lee"),
        ("jdoe1/04-lstm/04-lstm.ipynb", "jdoe1"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_the_names_that_platforms_give(course, path, student, packed):
    if packed:
        course.zip((path, content()))
    else:
        course.put(path)
    item = course.one()
    assert (item.student, item.problem, item.file) == (student, None, path)
    assert item.written and course.source_of(student) == answer()


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("04-lstm.ipynb", "No student of the roster has this name."),
        ("Copy of 04-lstm (1).ipynb", "No student of the roster has this name."),
        ("roejane_4799_5_04-lstm.ipynb", "No student of the roster has this name."),
        ("Jane Roe_1_assignsubmission_file_/jdoe1.ipynb", "No student of the roster"),
        ("Participant_1_assignsubmission_file_/a.ipynb", "No student of the roster"),
        ("jane.ipynb", "No student of the roster"),
        ("jdoe1.smith.ipynb", "No student of the roster"),
        ("jdoe1_final.ipynb", "No student of the roster"),
        ("Jane Maria Doe.ipynb", "No student of the roster"),
        ("Jan Edoe.ipynb", "No student of the roster"),
        ("Ann Lee - 04-lstm.ipynb", "It could be of ann.lee or lee-2."),
        ("leeann_4799_5_04-lstm.ipynb", "It could be of ann.lee or lee-2."),
        ("doejane_4712_5_04-lstm.ipynb", "It could be of jdoe1 or jose."),
        ("jdoe1/jose.ipynb", "It could be of jdoe1 or jose."),
        ("Jane Doe - Conor OBrien.ipynb", "It could be of 0815 or jdoe1."),
        ("group.zip", "It is a zip of nobody's"),
    ],
)
def test_what_fits_nobody_or_two_is_a_problem_and_no_guess(course, path, problem):
    course.put(path)
    course.put("oyvind_04-lstm.ipynb") if "_5_" not in path else None
    item = course.collect()[-1]
    assert (item.student, item.file) == (None, path)
    assert item.problem.startswith(problem)
    assert not (course.submitted / "jdoe1").exists()


@pytest.mark.parametrize("alias", ["Group 7", "group 7 - 04-lstm.ipynb", "Jane Roe"])
def test_an_alias_tells_whose_it_is(course, alias):
    course.put("Group 7 - 04-lstm.ipynb")
    course.put("Jane Roe_1_assignsubmission_file_/a.ipynb")
    found = course.collect(aliases={alias: "jdoe1"})
    assert sorted(str(item.student) for item in found) == ["None", "jdoe1"]
    with pytest.raises(CollectError, match="the alias 'x' is of 'nobody'"):
        course.collect(aliases={"x": "nobody"})


def test_what_systems_leave_behind_is_ignored(course):
    for path in (
        "__MACOSX/._jdoe1.ipynb",
        ".DS_Store",
        ".ipynb_checkpoints/a-checkpoint.ipynb",
        "Thumbs.db",
        "jdoe1/timestamp.txt",
    ):
        course.put(path)
    assert course.collect() == []
    course.zip(
        *(
            (str(p.relative_to(course.source)), "")
            for p in course.source.rglob("*.*")
            if p.is_file()
        )
    )
    assert course.collect() == []


# Which file counts.


def test_the_latest_by_time_counts_and_the_note_names_the_others(course):
    course.put("jdoe1/b.ipynb", content(1), at(-3))
    course.put("jdoe1/a.ipynb", content(2), at(-1))
    course.put("jdoe1_04-lstm.ipynb", content(3), at(-2))
    item = course.one(due=DUE)
    assert course.source_of("jdoe1") == answer(2)
    assert item.file == "jdoe1/a.ipynb"
    assert item.notes == ["older, and not used: jdoe1_04-lstm.ipynb, jdoe1/b.ipynb"]


@pytest.mark.parametrize(
    "names", [("", "-2"), ("", " (1)"), (" (2)", " (10)"), ("-Copy1", "-Copy2")]
)
def test_of_the_same_time_the_suffix_decides(course, names):
    for number, name in enumerate(names):
        course.put(f"jdoe1_04-lstm{name}.ipynb", content(number), at(-1))
    course.one()
    assert course.source_of("jdoe1") == answer(1)


def test_of_canvas_the_number_of_the_attachment_decides(course):
    course.put("doejane_4711_1000_04-lstm-1.ipynb", content(2), at(-5))
    course.put("doejane_4711_999_04-lstm.ipynb", content(1), at(-1))
    course.one()
    assert course.source_of("jdoe1") == answer(2)


def test_a_later_file_that_is_no_notebook_does_not_count(course):
    course.put("jdoe1/a.ipynb", content(1), at(-3))
    course.put("jdoe1/plot.png", b"\x89PNG", at(-2))
    course.put("jdoe1/b.ipynb", content(2)[:90], at(-1))
    item = course.one()
    assert course.source_of("jdoe1") == answer(1)
    assert item.problem is None and len(item.notes) == 2
    assert item.notes[0].startswith("jdoe1/b.ipynb was left out: It is only the beginning")
    assert item.notes[1] == "jdoe1/plot.png was left out: It is a picture, not a notebook."


def test_many_files_of_a_student_are_not_all_tried(course):
    for number in range(30):
        course.put(f"jdoe1/{number}.ipynb", b"x", at(number))
    item = course.one()
    assert item.problem == "It is a file of another kind, not a notebook."
    assert len(item.notes) == collect.MOST_TRIES - 1
    course.put("jdoe1/last.ipynb", time=at(99))
    assert course.one().notes[0].endswith("and 27 more")


# Late or not.


@pytest.mark.parametrize(
    ("hours", "late"),
    [(-1, None), (0, None), (1.5, timedelta(hours=1.5)), (49, timedelta(hours=49))],
)
def test_late_is_what_was_changed_after_it_was_due(course, hours, late):
    course.put("jdoe1.ipynb", time=at(hours))
    item = course.one(due=DUE)
    assert (item.when, item.late) == (at(hours), late)
    stamp = (course.submitted / "jdoe1" / NAME / "timestamp.txt").read_text()
    assert parse_utc(stamp) == at(hours).replace(tzinfo=None)
    assert course.one().late is None


def test_a_zips_own_times(course):
    local = datetime(2026, 10, 12, 23, 59, 58)
    info = zipfile.ZipInfo("jdoe1.ipynb", local.timetuple()[:6])
    course.zip((info, content()))
    assert course.one(due=DUE).when == local.astimezone()
    # 0x5455 says the same in UTC.
    info = zipfile.ZipInfo("jdoe1.ipynb", local.timetuple()[:6])
    stamp = struct.pack("<HHBI", 0x5455, 5, 1, int(at(2).timestamp()))
    info.extra = struct.pack("<HH2s", 1, 2, b"ab") + stamp
    course.zip((info, content()))
    assert course.one(due=DUE).late == timedelta(hours=2)
    for nothing in ((1980, 1, 1, 0, 0, 0), (2026, 0, 0, 0, 0, 0)):
        course.zip((zipfile.ZipInfo("jdoe1.ipynb", nothing), content()))
        item = course.one(due=DUE)
        assert (item.when, item.late, item.written) == (None, None, nothing[0] == 1980)
        assert not (course.submitted / "jdoe1" / NAME / "timestamp.txt").exists()


def test_of_canvas_only_the_mark_tells(course):
    course.put("doejane_4711_1_04-lstm.ipynb", time=at(100))
    course.put("leeann_LATE_4713_2_04-lstm.ipynb", time=at(-100))
    jane, ann = course.collect(due=DUE)
    assert (jane.when, jane.late, jane.notes) == (None, None, [])
    assert (ann.when, ann.late) == (None, timedelta(0))
    assert ann.notes == ["late by Canvas's mark, which does not say by how much"]


def test_a_name_like_canvas_in_another_download_does_not_hide_that_it_is_late(course):
    course.put("jdoe1/doejane_4711_1_04-lstm.ipynb", time=at(1))
    course.put("ann.lee/04-lstm.ipynb", time=at(-1))
    assert course.collect(due=DUE)[0].late == timedelta(hours=1)


# What is written.


def test_the_repaired_notebook_is_written_and_unchanged_ones_are_left_alone(course):
    path = course.put("jdoe1.ipynb", time=at(-1))
    course.put("ann.lee.ipynb", time=at(-1))
    tampered = copy.deepcopy(notebook(answer()))
    tampered.cells[2].source = "assert True"
    path.write_text(json.dumps(tampered))
    os.utime(path, (at(-1).timestamp(),) * 2)
    assert [item.written for item in course.collect()] == [True, True]
    written = course.submitted / "jdoe1" / NAME / f"{NAME}.ipynb"
    assert nbformat.read(written, as_version=4) == notebook(answer())
    before = course.files()
    assert len(before) == 2 * 4
    assert [item.written for item in course.collect()] == [False, False]
    assert course.files() == before
    course.put("jdoe1.ipynb", content(2), at(-1))
    assert [item.written for item in course.collect()] == [True, False]
    assert course.source_of("jdoe1") == answer(2)
    after = course.files()
    assert {p.name for p in before if before[p] != after[p]} == {f"{NAME}.ipynb", NAME}
    # What can't be graded replaces nothing.
    course.put("jdoe1.ipynb", b"")
    assert course.collect()[0].problem == "It is an empty file, not a notebook."
    assert course.files() == after


def test_the_release_may_differ_from_student_to_student(course):
    course.put("jdoe1.ipynb")
    course.put("jose.ipynb")
    course.collect(release=lambda student: notebook(title=f"For {student}"))
    for student in ("jdoe1", "jose"):
        path = course.submitted / student / NAME / f"{NAME}.ipynb"
        assert nbformat.read(path, as_version=4).cells[0].source == f"# For {student}"


def test_nothing_half_written_remains(course, monkeypatch):
    course.put("jdoe1.ipynb")

    def fail(*_):
        raise OSError("the disk is full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="full"):
        course.collect()
    assert not [path for path in course.submitted.rglob("*") if path.is_file()]


def test_progress_wraps_the_students(course):
    course.put("jdoe1.ipynb")
    course.put("jose.ipynb")
    seen = []
    course.collect(progress=lambda students: seen.extend(students) or students)
    assert seen == ["jdoe1", "jose"]


@pytest.mark.parametrize("student", ["..", ".hidden", "a/b", "ä", "a b", "a\n", ""])
def test_an_id_that_can_name_no_folder_is_refused(course, student):
    course.put("Max Muster.ipynb")
    item = course.collect(roster=[Student(student, "Max", "Muster")])[0]
    assert item.problem and not course.submitted.exists()


@pytest.mark.parametrize("name", ["..", "a/b", ""])
def test_an_assignment_that_can_name_no_folder_is_refused(course, name):
    with pytest.raises(CollectError, match="can't be the name of an assignment"):
        collect.collect(course.source, name, RELEASE, ROSTER, course.submitted)


# Bad files, and zips that attack.


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "It is an empty file, not a notebook."),
        (b"<html>Log in</html>", "It is a web page"),
        (b"%PDF-1.4", "It is a PDF, not a notebook."),
        (b"PK\x03\x04", "It is a zip archive"),
        (content()[:-40], "It is only the beginning"),
        (b"import os\n", "It is a Python script"),
        (b"[" * 99_999, "It is nested too deeply"),
        (json.dumps(new_notebook(cells=[new_code_cell("1")])).encode(), "The answers of this"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_bad_file_is_a_problem_of_its_student_only(course, data, problem, packed):
    entries = [("jdoe1.ipynb", data), ("jose.ipynb", content())]
    if packed:
        course.zip(*entries)
    else:
        for entry in entries:
            course.put(*entry)
    jane, jose = course.collect()
    assert jane.student == "jdoe1" and jane.problem.startswith(problem)
    assert jose.problem is None and course.source_of("jose") == answer()
    assert not (course.submitted / "jdoe1").exists()


@pytest.mark.parametrize(
    "path",
    ["../jdoe1.ipynb", "jdoe1/../../x.ipynb", "/jdoe1.ipynb", "C:\\jdoe1.ipynb", "..\\jdoe1"],
)
def test_a_path_out_of_the_zip_is_refused(course, path):
    course.zip((path, content()), ("jose.ipynb", content()))
    jose, bad = course.collect()
    assert (jose.student, jose.problem) == ("jose", None)
    assert (bad.student, bad.problem) == (None, "Its path leads out of the download.")
    assert [p.name for p in course.submitted.iterdir()] == ["jose"]


def test_a_very_long_path_is_refused(course):
    course.zip((f"jdoe1/{' -' * 30_000}.ipynb", content()))
    assert course.one().problem == "Its path is too long."


def test_links_are_refused(course, tmp_path):
    info = zipfile.ZipInfo("jdoe1.ipynb")
    info.external_attr = 0o120777 << 16
    course.put("jose.ipynb")
    secret = tmp_path / "secret.ipynb"
    secret.write_bytes(content())
    (course.source / "jdoe1.ipynb").symlink_to(secret)
    (course.source / "ann.lee").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(course.source / "oyvind.ipynb")
    found = {item.student: item.problem for item in course.collect()}
    link = "It is a link."
    pipe = "It is not an ordinary file."
    assert found == {"jdoe1": link, "jose": None, "ann.lee": link, "oyvind": pipe}
    course.zip((info, "/etc/passwd"))
    assert course.one().problem == "It is a link."


def test_a_zip_bomb_is_read_up_to_the_limit(course, monkeypatch):
    monkeypatch.setattr(repair, "LARGEST", 10_000)
    course.zip(("jdoe1.ipynb", b" " * 10_000_000), ("jose.ipynb", content()))
    jane, jose = course.collect()
    assert jane.problem.startswith("It is larger than") and jose.problem is None
    # A zip that lies about the size.
    data = course.source.read_bytes()
    assert data.count(struct.pack("<I", 10_000_000)) == 2
    course.source.write_bytes(data.replace(struct.pack("<I", 10_000_000), struct.pack("<I", 99)))
    jane, jose = course.collect()
    assert jane.problem == "It is damaged in the zip." and jose.problem is None


def test_other_ways_to_pack_damage_and_encryption_are_refused(course):
    course.zip(("jdoe1.ipynb", content()), ("jose.ipynb", content()))
    good = course.source.read_bytes()
    course.source.write_bytes(good.replace(good[60:90], bytes(30), 1))
    assert course.collect()[0].problem == "It is damaged in the zip."
    central = good.index(b"PK\x01\x02")
    for place, value, problem in ((8, 1, "It is encrypted."), (10, 14, "It is packed in a way")):
        data = bytearray(good)
        data[central + place] = value
        course.source.write_bytes(data)
        jane, jose = course.collect()
        assert jane.problem.startswith(problem) and jose.problem is None


def test_too_many_files_are_refused(course, monkeypatch):
    monkeypatch.setattr(collect, "MOST_FILES", 2)
    for number in range(3):
        course.put(f"{number}.ipynb")
    with pytest.raises(CollectError, match="more than 2 files"):
        course.collect()
    course.zip(*((f"{number}.ipynb", "") for number in range(3)))
    with pytest.raises(CollectError, match="more than 2 files"):
        course.collect()


def test_a_source_that_is_neither_is_refused(course):
    path = course.put("jdoe1.ipynb")
    for source, problem in ((path, "neither a folder nor a zip"), (path / "x", "neither|no ")):
        course.source = source
        with pytest.raises(CollectError, match=problem):
            course.collect()


def test_names_in_a_zip_that_does_not_say_that_they_are_utf_8(course):
    course.zip(("Jose__ Mar__a Garc__a-L__pez.ipynb", content()))
    data = course.source.read_bytes().replace(b"Jose__", "José".encode() + b" ")
    for letter in ("í", "í", "ó"):
        data = data.replace(b"__", letter.encode(), 1)
    # The same for the name in the directory at the end.
    for letter in ("í", "í", "ó"):
        data = data.replace(b"__", letter.encode(), 1)
    course.source.write_bytes(data)
    assert course.one().student == "jose"


# The roster and the summary.


def test_the_roster_is_nbgraders_table(tmp_path):
    path = tmp_path / "students.csv"
    path.write_text(
        "\ufeffid, first_name,last_name,email,lms_user_id,group\n"
        "jdoe1,Jane, Doe,Jane.Doe@uni.edu,4711,7\n\nx\n"
    )
    assert collect.read_roster(path) == [JANE, Student("x")]
    path.write_text('last_name;id\r\n"Doe; Jane";jdoe1\r\n')
    assert collect.read_roster(path) == [Student("jdoe1", last_name="Doe; Jane")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no column id"),
        ("name,email\na,b\n", "has no column id; its columns are name, email"),
        ("id\na\na\n", "has the id a twice"),
        ("id\n../a\n", "can't name a folder"),
        ("id\n.a\n", "can't name a folder"),
    ],
)
def test_a_bad_roster_is_refused(tmp_path, text, problem):
    path = tmp_path / "students.csv"
    path.write_text(text)
    with pytest.raises(CollectError, match=problem):
        collect.read_roster(path)
    path.write_bytes("id\nä".encode("latin-1"))
    with pytest.raises(CollectError, match="CSV UTF-8"):
        collect.read_roster(path)


def test_the_summary_is_an_aligned_table_with_counts():
    when = datetime(2026, 10, 12, 18, 5, tzinfo=UTC)
    found = [
        Collected("jdoe1.ipynb", "jdoe1", when, written=True),
        Collected("a" * 60 + ".ipynb", "jose", when, timedelta(days=2, hours=3), ["one", "two"]),
        Collected("b.ipynb", "oyvind", None, timedelta(0)),
        Collected(
            "c.ipynb", "0815", when, timedelta(minutes=65), problem="It is empty.", notes=["x"]
        ),
        Collected("who.ipynb", problem="No student of the roster has this name."),
    ]
    name = "a" * 24 + "…" + "a" * 19 + ".ipynb"
    table, counts = collect.summary(found, ROSTER).split("\n\n")
    places = [(0, 9), (9, 61), (61, 94), (94, None)]
    rows = [[line[slice(*place)].strip() for place in places] for line in table.split("\n")]
    nobody = "PROBLEM: No student of the roster has this name."
    assert rows == [
        ["student", "file", "handed in", "notes"],
        ["-" * 7, "-" * 50, "-" * 31, "-" * 5],
        ["jdoe1", "jdoe1.ipynb", "2026-10-12 18:05", ""],
        ["jose", name, "2026-10-12 18:05 late 2 d 3 h", "one"],
        ["", "", "", "two"],
        ["oyvind", "b.ipynb", "late", ""],
        ["0815", "c.ipynb", "2026-10-12 18:05 late 1 h 5 min", "PROBLEM: It is empty."],
        ["", "", "", "x"],
        ["?", "who.ipynb", "", nobody],
    ]
    assert counts == (
        "3 collected, 1 of them new or changed; 2 late; 2 with a problem.\n"
        "Nothing in it from 2: ann.lee, lee-2.\n"
    )


def test_the_summary_of_nothing_and_of_one_minute():
    assert "0 collected" in collect.summary([])
    when = datetime(2026, 10, 12, 18, 5, tzinfo=UTC)
    late = [Collected("a", str(n), when, timedelta(days=1)) for n in range(3)]
    assert "it may be that of the download" in collect.summary(late)
    assert "it may be that of the download" not in collect.summary(late[:2])


def test_a_name_with_control_characters_is_made_fit_to_print(course):
    course.put("jdoe1/\x1b[31m\n.ipynb")
    assert course.one().file == "jdoe1/?[31m?.ipynb"
