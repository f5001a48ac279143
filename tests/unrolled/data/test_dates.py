"""Dates: what is written, that it has one meaning, and that no date of the test was trained on."""

import datetime
import re
import unicodedata

import pytest
from babel.dates import get_date_format

from unrolled.data import dates
from unrolled.data.dates import (
    DAYS,
    FIRST,
    FORMATS,
    FORMS,
    LAST,
    LOCALES,
    NUMERIC,
    date_splits,
    load_dates,
    write_date,
)
from unrolled.data.splits import split_of


@pytest.fixture(scope="module")
def pairs():
    return load_dates(3000, seed=1)


@pytest.mark.parametrize(
    ("locale", "format", "written"),
    [
        ("en_US", "full", "Thursday, May 7, 2026"),
        ("en_GB", "long", "7 May 2026"),
        ("fr", "full", "jeudi 7 mai 2026"),
        ("de", "long", "7. Mai 2026"),
        ("es", "long", "7 de mayo de 2026"),
        ("hu", "full", "2026. május 7., csütörtök"),
        ("fi", "long", "7. toukokuuta 2026"),
        ("pl", "full", "czwartek, 7 maja 2026"),
    ],
)
def test_a_date_of_ones_own(locale, format, written):
    assert write_date(datetime.date(2026, 5, 7), locale, format) == written
    assert write_date("2026-05-07", locale, format) == written


def test_the_forms_are_those_whose_month_has_letters():
    def letters(form):
        pattern = re.sub("'[^']*'", "", get_date_format(form[1], form[0]).pattern)
        return "MMM" in pattern or "LLL" in pattern

    every = [(locale, format) for locale in LOCALES for format in FORMATS]
    assert len(FORMS) == len(every) - len(NUMERIC) == 34
    assert [form for form in every if letters(form)] == [*FORMS]


def test_no_form_has_the_month_as_a_number():
    # In this date day, month and year have no digit in common, so a 5 could only be the month.
    for locale, format in FORMS:
        written = write_date("2038-05-17", locale, format)
        assert sorted(re.findall(r"\d+", written)) == ["17", "2038"], written


def test_what_is_written_has_one_meaning():
    meanings = {}
    for day in range(365):
        date = datetime.date(2023, 1, 1) + datetime.timedelta(day)
        for form in FORMS:
            meanings.setdefault(write_date(date, *form), set()).add(date)
    assert [written for written, meant in meanings.items() if len(meant) > 1] == []


def test_spaces_are_plain_and_letters_composed(pairs, monkeypatch):
    for written, _ in pairs:
        assert written == unicodedata.normalize("NFC", written)
        assert set(filter(str.isspace, written)) == {" "}
    monkeypatch.setattr(dates, "format_date", lambda *args: "1\u202faou\u0302t\xa02026")
    assert write_date("2026-08-01", "fr") == "1 ao\u00fbt 2026"


def test_distinct_dates_of_two_centuries_in_every_form(pairs):
    assert len(pairs) == len({written for written, _ in pairs}) == 3000
    days = [datetime.date.fromisoformat(iso) for _, iso in pairs]
    assert FIRST <= min(days) and max(days) <= LAST
    assert (FIRST.isoformat(), LAST.isoformat(), DAYS) == ("1900-01-01", "2099-12-31", 73_049)
    assert {day.month for day in days} == {*range(1, 13)}
    assert {day.day for day in days} == {*range(1, 32)}
    unseen = set(FORMS)
    for (written, _), day in zip(pairs, days, strict=True):
        forms = [form for form in FORMS if write_date(day, *form) == written]
        assert forms, f"{written} is not how {day} is written"
        unseen -= set(forms) if len(forms) == 1 else set()  # "7 mai 2026" is French, long or medium
    assert not unseen


def test_a_seed_draws_the_same_and_a_larger_count_goes_on(pairs):
    assert load_dates(700, seed=1) == pairs[:700]
    assert not set(load_dates(700, seed=2)) & set(pairs[:700])
    assert load_dates(3) == [  # whoever changes the order of drawing changes every recorded score
        ("torstai 1. huhtikuuta 2038", "2038-04-01"),
        ("13 lug 1914", "1914-07-13"),
        ("środa, 23 czerwca 2083", "2083-06-23"),
    ]


def test_a_date_is_in_one_part_in_all_languages(pairs):
    everywhere = [(write_date(iso, *form), iso) for _, iso in pairs[:50] for form in FORMS]
    parts = date_splits([*pairs, *everywhere])
    seen = {part: {iso for _, iso in found} for part, found in parts.items()}
    assert sum(map(len, parts.values())) == len(pairs) + len(everywhere)
    assert sum(map(len, seen.values())) == len(set.union(*seen.values()))
    for part, days in seen.items():
        assert all(split_of(iso) == part for iso in days)
    assert len(date_splits(pairs)["test"]) == pytest.approx(300, rel=0.2)
    assert len(date_splits(pairs, valid=0, test=0.3)["valid"]) == 0
    assert date_splits() == date_splits(load_dates())


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("2026-05-07", "en"), "locale is one of en_US, en_GB, fr, .* got 'en'"),
        (("2026-05-07", "fr", "short"), "format is one of full, long, medium, got 'short'"),
        (("2026-05-07", "de", "medium"), "format 'medium' of 'de' has no letters.*try 'long'"),
        (("2026-02-30",), "expected a date, such as '2026-05-07', got '2026-02-30'"),
        (("May 7",), "expected a date, such as '2026-05-07', got 'May 7'"),
        ((20260507,), "expected a date, such as '2026-05-07', got 20260507"),
    ],
)
def test_what_cannot_be_written(args, message):
    with pytest.raises(ValueError, match=message):
        write_date(*args)


@pytest.mark.parametrize("count", [0, -1, 2.5])
def test_a_count_of_nothing(count):
    with pytest.raises(
        ValueError, match=f"count must be a whole number of at least 1, got {count}"
    ):
        load_dates(count)


def test_a_count_that_would_never_be_reached():
    with pytest.raises(ValueError, match="a count of at most 876588, got 876589"):
        load_dates(12 * DAYS + 1)
