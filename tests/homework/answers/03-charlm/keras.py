"""The answers of 03-charlm in Keras."""

from keras import ops


# %% loss
def loss_and_gradient(logits, targets, mask):
    """Your loss, a mean over the real places, and its gradient.

    Args: logits (N, T, V); targets (N, T), integers in [0, V); mask (N, T), True where real.
    Returns: loss, a number; dlogits (N, T, V).
    """
    logits, mask = ops.cast(logits, "float32"), ops.cast(mask, "float32")
    V, weight = logits.shape[-1], float("{{strength}}")
    log_p = ops.log_softmax(logits, axis=-1)
    right = ops.one_hot(targets, V, dtype="float32")
    p, log_pc = ops.exp(log_p), ops.sum(log_p * right, axis=-1)
    pc, real = ops.exp(log_pc), ops.maximum(ops.sum(mask), 1)
    if "{{loss}}" == "unigram":
        u = ops.sum(right * mask[..., None], axis=(0, 1)) / real
        q = (1 - weight) * right + weight * u
        each, dlogits = -ops.sum(q * log_p, axis=-1), p - q
    elif "{{loss}}" == "penalty":
        H = -ops.sum(p * log_p, axis=-1)
        each = -log_pc - weight * H
        dlogits = p - right + weight * p * (log_p + H[..., None])
    else:
        if "{{loss}}" == "focal":
            far = 1 - pc
            each = -(far**weight) * log_pc
            slope = weight * far ** (weight - 1) * pc * log_pc - far**weight
        elif "{{loss}}" == "power":
            each, slope = (1 - pc**weight) / weight, -(pc**weight)
        else:
            mixed = (1 - weight) * pc + weight / V
            each, slope = -ops.log(mixed), -(1 - weight) * pc / mixed
        dlogits = slope[..., None] * (right - p)
    return ops.sum(each * mask) / real, dlogits * mask[..., None] / real


# %% narrow
def narrow(logits, temperature):
    """The distributions to draw from, by your rule.

    Args: logits (N, V); temperature, a number above 0.
    Returns: probabilities (N, V); every row sums to 1.
    """
    logits, level = ops.cast(logits, "float32"), float("{{level}}")
    plain, heated = ops.softmax(logits, axis=1), ops.softmax(logits / temperature, axis=1)
    p, log_p = heated, ops.log_softmax(logits / temperature, axis=1)
    if "{{heat}}" == "after":
        p, log_p = plain, ops.log_softmax(logits, axis=1)
    top = ops.max(p, axis=1, keepdims=True)
    entropy = -ops.sum(p * log_p, axis=1, keepdims=True)
    if "{{rule}}" == "typical":
        order = ops.argsort(ops.abs(-log_p - entropy), axis=1)
        mass = ops.take_along_axis(p, order, axis=1)
        early = ops.cumsum(mass, axis=1) - mass < level
        keep = ops.take_along_axis(early, ops.argsort(order, axis=1), axis=1)
    else:
        keep = (
            p
            >= {
                "min-p": level * top,
                "top-a": level * top**2,
                "eta": ops.minimum(level, level**0.5 * ops.exp(-entropy)),
                "epsilon": level,
            }["{{rule}}"]
        )
    keep = ops.logical_or(keep, p == top)
    kept = ops.where(keep, plain if "{{heat}}" == "cut" else heated, 0.0)
    return kept / ops.sum(kept, axis=1, keepdims=True)
