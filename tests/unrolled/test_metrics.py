"""Metrics by hand-checked numbers, and a scoreboard that tells the truth."""

import numpy as np
import pytest

from unrolled import metrics


def test_accuracy_counts_positions():
    logits = np.zeros((1, 4, 3))
    logits[0, [0, 1, 2, 3], [2, 1, 0, 0]] = 1
    assert metrics.accuracy(logits, np.array([[2, 1, 0, 1]])) == 0.75


def test_accuracy_wants_matching_shapes():
    with pytest.raises(ValueError, match=r"shape \(2,\), logits ask for \(3,\)"):
        metrics.accuracy(np.zeros((3, 5)), np.zeros(2, int))


@pytest.mark.parametrize(
    ("words", "context", "loss", "right"),
    [
        (["hello"], 1, 2 * np.log(2) / 4, 3 / 4),
        (["hello"], 2, 0, 1),
        (["namaskar"], 1, 3 * np.log(3) / 7, 5 / 7),
        (["hell", "help"], None, 2 * np.log(2) / 6, 5 / 6),
    ],
)
def test_context_limit(words, context, loss, right):
    np.testing.assert_allclose(metrics.context_limit(words, context), (loss, right), atol=1e-15)


def test_context_limit_wants_something_to_predict():
    with pytest.raises(ValueError, match="two letters or more"):
        metrics.context_limit(["a"], 1)


@pytest.mark.parametrize("choices", [1, 2, 65])
def test_bits_and_perplexity_of_equal_chances(choices):
    nats = -np.log(1 / choices)
    assert metrics.bits(nats) == pytest.approx(np.log2(choices), abs=1e-12)
    assert metrics.perplexity(nats) == pytest.approx(choices, rel=1e-12)


def test_bits_and_perplexity_of_a_curve():
    curve = np.log([2.0, 8.0])
    np.testing.assert_allclose(metrics.bits(curve), [1, 3], rtol=1e-12)
    np.testing.assert_allclose(metrics.perplexity(curve), [2, 8], rtol=1e-12)


def board(**changes):
    settings = dict(unit="fraction", baseline=0.75, better="higher", low=0.9, high=1.0)
    return metrics.Scoreboard("letters right", **{**settings, **changes})


def test_scoreboard_records_a_row_as_data():
    scores = board()
    scores.add("pytorch", np.float32(1.0), parameters=40, seconds=1.23456)
    [row] = scores._repr_mimebundle_()[metrics.MIME]
    assert row == {
        "framework": "pytorch",
        "metric": "letters right",
        "unit": "fraction",
        "value": 1.0,
        "baseline": 0.75,
        "better": "higher",
        "low": 0.9,
        "high": 1.0,
        "beaten": True,
        "parameters": 40,
        "seconds": 1.235,
    }
    assert type(row["value"]) is float


@pytest.mark.parametrize(
    ("better", "value", "beaten"), [("higher", 0.75, False), ("lower", 0.5, True)]
)
def test_scoreboard_says_whether_the_baseline_was_beaten(better, value, beaten):
    scores = board(better=better)
    scores.add("numpy", value, parameters=1, seconds=0)
    assert scores.rows[0]["beaten"] is beaten


def test_scoreboard_shows_a_value_out_of_range():
    scores = board()
    scores.add("keras", 0.8, parameters=1, seconds=0)
    assert "outside 0.9 to 1" in scores._repr_html_()


def test_scoreboard_refuses_what_it_does_not_know():
    with pytest.raises(ValueError, match="one of numpy, keras, pytorch, got 'torch'"):
        board().add("torch", 1, parameters=1, seconds=1)
    with pytest.raises(ValueError, match="better is 'higher' or 'lower', got 'bigger'"):
        board(better="bigger")
    with pytest.raises(ValueError, match="from low to high, got 1 to 0"):
        board(low=1, high=0)
