"""The answers of 03-charlm in PyTorch."""

import torch


# %% loss
def loss_and_gradient(logits, targets, mask):
    """Your loss, a mean over the real places, and its gradient.

    Args: logits (N, T, V); targets (N, T), integers in [0, V); mask (N, T), True where real.
    Returns: loss, a number; dlogits (N, T, V).
    """
    logits, mask = torch.as_tensor(logits), torch.as_tensor(mask)
    V, weight = logits.shape[-1], float("{{strength}}")
    log_p = torch.log_softmax(logits, dim=-1)
    right = torch.nn.functional.one_hot(torch.as_tensor(targets), V).to(logits)
    p, log_pc = log_p.exp(), (log_p * right).sum(dim=-1)
    pc, real = log_pc.exp(), mask.sum().clamp(min=1)
    if "{{loss}}" == "unigram":
        q = (1 - weight) * right + weight * right[mask].sum(dim=0) / real
        each, dlogits = -(q * log_p).sum(dim=-1), p - q
    elif "{{loss}}" == "penalty":
        H = torch.special.entr(p).sum(dim=-1)
        each = -log_pc - weight * H
        dlogits = p - right + weight * p * (log_p + H[..., None])
    else:
        if "{{loss}}" == "focal":
            far = 1 - pc
            each = -(far**weight) * log_pc
            slope = weight * far ** (weight - 1) * pc * log_pc - far**weight
        elif "{{loss}}" == "power":
            each, slope = (1 - pc**weight) / weight, -(pc**weight)
        else:
            mixed = (1 - weight) * pc + weight / V
            each, slope = -mixed.log(), -(1 - weight) * pc / mixed
        dlogits = slope[..., None] * (right - p)
    return (each * mask).sum() / real, dlogits * mask[..., None] / real


# %% windows
def windows(tokens, N, T):
    """Cut a text into batches of N rows and T steps that ask every question once.

    Args: tokens (M,), integers, M at least 2.
    Returns: inputs, targets, mask, each (batches, N, T).
    """
    tokens = torch.as_tensor(tokens)
    questions = len(tokens) - 1
    share, left = divmod(questions, N)
    lengths = {
        "first": [share + (n < left) for n in range(N)],
        "last": [share + (n >= N - left) for n in range(N)],
        "end": [share] * (N - 1) + [share + left],
        "full": [
            min(-(-questions // N), max(questions + n * (-questions // N), 0)) for n in range(N)
        ],
    }["{{cut}}"]
    batches = -(-max(lengths) // T)
    out = []
    for row in (tokens[:-1], tokens[1:], torch.ones(questions, dtype=torch.bool)):
        streams = torch.zeros(N, batches * T, dtype=row.dtype)
        for stream, piece in zip(streams, row.split(lengths), strict=True):
            stream[: len(piece)] = piece
        out.append(streams.reshape(N, batches, T).transpose(0, 1))
    return out


# %% narrow
def narrow(logits, temperature):
    """The distributions to draw from, by your rule.

    Args: logits (N, V); temperature, a number above 0.
    Returns: probabilities (N, V); every row sums to 1.
    """
    logits, level = torch.as_tensor(logits), float("{{level}}")
    plain, heated = logits.softmax(dim=1), (logits / temperature).softmax(dim=1)
    p = plain if "{{heat}}" == "after" else heated
    top, entropy = p.amax(dim=1, keepdim=True), torch.special.entr(p).sum(dim=1, keepdim=True)
    if "{{rule}}" == "typical":
        order = (-p.log() - entropy).abs().argsort(dim=1)
        mass = p.gather(1, order)
        keep = torch.zeros_like(p, dtype=torch.bool)
        keep = keep.scatter(1, order, mass.cumsum(dim=1) - mass < level)
    else:
        least = {
            "min-p": level * top,
            "top-a": level * top**2,
            "eta": (level**0.5 * (-entropy).exp()).clamp(max=level),
            "epsilon": level,
        }["{{rule}}"]
        keep = p >= least
    kept = torch.where(keep | (p == top), plain if "{{heat}}" == "cut" else heated, 0)
    return kept / kept.sum(dim=1, keepdim=True)
