# %% climb
def climb(x, W_xh, W_hh, b_h, W_g, b_g):
    import torch

    arrays = (x, W_xh, W_hh, b_h, W_g, b_g)
    x, W_xh, W_hh, b_h, W_g, b_g = (torch.as_tensor(a, dtype=torch.float64) for a in arrays)
    phi = {
        "softsign": torch.nn.functional.softsign,
        "arctan": torch.arctan,
        "isru": lambda a: a * torch.rsqrt(1 + a * a),
        "asinh": torch.asinh,
    }["{{phi}}"]
    squash = torch.tanh if "{{way}}" == "signed" else torch.sigmoid
    ys, below = [], x
    for W, U, b, W_gate, b_gate in zip(W_xh, W_hh, b_h, W_g, b_g, strict=True):
        hs, made = [torch.zeros_like(x[:, 0])] * 2, [torch.zeros_like(x[:, 0])] * 2
        for u in below.unbind(dim=1):
            memory = {"own": hs[-1], "handed": made[-1], "early": hs[-2]}["{{memory}}"]
            h = phi(u @ W + memory @ U + b)
            g = squash((h if "{{way}}" == "listen" else u) @ W_gate + b_gate)
            if "{{way}}" in ("carry", "listen"):
                y = torch.lerp(u, h, g)
            else:
                y = torch.addcmul(u, g, h)
            made.append(y / 2**0.5 if "{{way}}" == "halved" else y)
            hs.append(h)
        below = torch.stack(made[2:], dim=1)
        ys.append(below)
    return torch.stack(ys)


# %% climb_backward
def climb_backward(dys, x, W_xh, W_hh, b_h, W_g, b_g):
    import torch

    arrays = (dys, x, W_xh, W_hh, b_h, W_g, b_g)
    dys, x, W_xh, W_hh, b_h, W_g, b_g = (torch.as_tensor(a, dtype=torch.float64) for a in arrays)
    phi, slope = {  # the slope is told from a
        "softsign": (torch.nn.functional.softsign, lambda a: (1 + a.abs()) ** -2),
        "arctan": (torch.arctan, lambda a: 1 / (1 + a * a)),
        "isru": (lambda a: a * torch.rsqrt(1 + a * a), lambda a: (1 + a * a) ** -1.5),
        "asinh": (torch.asinh, lambda a: torch.rsqrt(1 + a * a)),
    }["{{phi}}"]
    mixing, listens = "{{way}}" in ("carry", "listen"), "{{way}}" == "listen"
    scale = 2**-0.5 if "{{way}}" == "halved" else 1.0
    zero, T = torch.zeros_like(x[:, 0]), x.shape[1]

    def up(k, below):
        hs, made, a, g, r = [zero, zero], [zero, zero], [], [], []
        for u in below.unbind(dim=1):
            r.append({"own": hs[-1], "handed": made[-1], "early": hs[-2]}["{{memory}}"])
            a.append(u @ W_xh[k] + r[-1] @ W_hh[k] + b_h[k])
            hs.append(phi(a[-1]))
            inside = (hs[-1] if listens else u) @ W_g[k] + b_g[k]
            g.append(torch.tanh(inside) if "{{way}}" == "signed" else torch.sigmoid(inside))
            around = (1 - g[-1]) * u if mixing else u
            made.append(scale * (around + g[-1] * hs[-1]))
        return [torch.stack(column, dim=1) for column in (hs[2:], made[2:], a, g, r)]

    def down(k, dy, u, h, a, g, r):
        dy, dh, dz, dq = dy.clone(), torch.zeros_like(u), torch.zeros_like(u), torch.zeros_like(u)
        dg_by = h - u if mixing else scale * h
        steep = 1 - g * g if "{{way}}" == "signed" else g * (1 - g)
        late = 2 if "{{memory}}" == "early" else 1
        for t in reversed(range(T)):
            dq[:, t] = dy[:, t] * dg_by[:, t] * steep[:, t]
            dh[:, t] += scale * dy[:, t] * g[:, t]
            if listens:
                dh[:, t] += dq[:, t] @ W_g[k].T
            dz[:, t] = dh[:, t] * slope(a[:, t])
            if t >= late:
                into = dy if "{{memory}}" == "handed" else dh
                into[:, t - late] += dz[:, t] @ W_hh[k].T
        du = dz @ W_xh[k].T + (dy * (1 - g) if mixing else scale * dy)
        if not listens:
            du = du + dq @ W_g[k].T
        pairs = ((u, dz), (r, dz), (h if listens else u, dq))
        dW_x, dW_h, dW_q = (torch.einsum("nti,ntj->ij", *pair) for pair in pairs)
        return du, (dW_x, dW_h, dz.sum(dim=(0, 1)), dW_q, dq.sum(dim=(0, 1)))

    below, kept, grads, dy = x, [], [], 0
    for k in range(len(b_h)):
        h, y, *rest = up(k, below)
        kept.append((below, h, *rest))
        below = y
    for k in reversed(range(len(b_h))):
        dy, of_layer = down(k, dys[k] + dy, *kept[k])
        grads.insert(0, of_layer)
    return dy, *(torch.stack(column) for column in zip(*grads, strict=True))


# %% climb_dropped
def climb_dropped(x, keep, rate, W_xh, W_hh, b_h, W_g, b_g):
    import torch

    arrays = (x, keep, W_xh, W_hh, b_h, W_g, b_g)
    x, keep, W_xh, W_hh, b_h, W_g, b_g = (torch.as_tensor(a, dtype=torch.float64) for a in arrays)
    phi = {
        "softsign": torch.nn.functional.softsign,
        "arctan": torch.arctan,
        "isru": lambda a: a * torch.rsqrt(1 + a * a),
        "asinh": torch.asinh,
    }["{{phi}}"]
    squash = torch.tanh if "{{way}}" == "signed" else torch.sigmoid
    ys, below = [], x
    for k in range(len(b_h)):
        masks = dict.fromkeys(("read", "memory", "news"), torch.ones_like(keep[k]))
        masks["{{drop}}"] = keep[k] / (1 - rate)
        hs, made = [torch.zeros_like(x[:, 0])] * 2, [torch.zeros_like(x[:, 0])] * 2
        for u in below.unbind(dim=1):
            memory = {"own": hs[-1], "handed": made[-1], "early": hs[-2]}["{{memory}}"]
            h = phi((masks["read"] * u) @ W_xh[k] + (masks["memory"] * memory) @ W_hh[k] + b_h[k])
            g = squash((h if "{{way}}" == "listen" else u) @ W_g[k] + b_g[k])
            around = (1 - g) * u if "{{way}}" in ("carry", "listen") else u
            y = around + g * masks["news"] * h
            made.append(y / 2**0.5 if "{{way}}" == "halved" else y)
            hs.append(h)
        below = torch.stack(made[2:], dim=1)
        ys.append(below)
    return torch.stack(ys)


# %% stream
def stream(x, layers, state=None):
    import torch

    x = torch.as_tensor(x, dtype=torch.float64)
    layers = [[torch.as_tensor(w, dtype=torch.float64) for w in layer] for layer in layers]
    phi = {
        "softsign": torch.nn.functional.softsign,
        "arctan": torch.arctan,
        "isru": lambda a: a * torch.rsqrt(1 + a * a),
        "asinh": torch.asinh,
    }["{{phi}}"]
    if state is None:
        state = [torch.zeros(len(x), len(b_h)) for _, _, b_h in layers]
    state, tops = [torch.as_tensor(h, dtype=torch.float64) for h in state], []
    for y in x.unbind(dim=1):
        for k, (W_xh, W_hh, b_h) in enumerate(layers):
            state[k] = phi(y @ W_xh + state[k] @ W_hh + b_h)
            y = y + state[k] if y.shape == state[k].shape else state[k]
        tops.append(y)
    return torch.stack(tops, dim=1), state
