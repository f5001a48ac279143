"""Pairs of sequences, one to be read and one to be written, as tokens and as batches.

    source    s e v e n END                     what the encoder reads
    inputs    START S EH V AH N                 what the decoder reads: the answer, one step late
    targets   S EH V AH N END                   what it is to say at each step

Every vocabulary begins with the same four tokens, which are no symbols of any text.
"""

import numpy as np

from unrolled.data.batches import PAD, length_batches, pad
from unrolled.data.text import Vocabulary
from unrolled.nn import IGNORED

START, END, UNKNOWN = 1, 2, 3  # PAD is 0
SIGNS = ["·", "‹", "›", "\N{REPLACEMENT CHARACTER}"]  # how PAD and these three are shown


def pair_vocabulary(sequences):
    """The symbols of some sequences, behind the four signs. Returns: a Vocabulary."""
    return Vocabulary([*SIGNS, *sorted({symbol for sequence in sequences for symbol in sequence})])


def source_tokens(vocabulary, sequence):
    """A sequence to read. A symbol that the vocabulary does not have becomes UNKNOWN.

    Returns: (S,) int64, END last. Raises: ValueError for an empty sequence.
    """
    if not len(sequence):
        raise ValueError("the source is empty, expected at least one symbol")
    known = [symbol if symbol in vocabulary else SIGNS[UNKNOWN] for symbol in sequence]
    return np.append(vocabulary.encode(known), END)


def target_tokens(vocabulary, sequence):
    """A sequence to write. Returns: (T,) int64, END last.

    Raises: ValueError if it is empty, or has a symbol that the vocabulary does not have.
    """
    return np.append(vocabulary.encode(sequence), END)


def pair_batch(sources, targets, *, multiple=1):
    """Pairs side by side. Args: N rows of tokens each, END last; multiple, as for ``pad``.

    Returns: source (N, S); inputs (N, T); targets (N, T), IGNORED at padding.
    """
    source, _ = pad(sources, multiple=multiple)
    wanted, lengths = pad(targets, multiple=multiple)
    inputs = np.roll(wanted, 1, axis=1)
    inputs[:, 0] = START
    inputs[inputs == END] = PAD  # nothing is due after the end, so nothing is read there
    real = np.arange(wanted.shape[1]) < lengths[:, None]
    return source, inputs, np.where(real, wanted, IGNORED)


def pair_batches(sources, targets, batch_size, rng, *, multiple=1):
    """Every pair once, in batches of pairs that are alike in length, which come in random order.

    Returns: a list of what ``pair_batch`` returns.
    """
    widest = 1 + max(map(len, targets))
    lengths = [len(s) * widest + len(t) for s, t in zip(sources, targets, strict=True)]
    return [
        pair_batch([sources[i] for i in rows], [targets[i] for i in rows], multiple=multiple)
        for rows in length_batches(lengths, batch_size, rng)
    ]


def until_end(tokens):
    """What was said before END. Args: tokens (T,). Returns: a list."""
    tokens = [int(token) for token in tokens]
    return tokens[: tokens.index(END)] if END in tokens else tokens
