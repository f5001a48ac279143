# %% forward
def forward(x, start, params):
    from keras import ops

    x, start = (ops.convert_to_tensor(array, dtype="float32") for array in (x, start))
    W_xh, W_hh, W_2, a, b_h = (
        ops.convert_to_tensor(params[name], dtype="float32")
        for name in ("W_xh", "W_hh", "W_2", "a", "b_h")
    )
    phi = {
        "softsign": ops.softsign,
        "arctan": ops.arctan,
        "sine": ops.sin,
        "root": lambda z: z * ops.rsqrt(1 + z * z),
    }["{{activation}}"]
    keep, news = {
        "sigmoid": (ops.sigmoid(a), ops.sigmoid(-a)),
        "rate": (1 - a, a),
        "plain": (a, 1.0),
        "circle": (ops.cos(a), ops.sin(a)),
    }["{{leak}}"]
    hs = [start[:, 0], start[:, 1]]
    for t in range(x.shape[1]):
        q, p = hs[-2:]
        u = ops.matmul(x[:, t], W_xh)
        extra = {
            "delay": ops.matmul(q, W_2),
            "square": ops.matmul(ops.square(p), W_2),
            "product": ops.matmul(p * q, W_2),
            "change": ops.matmul(p - q, W_2),
            "input": u * ops.matmul(p, W_2),
        }["{{extra}}"]
        hs.append(keep * p + news * phi(u + ops.matmul(p, W_hh) + extra + b_h))
    return ops.stack(hs[2:], axis=1)


# %% backward
def backward(dhs, x, start, params):
    from keras import ops

    dhs, x, start = (ops.convert_to_tensor(array, dtype="float32") for array in (dhs, x, start))
    W_xh, W_hh, W_2, a, b_h = (
        ops.convert_to_tensor(params[name], dtype="float32")
        for name in ("W_xh", "W_hh", "W_2", "a", "b_h")
    )
    phi, slope = {
        "softsign": (ops.softsign, lambda z: 1 / ops.square(1 + ops.absolute(z))),
        "arctan": (ops.arctan, lambda z: 1 / (1 + z * z)),
        "sine": (ops.sin, ops.cos),
        "root": (lambda z: z * ops.rsqrt(1 + z * z), lambda z: ops.rsqrt(1 + z * z) ** 3),
    }["{{activation}}"]
    s, one, zero = ops.sigmoid(a), ops.ones_like(a), ops.zeros_like(a)
    keep, news, dkeep, dnews = {
        "sigmoid": (s, 1 - s, s * (1 - s), -s * (1 - s)),
        "rate": (1 - a, a, -one, one),
        "plain": (a, one, one, zero),
        "circle": (ops.cos(a), ops.sin(a), -ops.sin(a), ops.cos(a)),
    }["{{leak}}"]
    hs = ops.concatenate([start, ops.cast(forward(x, start, params), "float32")], axis=1)
    T, one = x.shape[1], ops.ones_like(hs[:, 0])
    dh = [ops.zeros_like(one), ops.zeros_like(one), *(dhs[:, t] for t in range(T))]
    dx, grads = [], dict.fromkeys(("W_xh", "W_hh", "W_2", "a", "b_h"), 0)
    for t in reversed(range(T)):
        q, p, u = hs[:, t], hs[:, t + 1], ops.matmul(x[:, t], W_xh)
        scale, read, dp, dq, du = {
            "delay": (one, q, 0 * one, one, one),
            "square": (one, p * p, 2 * p, 0 * one, one),
            "product": (one, p * q, q, p, one),
            "change": (one, p - q, one, -one, one),
            "input": (u, p, one, 0 * one, 1 + ops.matmul(p, W_2)),
        }["{{extra}}"]
        z = u + ops.matmul(p, W_hh) + scale * ops.matmul(read, W_2) + b_h
        dz = dh[t + 2] * news * slope(z)
        dread = ops.matmul(dz * scale, ops.transpose(W_2))
        dh[t + 1] = dh[t + 1] + dh[t + 2] * keep + ops.matmul(dz, ops.transpose(W_hh)) + dread * dp
        dh[t] = dh[t] + dread * dq
        dx.insert(0, ops.matmul(dz * du, ops.transpose(W_xh)))
        grads["W_xh"] += ops.matmul(ops.transpose(x[:, t]), dz * du)
        grads["W_hh"] += ops.matmul(ops.transpose(p), dz)
        grads["W_2"] += ops.matmul(ops.transpose(read), dz * scale)
        grads["a"] += ops.sum(dh[t + 2] * (dkeep * p + dnews * phi(z)), axis=0)
        grads["b_h"] += ops.sum(dz, axis=0)
    return {"x": ops.stack(dx, axis=1), "start": ops.stack(dh[:2], axis=1), **grads}


# %% truncated
def truncated(dhs, x, start, params, steps):
    from keras import ops

    start = ops.convert_to_tensor(start, dtype="float32")
    hs = ops.concatenate([start, ops.cast(forward(x, start, params), "float32")], axis=1)
    slices = [
        backward(dhs[:, at : at + steps], x[:, at : at + steps], hs[:, at : at + 2], params)
        for at in range(0, x.shape[1], steps)
    ]
    total = {name: sum(grads[name] for grads in slices) for name in params}
    dx = ops.concatenate([grads["x"] for grads in slices], axis=1)
    return {"x": dx, "start": ops.zeros_like(start), **total}


# %% repaired
def repaired(dhs, x, W_xh, u, b_h):
    from keras import ops

    dhs, x, W_xh, u, b_h = (
        ops.convert_to_tensor(array, dtype="float32") for array in (dhs, x, W_xh, u, b_h)
    )
    phi, slope = {
        "softsign": (ops.softsign, lambda z: 1 / ops.square(1 + ops.absolute(z))),
        "arctan": (ops.arctan, lambda z: 1 / (1 + z * z)),
        "sine": (ops.sin, ops.cos),
        "root": (lambda z: z * ops.rsqrt(1 + z * z), lambda z: ops.rsqrt(1 + z * z) ** 3),
    }["{{activation}}"]
    lag, T = int("{{lag}}"), x.shape[1]
    hs, zs = [ops.zeros_like(dhs[:, 0])] * lag, []
    for t in range(T):
        zs.append(ops.matmul(x[:, t], W_xh) + u * hs[t] + b_h)
        hs.append(phi(zs[t]))
    dzs = [None] * T
    for t in reversed(range(T)):
        back = u * dzs[t + lag] if t + lag < T else 0
        dzs[t] = (dhs[:, t] + back) * slope(zs[t])
    dz, past = ops.stack(dzs, axis=1), ops.stack(hs[:T], axis=1)
    du, db_h = ops.sum(dz * past, axis=(0, 1)), ops.sum(dz, axis=(0, 1))
    dW_xh = ops.einsum("ntd,nth->dh", x, dz)
    return {"x": ops.matmul(dz, ops.transpose(W_xh)), "W_xh": dW_xh, "u": du, "b_h": db_h}
