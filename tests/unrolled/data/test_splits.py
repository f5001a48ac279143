import pytest

from unrolled.data.splits import split_items, split_of


def test_a_part_depends_on_the_item_alone():
    words = [f"word {k}" for k in range(3000)]
    parts = split_items(words, valid=0.1, test=0.2)
    assert [len(parts[part]) for part in parts] == pytest.approx([2100, 300, 600], rel=0.1)
    assert sorted(sum(parts.values(), [])) == sorted(words)
    assert all(split_of(word, valid=0.1, test=0.2) == p for p, ws in parts.items() for word in ws)


def test_the_parts_stay_the_same_for_good():
    # Whoever changes the hash changes every recorded score.
    known = {"Müller": "train", "Garcia": "valid", "Virtanen": "train"}
    assert {name: split_of(name) for name in known} == known


def test_a_larger_test_part_takes_nothing_back():
    words = [str(k) for k in range(500)]
    small, large = (set(split_items(words, test=share)["test"]) for share in (0.1, 0.3))
    assert small < large


def test_fractions_that_leave_nothing_are_refused():
    with pytest.raises(ValueError, match="sum below 1, got 0.5 and 0.5"):
        split_of("a", valid=0.5, test=0.5)
