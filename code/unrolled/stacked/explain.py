"""Chapter 8: which letters moved a classifier's answer.

    gradient x input    s_t = sum over j of  x_tj * d log p / d x_tj              (8.7)
    occlusion           s_t = log p - log p without step t                        (8.8)

p is the probability of the answer; x_t what the lowest layer reads at step t, a row of the
embedding. (8.7) looks at the slope where the network stands; (8.8) takes a step, a large one.

Sources: Simonyan, Vedaldi, Zisserman 2014 (gradients); Shrikumar et al. 2017 (times the input);
Zeiler, Fergus 2014 (occlusion).
"""

import numpy as np

from unrolled.data.batches import PAD, check_lengths, pad
from unrolled.nn import one_hot, softmax


def numpy_gradient_input(model, tokens):
    """(8.7) for each letter, in nats. Args: model, a NumpyClassifier; tokens (N, T), padded.

    Returns: (N, T), 0 at padding; the answers (N,).
    """
    logits = model.forward(tokens)
    answers = logits.argmax(axis=1)
    dlogits = one_hot(answers, logits.shape[1], logits.dtype) - softmax(logits)  # of log p
    dhs = np.zeros(model.hs_shape, logits.dtype)
    dhs[:, -1] = model.readout.backward(dlogits)
    dx, _ = model.layer.backward(dhs)
    return (dx * model.embedding.E[tokens]).sum(axis=2), answers


def occlusion(logits_of, tokens):
    """(8.8) for each letter, in nats, of a model in any framework.

    Args: logits_of, tokens (N, T) -> logits (N, C), as an array; tokens (N, T), padded, each row
    of two letters or more. Returns: (N, T), 0 at padding; the answers (N,).
    Raises: ValueError if nothing would be left of a row.
    """
    lengths = check_lengths((tokens != PAD).sum(axis=1))
    if lengths.min() < 2:
        raise ValueError("a sequence of one letter has nothing left without it: expected two")
    rows = [(n, t) for n, length in enumerate(lengths) for t in range(length)]
    shorter, _ = pad([np.delete(tokens[n, : lengths[n]], t) for n, t in rows])
    before = np.log(softmax(logits_of(tokens)))
    answers, after = before.argmax(axis=1), np.log(softmax(logits_of(shorter)))
    moved = np.zeros(tokens.shape)
    for (n, t), log_p in zip(rows, after, strict=True):
        moved[n, t] = before[n, answers[n]] - log_p[answers[n]]
    return moved, answers
