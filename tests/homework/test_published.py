"""What everyone may open is what the sources make, and the pages say what is true of it."""

import json
import re
import shutil
from pathlib import Path

import nbformat
import pytest

from grader import variants
from grader.course import Course
from grader.grade import CHECK_SECONDS
from grader.sandbox import Limits

ROOT = Path(__file__).resolve().parents[2]
HOMEWORK = ROOT / "homework"
SPECS = [variants.read(path.parent) for path in sorted(HOMEWORK.glob("source/*/assignment.json"))]
CHAPTERS = [path.stem for path in sorted(ROOT.glob("chapters/[0-9]*.ipynb"))]


def test_the_notebooks_are_those_that_make_publish_writes(tmp_path):
    for folder in ("source", "assignments"):
        shutil.copytree(HOMEWORK / folder, tmp_path / folder)
    assert Course(tmp_path).publish() == [], "run `make publish`"


def test_each_chapter_has_an_assignment():
    assert [spec.chapter for spec in SPECS] == CHAPTERS


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
class TestPages:
    def test_the_list(self, spec):
        page = (ROOT / "chapters" / "assignments.md").read_text()
        (row,) = re.findall(rf"^\| {int(spec.name[:2])} \|.*$", page, re.MULTILINE)
        assert row.endswith(f"| {spec.minutes} | {spec.seconds:g} | {spec.count()} |")
        assert f"[{spec.title}](" in row and f"/homework/assignments/{spec.name}.ipynb" in row
        assert f"## {int(spec.name[:2])}. {spec.title}" in page

    def test_the_chapter(self, spec):
        chapter = nbformat.read(ROOT / "chapters" / f"{spec.chapter}.ipynb", as_version=4)
        (cell,) = [cell for cell in chapter.cells if cell.id == "assignment"]
        assert f"[{spec.title}](" in cell.source and f"About {spec.minutes} minutes" in cell.source
        assert f"/homework/assignments/{spec.name}.ipynb" in cell.source

    def test_the_notebook(self, spec):
        path = HOMEWORK / "assignments" / f"{spec.name}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        assert notebook.cells[0].source.startswith(f"# {spec.title}\n")
        assert f"20 points, about {spec.minutes} minutes" in notebook.cells[0].source
        assert "{{" not in re.sub(r"\\[a-z]+|\{\{[^\w]", "", json.dumps(notebook))


class TestPromises:
    PAGE = (ROOT / "chapters" / "grader.md").read_text()

    def test_the_tests_it_names_exist(self):
        named = re.findall(r"`((?:tests/|benchmarks/)?[\w/]+\.py|tests/homework/\w+)`", self.PAGE)
        assert len(named) > 10
        for name in named:
            path = ROOT / name if "/" in name else ROOT / "tests" / "homework" / name
            assert path.exists(), name

    def test_the_limits_are_those_of_the_code(self):
        limits = Limits()
        sentence = (
            f"{limits.cell} seconds for a cell, {limits.call} for a call, {CHECK_SECONDS} for the "
            "student's part of a check, and for a whole notebook a minute more than its checks may "
            f"take; {limits.memory / 2**30:g} GB of memory over all processes, "
            f"{limits.processes} processes and threads, {limits.disk / 2**20:g} MB of temporary "
            "files"
        )
        assert sentence in self.PAGE
