"""Answers to 09-seq2seq in Keras."""

# %% bridge
from keras import ops


def bridge_forward(hs, mask, x, W_b, b_b, W_xh, W_fh, W_hh, b_h):
    """Summarize what was read, cross the bridge, and decode."""
    arrays = hs, x, W_b, b_b, W_xh, W_fh, W_hh, b_h
    arrays = [ops.convert_to_tensor(array, "float32") for array in arrays]
    hs, x, W_b, b_b, W_xh, W_fh, W_hh, b_h = arrays
    real = ops.convert_to_tensor(mask)[:, :, None]
    weight, places = ops.cast(real, "float32"), ops.arange(hs.shape[1], dtype="float32")[:, None]
    last = ops.sum(weight, axis=1, keepdims=True) - 1  # (N, 1, 1)
    if "{{pool}}" == "max":
        r = ops.max(ops.where(real, hs, -1e30), axis=1)
        r = ops.where(ops.any(real, axis=1), r, 0.0)
    else:
        share = {
            "mean": ops.ones_like(weight),
            "ends": ops.cast(places == 0, "float32") + ops.cast(places == last, "float32"),
            "fade": 2.0 ** (places - last),
        }["{{pool}}"] * weight
        share = share / ops.maximum(ops.sum(share, axis=1, keepdims=True), 1e-30)
        r = ops.sum(share * ops.where(real, hs, 0.0), axis=1)
    phi = {
        "softsign": ops.softsign,
        "arctan": lambda a: ops.arctan(a) * (2 / 3.141592653589793),
        "root": lambda a: a * ops.rsqrt(1 + a**2),
        "clip": lambda a: ops.clip(a, -1, 1),
    }["{{bridge}}"]
    s = phi(r @ W_b + b_b)
    f, ss = {"summary": r, "first": s}["{{fed}}"], []
    for t in range(x.shape[1]):
        s = ops.tanh(x[:, t] @ W_xh + f @ W_fh + s @ W_hh + b_h)
        ss.append(s)
    return ops.stack(ss, axis=1)


# %% back


def bridge_backward(dss, hs, mask, x, W_b, b_b, W_xh, W_fh, W_hh, b_h):
    """Find all gradients of a loss whose gradient in the decoder's states is dss."""
    arrays = dss, hs, x, W_b, b_b, W_xh, W_fh, W_hh, b_h
    arrays = [ops.convert_to_tensor(array, "float32") for array in arrays]
    dss, hs, x, W_b, b_b, W_xh, W_fh, W_hh, b_h = arrays
    real = ops.convert_to_tensor(mask)[:, :, None]
    weight, places = ops.cast(real, "float32"), ops.arange(hs.shape[1], dtype="float32")[:, None]
    last = ops.sum(weight, axis=1, keepdims=True) - 1
    best = ops.argmax(ops.where(real, hs, -1e30), axis=1)[:, None]
    share = {
        "mean": ops.ones_like(weight),
        "max": ops.cast(places == ops.cast(best, "float32"), "float32"),
        "ends": ops.cast(places == 0, "float32") + ops.cast(places == last, "float32"),
        "fade": 2.0 ** (places - last),
    }["{{pool}}"] * weight
    share = share / ops.maximum(ops.sum(share, axis=1, keepdims=True), 1e-30)
    r = ops.sum(share * ops.where(real, hs, 0.0), axis=1)
    a, turn = r @ W_b + b_b, 2 / 3.141592653589793
    s, slope = {
        "softsign": lambda: (ops.softsign(a), 1 / (1 + ops.abs(a)) ** 2),
        "arctan": lambda: (ops.arctan(a) * turn, turn / (1 + a**2)),
        "root": lambda: (a * ops.rsqrt(1 + a**2), ops.rsqrt(1 + a**2) ** 3),
        "clip": lambda: (ops.clip(a, -1, 1), ops.cast(ops.abs(a) < 1, "float32")),
    }["{{bridge}}"]()
    ss, f = [s], {"summary": r, "first": s}["{{fed}}"]
    for t in range(x.shape[1]):
        ss.append(ops.tanh(x[:, t] @ W_xh + f @ W_fh + ss[-1] @ W_hh + b_h))
    ds, dzs = ops.zeros_like(s), []
    for t in reversed(range(x.shape[1])):
        dz = (dss[:, t] + ds) * (1 - ss[t + 1] ** 2)
        ds = dz @ ops.transpose(W_hh)
        dzs.insert(0, dz)
    dz, before = ops.stack(dzs, axis=1), ops.stack(ss[:-1], axis=1)  # (N, T, H)
    total = ops.sum(dz, axis=1)
    df = total @ ops.transpose(W_fh)
    ds = ds + df * float("{{fed}}" == "first")
    da = ds * slope
    dr = da @ ops.transpose(W_b) + df * float("{{fed}}" == "summary")
    return {
        "hs": share * dr[:, None],
        "x": dz @ ops.transpose(W_xh),
        "W_b": ops.transpose(r) @ da,
        "b_b": ops.sum(da, axis=0),
        "W_xh": ops.einsum("ntd,nth->dh", x, dz),
        "W_fh": ops.transpose(f) @ total,
        "W_hh": ops.einsum("nti,ntj->ij", before, dz),
        "b_h": ops.sum(dz, axis=(0, 1)),
    }
