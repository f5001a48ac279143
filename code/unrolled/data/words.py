"""Lists of real words that come inside pip packages."""

from babel import Locale


def countries(length):
    """English short names of countries and territories, in lower case, of one length.

    Source: Unicode CLDR, as packaged in Babel (BSD-3-Clause; data: Unicode License v3).
    """
    names = Locale("en").territories
    return sorted(
        {
            name.lower()
            for code, name in names.items()
            if len(code) == 2 and len(name) == length and name.isascii() and name.isalpha()
        }
    )


WORD_LISTS = {"countries": countries}


def load_words(name="countries", *, length):
    """Words of one length, in alphabetical order, so that a batch needs no padding.

    Args: name, one of WORD_LISTS; length, letters in each word.
    Raises: ValueError for an unknown list, or a length that no word has.
    """
    if name not in WORD_LISTS:
        raise ValueError(f"no word list is called {name!r}; there are: {', '.join(WORD_LISTS)}")
    words = WORD_LISTS[name](length)
    if not words:
        raise ValueError(f"{name} has no word of {length!r} letters")
    return words
