"""Answers to 09-seq2seq in PyTorch."""

# %% bridge
import torch


def bridge_forward(hs, mask, x, W_b, b_b, W_xh, W_fh, W_hh, b_h):
    """Summarize what was read, cross the bridge, and decode."""
    arrays = hs, x, W_b, b_b, W_xh, W_fh, W_hh, b_h
    hs, x, W_b, b_b, W_xh, W_fh, W_hh, b_h = (torch.as_tensor(array) for array in arrays)
    real = torch.as_tensor(mask)[:, :, None]
    places = torch.arange(hs.shape[1])[:, None]
    last = real.sum(dim=1, keepdim=True) - 1  # (N, 1, 1)
    hs = hs.where(real, 0)
    if "{{pool}}" == "max":
        r = hs.masked_fill(~real, -torch.inf).amax(dim=1)
    else:
        share = {
            "mean": torch.ones_like(hs[:, :, :1]),
            "ends": (places == 0).double() + (places == last).double(),
            "fade": 2.0 ** (places - last).double(),
        }["{{pool}}"] * real
        r = (share * hs).sum(dim=1) / share.sum(dim=1)
    r = r.where(real.any(dim=1), 0)
    phi = {
        "softsign": torch.nn.functional.softsign,
        "arctan": lambda a: torch.arctan(a) * (2 / torch.pi),
        "root": lambda a: a / (1 + a**2).sqrt(),
        "clip": torch.nn.functional.hardtanh,
    }["{{bridge}}"]
    s = phi(r @ W_b + b_b)
    f, ss = {"summary": r, "first": s}["{{fed}}"], []
    for x_t in x.unbind(dim=1):
        s = torch.tanh(x_t @ W_xh + f @ W_fh + s @ W_hh + b_h)
        ss.append(s)
    return torch.stack(ss, dim=1)


# %% back


def bridge_backward(dss, hs, mask, x, W_b, b_b, W_xh, W_fh, W_hh, b_h):
    """Find all gradients of a loss whose gradient in the decoder's states is dss."""
    arrays = dss, hs, x, W_b, b_b, W_xh, W_fh, W_hh, b_h
    dss, hs, x, W_b, b_b, W_xh, W_fh, W_hh, b_h = (torch.as_tensor(array) for array in arrays)
    real = torch.as_tensor(mask)[:, :, None]
    places = torch.arange(hs.shape[1])[:, None]
    last = real.sum(dim=1, keepdim=True) - 1
    share = {
        "mean": lambda: torch.ones_like(hs[:, :, :1]),
        "max": lambda: places == hs.masked_fill(~real, -torch.inf).argmax(dim=1, keepdim=True),
        "ends": lambda: (places == 0).double() + (places == last).double(),
        "fade": lambda: 2.0 ** (places - last).double(),
    }["{{pool}}"]() * real.double()
    share = share / share.sum(dim=1, keepdim=True).clamp(min=1e-300)  # (N, S, 1) or (N, S, H)
    r = (share * hs.where(real, 0)).sum(dim=1)
    a = r @ W_b + b_b
    s, slope = {
        "softsign": lambda: (a / (1 + a.abs()), (1 + a.abs()) ** -2),
        "arctan": lambda: (torch.arctan(a) * (2 / torch.pi), 2 / torch.pi / (1 + a**2)),
        "root": lambda: (a / (1 + a**2).sqrt(), (1 + a**2) ** -1.5),
        "clip": lambda: (a.clamp(-1, 1), (a.abs() < 1).double()),
    }["{{bridge}}"]()
    ss, f = [s], {"summary": r, "first": s}["{{fed}}"]
    for x_t in x.unbind(dim=1):
        ss.append(torch.tanh(x_t @ W_xh + f @ W_fh + ss[-1] @ W_hh + b_h))
    ds, dzs = torch.zeros_like(s), []
    for t in reversed(range(x.shape[1])):
        dz = (dss[:, t] + ds) * (1 - ss[t + 1] ** 2)
        ds = dz @ W_hh.T
        dzs.insert(0, dz)
    dz, before = torch.stack(dzs, dim=1), torch.stack(ss[:-1], dim=1)  # (N, T, H)
    df = dz.sum(dim=1) @ W_fh.T
    ds = ds + df * float("{{fed}}" == "first")
    da = ds * slope
    dr = da @ W_b.T + df * float("{{fed}}" == "summary")
    return {
        "hs": share * dr[:, None],
        "x": dz @ W_xh.T,
        "W_b": r.T @ da,
        "b_b": da.sum(dim=0),
        "W_xh": torch.einsum("ntd,nth->dh", x, dz),
        "W_fh": f.T @ dz.sum(dim=1),
        "W_hh": torch.einsum("nti,ntj->ij", before, dz),
        "b_h": dz.sum(dim=(0, 1)),
    }


# %% search


def search(log_p, width, alpha):
    """Beam search in a table."""
    log_p = torch.as_tensor(log_p)
    T, V, _ = log_p.shape
    fair = {
        "google": lambda total, n: total / ((5 + n) / 6) ** alpha,
        "power": lambda total, n: total / n**alpha,
        "reward": lambda total, n: total + alpha * n,
        "bounded": lambda total, n: total + alpha * min(n, 4),
    }["{{fair}}"]
    said, totals = torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, dtype=torch.float64)
    answers, scores = [], []
    for t in range(T):
        longer = (totals[:, None] + log_p[t, said[:, -1]]).flatten()
        totals, kept = torch.sort(longer, descending=True, stable=True)
        totals, kept = totals[:width], kept[:width]
        said = torch.cat([said[kept // V], (kept % V)[:, None]], dim=1)
        still = said[:, -1] != 0
        over = ~still if t < T - 1 else torch.ones_like(still)
        for row, total in zip(said[over], totals[over], strict=True):
            answers.append(row[row != 0].tolist())
            scores.append(fair(total, t + 1))
        said, totals = said[still], totals[still]
    scores, order = torch.sort(torch.stack(scores), descending=True, stable=True)
    return [answers[k] for k in order[:width]], scores[:width]
