"""Pronunciations: variants, what is kept out of training, and the standard split in small."""

import hashlib
import json

import pooch
import pytest

from unrolled.data import pronunciations
from unrolled.data.pronunciations import (
    FILES,
    FOLDER,
    PREFIX,
    hash_prefix,
    is_standard_test_word,
    load_pronunciations,
    load_standard_test,
    pronunciation_splits,
    read_standard,
    without_stress,
)
from unrolled.data.splits import split_of
from unrolled.data.stress import is_plain, read_dictionary


@pytest.fixture(scope="module")
def items():
    return load_pronunciations()


def test_plain_words_each_with_distinct_variants_without_stress(items):
    assert items == sorted(items) and len(dict(items)) == len(items) > 105_000
    dictionary = read_dictionary()
    for word, variants in items:
        assert is_plain(word) and word.islower()
        assert len(variants) == len(set(variants)) <= len(dictionary[word])
        assert all(phoneme.isalpha() for phonemes in variants for phoneme in phonemes)
    assert len({phoneme for _, variants in items for v in variants for phoneme in v}) == 39


def test_the_variants_keep_their_order(items):
    words = dict(items)
    assert words["through"] == [("TH", "R", "UW")]
    assert words["tomato"] == [("T", "AH", "M", "EY", "T", "OW"), ("T", "AH", "M", "AA", "T", "OW")]
    # An order that is not the alphabet's; and two that differ by nothing but the stress.
    assert without_stress([("B", "AH0"), ("AH1",), ("B", "AH2")]) == [("B", "AH"), ("AH",)]


def test_the_words_of_the_standard_test_are_kept_out(items):
    test = load_standard_test()
    assert test == sorted(test) and len(test) == 11_996
    assert not dict(items).keys() & dict(test).keys()
    assert sum("'" in word for word, _ in test) == 704
    assert [word for word, _ in test if len(word) == 1] == ["c", "g", "k", "v"]
    plain = {word for word in read_dictionary() if is_plain(word)}
    assert dict(items).keys() | {word for word, _ in test if is_plain(word)} == plain


def test_words_known_to_be_in_the_test_and_words_known_not_to_be():
    for word in ("abadi", "ABATING", "abbenhaus", "disenchant", "act's"):
        assert is_standard_test_word(word)
    # The first 8 digits of the hash of "manage" are those of a word of the test.
    for word in ("manage", "aaberg", "tomato", ""):
        assert not is_standard_test_word(word)


def test_the_list_has_the_hash_of_every_word_of_the_test():
    prefixes = pronunciations._test_prefixes()
    assert len(prefixes) == 12_000
    assert all(len(prefix) == PREFIX and int(prefix, 16) >= 0 for prefix in prefixes)
    assert hash_prefix("Abadi") == hashlib.sha256(b"abadi").hexdigest()[:10]


def test_no_word_stands_in_two_parts_and_none_is_lost(items):
    parts = pronunciation_splits(items)
    assert sorted(sum(parts.values(), [])) == items
    assert all(split_of(word) == part for part, found in parts.items() for word, _ in found)
    for part in ("valid", "test"):
        assert len(parts[part]) == pytest.approx(len(items) / 10, rel=0.05)
    again = pronunciation_splits([item for item in items if item[0].startswith("p")])
    for part, found in again.items():  # where a word falls does not depend on the others
        assert {word for word, _ in found} <= {word for word, _ in parts[part]}
    assert not pronunciation_splits(items[:99], valid=0)["valid"]


LINES = {
    "g014b2b.train": "ABS\tAE B Z\nABS\tEY B IY EH S\nDON'T\tD OW N T\n",
    "g014b2b.words": "A\nACT'S\n",
    "g014b2b.ref": "A\tAH\tEY\nACT'S\tAE K T S\n",
}


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder of mirrored files that holds a few words of the standard split."""
    entries = []
    for name, text in LINES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        entries.append({"file": name, "sha256": sha256})
        monkeypatch.setitem(FILES, name, sha256)
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    monkeypatch.setenv("UNROLLED_DATA", str(tmp_path))


def test_the_standard_split_as_published_results_have_it(mirror):
    train, words, references = read_standard()
    assert train == [
        ("abs", ("AE", "B", "Z")),
        ("abs", ("EY", "B", "IY", "EH", "S")),
        ("don't", ("D", "OW", "N", "T")),
    ]
    assert words == ["a", "act's"]
    assert references == {"a": [("AH",), ("EY",)], "act's": [("AE", "K", "T", "S")]}


def test_what_is_downloaded_is_pinned():
    assert list(FILES) == [*LINES]
    assert FOLDER.startswith("https://") and any(len(part) == 40 for part in FOLDER.split("/"))
    assert all(len(sha256) == 64 for sha256 in FILES.values())
    # The list of hashes says which file it was made of: this one.
    path = pronunciations.Path(pronunciations.__file__).with_name("g2p_test_words.txt")
    head = [line for line in path.read_text("utf-8").splitlines() if line.startswith("#")]
    commit = next(part for part in FOLDER.split("/") if len(part) == 40)
    assert FILES["g014b2b.words"] in " ".join(head) and commit in " ".join(head)


def test_without_a_network_the_error_names_data_that_need_none(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError

    monkeypatch.delenv("UNROLLED_DATA", raising=False)
    monkeypatch.setattr(pooch, "retrieve", offline)
    with pytest.raises(ConnectionError, match=r"load_pronunciations\(\) .* needs no download"):
        read_standard()
