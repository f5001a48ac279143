"""The embedded Reber grammar: strings whose last letter but one repeats their second.

    GRAMMAR     B T S S X X V V E      from state to state, at most of them one of two letters
    embedded    B T  BTSSXXVVE  T E    such a string, between the same letter twice: T or P

To know the letter that follows the inner string, a network has to remember the one before it,
over all that stands between: at least five letters, and as many as chance will have it.

Source: Reber 1967; embedded: Hochreiter & Schmidhuber 1997, Long short-term memory, section 5.1.
"""

import zlib

import numpy as np

from unrolled.data.text import Vocabulary
from unrolled.nn import check_shape, check_size

REBER_VOCABULARY = Vocabulary("BTPSXVE")
OUTER = "TP"
OUTER_CHANCE = 1 / len(OUTER)  # accuracy of a guess at the last letter but one
GRAMMAR = {  # state: {letter: the state after it}
    "start": {"B": "fork"},
    "fork": {"T": "upper", "P": "lower"},
    "upper": {"S": "upper", "X": "middle"},
    "lower": {"T": "lower", "V": "crossing"},
    "middle": {"X": "lower", "S": "exit"},
    "crossing": {"P": "middle", "V": "exit"},
    "exit": {"E": "end"},
    "end": {},
}
SPLITS = "valid", "test"  # a fifth of all inner strings each; those of "train" are the rest


def embed(grammar):
    """Put a grammar between two letters that are the same. Returns: a grammar."""
    embedded = {"first": {"B": "second"}, "second": {outer: (outer, "start") for outer in OUTER}}
    for outer in OUTER:  # a copy of the grammar for each, or the letter would be forgotten
        for state, arrows in grammar.items():
            embedded[outer, state] = {letter: (outer, to) for letter, to in arrows.items()}
        embedded[outer, "end"] = {outer: "last"}
    return embedded | {"last": {"E": "after"}, "after": {}}


EMBEDDED = embed(GRAMMAR)


def legal_next(text):
    """The letters that may follow the beginning of an embedded string: "B" -> "TP".

    Raises: ValueError if the text does not begin any string of the grammar.
    """
    state = "first"
    for i, letter in enumerate(text):
        if letter not in EMBEDDED[state]:
            raise ValueError(f"{letter!r} cannot follow {text[:i]!r}: {legal_next(text[:i])!r} can")
        state = EMBEDDED[state][letter]
    return "".join(EMBEDDED[state])


def inner_string(rng):
    """A string of GRAMMAR; where two letters may follow, each is as likely."""
    text, state = "", "start"
    while arrows := list(GRAMMAR[state].items()):
        letter, state = arrows[rng.integers(len(arrows))]
        text += letter
    return text


def split_of(inner):
    """The split to which an inner string belongs, whatever letter stands around it."""
    fifth = zlib.crc32(inner.encode()) % 5  # the same wherever and whenever it is computed
    return SPLITS[fifth] if fifth < len(SPLITS) else "train"


def reber(rng, batch_size, split="train", *, distinct=False):
    """Read an embedded string letter by letter, and say at each which one comes next.

    ``REBER_VOCABULARY`` decodes the tokens. No inner string is in two splits.

    Args: rng, a numpy Generator; batch_size N; split, "train", "valid" or "test"; distinct,
    whether no inner string may come twice, which makes for longer ones.
    Returns: tokens, targets (N, T) int64, padded at the end; mask (N, T), True before; legal
    (N, T, 7), True for each letter that may come next.
    """
    N = check_size("batch_size", batch_size)
    if split not in ("train", *SPLITS):
        raise ValueError(f"split must be 'train', 'valid' or 'test', got {split!r}")
    inners = []
    while len(inners) < N:
        inner = inner_string(rng)
        if split_of(inner) == split and not (distinct and inner in inners):
            inners.append(inner)
    outers = [OUTER[i] for i in rng.integers(len(OUTER), size=N)]
    texts = [f"B{outer}{inner}{outer}E" for outer, inner in zip(outers, inners, strict=True)]
    T = max(map(len, texts)) - 1
    tokens, targets = np.zeros((2, N, T), np.int64)
    mask, legal = np.zeros((N, T), bool), np.zeros((N, T, len(REBER_VOCABULARY)), bool)
    for row, text in enumerate(texts):
        letters, state = REBER_VOCABULARY.encode(text), "first"
        steps = len(text) - 1
        tokens[row, :steps], targets[row, :steps] = letters[:-1], letters[1:]
        mask[row, :steps] = True
        for t, letter in enumerate(text[:-1]):
            state = EMBEDDED[state][letter]
            legal[row, t, REBER_VOCABULARY.encode(list(EMBEDDED[state]))] = True
    return tokens, targets, mask, legal


def strings_right(logits, mask, legal):
    """Where the legal letters, and no others, score highest at every step of a string.

    Args: logits, legal (N, T, 7); mask (N, T). Returns: (N,) bool.
    """
    check_shape("logits", logits, legal.shape)
    lowest_legal = np.where(legal, logits, np.inf).min(axis=-1)  # (N, T)
    highest_other = np.where(legal, -np.inf, logits).max(axis=-1)
    return ((lowest_legal > highest_other) | ~mask).all(axis=1)


def outer_right(logits, mask, targets):
    """Where the last letter but one outranks the other that it could have been, T or P.

    Args: logits (N, T, 7); mask, targets (N, T). Returns: (N,) bool.
    """
    check_shape("logits", logits, (*targets.shape, len(REBER_VOCABULARY)))
    rows, steps = np.arange(len(logits)), mask.sum(axis=1) - 2  # the last real target is the E
    T, P = REBER_VOCABULARY.encode(OUTER)
    score_T, score_P = logits[rows, steps, T], logits[rows, steps, P]
    return np.where(targets[rows, steps] == T, score_T > score_P, score_P > score_T)
