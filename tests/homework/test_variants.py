"""homework/grader/variants.py: who gets which equations, and how they come into the text."""

import json
from collections import Counter

import pytest

from grader import variants
from grader.variants import Spec

FIELDS = {
    "title": "A cell",
    "chapter": "04-lstm",
    "minutes": 90,
    "seconds": 1,
    "variants": {
        "candidate": [{"candidate": name, "math": f"\\{name}"} for name in ("tanh", "sin", "id")],
        "tied": [{"tied": name} for name in ("yes", "no", "half", "twice", "never")],
    },
}
SPEC = Spec("04-peeks", **FIELDS)


@pytest.fixture
def read(tmp_path):
    """Read an assignment.json that differs from a right one by these fields."""

    def written(**changes):
        fields = {k: v for k, v in (FIELDS | changes).items() if v is not None}
        (tmp_path / "assignment.json").write_text(json.dumps(fields), encoding="utf-8")
        return variants.read(tmp_path)

    return written


@pytest.mark.parametrize(
    "student, candidate, tied",
    [
        ("ada", "tanh", "no"),
        ("eve", "tanh", "half"),
        ("s1234567", "id", "half"),
        ("müller@example.org", "sin", "half"),
    ],
)
def test_a_students_choice_never_changes(student, candidate, tied):
    texts = SPEC.choose(student)
    assert (texts["candidate"], texts["tied"]) == (candidate, tied)


def test_without_a_student_the_first_options_are_chosen():
    assert SPEC.choose() == {"candidate": "tanh", "math": "\\tanh", "tied": "yes"}


def test_every_choice_has_the_texts_of_one_option():
    for student in map(str, range(50)):
        texts = SPEC.choose(student)
        assert texts["math"] == "\\" + texts["candidate"]
        assert set(texts) == {"candidate", "math", "tied"}


def test_choices_are_spread_evenly():
    students = [f"s{number:07d}" for number in range(1000)]
    choices = [SPEC.choose(student) for student in students]
    counts = Counter((choice["candidate"], choice["tied"]) for choice in choices)
    assert len(counts) == SPEC.count() == 15
    expected = len(students) / 15
    chi_squared = sum((count - expected) ** 2 / expected for count in counts.values())
    assert chi_squared < 36.1  # one in a thousand times with 14 degrees of freedom


def test_another_assignment_is_another_choice():
    other = Spec("05-gated", **FIELDS)
    students = list(map(str, range(200)))
    same = sum(SPEC.choose(student) == other.choose(student) for student in students)
    assert same < 40  # 13 by chance


def test_texts_are_filled_in():
    source = "a = {{tied}}  # {{candidate}}, {{tied}}, {not}, {{ neither }}, $\\frac{ {1} }{2}$"
    assert variants.render(source, SPEC.choose()) == (
        "a = yes  # tanh, yes, {not}, {{ neither }}, $\\frac{ {1} }{2}$"
    )


def test_a_text_is_taken_as_it_is():
    assert variants.render("{{math}}", {"math": r"\tanh \1 {{math}}"}) == r"\tanh \1 {{math}}"


def test_a_key_without_a_text_is_an_error():
    with pytest.raises(KeyError, match="tide"):
        variants.render("{{tide}}", SPEC.choose())


def test_the_keys_of_a_source_are_found():
    assert variants.keys("{{a}} {{b_2}} {{a}} {c} {{ d }}") == {"a", "b_2"}


def test_a_right_file_is_read(read):
    assert read().variants == FIELDS["variants"] and read().minutes == 90


@pytest.mark.parametrize(
    "changes, what",
    [
        ({"minutes": None}, "see: minutes"),
        ({"points": 20}, "see: points"),
        (
            {"variants": {"a": [{"x": "1"}, {"y": "2"}]}},
            "options of 'a' must all have the same keys",
        ),
        ({"variants": {"a": []}}, "options of 'a'"),
        ({"variants": {"a": [{"x": "1"}], "b": [{"x": "2"}]}}, "two axes .* use the same key"),
    ],
)
def test_a_wrong_file_says_what_is_wrong(read, changes, what):
    with pytest.raises(ValueError, match=what):
        read(**changes)
