"""Every assignment in homework/source: right answers get all points, wrong ones never do."""

import json
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from grader import release, variants
from grader.repair import repair
from grader.trial import Trial

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "homework"
HERE = Path(__file__).parent
NAMES = sorted(path.parent.name for path in COURSE.glob("source/*/assignment.json"))
FRAMEWORKS = sorted(HERE.glob("answers/*/*.py"))


@cache
def trial(name):
    """Return the `Trial` of an assignment, made once."""
    return Trial(COURSE, name)


@pytest.mark.parametrize("name", NAMES)
class TestEachAssignment:
    def test_its_parts(self, name):
        cells = trial(name).release.cells
        hidden = [cell for cell in cells if cell.kind == "check" and cell.points]
        visible = [cell for cell in cells if cell.kind == "check" and not cell.points]
        written = [cell for cell in cells if cell.kind == "written"]
        assert sum(cell.points for cell in cells) == 20
        assert len(written) == 1 and 4 <= written[0].points <= 6
        assert len(hidden) >= 3 and len(visible) >= 2
        for cell in hidden + visible:
            first, *rest = cell.source.splitlines()
            assert re.match(r"# \w+", first), f"{cell.name} has no name"
        for cell in hidden:
            shown = release.without_hidden(cell.source)
            assert len(shown.splitlines()) == 1, f"{cell.name} shows more than its name"
            assert "torch" in cell.source or "np." in cell.source
        for cell in visible:
            assert cell.source.rstrip() == release.without_hidden(cell.source)
        names = [cell.name for cell in cells]
        assert len(set(names)) == len(names)

    def test_its_description(self, name):
        spec = trial(name).spec
        assert (ROOT / "chapters" / f"{spec.chapter}.ipynb").is_file()
        assert 20 <= spec.minutes <= 240 and 0 < spec.seconds <= 30
        assert len(spec.variants) >= 2 and spec.count() >= 24
        keys = {key for options in spec.variants.values() for key in options[0]}
        used = {key for cell in trial(name).release.cells for key in variants.keys(cell.source)}
        shared = {"title", "chapter", "address", "minutes", "points", "whose"}
        assert keys == used - shared, "texts that no cell uses, or the other way around"

    def test_what_students_get_names_no_variant_in_code(self, name):
        """A general answer has no name to branch on: options differ in text and numbers alone."""
        short = {next(iter(options[0])) for options in trial(name).spec.variants.values()}
        for cell in trial(name).release.cells:
            if cell.kind in ("given", "answer", "check"):
                shown = release.without_solution(release.without_hidden(cell.source))
                for key in short & variants.keys(shown):
                    values = {
                        option[key]
                        for options in trial(name).spec.variants.values()
                        for option in options
                        if key in option
                    }
                    assert all(re.fullmatch(r"[-\d., ()]+", value) for value in values), cell.name

    def test_solutions_get_all_points_in_every_option(self, name):
        for student in trial(name).students():
            assert not trial(name).missed(trial(name).notebook(student), student), student

    def test_solutions_get_all_points_with_other_numbers(self, name):
        student = trial(name).students()[0]
        for seed in range(1, 6):
            assert not trial(name).missed(trial(name).notebook(student), student, seed=seed)

    def test_a_blank_notebook_gets_none_and_is_told_so(self, name):
        student = trial(name).students()[0]
        result = trial(name).grade(trial(name).blank(student), student)
        for cell in trial(name).release.cells:
            if cell.kind == "given":
                assert result.outcomes[cell.name].passed, result.outcomes[cell.name].reason
            elif cell.kind == "check":
                assert not result.outcomes[cell.name].passed, cell.name

    def test_anothers_answers_do_not_pass(self, name):
        """Where all axes differ they lose half the points at least, and never keep all."""
        me, total = "me", sum(check.points for check in trial(name).hidden)
        mine = trial(name).options(me)
        for alike in (0, 0, 0, 1, 1, 2):  # at least so many axes are the same
            other = next(
                other
                for other in (f"other-{alike}-{number}" for number in range(10_000))
                if sum(mine[a] == o for a, o in trial(name).options(other).items()) == alike
            )
            kept = trial(name).points(trial(name).copied(me, other), me)
            assert kept < total, f"{other} differs, and passes"
            if not alike:
                assert kept <= total / 2, f"{other} differs in all, and keeps {kept} of {total}"

    def test_right_answers_survive_what_happens_to_notebooks(self, name):
        student = trial(name).students()[-1]
        for damage in DAMAGES:
            notebook = damage(trial(name).notebook(student))
            content = json.dumps(notebook).encode()
            repaired, _ = repair(trial(name).blank(student), content)
            assert not trial(name).missed(repaired, student), damage.__name__

    def test_each_wrong_answer_loses_and_each_check_catches_one(self, name):
        wrong = json.loads((HERE / "mutants" / f"{name}.json").read_text())
        assert sum("equivalent" not in mutant for mutant in wrong) >= 20
        sources = {cell.name: cell.source for cell in trial(name).release.cells}
        students, caught = trial(name).students(), set()
        for number, mutant in enumerate(wrong):
            student = students[number % len(students)]  # all variants take their turns
            source = sources[mutant["answer"]]
            assert source.count(mutant["old"]) == 1, mutant
            answers = {mutant["answer"]: source.replace(mutant["old"], mutant["new"])}
            missed = set(trial(name).missed(trial(name).notebook(student, answers), student))
            missed &= {check.name for check in trial(name).hidden}
            assert bool(missed) != ("equivalent" in mutant), (student, mutant)
            caught |= missed
        assert caught == {check.name for check in trial(name).hidden}, "a check catches nothing"


@pytest.mark.parametrize("path", FRAMEWORKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_answers_in_other_frameworks_get_all_points(path):
    tried = trial(path.parent.name)
    parts = re.split(r"^# %% (\S+)\n", path.read_text(), flags=re.MULTILINE)
    answers = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert answers
    assert set(answers) <= {cell.name for cell in tried.release.cells if cell.kind == "answer"}
    student = tried.students()[0]
    notebook = noisy(tried.notebook(student, answers))
    # What stands above the first answer, imports, as a cell that the student added.
    notebook.cells.insert(0, new_code_cell(parts[0]))
    repaired, _ = repair(tried.blank(student), json.dumps(notebook).encode())
    assert not tried.missed(repaired, student)


def noisy(notebook):
    """Log to stderr in each answer, as Keras and TensorFlow do."""
    for cell in notebook.cells:
        if cell.metadata.nbgrader.solution and cell.cell_type == "code":
            cell.source += "\nimport os, sys\nprint('a warning', file=sys.stderr)"
            cell.source += "\nos.write(2, b'one from C')"
    return notebook


def as_colab_saves(notebook):
    """Colab's own notebook metadata, its ids in the cells' metadata, format 4.0."""
    notebook.metadata = {
        "colab": {"provenance": [], "collapsed_sections": []},
        "kernelspec": {"name": "python3", "display_name": "Python 3"},
        "accelerator": "GPU",
    }
    notebook.nbformat_minor = 0
    for cell in notebook.cells:
        cell.metadata["id"] = cell.pop("id")
        cell.metadata["colab"] = {"base_uri": "https://localhost:8080/"}
        if cell.cell_type == "code":
            cell.execution_count = 7
            cell.outputs = [nbformat.v4.new_output("stream", name="stderr", text="W0000 noise")]
    return notebook


def without_cell_metadata(notebook):
    """As pasted into a new notebook."""
    cells = []
    for cell in notebook.cells:
        make = {"code": new_code_cell, "markdown": nbformat.v4.new_markdown_cell}[cell.cell_type]
        cells.append(make(cell.source))
    return new_notebook(cells=cells)


def copied_and_added(notebook):
    """Checks copied, a note and a try of the student's own in between, as copies with the ids."""
    cells = []
    for number, cell in enumerate(notebook.cells):
        cells.append(cell)
        if cell.metadata.nbgrader.grade and cell.cell_type == "code":
            cells.append(nbformat.from_dict(dict(cell)))
        if number % 3 == 0:
            cells.append(new_code_cell(f"mine_{number} = np.zeros(3)\nprint(mine_{number})"))
    notebook.cells = cells
    return notebook


def checks_deleted(notebook):
    """Only the student's answers are left."""
    notebook.cells = [cell for cell in notebook.cells if cell.metadata.nbgrader.solution]
    return notebook


def moved(notebook):
    """The answers at the end, last first."""
    answers = [cell for cell in notebook.cells if cell.metadata.nbgrader.solution]
    others = [cell for cell in notebook.cells if not cell.metadata.nbgrader.solution]
    notebook.cells = others + answers[::-1]
    return notebook


def with_import_cell(notebook):
    """NumPy under another name, from a cell of the student's own."""
    answers = [c for c in notebook.cells if c.metadata.nbgrader.solution and c.cell_type == "code"]
    for cell in answers:
        cell.source = re.sub(r"\bnp\.", "own_numpy.", cell.source)
    notebook.cells.insert(0, new_code_cell("import numpy as own_numpy"))
    return notebook


DAMAGES = [
    noisy,
    as_colab_saves,
    without_cell_metadata,
    copied_and_added,
    checks_deleted,
    moved,
    with_import_cell,
]
