"""Chapter 8: which letters moved a classifier's answer.

    lead                S   = y_a - mean of y over the classes,  a the answer     (8.7)
    gradient x input    s_t = sum over j of  x_tj * dS / dx_tj                    (8.8)
    occlusion           s_t = S - S without step t                                (8.9)

y are the logits; x_t is what the lowest layer reads at step t, a row of the embedding.
(8.8) looks at the slope where the network stands; (8.9) takes a step, a large one.

Sources: Simonyan, Vedaldi, Zisserman 2014 (gradients); Shrikumar et al. 2017 (times the input);
Zeiler, Fergus 2014 (occlusion).
"""

import numpy as np

from unrolled.data.batches import PAD, check_lengths, pad
from unrolled.nn import one_hot


def numpy_gradient_input(model, tokens):
    """(8.8) for each letter. Args: model, a NumpyClassifier; tokens (N, T), padded.

    Returns: (N, T), 0 at padding; the answers (N,).
    """
    logits = model.forward(tokens)
    answers = logits.argmax(axis=1)
    dlogits = one_hot(answers, logits.shape[1], logits.dtype) - 1 / logits.shape[1]  # of (8.7)
    dhs = np.zeros(model.hs_shape, logits.dtype)
    dhs[:, -1] = model.readout.backward(dlogits)
    dx, _ = model.layer.backward(dhs)
    return (dx * model.embedding.E[tokens]).sum(axis=2), answers


def occlusion(logits_of, tokens):
    """(8.9) for each letter, of a model in any framework.

    Args: logits_of, tokens (N, T) -> logits (N, C), as an array; tokens (N, T), padded, each row
    of two letters or more. Returns: (N, T), 0 at padding; the answers (N,).
    Raises: ValueError if nothing would be left of a row.
    """
    lengths = check_lengths((tokens != PAD).sum(axis=1))
    if lengths.min() < 2:
        raise ValueError("a sequence of one letter has nothing left without it: expected two")
    rows = [(n, t) for n, length in enumerate(lengths) for t in range(length)]
    shorter, _ = pad([np.delete(tokens[n, : lengths[n]], t) for n, t in rows])
    before, after = logits_of(tokens), logits_of(shorter)
    answers, moved = before.argmax(axis=1), np.zeros(tokens.shape)
    lead = before - before.mean(axis=1, keepdims=True)  # (8.7), for each class
    left = after - after.mean(axis=1, keepdims=True)
    for (n, t), row in zip(rows, left, strict=True):
        moved[n, t] = lead[n, answers[n]] - row[answers[n]]
    return moved, answers
