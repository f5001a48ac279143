"""Numbers and their names in words, from the package num2words (LGPL).

Up to 9,999: beyond 20,000 some languages of that package are wrong.
"""

from functools import lru_cache

from num2words import num2words

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


def name_vocabulary(names):
    """The letters of names, behind the padding and the end. Returns: a Vocabulary."""
    return Vocabulary(["·", END, *sorted(set("".join(names)))])  # token 0 is PAD


def number_digits(number):
    """The four digits of a number, the thousands first. Returns: a list of four."""
    if not 0 <= number <= LARGEST:
        raise ValueError(f"expected a number from 0 to {LARGEST}, got {number}")
    return [int(digit) for digit in f"{number:04d}"]
