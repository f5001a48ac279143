"""Chapter 6 in NumPy: one answer a sequence, one sequence an answer, and unequal lengths.

    mask          m_t = 1: h_t as ever;   m_t = 0: h_t = h_{t-1}                      (6.1)
    many to one   h_1 ... h_T read x_1 ... x_T;   y = h_T W_hy + b_y                  (6.2)
    one to many   h_t reads [x, e_{t-1}]: the one thing, and what was said last       (6.5)

By (6.1) the state goes past padding as it is, so the last of all states is that of the last real
step, and the gradient that comes back from there skips the padding too.
"""

import numpy as np

from unrolled.data.batches import PAD
from unrolled.nn import masked_cross_entropy, masked_cross_entropy_backward
from unrolled.optim import clip_by_norm


class NumpyClassifier:
    """Many to one, (6.2): read a sequence, answer once, from the state after its last real step.

    Args: embedding, an Embedding, or None if the inputs are vectors; layer, any recurrent layer
    that takes a mask; readout, a Linear.
    """

    def __init__(self, embedding, layer, readout):
        self.embedding, self.layer, self.readout = embedding, layer, readout
        self.params = {**layer.params, "W_hy": readout.W, "b_y": readout.b}
        if embedding is not None:
            self.params = {"E": embedding.E} | self.params

    def forward(self, inputs, mask=None):
        """Args: tokens (N, T), padded with PAD; or vectors (N, T, D) and a mask (N, T).

        Returns: logits (N, C).
        """
        if self.embedding is not None:
            inputs, mask = self.embedding.forward(inputs), inputs != PAD
        hs, _ = self.layer.forward(inputs, mask=mask)
        self.hs_shape = hs.shape
        return self.readout.forward(hs[:, -1])  # carried there past the padding

    def backward(self, dlogits):
        """Fill ``grads`` for the last ``forward``. Args: dlogits (N, C)."""
        dhs = np.zeros(self.hs_shape, dlogits.dtype)
        dhs[:, -1] = self.readout.backward(dlogits)
        dx, _ = self.layer.backward(dhs)
        self.grads = {**self.layer.grads, "W_hy": self.readout.dW, "b_y": self.readout.db}
        if self.embedding is not None:
            self.embedding.backward(dx)
            self.grads["E"] = self.embedding.dE


class NumpyNamer:
    """One to many, (6.5): one vector is given, and its name is told letter by letter.

    Args: embedding, an Embedding of D; layer, recurrent, from G + D inputs; readout, a Linear.
    """

    def __init__(self, embedding, layer, readout):
        self.embedding, self.layer, self.readout = embedding, layer, readout
        self.params = {"E": embedding.E, **layer.params, "W_hy": readout.W, "b_y": readout.b}

    def forward(self, given, tokens):
        """Args: given (N, G); tokens (N, T), the letter before each one that is to be told.

        Returns: logits (N, T, V).
        """
        e = self.embedding.forward(tokens)
        given = np.broadcast_to(given[:, None], (*tokens.shape, given.shape[-1]))
        x = np.concatenate([given.astype(e.dtype), e], axis=2)  # (N, T, G + D)
        hs, _ = self.layer.forward(x)
        return self.readout.forward(hs)

    def backward(self, dlogits):
        """Fill ``grads`` for the last ``forward``. Args: dlogits (N, T, V)."""
        dx, _ = self.layer.backward(self.readout.backward(dlogits))
        self.embedding.backward(dx[..., -self.embedding.E.shape[1] :])
        self.grads = {"E": self.embedding.dE, **self.layer.grads}
        self.grads |= {"W_hy": self.readout.dW, "b_y": self.readout.db}


def numpy_names(model, given, *, start, steps):
    """Tell names, always the likeliest letter next. Args: given (N, G); start, the first token.

    Returns: tokens (N, steps).
    """
    told = np.full((len(given), 1), start)
    for _ in range(steps):
        logits = model.forward(given, told)[:, -1]  # of the next letter
        told = np.append(told, logits.argmax(axis=1)[:, None], axis=1)
    return told[:, 1:]


def numpy_epoch(model, batches, optimizer, *, clip):
    """Go once through the batches.

    Args: batches of (*inputs, targets); targets are IGNORED where nothing is scored; clip, the
    largest norm of a gradient. Returns: the loss of each batch before its update, in nats.
    """
    losses = []
    for *inputs, targets in batches:
        logits = model.forward(*inputs)
        losses.append(float(masked_cross_entropy(logits, targets)))
        model.backward(masked_cross_entropy_backward(logits, targets))
        clip_by_norm(model.grads, clip)
        optimizer.step(model.grads)
    return losses
