"""Sentences from film reviews, each for or against the film: sentiment, in words.

Source: Pang, Lee 2005, Seeing stars (the sentence polarity data set v1.0, 5,331 sentences each
way, in lower case, words and marks apart). For research; downloaded, never part of the book.
"""

import re
from collections import Counter

from unrolled.data.corpora import GITHUB, fetch_file, read_file
from unrolled.data.text import Vocabulary
from unrolled.nn import check_size

FOLDER = (
    f"{GITHUB}/dennybritz/cnn-text-classification-tf/18762b459e21d9c70e5c242f8d43fc4e6db37a0d"
    "/data/rt-polaritydata"
)
FILES = {  # opinion: file, sha256
    "against": (
        "rt-polarity.neg",
        "2d11cfbc790f1cd96d78339f41ce53ced1efa83cd22d37d6788fa3fe3d17e2fd",
    ),
    "for": (
        "rt-polarity.pos",
        "4134882974a28d0c7b5151256f0e33a6169984ee7372c279e673f1114f475d58",
    ),
}
OPINIONS = tuple(FILES)
LICENSE = "Pang & Lee 2005, for research"
UNKNOWN = "?"  # any word that is not in the vocabulary
ADVICE = (
    "load_surnames() of unrolled.data.surnames needs no download, and the environment variable "
    "UNROLLED_DATA may name a folder of mirrored files"
)


def load_sentences():
    """Every distinct sentence, and the opinion in it. One that stands on both sides is left out.

    Returns: a list of (sentence, opinion), the opinion as its place in OPINIONS; sorted.
    Raises: ConnectionError if they cannot be fetched.
    """
    opinions = {}
    for opinion, (name, sha256) in enumerate(FILES.values()):
        text = read_file(fetch_file("sentences", f"{FOLDER}/{name}", sha256, ADVICE))
        for line in text.splitlines():
            if sentence := " ".join(line.split()):
                opinions.setdefault(sentence, set()).add(opinion)
    return sorted((line, min(found)) for line, found in opinions.items() if len(found) == 1)


def words_of(sentence):
    """The words of a sentence, in order: letters, numbers and marks that stand apart."""
    return re.findall(r"\w+(?:'\w+)?|[^\w\s]", sentence.lower())


def word_vocabulary(sentences, least=2):
    """The words that stand in so many sentences or more, behind the padding and UNKNOWN.

    Args: sentences, strings; least, a number of sentences. Returns: a Vocabulary.
    """
    counts = Counter(word for sentence in sentences for word in set(words_of(sentence)))
    known = (word for word, count in counts.items() if count >= check_size("least", least))
    return Vocabulary(["·", UNKNOWN, *sorted(set(known) - {"·", UNKNOWN})])  # token 0 is PAD


def encode_words(sentence, vocabulary):
    """One token a word. Args: vocabulary, of ``word_vocabulary``. Returns: (T,) integers.

    Raises: ValueError for a sentence without a word.
    """
    known = set(vocabulary.symbols)
    return vocabulary.encode([word if word in known else UNKNOWN for word in words_of(sentence)])
