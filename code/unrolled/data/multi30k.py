"""Captions of photographs in English, German and French: real sentences to translate.

    Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche.
    Two young, White males are outside near many bushes.

For research and education, not for commerce: the English captions are those of Flickr30k, whose
terms hold. Downloaded, never part of the book.

Source: Elliott, Frank, Sima'an, Specia 2016, Multi30K: multilingual English-German image
descriptions; French: Elliott, Frank, Barrault, Bougares, Specia 2017. The test is that of 2016.
"""

import gzip

from unrolled.data.corpora import GITHUB, fetch_file

FOLDER = f"{GITHUB}/multi30k/dataset/a3d2e0d26b56f3846f66a952536ffed4e401d05a/data/task1/raw"
NAMES = {"train": "train", "valid": "val", "test": "test_2016_flickr"}
FILES = {  # language: {part: sha256}
    "de": {
        "train": "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        "valid": "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        "test": "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
    },
    "en": {
        "train": "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        "valid": "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        "test": "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
    },
    "fr": {
        "train": "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
        "valid": "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
        "test": "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
    },
}
LICENSE = "Multi30k, from captions of Flickr30k: for research and education, non-commercial"
ADVICE = (
    "number_pairs() of unrolled.data.number_words needs no download, and the environment variable "
    "UNROLLED_DATA may name a folder of mirrored files"
)


def load_multi30k(source="de", target="en"):
    """Captions and their translations, for research and education only.

    Words and marks are as people wrote them; runs of spaces are one space.
    Args: source, target, two of "de", "en" and "fr".
    Returns: {"train": 29,000 pairs of sentences, "valid": 1,014, "test": 1,000}.
    Raises: ValueError for another language; otherwise as ``fetch_file``.
    """
    for language in (source, target):
        if language not in FILES:
            raise ValueError(f"a language is one of {', '.join(FILES)}, got {language!r}")
    return {
        part: list(zip(_sentences(source, part), _sentences(target, part), strict=True))
        for part in NAMES
    }


def _sentences(language, part):
    address = f"{FOLDER}/{NAMES[part]}.{language}.gz"
    path = fetch_file("multi30k", address, FILES[language][part], ADVICE)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [" ".join(line.split()) for line in lines]
