"""Greedy and beam search over a tiny model, beside a search through everything there is."""

import itertools

import numpy as np
import pytest

from unrolled.data.batches import PAD
from unrolled.data.pairs import END, START
from unrolled.search import (
    NEVER,
    beam_search,
    decode,
    greedy_search,
    length_penalty,
    log_softmax,
    take_rows,
)

V = 7  # PAD, START, END, UNKNOWN and three symbols


class Toy:
    """Scores that depend on all that was read and said so far, drawn once and for all."""

    def __init__(self, seed, spread=1.5):
        self.seed, self.spread, self.rows = seed, spread, []

    def start(self, source):
        self.rows.append(len(source))
        return np.array([hash(tuple(row[row != PAD])) % 10_000 for row in source])

    def step(self, tokens, state):
        state = np.array(
            [hash((int(s), int(t))) % 10_000 for s, t in zip(state, tokens, strict=True)]
        )
        draws = [np.random.default_rng([self.seed, s]).normal(0, self.spread, V) for s in state]
        return np.stack(draws), state

    @staticmethod
    def select(state, rows):
        return take_rows(state, rows)


def log_p(model, source, tokens, max_steps):
    """Of one whole sequence, END behind it unless it is as long as may be."""
    state, total, last = model.start(source), 0.0, np.array([START])
    for token in [*tokens, *([END] if len(tokens) < max_steps else [])]:
        logits, state = model.step(last, state)
        total += log_softmax(logits)[0, token]
        last = np.array([token])
    return total


def best_of_all(model, source, max_steps, alpha):
    """The sequence with the best score, found by trying every one."""
    symbols = [t for t in range(V) if t not in (*NEVER, END)]
    every = [s for n in range(max_steps + 1) for s in itertools.product(symbols, repeat=n)]
    scores = [
        log_p(model, source, s, max_steps) / length_penalty(min(len(s) + 1, max_steps), alpha)
        for s in every
    ]
    return list(every[int(np.argmax(scores))]), max(scores)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_beam_wide_enough_finds_what_trying_everything_finds(seed, alpha):
    model, source, steps = Toy(seed), np.array([[4, 5, END]]), 4
    best, score = best_of_all(model, source, steps, alpha)
    found, scores = beam_search(model, source, width=V**steps, max_steps=steps, alpha=alpha)
    assert found[0] == best
    assert scores[0] == pytest.approx(score, abs=1e-12)


def test_a_narrow_beam_may_miss_it_and_a_wider_one_is_no_worse_here():
    missed = 0
    for seed in range(40):
        model, source = Toy(seed), np.array([[4, END]])
        (_, narrow), (_, wide) = (
            beam_search(model, source, width=width, max_steps=5) for width in (1, 200)
        )
        assert wide[0] >= narrow[0] - 1e-12
        missed += wide[0] > narrow[0] + 1e-9
    assert missed > 5


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_beam_of_one_is_greedy(alpha):
    rng = np.random.default_rng(0)
    source = rng.integers(4, V, (50, 3))
    for seed in range(3):
        greedy = greedy_search(Toy(seed), source, max_steps=7)
        beam, _ = beam_search(Toy(seed), source, width=1, max_steps=7, alpha=alpha)
        assert beam == greedy
        lengths = {len(answer) for answer in greedy}
        assert 7 in lengths and len(lengths) > 3  # some are cut off, some end before


def test_what_is_said_holds_no_sign():
    source = np.random.default_rng(0).integers(4, V, (30, 3))
    for answers in (
        greedy_search(Toy(0), source, max_steps=6),
        beam_search(Toy(0), source, width=3, max_steps=6)[0],
    ):
        assert set(itertools.chain(*answers)) == {4, 5, 6}


@pytest.mark.parametrize("width", [1, 3])
def test_batches_change_nothing_and_keep_the_order(width):
    rng = np.random.default_rng(1)
    sources = [np.append(rng.integers(4, V, rng.integers(1, 6)), END) for _ in range(23)]
    model = Toy(2)
    at_once = decode(model, sources, max_steps=6, width=width, batch_size=23)
    in_parts = decode(model, sources, max_steps=6, width=width, batch_size=5)
    assert at_once == in_parts
    assert model.rows == [23, 5, 5, 5, 5, 3]
    for source, answer in zip(sources[:5], at_once, strict=False):
        alone = decode(Toy(2), [source], max_steps=6, width=width)
        assert alone == [answer]


def test_the_penalty_is_that_of_the_paper():
    assert length_penalty(1, 0.7) == 1
    assert length_penalty(7, 1.0) == 2
    assert length_penalty(100, 0.0) == 1


@pytest.mark.parametrize("bad", [{"width": 0}, {"width": -1}, {"max_steps": 0}, {"batch_size": 0}])
def test_a_search_that_cannot_be_is_refused(bad):
    with pytest.raises(ValueError, match="whole number of at least 1, got"):
        decode(Toy(0), [np.array([4, END])], **({"max_steps": 3, "width": 2} | bad))


def test_rows_are_taken_from_every_array_of_a_state():
    state = np.arange(3), (np.arange(6).reshape(3, 2), [np.array([True, False, True])])
    first, (second, (third,)) = take_rows(state, [2, 2, 0])
    np.testing.assert_array_equal(first, [2, 2, 0])
    np.testing.assert_array_equal(second, [[4, 5], [4, 5], [0, 1]])
    np.testing.assert_array_equal(third, [True, True, True])
