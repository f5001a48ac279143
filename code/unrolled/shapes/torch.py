"""Chapter 6 in PyTorch: one answer a sequence, one sequence an answer, and unequal lengths.

    mask          m_t = 1: h_t as ever;   m_t = 0: h_t = h_{t-1}                      (6.1)
    many to one   h_1 ... h_T read x_1 ... x_T;   y = h_T W_hy + b_y                  (6.2)
    one to many   h_t reads [x, e_{t-1}]: the one thing, and what was said last       (6.5)

The library's own layers take no mask. They take a packed sequence, which holds the real steps
alone, and return the state after each sequence's last one: ``TorchPacked`` packs for them.
"""

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from unrolled.data.batches import PAD, check_lengths, length_mask
from unrolled.nn import IGNORED, check_mask


class TorchClassifier(nn.Module):
    """Many to one, (6.2): read a sequence, answer once, from the state after its last real step.

    Args: embedding, an nn.Embedding, or None if the inputs are vectors; layer, any recurrent
    layer that takes a mask; readout, an nn.Linear.
    """

    def __init__(self, embedding, layer, readout):
        super().__init__()
        self.embedding, self.layer, self.readout = embedding, layer, readout

    def forward(self, inputs, mask=None):
        """Args: tokens (N, T), padded with PAD; or vectors (N, T, D) and a mask (N, T).

        Returns: logits (N, C).
        """
        if self.embedding is not None:
            inputs, mask = self.embedding(inputs), inputs != PAD
        hs, _ = self.layer(inputs, mask=mask)
        return self.readout(hs[:, -1])  # carried there past the padding


def pack(x, mask):
    """The real steps alone, as the library's layers want them. Args: x (N, T, D); mask (N, T).

    Raises: ValueError if a row has no real step, or one behind its padding.
    """
    lengths = check_lengths(mask.sum(dim=1).cpu().numpy())
    if (length_mask(lengths, mask.shape[1]) != mask.cpu().numpy()).any():
        raise ValueError("a real step stands behind padding: to be packed, padding comes last")
    lengths = torch.as_tensor(lengths)
    return pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)


class TorchPacked(nn.Module):
    """One of the library's own layers with a mask, as our loops have it.

    Args: layer, an nn.RNN, nn.LSTM or nn.GRU in one direction, batch first. The mask is of padding
    behind each sequence; there, what the last real step showed is shown again, by (6.1).
    """

    def __init__(self, layer):
        super().__init__()
        if layer.bidirectional or not layer.batch_first:
            raise ValueError("expected a layer in one direction, with batch_first=True")
        self.layer = layer

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: (N, H), or (L, N, H) of L layers; an LSTM's two."""
        shape = self.layer.num_layers, batch_size, self.layer.hidden_size
        zeros = self.layer.weight_hh_l0.new_zeros(shape).squeeze(0)
        return (zeros, zeros) if isinstance(self.layer, nn.LSTM) else zeros

    def forward(self, x, state=None, mask=None):
        """Args: x (N, T, D); state (N, H), or (L, N, H) of L layers, an LSTM's two; mask (N, T).

        Returns: hs (N, T, H), the state after each sequence's last real step.
        """
        two = isinstance(self.layer, nn.LSTM)
        if state is not None:  # the library wants an axis of layers
            parts = [part.reshape(-1, *part.shape[-2:]) for part in (state if two else [state])]
            state = tuple(parts) if two else parts[0]
        if mask is None:
            hs, last = self.layer(x, state)
        else:
            packed, last = self.layer(pack(x, check_mask(mask, tuple(x.shape[:2]))), state)
            hs, lengths = pad_packed_sequence(packed, batch_first=True, total_length=x.shape[1])
            ends = hs[torch.arange(len(x)), lengths - 1]  # (N, H)
            hs = torch.where(mask[..., None], hs, ends[:, None])
        return hs, tuple(part.squeeze(0) for part in last) if two else last.squeeze(0)


class TorchNamer(nn.Module):
    """One to many, (6.5): one vector is given, and its name is told letter by letter.

    Args: embedding, an nn.Embedding of D; layer, an nn.GRU or the like from G + D inputs, batch
    first; readout, an nn.Linear.
    """

    def __init__(self, embedding, layer, readout):
        super().__init__()
        self.embedding, self.layer, self.readout = embedding, layer, readout

    def forward(self, given, tokens):
        """Args: given (N, G); tokens (N, T), the letter before each one that is to be told.

        Returns: logits (N, T, V).
        """
        given = given[:, None].expand(-1, tokens.shape[1], -1)
        hs, _ = self.layer(torch.cat([given, self.embedding(tokens)], dim=2))
        return self.readout(hs)


@torch.no_grad()
def torch_names(model, given, *, start, steps):
    """Tell names, always the likeliest letter next. Args: given (N, G); start, the first token.

    Returns: tokens (N, steps).
    """
    told = torch.full((len(given), 1), start, device=given.device)
    for _ in range(steps):
        logits = model(given, told)[:, -1]  # of the next letter
        told = torch.cat([told, logits.argmax(dim=1, keepdim=True)], dim=1)
    return told[:, 1:].cpu().numpy()


def torch_epoch(model, batches, optimizer, *, clip):
    """Go once through the batches.

    Args: batches of (*inputs, targets); targets are IGNORED where nothing is scored; clip, the
    largest norm of a gradient. Returns: the loss of each batch before its update, in nats.
    """
    device = next(model.parameters()).device
    losses = []
    model.train()
    for batch in batches:
        *inputs, targets = (torch.as_tensor(array).to(device) for array in batch)
        logits = model(*inputs)
        loss = F.cross_entropy(logits.flatten(0, -2), targets.flatten(), ignore_index=IGNORED)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), clip)
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return losses
