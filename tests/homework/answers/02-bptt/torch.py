# %% forward
def forward(x, start, params):
    import torch
    from torch.nn import functional as F

    x, start = torch.as_tensor(x), torch.as_tensor(start)
    params = {name: torch.as_tensor(weight) for name, weight in params.items()}
    W_xh, W_hh, W_2, a, b_h = (params[name] for name in ("W_xh", "W_hh", "W_2", "a", "b_h"))
    phi = {
        "softsign": F.softsign,
        "arctan": torch.atan,
        "sine": torch.sin,
        "root": lambda z: z * torch.rsqrt(1 + z * z),
    }["{{activation}}"]
    keep, news = {
        "sigmoid": (a.sigmoid(), (-a).sigmoid()),
        "rate": (1 - a, a),
        "plain": (a, 1.0),
        "circle": (a.cos(), a.sin()),
    }["{{leak}}"]
    hs = [*start.unbind(dim=1)]
    for u in (x @ W_xh).unbind(dim=1):
        q, p = hs[-2:]
        extra = {
            "delay": q @ W_2,
            "square": p.square() @ W_2,
            "product": (p * q) @ W_2,
            "change": (p - q) @ W_2,
            "input": u * (p @ W_2),
        }["{{extra}}"]
        hs.append(keep * p + news * phi(u + p @ W_hh + extra + b_h))
    return torch.stack(hs[2:], dim=1)


# %% backward
def backward(dhs, x, start, params):
    import torch

    dhs, x, start = (torch.as_tensor(array) for array in (dhs, x, start))
    params = {name: torch.as_tensor(weight) for name, weight in params.items()}
    W_xh, W_hh, W_2, a, b_h = (params[name] for name in ("W_xh", "W_hh", "W_2", "a", "b_h"))
    phi, slope = {
        "softsign": (lambda z: z / (1 + z.abs()), lambda z: (1 + z.abs()) ** -2),
        "arctan": (torch.atan, lambda z: 1 / (1 + z * z)),
        "sine": (torch.sin, torch.cos),
        "root": (lambda z: z / (1 + z * z).sqrt(), lambda z: (1 + z * z) ** -1.5),
    }["{{activation}}"]
    s = a.sigmoid()
    keep, news, dkeep, dnews = {
        "sigmoid": (s, 1 - s, s * (1 - s), -s * (1 - s)),
        "rate": (1 - a, a, -1.0, 1.0),
        "plain": (a, 1.0, 1.0, 0.0),
        "circle": (a.cos(), a.sin(), -a.sin(), a.cos()),
    }["{{leak}}"]
    hs = torch.cat([start, torch.as_tensor(forward(x, start, params))], dim=1)
    dh = torch.cat([torch.zeros_like(start), dhs], dim=1)
    grads = {name: torch.zeros_like(weight) for name, weight in {"x": x, **params}.items()}
    for t in reversed(range(x.shape[1])):
        q, p, u = hs[:, t], hs[:, t + 1], x[:, t] @ W_xh
        scale, read, dp, dq, du = {
            "delay": (1.0, q, 0.0, 1.0, 1.0),
            "square": (1.0, p * p, 2 * p, 0.0, 1.0),
            "product": (1.0, p * q, q, p, 1.0),
            "change": (1.0, p - q, 1.0, -1.0, 1.0),
            "input": (u, p, 1.0, 0.0, 1 + p @ W_2),
        }["{{extra}}"]
        z = u + p @ W_hh + scale * (read @ W_2) + b_h
        g = dh[:, t + 2]
        dz = g * news * slope(z)
        dread = (dz * scale) @ W_2.T
        dh[:, t + 1] += g * keep + dz @ W_hh.T + dread * dp
        dh[:, t] += dread * dq
        grads["x"][:, t] = (dz * du) @ W_xh.T
        grads["W_xh"] += x[:, t].T @ (dz * du)
        grads["W_hh"] += p.T @ dz
        grads["W_2"] += read.T @ (dz * scale)
        grads["a"] += (g * (dkeep * p + dnews * phi(z))).sum(dim=0)
        grads["b_h"] += dz.sum(dim=0)
    return {"start": dh[:, :2], **grads}


# %% truncated
def truncated(dhs, x, start, params, steps):
    import torch

    dhs, x, start = (torch.as_tensor(array) for array in (dhs, x, start))
    state, slices = start, []
    for dhs_slice, x_slice in zip(dhs.split(steps, dim=1), x.split(steps, dim=1), strict=True):
        slices.append(backward(dhs_slice, x_slice, state, params))
        states = torch.cat([state, torch.as_tensor(forward(x_slice, state, params))], dim=1)
        state = states[:, -2:]  # of a slice of one step, one of the two is older than the slice
    total = {name: sum(grads[name] for grads in slices) for name in params}
    dx = torch.cat([grads["x"] for grads in slices], dim=1)
    return {"x": dx, "start": torch.zeros_like(start), **total}


# %% repaired
def repaired(dhs, x, W_xh, u, b_h):
    import torch

    dhs, x, W_xh, u, b_h = (torch.as_tensor(array) for array in (dhs, x, W_xh, u, b_h))
    phi, slope = {
        "softsign": (lambda z: z / (1 + z.abs()), lambda z: (1 + z.abs()) ** -2),
        "arctan": (torch.atan, lambda z: 1 / (1 + z * z)),
        "sine": (torch.sin, torch.cos),
        "root": (lambda z: z / (1 + z * z).sqrt(), lambda z: (1 + z * z) ** -1.5),
    }["{{activation}}"]
    lag, T = int("{{lag}}"), x.shape[1]
    hs, zs = [torch.zeros_like(dhs[:, 0])] * lag, []
    for t in range(T):
        zs.append(x[:, t] @ W_xh + u * hs[t] + b_h)
        hs.append(phi(zs[t]))
    dzs = [None] * T
    for t in reversed(range(T)):
        back = u * dzs[t + lag] if t + lag < T else 0
        dzs[t] = (dhs[:, t] + back) * slope(zs[t])
    dz, past = torch.stack(dzs, dim=1), torch.stack(hs[:T], dim=1)
    du, db_h = (dz * past).sum(dim=(0, 1)), dz.sum(dim=(0, 1))
    dW_xh = torch.einsum("ntd,nth->dh", x, dz)
    return {"x": dz @ W_xh.T, "W_xh": dW_xh, "u": du, "b_h": db_h}
