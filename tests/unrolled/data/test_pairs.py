"""Pairs as tokens and as batches."""

import numpy as np
import pytest

from unrolled.data.batches import PAD
from unrolled.data.pairs import (
    END,
    SIGNS,
    START,
    UNKNOWN,
    pair_batch,
    pair_batches,
    pair_vocabulary,
    source_tokens,
    target_tokens,
    until_end,
)
from unrolled.nn import IGNORED


def test_a_vocabulary_begins_with_the_signs():
    vocabulary = pair_vocabulary(["ba", "ca"])
    assert vocabulary.symbols == [*SIGNS, "a", "b", "c"]
    assert [PAD, START, END, UNKNOWN] == [0, 1, 2, 3]
    assert pair_vocabulary([("S", "EH"), ("V",)]).symbols[4:] == ["EH", "S", "V"]


def test_a_symbol_never_seen_can_be_read_but_not_written():
    vocabulary = pair_vocabulary(["ab"])
    assert source_tokens(vocabulary, "azb").tolist() == [4, UNKNOWN, 5, END]
    assert target_tokens(vocabulary, "ab").tolist() == [4, 5, END]
    with pytest.raises(ValueError, match="'z' is not in the vocabulary"):
        target_tokens(vocabulary, "az")


@pytest.mark.parametrize("tokens", [source_tokens, target_tokens])
def test_nothing_cannot_be_read_or_written(tokens):
    with pytest.raises(ValueError, match="empty, expected at least one"):
        tokens(pair_vocabulary(["ab"]), "")


def test_the_decoder_reads_what_it_should_have_said_a_step_before():
    source, inputs, targets = pair_batch([[4, END], [5, 6, END]], [[7, 8, 9, END], [7, END]])
    np.testing.assert_array_equal(source, [[4, END, PAD], [5, 6, END]])
    np.testing.assert_array_equal(inputs, [[START, 7, 8, 9], [START, 7, PAD, PAD]])
    np.testing.assert_array_equal(targets, [[7, 8, 9, END], [7, END, IGNORED, IGNORED]])


def test_every_pair_comes_once_with_its_like():
    rng = np.random.default_rng(0)
    sources = [np.append(np.full(n, 4 + i), END) for i, n in enumerate(rng.integers(1, 9, 50))]
    targets = [np.append(np.full(n, 4 + i), END) for i, n in enumerate(rng.integers(1, 9, 50))]
    seen, shapes = [], []
    for source, inputs, wanted in pair_batches(sources, targets, 8, rng, multiple=4):
        assert source.shape[1] % 4 == inputs.shape[1] % 4 == 0
        np.testing.assert_array_equal(source[:, 0], wanted[:, 0])  # a source with its own target
        seen += source[:, 0].tolist()
        shapes.append(source.shape[1])
    assert sorted(seen) == [4 + i for i in range(50)]
    assert shapes != sorted(shapes)  # in random order


def test_pairs_are_pairs():
    with pytest.raises(ValueError):
        pair_batches([[4, END]], [], 2, np.random.default_rng(0))


def test_what_follows_the_end_was_not_said():
    assert until_end(np.array([5, 6, END, 7, END])) == [5, 6]
    assert until_end([5, 6]) == [5, 6]
    assert until_end([END]) == []
