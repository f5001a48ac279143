# %% climb
def climb(x, W_xh, W_hh, b_h, W_g, b_g):
    from keras import ops

    arrays = (x, W_xh, W_hh, b_h, W_g, b_g)
    x, W_xh, W_hh, b_h, W_g, b_g = (ops.convert_to_tensor(a, dtype="float32") for a in arrays)
    phi = {
        "softsign": ops.softsign,
        "arctan": ops.arctan,
        "isru": lambda a: a * ops.rsqrt(1 + a * a),
        "asinh": ops.arcsinh,
    }["{{phi}}"]
    squash = ops.tanh if "{{way}}" == "signed" else ops.sigmoid
    ys, below = [], x
    for k in range(b_h.shape[0]):
        hs, made = [ops.zeros_like(x[:, 0])] * 2, [ops.zeros_like(x[:, 0])] * 2
        for t in range(x.shape[1]):
            u = below[:, t]
            memory = {"own": hs[-1], "handed": made[-1], "early": hs[-2]}["{{memory}}"]
            h = phi(ops.matmul(u, W_xh[k]) + ops.matmul(memory, W_hh[k]) + b_h[k])
            g = squash(ops.matmul(h if "{{way}}" == "listen" else u, W_g[k]) + b_g[k])
            y = (1 - g) * u + g * h if "{{way}}" in ("carry", "listen") else u + g * h
            made.append(y / 2**0.5 if "{{way}}" == "halved" else y)
            hs.append(h)
        below = ops.stack(made[2:], axis=1)
        ys.append(below)
    return ops.stack(ys)


# %% climb_backward
def climb_backward(dys, x, W_xh, W_hh, b_h, W_g, b_g):
    from keras import ops

    arrays = (dys, x, W_xh, W_hh, b_h, W_g, b_g)
    dys, x, W_xh, W_hh, b_h, W_g, b_g = (ops.convert_to_tensor(a, dtype="float32") for a in arrays)
    phi, slope = {  # the slope is told from a
        "softsign": (ops.softsign, lambda a: 1 / ops.square(1 + ops.abs(a))),
        "arctan": (ops.arctan, lambda a: 1 / (1 + a * a)),
        "isru": (lambda a: a * ops.rsqrt(1 + a * a), lambda a: ops.rsqrt(1 + a * a) / (1 + a * a)),
        "asinh": (ops.arcsinh, lambda a: ops.rsqrt(1 + a * a)),
    }["{{phi}}"]
    mixing, listens = "{{way}}" in ("carry", "listen"), "{{way}}" == "listen"
    scale = 2**-0.5 if "{{way}}" == "halved" else 1.0
    zero, T = ops.zeros_like(x[:, 0]), x.shape[1]

    def up(k, below):
        hs, made, a, g, r = [zero, zero], [zero, zero], [], [], []
        for t in range(T):
            u = below[:, t]
            r.append({"own": hs[-1], "handed": made[-1], "early": hs[-2]}["{{memory}}"])
            a.append(ops.matmul(u, W_xh[k]) + ops.matmul(r[-1], W_hh[k]) + b_h[k])
            hs.append(phi(a[-1]))
            inside = ops.matmul(hs[-1] if listens else u, W_g[k]) + b_g[k]
            g.append(ops.tanh(inside) if "{{way}}" == "signed" else ops.sigmoid(inside))
            around = (1 - g[-1]) * u if mixing else u
            made.append(scale * (around + g[-1] * hs[-1]))
        return [ops.stack(column, axis=1) for column in (hs[2:], made[2:], a, g, r)]

    def down(k, dy, u, h, a, g, r):
        dy, dh = [dy[:, t] for t in range(T)], [zero] * T
        dz, dq, late = [zero] * T, [zero] * T, 2 if "{{memory}}" == "early" else 1
        for t in reversed(range(T)):
            dg = dy[t] * (h[:, t] - u[:, t]) if mixing else scale * dy[t] * h[:, t]
            dq[t] = dg * (1 - g[:, t] ** 2 if "{{way}}" == "signed" else g[:, t] * (1 - g[:, t]))
            dh[t] = dh[t] + scale * dy[t] * g[:, t]
            if listens:
                dh[t] = dh[t] + ops.matmul(dq[t], ops.transpose(W_g[k]))
            dz[t] = dh[t] * slope(a[:, t])
            if t >= late:
                into = dy if "{{memory}}" == "handed" else dh
                into[t - late] = into[t - late] + ops.matmul(dz[t], ops.transpose(W_hh[k]))
        dy, dz, dq = (ops.stack(steps, axis=1) for steps in (dy, dz, dq))
        du = ops.matmul(dz, ops.transpose(W_xh[k])) + (dy * (1 - g) if mixing else scale * dy)
        if not listens:
            du = du + ops.matmul(dq, ops.transpose(W_g[k]))
        pairs = ((u, dz), (r, dz), (h if listens else u, dq))
        dW_x, dW_h, dW_q = (ops.einsum("nti,ntj->ij", *pair) for pair in pairs)
        return du, (dW_x, dW_h, ops.sum(dz, axis=(0, 1)), dW_q, ops.sum(dq, axis=(0, 1)))

    below, kept, grads, dy = x, [], [], 0.0
    for k in range(b_h.shape[0]):
        h, y, *rest = up(k, below)
        kept.append((below, h, *rest))
        below = y
    for k in reversed(range(b_h.shape[0])):
        dy, of_layer = down(k, dys[k] + dy, *kept[k])
        grads.insert(0, of_layer)
    return dy, *(ops.stack(column) for column in zip(*grads, strict=True))


# %% climb_dropped
def climb_dropped(x, keep, rate, W_xh, W_hh, b_h, W_g, b_g):
    from keras import ops

    arrays = (x, keep, W_xh, W_hh, b_h, W_g, b_g)
    x, keep, W_xh, W_hh, b_h, W_g, b_g = (ops.convert_to_tensor(a, dtype="float32") for a in arrays)
    phi = {
        "softsign": ops.softsign,
        "arctan": ops.arctan,
        "isru": lambda a: a * ops.rsqrt(1 + a * a),
        "asinh": ops.arcsinh,
    }["{{phi}}"]
    squash = ops.tanh if "{{way}}" == "signed" else ops.sigmoid
    ys, below = [], x
    for k in range(b_h.shape[0]):
        masks = {"read": 1.0, "memory": 1.0, "news": 1.0}
        masks["{{drop}}"] = keep[k] / (1 - rate)
        hs, made = [ops.zeros_like(x[:, 0])] * 2, [ops.zeros_like(x[:, 0])] * 2
        for t in range(x.shape[1]):
            u = below[:, t]
            memory = {"own": hs[-1], "handed": made[-1], "early": hs[-2]}["{{memory}}"]
            read = ops.matmul(masks["read"] * u, W_xh[k])
            h = phi(read + ops.matmul(masks["memory"] * memory, W_hh[k]) + b_h[k])
            g = squash(ops.matmul(h if "{{way}}" == "listen" else u, W_g[k]) + b_g[k])
            around = (1 - g) * u if "{{way}}" in ("carry", "listen") else u
            y = around + g * masks["news"] * h
            made.append(y / 2**0.5 if "{{way}}" == "halved" else y)
            hs.append(h)
        below = ops.stack(made[2:], axis=1)
        ys.append(below)
    return ops.stack(ys)


# %% stream
def stream(x, layers, state=None):
    from keras import ops

    x = ops.convert_to_tensor(x, dtype="float32")
    layers = [[ops.convert_to_tensor(w, dtype="float32") for w in layer] for layer in layers]
    phi = {
        "softsign": ops.softsign,
        "arctan": ops.arctan,
        "isru": lambda a: a * ops.rsqrt(1 + a * a),
        "asinh": ops.arcsinh,
    }["{{phi}}"]
    if state is None:
        state = [ops.zeros((x.shape[0], b_h.shape[0])) for _, _, b_h in layers]
    state, tops = [ops.convert_to_tensor(h, dtype="float32") for h in state], []
    for t in range(x.shape[1]):
        y = x[:, t]
        for k, (W_xh, W_hh, b_h) in enumerate(layers):
            state[k] = phi(ops.matmul(y, W_xh) + ops.matmul(state[k], W_hh) + b_h)
            y = y + state[k] if y.shape == state[k].shape else state[k]
        tops.append(y)
    return ops.stack(tops, axis=1), state
