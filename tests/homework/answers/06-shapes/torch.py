"""Answers to 06-shapes in PyTorch."""

# %% pool
import torch


def pool(hs, mask):
    """One vector a sequence. Args: hs (N, T, H); mask (N, T). Returns: (N, H)."""
    hs, mask = torch.as_tensor(hs), torch.as_tensor(mask)
    pooled = torch.zeros(len(hs), hs.shape[2], dtype=hs.dtype)
    for n in range(len(hs)):
        h = hs[n, mask[n]]
        if len(h):
            w = 0.8 ** torch.arange(len(h) - 1, -1, -1, dtype=h.dtype)[:, None]
            pooled[n] = {
                "max": h.amax(dim=0),
                "smooth": h.logsumexp(dim=0) - torch.tensor(len(h)).log(),
                "boltzmann": (h.softmax(dim=0) * h).sum(dim=0),
                "recent": (w * h).sum(dim=0) / w.sum(),
                "ends": h[0] + h[-1],
            }["{{pool}}"]
    return pooled


# %% pool-back
def pool_backward(dpooled, hs, mask):
    """Gradient through pool. Returns: dhs (N, T, H)."""
    dpooled, hs, mask = torch.as_tensor(dpooled), torch.as_tensor(hs), torch.as_tensor(mask)
    dhs = torch.zeros_like(hs)
    for n in range(len(hs)):
        h = hs[n, mask[n]]
        if len(h):
            a, ends = h.softmax(dim=0), torch.zeros_like(h)
            ends[0] += 1
            ends[-1] += 1
            w = 0.8 ** torch.arange(len(h) - 1, -1, -1, dtype=h.dtype)[:, None]
            slope = {
                "max": (h == h.amax(dim=0)).to(h.dtype),
                "smooth": a,
                "boltzmann": a * (1 + h - (a * h).sum(dim=0)),
                "recent": w / w.sum(),
                "ends": ends,
            }["{{pool}}"]
            dhs[n, mask[n]] = slope * dpooled[n]
    return dhs


# %% loss
def loss(logits, targets):
    """Your loss in nats, a number. Args: logits (N, T, V); targets (N, T), -1 where unscored."""
    logits, targets = torch.as_tensor(logits), torch.as_tensor(targets)
    own = logits.log_softmax(dim=2).gather(2, targets.clamp(min=0)[..., None])[..., 0]
    return -(token_weights(targets) * own).sum()


def loss_backward(logits, targets):
    """Gradient of loss. Returns: dlogits (N, T, V)."""
    logits, targets = torch.as_tensor(logits), torch.as_tensor(targets)
    one_hot = torch.arange(logits.shape[2]) == targets[..., None]
    return token_weights(targets)[..., None] * (logits.softmax(dim=2) - one_hot.to(logits.dtype))


def token_weights(targets):
    """What each target counts in the loss, 0 where it is not scored. Returns: (N, T)."""
    scored = (targets >= 0).to(torch.float64)
    lengths = scored.sum(dim=1, keepdim=True)
    M, L = (lengths > 0).sum().clamp(min=1), lengths.clamp(min=1)
    return {
        "sequence": scored / L / M,
        "root": scored / L.sqrt() / M,
        "late": scored * 2 * scored.cumsum(dim=1) / (L * (L + 1)) / M,
        "mixed": scored / (2 * scored.sum().clamp(min=1)) + scored / (2 * L * M),
    }["{{loss}}"]


# %% collate
def collate(sequences, answers):
    """One batch: tokens (N, T), mask (N, T), lengths (N,), answers (N,), back (N,)."""
    side, multiple = "{{side}}", int("{{multiple}}")
    sequences = [torch.as_tensor(sequence) for sequence in sequences]
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    order = torch.sort(lengths, descending="{{sign}}" == "-1", stable=True).indices
    T = -(-int(lengths.max()) // multiple) * multiple
    tokens = torch.full((len(sequences), T), int("{{pad}}"))
    mask = torch.zeros(len(sequences), T, dtype=torch.bool)
    for row, n in enumerate(order.tolist()):
        L = len(sequences[n])
        start = {"behind": 0, "front": T - L, "center": (T - L) // 2}[side]
        tokens[row, start : start + L] = sequences[n]
        mask[row, start : start + L] = True
    return tokens, mask, lengths[order], torch.as_tensor(answers)[order], order.argsort()


# %% pack
def pack(x, lengths):
    """Real steps alone: data (sum of lengths, D), batch_sizes, order (N,)."""
    x, lengths = torch.as_tensor(x), torch.as_tensor(lengths)
    T = x.shape[1]
    order = torch.sort(lengths, descending=True, stable=True).indices
    start = {"behind": 0 * lengths, "front": T - lengths, "center": (T - lengths) // 2}["{{side}}"]
    t = torch.arange(T)
    real = (start[:, None] <= t) & (t < (start + lengths)[:, None])
    by_column = real[order].T
    batch_sizes = by_column.sum(dim=1)
    return x[order].transpose(0, 1)[by_column], batch_sizes[batch_sizes > 0], order


# %% read
def read_packed(data, batch_sizes, W_xh, W_hh, b_h):
    """Read a packed batch. Returns: hs (sum of lengths, H), last (N, H)."""
    data, W_xh, W_hh, b_h = (torch.as_tensor(array) for array in (data, W_xh, W_hh, b_h))
    sizes = [int(size) for size in batch_sizes]
    h, hs = torch.zeros(max(sizes), len(b_h), dtype=data.dtype), []
    for x_t in data.split(sizes):
        now = torch.tanh(x_t @ W_xh + h[: len(x_t)] @ W_hh + b_h)
        h = torch.cat([now, h[len(x_t) :]])
        hs.append(now)
    return torch.cat(hs), h
