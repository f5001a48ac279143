"""What a language model has to beat: distributions that sum to 1, and bits counted right."""

import bz2
import itertools
import math

import numpy as np
import pytest

from unrolled import baselines
from unrolled.baselines import NGram, bz2_bits, fit_hmm, hmm_bits, hmm_filter, ngram_bits

UNSEEN = "\0"


def some_text(rng, length):
    """Text with structure: a Markov chain over five letters."""
    table, letters = rng.dirichlet(np.full(5, 0.3), 5), [0]
    for _ in range(length - 1):
        letters.append(rng.choice(5, p=table[letters[-1]]))
    return "".join("abcde"[letter] for letter in letters)


def test_witten_bell_by_hand():
    model = NGram("aab", 2)
    after_nothing = [model.probability(c, "") for c in ("a", "b", UNSEEN)]
    np.testing.assert_allclose(after_nothing, [8 / 15, 1 / 3, 2 / 15], rtol=1e-14)
    after_a = [model.probability(c, "a") for c in ("a", "b", UNSEEN)]
    np.testing.assert_allclose(after_a, [31 / 60, 5 / 12, 1 / 15], rtol=1e-14)
    # Nothing ever followed b, so it says no more than no context.
    assert [model.probability(c, "b") for c in ("a", "b", UNSEEN)] == after_nothing
    expected = -(math.log2(1 / 3) + math.log2(8 / 15) + math.log2(1 / 15)) / 3
    assert ngram_bits("aab", "ba?", 2) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("order", [1, 2, 6])
def test_probabilities_sum_to_one_after_any_context(order):
    rng = np.random.default_rng(order)
    model = NGram(some_text(rng, 300), order)
    for length in range(12):
        context = "".join(rng.choice(list("abcdefg"), length))
        p = [model.probability(c, context) for c in [*model.alphabet, UNSEEN]]
        assert min(p) > 0 and sum(p) == pytest.approx(1, abs=1e-12)


def test_an_ngram_of_order_four_against_the_definition():
    rng = np.random.default_rng(7)
    train, test = some_text(rng, 200), some_text(rng, 40) + "?c"

    def p(c, h):
        followers = [
            train[i + len(h)] for i in range(len(train) - len(h)) if train[i:].startswith(h)
        ]
        shorter = p(c, h[1:]) if h else 1 / (len(set(train)) + 1)
        kinds = len(set(followers))
        return (
            (followers.count(c) + kinds * shorter) / (len(followers) + kinds) if kinds else shorter
        )

    surprises = [-math.log2(p(c, test[max(0, i - 3) : i])) for i, c in enumerate(test)]
    assert ngram_bits(train, test, 4) == pytest.approx(np.mean(surprises), rel=1e-12)


def test_only_as_much_context_counts_as_the_order_says():
    model = NGram("the cat sat on the mat", 3)
    assert model.probability("t", "xxca") == model.probability("t", "ca") > 0.5
    assert model.probability("c", "e ") != model.probability("c", " ")


def test_more_context_helps_where_there_is_something_to_learn():
    rng = np.random.default_rng(8)
    text = some_text(rng, 6000)
    one, two = (ngram_bits(text[:5000], text[5000:], order) for order in (1, 2))
    assert two < one - 0.3


def test_bz2_by_its_definition():
    train, test = "grüße " * 50, "grüße, welt"
    added = len(bz2.compress((train + test).encode())) - len(bz2.compress(train.encode()))
    assert bz2_bits(train, test) == 8 * added / 11


def test_bz2_of_noise_and_of_what_it_has_seen():
    letters = np.random.default_rng(9).choice(list("abcdefghijklmnop"), 60_000)
    train, test = "".join(letters[:40_000]), "".join(letters[40_000:])
    assert 4 < bz2_bits(train, test) < 4.3  # sixteen letters, nothing to learn: 4 bits
    assert bz2_bits(train, train[:20_000]) < 3


@pytest.mark.parametrize("bits", [bz2_bits, lambda train, test: ngram_bits(train, test, 3)])
def test_an_empty_text(bits):
    with pytest.raises(ValueError, match="the text is empty"):
        bits("letters", "")


def test_an_order_of_nothing():
    with pytest.raises(ValueError, match="order must be a whole number of at least 1, got 0"):
        NGram("letters", 0)


@pytest.fixture(scope="module")
def hmm():
    """A model of 3 states and 7 symbols, two of which it never saw, and its losses."""
    tokens = np.random.default_rng(10).integers(0, 5, (4, 150))
    tokens[:, 1::2] //= 2  # something to learn
    return fit_hmm(tokens, 7, 3, 12, np.random.default_rng(11))


def held_out(length=200):
    return np.random.default_rng(12).integers(0, 7, length)


def test_em_learns_and_never_loses(hmm):
    _, losses = hmm
    assert len(losses) == 12 and losses[-1] < losses[0] - 0.05
    assert (np.diff(losses) < 1e-5).all(), f"largest step up: {np.diff(losses).max()}"


def test_em_finds_a_hidden_state():
    # Every second symbol is 1, and before it comes 0 or 2 by chance. One state: 1.5 bits.
    pairs = np.random.default_rng(13).permutation(np.repeat([[0, 1], [2, 1]], 500, axis=0))
    model, losses = fit_hmm(pairs.reshape(10, 200), 3, 2, 40, np.random.default_rng(14))
    assert losses[-1] / np.log(2) == pytest.approx(0.5, abs=0.02)  # one bit each two characters
    assert hmm_bits(model, np.array([0, 1, 2, 1, 2, 1, 0, 1] * 20)) == pytest.approx(0.5, abs=0.02)


def test_the_first_loss_is_that_of_the_random_start():
    tokens = held_out(60).reshape(3, 20)
    rng = np.random.default_rng(15)
    start, A, B = (rng.dirichlet(np.ones(n), s) for n, s in ((2, None), (2, 2), (7, 2)))
    log_likelihood = 0
    for row in tokens:
        state = start
        for token in row:
            state = state * B[:, token]
            log_likelihood += np.log(state.sum())
            state = state / state.sum() @ A
    _, losses = fit_hmm(tokens, 7, 2, 1, np.random.default_rng(15))
    assert losses == pytest.approx([-log_likelihood / 60], rel=1e-10)


def test_one_row_is_a_batch_of_one_and_the_seed_decides():
    tokens = held_out(90)
    first, again, other = (
        fit_hmm(x, 7, 2, 3, np.random.default_rng(seed))[1]
        for x, seed in ((tokens, 1), (tokens[None], 1), (tokens, 2))
    )
    assert first == again != other


def test_no_character_is_impossible(hmm):
    model, _ = hmm
    assert (model.emissionprob_[:, 5:] > 0).all()  # never seen in training
    assert 2 < hmm_bits(model, held_out()) < 12


def test_bits_are_the_score_and_the_filter_agrees(hmm):
    model, _ = hmm
    tokens = held_out()
    states = hmm_filter(model, tokens)
    np.testing.assert_allclose(states.sum(axis=1), 1, atol=1e-12)
    before = np.vstack([model.startprob_, states[:-1] @ model.transmat_])
    p = (before * model.emissionprob_[:, tokens].T).sum(axis=1)  # of each character
    assert np.log(p).sum() == pytest.approx(model.score(tokens[:, None]), rel=1e-10)
    assert hmm_bits(model, tokens) == pytest.approx(-np.log2(p).mean(), rel=1e-10)


@pytest.mark.parametrize("length", [1, 5])
def test_the_filter_against_all_paths(hmm, length):
    model, _ = hmm
    tokens, last = held_out(length), np.zeros(3)
    for path in itertools.product(range(3), repeat=length):
        p = model.startprob_[path[0]] * model.emissionprob_[path[0], tokens[0]]
        for t in range(1, length):
            p *= model.transmat_[path[t - 1], path[t]] * model.emissionprob_[path[t], tokens[t]]
        last[path[-1]] += p
    np.testing.assert_allclose(hmm_filter(model, tokens)[-1], last / last.sum(), rtol=1e-10)


def test_an_em_that_makes_things_worse_is_not_hidden(monkeypatch):
    class Wrong(baselines.CategoricalHMM):
        def _do_mstep(self, stats):
            super()._do_mstep(stats)
            self.emissionprob_ = self.emissionprob_[:, ::-1].copy()

    monkeypatch.setattr(baselines, "CategoricalHMM", Wrong)
    with pytest.raises(RuntimeError, match="EM fell from -.* to -"):
        fit_hmm(np.array([0, 0, 1, 0, 2] * 30), 5, 2, 4, np.random.default_rng(0))


def test_em_prints_nothing_but_its_progress(caplog, capsys):
    fit_hmm(np.zeros((2, 50), int) + np.arange(50) % 3, 3, 2, 30, np.random.default_rng(0))
    out, err = capsys.readouterr()
    assert not caplog.records and not out and "EM, 2 states" in err


@pytest.mark.parametrize("function", [hmm_bits, hmm_filter])
def test_tokens_outside_the_vocabulary(function, hmm):
    with pytest.raises(ValueError, match="token 7 is outside the vocabulary of 7"):
        function(hmm[0], np.array([1, 7]))
    with pytest.raises(TypeError, match="integers"):
        function(hmm[0], np.array([1.0]))


def test_what_fit_hmm_refuses(hmm):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="token 3 is outside the vocabulary of 3"):
        fit_hmm(np.array([3]), 3, 2, 1, rng)
    with pytest.raises(ValueError, match=r"at least one token.* got tokens of shape \(1, 0\)"):
        fit_hmm(np.zeros(0, int), 3, 2, 1, rng)
    with pytest.raises(ValueError, match="pseudocount above 0, got .* pseudocount 0"):
        fit_hmm(np.array([1]), 3, 2, 1, rng, pseudocount=0)
    for name, sizes in (
        ("vocab_size", (0, 2, 1)),
        ("states", (3, 0, 1)),
        ("iterations", (3, 2, 0)),
    ):
        with pytest.raises(ValueError, match=f"{name} must be a whole number of at least 1"):
            fit_hmm(np.array([1]), *sizes, rng)
    with pytest.raises(ValueError, match="the text is empty"):
        hmm_bits(hmm[0], np.zeros(0, int))


def test_a_letter_classifier_learns_endings_and_is_weighed_by_class():
    words = ["Anov", "Petrov", "Ivanov", "Smirnov", "Orlov", "Berg", "Lindberg", "Strandberg"]
    classes = [0] * 5 + [1] * 3
    model = baselines.letter_classifier(10).fit(words, classes)
    assert model.predict(["Kuznetsov", "Sandberg", "STRÖMBERG"]).tolist() == [0, 1, 1]
    features = model[0].get_feature_names_out()
    assert "ov$" in features and "^" in features and "anov" in features
    assert "^ano" not in features  # one word alone has it
    assert model[1].class_weight == "balanced"


def test_a_letter_classifier_wants_a_strength_and_a_length():
    with pytest.raises(ValueError, match="strength must be positive, got 0"):
        baselines.letter_classifier(0)
    with pytest.raises(ValueError, match="longest must be a whole number"):
        baselines.letter_classifier(1, longest=0)
