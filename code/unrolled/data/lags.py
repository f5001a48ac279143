"""Tasks made to order, in which the answer depends on something seen long ago.

    echo      A C B B A C           -> . . . A C B     say every letter again, 3 steps later
    recall    B w z x w ?           -> B       remember one letter over a lag of 4
    copy      C A B . . > . . .     -> C A B   say letters again, in order, after the mark
    adding    .3 .8 .1 .5 .9 .2     -> 1.3     add the two numbers that carry a mark
                  *        *

Everything between says nothing about the answer. All are batch first.
"""

import numpy as np

from unrolled.data.text import Vocabulary
from unrolled.nn import check_size

ECHO_VOCABULARY = Vocabulary(".ABC")
ECHO_CHANCE = 1 / 3  # accuracy of a guess, once there is a letter to repeat
SYMBOLS, DISTRACTORS, QUESTION = "ABCD", "wxyz", "?"
RECALL_VOCABULARY = Vocabulary(SYMBOLS + DISTRACTORS + QUESTION)
RECALL_CHANCE = 1 / len(SYMBOLS)  # accuracy of a guess: all symbols are equally likely
COPY_LETTERS, BLANK, MARK = "ABCDEFGH", ".", ">"
COPY_VOCABULARY = Vocabulary(COPY_LETTERS + BLANK + MARK)
COPY_CHANCE = 1 / len(COPY_LETTERS)  # accuracy of a guess at a letter
ADDING_BASELINE = 1 / 6  # squared error of always answering 1: twice the variance 1/12


def echo(rng, batch_size, length, lag):
    """Say each letter again, ``lag`` steps after it was read; before that, say the dot.

    ``ECHO_VOCABULARY`` decodes the tokens. Letters are drawn at random: without a memory of
    ``lag`` steps no guess is right more often than ``ECHO_CHANCE``, a loss of log 3 = 1.10 nats.

    Args: rng, a numpy Generator; batch_size N; length T; lag, a whole number of at least 1.
    Returns: tokens (N, T), targets (N, T), int64.
    """
    N, T = check_size("batch_size", batch_size), check_size("length", length)
    lag = check_size("lag", lag)
    tokens = rng.integers(1, len(ECHO_VOCABULARY), size=(N, T))
    targets = np.zeros_like(tokens)  # the dot
    targets[:, lag:] = tokens[:, :-lag]
    return tokens, targets


def _check_whole(name, value, least):
    if not isinstance(value, int | np.integer) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def recall(rng, batch_size, lag):
    """Remember the first symbol while ``lag`` distractors go by, and name it when asked.

    The answer is due at the last step alone. ``RECALL_VOCABULARY`` decodes the tokens; guessing
    is right with probability ``RECALL_CHANCE``, a loss of log 4 = 1.39 nats.

    Args: rng, a numpy Generator; batch_size N; lag, a whole number of at least 0.
    Returns: tokens (N, T) int64 with T = lag + 2; targets (N,) int64, equal to tokens[:, 0].
    Source: the latch problem, simplified: Bengio, Simard, Frasconi 1994, section II.
    """
    N, lag = check_size("batch_size", batch_size), _check_whole("lag", lag, 0)
    targets = rng.integers(len(SYMBOLS), size=N)
    noise = rng.integers(len(SYMBOLS), len(SYMBOLS + DISTRACTORS), size=(N, lag))
    question = np.full((N, 1), len(RECALL_VOCABULARY) - 1)
    return np.concatenate([targets[:, None], noise, question], axis=1), targets  # (N, T), (N,)


def copy(rng, batch_size, symbols, lag):
    """Read letters, then ``lag`` steps that say nothing, the last of which is the mark; repeat.

    ``COPY_VOCABULARY`` decodes the tokens. Everything before the answer is to be answered with
    blanks, which is easy: what counts is ``targets[:, -symbols:]``. Guessing a letter is right
    with probability ``COPY_CHANCE``, a loss of log 8 = 2.08 nats; ``copy_baseline`` is the mean
    over all steps.

    Args: rng, a numpy Generator; batch_size N; symbols, how many letters S; lag of at least 1.
    Returns: tokens, targets (N, T) int64 with T = lag + 2 S.
    Source: Hochreiter & Schmidhuber 1997, adapted; as here: Arjovsky, Shah, Bengio 2016.
    """
    N, S = check_size("batch_size", batch_size), check_size("symbols", symbols)
    T = check_size("lag", lag) + 2 * S
    blank, mark = COPY_VOCABULARY.encode(BLANK + MARK)
    tokens, targets = np.full((2, N, T), blank)
    tokens[:, :S] = targets[:, -S:] = rng.integers(len(COPY_LETTERS), size=(N, S))
    tokens[:, -S - 1] = mark
    return tokens, targets


def copy_baseline(symbols, lag):
    """Cross-entropy of copying without a memory: blanks for sure, then guesses. Nats per step.

    With 10 symbols this is the 10 log 8 / (lag + 20) of Arjovsky, Shah, Bengio 2016.
    """
    return symbols * float(np.log(len(COPY_LETTERS))) / (lag + 2 * symbols)


def adding(rng, batch_size, length):
    """Add the two numbers that carry a mark: one in the first half, one in the second.

    Numbers are uniform in [0, 1), marks 1 at two places and 0 elsewhere. Always answering 1,
    the mean, has the squared error ``ADDING_BASELINE``.

    Args: rng, a numpy Generator; batch_size N; length T of at least 2.
    Returns: x (N, T, 2) float32, number and mark; targets (N,) float32.
    Source: Hochreiter & Schmidhuber 1997, section 5.4; this variant, Arjovsky, Shah, Bengio 2016.
    """
    N, T = check_size("batch_size", batch_size), _check_whole("length", length, 2)
    numbers = rng.random((N, T), dtype=np.float32)
    rows, half = np.arange(N), T // 2
    first, second = rng.integers(half, size=N), rng.integers(half, T, size=N)
    marks = np.zeros((N, T), np.float32)
    marks[rows, first] = marks[rows, second] = 1
    return np.stack([numbers, marks], axis=-1), numbers[rows, first] + numbers[rows, second]
