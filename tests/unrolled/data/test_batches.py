import numpy as np
import pytest

from unrolled.data.batches import length_batches, length_mask, pad, padding_share, random_batches


def test_padding_puts_zeros_behind_and_keeps_what_was_there():
    tokens, lengths = pad([[7, 4, 9], [5]])
    assert tokens.tolist() == [[7, 4, 9], [5, 0, 0]]
    assert lengths.tolist() == [3, 1]
    assert length_mask(lengths, 3).tolist() == [[True] * 3, [True, False, False]]


def test_vectors_are_padded_too_and_to_any_number_of_steps():
    rng = np.random.default_rng(0)
    sequences = [rng.normal(size=(length, 2)) for length in (4, 1, 3)]
    x, lengths = pad(sequences, steps=6)
    assert x.shape == (3, 6, 2) and x.dtype == float
    for row, sequence in zip(x, sequences, strict=True):
        np.testing.assert_array_equal(row[: len(sequence)], sequence)
        assert not row[len(sequence) :].any()
    np.testing.assert_array_equal(length_mask(lengths, 6).sum(axis=1), lengths)


@pytest.mark.parametrize(("longest", "steps"), [(3, 4), (4, 4), (5, 8)])
def test_lengths_are_rounded_up_to_a_multiple(longest, steps):
    tokens, lengths = pad([[1] * longest, [2]], multiple=4)
    assert tokens.shape == (2, steps) and lengths.tolist() == [longest, 1]


@pytest.mark.parametrize(
    ("sequences", "options", "message"),
    [
        ([], {}, "at least one sequence"),
        ([[1, 2], []], {}, "sequence 1 is empty"),
        ([[1, 2], [1, 2, 3]], {"steps": 2}, "sequence 1 has length 3, but there are 2 steps"),
    ],
)
def test_what_cannot_be_padded_is_named(sequences, options, message):
    with pytest.raises(ValueError, match=message):
        pad(sequences, **options)


def test_a_mask_wants_lengths_that_fit():
    with pytest.raises(ValueError, match="sequence 1 has length 5, but there are 4 steps"):
        length_mask(np.array([4, 5]), 4)
    with pytest.raises(ValueError, match="sequence 0 is empty"):
        length_mask(np.array([0, 2]), 4)
    with pytest.raises(TypeError, match="integers, got dtype float64"):
        length_mask(np.array([1.0, 2.0]), 4)


@pytest.mark.parametrize("make", ["random", "length"])
def test_every_item_stands_in_one_batch(make):
    rng = np.random.default_rng(1)
    lengths = rng.integers(1, 30, size=107)
    if make == "random":
        batches = random_batches(len(lengths), 10, rng)
    else:
        batches = length_batches(lengths, 10, rng)
    assert sorted(np.concatenate(batches).tolist()) == list(range(107))
    assert sorted(len(batch) for batch in batches) == [7] + [10] * 10


def test_batches_by_length_hold_neighbors_and_come_in_another_order_each_time():
    rng = np.random.default_rng(2)
    lengths = rng.integers(1, 30, size=400)
    first, second = (length_batches(lengths, 20, rng) for _ in range(2))
    ranges = sorted((lengths[batch].min(), lengths[batch].max()) for batch in first)
    assert all(before[1] <= after[0] for before, after in zip(ranges, ranges[1:], strict=False))
    assert [lengths[b].max() for b in first] != [lengths[b].max() for b in second]
    assert {tuple(sorted(b)) for b in first} != {tuple(sorted(b)) for b in second}


def test_the_share_of_padding_is_counted():
    lengths = np.array([1, 3, 4, 4])
    assert padding_share(lengths, [np.array([0, 1]), np.array([2, 3])]) == pytest.approx(2 / 14)
    assert padding_share(lengths, [np.array([0, 1, 2, 3])]) == pytest.approx(4 / 16)
