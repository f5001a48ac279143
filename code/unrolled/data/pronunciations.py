"""Spelling to sound: how English words are said, from the CMU Pronouncing Dictionary.

    through      TH R UW
    tomato       T AH M EY T OW    or    T AH M AA T OW

Published results share one test, of 12,000 words. These words are kept out of what the book
trains on. The list of them is not copied: `g2p_test_words.txt` has the hash of each.

Source: CMUdict (Carnegie Mellon University, BSD license), as ``unrolled.data.stress`` reads it;
the standard split, made of an older CMUdict, as the repository Phonetisaurus (BSD) has it.
"""

import hashlib
from functools import cache
from pathlib import Path

from unrolled.data.corpora import GITHUB, fetch_file, read_file
from unrolled.data.splits import split_items
from unrolled.data.stress import is_plain, read_dictionary, split_stress

# Digits of a hash: 40 bits. No other word of either dictionary begins with any of the 12,000
# (0.001 were to be expected); with 8 digits the word "manage" does.
PREFIX = 10
FOLDER = (
    f"{GITHUB}/AdolfVonKleist/Phonetisaurus/f08d3dfb10b8d619e665a9581d2a327bcc2504f7/test/g014b2b"
)
FILES = {  # name: sha256
    "g014b2b.train": "5882433c3a14a9a0614b5f724ce74872851092e816852c82d6b74913b2085384",
    "g014b2b.words": "2c1db23d6bf81dc6387824201963cec3a6e116bf99a167a6f27fb2874f8d7220",
    "g014b2b.ref": "b1f24ab99ae8be1d37ee951984646a248c4fd5ae8b0a24a2f4ba2cfa0e2fc46a",
}
ADVICE = (
    "load_pronunciations() of unrolled.data.pronunciations needs no download, and the environment "
    "variable UNROLLED_DATA may name a folder of mirrored files"
)


def load_pronunciations():
    """Every word of two or more plain letters, but for those of the standard test.

    Returns: a list of (word, variants), sorted by word; variants, a list of distinct tuples of
    phonemes without stress, the dictionary's first choice first.
    """
    return sorted(
        (word, without_stress(variants))
        for word, variants in read_dictionary().items()
        if is_plain(word) and not is_standard_test_word(word)
    )


def pronunciation_splits(items=None, **fractions):
    """Train, validation and test, by the hash of the word: none stands in two of them.

    Args: items, by default those of ``load_pronunciations``; fractions as in ``split_of``.
    Returns: {part: list of items}.
    """
    items = load_pronunciations() if items is None else items
    return split_items(items, lambda item: item[0], **fractions)


def without_stress(variants):
    """What is left of a word's pronunciations without the digits. Returns: the distinct ones."""
    return list(dict.fromkeys(split_stress(sounds)[0] for sounds in variants))


def hash_prefix(word):
    """How the list of test words has a word: the first digits of a hash of its lower case."""
    return hashlib.sha256(word.lower().encode()).hexdigest()[:PREFIX]


def is_standard_test_word(word):
    """Is it one of the 12,000 words of the standard test?"""
    return hash_prefix(word) in _test_prefixes()


@cache
def _test_prefixes():
    lines = read_file(Path(__file__).with_name("g2p_test_words.txt")).splitlines()
    return frozenset(
        prefix for line in lines if not line.startswith("#") for prefix in line.split()
    )


def load_standard_test():
    """The words of the standard test with their pronunciations in today's dictionary.

    All but 4 of the 12,000 are there. 704 have an apostrophe and 4 are single letters, which
    ``load_pronunciations`` has not. Returns: a list of (word, variants), as that does.
    """
    return sorted(
        (word, without_stress(variants))
        for word, variants in read_dictionary().items()
        if is_standard_test_word(word)
    )


def read_standard():
    """The standard split as published results have it, downloaded once.

    Returns: train, a list of (word, phonemes), a word with variants once for each; words, those
    of the test; references, {word of the test: list of variants}. Words are in lower case.
    Raises: ConnectionError if a file cannot be fetched; ValueError if it is not the expected one.
    """
    train, words, references = (
        [line.split("\t") for line in _read_lines(name, sha256)] for name, sha256 in FILES.items()
    )
    return (
        [(word.lower(), tuple(phonemes.split())) for word, phonemes in train],
        [word.lower() for (word,) in words],
        {word.lower(): [tuple(v.split()) for v in variants] for word, *variants in references},
    )


def _read_lines(name, sha256):
    return read_file(fetch_file("g2p", f"{FOLDER}/{name}", sha256, ADVICE)).splitlines()
