"""A release that gives something away is found, wherever it stands."""

import nbformat
import pytest

from grader import leaks

SOLUTION = "    return slope * x + np.tanh(h_prev)"
HIDDEN = "for shape in [(1, 1), (3, 2)]:"
ANSWER = "prediction_of_the_product = 42"
WRITTEN = "Because the hyperbolic tangent has the slope one at zero."
RENDERED = 'slope = {"double": 2.0, "triple": 3.0}["double"]'
VARIANT = "three times in each of its steps"


@pytest.fixture
def release(course):
    """A clean release for all; ``plant`` changes its notebook and says what is found then."""
    course.release("tiny")
    path = course.folder / "release" / "tiny" / "tiny.ipynb"

    def plant(change):
        notebook = nbformat.read(path, as_version=4)
        change(notebook, {cell.id: cell for cell in notebook.cells})
        nbformat.write(notebook, path)
        return leaks.find(course.folder, "tiny")

    plant.folder = path.parent
    return plant


def test_a_clean_release(release):
    assert release(lambda notebook, cells: None) == []


@pytest.mark.parametrize("line", [SOLUTION, HIDDEN, ANSWER, WRITTEN, RENDERED, VARIANT])
@pytest.mark.parametrize(
    "place", ["answer", "text", "check", "output", "cell metadata", "metadata", "attachment", "key"]
)
def test_each_line_is_found_in_each_place(release, line, place):
    def change(notebook, cells):
        if place == "answer":
            cells["step"].source += f"\n{line}"
        elif place == "text":
            cells["ask-step"].source += f" For example: {line} And so on."
        elif place == "check":
            cells["step-hidden"].source += f"\n# {line}"
        elif place == "output":
            text = nbformat.v4.new_output("stream", text=f"1\n{line}\n")
            cells["step-visible"].outputs = [text]
        elif place == "cell metadata":
            cells["step"].metadata["solution"] = [{"source": line}]
        elif place == "metadata":
            notebook.metadata["kept"] = {"hidden": ["1", line]}
        elif place == "attachment":
            cells["ask-step"].attachments = {"a.txt": {"text/plain": line}}
        else:
            notebook.metadata[line] = 1

    found = release(change)
    named = "another student's variant" if line == VARIANT else "not for students"
    assert any(named in sentence for sentence in found), found


@pytest.mark.parametrize("marker", ["BEGIN SOLUTION", "BEGIN HIDDEN TESTS", "BEGIN MARK SCHEME"])
def test_a_marker_is_found_even_with_nothing_in_it(release, marker):
    def change(notebook, cells):
        cells["step"].metadata["x"] = f"### {marker}"

    assert any(marker in sentence for sentence in release(change))


def test_outputs_are_found_whatever_they_say(release):
    def change(notebook, cells):
        cells["step"].outputs = [nbformat.v4.new_output("stream", text="hm")]

    assert any("has outputs" in sentence for sentence in release(change))


def test_other_files_are_found(release):
    (release.folder / "assignment.json").write_text("{}")
    assert any("assignment.json" in s for s in release(lambda notebook, cells: None))


def test_another_students_notebook_in_the_wrong_folder(course):
    course.release("tiny", by_student=True)
    folder = course.folder / "by-student" / "tiny"
    assert leaks.find(course.folder, "tiny") == []
    (folder / "ada.ipynb").write_bytes((folder / "eve.ipynb").read_bytes())
    assert any("another student's variant: twice" in s for s in leaks.find(course.folder, "tiny"))
