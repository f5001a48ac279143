"""Looking inside: how surprised the model is, and which of its cells a reader understands.

A feature is one number a character, computed from the text alone: what a reader knows who has
just read that character. A cell is one of the H numbers in the state. A search over H cells
finds a high correlation even in noise, so cells are picked on the first half of a text and
their correlation is measured on the second, which had no say in the choice.
"""

from typing import NamedTuple

import numpy as np

from unrolled.nn import check_tokens

MARKS = {
    "parentheses": ["()"],
    "square brackets": ["[]"],
    "curly braces": ["{}"],
    "double quotes": ['""', "“”"],
    "single quotes": ["''", "‘’"],
    "backquotes": ["``"],
}


def surprise(logits, targets):
    """Bits that each target costs under the model: -log2 p(target).

    Args: logits (T, V); targets (T,) integers in [0, V). Returns: (T,).
    Raises: ValueError if the shapes do not fit or a target is no token of the vocabulary.
    """
    logits, targets = np.asarray(logits, dtype=float), np.asarray(targets)
    if logits.ndim != 2 or targets.shape != logits.shape[:1]:
        raise ValueError(
            f"expected logits (T, V), targets (T,), got {logits.shape}, {targets.shape}"
        )
    check_tokens(targets, logits.shape[1])
    shifted = logits - logits.max(axis=1, keepdims=True)
    nats = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(targets)), targets]
    return nats / np.log(2)


def readable_features(text):
    """What a reader knows after each character: {name: (T,) numbers}.

    Truths are 0 or 1, places and lengths are counted in characters. A quotation, or what is in
    brackets, lasts from its opening mark to the character before its closing one.
    Raises: ValueError if there is no text.
    """
    if not text:
        raise ValueError("expected a text of at least one character, got none")
    column = indent = place = run = 0
    margin, fresh, previous = True, False, "\n"
    rows = []
    for character in text:
        line, word = character == "\n", character.isalnum() or character == "_"
        column = 0 if line else column + 1
        margin = line or (margin and character == " ")  # nothing but spaces in this line yet
        indent = column if margin else indent
        fresh = previous == "\n" if line else fresh  # the line before this one is blank
        place = place + 1 if word else 0
        run = run + 1 if character == previous else 1
        row = {
            "position in the line": column,
            "indentation of the line": indent,
            "before the line's first word": margin,
            "line after a blank line": fresh,
            "position in the word": place,
            "inside a word": word,
            "upper case": character.isupper(),
            "digit": character.isdigit(),
            "space or new line": character.isspace(),
            "punctuation": not (word or character.isspace()),
            "the same character again": run,
        }
        rows.append(list(row.values()))
        previous = character
    features = dict(zip(row, np.array(rows, dtype=float).T, strict=True))
    for name, pairs in MARKS.items():
        inside = [_inside(text, *pair) for pair in pairs]
        features[f"inside {name}"] = np.max(inside, axis=0).astype(float)
    return features


def _inside(text, opening, closing):
    """Whether each character lies within the marks; a blank line closes what is still open."""
    depth, previous, found = 0, "\n", []
    for character in text:
        if character == previous == "\n":
            depth = 0
        elif opening == closing == character:  # but an apostrophe within a word opens nothing
            depth = 0 if depth or previous.isalnum() else 1
        elif character == opening:
            depth += 1
        elif character == closing:
            depth = max(0, depth - 1)
        found.append(depth > 0)
        previous = character
    return np.array(found)


class Match(NamedTuple):
    """A feature, the cell that follows it best, and how well, from -1 to 1, on either half."""

    feature: str
    cell: int
    correlation: float  # on the second half, which did not choose the cell: the one to believe
    searched: float  # on the first half, the highest of H and flattered by that


def find_cells(hs, features):
    """Find, for each feature, the cell that goes with it: best on one half, measured on the other.

    Args: hs (T, H), a state after each character; features, {name: (T,)}.
    Returns: a list of Match, the strongest on the second half first. A feature that does not
    vary in both halves is left out; a cell that does not vary correlates with nothing.
    Raises: ValueError if the shapes do not fit, or T is below 4.
    """
    hs = np.asarray(hs, dtype=float)
    if hs.ndim != 2 or len(hs) < 4 or not hs.shape[1]:
        raise ValueError(f"expected hs (T, H) with T at least 4, got {hs.shape}")
    half = len(hs) // 2
    first, second = _standardized(hs[:half]), _standardized(hs[half:])
    matches = []
    for name, values in features.items():
        values = np.asarray(values, dtype=float)
        if values.shape != hs.shape[:1]:
            raise ValueError(f"expected {len(hs)} numbers for {name!r}, got {values.shape}")
        known, held_out = _standardized(values[:half]), _standardized(values[half:])
        if known.any() and held_out.any():
            searched = first.T @ known  # (H,)
            cell = int(np.abs(searched).argmax())
            measured = float(second[:, cell] @ held_out)
            matches.append(Match(name, cell, measured, float(searched[cell])))
    return sorted(matches, key=lambda match: -abs(match.correlation))


def _standardized(values):
    """Mean 0 and length 1 along time, or all 0 where nothing varies: dot products correlate."""
    values = values - values.mean(axis=0)
    length = np.linalg.norm(values, axis=0)
    varies = length > 1e-6 * len(values) ** 0.5
    return np.where(varies, values / np.where(varies, length, 1), 0)
