"""homework/grader/grade.py: what each check costs, and what it knows of the others."""

import json
import time

import numpy as np
import pytest

from grader.grade import Outcome, Result, grade
from grader.release import Cell
from grader.sandbox import Limits, SandboxUnavailable

LIMITS = Limits(memory=2**29, cell=2, call=1)
TOOLS = Cell(
    "given",
    "tools",
    """
import numpy as np

def same(actual, expected, what="the result"):
    assert np.shape(actual) == np.shape(expected), f"{what}: another shape"
    assert np.allclose(actual, expected), f"{what}: other values"
""",
)
DOUBLE = Cell("answer", "double", "def double(x):\n    print('doubling')\n    return 2 * x")
SQUARE = Cell("answer", "square", "def square(x):\n    return x**2")
DOUBLE_CHECK = Cell("check", "double-check", "same(double(np.arange(3)), [0, 2, 4])", 2)
SQUARE_CHECK = Cell("check", "square-check", "same(square(np.arange(3)), [0, 1, 4])", 3)


def answer(source, name="double"):
    return Cell("answer", name, source)


def check(source, name="check"):
    return Cell("check", name, source, 1)


def outcomes(*cells, student="ada", **options):
    return grade([TOOLS, *cells], student, options.pop("limits", LIMITS), **options).outcomes


def passed(*cells, **options):
    """The names of the checks that passed."""
    found = outcomes(*cells, **options)
    return [cell.name for cell in cells if cell.kind == "check" and found[cell.name].passed]


def test_right_answers_pass_and_every_cell_has_an_outcome():
    text = Cell("text", "words", "Some words.")
    found = outcomes(text, DOUBLE, SQUARE, DOUBLE_CHECK, SQUARE_CHECK)
    assert list(found) == ["tools", "double", "square", "double-check", "square-check"]
    assert all(outcome.passed and not outcome.reason for outcome in found.values())
    assert found["double-check"].printed == "doubling\n" and found["square-check"].printed == ""


def test_a_wrong_answer_costs_its_own_check():
    wrong = answer("def double(x):\n    return 3 * x")
    found = outcomes(wrong, SQUARE, DOUBLE_CHECK, SQUARE_CHECK)
    assert found["double-check"] == Outcome(False, "the result: other values")
    assert found["square-check"].passed


@pytest.mark.parametrize(
    "source, reason",
    [
        ("def double(x):\n    import os; os._exit(1)", "exit status 1"),
        ("def double(x):\n    while True: pass", "it took longer than 1 s"),
        ("def double(x):\n    raise ValueError('no')", "line 2, in double\nValueError: no"),
        ("def double(x):\n    return x[0]", "the result: another shape"),
        ("def double(x):\n    return 'text'", "another shape"),
        ("def double(x):\n    return None", "another shape"),
        ("double = 7", "TypeError: 'int' object is not callable"),
        ("class double: __init__ = lambda self, x: None", "no attribute 'shape'"),
        ("def double(x): return 2 *", "name 'double' is not defined"),
        ("import os; os._exit(1)", "name 'double' is not defined"),
        ("raise SystemExit", "name 'double' is not defined"),
    ],
)
def test_whatever_goes_wrong_in_a_question_leaves_the_others(source, reason):
    found = outcomes(answer(source), SQUARE, DOUBLE_CHECK, SQUARE_CHECK)
    assert not found["double-check"].passed and reason in found["double-check"].reason
    assert found["square-check"] == Outcome()


def test_an_assertion_without_words_still_has_a_reason():
    assert outcomes(DOUBLE, check("assert double(1) == 3"))["check"].reason == "not so"


def test_an_argument_that_cannot_be_sent_names_itself():
    reason = outcomes(DOUBLE, check("double(1j)"))["check"].reason
    assert reason.startswith("an argument cannot be sent")


def test_given_cells_run_on_both_sides():
    given = Cell("given", "sizes", "size = 5\nprint('given')")
    uses = answer("def double(x):\n    return 2 * x * size / 5")
    found = outcomes(given, uses, DOUBLE_CHECK, check("assert size == 5"))
    assert found["double-check"].passed and found["check"].passed
    assert found["sizes"].printed == "given\n"


def test_a_given_cell_that_measures_the_answer_runs_in_the_sandbox_alone(capsys):
    measure = Cell(
        "given", "measure", "import os\nmeasured = double(4), os.getpid()\nprint('here')"
    )
    shows = Cell("given", "show", "print(measured[0])")
    found = outcomes(DOUBLE, measure, shows, DOUBLE_CHECK)
    assert found["measure"].printed == "doubling\nhere\n" and found["show"].printed == "8\n"
    assert found["double-check"].passed
    assert capsys.readouterr().out == ""


def test_students_cannot_change_what_checks_compare_with():
    change = answer("def double(x): return x\ndef same(*args): pass\nnp.allclose = same")
    assert passed(change, DOUBLE_CHECK) == []


def test_no_check_finds_what_another_defined():
    first = check("left = double(1)\nassert left == 2", "first")
    second = check("assert 'left' not in globals()", "second")
    third = check("left", "third")
    assert passed(DOUBLE, first, second, third) == ["first", "second"]


def test_a_check_cannot_rename_what_another_uses():
    first = check("same = double = None", "first")
    assert passed(DOUBLE, first, DOUBLE_CHECK) == ["first", "double-check"]


def test_functions_of_a_check_find_the_students():
    source = "def f(x):\n    return double(x)\nassert [f(k) for k in (1, 2)] == [2, 4]"
    assert passed(DOUBLE, check(source)) == ["check"]


def test_a_state_of_the_students_lasts_until_the_sandbox_is_lost():
    source = "count = 0\ndef double(x):\n    global count\n    count += 1\n    return count"
    checks = [check(f"assert double(0) == {k}", str(k)) for k in (1, 2)]
    assert passed(answer(source), *checks) == ["1", "2"]


# Random numbers.

DRAW = check("assert False, str(rng.normal(size=3).tolist())", "draw")


def drawn(*cells, **options):
    return [o.reason for name, o in outcomes(*cells, **options).items() if "draw" in name]


def test_random_numbers_are_the_same_when_repeated():
    assert drawn(DRAW) == drawn(DRAW)


def test_random_numbers_differ_by_student_check_and_seed():
    other = check(DRAW.source, "another draw")
    found = drawn(DRAW, other) + drawn(DRAW, student="eve") + drawn(DRAW, seed=1)
    assert len(set(found)) == 4


def test_random_numbers_do_not_depend_on_earlier_checks():
    before = check("rng.normal(size=5)", "before")
    assert drawn(before, DRAW) == drawn(DRAW)


def test_students_do_not_draw_from_the_checks_numbers():
    steals = answer("rng = None\ndef double(x): return 2 * x")
    assert drawn(steals, DRAW) == drawn(DRAW)


# Time.

SLOW = answer("import time\ndef double(x):\n    time.sleep(0.4)\n    return 2 * x")


def test_a_check_may_wait_only_so_long_in_all():
    many = check("for _ in range(100): double(1)", "many")
    start = time.monotonic()
    found = outcomes(SLOW, SQUARE, many, SQUARE_CHECK, check_seconds=1)
    assert not found["many"].passed and "it took longer than" in found["many"].reason
    assert found["square-check"].passed
    assert time.monotonic() - start < 15


def test_a_notebook_may_take_only_so_long_in_all(monkeypatch):
    clock, real = [0.0], time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + clock[0])

    def later(x):
        clock[0] += 1000
        return x

    monkeypatch.setattr(np, "negative", later)
    late = check("np.negative(1)", "late")
    found = outcomes(SQUARE, late, SQUARE_CHECK)
    assert found["late"].passed
    assert "it took longer than 0 s" in found["square-check"].reason


# Results.


def test_a_result_survives_json():
    result = Result({"a": Outcome(False, "why \ud83d", "printed"), "b": Outcome()}, 2.5, 1.25)
    assert Result.from_json(json.loads(json.dumps(result.as_json()))) == result


def test_a_result_says_how_long_it_took():
    result = grade([TOOLS, SLOW, DOUBLE_CHECK], "ada", LIMITS)
    assert 0.4 < result.own_seconds < result.seconds < 15


def test_reasons_and_prints_are_short():
    loud = "def double(x):\n    print('loud' * 10**5)\n    raise ValueError('long' * 10**5)"
    again = (
        "for _ in range(9):\n    try: double(1)\n    except Exception: pass\nassert 0, 'x' * 10**5"
    )
    found = outcomes(answer(loud), DOUBLE_CHECK, check(again))
    assert all(len(outcome.reason + outcome.printed) < 20_000 for outcome in found.values())


def test_an_error_of_the_graders_own_is_not_the_students():
    with pytest.raises(ZeroDivisionError):
        outcomes(Cell("given", "broken", "1 / 0"))


def test_without_a_sandbox_nothing_is_graded(monkeypatch):
    monkeypatch.setattr("grader.sandbox._checked", ("there is none",))
    with pytest.raises(SandboxUnavailable, match="there is none"):
        outcomes(DOUBLE, DOUBLE_CHECK)
    assert passed(DOUBLE, DOUBLE_CHECK, trusted=True) == ["double-check"]
