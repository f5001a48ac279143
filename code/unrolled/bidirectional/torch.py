"""Chapter 7 in PyTorch: two layers that read a sequence from both ends, and a tagger.

    R(x)_t   = x_{L+1-t} for t <= L,  x_t behind it                    (7.1)
    hf       = layer forward (x)                                       (7.2)
    hb       = R(layer backward (R(x)))                                (7.3)
    h_t      = [hf_t, hb_t],  or hf_t + hb_t;  0 at padding            (7.4)
    y_t      = h_t W_hy + b_y                                          (7.5)

Symbols and shapes as in ``unrolled.bidirectional.numpy``. ``nn.LSTM(bidirectional=True)`` does
(7.2) to (7.4) concatenated, and reverses within the true length if it is given a packed sequence.

Source: Schuster & Paliwal 1997; as two LSTMs, Graves & Schmidhuber 2005.
"""

import torch
from torch import nn
from torch.nn.utils.rnn import pad_packed_sequence

from unrolled.bidirectional import check_merge, check_steps, check_twins
from unrolled.data.batches import PAD
from unrolled.nn import check_mask
from unrolled.shapes.torch import pack


def torch_reverse(x, mask=None):
    """R of (7.1): the real steps of each row in reverse order; the others stay where they are.

    Args: x (N, T, ...); mask (N, T), True where a step is real; None if all are.
    """
    if mask is None:
        return x.flip(1)
    T = mask.shape[1]
    places = torch.arange(T, device=mask.device)
    real_first = torch.argsort(torch.where(mask, 0, T) + places, dim=1)  # (N, T)
    rank = mask.cumsum(dim=1) - 1  # of a real step, among the real ones of its row
    mirrored = mask.sum(dim=1, keepdim=True) - 1 - rank
    source = torch.where(mask, real_first.gather(1, mirrored.clamp(min=0)), places)
    return x[torch.arange(len(x), device=x.device)[:, None], source]


class TorchBidirectional(nn.Module):
    """Two layers read from both ends, (7.1) to (7.4), and each step gets what both know.

    Args: forward_layer, backward_layer, two of one kind and size that take a mask; merge,
    "concat" or "sum". Source: Schuster & Paliwal 1997.
    """

    def __init__(self, forward_layer, backward_layer, merge="concat"):
        super().__init__()
        self.forward_layer, self.backward_layer = check_twins(forward_layer, backward_layer)
        self.merge = check_merge(merge)

    def init_state(self, batch_size):
        """Nothing remembered yet, at either end. Returns: the states of both layers."""
        layers = self.forward_layer, self.backward_layer
        return tuple(layer.init_state(batch_size) for layer in layers)

    def forward(self, x, state=None, mask=None):
        """All steps. Args: x (N, T, D); state, a pair; mask (N, T), False to skip a step.

        Returns: hs (N, T, 2H) or (N, T, H); the states after the last step of each layer, which
        for the backward one is the first of the sequence.
        """
        check_mask(mask, tuple(check_steps(x).shape[:2]))
        start, end = self.init_state(len(x)) if state is None else state
        hf, last = self.forward_layer(x, start, mask)
        hb, first = self.backward_layer(torch_reverse(x, mask), end, mask)
        both = hf, torch_reverse(hb, mask)
        hs = torch.cat(both, dim=-1) if self.merge == "concat" else sum(both)
        return hs if mask is None else hs * mask[..., None], (last, first)


class TorchTagger(nn.Module):
    """Many to many in step, (7.5): an answer at every step. Tokens that are PAD are skipped.

    Args: embedding, an nn.Embedding; layer, any that takes a mask; readout, an nn.Linear.
    """

    def __init__(self, embedding, layer, readout):
        super().__init__()
        self.embedding, self.layer, self.readout = embedding, layer, readout

    def forward(self, tokens):
        """Args: tokens (N, T), padded with PAD. Returns: logits (N, T, C)."""
        hs, _ = self.layer(self.embedding(tokens), mask=tokens != PAD)
        return self.readout(hs)


class TorchPackedTagger(nn.Module):
    """The same around the library's own layers, which read packed sequences.

    Args: embedding, an nn.Embedding; layer, an nn.LSTM or nn.GRU with batch_first=True, in one
    direction or both; readout, an nn.Linear; merge, "concat" or "sum", of two directions.
    """

    def __init__(self, embedding, layer, readout, merge="concat"):
        super().__init__()
        self.embedding, self.layer, self.readout = embedding, layer, readout
        self.merge = check_merge(merge)

    def forward(self, tokens):
        """Args: tokens (N, T), padded with PAD behind. Returns: logits (N, T, C)."""
        packed, _ = self.layer(pack(self.embedding(tokens), tokens != PAD))
        hs, _ = pad_packed_sequence(packed, batch_first=True, total_length=tokens.shape[1])
        if self.merge == "sum":
            hs = sum(hs.chunk(2, dim=-1))
        return self.readout(hs)
