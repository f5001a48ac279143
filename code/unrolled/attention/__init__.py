"""Chapter 10: attention."""

from unrolled.nn import check_mask


def check_memory(queries, memory, mask=None):
    """Return ``memory`` if queries (N, T, Q) can look at it, (N, S, K), through mask (N, S).

    Raises: ValueError if the shapes do not fit, or a row of the mask leaves nothing to look at.
    """
    if len(queries.shape) != 3 or len(memory.shape) != 3 or queries.shape[0] != memory.shape[0]:
        raise ValueError(
            "expected queries (N, T, Q) and a memory (N, S, K), got shapes "
            f"{tuple(queries.shape)} and {tuple(memory.shape)}"
        )
    if mask is not None:
        check_mask(mask, tuple(memory.shape[:2]))
        if not mask.any(1).all():
            raise ValueError("the mask of a row is False throughout: there is nothing to look at")
    return memory
