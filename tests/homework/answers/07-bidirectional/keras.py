# %% meet
def meet(x, mask, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse):
    from keras import ops

    x, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse = (
        ops.convert_to_tensor(array, dtype="float32")
        for array in (x, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse)
    )
    real = ops.convert_to_tensor(mask)[..., None]
    phi = {
        "softsign": ops.softsign,
        "arctan": ops.arctan,
        "isru": lambda a: a * ops.rsqrt(1 + a * a),
        "asinh": ops.arcsinh,
    }["{{phi}}"]
    W_back = {"same": W_hh, "transposed": ops.transpose(W_hh), "negated": -W_hh}["{{tie}}"]
    N, T, _ = x.shape

    def read(W_x, W_h, b, order, arriving):
        h, known = ops.zeros((N, b.shape[0])), [None] * T
        for t in order:
            new = phi(ops.matmul(x[:, t], W_x) + ops.matmul(h, W_h) + b)
            new = ops.where(real[:, t], new, h)
            known[t] = h if arriving else new
            h = new
        return ops.stack(known, axis=1)

    p = read(W_xh, W_hh, b_h, range(T), "{{meet}}" == "cloze")
    q = read(W_xh_reverse, W_back, b_h_reverse, reversed(range(T)), "{{meet}}" != "both")
    m = {
        "bilinear": lambda: p + q + p * q,
        "maximum": lambda: ops.maximum(p, q),
        "future": lambda: q + ops.sigmoid(q) * (p - q),
        "rms": lambda: ops.sqrt((p * p + q * q) / 2 + 0.01),
        "logmean": lambda: ops.log((ops.exp(p) + ops.exp(q)) / 2),
    }["{{merge}}"]()
    return m * ops.cast(real, m.dtype)


# %% meet_backward
def meet_backward(dm, x, mask, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse):
    from keras import ops

    dm, x, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse = (
        ops.convert_to_tensor(array, dtype="float32")
        for array in (dm, x, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse)
    )
    real = ops.convert_to_tensor(mask)[..., None]
    phi, slope = {  # the slope is told from a
        "softsign": (ops.softsign, lambda a: 1 / ops.square(1 + ops.abs(a))),
        "arctan": (ops.arctan, lambda a: 1 / (1 + a * a)),
        "isru": (lambda a: a * ops.rsqrt(1 + a * a), lambda a: ops.rsqrt(1 + a * a) / (1 + a * a)),
        "asinh": (ops.arcsinh, lambda a: ops.rsqrt(1 + a * a)),
    }["{{phi}}"]
    W_back = {"same": W_hh, "transposed": ops.transpose(W_hh), "negated": -W_hh}["{{tie}}"]
    N, T, _ = x.shape
    H, steps = b_h.shape[0], range(T)

    def read(W_x, W_h, b, order):
        h, arrive, leave, inside = ops.zeros((N, H)), [None] * T, [None] * T, [None] * T
        for t in order:
            arrive[t] = h
            inside[t] = ops.matmul(x[:, t], W_x) + ops.matmul(h, W_h) + b
            h = leave[t] = ops.where(real[:, t], phi(inside[t]), h)
        return arrive, leave, inside

    def unread(d_known, arriving, arrive, inside, W_x, W_h, order):
        dz, dh = [None] * T, ops.zeros((N, H))
        for t in order:
            if not arriving:
                dh = dh + d_known[:, t]
            dz[t] = ops.where(real[:, t], dh * slope(inside[t]), 0.0)
            dh = ops.where(real[:, t], ops.matmul(dz[t], ops.transpose(W_h)), dh)
            if arriving:
                dh = dh + d_known[:, t]
        dz = ops.stack(dz, axis=1)
        dW_x = ops.einsum("ntd,nth->dh", x, dz)
        dW_h = ops.einsum("ntk,nth->kh", ops.stack(arrive, axis=1), dz)
        return ops.matmul(dz, ops.transpose(W_x)), dW_x, dW_h, ops.sum(dz, axis=(0, 1))

    arrive_p, leave_p, inside_p = read(W_xh, W_hh, b_h, steps)
    arrive_q, leave_q, inside_q = read(W_xh_reverse, W_back, b_h_reverse, steps[::-1])
    early_p, early_q = "{{meet}}" == "cloze", "{{meet}}" != "both"
    p = ops.stack(arrive_p if early_p else leave_p, axis=1)
    q = ops.stack(arrive_q if early_q else leave_q, axis=1)
    g, s, root = ops.sigmoid(q), ops.sigmoid(p - q), ops.sqrt((p * p + q * q) / 2 + 0.01)
    to_p, to_q = {
        "bilinear": (1 + q, 1 + p),
        "maximum": (ops.cast(p >= q, "float32"), ops.cast(p < q, "float32")),
        "future": (g, 1 - g + (p - q) * g * (1 - g)),
        "rms": (p / (2 * root), q / (2 * root)),
        "logmean": (s, 1 - s),
    }["{{merge}}"]
    dm = ops.where(real, dm, 0.0)
    dx, dW_xh, dW_hh, db_h = unread(dm * to_p, early_p, arrive_p, inside_p, W_xh, W_hh, steps[::-1])
    dx_q, dW_q, dW_back, db_q = unread(
        dm * to_q, early_q, arrive_q, inside_q, W_xh_reverse, W_back, steps
    )
    turned = ops.transpose(dW_back)
    dW_back = {"same": dW_back, "transposed": turned, "negated": -dW_back}["{{tie}}"]
    return dx + dx_q, dW_xh, dW_hh + dW_back, db_h, dW_q, db_q


# %% flip
def flip(x, lengths, block):
    from keras import ops

    T = x.shape[1]
    t, lengths = ops.arange(T)[None], ops.convert_to_tensor(lengths, dtype="int32")[:, None]
    first = t // block * block
    stop = ops.minimum(first + block, lengths)
    source = ops.where(t < lengths, first + stop - 1 - t, t)
    x = ops.convert_to_tensor(x)
    return ops.take_along_axis(x, source if len(x.shape) == 2 else source[..., None], axis=1)
