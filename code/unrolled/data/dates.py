"""Dates as people write them in eleven languages, English in two ways, and as ISO 8601 does.

    czwartek, 7 maja 2026      2026-05-07
    May 7, 2026                2026-05-07
    2026. máj. 7.              2026-05-07

Every form names its month by letters. Numbers alone would have no answer: 05/07/2026 is May 7 in
New York and July 5 in London.

Source: Unicode CLDR (Unicode License v3), as packaged in Babel (BSD-3-Clause).
"""

import datetime
import random
import unicodedata

from babel.dates import format_date

from unrolled.data.splits import split_items
from unrolled.nn import check_size

LOCALES = "en_US", "en_GB", "fr", "de", "es", "it", "pt", "nl", "hu", "fi", "sv", "pl"
FORMATS = "full", "long", "medium"  # with the weekday; without it; with a short month
NUMERIC = {("de", "medium"), ("fi", "medium")}  # 07.05.2026, 7.5.2026: left out
FORMS = tuple((loc, form) for loc in LOCALES for form in FORMATS if (loc, form) not in NUMERIC)
FIRST, LAST = datetime.date(1900, 1, 1), datetime.date(2099, 12, 31)
DAYS = LAST.toordinal() - FIRST.toordinal() + 1
SPACES = dict.fromkeys(map(ord, "\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}"), " ")


def write_date(date, locale="en_US", format="long"):
    """A date as it is written in one language or country.

    Args: date, of datetime, or its ISO form, such as "2026-05-07"; locale, one of LOCALES;
    format, one of FORMATS.
    Raises: ValueError for what is no date, or a locale or a format that is not there.
    """
    if locale not in LOCALES:
        raise ValueError(f"locale is one of {', '.join(LOCALES)}, got {locale!r}")
    if format not in FORMATS:
        raise ValueError(f"format is one of {', '.join(FORMATS)}, got {format!r}")
    if (locale, format) in NUMERIC:
        raise ValueError(
            f"the format {format!r} of {locale!r} has no letters, so that day and month could be "
            "mistaken for each other; try 'long'"
        )
    return _clean(format_date(_date_of(date), format, locale))


def load_dates(count=20_000, seed=0):
    """Random dates between FIRST and LAST, each in a random form: no two are written alike.

    The same seed draws the same; a larger count goes on where a smaller one ended.
    Returns: a list of (as written, in ISO form).
    Raises: ValueError for a count below 1, or above that of the days times that of the locales.
    """
    most = DAYS * len(LOCALES)
    if check_size("count", count) > most:
        raise ValueError(f"expected a count of at most {most}, got {count}")
    rng = random.Random(seed)
    drawn = {}
    while len(drawn) < count:
        date = datetime.date.fromordinal(FIRST.toordinal() + rng.randrange(DAYS))
        drawn[write_date(date, *rng.choice(FORMS))] = date.isoformat()
    return list(drawn.items())


def date_splits(pairs=None, **fractions):
    """Train, validation and test, by the hash of the ISO date alone.

    So no date of the test was seen in training, in whatever language.
    Args: pairs, by default those of ``load_dates``; fractions as in ``split_of``.
    Returns: {part: list of pairs}.
    """
    return split_items(load_dates() if pairs is None else pairs, lambda pair: pair[1], **fractions)


def _clean(text):
    """The same with plain spaces and composed letters: é is one letter, not e and an accent."""
    return unicodedata.normalize("NFC", text.translate(SPACES))


def _date_of(date):
    if isinstance(date, datetime.date):
        return date
    try:
        return datetime.date.fromisoformat(date)
    except (TypeError, ValueError):
        raise ValueError(f"expected a date, such as '2026-05-07', got {date!r}") from None
