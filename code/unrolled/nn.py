"""NumPy building blocks that every chapter shares.

Tensors are batch first: tokens (N, T) integer, logits (N, T, V). Losses are in nats per token,
averaged over all N·T of them.
"""

import numpy as np


def check_size(name, value):
    """Return ``value`` if it is a whole number of at least 1, else raise ValueError."""
    if not isinstance(value, (int, np.integer)) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, got {value!r}")
    return int(value)


def check_positive(name, value):
    """Return ``value`` if it is a number above 0, else raise ValueError."""
    if not value > 0:
        raise ValueError(f"{name} must be positive, got {value!r}")
    return value


def check_tokens(tokens, vocab_size):
    """Return ``tokens`` as an array if all are integers in [0, vocab_size), else raise.

    Raises: ValueError for a token outside the vocabulary, TypeError for one that is no integer.
    """
    tokens = np.asarray(tokens)
    if not np.issubdtype(tokens.dtype, np.integer):
        raise TypeError(f"tokens must be integers, got dtype {tokens.dtype}")
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < vocab_size:
        outside = tokens[(tokens < 0) | (tokens >= vocab_size)][0]
        raise ValueError(f"token {outside} is outside the vocabulary of {vocab_size} symbols")
    return tokens


def check_shape(name, array, shape):
    """Return ``array`` if it has this shape, else raise ValueError."""
    if tuple(array.shape) != shape:
        raise ValueError(f"{name} has shape {tuple(array.shape)}, expected {shape}")
    return array


def check_state(name, state, shape, parts):
    """Return ``state`` if it is a tuple or list of so many arrays of this shape, else raise."""
    shapes = [tuple(part.shape) for part in state]
    if not isinstance(state, tuple | list) or shapes != [shape] * parts:
        raise ValueError(f"{name} has the shapes {shapes}, expected {parts} arrays of {shape}")
    return state


def check_mask(mask, shape):
    """Return ``mask`` if it is None, or booleans of this shape, else raise.

    Raises: TypeError for a mask that is not boolean, ValueError for one of another shape.
    """
    if mask is not None and str(mask.dtype).removeprefix("torch.") != "bool":
        raise TypeError(f"mask must be boolean, True for a real step, got dtype {mask.dtype}")
    return mask if mask is None else check_shape("mask", mask, shape)


def unless_skipped(mask, t, new, old):
    """What holds past step t: ``new`` (N, ...), but ``old`` in sequences whose mask is False.

    Args: mask (N, T), or None to skip nothing.
    """
    return new if mask is None else np.where(mask[:, t, None], new, old)


def one_hot(tokens, vocab_size, dtype=np.float32):
    """Turn each token into a row with a single 1.

    Args: tokens (...) integers in [0, vocab_size).
    Returns: (..., vocab_size) of the given dtype.
    Raises: ValueError for a token outside the vocabulary, TypeError for one that is no integer.
    """
    return np.eye(vocab_size, dtype=dtype)[check_tokens(tokens, vocab_size)]  # (..., V)


def sigmoid(z, out=None):
    """Squash each number into (0, 1): 1 / (1 + exp(-z)).

    Args: z (...); out, an array to write to, which may be z itself. Returns: (...).
    """
    out = np.negative(z, out=out)
    with np.errstate(over="ignore"):  # exp may be infinite: then the answer is 0, as it should be
        np.exp(out, out=out)
    out += 1
    return np.reciprocal(out, out=out)


def softmax(logits):
    """Turn scores into probabilities: positive, and summing to 1 over the last axis.

    Args: logits (..., V). Returns: (..., V).
    """
    # Subtracting the maximum changes no ratio and keeps exp from overflowing.
    exp = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return exp / exp.sum(axis=-1, keepdims=True)


def cross_entropy(logits, targets):
    """Mean surprise at the right answers, in nats per token: -log p(target).

    Args: logits (..., V); targets (...) integers. Returns: a scalar.
    Raises: ValueError if targets do not have the shape of logits without its last axis.
    """
    targets = np.asarray(targets)
    if targets.shape != logits.shape[:-1]:
        raise ValueError(f"targets have shape {targets.shape}, logits ask for {logits.shape[:-1]}")
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))  # (..., V)
    return -np.take_along_axis(log_p, targets[..., None], axis=-1).mean()


def cross_entropy_backward(logits, targets):
    """Gradient of the mean cross-entropy: (softmax(logits) - one_hot(targets)) / tokens.

    Args: logits (..., V); targets (...) integers. Returns: dlogits (..., V).
    """
    targets = np.asarray(targets)
    dlogits = softmax(logits) - one_hot(targets, logits.shape[-1], logits.dtype)
    return dlogits / targets.size


IGNORED = -1  # a target that is not to be scored: at padding, or where there is nothing to say


def check_targets(targets, classes):
    """Where targets are not ``IGNORED``, if at least one is not and all others are classes.

    Raises: ValueError for a target outside the classes, or if none counts; TypeError for one
    that is no integer. Returns: targets (...), scored (...) booleans.
    """
    targets = np.asarray(targets)
    if not np.issubdtype(targets.dtype, np.integer):
        raise TypeError(f"targets must be integers, got dtype {targets.dtype}")
    scored = targets != IGNORED
    if not scored.any():
        raise ValueError("no target is to be scored, expected at least one")
    for target in targets[scored & ((targets < 0) | (targets >= classes))]:
        raise ValueError(f"target {target} is none of the {classes} classes")
    return targets, scored


def masked_cross_entropy(logits, targets):
    """The cross-entropy of those places alone whose target counts, in nats.

    Args: logits (..., V); targets (...) integers, ``IGNORED`` where nothing is scored.
    Raises: ValueError if none counts, one is no class, or the shapes do not fit.
    """
    targets, scored = check_targets(targets, logits.shape[-1])
    check_shape("targets", targets, logits.shape[:-1])
    return cross_entropy(logits[scored], targets[scored])


def masked_cross_entropy_backward(logits, targets):
    """Gradient of ``masked_cross_entropy``: 0 where nothing is scored. Returns: (..., V)."""
    targets, scored = check_targets(targets, logits.shape[-1])
    check_shape("targets", targets, logits.shape[:-1])
    dlogits = np.zeros_like(logits)
    dlogits[scored] = cross_entropy_backward(logits[scored], targets[scored])
    return dlogits


class Linear:
    """y = x W + b, for any number of leading axes.

    Args: input_size D; output_size M; rng, a numpy Generator that draws the weights.
    """

    def __init__(self, input_size, output_size, *, rng, dtype=np.float32):
        D, M = check_size("input_size", input_size), check_size("output_size", output_size)
        self.W = rng.normal(0, D**-0.5, (D, M)).astype(dtype)
        self.b = np.zeros(M, dtype)

    def forward(self, x):
        """Args: x (..., D). Returns: y (..., M)."""
        if x.shape[-1] != len(self.W):
            raise ValueError(f"x has {x.shape[-1]} features, the layer was built for {len(self.W)}")
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        """Fill dW and db. Args: dy (..., M), the gradient in y. Returns: dx (..., D)."""
        x_rows, dy_rows = self.x.reshape(-1, len(self.W)), dy.reshape(-1, len(self.b))
        self.dW = x_rows.T @ dy_rows  # (D, M)
        self.db = dy_rows.sum(axis=0)
        return dy @ self.W.T


class Embedding:
    """A row of numbers for each token: one_hot(tokens) @ E, without the zeros.

    Args: vocab_size V; embedding_size D; rng, a numpy Generator that draws the rows.
    """

    def __init__(self, vocab_size, embedding_size, *, rng, dtype=np.float32):
        V = check_size("vocab_size", vocab_size)
        D = check_size("embedding_size", embedding_size)
        self.E = rng.normal(0, 1, (V, D)).astype(dtype)

    def forward(self, tokens):
        """Args: tokens (...) integers in [0, V). Returns: (..., D)."""
        self.tokens = check_tokens(tokens, len(self.E))
        return self.E[self.tokens]

    def backward(self, dx):
        """Fill dE: a row collects the gradients of all places that used it. Args: dx (..., D)."""
        self.dE = np.zeros_like(self.E)
        np.add.at(self.dE, self.tokens, dx)


class LayerNorm:
    """Give each row mean 0 and standard deviation 1, then a scale and a shift that are trained.

    y = gain * (x - mean) / sqrt(variance + epsilon) + shift, over the last axis.
    Args: size H. Source: Ba, Kiros, Hinton 2016, Layer normalization.
    """

    def __init__(self, size, *, epsilon=1e-5, dtype=np.float32):
        self.gain = np.ones(check_size("size", size), dtype)
        self.shift = np.zeros(size, dtype)
        self.epsilon = check_positive("epsilon", epsilon)

    def forward(self, x):
        """Args: x (..., H). Returns: y (..., H)."""
        if x.shape[-1] != len(self.gain):
            raise ValueError(
                f"x has {x.shape[-1]} features, the norm was made for {len(self.gain)}"
            )
        self.deviation = np.sqrt(x.var(axis=-1, keepdims=True) + self.epsilon)  # (..., 1)
        self.rows = (x - x.mean(axis=-1, keepdims=True)) / self.deviation
        return self.gain * self.rows + self.shift

    def backward(self, dy):
        """Fill dgain and dshift. Args: dy (..., H). Returns: dx (..., H)."""
        rows, leading = self.rows, tuple(range(dy.ndim - 1))
        self.dgain, self.dshift = (dy * rows).sum(axis=leading), dy.sum(axis=leading)
        drows = dy * self.gain
        # What would move a row's mean, or its deviation, has no effect: it is taken out.
        drows = drows - drows.mean(axis=-1, keepdims=True)
        return (drows - rows * (drows * rows).mean(axis=-1, keepdims=True)) / self.deviation


class Dropout:
    """In training, set numbers to 0 at random and enlarge the others, so that the mean stays.

    Args: rate, the share that is dropped, in [0, 1); rng, draws which; per_sequence, whether all
    steps of a sequence lose the same. Source: Srivastava et al. 2014.
    """

    def __init__(self, rate, *, rng=None, per_sequence=False):
        if not 0 <= rate < 1:
            raise ValueError(f"rate is a share in [0, 1), got {rate!r}")
        if rate and rng is None:
            raise ValueError(f"to drop a share of {rate} a generator rng is needed, got none")
        self.rate, self.rng, self.per_sequence = rate, rng, per_sequence

    def forward(self, x, training=False):
        """Args: x (N, T, H); training, False for the identity. Returns: (N, T, H)."""
        self.scale = None
        if not (training and self.rate):
            return x
        shape = (len(x), 1, *x.shape[2:]) if self.per_sequence else x.shape
        self.scale = (self.rng.random(shape) >= self.rate).astype(x.dtype) / (1 - self.rate)
        return x * self.scale

    def backward(self, dy):
        """Args: dy (N, T, H). Returns: dx, 0 where ``forward`` dropped."""
        return dy if self.scale is None else dy * self.scale


def numeric_gradient(loss, params, step=1e-5):
    """Gradient by central differences: nudge every number up and down, and see what happens.

    Costs two evaluations of the loss for each parameter, and wants float64.

    Args: loss() -> scalar, reads params; params {name: array}, nudged in place and restored.
    Returns: {name: array of the same shape}.
    """
    grads = {}
    for name, array in params.items():
        grads[name] = np.zeros_like(array)
        for i in np.ndindex(array.shape):
            value = array[i]
            array[i] = value + step
            above = loss()
            array[i] = value - step
            below = loss()
            array[i] = value
            grads[name][i] = (above - below) / (2 * step)
    return grads
