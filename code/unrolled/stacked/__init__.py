"""Chapter 8: recurrent layers on top of each other."""

NORMS = "before", "after"  # where a stack normalizes: what a layer reads, or what it hands on


def check_stack(sizes, residual, norm):
    """Return ``sizes`` if layers of these sizes fit on top of each other, else raise ValueError.

    Args: sizes, (D, H) of each layer, the lowest first; residual, whether those from the second
    on add to what they read; norm, None or one of NORMS.
    """
    if not sizes:
        raise ValueError("a stack needs at least one layer, got none")
    if norm is not None and norm not in NORMS:
        raise ValueError(f"norm is None or one of {', '.join(NORMS)}, got {norm!r}")
    for k, ((_, shown), (read, own)) in enumerate(zip(sizes, sizes[1:], strict=False), start=1):
        if read != shown:
            raise ValueError(
                f"layer {k} reads {read} numbers, layer {k - 1} below it shows {shown}"
            )
        if residual and own != read:
            raise ValueError(
                f"layer {k} shows {own} numbers and reads {read}: with a residual connection they "
                "are added, so both must be equal"
            )
    return sizes


def check_layer_states(name, states, layers):
    """Return ``states`` as a list, one for each layer; no states are so many None.

    Raises: ValueError if there are more or fewer, or it is one array rather than a list.
    """
    if states is None:
        return [None] * layers
    if not isinstance(states, list | tuple) or len(states) != layers:
        got = len(states) if isinstance(states, list | tuple) else type(states).__name__
        raise ValueError(f"{name} is a list with one state for each of {layers} layers, got {got}")
    return list(states)
