"""The small course as fixtures."""

import shutil
import sys

import pytest

from .tiny import write_source

# The sandbox is Linux's. Elsewhere grading runs in Docker, and these tests do, too.
collect_ignore_glob = [] if sys.platform == "linux" else ["test_*.py"]


@pytest.fixture
def source(tmp_path):
    """A course's folder with its source alone."""
    folder = tmp_path / "course"
    write_source(folder)
    return folder


@pytest.fixture(scope="session")
def enrolled(tmp_path_factory):
    """A folder to copy, as making a gradebook takes seconds."""
    from grader.course import Course

    folder = tmp_path_factory.mktemp("courses") / "course"
    write_source(folder)
    (folder / "students.csv").write_text(
        "id,first_name,last_name,email\nada,Ada,Lovelace,ada@example.org\n"
        "eve,Eve,Ayer,eve@example.org\n"
    )
    Course(folder).enroll(folder / "students.csv")
    return folder


@pytest.fixture
def course(enrolled, tmp_path):
    """The `Course`, with students whose variants differ: ada triples, eve doubles."""
    from grader.course import Course

    shutil.copytree(enrolled, tmp_path / "course")
    return Course(tmp_path / "course")
