"""Chapter 9: one sequence in, another out."""


def half_of(hidden_size):
    """H/2, the size of each of two directions. Raises: ValueError if H is odd."""
    if hidden_size % 2:
        raise ValueError(f"two directions share hidden_size evenly, got an odd {hidden_size}")
    return hidden_size // 2
