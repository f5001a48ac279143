"""Generated tasks: the answer where it should be, nothing of it anywhere else."""

import numpy as np
import pytest

from unrolled.data.lags import (
    ADDING_BASELINE,
    COPY_CHANCE,
    COPY_LETTERS,
    COPY_VOCABULARY,
    DISTRACTORS,
    ECHO_CHANCE,
    ECHO_VOCABULARY,
    RECALL_CHANCE,
    RECALL_VOCABULARY,
    SYMBOLS,
    adding,
    copy,
    copy_baseline,
    echo,
    recall,
)
from unrolled.nn import cross_entropy, one_hot


@pytest.mark.parametrize(("N", "lag"), [(5, 7), (1, 3), (4, 1), (3, 0)])
def test_recall_is_a_symbol_then_distractors_then_the_question(rng, N, lag):
    tokens, targets = recall(rng, N, lag)
    assert tokens.shape == (N, lag + 2) and targets.shape == (N,)
    assert tokens.dtype == targets.dtype == np.int64
    for row, target in zip(tokens, targets, strict=True):
        text = RECALL_VOCABULARY.decode(row)
        assert text[0] in SYMBOLS and text[0] == RECALL_VOCABULARY.decode([target])
        assert set(text[1:-1]) <= set(DISTRACTORS)
        assert text[-1] == "?"


def test_symbols_and_distractors_are_uniform_and_the_distractors_know_nothing(rng):
    N, lag, K = 40_000, 3, len(SYMBOLS)
    tokens, targets = recall(rng, N, lag)
    joint = np.einsum(
        "na,ntb->tab", one_hot(targets, K), one_hot(tokens[:, 1:-1] - K, len(DISTRACTORS))
    )
    expected = N / K / len(DISTRACTORS)
    # Each count is binomial: five standard deviations of it.
    assert np.abs(joint - expected).max() < 5 * np.sqrt(expected)
    pairs = np.einsum("na,nb->ab", *(one_hot(tokens[:, t] - K, 4) for t in (1, 2)))
    assert np.abs(pairs - expected).max() < 5 * np.sqrt(expected)
    assert RECALL_CHANCE == 1 / K
    assert np.bincount(targets).max() / N == pytest.approx(RECALL_CHANCE, abs=0.015)


@pytest.mark.parametrize(("N", "T"), [(500, 9), (500, 2), (1, 4)])
def test_adding_marks_one_number_in_each_half_and_adds_them(rng, N, T):
    x, targets = adding(rng, N, T)
    assert x.shape == (N, T, 2) and targets.shape == (N,)
    assert x.dtype == targets.dtype == np.float32
    numbers, marks = x[..., 0], x[..., 1]
    assert 0 <= numbers.min() and numbers.max() < 1
    assert set(np.unique(marks)) <= {0, 1}
    assert (marks[:, : T // 2].sum(axis=1) == 1).all()
    assert (marks[:, T // 2 :].sum(axis=1) == 1).all()
    np.testing.assert_allclose(targets, (numbers * marks).sum(axis=1), rtol=1e-6)
    if N > 1:
        assert (marks.sum(axis=0) > 0).all()  # every place is marked now and then


def test_adding_has_the_stated_baseline_and_the_rest_knows_nothing(rng):
    N, T = 50_000, 5
    x, targets = adding(rng, N, T)
    numbers, marks = x[..., 0], x[..., 1]
    # The squared error of answering 1 has the standard deviation sqrt(7/180) for one sequence.
    assert np.mean((targets - 1) ** 2) == pytest.approx(ADDING_BASELINE, abs=5 * 0.2 / N**0.5)
    for t in range(T):
        unmarked = marks[:, t] == 0
        assert abs(np.corrcoef(numbers[unmarked, t], targets[unmarked])[0, 1]) < 0.03
        assert abs(np.corrcoef(marks[:, t], targets)[0, 1]) < 0.03


@pytest.mark.parametrize("task", [recall, adding])
def test_a_generator_in_the_same_state_gives_the_same_batch(task):
    first, again = (task(np.random.default_rng(3), 6, 5) for _ in range(2))
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    other = task(np.random.default_rng(4), 6, 5)
    assert not np.array_equal(first[0], other[0])


@pytest.mark.parametrize("lag", [-1, 2.5, None])
def test_a_lag_below_zero_is_refused(rng, lag):
    with pytest.raises(ValueError, match=f"lag must be a whole number of at least 0, got {lag}"):
        recall(rng, 3, lag)


@pytest.mark.parametrize("length", [1, 4.0])
def test_two_numbers_need_two_places(rng, length):
    with pytest.raises(ValueError, match=f"length must be a whole .* at least 2, got {length}"):
        adding(rng, 3, length)


@pytest.mark.parametrize("task", [recall, adding])
def test_an_empty_batch_is_refused(rng, task):
    with pytest.raises(ValueError, match="batch_size must be a whole .* at least 1, got 0"):
        task(rng, 0, 4)


def test_echo_says_every_letter_again_after_the_lag():
    tokens, targets = echo(np.random.default_rng(0), 5, 11, 3)
    assert tokens.shape == targets.shape == (5, 11)
    assert (targets[:, :3] == 0).all() and ECHO_VOCABULARY.decode([0]) == "."
    assert (targets[:, 3:] == tokens[:, :8]).all()


def test_no_letter_of_echo_is_likelier_than_another():
    tokens, _ = echo(np.random.default_rng(0), 200, 300, 3)
    shares = np.bincount(tokens.ravel()) / tokens.size
    assert shares[0] == 0
    assert np.allclose(shares[1:], ECHO_CHANCE, atol=0.01)


def test_a_lag_longer_than_the_text_leaves_nothing_to_say():
    assert not echo(np.random.default_rng(0), 2, 3, 5)[1].any()
    with pytest.raises(ValueError, match="lag must be a whole number of at least 1, got 0"):
        echo(np.random.default_rng(0), 2, 3, 0)


@pytest.mark.parametrize(("N", "S", "lag"), [(5, 3, 7), (1, 10, 4), (4, 1, 1), (3, 2, 1)])
def test_copy_wants_the_letters_again_in_order_after_the_mark(rng, N, S, lag):
    tokens, targets = copy(rng, N, S, lag)
    assert tokens.shape == targets.shape == (N, lag + 2 * S)
    assert tokens.dtype == targets.dtype == np.int64
    for row, wanted in zip(tokens, targets, strict=True):
        read, said = COPY_VOCABULARY.decode(row), COPY_VOCABULARY.decode(wanted)
        assert set(read[:S]) <= set(COPY_LETTERS)
        assert read[S:] == "." * (lag - 1) + ">" + "." * S
        assert said == "." * (S + lag) + read[:S]


def test_the_letters_of_copy_are_uniform_and_independent(rng):
    N, K = 40_000, len(COPY_LETTERS)
    letters = copy(rng, N, 3, 2)[0][:, :3]
    for a, b in ((0, 1), (1, 2), (0, 2)):
        pairs = np.einsum("na,nb->ab", one_hot(letters[:, a], K), one_hot(letters[:, b], K))
        assert np.abs(pairs - N / K**2).max() < 5 * np.sqrt(N / K**2)
    assert COPY_CHANCE == 1 / K


def test_the_baseline_of_copy_is_the_loss_of_blanks_and_guesses(rng):
    S, lag = 4, 9
    _, targets = copy(rng, 30, S, lag)
    logits = np.zeros((*targets.shape, len(COPY_VOCABULARY)))
    logits[:, :-S, 8] = 1e3  # a blank, for sure
    logits[:, -S:, 8:] = -1e3  # any letter
    assert cross_entropy(logits, targets) == pytest.approx(copy_baseline(S, lag))
    assert copy_baseline(10, 100) == pytest.approx(10 * np.log(8) / 120)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [((0, 2, 3), "batch_size .* got 0"), ((4, 0, 3), "symbols .* got 0"), ((4, 2, 0), "lag .* 0")],
)
def test_nothing_to_copy_is_refused(rng, sizes, message):
    with pytest.raises(ValueError, match=message):
        copy(rng, *sizes)
