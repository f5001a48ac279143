"""Answers to 06-shapes in Keras: masks in place of loops over rows."""

# %% pool
from keras import ops


def pool(hs, mask):
    """One vector a sequence. Args: hs (N, T, H); mask (N, T). Returns: (N, H)."""
    hs, real, m, before, behind = read_mask(hs, mask)
    top, a, w = read_states(hs, real, m, behind)
    p = {
        "max": top,
        "smooth": top
        + ops.log(
            ops.maximum(ops.sum(m * ops.exp((hs - top[:, None]) * m), axis=1), 1e-30)
            / ops.maximum(ops.sum(m, axis=1), 1)
        ),
        "boltzmann": ops.sum(a * hs, axis=1),
        "recent": ops.sum(w * hs, axis=1),
        "ends": ops.sum(m * hs * (ones(before == 0, hs) + ones(behind == 0, hs)), axis=1),
    }["{{pool}}"]
    return ops.where(ops.any(real, axis=1), p, ops.zeros_like(p))


def ones(condition, like):
    """1 where the condition holds, in the dtype of like."""
    return ops.cast(condition, like.dtype)


def read_mask(hs, mask):
    """States without padding; the mask, (N, T, 1); real steps before, and behind, each step."""
    hs, real = ops.convert_to_tensor(hs), ops.expand_dims(ops.convert_to_tensor(mask), 2)
    hs = ops.where(real, hs, ops.zeros_like(hs))
    m = ones(real, hs)
    before = ops.cumsum(m, axis=1) - m
    return hs, real, m, before, ops.sum(m, axis=1, keepdims=True) - before - m


def read_states(hs, real, m, behind):
    """The largest state (N, H), the softmax over real steps, and weights that fade backward."""
    top = ops.max(ops.where(real, hs, ops.full_like(hs, -1e30)), axis=1)
    top = ops.where(ops.any(real, axis=1), top, ops.zeros_like(top))
    e = m * ops.exp((hs - top[:, None]) * m)
    w = m * ops.power(ops.full_like(m, 0.8), behind)
    a, w = (each / ops.maximum(ops.sum(each, axis=1, keepdims=True), 1e-30) for each in (e, w))
    return top, a, w


# %% pool-back
def pool_backward(dpooled, hs, mask):
    """Gradient through pool. Returns: dhs (N, T, H)."""
    dpooled = ops.expand_dims(ops.convert_to_tensor(dpooled), 1)
    hs, real, m, before, behind = read_mask(hs, mask)
    top, a, w = read_states(hs, real, m, behind)
    slope = {
        "max": ones(hs == top[:, None], hs),
        "smooth": a,
        "boltzmann": a * (1 + hs - ops.sum(a * hs, axis=1, keepdims=True)),
        "recent": w,
        "ends": ones(before == 0, hs) + ones(behind == 0, hs),
    }["{{pool}}"]
    return m * slope * dpooled


# %% loss
def loss(logits, targets):
    """Your loss in nats, a number. Args: logits (N, T, V); targets (N, T), -1 where unscored."""
    logits = ops.convert_to_tensor(logits)
    own = ops.sum(ops.log_softmax(logits, axis=2) * one_hot_targets(logits, targets), axis=2)
    return -ops.sum(token_weights(targets, logits.dtype) * own)


def loss_backward(logits, targets):
    """Gradient of loss. Returns: dlogits (N, T, V)."""
    logits = ops.convert_to_tensor(logits)
    weights = ops.expand_dims(token_weights(targets, logits.dtype), 2)
    return weights * (ops.softmax(logits, axis=2) - one_hot_targets(logits, targets))


def one_hot_targets(logits, targets):
    """Returns: (N, T, V), a row of zeros where a target is not scored."""
    return ops.one_hot(ops.convert_to_tensor(targets), logits.shape[2], dtype=logits.dtype)


def token_weights(targets, dtype):
    """What each target counts in the loss, 0 where it is not scored. Returns: (N, T)."""
    scored = ops.cast(ops.convert_to_tensor(targets) >= 0, dtype)
    lengths = ops.sum(scored, axis=1, keepdims=True)
    M = ops.maximum(ops.sum(ops.cast(lengths > 0, dtype)), 1)
    L = ops.maximum(lengths, 1)
    return {
        "sequence": scored / L / M,
        "root": scored / ops.sqrt(L) / M,
        "late": scored * 2 * ops.cumsum(scored, axis=1) / (L * (L + 1)) / M,
        "mixed": scored / (2 * ops.maximum(ops.sum(scored), 1)) + scored / (2 * L * M),
    }["{{loss}}"]


# %% read
def read_packed(data, batch_sizes, W_xh, W_hh, b_h):
    """Read a packed batch. Returns: hs (sum of lengths, H), last (N, H)."""
    data, W_xh, W_hh, b_h = (ops.convert_to_tensor(array) for array in (data, W_xh, W_hh, b_h))
    sizes = [int(size) for size in batch_sizes]
    h, hs, at = ops.zeros((max(sizes), b_h.shape[0]), dtype=data.dtype), [], 0
    for size in sizes:
        x_t = data[at : at + size]
        now = ops.tanh(ops.matmul(x_t, W_xh) + ops.matmul(h[:size], W_hh) + b_h)
        h = ops.concatenate([now, h[size:]], axis=0)
        hs.append(now)
        at += size
    return ops.concatenate(hs, axis=0), h
