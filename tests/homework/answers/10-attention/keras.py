"""Answers to 10-attention in Keras."""

# %% attend
from keras import ops


def attend(queries, keys, values, mask, W_a, beta):
    """Look at what the window shows, each place as much as it fits."""
    arrays = queries, keys, values, W_a
    queries, keys, values, W_a = (ops.convert_to_tensor(array, "float32") for array in arrays)
    keys, values = (ops.where(mask[:, :, None], array, 1.0) for array in (keys, values))
    q, k = (queries @ W_a)[:, :, None], keys[:, None]
    fit = {
        "distance": lambda: -ops.sum((q - k) ** 2, axis=-1),
        "cosine": lambda: ops.sum(ops.normalize(q, axis=-1) * ops.normalize(k, axis=-1), axis=-1),
        "clipped": lambda: ops.tanh(ops.sum(q * k, axis=-1)),
        "manhattan": lambda: -ops.sum(ops.abs(q - k), axis=-1),
    }["{{score}}"]()
    e = beta * fit
    apart = ops.arange(e.shape[1])[:, None] - ops.arange(e.shape[2])  # t - j
    window = {
        "near": ops.logical_and(apart >= 0, apart <= 2),
        "center": ops.abs(apart) <= 2,
        "ahead": apart <= 0,
        "stride": apart % 2 == 0,
    }["{{window}}"]
    seen = ops.logical_and(window, ops.convert_to_tensor(mask)[:, None])

    def softmax(z):
        return ops.where(seen, ops.softmax(ops.where(seen, z, -1e30), axis=-1), 0.0)

    def null(z):
        z = ops.pad(ops.where(seen, z, -1e30), ((0, 0), (0, 0), (0, 1)))  # with a score of 0
        return ops.where(seen, ops.softmax(z, axis=-1)[..., :-1], 0.0)

    def sparsemax(z):
        z = ops.where(seen, z, -1e6)
        z = z - ops.max(z, axis=-1, keepdims=True)
        z = ops.maximum(z, -2.0)  # what is 1 below the largest has no weight anyway
        down = -ops.sort(-z, axis=-1)
        counts = ops.arange(1, z.shape[-1] + 1, dtype="float32")
        taus = (ops.cumsum(down, axis=-1) - 1) / counts
        above = ops.cast(down > taus, "float32")
        total = ops.sum(down * above, axis=-1, keepdims=True)
        tau = (total - 1) / ops.sum(above, axis=-1, keepdims=True)
        return ops.where(seen, ops.relu(z - tau), 0.0)

    def taylor(z):
        f = ops.where(seen, 1 + z + z**2 / 2, 0.0)
        return f / ops.maximum(ops.sum(f, axis=-1, keepdims=True), 1e-30)

    weights = {
        "sparsemax": sparsemax,
        "sigmoid": lambda z: softmax(ops.log_sigmoid(z)),
        "null": null,
        "taylor": taylor,
    }["{{norm}}"](e)
    return weights @ values, weights


# %% back
def attend_backward(dcontexts, queries, keys, values, mask, W_a, beta):
    """Find all gradients of a loss whose gradient in the contexts is dcontexts."""
    _, a = attend(queries, keys, values, mask, W_a, beta)
    arrays = dcontexts, queries, keys, values, W_a
    arrays = [ops.convert_to_tensor(array, "float32") for array in arrays]
    dcontexts, queries, keys, values, W_a = arrays
    keys, values = (ops.where(mask[:, :, None], array, 1.0) for array in (keys, values))

    def total(x, axis=-1):
        return ops.sum(x, axis=axis, keepdims=True)

    q, k = (queries @ W_a)[:, :, None], keys[:, None]
    near, dot = q - k, total(q * k)
    q_norm, k_norm = ops.sqrt(total(q**2)), ops.sqrt(total(k**2))
    slope = 1 - ops.tanh(dot) ** 2
    fit, by_q, by_k = {  # the fit (N, T, S, 1), and what it changes by
        "distance": lambda: (-total(near**2), -2 * near, 2 * near),
        "cosine": lambda: (
            dot / (q_norm * k_norm),
            k / (q_norm * k_norm) - dot * q / (q_norm**3 * k_norm),
            q / (q_norm * k_norm) - dot * k / (q_norm * k_norm**3),
        ),
        "clipped": lambda: (ops.tanh(dot), slope * k, slope * q),
        "manhattan": lambda: (-total(ops.abs(near)), -ops.sign(near), ops.sign(near)),
    }["{{score}}"]()
    e, da = beta * fit[..., 0], dcontexts @ ops.swapaxes(values, 1, 2)
    some, tied = ops.cast(a > 0, "float32"), a * (da - total(a * da))
    de = {
        "sparsemax": lambda: some * (da - total(some * da) / ops.maximum(total(some), 1.0)),
        "sigmoid": lambda: tied * ops.sigmoid(-e),
        "null": lambda: tied,
        "taylor": lambda: tied * (1 + e) / (1 + e + e**2 / 2),
    }["{{norm}}"]()[..., None]
    dq = beta * ops.sum(de * by_q, axis=2)
    return {
        "queries": dq @ ops.transpose(W_a),
        "keys": beta * ops.sum(de * by_k, axis=1),
        "values": ops.swapaxes(a, 1, 2) @ dcontexts,
        "W_a": ops.einsum("ntq,ntk->qk", queries, dq),
        "beta": ops.sum(de * fit),
    }


# %% mend
def masked_softmax(scores, mask):
    """A softmax over what is real."""
    real = ops.convert_to_tensor(mask)[:, None]
    scores = ops.where(real, ops.convert_to_tensor(scores, "float32"), -1e30)
    return ops.where(real, ops.softmax(scores, axis=-1), 0.0)


# %% again
def look_again(scores, mask, strength):
    """Weights that know of the weights before them."""
    scores, real = ops.convert_to_tensor(scores, "float32"), ops.convert_to_tensor(mask)
    b, looked = ops.zeros_like(scores[:, 0]), []
    for t in range(scores.shape[1]):
        e = scores[:, t] + (strength if "{{again}}" == "step" else -strength) * b
        a = ops.where(real, ops.softmax(ops.where(real, e, -1e30), axis=-1), 0.0)
        looked.append(a)
        b = {
            "sum": b + a,
            "fade": b / 2 + a,
            "peak": ops.maximum(b, a),
            "step": ops.pad(a, ((0, 0), (1, 0)))[:, :-1],
        }["{{again}}"]
    return ops.stack(looked, axis=1)
