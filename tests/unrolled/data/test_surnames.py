from collections import Counter

from unrolled.data.surnames import LANGUAGES, load_surnames, surname_vocabulary


def test_surnames_are_of_one_language_each():
    names = load_surnames()
    assert len(names) > 12_000
    assert len({name for name, _ in names}) == len(names)
    assert min(Counter(language for _, language in names).values()) > 300
    languages = {name: LANGUAGES[language] for name, language in names}
    assert languages["Ó Briain"] == "Irish"
    assert languages["Virtanen"] == "Finnish"
    assert languages["Dvořák"] == "Czech and Slovak"
    assert "Müller" not in languages  # in the lists of more than one language


def test_the_vocabulary_keeps_token_0_for_padding():
    vocabulary = surname_vocabulary(["Ba", "ab"])
    assert vocabulary.symbols == ["·", "B", "a", "b"]
    assert vocabulary.encode("ab").min() > 0
