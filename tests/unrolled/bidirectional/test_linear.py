import numpy as np
import pytest

from unrolled.bidirectional.linear import LinearTagger, runs, windows
from unrolled.nn import IGNORED

TOKENS = np.array([[1, 2, 3, 0], [3, 1, 0, 0]])
TARGETS = np.array([[IGNORED, 1, 0, IGNORED], [0, IGNORED, IGNORED, IGNORED]])


def test_a_window_shows_what_stands_around_each_scored_place():
    around, scored = windows(TOKENS, TARGETS, 2, 1)
    np.testing.assert_array_equal(around, [[0, 1, 2, 3], [1, 2, 3, 0], [0, 0, 3, 1]])
    np.testing.assert_array_equal(scored, [1, 0, 0])
    np.testing.assert_array_equal(windows(TOKENS, TARGETS, 0, 0)[0], [[2], [3], [3]])
    with pytest.raises(ValueError, match="a window reaches 0 steps or more, got -1 and 2"):
        windows(TOKENS, TARGETS, -1, 2)


def test_every_run_at_every_place_is_a_feature_of_its_own():
    around = np.array([[1, 2, 3], [1, 2, 2], [2, 1, 2]])
    for order, width in ((1, 12), (2, 12 + 2 * 16), (3, 12 + 32 + 64)):
        X = runs(around, 4, order).toarray()
        assert X.shape == (3, width) and set(X.ravel()) == {0, 1}
        np.testing.assert_array_equal(X.sum(axis=1), 3 + 2 * (order > 1) + (order > 2))
        # Rows share a feature for each run that they have in common at the same place.
        assert X[0] @ X[1] == 2 + (order > 1) and X[0] @ X[2] == 0
        assert X[1] @ X[2] == 1
    for order in (0, 4):
        with pytest.raises(ValueError, match="order is 1 to 3, the width of the window"):
            runs(around, 4, order)


def test_it_learns_what_stands_to_the_right_only_if_it_sees_it():
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 4, size=(300, 6))
    targets = np.full(tokens.shape, IGNORED)
    targets[:, 2] = tokens[:, 4] > 2  # two steps later
    blind = LinearTagger(4, 5, 1).fit(tokens[:200], targets[:200])
    sees = LinearTagger(4, 5, 2).fit(tokens[:200], targets[:200])
    assert sees.accuracy(tokens[200:], targets[200:]) == 1
    assert blind.accuracy(tokens[200:], targets[200:]) < 0.8
    assert 0 < sees.parameters() <= 8 * 4 + 1


def test_a_run_may_matter_where_no_single_symbol_does():
    rng = np.random.default_rng(0)
    tokens = rng.integers(1, 3, size=(400, 4))
    targets = np.full(tokens.shape, IGNORED)
    targets[:, 0] = tokens[:, 1] == tokens[:, 2]  # exclusive or
    for order, low, high in ((1, 0, 0.7), (2, 1, 1)):
        tagger = LinearTagger(3, 0, 3, order=order).fit(tokens[:300], targets[:300])
        assert low <= tagger.accuracy(tokens[300:], targets[300:]) <= high
