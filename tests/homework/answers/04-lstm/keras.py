"""The answers of 04-lstm in Keras."""

from keras import ops


# %% step
def step(x_t, h_prev, c_prev, W_xh, W_hh, b_h, p_f, p_o):
    """One step of your cell.

    Args: x_t (N, D); h_prev and c_prev (N, H); weights, blocks in the order f, g, o; p_f, p_o (H,).
    Returns: h_t, c_t, each (N, H).
    """
    args = x_t, h_prev, c_prev, W_xh, W_hh, b_h, p_f, p_o
    x_t, h_prev, c_prev, W_xh, W_hh, b_h, p_f, p_o = (ops.cast(a, "float32") for a in args)
    f, a, o = ops.split(x_t @ W_xh + h_prev @ W_hh + b_h, 3, axis=1)
    f = ops.sigmoid(f + p_f * c_prev)
    g = {
        "softsign": ops.softsign,
        "root": lambda a: a * ops.rsqrt(1 + ops.square(a)),
        "arctan": ops.arctan,
        "log": lambda a: ops.sign(a) * ops.log1p(ops.abs(a)),
    }["{{candidate}}"](a)
    i = {
        "sum": lambda f: 1 - f,
        "circle": lambda f: ops.sqrt(1 - ops.square(f)),
        "late": lambda f: 1 - ops.square(f),
        "doubt": lambda f: 4 * f * (1 - f),
    }["{{tied}}"](f)
    c = f * c_prev + i * g
    see = {"new": c, "old": c_prev, "change": c - c_prev, "mean": (c + c_prev) / 2}["{{peek}}"]
    shown = {
        "plain": lambda c: c,
        "sine": ops.sin,
        "ring": lambda c: 2 * c / (1 + ops.square(c)),
        "half": lambda c: ops.tanh(c / 2),
    }["{{show}}"](c)
    return ops.sigmoid(o + p_o * see) * shown, c


# %% backward
def backward(dhs, dc, x, mask, h, c, W_xh, W_hh, b_h, p_f, p_o):
    """The gradient of a loss that reads hs and the last c.

    Args: dhs (N, T, H); dc (N, H), the gradient in the last c; the rest as in ``forward``,
    without step.
    Returns: a dict of gradients, each of the shape of what it belongs to, with the keys
    "x", "h", "c", "W_xh", "W_hh", "b_h", "p_f", "p_o"; "h" and "c" are the states at the start.
    """
    args = dhs, dc, x, mask, h, c, W_xh, W_hh, b_h, p_f, p_o
    dhs, dc, x, mask, h, c, W_xh, W_hh, b_h, p_f, p_o = (ops.cast(a, "float32") for a in args)
    new, old = {"new": (1, 0), "old": (0, 1), "change": (1, -1), "mean": (0.5, 0.5)}["{{peek}}"]
    kept = []
    for t in range(x.shape[1]):
        f, a, o = ops.split(x[:, t] @ W_xh + h @ W_hh + b_h, 3, axis=1)
        f = ops.sigmoid(f + p_f * c)
        g, slope_g = {
            "softsign": lambda a: (ops.softsign(a), (1 + ops.abs(a)) ** -2),
            "root": lambda a: (a * ops.rsqrt(1 + a**2), (1 + a**2) ** -1.5),
            "arctan": lambda a: (ops.arctan(a), 1 / (1 + a**2)),
            "log": lambda a: (ops.sign(a) * ops.log1p(ops.abs(a)), 1 / (1 + ops.abs(a))),
        }["{{candidate}}"](a)
        i, slope_i = {
            "sum": lambda f: (1 - f, -1),
            "circle": lambda f: (ops.sqrt(1 - f**2), -f * ops.rsqrt(1 - f**2)),
            "late": lambda f: (1 - f**2, -2 * f),
            "doubt": lambda f: (4 * f * (1 - f), 4 - 8 * f),
        }["{{tied}}"](f)
        c_new = f * c + i * g
        see = new * c_new + old * c
        o = ops.sigmoid(o + p_o * see)
        shown, slope_c = {
            "plain": lambda c: (c, 1),
            "sine": lambda c: (ops.sin(c), ops.cos(c)),
            "ring": lambda c: (2 * c / (1 + c**2), 2 * (1 - c**2) / (1 + c**2) ** 2),
            "half": lambda c: (ops.tanh(c / 2), (1 - ops.tanh(c / 2) ** 2) / 2),
        }["{{show}}"](c_new)
        kept.append((h, c, f, g, slope_g, i, slope_i, see, o, shown, slope_c))
        real = mask[:, t, None]  # 1 or 0
        h, c = real * o * shown + (1 - real) * h, real * c_new + (1 - real) * c
    dxs, dW_xh, dW_hh, db_h, dp_f, dp_o = [], 0, 0, 0, 0, 0
    dh = ops.zeros_like(h)
    for t in reversed(range(x.shape[1])):
        h_prev, c_prev, f, g, slope_g, i, slope_i, see, o, shown, slope_c = kept[t]
        real = mask[:, t, None]
        dh = dh + dhs[:, t]
        da_o = real * dh * shown * o * (1 - o)
        dc_t = dc + dh * o * slope_c + da_o * p_o * new
        da_f = real * dc_t * (c_prev + slope_i * g) * f * (1 - f)
        dz = ops.concatenate([da_f, real * dc_t * i * slope_g, da_o], axis=1)
        dxs.insert(0, dz @ ops.transpose(W_xh))
        dW_xh += ops.transpose(x[:, t]) @ dz
        dW_hh += ops.transpose(h_prev) @ dz
        db_h += ops.sum(dz, axis=0)
        dp_f += ops.sum(da_f * c_prev, axis=0)
        dp_o += ops.sum(da_o * see, axis=0)
        dh = dz @ ops.transpose(W_hh) + (1 - real) * dh
        dc = real * (dc_t * f + da_f * p_f + da_o * p_o * old) + (1 - real) * dc
    grads = {"x": ops.stack(dxs, axis=1), "h": dh, "c": dc, "W_xh": dW_xh, "W_hh": dW_hh}
    return grads | {"b_h": db_h, "p_f": dp_f, "p_o": dp_o}


# %% repair
def projected(x, mask, W_xh, W_hh, b_h, W_hr):
    """An LSTM with a projection, with weights in the layout of your question.

    Args: x (N, T, D); mask (N, T), False to skip a step; W_xh (D, 4H); W_hh (R, 4H); b_h (4H,);
    W_hr (H, R). Returns: hs (N, T, R) and cs (N, T, H), the states after each step.
    """
    args = x, W_xh, W_hh, b_h, W_hr
    x, W_xh, W_hh, b_h, W_hr = (ops.cast(a, "float32") for a in args)
    mask, (H, R), (N, T, _) = ops.cast(mask, "bool"), W_hr.shape, x.shape
    h, c, hs, cs = ops.zeros((N, R)), ops.zeros((N, H)), [], []
    for t in range(T):
        blocks = ops.split(x[:, t] @ W_xh + h @ W_hh + b_h, 4, axis=1)
        block = dict(zip("{{order}}".split(", "), blocks, strict=True))
        f = ops.sigmoid(block["f"] + float("{{added}}"))
        c_new = f * c + ops.sigmoid(block["i"]) * ops.tanh(block["g"])
        h_new = (ops.sigmoid(block["o"]) * ops.tanh(c_new)) @ W_hr
        real = mask[:, t, None]
        h, c = ops.where(real, h_new, h), ops.where(real, c_new, c)
        hs.append(h)
        cs.append(c)
    return ops.stack(hs, axis=1), ops.stack(cs, axis=1)
