"""Chapter 7: bidirectional networks, which read a sequence from both ends."""

MERGES = "concat", "sum"  # what becomes of the two states of a step


def check_merge(merge):
    """Return ``merge`` if it is one of MERGES, else raise ValueError."""
    if merge not in MERGES:
        raise ValueError(f"merge is one of {', '.join(MERGES)}, got {merge!r}")
    return merge


def check_steps(x):
    """Return ``x`` (N, T, D) if it has at least one step, else raise ValueError."""
    if x.shape[1] == 0:  # None in Keras: not known yet
        raise ValueError(f"x has shape {tuple(x.shape)}: expected at least one step")
    return x


def check_twins(forward_layer, backward_layer):
    """Return both layers if all their weights have the same names and shapes, else raise."""
    twins = forward_layer, backward_layer
    first, second = (
        {name: tuple(weight.shape) for name, weight in weights_of(layer)} for layer in twins
    )
    if first != second:
        raise ValueError(f"the two layers have unlike weights: {first} forward, {second} backward")
    if forward_layer is backward_layer:
        raise ValueError("one layer was given twice: the two directions have weights of their own")
    return twins


def weights_of(layer):
    """Name and array of each weight, in a layer of any framework."""
    if hasattr(layer, "params"):  # NumPy
        return layer.params.items()
    if hasattr(layer, "named_parameters") and not hasattr(layer, "trainable_variables"):
        return layer.named_parameters()
    return ((variable.name, variable) for variable in layer.trainable_variables)  # Keras
