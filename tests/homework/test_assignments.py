"""Every assignment in homework/source: right answers get all points, wrong ones never do."""

import itertools
import json
import re
from functools import cache
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from grader import release, variants
from grader.grade import grade
from grader.repair import repair

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "homework"
HERE = Path(__file__).parent
NAMES = sorted(path.parent.name for path in COURSE.glob("source/*/assignment.json"))
FRAMEWORKS = sorted(HERE.glob("answers/*/*.py"))

STUB = "# YOUR CODE HERE\nraise NotImplementedError('not answered yet')"


@cache
def found(name):
    """Return an assignment as it is graded with variants by student."""
    return release.from_source(COURSE, name, by_student=True)


@cache
def students(name):
    """Return students of whom each option of each axis is somebody's; the first is typical."""
    wanted = {
        (axis, next(iter(option.values())))
        for axis, options in found(name).spec.variants.items()
        for option in options
    }
    chosen = []
    for student in (f"student-{number}" for number in itertools.count()):
        texts = found(name).spec.choose(student)
        own = {
            (axis, texts[next(iter(options[0]))])
            for axis, options in found(name).spec.variants.items()
        }
        if own & wanted or not chosen:
            chosen.append(student)
            wanted -= own
        if not wanted:
            return chosen


def solution(name, student, texts_of=None):
    """Return a student's notebook with the solutions (of another student's variant)."""
    texts = found(name).texts(texts_of or student)
    own = found(name).texts(student)
    notebook = release.source(COURSE, name)
    for cell in notebook.cells:
        kind = release.kind(cell)
        theirs = kind in ("answer", "written")
        source = cell.source if theirs else release.without_hidden(cell.source)
        cell.source = variants.render(source, texts if theirs else own)
    return notebook


def blank(name, student):
    """Return the notebook that a student gets."""
    notebook = solution(name, student)
    for cell in notebook.cells:
        if release.kind(cell) == "answer":
            before, marked, _ = cell.source.partition("    ### BEGIN SOLUTION")
            if marked:
                cell.source = before + "\n".join("    " + line for line in STUB.splitlines())
            else:
                cell.source = cell.source.partition("### BEGIN SOLUTION")[0] + STUB
        elif release.kind(cell) == "written":
            cell.source = "YOUR ANSWER HERE"
    return notebook


def points(name, student, notebook, **options):
    """Return the points of a notebook by check, hidden checks alone, and the result."""
    result = grade(found(name).for_student(notebook, student), student, **options)
    checks = [cell for cell in found(name).cells if cell.kind == "check"]
    passed = {c.name: result.outcomes[c.name].passed * c.points for c in checks if c.points}
    return passed, result


def missed(name, student, notebook, **options):
    """Return the checks that a notebook fails, visible ones too, and why."""
    _, result = points(name, student, notebook, **options)
    checks = [cell.name for cell in found(name).cells if cell.kind == "check"]
    return {c: result.outcomes[c].reason for c in checks if not result.outcomes[c].passed}


@pytest.mark.parametrize("name", NAMES)
class TestEachAssignment:
    def test_its_parts(self, name):
        cells = found(name).cells
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
        spec = found(name).spec
        assert (ROOT / "chapters" / f"{spec.chapter}.ipynb").is_file()
        assert 20 <= spec.minutes <= 240 and 0 < spec.seconds <= 30
        assert len(spec.variants) >= 2 and spec.count() >= 24
        keys = {key for options in spec.variants.values() for key in options[0]}
        used = {key for cell in found(name).cells for key in variants.keys(cell.source)}
        shared = {"title", "chapter", "address", "minutes", "points"}
        assert keys == used - shared, "texts that no cell uses, or the other way around"

    def test_what_students_get_names_no_variant_in_code(self, name):
        """A general answer has no name to branch on: options differ in text and numbers alone."""
        short = {next(iter(options[0])) for options in found(name).spec.variants.values()}
        for cell in found(name).cells:
            if cell.kind in ("given", "answer", "check"):
                shown = release.without_solution(release.without_hidden(cell.source))
                for key in short & variants.keys(shown):
                    values = {
                        option[key]
                        for options in found(name).spec.variants.values()
                        for option in options
                        if key in option
                    }
                    assert all(re.fullmatch(r"[-\d., ()]+", value) for value in values), cell.name

    def test_solutions_get_all_points_in_every_option(self, name):
        for student in students(name):
            assert not missed(name, student, solution(name, student)), student

    def test_solutions_get_all_points_with_other_numbers(self, name):
        student = students(name)[0]
        for seed in range(1, 6):
            assert not missed(name, student, solution(name, student), seed=seed)

    def test_a_blank_notebook_gets_none_and_is_told_so(self, name):
        student = students(name)[0]
        passed, result = points(name, student, blank(name, student))
        assert not any(passed.values()), passed
        for cell in found(name).cells:
            if cell.kind == "given":
                assert result.outcomes[cell.name].passed, result.outcomes[cell.name].reason

    def test_anothers_answers_do_not_pass(self, name):
        """Where all axes differ they lose half the points at least, and never keep all."""
        spec, me = found(name).spec, students(name)[0]
        total = sum(points(name, me, solution(name, me))[0].values())
        own = spec.choose(me)
        tried = 0
        for number in range(200):
            texts = spec.choose(f"other-{number}")
            differ = [
                axis
                for axis, options in spec.variants.items()
                if own[next(iter(options[0]))] != texts[next(iter(options[0]))]
            ]
            if differ and (tried < 3 or len(differ) == len(spec.variants)) and tried < 6:
                tried += 1
                copied = solution(name, me, texts_of=f"other-{number}")
                kept = sum(points(name, me, copied)[0].values())
                assert kept < total, f"differs in {differ}, and passes"
                if len(differ) == len(spec.variants):
                    assert kept <= total / 2, f"differs in all, and keeps {kept} of {total}"
        assert tried == 6

    def test_right_answers_survive_what_happens_to_notebooks(self, name):
        student = students(name)[-1]
        for damage in DAMAGES:
            notebook = damage(solution(name, student))
            content = json.dumps(notebook).encode()
            repaired, _ = repair(blank(name, student), content)
            assert not missed(name, student, repaired), damage.__name__

    def test_each_wrong_answer_loses_and_each_check_catches_one(self, name):
        mutants = json.loads((HERE / "mutants" / f"{name}.json").read_text())
        real = [mutant for mutant in mutants if "equivalent" not in mutant]
        assert len(real) >= 20
        caught = set()
        for number, mutant in enumerate(mutants):
            # All variants take their turns.
            student = students(name)[number % len(students(name))]
            notebook = solution(name, student)
            source = next(c.source for c in found(name).cells if c.name == mutant["answer"])
            assert source.count(mutant["old"]) == 1, mutant
            changed = source.replace(mutant["old"], mutant["new"])
            cell = next(c for c in notebook.cells if c.id == mutant["answer"])
            cell.source = variants.render(changed, found(name).texts(student))
            passed, _ = points(name, student, notebook)
            failed = {check for check, got in passed.items() if not got}
            assert bool(failed) != ("equivalent" in mutant), (student, mutant)
            caught |= failed
        hidden = {c.name for c in found(name).cells if c.kind == "check" and c.points}
        assert caught == hidden, "checks that catch nothing"


@pytest.mark.parametrize("path", FRAMEWORKS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_answers_in_other_frameworks_get_all_points(path):
    name = path.parent.name
    parts = re.split(r"^# %% (\S+)\n", path.read_text(), flags=re.MULTILINE)
    answers = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert answers and set(answers) <= {c.name for c in found(name).cells if c.kind == "answer"}
    student = students(name)[0]
    notebook = noisy(solution(name, student))
    for cell in notebook.cells:
        if cell.id in answers:
            cell.source = variants.render(answers[cell.id], found(name).texts(student))
    # What was before the first answer, imports, as a cell that the student added.
    notebook.cells.insert(0, new_code_cell(parts[0]))
    repaired, _ = repair(blank(name, student), json.dumps(notebook).encode())
    assert not missed(name, student, repaired)


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
