import copy
import json
import os
import time

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from grader import repair
from grader.repair import BadSubmission

STUB = "# YOUR CODE HERE\nraise NotImplementedError('not answered yet')"
STEP = '''def step(x, h_prev, W):
    """Return the next state.

    x: (N, D); h_prev: (N, H); W: (D, H)
    """
'''
BACKWARD = '''def backward(dh, x, W):
    """Return the gradients of x and W, of their shapes.

    dh: (N, H)
    """
'''


def cell(name, source, **nbgrader):
    make = new_markdown_cell if name.startswith("text") or name == "why" else new_code_cell
    flags = {"grade": False, "solution": False, "locked": True, "task": False, "schema_version": 3}
    return make(source, id=name, metadata={"nbgrader": {"grade_id": name, **flags, **nbgrader}})


def make_release(title="A cell that peeks"):
    answer, check = {"solution": True, "locked": False}, {"grade": True, "points": 0}
    cells = [
        cell("text-title", f"# {title}\n\nAbout 90 minutes."),
        cell("tools", "import numpy as np\n\nrng = np.random.default_rng(0)"),
        cell("text-step", "## Your cell\n\nWrite the step."),
        cell("step", STEP + STUB, **answer),
        cell("check-step", "# The shapes\nassert step(x, h, W).shape == (2, 3)", **check),
        cell("check-step-hidden", "# Against PyTorch", **check),
        cell("text-prediction", "## A prediction\n\nHow large is the gradient?"),
        cell("prediction", STUB, **answer),
        cell("check-prediction", "# A number\nassert 0 < prediction < 1", **check),
        cell("text-backward", "## Backward"),
        cell("backward", BACKWARD + STUB, **answer),
        cell("check-backward", "# Differences\nassert len(backward(dh, x, W)) == 2", **check),
        cell("text-why", "## Why?\n\nTwo points for the reason."),
        cell("why", "YOUR ANSWER HERE", **answer | {"grade": True, "points": 4}),
        cell("text-end", "That was all."),
    ]
    kernel = {"name": "python3", "display_name": "Python 3"}
    return new_notebook(cells=cells, metadata={"kernelspec": kernel})


RELEASE = make_release()
NAMES = ["step", "prediction", "backward", "why"]
ANSWERS = {
    "step": STEP + "    return np.tanh(x @ W + h_prev)\n",
    "prediction": "prediction = 0.25",
    "backward": BACKWARD + "    return dh @ W.T, x.T @ dh",
    "why": "Because the state is **bounded**.",
}


def solved(**changed):
    notebook = copy.deepcopy(RELEASE)
    for name, source in (ANSWERS | changed).items():
        find(notebook, name).source = source
    return notebook


def find(notebook, name):
    names = ((c.metadata.get("nbgrader", {}).get("grade_id"), c) for c in notebook.cells)
    return next(c for found, c in names if found == name)


def data(notebook):
    return json.dumps(notebook).encode()


def fix(notebook, release=RELEASE):
    content = notebook if isinstance(notebook, bytes) else data(notebook)
    return repair.repair(release, content)


def answers(notebook):
    return {name: find(notebook, name).source for name in NAMES}


def stripped(notebook, ids=True):
    """Without the metadata of cells and notebook, as after pasting into a new one."""
    notebook = copy.deepcopy(notebook)
    notebook.metadata = {}
    for number, c in enumerate(notebook.cells):
        c.metadata = {}
        if ids:
            c.id = f"fresh-{number}"
    return notebook


def assert_repaired(notebook, notes=(), **changed):
    result, found = fix(notebook)
    assert answers(result) == ANSWERS | changed
    assert found == list(notes)
    assert_skeleton(result)


def assert_skeleton(result):
    expected = copy.deepcopy(RELEASE)
    for name, source in answers(result).items():
        find(expected, name).source = source
    result = copy.deepcopy(result)
    result.cells = [cell for cell in result.cells if cell.metadata]  # without the student's own
    assert result == expected
    nbformat.validate(result)


def test_the_answers_are_taken_and_all_else_is_the_release():
    before = copy.deepcopy(RELEASE)
    assert_repaired(solved())
    assert RELEASE == before


def test_what_students_do_to_locked_cells_does_not_matter():
    notebook = solved()
    find(notebook, "tools").source = "def same(*_): pass"
    find(notebook, "check-step").source = "assert True"
    find(notebook, "step").outputs = [nbformat.v4.new_output("stream", text="hello")]
    find(notebook, "step").execution_count = 7
    find(notebook, "step").metadata.nbgrader.update(points=99, locked=True, grade=True)
    find(notebook, "why").attachments = {"a.png": {"image/png": "aaaa"}}
    notebook.cells.append(new_code_cell("import os; os._exit(1)"))
    del notebook.cells[2]
    assert_repaired(notebook)


def test_a_repaired_notebook_is_repaired_to_itself():
    once, _ = fix(stripped(solved()))
    assert fix(once) == (once, [])


def test_a_blank_submission_is_the_release():
    assert fix(RELEASE) == (RELEASE, [])
    result, notes = fix(stripped(RELEASE))
    assert result == RELEASE
    assert all("metadata were lost" in note for note in notes)


def test_an_emptied_answer_counts_as_blank():
    assert_repaired(
        solved(step="  \n", why=""),
        step=find(RELEASE, "step").source,
        why="YOUR ANSWER HERE",
    )


def test_the_cells_id_is_enough_and_so_is_the_id_that_colab_keeps():
    ids = stripped(solved(step="def stepp(): pass", prediction="x"), ids=False)
    assert_repaired(ids, step="def stepp(): pass", prediction="x")
    for c in ids.cells:
        c.metadata = {"id": c.pop("id"), "colab": {"base_uri": "https://localhost:8080/"}}
    assert_repaired(ids, step="def stepp(): pass", prediction="x")


def test_answers_without_metadata_are_found_by_what_they_define_and_by_their_place():
    result, notes = fix(stripped(solved()))
    assert answers(result) == ANSWERS
    assert notes == [
        "the answer `step` was found by its definition, as its metadata were lost",
        "the answer `prediction` was found by its definition, as its metadata were lost",
        "the answer `backward` was found by its definition, as its metadata were lost",
        "the answer `why` was found by its place, as its metadata were lost",
    ]


def test_only_the_answers_pasted_into_a_new_notebook():
    cells = [c for c in stripped(solved()).cells if c.source in ANSWERS.values()]
    result, notes = fix(new_notebook(cells=[new_markdown_cell("# My homework"), *cells]))
    assert answers(result) == ANSWERS
    assert notes[0] == 'the title of the file is "My homework"'
    # One of them, and without any text of the release.
    result, notes = fix(new_notebook(cells=[new_markdown_cell("# My homework"), cells[0]]))
    assert find(result, "step").source == ANSWERS["step"]
    assert "the answer `why` is missing" in notes


def test_an_answer_that_no_check_names_is_found_between_its_neighbors():
    release = copy.deepcopy(RELEASE)
    find(release, "check-prediction").source = "# A number"
    notebook = stripped(solved())
    place = [c.source for c in notebook.cells].index(ANSWERS["prediction"])
    notebook.cells.insert(place + 1, new_code_cell("print(prediction)"))
    notebook.cells[place + 2].source = "# A number"
    result, notes = fix(notebook, release)
    assert answers(result) == ANSWERS
    assert "the answer `prediction` was found by its place, as its metadata were lost" in notes
    notebook.cells.insert(place, new_code_cell("prediction = 3"))
    result, notes = fix(notebook, release)
    assert answers(result) == ANSWERS
    assert "two cells could be the answer `prediction`: took the last" in notes


def test_two_answers_without_names_in_one_gap_keep_their_order():
    release = copy.deepcopy(RELEASE)
    second = cell("prediction-2", STUB, solution=True, locked=False)
    place = [c.id for c in release.cells].index("prediction")
    release.cells[place + 1] = second
    notebook = copy.deepcopy(release)
    notebook.cells[place].source, second_source = "a = 1", "b = 2"
    notebook.cells[place + 1].source = second_source
    result, _ = fix(stripped(notebook), release)
    assert [c.source for c in result.cells[place : place + 2]] == ["a = 1", "b = 2"]


def test_a_renamed_function_without_metadata_is_found_by_its_likeness():
    source = ANSWERS["step"].replace("def step", "def my_step")
    notebook = stripped(solved(step=source))
    at = next(n for n, c in enumerate(notebook.cells) if c.source == source)
    notebook.cells.append(notebook.cells.pop(at))
    del notebook.cells[at - 1]
    result, notes = fix(notebook)
    assert find(result, "step").source == source
    assert "the answer `step` was found by its likeness to the question" in notes


def test_a_missing_answer_is_named():
    notebook = solved()
    notebook.cells = [c for c in notebook.cells if c.id not in ("why", "backward")]
    stub = find(RELEASE, "backward").source
    assert_repaired(
        notebook,
        ["the answer `backward` is missing", "the answer `why` is missing"],
        why="YOUR ANSWER HERE",
        backward=stub,
    )


@pytest.mark.parametrize("first", [True, False])
def test_of_a_copy_and_an_unchanged_stub_the_changed_one_counts(first):
    notebook = solved()
    stub = copy.deepcopy(find(RELEASE, "step"))
    notebook.cells.insert(0 if first else len(notebook.cells), stub)
    assert_repaired(notebook)


def test_of_several_changed_copies_the_last_counts():
    notebook = solved()
    notebook.cells.insert(0, copy.deepcopy(find(notebook, "step")))
    assert_repaired(notebook)  # alike
    notebook.cells[0].source += "  # older"
    assert_repaired(notebook, ["two cells could be the answer `step`: took the last"])
    notebook.cells.append(copy.deepcopy(find(notebook, "step")))
    notebook.cells[-1].source = "step(np.ones((2, 3)))"
    found = ["three cells could be the answer `step`: took the last"]
    assert_repaired(notebook, found)  # the last that defines it


def test_a_cell_that_was_split_is_put_together():
    notebook = solved()
    at = [c.id for c in notebook.cells].index("step")
    half = copy.deepcopy(notebook.cells[at])
    half.source = "def squash(a):\n    return a"
    notebook.cells.insert(at, half)
    assert_repaired(
        notebook,
        ["the answer `step` was put together from two cells"],
        step=f"{half.source}\n\n{ANSWERS['step']}",
    )


def test_an_answer_in_another_cell_than_its_blank_own_is_found():
    notebook = solved(step=find(RELEASE, "step").source)
    notebook.cells.append(new_code_cell(ANSWERS["step"]))
    note = "the answer `step` was found by its definition, as its own cell does not hold it"
    assert_repaired(notebook, [note])


def test_all_answers_in_one_cell_count_for_each():
    both = ANSWERS["step"] + "\n\n" + ANSWERS["backward"]
    notebook = solved(step=both, backward=find(RELEASE, "backward").source)
    result, _ = fix(notebook)
    assert find(result, "step").source == find(result, "backward").source == both


def test_an_answer_merged_into_a_locked_cell_is_found():
    notebook = solved()
    tools = find(notebook, "tools")
    tools.source += "\n\n" + ANSWERS["step"]
    notebook.cells.remove(find(notebook, "step"))
    assert find(fix(notebook)[0], "step").source == tools.source


def test_the_written_answer_may_stand_beside_its_blank_cell():
    notebook = solved(why="YOUR ANSWER HERE")
    at = [c.id for c in notebook.cells].index("why") + 1
    notebook.cells[at:at] = [new_markdown_cell("First."), new_markdown_cell("Second.")]
    note = "the answer `why` was found next to its own cell, which is blank"
    assert_repaired(notebook, [note], why="First.\n\nSecond.")


def test_a_written_answer_in_several_cells_is_put_together():
    notebook = stripped(solved(why="First."))
    at = [c.source for c in notebook.cells].index("First.") + 1
    notebook.cells.insert(at, new_markdown_cell("Second."))
    result, notes = fix(notebook)
    assert find(result, "why").source == "First.\n\nSecond."
    assert "the answer `why` was put together from two cells" in notes


def test_a_changed_question_above_a_blank_answer_is_named():
    notebook = solved(why="YOUR ANSWER HERE")
    find(notebook, "text-why").source += "\n\nBecause."
    note = "the answer `why` is blank, but the text above it was changed"
    assert_repaired(notebook, [note], why="YOUR ANSWER HERE")


def test_an_answer_whose_type_was_changed_keeps_its_source():
    notebook = solved()
    for name, kind in (("step", "markdown"), ("why", "code"), ("backward", "raw")):
        find(notebook, name).cell_type = kind
    assert_repaired(notebook)


def test_code_that_does_not_parse_is_found_by_its_definition():
    broken = "%%time\n@what\ndef step(x, h_prev, W:\n  return ((("
    result, _ = fix(stripped(solved(step=broken)))
    assert find(result, "step").source == broken


def test_what_students_add_stays_where_it_is_and_copies_do_not():
    notebook = solved()
    step, backward = find(notebook, "step"), find(notebook, "backward")
    draft = new_code_cell(step.source.replace("tanh", "sin"))
    at = notebook.cells.index
    notebook.cells.insert(at(backward), new_code_cell("scale = 2"))
    notebook.cells.insert(at(step), draft)  # another try of an answer
    notebook.cells.insert(0, new_code_cell("import torch"))
    notebook.cells.insert(0, new_markdown_cell("My notes"))
    notebook.cells.append(new_code_cell("print(step)"))
    notebook.cells.append(copy.deepcopy(notebook.cells[at(backward) + 1]))  # a copy of a check
    result, _ = fix(notebook)
    assert answers(result) == ANSWERS
    assert_skeleton(result)
    sources = [cell.source for cell in result.cells]
    assert sources[0] == "import torch" and sources[-1] == "print(step)"
    assert sources[sources.index("scale = 2") + 1] == ANSWERS["backward"]
    assert draft.source not in sources
    again, _ = fix(result)
    assert [cell.source for cell in again.cells] == sources


# How files are written.


def test_nbformat_3():
    cells = []
    for c in solved().cells:
        old = {"cell_type": c.cell_type, "metadata": {}}
        old["input" if c.cell_type == "code" else "source"] = c.source.splitlines(keepends=True)
        cells.append(old)
    cells[0] = {"cell_type": "heading", "level": 1, "source": ["A cell that peeks"]}
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": cells}]}
    assert answers(fix(old)[0]) == ANSWERS


def test_nbformat_40_lists_of_lines_and_carriage_returns():
    notebook = solved()
    notebook.nbformat_minor = 0
    for c in notebook.cells:
        del c["id"]
        c.source = [line.replace("\n", "\r\n") for line in c.source.splitlines(keepends=True)]
    assert_repaired(notebook)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_other_encodings(encoding):
    notebook = solved(why="Größe 𝛼")
    text = json.dumps(notebook, ensure_ascii=False)
    assert_repaired(text.encode(encoding), why="Größe 𝛼")


def test_half_characters_and_bytes_of_another_encoding():
    half = data(solved(why="PLACE")).replace(b"PLACE", rb"a\ud83db")
    assert_repaired(half, why="a\ufffdb")
    raw = data(solved(why="PLACE")).replace(
        b"PLACE", "a\ud83d\ude00b\udc00".encode("utf-8", "surrogatepass")
    )
    assert_repaired(raw, why="a😀b\ufffd")
    latin = data(solved(why="PLACE")).replace(b"PLACE", "Größe".encode("latin-1"))
    note = "the file is not UTF-8: letters with accents may be lost"
    assert_repaired(latin, [note], why="Gr\ufffd\ufffde")


def test_nan_in_outputs_and_cells_of_the_wrong_types():
    notebook = json.loads(data(solved()))
    notebook["cells"][3]["outputs"] = [{"data": {"x": float("nan")}}]
    notebook["metadata"] = ["no", "dictionary"]
    wrong = [None, 3, [], {}, {"cell_type": [], "source": 3, "metadata": None, "id": []}]
    wrong += [{"cell_type": "code", "source": ["a", 3], "metadata": {"nbgrader": {"grade_id": []}}}]
    notebook["cells"] += wrong
    assert_repaired(json.dumps(notebook).encode())


# Files that are none.


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "It is an empty file, not a notebook."),
        (b"\xef\xbb\xbf \n", "It is an empty file, not a notebook."),
        (b"\0" * 100, "It is an empty file, not a notebook."),
        (b"\n<!DOCTYPE html><title>Log in</title>", "It is a web page"),
        (b"%PDF-1.7\n", "It is a PDF, not a notebook."),
        (b"PK\x03\x04aaaa", "It is a zip archive"),
        (b"\x89PNG\r\n", "It is a picture"),
        (b"import numpy as np\n\ndef step(x):\n    return x\n", "It is a Python script"),
        (b"hello", "It is a file of another kind"),
        (b"\xff\xfe\x00", "It is a file of another kind"),
        (b'{"cells": [}, "metadata": {"a": 1}}', "It is damaged: from line 1 on"),
        (b'{"n": ' + b"1" * 5000 + b"}", "It is damaged: it holds a number"),
        (b'{"a": 1}', "It is JSON, but not a notebook"),
        (b"[1, 2]", "It is JSON, but not a notebook"),
        (b'{"cells": {}}', "It is JSON, but not a notebook"),
        (b'{"cells": [], "nbformat": 4}', "It is an empty notebook."),
        (b'{"cells":' + b"[" * 100_000, "It is nested too deeply"),
        (b'{"cells":' + b'{"a":' * 100_000, "It is nested too deeply"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_with_what_it_is(content, reason):
    with pytest.raises(BadSubmission) as caught:
        fix(content)
    assert str(caught.value).startswith(reason)
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.5, 0.7, 0.999])
def test_a_file_that_ends_early_is_refused(share):
    whole = data(solved())
    with pytest.raises(BadSubmission, match="only the beginning of a notebook"):
        fix(whole[: int(len(whole) * share)])


def test_a_file_of_too_many_lists_is_refused_before_it_is_parsed(monkeypatch):
    monkeypatch.setattr(repair, "MOST_LISTS", 100)
    with pytest.raises(BadSubmission, match="more lists"):
        fix(b'{"cells": [' + b"[]," * 101)


def test_large_files_are_refused_unread(tmp_path, monkeypatch):
    path = tmp_path / "large.ipynb"
    with path.open("wb") as file:
        file.truncate(repair.LARGEST + 1)
    with pytest.raises(BadSubmission, match="larger than 50 MB: clear its outputs"):
        repair.read(path)
    monkeypatch.setattr(repair, "LARGEST", 1000)
    with pytest.raises(BadSubmission, match="larger than"):
        fix(solved())
    path.write_bytes(b"a" * 1000)
    assert repair.read(path) == b"a" * 1000


def test_what_is_no_ordinary_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(BadSubmission, match="not an ordinary file"):
            repair.read(path)


# Other assignments.


def other():
    notebook = make_release("Gates that leak")
    for c in notebook.cells:
        if c.id not in ("tools", "why"):
            c.metadata.nbgrader.grade_id = c.id = f"leak-{c.id}"
            c.source = c.source.replace("step", "leak").replace("backward", "leak_back")
            c.source = c.source.replace("prediction", "guess").replace("Why?", "Leaks?")
    return notebook


@pytest.mark.parametrize("lose", [False, True])
def test_another_assignment_is_refused_by_its_title(lose):
    notebook = stripped(other()) if lose else other()
    with pytest.raises(BadSubmission) as caught:
        fix(notebook)
    expected = 'The answers of this assignment are not in it; its title is "Gates that leak".'
    assert str(caught.value) == expected


@pytest.mark.parametrize("lose", [False, True])
def test_another_assignment_is_refused_although_an_answer_has_the_same_name(lose):
    notebook = other()
    find(notebook, "leak-step").source = ANSWERS["step"]
    find(notebook, "leak-step").metadata.nbgrader.grade_id = "step"
    with pytest.raises(BadSubmission, match="Gates that leak"):
        fix(stripped(notebook) if lose else notebook)


def test_a_notebook_about_something_else_is_refused():
    notebook = new_notebook(cells=[new_code_cell("print('hello')")])
    with pytest.raises(BadSubmission, match="it has no title"):
        fix(notebook)


def test_the_right_assignment_under_another_title_is_not_refused():
    notebook = solved()
    notebook.cells.insert(0, new_markdown_cell("# Homework of \x1b[31mJane"))
    assert_repaired(notebook)


# Whatever students do.


@st.composite
def treated(draw):
    """A solved notebook after treatment, and the answers that must survive it."""
    notebook = copy.deepcopy(solved())
    keep = {
        name: draw(st.sampled_from(["all", "nbgrader", "id", "colab", "none"])) for name in NAMES
    }
    survive = set()
    for c in notebook.cells:
        c.source = draw(st.sampled_from([c.source, c.source.replace("\n", "\r\n")]))
        how = keep.get(c.id) or draw(st.sampled_from(["all", "none"]))
        name = c.id
        if how == "colab":
            c.metadata = {"id": c.id}
        elif how != "all" and how != "nbgrader":
            c.metadata = {}
        if how not in ("all", "id"):
            del c["id"]
        if name in NAMES and (how != "none" or name != "why"):
            survive.add(name)
    for c in draw(st.lists(st.sampled_from(notebook.cells), max_size=5)):
        notebook.cells.append(copy.deepcopy(c))
    own = [new_code_cell("print(step)"), new_markdown_cell("A note."), new_code_cell("def (")]
    notebook.cells += draw(st.lists(st.sampled_from(own), max_size=4))
    if draw(st.booleans()):
        notebook.cells = draw(st.permutations(notebook.cells))
    locked = [c for c in notebook.cells if c.source.replace("\r\n", "\n") not in ANSWERS.values()]
    gone = draw(st.lists(st.sampled_from(locked), max_size=8))
    notebook.cells = [c for c in notebook.cells if not any(c is g for g in gone)]
    return notebook, survive


@settings(max_examples=60, deadline=None)
@given(treated())
def test_answers_that_bear_a_name_or_define_one_survive(case):
    notebook, survive = case
    result, _ = fix(notebook)
    found = answers(result)
    assert {name: found[name] for name in survive} == {name: ANSWERS[name] for name in survive}
    assert_skeleton(result)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["cells", "source", "metadata", "cell_type", "nbgrader", "grade_id", "id"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=60) | st.lists(JSON).map(lambda cells: data({"cells": cells})))
def test_whatever_the_bytes_they_are_repaired_or_refused(content):
    try:
        result, _ = fix(content)
    except BadSubmission:
        return
    assert_skeleton(result)


@pytest.mark.parametrize(
    "source",
    ["x = 1\n" * 10, "a, " * 1000, '"""' * 1001, "a : " * 1000, "import " * 1000, "-" * 10_000],
)
def test_long_notebooks_take_seconds_at_most(source):
    cells = [{"cell_type": "code", "source": source, "metadata": {}}] * 200
    notebook = {"cells": [*json.loads(data(stripped(solved())))["cells"], *cells]}
    started = time.process_time()
    fix(notebook)
    assert time.process_time() - started < 6


def test_many_cells_and_a_long_one_take_seconds_at_most():
    small = {"cell_type": "code", "source": "def stepp(x, h_prev, W): N", "metadata": {}}
    large = {"cell_type": "code", "source": "def step(a, b): return a\n" * 40_000, "metadata": {}}
    lost = stripped(solved(step="", backward="nothing"))
    content = data({"cells": [*lost.cells, *[small] * 10_000, large]})
    started = time.process_time()
    result, _ = fix(content)
    assert find(result, "step").source == large["source"]
    assert time.process_time() - started < 6
