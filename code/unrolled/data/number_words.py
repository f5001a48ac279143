"""Numbers and their names in words, from the package num2words (LGPL).

Up to 9,999: beyond 20,000 some languages of that package are wrong.
"""

from functools import lru_cache

from num2words import num2words

from unrolled.data.splits import split_items
from unrolled.data.text import Vocabulary

LARGEST = 9_999
END = "."  # stands behind every name


@lru_cache
def number_names(language="en"):
    """The names of 0 to LARGEST. Args: language, such as "en", "de" or "fr".

    Returns: a tuple of strings, without commas. Raises: ValueError for an unknown language.
    """
    try:
        return tuple(
            num2words(number, lang=language).replace(",", "") for number in range(LARGEST + 1)
        )
    except NotImplementedError:
        raise ValueError(f"num2words knows no language {language!r}; try 'en' or 'de'") from None


def number_pairs(source="de", target="en"):
    """Every number with its names in two languages. Args: languages, as for ``number_names``.

    Returns: a list of (number, source name, target name), from 0 to LARGEST.
    Raises: ValueError for an unknown language.
    """
    names = zip(number_names(source), number_names(target), strict=True)
    return [(number, *pair) for number, pair in enumerate(names)]


def number_splits(pairs=None, **fractions):
    """Train, validation and test, by the hash of the number alone.

    So a number that is held out is held out in every language.
    Args: pairs, by default those of ``number_pairs``; fractions as in ``split_of``.
    Returns: {part: list of pairs}.
    """
    pairs = number_pairs() if pairs is None else pairs
    return split_items(pairs, lambda pair: str(pair[0]), **fractions)


def name_vocabulary(names):
    """The letters of names, behind the padding and the end. Returns: a Vocabulary."""
    return Vocabulary(["·", END, *sorted(set("".join(names)))])  # token 0 is PAD


def number_digits(number):
    """The four digits of a number, the thousands first. Returns: a list of four."""
    if not 0 <= number <= LARGEST:
        raise ValueError(f"expected a number from 0 to {LARGEST}, got {number}")
    return [int(digit) for digit in f"{number:04d}"]
