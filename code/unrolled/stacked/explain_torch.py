"""Chapter 8 in PyTorch: gradient times input, (8.7) of ``unrolled.stacked.explain``."""

from torch.nn import functional as F

from unrolled.data.batches import PAD


def torch_gradient_input(model, tokens):
    """(8.7) for each letter, in nats. Args: model, a TorchClassifier; tokens (N, T), padded.

    Returns: (N, T), 0 at padding; the answers (N,).
    """
    model.eval()
    x = model.embedding(tokens).detach().requires_grad_()  # (N, T, D)
    hs, _ = model.layer(x, mask=tokens != PAD)
    log_p, answers = F.log_softmax(model.readout(hs[:, -1]), dim=1).max(dim=1)
    log_p.sum().backward()
    return (x * x.grad).sum(dim=2).detach(), answers
