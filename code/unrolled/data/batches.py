"""Sequences of unequal length in one array: padding, masks, and batches that waste little.

lengths 3, 1     tokens  7 4 9      mask  1 1 1
                         5 0 0            1 0 0        0 is PAD
"""

import numpy as np

from unrolled.nn import check_size

PAD = 0  # the token that stands for nothing; a vocabulary that is to be padded begins behind it


def pad(sequences, *, steps=None, multiple=1):
    """Sequences side by side, zeros behind the shorter ones.

    Args: sequences, N arrays (T_n,) or (T_n, D); steps T, by default that of the longest, rounded
    up to a multiple: whoever compiles a program for each T (JAX does) wants few of them.
    Returns: (N, T) or (N, T, D); lengths (N,).
    Raises: ValueError for no sequence, an empty one, or one longer than steps.
    """
    sequences = [np.asarray(sequence) for sequence in sequences]
    lengths = check_lengths([len(sequence) for sequence in sequences], steps)
    first = sequences[0]
    T = -(-max(lengths) // multiple) * multiple if steps is None else steps
    padded = np.full((len(sequences), T, *first.shape[1:]), PAD, first.dtype)
    for row, sequence in zip(padded, sequences, strict=True):
        row[: len(sequence)] = sequence
    return padded, lengths


def length_mask(lengths, steps):
    """True where a step is real. Args: lengths (N,); steps T. Returns: (N, T) booleans."""
    return np.arange(check_size("steps", steps)) < check_lengths(lengths, steps)[:, None]


def check_lengths(lengths, steps=None):
    """Return ``lengths`` as an array (N,) if each is a whole number from 1 to steps, else raise."""
    lengths = np.asarray(lengths)
    if lengths.ndim != 1 or not lengths.size:
        raise ValueError(f"expected at least one sequence, got lengths of shape {lengths.shape}")
    if not np.issubdtype(lengths.dtype, np.integer):
        raise TypeError(f"lengths must be integers, got dtype {lengths.dtype}")
    for n in np.flatnonzero(lengths < 1):
        raise ValueError(f"sequence {n} is empty: its length is {lengths[n]}, expected at least 1")
    for n in np.flatnonzero(lengths > steps) if steps is not None else ():
        raise ValueError(f"sequence {n} has length {lengths[n]}, but there are {steps} steps")
    return lengths


def random_batches(count, batch_size, rng):
    """Every item once, in random order. Args: rng, a numpy Generator.

    Returns: a list of index arrays (N,); the last may be shorter.
    """
    order = rng.permutation(check_size("count", count))
    return np.split(order, range(check_size("batch_size", batch_size), count, batch_size))


def length_batches(lengths, batch_size, rng):
    """Every item once, in batches of nearly equal length, which come in random order.

    Items of one length are shuffled among each other. This is called bucketing.
    Args: lengths (count,); rng, a numpy Generator. Returns: a list of index arrays (N,).
    """
    lengths, N = check_lengths(lengths), check_size("batch_size", batch_size)
    order = np.lexsort((rng.random(len(lengths)), lengths))
    batches = np.split(order, range(N, len(lengths), N))
    return [batches[k] for k in rng.permutation(len(batches))]


def padding_share(lengths, batches):
    """The share of all steps that is padding. Args: lengths (count,); batches of indices."""
    lengths = check_lengths(lengths)
    steps = sum(len(batch) * lengths[batch].max() for batch in batches)
    return 1 - sum(lengths[batch].sum() for batch in batches) / steps
