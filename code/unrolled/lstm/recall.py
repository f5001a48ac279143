"""Chapter 4: train any NumPy layer to remember one letter, and see how far back it can.

The task is ``unrolled.data.lags.recall``: the first letter is due at the last step. The layer gets
a readout, which sees the last state alone.
"""

import numpy as np

from unrolled.data.lags import RECALL_VOCABULARY, recall
from unrolled.nn import Linear, cross_entropy_backward
from unrolled.optim import Adam, clip_by_norm


def numpy_recall(layer, lag, *, learning_rate, updates, rng):
    """Train a layer (9 inputs) on recall with 64 fresh sequences an update; stop when it has it.

    Every fifty updates it answers the same 500 sequences, which it has therefore read last.
    Returns: how many updates it took; the share of the 500 that it got right.
    """
    V = len(RECALL_VOCABULARY)
    one_hot, (valid, wanted) = np.eye(V, dtype=np.float32), recall(rng, 500, lag)
    readout = Linear(len(layer.params["W_hh"]), V, rng=rng)
    optimizer = Adam({**layer.params, "W": readout.W, "b": readout.b}, learning_rate)
    for update in range(1, updates + 1):
        tokens, targets = recall(rng, 64, lag)
        hs, _ = layer.forward(one_hot[tokens])
        dlogits = cross_entropy_backward(readout.forward(hs[:, -1]), targets)
        dhs = np.zeros_like(hs)
        dhs[:, -1] = readout.backward(dlogits)
        layer.backward(dhs)
        grads = {**layer.grads, "W": readout.dW, "b": readout.db}
        clip_by_norm(grads, 1.0)
        optimizer.step(grads)
        if update % 50 == 0 or update == updates:
            hs, _ = layer.forward(one_hot[valid])
            right = (readout.forward(hs[:, -1]).argmax(axis=1) == wanted).mean()
            if right >= 0.95:
                break
    return update, right
