"""Surprise, features that a reader knows, and cells that were planted to be found."""

import numpy as np
import pytest

from unrolled import nn
from unrolled.charlm.inside import find_cells, readable_features, surprise

TEXT = "\nAn \"if\", don't (see [3]): ``x``.\n\n  It's 'a {b}' here __\n"


def test_surprise_is_the_cross_entropy_of_each_target_in_bits():
    rng = np.random.default_rng(0)
    logits, targets = 3 * rng.normal(size=(7, 5)), rng.integers(0, 5, 7)
    bits = surprise(logits, targets)
    assert bits.shape == (7,)
    probabilities = nn.softmax(logits)
    for t in range(7):
        assert bits[t] == pytest.approx(-np.log2(probabilities[t, targets[t]]), abs=1e-12)
    assert bits.mean() * np.log(2) == pytest.approx(nn.cross_entropy(logits, targets), abs=1e-12)


def test_surprise_stays_finite_for_large_logits():
    logits = np.array([[1e4, 0.0, -1e4]], dtype=np.float32)
    assert surprise(logits, [0])[0] == 0
    assert surprise(logits, [2])[0] == pytest.approx(2e4 / np.log(2))
    assert surprise([[0.0]], [0]) == [0.0]


@pytest.mark.parametrize(
    ("logits", "targets", "message"),
    [
        (np.zeros((3, 2)), [0, 1], r"got \(3, 2\), \(2,\)"),
        (np.zeros((1, 3, 2)), [[0, 1, 1]], r"got \(1, 3, 2\), \(1, 3\)"),
        (np.zeros((2, 2)), [0, 2], "token 2 is outside the vocabulary of 2"),
    ],
)
def test_surprise_says_what_it_expected(logits, targets, message):
    with pytest.raises(ValueError, match=message):
        surprise(logits, targets)


def marked(name):
    """The characters of TEXT where a truth holds."""
    values = readable_features(TEXT)[name]
    assert set(values) <= {0, 1}
    return "".join(c for c, value in zip(TEXT, values, strict=True) if value)


@pytest.mark.parametrize(
    ("name", "characters"),
    [
        ("inside parentheses", "(see [3]"),
        ("inside square brackets", "[3"),
        ("inside curly braces", "{b"),
        ("inside double quotes", '"if'),
        ("inside single quotes", "'a {b}"),
        ("upper case", "AI"),
        ("digit", "3"),
        ("inside a word", "Anifdontsee3xItsabhere__"),
        ("punctuation", "\"\",'([]):````.''{}'"),
        ("before the line's first word", "\n\n\n  \n"),
    ],
)
def test_features_hold_where_a_reader_says_so(name, characters):
    assert marked(name) == characters


def test_places_are_counted_from_the_line_and_the_word():
    features = readable_features("ab c\n  de_1\n\nf\n")
    at = {name: values.tolist() for name, values in features.items()}
    assert at["position in the line"] == [1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 0, 0, 1, 0]
    assert at["indentation of the line"] == [0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 0, 0, 0, 0]
    assert at["position in the word"] == [1, 2, 0, 1, 0, 0, 0, 1, 2, 3, 4, 0, 0, 1, 0]
    assert at["line after a blank line"] == [0] * 12 + [1, 1, 0]
    assert at["space or new line"] == [0, 0, 1, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1]
    assert at["the same character again"][4:8] == [1, 1, 2, 1]
    assert at["the same character again"][11:13] == [1, 2]


def test_a_feature_knows_nothing_of_what_comes_later():
    whole = readable_features(TEXT)
    for end in range(1, len(TEXT)):
        for name, values in readable_features(TEXT[:end]).items():
            assert np.array_equal(values, whole[name][:end]), (name, end)


def test_nested_and_unclosed_marks():
    assert readable_features("((a)b)c")["inside parentheses"].tolist() == [1, 1, 1, 1, 1, 0, 0]
    assert readable_features(")a(b\n\nc")["inside parentheses"].tolist() == [0, 0, 1, 1, 1, 0, 0]
    assert readable_features("a“b”c")["inside double quotes"].tolist() == [0, 1, 1, 0, 0]
    assert readable_features('"a\n\nb"')["inside double quotes"].tolist() == [1, 1, 1, 0, 0, 0]


def test_a_text_without_characters_is_refused():
    with pytest.raises(ValueError, match="at least one character, got none"):
        readable_features("")


@pytest.fixture
def planted():
    """A state of 30 noisy cells, of which three follow a feature, one of them upside down."""
    rng = np.random.default_rng(1)
    text = TEXT * 40
    features = readable_features(text)
    hs = rng.normal(size=(len(text), 30))
    column, quoted = features["position in the line"], features["inside double quotes"]
    hs[:, 4] = np.tanh(0.1 * (column - 15)) + 0.05 * hs[:, 4]
    hs[:, 17] = 0.5 - quoted + 0.2 * hs[:, 17]
    hs[:, 9] = 1.0  # a dead cell
    return hs, features


def test_planted_cells_are_found(planted):
    hs, features = planted
    matches = {match.feature: match for match in find_cells(hs, features)}
    line, quotes = matches["position in the line"], matches["inside double quotes"]
    assert line.cell == 4 and line.correlation > 0.9
    assert quotes.cell == 17 and -1 <= quotes.correlation < -0.7
    half = len(hs) // 2
    expected = np.corrcoef(hs[half:, 17], features["inside double quotes"][half:])[0, 1]
    assert quotes.correlation == pytest.approx(expected, abs=1e-12)
    expected = np.corrcoef(hs[:half, 17], features["inside double quotes"][:half])[0, 1]
    assert quotes.searched == pytest.approx(expected, abs=1e-12)


def test_matches_are_sorted_and_finite(planted):
    matches = find_cells(*planted)
    sizes = [abs(match.correlation) for match in matches]
    assert sizes == sorted(sizes, reverse=True) and np.isfinite(sizes).all()
    assert len(matches) == len({match.feature for match in matches})
    assert 9 not in {match.cell for match in matches}


def test_what_is_found_in_noise_shrinks_on_the_other_half():
    rng = np.random.default_rng(2)
    features = {f"coin {k}": rng.integers(0, 2, 400) for k in range(20)}
    matches = find_cells(rng.normal(size=(400, 200)), features)
    searched = np.mean([abs(match.searched) for match in matches])
    assert searched > 0.15 and np.mean([abs(match.correlation) for match in matches]) < 0.08


def test_what_never_varies_is_left_out():
    hs = np.random.default_rng(3).normal(size=(9, 2)).astype(np.float32)
    late = np.array([0, 0, 0, 0, 0, 1, 0, 1, 0])
    features = {"never": np.zeros(9), "late": late, "early": late[::-1], "often": np.arange(9) % 2}
    assert [match.feature for match in find_cells(hs, features)] == ["often"]
    dead = find_cells(np.full((9, 3), 0.7, dtype=np.float32), {"often": np.arange(9) % 2})
    assert dead == [("often", 0, 0.0, 0.0)]
    assert find_cells(hs, {}) == []


@pytest.mark.parametrize(
    ("hs", "features", "message"),
    [
        (np.zeros((3, 2)), {}, r"T at least 4, got \(3, 2\)"),
        (np.zeros(9), {}, r"got \(9,\)"),
        (np.zeros((9, 0)), {}, r"got \(9, 0\)"),
        (np.zeros((9, 2)), {"a": np.zeros(8)}, r"expected 9 numbers for 'a', got \(8,\)"),
    ],
)
def test_find_cells_says_what_it_expected(hs, features, message):
    with pytest.raises(ValueError, match=message):
        find_cells(hs, features)
