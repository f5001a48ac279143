"""Answers to 10-attention in PyTorch."""

# %% attend
import torch


def attend(queries, keys, values, mask, W_a, beta):
    """Look at what the window shows, each place as much as it fits."""
    queries, keys, values, W_a = map(torch.as_tensor, (queries, keys, values, W_a))
    keys, values = (a.where(torch.as_tensor(mask)[:, :, None], 1) for a in (keys, values))
    q, k = (queries @ W_a)[:, :, None], keys[:, None]
    fit = {
        "distance": lambda: -((q - k) ** 2).sum(dim=-1),
        "cosine": lambda: torch.cosine_similarity(q, k, dim=-1),
        "clipped": lambda: torch.tanh((q * k).sum(dim=-1)),
        "manhattan": lambda: -(q - k).abs().sum(dim=-1),
    }["{{score}}"]()
    e = beta * fit
    apart = torch.arange(e.shape[1])[:, None] - torch.arange(e.shape[2])  # t - j
    window = {
        "near": (apart >= 0) & (apart <= 2),
        "center": apart.abs() <= 2,
        "ahead": apart <= 0,
        "stride": apart % 2 == 0,
    }["{{window}}"]
    seen = window & torch.as_tensor(mask)[:, None]

    def softmax(z):  # rows that see nothing are 0 / 0
        return z.masked_fill(~seen, -torch.inf).softmax(dim=-1).where(seen, 0)

    def null(z):
        z = z.masked_fill(~seen, -torch.inf)
        return torch.cat([z, torch.zeros_like(z[..., :1])], dim=-1).softmax(dim=-1)[..., :-1]

    def sparsemax(z):
        z = z.masked_fill(~seen, -torch.inf)
        top = z.amax(dim=-1, keepdim=True).clamp(min=-1e30)
        z = z.maximum(top - 2)  # what is 1 below the largest has no weight anyway
        down = z.sort(dim=-1, descending=True).values
        taus = (down.cumsum(dim=-1) - 1) / torch.arange(1, z.shape[-1] + 1)
        last = (down > taus).sum(dim=-1, keepdim=True).clamp(min=1) - 1
        return (z - taus.gather(-1, last)).relu().where(seen, 0)

    def taylor(z):
        f = (1 + z + z**2 / 2) * seen
        return f / f.sum(dim=-1, keepdim=True).clamp(min=1e-300)

    weights = {
        "sparsemax": sparsemax,
        "sigmoid": lambda z: softmax(torch.nn.functional.logsigmoid(z)),
        "null": null,
        "taylor": taylor,
    }["{{norm}}"](e)
    return weights @ values, weights


# %% back
def attend_backward(dcontexts, queries, keys, values, mask, W_a, beta):
    """Find all gradients of a loss whose gradient in the contexts is dcontexts."""
    _, a = attend(queries, keys, values, mask, W_a, beta)
    arrays = dcontexts, queries, keys, values, W_a
    dcontexts, queries, keys, values, W_a = map(torch.as_tensor, arrays)
    keys, values = (v.where(torch.as_tensor(mask)[:, :, None], 1) for v in (keys, values))
    q, k = (queries @ W_a)[:, :, None], keys[:, None]
    near, dot = q - k, (q * k).sum(dim=-1, keepdim=True)
    q_norm, k_norm = q.norm(dim=-1, keepdim=True), k.norm(dim=-1, keepdim=True)
    fit, by_q, by_k = {  # the fit (N, T, S, 1), and what it changes by
        "distance": lambda: (-(near**2).sum(dim=-1, keepdim=True), -2 * near, 2 * near),
        "cosine": lambda: (
            dot / (q_norm * k_norm),
            k / (q_norm * k_norm) - dot * q / (q_norm**3 * k_norm),
            q / (q_norm * k_norm) - dot * k / (q_norm * k_norm**3),
        ),
        "clipped": lambda: (dot.tanh(), (1 - dot.tanh() ** 2) * k, (1 - dot.tanh() ** 2) * q),
        "manhattan": lambda: (-near.abs().sum(dim=-1, keepdim=True), -near.sign(), near.sign()),
    }["{{score}}"]()
    e, da, some = beta * fit[..., 0], dcontexts @ values.mT, (a > 0).double()
    tied = a * (da - (a * da).sum(dim=-1, keepdim=True))
    mean = (some * da).sum(dim=-1, keepdim=True) / some.sum(dim=-1, keepdim=True).clamp(min=1)
    de = {
        "sparsemax": lambda: some * (da - mean),
        "sigmoid": lambda: tied * torch.sigmoid(-e),
        "null": lambda: tied,
        "taylor": lambda: tied * (1 + e) / (1 + e + e**2 / 2),
    }["{{norm}}"]()[..., None]
    dq = beta * (de * by_q).sum(dim=2)
    return {
        "queries": dq @ W_a.T,
        "keys": beta * (de * by_k).sum(dim=1),
        "values": a.mT @ dcontexts,
        "W_a": torch.einsum("ntq,ntk->qk", queries, dq),
        "beta": (de * fit).sum(),
    }


# %% mend
def masked_softmax(scores, mask):
    """A softmax over what is real."""
    real = torch.as_tensor(mask)[:, None]
    weights = torch.as_tensor(scores).masked_fill(~real, -torch.inf).softmax(dim=-1)
    return weights.where(real, 0)


# %% again
def look_again(scores, mask, strength):
    """Weights that know of the weights before them."""
    scores, real = torch.as_tensor(scores), torch.as_tensor(mask)
    b, looked = torch.zeros_like(scores[:, 0]), []
    for e in scores.unbind(dim=1):
        e = e + strength * b if "{{again}}" == "step" else e - strength * b
        a = e.masked_fill(~real, -torch.inf).softmax(dim=-1).where(real, 0)
        looked.append(a)
        b = {
            "sum": b + a,
            "fade": b / 2 + a,
            "peak": b.maximum(a),
            "step": torch.nn.functional.pad(a, (1, 0))[:, :-1],
        }["{{again}}"]
    return torch.stack(looked, dim=1)
