"""homework/grader/student.py: what a student defined, as a check meets it."""

import time

import numpy as np
import pytest

from grader.messages import BadMessage
from grader.sandbox import Limits, SandboxEnded
from grader.student import Remote, Session, StudentError

CELLS = """
import numpy as np

class Cell:
    bias, _secret = 0.5, 1

    def __init__(self, D, H):
        self.W = np.ones((D, H))

    def step(self, x):
        return x @ self.W + self.bias

    def __eq__(self, other):
        return True

    def __len__(self):
        return 7

def echo(*args, **kwargs):
    return args, kwargs

def kinds(*args):
    return [type(arg).__name__ for arg in args]

def inverse(x):
    return 1 / x

def shift(cell, by):
    cell.bias += by
    return cell
"""
LIMITS = Limits(memory=2**29, call=2)


@pytest.fixture(scope="module")
def shared():
    """A session for tests that leave it as it was."""
    with Session(LIMITS) as session:
        session.run("definitions", CELLS)
        yield session


@pytest.fixture
def session():
    with Session(LIMITS) as session:
        session.run("definitions", CELLS)
        yield session


@pytest.mark.parametrize(
    "value", [None, True, 3, -0.5, "text", [1, [2]], {"a": {"b": None}}, [], {}, 2**63, 1e300]
)
def test_plain_values_go_and_come_back(shared, value):
    assert shared.get("echo")(value, key=value) == [[value], {"key": value}]


def test_arrays_go_and_come_back(shared):
    expected = np.arange(6, dtype=np.float32).reshape(2, 3).T
    [[found], _] = shared.get("echo")(expected)
    np.testing.assert_array_equal(found, expected, strict=True)


def test_tuples_come_back_as_lists(shared):
    assert shared.get("echo")((1, (2, 3))) == [[[1, [2, 3]]], {}]


def test_scalars_are_numbers_on_both_sides(shared):
    args = np.float32(1.5), np.int64(2), np.bool_(True)
    assert shared.get("kinds")(*args) == ["float", "int", "bool"]
    shared.run("scalars", "scalars = np.float64(1.5), np.int32(2), np.bool_(False)")
    found = shared.get("scalars")
    assert found == [1.5, 2, False] and [*map(type, found)] == [float, int, bool]


def test_keys_that_are_no_strings_come_back_as_strings(shared):
    shared.run("table", "table = {1: 'a', (2, 3): 'b'}")
    assert shared.get("table") == {"1": "a", "(2, 3)": "b"}


def test_an_object_has_methods_and_attributes(shared):
    cell = shared.get("Cell")(2, 3)
    assert isinstance(cell, Remote)
    np.testing.assert_array_equal(cell.W, np.ones((2, 3)))
    np.testing.assert_array_equal(cell.step(np.ones((1, 2))), [[2.5, 2.5, 2.5]])


def test_an_object_can_be_handed_back(shared):
    cell = shared.get("Cell")(2, 3)
    assert shared.get("shift")(cell, by=2).bias == 2.5
    assert cell.bias == 2.5
    assert shared.get("kinds")([cell], {"a": cell}, cell) == ["list", "dict", "Cell"]


def test_an_object_has_no_equality_or_length_of_its_own(shared):
    cell, other = shared.get("Cell")(2, 3), shared.get("Cell")(2, 3)
    assert cell != other and cell != 1
    with pytest.raises(TypeError):
        len(cell)
    assert repr(cell) == "an object of the student's"
    with pytest.raises(TypeError):
        np.asarray(cell, float)


@pytest.mark.parametrize("name", ["_secret", "__dict__", "__array__", "_session_of"])
def test_private_names_are_not_asked_for(shared, name):
    with pytest.raises(AttributeError, match=name):
        getattr(shared.get("Cell")(2, 3), name)


def test_a_missing_attribute_or_name_says_so(shared):
    with pytest.raises(StudentError, match="'Cell' object has no attribute 'slope'"):
        _ = shared.get("Cell")(2, 3).slope
    with pytest.raises(StudentError, match="NameError: name 'steps' is not defined"):
        shared.get("steps")


def test_an_exception_names_cell_and_line(shared):
    with pytest.raises(StudentError) as caught:
        shared.get("inverse")(0)
    line = CELLS.splitlines().index("    return 1 / x") + 1
    assert str(caught.value) == (
        f"cell definitions, line {line}, in inverse\nZeroDivisionError: division by zero"
    )


@pytest.mark.parametrize(
    "source, what",
    [
        ("x = (", "SyntaxError"),
        ("raise SystemExit", "SystemExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise NotImplementedError('not answered yet')", "NotImplementedError: not answered yet"),
        ("class E(Exception):\n    def __str__(self): raise self\nraise E", "E"),
        ("raise ValueError('\\ud800')", "ValueError"),
        ("f = lambda: f()\nf()", "RecursionError"),
        ("raise ValueError('long' * 10**6)", "long"),
    ],
)
def test_any_exception_is_a_short_text(shared, source, what):
    with pytest.raises(StudentError, match=what) as caught:
        shared.run("wrong", source)
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize("result", ["1j", "b'bytes'", "{1, 2}", "print", "object()"])
def test_what_no_message_carries_stays_as_an_object(shared, result):
    shared.run("result", f"result = {result}")
    assert isinstance(shared.get("result"), Remote)


@pytest.mark.parametrize(
    "result", ["2**64", "np.array([None])", "np.ones(2, complex)", "'x' * 2**20"]
)
def test_what_cannot_leave_is_the_students_error(shared, result):
    shared.run("result", f"result = {result}")
    with pytest.raises(StudentError, match="cannot leave|too large"):
        shared.get("result")
    assert shared.get("echo")(1) == [[1], {}]


@pytest.mark.parametrize("argument", [1j, b"bytes", len, np.array([None]), 2**64])
def test_what_cannot_be_sent_is_the_checks_error(shared, argument):
    with pytest.raises(BadMessage):
        shared.get("echo")(argument)
    assert shared.get("echo")(1) == [[1], {}]


def test_prints_are_kept_and_cut(shared):
    assert shared.run("printing", "import sys\nprint('a')\nprint('b', file=sys.stderr)") == "a\nb\n"
    assert shared.run("much", "print('long' * 10**6)") == "long" * 2500


def test_a_cell_that_fails_has_done_what_came_before(shared):
    with pytest.raises(StudentError):
        shared.run("half", "before = 1\n1 / 0\nafter = 2")
    assert shared.get("before") == 1
    with pytest.raises(StudentError):
        shared.get("after")


# When the sandbox is lost.


def test_the_cells_run_again_in_a_new_sandbox(session):
    session.run("count", "count = 0\ndef up():\n    global count\n    count += 1\n    return count")
    with pytest.raises(StudentError):
        session.run("half", "half = 1\n1 / 0")
    assert session.get("up")() == 1
    with pytest.raises(SandboxEnded):
        session.run("exit", "import os; os._exit(0)")
    assert session.get("up")() == 1 and session.get("half") == 1
    assert session.life == 2


def test_a_cell_that_ended_the_sandbox_does_not_run_again(session):
    with pytest.raises(SandboxEnded):
        session.run("exit", "gone = 1; import os; os._exit(0)")
    with pytest.raises(StudentError, match="'gone' is not defined"):
        session.get("gone")


def test_an_object_of_a_lost_sandbox_is_lost(session):
    cell = session.get("Cell")(2, 3)
    session.end()
    with pytest.raises(SandboxEnded, match="the sandbox that held this object is gone"):
        cell.step(np.ones((1, 2)))
    with pytest.raises(SandboxEnded, match="gone"):
        session.get("echo")(cell)
    assert session.get("Cell")(2, 3).bias == 0.5


def test_an_object_of_another_session_is_refused(shared, session):
    with pytest.raises(SandboxEnded):
        session.get("echo")(shared.get("Cell")(2, 3))


def test_a_call_that_takes_too_long_costs_the_sandbox_alone(session):
    session.run("slow", "import time\ndef slow(): time.sleep(60)")
    slow, start = session.get("slow"), time.monotonic()
    with pytest.raises(SandboxEnded, match="it took longer than 2 s"):
        slow()
    assert session.get("echo")(1) == [[1], {}]
    assert time.monotonic() - start < 20


def test_nothing_is_waited_for_when_the_time_is_over(session):
    session.until = time.monotonic()
    with pytest.raises(SandboxEnded, match="it took longer than"):
        session.get("echo")


def test_what_cells_print_again_is_not_printed_twice(session):
    session.run("loud", "print('loud')\ndef f(): print('f')")
    session.end()
    session.printed = ""
    session.get("f")()
    assert session.printed == "f\n"


def test_a_session_counts_the_seconds_of_the_student(session):
    before = session.seconds
    session.run("nap", "import time; time.sleep(0.2)")
    assert 0.2 <= session.seconds - before < 2
    assert 0 < session.ready < LIMITS.start
