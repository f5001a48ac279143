"""The answers of 04-lstm in PyTorch."""

import torch


# %% step
def step(x_t, h_prev, c_prev, W_xh, W_hh, b_h, p_f, p_o):
    """One step of your cell.

    Args: x_t (N, D); h_prev and c_prev (N, H); weights, blocks in the order f, g, o; p_f, p_o (H,).
    Returns: h_t, c_t, each (N, H).
    """
    args = x_t, h_prev, c_prev, W_xh, W_hh, b_h, p_f, p_o
    x_t, h_prev, c_prev, W_xh, W_hh, b_h, p_f, p_o = map(torch.as_tensor, args)
    f, a, o = (x_t @ W_xh + h_prev @ W_hh + b_h).chunk(3, dim=1)
    f = torch.sigmoid(f + p_f * c_prev)
    g = {
        "softsign": torch.nn.functional.softsign,
        "root": lambda a: a * (1 + a**2).rsqrt(),
        "arctan": torch.atan,
        "log": lambda a: a.sign() * a.abs().log1p(),
    }["{{candidate}}"](a)
    i = {
        "sum": lambda f: 1 - f,
        "circle": lambda f: (1 - f**2).sqrt(),
        "late": lambda f: 1 - f**2,
        "doubt": lambda f: 4 * f * (1 - f),
    }["{{tied}}"](f)
    c = torch.addcmul(f * c_prev, i, g)
    see = {"new": c, "old": c_prev, "change": c - c_prev, "mean": (c + c_prev) / 2}["{{peek}}"]
    shown = {
        "plain": lambda c: c,
        "sine": torch.sin,
        "ring": lambda c: 2 * c / (1 + c**2),
        "half": lambda c: torch.tanh(c / 2),
    }["{{show}}"](c)
    return torch.sigmoid(o + p_o * see) * shown, c


# %% backward
def backward(dhs, dc, x, mask, h, c, W_xh, W_hh, b_h, p_f, p_o):
    """The gradient of a loss that reads hs and the last c.

    Args: dhs (N, T, H); dc (N, H), the gradient in the last c; the rest as in ``forward``,
    without step.
    Returns: a dict of gradients, each of the shape of what it belongs to, with the keys
    "x", "h", "c", "W_xh", "W_hh", "b_h", "p_f", "p_o"; "h" and "c" are the states at the start.
    """
    args = dhs, dc, x, mask, h, c, W_xh, W_hh, b_h, p_f, p_o
    dhs, dc, x, mask, h, c, W_xh, W_hh, b_h, p_f, p_o = map(torch.as_tensor, args)
    new, old = {"new": (1, 0), "old": (0, 1), "change": (1, -1), "mean": (0.5, 0.5)}["{{peek}}"]
    kept = []
    for x_t, real in zip(x.unbind(1), mask.unbind(1), strict=True):
        f, a, o = (x_t @ W_xh + h @ W_hh + b_h).chunk(3, dim=1)
        f = torch.sigmoid(f + p_f * c)
        g, slope_g = {
            "softsign": lambda a: (a / (1 + a.abs()), (1 + a.abs()) ** -2),
            "root": lambda a: (a / (1 + a**2).sqrt(), (1 + a**2) ** -1.5),
            "arctan": lambda a: (torch.atan(a), 1 / (1 + a**2)),
            "log": lambda a: (a.sign() * a.abs().log1p(), 1 / (1 + a.abs())),
        }["{{candidate}}"](a)
        i, slope_i = {
            "sum": lambda f: (1 - f, -1),
            "circle": lambda f: ((1 - f**2).sqrt(), -f / (1 - f**2).sqrt()),
            "late": lambda f: (1 - f**2, -2 * f),
            "doubt": lambda f: (4 * f * (1 - f), 4 - 8 * f),
        }["{{tied}}"](f)
        c_new = f * c + i * g
        see = new * c_new + old * c
        o = torch.sigmoid(o + p_o * see)
        shown, slope_c = {
            "plain": lambda c: (c, 1),
            "sine": lambda c: (c.sin(), c.cos()),
            "ring": lambda c: (2 * c / (1 + c**2), 2 * (1 - c**2) / (1 + c**2) ** 2),
            "half": lambda c: ((c / 2).tanh(), (1 - (c / 2).tanh() ** 2) / 2),
        }["{{show}}"](c_new)
        kept.append((x_t, real[:, None], h, c, f, g, slope_g, i, slope_i, see, o, shown, slope_c))
        h = torch.where(real[:, None], o * shown, h)
        c = torch.where(real[:, None], c_new, c)
    names = "W_xh", "W_hh", "b_h", "p_f", "p_o"
    grads = {
        n: torch.zeros_like(w) for n, w in zip(names, (W_xh, W_hh, b_h, p_f, p_o), strict=True)
    }
    grads["x"], dh = torch.zeros_like(x), torch.zeros_like(h)
    for t in reversed(range(len(kept))):
        x_t, real, h_prev, c_prev, f, g, slope_g, i, slope_i, see, o, shown, slope_c = kept[t]
        dh = dh + dhs[:, t]
        da_o = real * dh * shown * o * (1 - o)
        dc_t = dc + dh * o * slope_c + da_o * p_o * new
        da_f = real * dc_t * (c_prev + slope_i * g) * f * (1 - f)
        dz = torch.cat([da_f, real * dc_t * i * slope_g, da_o], dim=1)
        grads["x"][:, t] = dz @ W_xh.T
        grads["W_xh"] += x_t.T @ dz
        grads["W_hh"] += h_prev.T @ dz
        grads["b_h"] += dz.sum(dim=0)
        grads["p_f"] += (da_f * c_prev).sum(dim=0)
        grads["p_o"] += (da_o * see).sum(dim=0)
        dh = torch.where(real, dz @ W_hh.T, dh)
        dc = torch.where(real, dc_t * f + da_f * p_f + da_o * p_o * old, dc)
    return grads | {"h": dh, "c": dc}


# %% repair
def projected(x, mask, W_xh, W_hh, b_h, W_hr):
    """An LSTM with a projection, with weights in the layout of your question.

    Args: x (N, T, D); mask (N, T), False to skip a step; W_xh (D, 4H); W_hh (R, 4H); b_h (4H,);
    W_hr (H, R). Returns: hs (N, T, R) and cs (N, T, H), the states after each step.
    """
    x, mask, W_xh, W_hh, b_h, W_hr = map(torch.as_tensor, (x, mask, W_xh, W_hh, b_h, W_hr))
    h, c = x.new_zeros(len(x), W_hr.shape[1]), x.new_zeros(len(x), len(W_hr))
    hs, cs = [], []
    for x_t, real in zip(x.unbind(1), mask.unbind(1), strict=True):
        blocks = (x_t @ W_xh + h @ W_hh + b_h).chunk(4, dim=1)
        block = dict(zip("{{order}}".split(", "), blocks, strict=True))
        f = torch.sigmoid(block["f"] + float("{{added}}"))
        c_new = f * c + torch.sigmoid(block["i"]) * torch.tanh(block["g"])
        h_new = (torch.sigmoid(block["o"]) * torch.tanh(c_new)) @ W_hr
        h, c = torch.where(real[:, None], h_new, h), torch.where(real[:, None], c_new, c)
        hs.append(h)
        cs.append(c)
    return torch.stack(hs, dim=1), torch.stack(cs, dim=1)
