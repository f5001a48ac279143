"""Samplers: exact probabilities, their limits, and the same text from the same seed."""

import numpy as np
import pytest

from unrolled.nn import softmax
from unrolled.sampling import choose, generate, greedy, repetition, truncate

P = np.array([0.05, 0.4, 0.1, 0.2, 0.25])
LOGITS = np.log(P) + 3  # a shift changes nothing


def test_without_settings_the_softmax_is_left_alone():
    np.testing.assert_allclose(truncate(LOGITS), P, atol=1e-15)
    np.testing.assert_allclose(truncate(LOGITS, top_k=5, top_p=1), P, atol=1e-15)
    np.testing.assert_allclose(truncate(LOGITS, top_k=99), P, atol=1e-15)


@pytest.mark.parametrize("temperature", [0.3, 0.7, 2.5])
def test_temperature_raises_probabilities_to_a_power(temperature):
    expected = P ** (1 / temperature)
    actual = truncate(LOGITS, temperature=temperature)
    np.testing.assert_allclose(actual, expected / expected.sum(), atol=1e-15)


@pytest.mark.parametrize(
    ("settings", "kept"),
    [
        ({"top_k": 1}, [1]),
        ({"top_k": 3}, [1, 3, 4]),
        ({"top_p": 0.39}, [1]),
        ({"top_p": 0.41}, [1, 4]),
        ({"top_p": 0.649}, [1, 4]),
        ({"top_p": 0.651}, [1, 3, 4]),  # the one that reaches it is in
        ({"top_p": 0.951}, [0, 1, 2, 3, 4]),
        ({"top_k": 2, "top_p": 0.7}, [1, 4]),  # of the two kept, 0.4/0.65 is not enough
        ({"top_k": 2, "top_p": 0.6}, [1]),  # and here it is
        ({"top_k": 4, "top_p": 0.5, "temperature": 3.0}, [1, 4]),
        ({"top_p": 0.5, "temperature": 0.4}, [1]),
    ],
)
def test_what_is_kept_keeps_its_proportions(settings, kept):
    expected = np.zeros(5)
    expected[kept] = P[kept] ** (1 / settings.get("temperature", 1.0))
    np.testing.assert_allclose(truncate(LOGITS, **settings), expected / expected.sum(), atol=1e-12)


def test_the_nucleus_is_the_smallest_set_that_reaches_top_p():
    rng = np.random.default_rng(0)
    for top_p in rng.uniform(0, 1, 50):
        p = rng.dirichlet(np.full(7, 0.4))
        kept = truncate(np.log(p), top_p=top_p) > 0
        assert p[kept].sum() >= top_p
        assert p[kept].sum() - p[kept].min() < top_p
        assert p[kept].min() >= p[~kept].max(initial=0)


def test_equal_logits_are_cut_in_order():
    logits = [1.0, 2.0, 2.0, 2.0]
    assert truncate(logits, top_k=2).tolist() == [0, 0.5, 0.5, 0]
    assert truncate(logits, top_k=1).argmax() == greedy(logits) == 1


@pytest.mark.parametrize(
    "settings", [{"top_k": 1}, {"top_p": 1e-9}, {"temperature": 1e-3}, {"temperature": 1e-300}]
)
def test_limits_are_greedy(settings):
    rng = np.random.default_rng(1)
    for logits in rng.normal(0, 5, (20, 9)).astype(np.float32):
        assert choose(logits, rng, **settings) == greedy(logits) == logits.argmax()


def test_huge_logits_and_forbidden_tokens():
    assert truncate([1e4, -np.inf, 1e4 - 1]).tolist() == pytest.approx(
        [1 / (1 + np.exp(-1)), 0, np.exp(-1) / (1 + np.exp(-1))], abs=1e-12
    )


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.6}, {"top_k": 3}, {"top_p": 0.7}])
def test_draws_follow_the_distribution(settings):
    rng, draws = np.random.default_rng(2), 20_000
    seen = np.bincount([choose(LOGITS, rng, **settings) for _ in range(draws)], minlength=5)
    expected = draws * truncate(LOGITS, **settings)
    assert seen[expected == 0].sum() == 0
    some = expected > 0
    chi_square = ((seen - expected)[some] ** 2 / expected[some]).sum()
    assert chi_square < 20, f"chi-square {chi_square}"  # 4 degrees of freedom: p < 0.0005


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_a_temperature_of_zero_or_below(temperature):
    with pytest.raises(ValueError, match=f"above 0, got {temperature}; at 0, use greedy"):
        choose(LOGITS, np.random.default_rng(0), temperature=temperature)


@pytest.mark.parametrize("top_k", [0, -2, 1.5])
def test_top_k_below_one(top_k):
    with pytest.raises(ValueError, match=f"top_k must be a whole number .* got {top_k}"):
        choose(LOGITS, np.random.default_rng(0), top_k=top_k)


@pytest.mark.parametrize("top_p", [0, -0.1, 1.01, float("nan")])
def test_top_p_outside_its_range(top_p):
    with pytest.raises(ValueError, match=f"top_p must be above 0 and at most 1, got {top_p}"):
        choose(LOGITS, np.random.default_rng(0), top_p=top_p)


class Reader:
    """A model whose state is all that it has read, and whose logits depend on all of it."""

    def __init__(self):
        self.table = np.random.default_rng(3).normal(0, 2, (101, 6))

    def __call__(self, token, state):
        state = (*(state or ()), token)
        return self.table[hash(state) % 101], state


def test_each_token_is_read_once_and_picked_after_the_last():
    read = []

    def step(token, state):
        read.append((token, state))
        return np.eye(7)[(token + 1) % 7], len(read)

    assert generate(step, [3, 5], 4, greedy) == [6, 0, 1, 2]
    assert read == [(3, None), (5, 1), (6, 2), (0, 3), (1, 4)]
    assert generate(step, np.array([4]), 1, greedy) == [5]


def test_the_same_seed_gives_the_same_text():
    def text(seed):
        rng = np.random.default_rng(seed)
        return generate(Reader(), [2], 60, lambda logits: choose(logits, rng, top_p=0.95))

    assert text(5) == text(5) != text(6)
    assert len(text(5)) == 60 and all(type(token) is int for token in text(5))


def test_generated_pairs_follow_the_model():
    table = np.random.default_rng(4).normal(0, 1, (3, 3))
    rng = np.random.default_rng(5)
    step = lambda token, state: (table[token], None)  # noqa: E731
    text = generate(step, [0], 20_000, lambda logits: choose(logits, rng))
    counts = np.zeros((3, 3))
    np.add.at(counts, (text[:-1], text[1:]), 1)
    np.testing.assert_allclose(counts / counts.sum(1, keepdims=True), softmax(table), atol=0.03)


def test_an_empty_prompt_and_a_length_of_nothing():
    with pytest.raises(ValueError, match="the prompt is empty"):
        generate(Reader(), [], 3, greedy)
    with pytest.raises(ValueError, match="length must be a whole number of at least 1, got 0"):
        generate(Reader(), [1], 0, greedy)


@pytest.mark.parametrize(
    ("text", "n", "share"),
    [
        ("abcabc", 3, 1 / 4),
        ("abcdef", 2, 0),
        ("aaaa", 1, 3 / 4),
        ("aaaa", 4, 0),
        ("abab", 2, 1 / 3),
    ],
)
def test_repetition_counts_what_occurred_before(text, n, share):
    assert repetition(text, n) == pytest.approx(share, abs=1e-15)
    assert repetition([ord(letter) for letter in text], n) == repetition(text, n)
    assert repetition(np.array([ord(letter) for letter in text]), n) == repetition(text, n)


def test_a_text_too_short_to_repeat_itself():
    with pytest.raises(ValueError, match="a text of 2 symbols has no 3 in a row"):
        repetition("ab", 3)
    with pytest.raises(ValueError, match="n must be"):
        repetition("ab", 0)
