"""The embedded Reber grammar: strings, what may follow, splits, and the two scores."""

import re

import numpy as np
import pytest

from unrolled.data.reber import (
    OUTER_CHANCE,
    REBER_VOCABULARY,
    inner_string,
    legal_next,
    outer_right,
    reber,
    split_of,
    strings_right,
)

LETTERS = "BTPSXVE"
# The same grammar as an expression: what follows in the lower loop, then the whole.
LOWER = "T*V(?:PXT*V)*(?:V|PS)"
INNER = f"B(?:TS*X(?:S|X{LOWER})|P{LOWER})E"
EMBEDDED = re.compile(f"B([TP]){INNER}\\1E")
KNOWN = ["BTXSE", "BPVVE", "BTSSXXTVVE", "BPTVPXVPSE", "BTXXVPXTTVPSE", "BTSSXXVPSE"]


def texts_of(tokens, targets, mask):
    """The strings of a batch, whole."""
    return [
        REBER_VOCABULARY.decode([*row[real], wanted[real][-1]])
        for row, wanted, real in zip(tokens, targets, mask, strict=True)
    ]


def begins_a_string(text):
    """Does any end make it a string? From wherever it stands, one of these does, if any."""
    inner_ends = "", "E", "SE", "XSE", "VE", "VVE", "TXSE", "BTXSE"
    ends = ["", "E", "TBTXSETE", "BTBTXSETE"]
    ends += [f"{end}{outer}E" for end in inner_ends for outer in "TP"]
    return any(EMBEDDED.fullmatch(text + end) for end in ends)


def test_known_strings_are_of_the_grammar():
    for inner in KNOWN:
        assert re.fullmatch(INNER, inner)
        for outer in "TP":
            text = f"B{outer}{inner}{outer}E"
            assert [legal_next(text[:i]).count(letter) for i, letter in enumerate(text)] == (
                [1] * len(text)
            )
            assert legal_next(text) == ""


def test_legal_letters_are_those_with_which_some_string_goes_on():
    begun, checked, whole = [""], 0, 0
    for _ in range(13):
        longer = []
        for text in begun:
            letters = {letter for letter in LETTERS if begins_a_string(text + letter)}
            assert set(legal_next(text)) == letters, text
            longer += [text + letter for letter in letters]
            checked, whole = checked + 1, whole + (not letters)
        begun = longer
    assert checked > 400 and whole > 25


@pytest.mark.parametrize(("begun", "legal"), [("BTB", "TP"), ("BPBTXSE", "P"), ("", "B")])
def test_what_may_follow_is_told(begun, legal):
    assert legal_next(begun) == legal


def test_a_text_outside_the_grammar_is_refused():
    with pytest.raises(ValueError, match="'S' cannot follow 'BT': 'B' can"):
        legal_next("BTS")
    with pytest.raises(ValueError, match="'P' cannot follow 'BTBTXSE': 'T' can"):
        legal_next("BTBTXSEP")


@pytest.mark.parametrize("split", ["train", "valid", "test"])
def test_a_batch_holds_strings_and_all_that_is_legal_at_each_step(rng, split):
    N = 23
    tokens, targets, mask, legal = reber(rng, N, split)
    T = mask.sum(axis=1).max()
    assert tokens.shape == targets.shape == mask.shape == (N, T)
    assert legal.shape == (N, T, 7)
    assert tokens.dtype == targets.dtype == np.int64 and mask.dtype == legal.dtype == bool
    assert (np.diff(mask.astype(int), axis=1) <= 0).all()  # padding is at the end
    assert not legal[~mask].any() and not tokens[~mask].any() and not targets[~mask].any()
    assert (targets[:, :-1] == tokens[:, 1:])[mask[:, 1:]].all()
    for row, text in enumerate(texts_of(tokens, targets, mask)):
        assert EMBEDDED.fullmatch(text)
        for t in range(len(text) - 1):
            found = {LETTERS[k] for k in np.flatnonzero(legal[row, t])}
            assert found == set(legal_next(text[: t + 1]))
            assert text[t + 1] in found


def test_no_inner_string_is_in_two_splits_and_both_outer_letters_are_in_each(rng):
    inner = {}
    for split in ("train", "valid", "test"):
        texts = texts_of(*reber(rng, 300, split)[:3])
        inner[split] = {text[2:-2] for text in texts}
        assert {split_of(each) for each in inner[split]} == {split}
        share = np.mean([text[1] == "T" for text in texts])
        assert share == pytest.approx(OUTER_CHANCE, abs=5 * 0.5 / 300**0.5)
        assert len(inner[split]) > 20
    assert not inner["train"] & inner["valid"] and not inner["test"] & inner["valid"]
    assert not inner["train"] & inner["test"]


def test_a_string_stays_in_its_split():
    expected = ["test", "train", "train", "train", "train", "valid"]
    assert [split_of(inner) for inner in KNOWN] == expected


def test_letters_at_a_fork_are_equally_likely(rng):
    inners = [inner_string(rng) for _ in range(4000)]
    for begun in ("B", "BT", "BPV"):
        after = [text[len(begun)] for text in inners if text.startswith(begun)]
        first = np.mean([letter == after[0] for letter in after])
        assert first == pytest.approx(0.5, abs=2.5 / len(after) ** 0.5)
    assert re.fullmatch(INNER, max(inners, key=len))


def test_distinct_strings_differ_inside(rng):
    drawn = texts_of(*reber(rng, 80, "test", distinct=True)[:3])
    assert len({text[2:-2] for text in drawn}) == 80
    again = texts_of(*reber(rng, 80, "test")[:3])
    assert len({text[2:-2] for text in again}) < 80


def test_a_generator_in_the_same_state_gives_the_same_batch():
    first, again = (reber(np.random.default_rng(3), 6) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    other = reber(np.random.default_rng(4), 6)
    assert first[0].shape != other[0].shape or not np.array_equal(first[0], other[0])


def test_what_is_asked_for_wrongly_is_refused(rng):
    with pytest.raises(ValueError, match="split must be 'train', 'valid' or 'test', got 'all'"):
        reber(rng, 3, "all")
    with pytest.raises(ValueError, match="batch_size must be a whole .* at least 1, got 0"):
        reber(rng, 0)


@pytest.fixture
def answered(rng):
    """A batch, and logits with which every string is right, and every outer letter."""
    tokens, targets, mask, legal = reber(rng, 9)
    logits = rng.normal(0, 1, legal.shape)
    logits += 10 * legal
    logits[~mask] = rng.normal(0, 9, (np.sum(~mask), 7))  # padding may say what it likes
    return logits, targets, mask, legal


def test_a_string_is_right_if_exactly_the_legal_letters_score_highest(answered):
    logits, _, mask, legal = answered
    assert strings_right(logits, mask, legal).all()
    one = logits.copy()
    one[2, 4, np.flatnonzero(~legal[2, 4])[0]] = 99  # an illegal letter is above the legal ones
    assert strings_right(one, mask, legal).tolist() == [row != 2 for row in range(9)]
    one = logits.copy()
    both = np.argwhere(legal.sum(axis=-1) == 2)[3]
    one[*both, np.flatnonzero(legal[*both])[1]] = -99  # of two legal letters, one is not known
    assert not strings_right(one, mask, legal)[both[0]]
    assert strings_right(one, mask, legal).sum() == 8
    assert not strings_right(np.zeros(legal.shape), mask, legal).any()  # a tie is no knowledge


def test_the_outer_letter_is_right_if_it_outranks_the_other(answered):
    logits, targets, mask, _ = answered
    assert outer_right(logits, mask, targets).all()
    T, P = LETTERS.index("T"), LETTERS.index("P")
    for row in (1, 5):
        step = mask[row].sum() - 2
        assert LETTERS[targets[row, step]] in "TP"
        logits[row, step, [T, P]] = logits[row, step, [P, T]]
    logits[3, mask[3].sum() - 2, LETTERS.index("S")] = 99  # other letters do not matter here
    assert outer_right(logits, mask, targets).tolist() == [row not in (1, 5) for row in range(9)]
    assert not outer_right(np.zeros(logits.shape), mask, targets).any()


def test_logits_of_another_shape_are_refused(answered):
    logits, targets, mask, legal = answered
    with pytest.raises(ValueError, match="logits has shape .*, expected"):
        strings_right(logits[:, 1:], mask, legal)
    with pytest.raises(ValueError, match="logits has shape .*, expected"):
        outer_right(logits[..., :-1], mask, targets)
