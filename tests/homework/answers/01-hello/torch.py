# %% forward
def forward(tokens, mu, W_xh, W_yh, b_h, W_hy, b_y):
    import torch
    from torch.nn import functional as F

    phi = {
        "softsign": F.softsign,
        "arctan": torch.atan,
        "sine": torch.sin,
        "root": lambda a: a * torch.rsqrt(1 + a * a),
        "rectified": torch.relu,
    }["{{activation}}"]
    feed = {
        "probabilities": lambda y: y.softmax(dim=-1),
        "centered": lambda y: y - y.mean(dim=-1, keepdim=True),
        "bet": lambda y: F.one_hot(y.argmax(dim=-1), y.shape[-1]).double(),
        "squashed": torch.tanh,
        "surprise": lambda y: y.log_softmax(dim=-1),
    }["{{feedback}}"]
    weights = (torch.as_tensor(w, dtype=torch.float64) for w in (W_xh, W_yh, b_h, W_hy, b_y))
    W_xh, W_yh, b_h, W_hy, b_y = weights
    s = older = b_y.new_zeros(len(tokens), len(b_y))
    contexts, logits = [], []
    for letters in torch.as_tensor(tokens).unbind(dim=1):
        if logits:
            said = feed(logits[-1])
            s = {
                "sum": said + mu * s,
                "mix": torch.lerp(said, s, mu),
                "two": said + mu * older,
                "minus": said - mu * s,
            }["{{trace}}"]
            older = said
        contexts.append(s)
        logits.append(phi(F.embedding(letters, W_xh) + s @ W_yh + b_h) @ W_hy + b_y)
    return torch.stack(contexts, dim=1), torch.stack(logits, dim=1)


# %% account
def account(ys, tokens):
    import math

    import torch
    from torch.nn import functional as F

    ys, targets = torch.as_tensor(ys), torch.as_tensor(tokens)[:, 1:]
    surprise = F.cross_entropy(ys.mT, targets, ignore_index=-1, reduction="none")  # (N, T)
    letters = (targets >= 0).sum(dim=1)
    real = letters > 0
    return {
        "bits": surprise.sum() / letters.sum() / math.log(2),
        "per-word": surprise.sum() / real.sum(),
        "perplexity": (surprise.sum() / letters.sum()).exp(),
        "fair": (surprise.sum(dim=1)[real] / letters[real]).mean(),
    }["{{account}}"]


# %% solve
def solve(word, mu, size, W_xh, W_yh, b_h):
    import torch
    from torch.nn import functional as F

    phi = {
        "softsign": F.softsign,
        "arctan": torch.atan,
        "sine": torch.sin,
        "root": lambda a: a * torch.rsqrt(1 + a * a),
        "rectified": torch.relu,
    }["{{activation}}"]
    feed = {
        "probabilities": lambda y: y.softmax(dim=-1),
        "centered": lambda y: y - y.mean(dim=-1, keepdim=True),
        "bet": lambda y: F.one_hot(y.argmax(dim=-1), y.shape[-1]).double(),
        "squashed": torch.tanh,
        "surprise": lambda y: y.log_softmax(dim=-1),
    }["{{feedback}}"]
    W_xh, W_yh, b_h = (torch.as_tensor(w, dtype=torch.float64) for w in (W_xh, W_yh, b_h))
    x = F.one_hot(torch.as_tensor(word), len(W_xh)).double()
    wanted = size * x[1:]
    said = torch.cat([torch.zeros_like(wanted[:1]), feed(wanted[:-1])])  # at step t: f of t - 1
    # What is heard is a matrix of shares times the answers: lag[t, k] steps lie between.
    lag = torch.arange(len(said))[:, None] - torch.arange(len(said))
    share = {
        "sum": mu ** lag.clamp(min=0).double(),
        "mix": (1 - mu) * mu ** lag.clamp(min=0).double(),
        "two": (lag == 0) + mu * (lag == 1).double(),
        "minus": (-mu) ** lag.clamp(min=0).double(),
    }["{{trace}}"]
    contexts = (share * (lag >= 0)) @ said
    hs = phi(x[:-1] @ W_xh + contexts @ W_yh + b_h)
    return torch.linalg.lstsq(hs, wanted, driver="gelsd").solution
