"""Chapter 7: what a linear model makes of the symbols around a place, the bar to beat.

window   tokens at t - left ... t + right, PAD beyond either end of the sequence
runs     of 1 to ``order`` neighbors in the window, each a feature of its own at its place
"""

import warnings

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from unrolled.data.batches import PAD
from unrolled.nn import IGNORED


def windows(tokens, targets, left, right):
    """The tokens around each target that is scored.

    Args: tokens, targets (N, T); left, right, how far the window reaches.
    Returns: (M, left + 1 + right) tokens; the M targets.
    """
    if min(left, right) < 0:
        raise ValueError(f"a window reaches 0 steps or more, got {left} and {right}")
    padded = np.pad(tokens, ((0, 0), (left, right)), constant_values=PAD)
    n, t = np.nonzero(targets != IGNORED)
    return padded[n[:, None], t[:, None] + np.arange(left + 1 + right)], targets[n, t]


def runs(around, vocab_size, order=1):
    """One-hot features of all runs of at most ``order`` neighbors, each at its place.

    Args: around (M, W), of ``windows``. Returns: a sparse matrix with M rows.
    """
    M, W = around.shape
    if not 1 <= order <= W:
        raise ValueError(f"order is 1 to {W}, the width of the window, got {order}")
    columns, width, code = [], 0, np.zeros((M, W), np.int64)
    for length in range(1, order + 1):
        places = W - length + 1
        code = code[:, :places] * vocab_size + around[:, length - 1 :]  # which run stands there
        columns.append(width + code + vocab_size**length * np.arange(places))
        width += places * vocab_size**length
    columns = np.concatenate(columns, axis=1)
    starts = np.arange(0, columns.size + 1, columns.shape[1])
    ones = np.ones(columns.size, np.float32)
    return sparse.csr_matrix((ones, columns.ravel(), starts), (M, width))


class LinearTagger:
    """Logistic regression on the symbols around each place.

    Args: vocab_size V; left, right, how far it sees; order, as in ``runs``; C, the inverse of
    the strength of the penalty on large weights. It stops after 150 iterations, converged or not.
    """

    def __init__(self, vocab_size, left, right, *, order=1, C=1.0):
        self.vocab_size, self.left, self.right, self.order = vocab_size, left, right, order
        self.model = LogisticRegression(C=C, max_iter=150)

    def features(self, tokens, targets):
        """Args: tokens, targets (N, T). Returns: a sparse matrix (M, features), M targets."""
        around, scored = windows(tokens, targets, self.left, self.right)
        return runs(around, self.vocab_size, self.order), scored

    def fit(self, tokens, targets):
        """Learn from the targets that are scored. Returns: self."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.model.fit(*self.features(tokens, targets))
        return self

    def accuracy(self, tokens, targets):
        """The share of scored targets that it says right."""
        return float(self.model.score(*self.features(tokens, targets)))

    def parameters(self):
        """How many weights belong to runs that it met in training: the others stay at 0."""
        return int(np.count_nonzero(self.model.coef_)) + self.model.intercept_.size
