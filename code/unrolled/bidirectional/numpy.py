"""Chapter 7 in NumPy: two layers that read a sequence from both ends, and a tagger.

    R(x)_t   = x_{L+1-t} for t <= L,  x_t behind it                    (7.1)   L real steps
    hf       = layer forward (x)                                       (7.2)
    hb       = R(layer backward (R(x)))                                (7.3)
    h_t      = [hf_t, hb_t],  or hf_t + hb_t;  0 at padding            (7.4)
    y_t      = h_t W_hy + b_y                                          (7.5)

    dhf, dhb = the two halves of dh,  or dh twice;  0 at padding       (7.6)
    dx       = dx of the forward layer + R(dx of the backward layer)   (7.7)

| symbol             | shape                | meaning                                          |
|--------------------|----------------------|--------------------------------------------------|
| R                  |                      | reversal within the true length; undoes itself   |
| hf, hb             | (N, T, H)            | states of the layers, each at the step it read   |
| h                  | (N, T, 2H), (N, T, H)| concatenated; summed                             |
| W_xh_reverse, ...  | as without           | weights of the backward layer                    |

Source: Schuster & Paliwal 1997; as two LSTMs, Graves & Schmidhuber 2005.
"""

import numpy as np

from unrolled.bidirectional import check_merge, check_steps, check_twins
from unrolled.data.batches import PAD
from unrolled.nn import check_mask


def numpy_reverse(x, mask=None):
    """R of (7.1): the real steps of each row in reverse order; the others stay where they are.

    Args: x (N, T, ...); mask (N, T), True where a step is real; None if all are.
    """
    if mask is None:
        return x[:, ::-1]
    T = mask.shape[1]
    real_first = np.argsort(np.where(mask, 0, T) + np.arange(T), axis=1)  # (N, T)
    rank = np.cumsum(mask, axis=1) - 1  # of a real step, among the real ones of its row
    mirrored = np.take_along_axis(real_first, mask.sum(axis=1, keepdims=True) - 1 - rank, axis=1)
    source = np.where(mask, mirrored, np.arange(T))
    return x[np.arange(len(x))[:, None], source]


class NumpyBidirectional:
    """Two layers read from both ends, (7.1) to (7.4), and each step gets what both know.

    Args: forward_layer, backward_layer, two of one kind and size that take a mask; merge,
    "concat" or "sum". Source: Schuster & Paliwal 1997.
    """

    def __init__(self, forward_layer, backward_layer, merge="concat"):
        self.layers = check_twins(forward_layer, backward_layer)
        self.merge = check_merge(merge)
        mirrored = {f"{name}_reverse": value for name, value in backward_layer.params.items()}
        self.params = forward_layer.params | mirrored

    def init_state(self, batch_size):
        """Nothing remembered yet, at either end. Returns: the states of both layers."""
        return tuple(layer.init_state(batch_size) for layer in self.layers)

    def forward(self, x, state=None, mask=None):
        """All steps. Args: x (N, T, D); state, a pair; mask (N, T), False to skip a step.

        Returns: hs (N, T, 2H) or (N, T, H); the states after the last step of each layer, which
        for the backward one is the first of the sequence.
        """
        self.mask = check_mask(mask, check_steps(x).shape[:2])
        ahead, back = self.layers
        start, end = self.init_state(len(x)) if state is None else state
        hf, last = ahead.forward(x, start, mask)
        hb, first = back.forward(numpy_reverse(x, mask), end, mask)
        both = hf, numpy_reverse(hb, mask)
        hs = np.concatenate(both, axis=-1) if self.merge == "concat" else sum(both)
        return self.blank(hs), (last, first)

    def backward(self, dhs, dstate=None):
        """Fill ``grads``, by (7.6) and (7.7), for the last ``forward``.

        Args: dhs, as hs; dstate, a pair, that in the last states, from what came after.
        Returns: dx (N, T, D), dstate before the first step of each layer.
        """
        (ahead, back), dhs = self.layers, self.blank(dhs)
        dlast, dfirst = self.init_state(len(dhs)) if dstate is None else dstate
        dhf, dhb = np.split(dhs, 2, axis=-1) if self.merge == "concat" else (dhs, dhs)
        dx, dstart = ahead.backward(dhf, dlast)
        dx_reversed, dend = back.backward(numpy_reverse(dhb, self.mask), dfirst)
        mirrored = {f"{name}_reverse": grad for name, grad in back.grads.items()}
        self.grads = ahead.grads | mirrored
        return dx + numpy_reverse(dx_reversed, self.mask), (dstart, dend)

    def blank(self, hs):
        """Zeros at padding, as in both libraries."""
        return hs if self.mask is None else hs * self.mask[..., None]


class NumpyTagger:
    """Many to many in step, (7.5): an answer at every step. Tokens that are PAD are skipped.

    Args: embedding, an Embedding; layer, any that takes a mask; readout, a Linear.
    """

    def __init__(self, embedding, layer, readout):
        self.embedding, self.layer, self.readout = embedding, layer, readout
        self.params = {"E": embedding.E, **layer.params, "W_hy": readout.W, "b_y": readout.b}

    def forward(self, tokens):
        """Args: tokens (N, T), padded with PAD. Returns: logits (N, T, C)."""
        hs, _ = self.layer.forward(self.embedding.forward(tokens), mask=tokens != PAD)
        return self.readout.forward(hs)

    def backward(self, dlogits):
        """Fill ``grads`` for the last ``forward``. Args: dlogits (N, T, C)."""
        dx, _ = self.layer.backward(self.readout.backward(dlogits))
        self.embedding.backward(dx)
        self.grads = {"E": self.embedding.dE, **self.layer.grads}
        self.grads |= {"W_hy": self.readout.dW, "b_y": self.readout.db}
