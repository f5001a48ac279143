"""Chapter 8 in PyTorch: gradient times input, (8.8) of ``unrolled.stacked.explain``."""

import torch

from unrolled.data.batches import PAD


def torch_gradient_input(model, tokens):
    """(8.8) for each letter. Args: model, a TorchClassifier; tokens (N, T), padded.

    Returns: (N, T), 0 at padding; the answers (N,).
    """
    model.eval()
    x = model.embedding(tokens).detach().requires_grad_()  # (N, T, D)
    with torch.backends.cudnn.flags(enabled=False):  # cuDNN goes back in training mode only
        hs, _ = model.layer(x, mask=tokens != PAD)
    logits = model.readout(hs[:, -1])
    top, answers = logits.max(dim=1)
    (slope,) = torch.autograd.grad((top - logits.mean(dim=1)).sum(), x)  # of (8.7)
    return (x * slope).sum(dim=2).detach(), answers
