import pytest

from unrolled.data.number_words import END, name_vocabulary, number_digits, number_names


def test_numbers_have_names_and_digits():
    names = number_names()
    assert len(names) == 10_000
    assert (names[0], names[21], names[1_000]) == ("zero", "twenty-one", "one thousand")
    assert number_names("de")[21] == "einundzwanzig"
    assert number_digits(307) == [0, 3, 0, 7]


def test_the_vocabulary_keeps_room_for_padding_and_the_end():
    vocabulary = name_vocabulary(["ab"])
    assert vocabulary.symbols == ["·", END, "a", "b"]


def test_what_has_no_name_is_refused():
    with pytest.raises(ValueError, match="from 0 to 9999, got 10000"):
        number_digits(10_000)
    with pytest.raises(ValueError, match="knows no language 'xx'"):
        number_names("xx")
