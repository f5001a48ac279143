"""Chapter 6 in Keras: sequences of unequal length.

    many to one   h_1 ... h_T read x_1 ... x_T;   y = h_T W_hy + b_y                  (6.1)
    mask          m_t = 1: h_t as ever;   m_t = 0: h_t = h_{t-1}                      (6.3)

In Keras the classifier is no class: ``Sequential([Embedding(..., mask_zero=True), GRU, Dense])``,
or with ``Masking`` where the inputs are vectors. The mask travels from layer to layer by itself.
"""

import numpy as np

from unrolled.nn import IGNORED


def keras_epoch(model, batches):
    """Go once through the batches, whatever their lengths.

    Args: model, compiled with an optimizer and ``SparseCategoricalCrossentropy(from_logits=True,
    reduction="mean_with_sample_weight")``; batches of (inputs, targets), as in ``numpy_epoch``.
    Returns: the loss of each batch before its update, in nats.
    """
    losses = []
    for inputs, targets in batches:
        scored = targets != IGNORED
        model.reset_metrics()  # what is returned is the mean since then
        losses.append(
            model.train_on_batch(
                inputs, np.where(scored, targets, 0), sample_weight=scored.astype("float32")
            )
        )
    return [float(loss) for loss in losses]
