# %% meet
def meet(x, mask, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse):
    import torch

    x, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse = (
        torch.as_tensor(array, dtype=torch.float64)
        for array in (x, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse)
    )
    real = torch.as_tensor(mask)[..., None]
    phi = {
        "softsign": torch.nn.functional.softsign,
        "arctan": torch.arctan,
        "isru": lambda a: a * torch.rsqrt(1 + a * a),
        "asinh": torch.asinh,
    }["{{phi}}"]
    W_back = {"same": W_hh, "transposed": W_hh.T, "negated": -W_hh}["{{tie}}"]
    N, T, _ = x.shape

    def read(W_x, W_h, b, order, arriving):
        h, known = torch.zeros(N, len(b), dtype=x.dtype), [None] * T
        for t in order:
            new = torch.where(real[:, t], phi(x[:, t] @ W_x + h @ W_h + b), h)
            known[t] = h if arriving else new
            h = new
        return torch.stack(known, dim=1)

    p = read(W_xh, W_hh, b_h, range(T), "{{meet}}" == "cloze")
    q = read(W_xh_reverse, W_back, b_h_reverse, reversed(range(T)), "{{meet}}" != "both")
    m = {
        "bilinear": lambda: (1 + p) * (1 + q) - 1,
        "maximum": lambda: torch.maximum(p, q),
        "future": lambda: torch.lerp(q, p, torch.sigmoid(q)),
        "rms": lambda: torch.sqrt((p**2 + q**2) / 2 + 0.01),
        "logmean": lambda: torch.logsumexp(torch.stack([p, q]), dim=0) - np.log(2),
    }["{{merge}}"]()
    return torch.where(real, m, 0)


# %% meet_backward
def meet_backward(dm, x, mask, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse):
    import torch

    dm, x, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse = (
        torch.as_tensor(array, dtype=torch.float64)
        for array in (dm, x, W_xh, W_hh, b_h, W_xh_reverse, b_h_reverse)
    )
    real = torch.as_tensor(mask)[..., None]
    phi, slope = {  # the slope is told from a
        "softsign": (torch.nn.functional.softsign, lambda a: (1 + a.abs()) ** -2),
        "arctan": (torch.arctan, lambda a: 1 / (1 + a * a)),
        "isru": (lambda a: a * torch.rsqrt(1 + a * a), lambda a: (1 + a * a) ** -1.5),
        "asinh": (torch.asinh, lambda a: torch.rsqrt(1 + a * a)),
    }["{{phi}}"]
    W_back = {"same": W_hh, "transposed": W_hh.T, "negated": -W_hh}["{{tie}}"]
    N, T, _ = x.shape
    steps = range(T)

    def read(W_x, W_h, b, order):
        h, arrive, leave, inside = (
            torch.zeros(N, len(b)).double(),
            [None] * T,
            [None] * T,
            [None] * T,
        )
        for t in order:
            arrive[t], inside[t] = h, x[:, t] @ W_x + h @ W_h + b
            h = leave[t] = torch.where(real[:, t], phi(inside[t]), h)
        return torch.stack(arrive, 1), torch.stack(leave, 1), torch.stack(inside, 1)

    def unread(d_known, arriving, arrive, inside, W_x, W_h, order):
        dz, dh = torch.zeros(N, T, len(W_h)).double(), torch.zeros(N, len(W_h)).double()
        for t in order:
            if not arriving:
                dh = dh + d_known[:, t]
            dz[:, t] = torch.where(real[:, t], dh * slope(inside[:, t]), 0)
            dh = torch.where(real[:, t], dz[:, t] @ W_h.T, dh)
            if arriving:
                dh = dh + d_known[:, t]
        dW_x = torch.einsum("ntd,nth->dh", x, dz)
        return dz @ W_x.T, dW_x, torch.einsum("ntk,nth->kh", arrive, dz), dz.sum(dim=(0, 1))

    arrive_p, leave_p, inside_p = read(W_xh, W_hh, b_h, steps)
    arrive_q, leave_q, inside_q = read(W_xh_reverse, W_back, b_h_reverse, steps[::-1])
    early_p, early_q = "{{meet}}" == "cloze", "{{meet}}" != "both"
    p, q = arrive_p if early_p else leave_p, arrive_q if early_q else leave_q
    g, s = torch.sigmoid(q), torch.sigmoid(p - q)
    to_p, to_q = {
        "bilinear": (1 + q, 1 + p),
        "maximum": ((p >= q).double(), (p < q).double()),
        "future": (g, 1 - g + (p - q) * g * (1 - g)),
        "rms": (p, q),
        "logmean": (s, 1 - s),
    }["{{merge}}"]
    dm = torch.where(real, dm, 0)
    if "{{merge}}" == "rms":
        dm = dm / (2 * torch.sqrt((p**2 + q**2) / 2 + 0.01))
    dx, dW_xh, dW_hh, db_h = unread(dm * to_p, early_p, arrive_p, inside_p, W_xh, W_hh, steps[::-1])
    dx_q, dW_q, dW_back, db_q = unread(
        dm * to_q, early_q, arrive_q, inside_q, W_xh_reverse, W_back, steps
    )
    dW_back = {"same": dW_back, "transposed": dW_back.T, "negated": -dW_back}["{{tie}}"]
    return dx + dx_q, dW_xh, dW_hh + dW_back, db_h, dW_q, db_q


# %% flip
def flip(x, lengths, block):
    import torch

    x = torch.as_tensor(x)
    turned = x.clone()
    for n, length in enumerate(lengths.tolist()):
        if length:
            turned[n, :length] = torch.cat([part.flip(0) for part in x[n, :length].split(block)])
    return turned
