"""Word lists: of one length, without doubles, and clear about what is not there."""

import pytest

from unrolled.data.words import load_words


def test_countries_of_seven_letters():
    words = load_words("countries", length=7)
    assert {"albania", "algeria", "vietnam"} <= set(words)
    assert all(len(word) == 7 and word.isalpha() and word.islower() for word in words)
    assert words == sorted(set(words)) and len(words) > 30


def test_an_unknown_list_names_the_known_ones():
    with pytest.raises(ValueError, match="no word list is called 'cities'; there are: countries"):
        load_words("cities", length=7)


def test_a_length_that_no_word_has():
    with pytest.raises(ValueError, match="countries has no word of 40 letters"):
        load_words("countries", length=40)
