"""Train, validation and test by the hash of what is to be generalized over.

The same item always falls into the same part, whatever else is in the data, in whatever order.
"""

import hashlib

PARTS = "train", "valid", "test"


def split_of(key, *, valid=0.1, test=0.1):
    """Which part an item belongs to. Args: key, a string; valid, test, fractions of all items.

    Returns: one of PARTS. Raises: ValueError if the fractions leave nothing to train on.
    """
    if not (valid >= 0 and test >= 0 and valid + test < 1):
        raise ValueError(f"valid and test are fractions with a sum below 1, got {valid} and {test}")
    place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) / 2**64  # in [0, 1)
    return "test" if place < test else "valid" if place < test + valid else "train"


def split_items(items, key=str, **fractions):
    """Divide items in three. Args: key(item) -> string; fractions as in ``split_of``.

    Returns: {part: list of items, in their order}.
    """
    parts = {part: [] for part in PARTS}
    for item in items:
        parts[split_of(key(item), **fractions)].append(item)
    return parts
