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


@pytest.mark.parametrize(
    ("said", "wanted", "edits"),
    [
        ("kitten", "sitting", 3),
        ("", "abc", 3),
        ("abc", "", 3),
        ("", "", 0),
        (["TH", "R"], ["T", "H", "R"], 2),  # a phoneme is one symbol, however it is spelled
        (("K", "AE", "T"), ["K", "AE", "T"], 0),
        (np.array([5, 6, 7]), [5, 7], 1),
    ],
)
def test_edit_distance(said, wanted, edits):
    assert metrics.edit_distance(said, wanted) == metrics.edit_distance(wanted, said) == edits


def test_edit_distance_agrees_with_a_table(rng):
    for _ in range(50):
        a, b = (rng.integers(3, size=rng.integers(9)).tolist() for _ in range(2))
        table = np.add.outer(np.arange(len(a) + 1), np.arange(len(b) + 1))
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                steps = table[i, j] + (x != y), table[i, j + 1] + 1, table[i + 1, j] + 1
                table[i + 1, j + 1] = min(steps)
        assert metrics.edit_distance(a, b) == table[-1, -1]


def test_error_rate_measures_against_the_nearest_variant():
    cat, cot, act = ("K", "AE", "T"), ("K", "AA", "T"), ("AE", "K", "T")
    assert metrics.error_rate([cat], [[cat]]) == 0
    assert metrics.error_rate([cat, cot], [[act, cat], [cat]]) == 1 / 6
    # Edits are summed, and then divided: a long word counts more than a short one.
    assert metrics.error_rate([["K"], ["A"] * 7], [[["T"]], [["A"] * 9]]) == 3 / 10
    assert metrics.error_rate([["A"] * 5], [[["B"]]]) == 5


def test_of_variants_that_are_equally_near_the_first_gives_the_length():
    short, long = ["A"], ["A", "B", "C"]
    assert metrics.error_rate([["A", "B"]], [[short, long]]) == 1 / 1
    assert metrics.error_rate([["A", "B"]], [[long, short]]) == 1 / 3


def test_word_error_rate_and_exact_match():
    said = [("K", "AE", "T"), ["D", "AO", "G"], ["K"], []]
    references = [[("K", "AE", "T")], [("D", "AA", "G"), ("D", "AO", "G")], [("K", "K")], [("K",)]]
    assert metrics.word_error_rate(said, references) == 2 / 4
    assert metrics.exact_match(said, [variants[0] for variants in references]) == 1 / 4
    assert metrics.exact_match(["2026-05-07", "2026"], ["2026-05-07", "2026-05-07"]) == 0.5
    assert metrics.exact_match(np.array([[1, 2], [3, 4]]), [[1, 2], [3, 5]]) == 0.5


def test_bleu_and_chrf_are_those_of_sacrebleu_over_the_whole_set():
    said = ["The cat sat on the mat.", "A dog barks at night."]
    wanted = ["The cat is sitting on the mat.", "A dog barks at night."]
    score, signature = metrics.bleu(said, wanted)
    # By hand: 12 of 13 words are right, 9 of 11 pairs, 6 of 9 threes, 4 of 7 fours; and 13 words
    # were said where 14 were wanted.
    by_hand = (12 / 13 * 9 / 11 * 6 / 9 * 4 / 7) ** (1 / 4) * np.exp(1 - 14 / 13)
    assert score == pytest.approx(100 * by_hand, rel=1e-9)
    assert "tok:13a" in signature and "case:mixed" in signature and "version:" in signature
    score, signature = metrics.chrf(["ab"], ["ac"])
    assert "nc:6" in signature and "nw:0" in signature
    # 1 of 2 letters, 0 of 1 pair; the longer runs do not occur and do not count.
    assert score == pytest.approx(100 * (1 / 2 + 0) / 2, rel=1e-9)
    assert metrics.chrf(wanted, wanted)[0] == pytest.approx(100)
    assert metrics.bleu(wanted, wanted)[0] == pytest.approx(100)


@pytest.mark.parametrize("metric", ["exact_match", "error_rate", "word_error_rate", "bleu", "chrf"])
def test_metrics_of_sequences_want_one_for_each(metric):
    with pytest.raises(ValueError, match="2 sequences were said, but 1 were wanted"):
        getattr(metrics, metric)(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="expected at least one sequence, got none"):
        getattr(metrics, metric)([], [])


@pytest.mark.parametrize("metric", [metrics.error_rate, metrics.word_error_rate])
def test_metrics_of_variants_want_variants(metric):
    with pytest.raises(ValueError, match="sequence 1 has no reference, expected at least one var"):
        metric([["K"], ["T"]], [[["K"]], []])
    for said, references in [([["K", "AE"]], [("K", "AE")]), (["cat"], ["cat"])]:
        with pytest.raises(TypeError, match="references of sequence 0 are a list of variants"):
            metric(said, references)


def test_error_rate_wants_something_to_say():
    with pytest.raises(ValueError, match="every reference is empty"):
        metrics.error_rate([["K"]], [[[]]])


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
