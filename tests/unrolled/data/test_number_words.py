import pytest

from unrolled.data.number_words import (
    END,
    name_vocabulary,
    number_digits,
    number_names,
    number_pairs,
    number_splits,
)
from unrolled.data.splits import split_of


def test_numbers_have_names_and_digits():
    names = number_names()
    assert len(names) == 10_000
    assert (names[0], names[21], names[1_000]) == ("zero", "twenty-one", "one thousand")
    assert number_names("de")[21] == "einundzwanzig"
    assert number_digits(307) == [0, 3, 0, 7]


def test_a_number_stands_beside_its_names_in_two_languages():
    pairs = number_pairs()
    assert [number for number, _, _ in pairs] == [*range(10_000)]
    assert pairs[21] == (21, "einundzwanzig", "twenty-one")
    assert pairs[1999] == (
        1999,
        "eintausendneunhundertneunundneunzig",
        "one thousand nine hundred and ninety-nine",
    )
    assert number_pairs("en", "fr")[80] == (80, "eighty", "quatre-vingts")


def test_a_number_is_in_one_part_in_all_languages():
    parts, others = number_splits(), number_splits(number_pairs("en", "fr"))
    assert [len(parts[part]) for part in parts] == [7948, 1034, 1018]
    assert sorted(sum(parts.values(), [])) == number_pairs()
    for part, pairs in parts.items():
        numbers = [number for number, _, _ in pairs]
        assert numbers == [number for number, _, _ in others[part]]
        assert all(split_of(str(number)) == part for number in numbers)
    assert len(number_splits(test=0.5)["test"]) == pytest.approx(5000, rel=0.05)


def test_the_vocabulary_keeps_room_for_padding_and_the_end():
    vocabulary = name_vocabulary(["ab"])
    assert vocabulary.symbols == ["·", END, "a", "b"]


def test_what_has_no_name_is_refused():
    with pytest.raises(ValueError, match="from 0 to 9999, got 10000"):
        number_digits(10_000)
    with pytest.raises(ValueError, match="knows no language 'xx'"):
        number_names("xx")
    with pytest.raises(ValueError, match="knows no language 'xx'"):
        number_pairs("de", "xx")
