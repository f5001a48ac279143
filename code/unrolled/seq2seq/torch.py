"""Chapter 9 in PyTorch: an encoder that reads, a decoder that writes.

    h_j  = encoder(E_source[x_j], h_{j-1})                             (9.1)
    s_0  = h_S, the last state of the encoder                          (9.2)
    s_t  = decoder(E_target[y_{t-1}], s_{t-1}),    y_0 = START         (9.3)
    p(y_t | y_1 ... y_{t-1}, x) = softmax(s_t W_hy + b_y)              (9.4)

Symbols and shapes as in ``unrolled.seq2seq.numpy``. ``nn.LSTM`` in ``TorchPacked`` serves as
encoder and as decoder.

Source: Sutskever, Vinyals, Le 2014; Cho et al. 2014.
"""

import torch
from torch import nn

from unrolled.bidirectional.torch import TorchBidirectional
from unrolled.data.batches import PAD
from unrolled.search import take_rows
from unrolled.seq2seq import half_of
from unrolled.shapes.torch import TorchPacked


def torch_join_directions(layer, state):
    """The states of two directions side by side; that of one direction as it is."""
    if not isinstance(layer, TorchBidirectional):
        return state
    return tuple(torch.cat(parts, dim=1) for parts in zip(*state, strict=True))


class TorchEncoder(nn.Module):
    """Read a sequence, and hand over the state behind it: (9.1) and (9.2).

    Args: embedding, an nn.Embedding; layer, any LSTM that takes a mask, in one direction or both.
    """

    def __init__(self, embedding, layer):
        super().__init__()
        self.embedding, self.layer = embedding, layer

    def forward(self, source):
        """Args: source (N, S), padded with PAD. Returns: the state, h and c, each (N, H)."""
        _, state = self.layer(self.embedding(source), mask=source != PAD)
        return torch_join_directions(self.layer, state)


class TorchDecoder(nn.Module):
    """Score what comes next after each token, (9.3) and (9.4), from a state that was handed over.

    Args: embedding, an nn.Embedding; layer, an LSTM from D inputs to H states; readout, an
    nn.Linear.
    """

    def __init__(self, embedding, layer, readout):
        super().__init__()
        self.embedding, self.layer, self.readout = embedding, layer, readout

    def forward(self, inputs, state):
        """Args: inputs (N, T); state, h and c (N, H). Returns: logits (N, T, V), the state."""
        hs, state = self.layer(self.embedding(inputs), state)
        return self.readout(hs), state


class TorchSeq2Seq(nn.Module):
    """Read one sequence, write another. Args: encoder, decoder."""

    def __init__(self, encoder, decoder):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, source, inputs):
        """Teacher forcing: every step is told what should have been said before it.

        Args: source (N, S); inputs (N, T), START first. Returns: logits (N, T, V).
        """
        logits, _ = self.decoder(inputs, self.encoder(source))
        return logits

    @torch.inference_mode()
    def start(self, source):
        """Read, and be ready to write. Args: source (N, S). Returns: the state."""
        device = next(self.parameters()).device
        return self.encoder(torch.as_tensor(source, device=device))

    @torch.inference_mode()
    def step(self, tokens, state):
        """Score what comes next. Args: tokens (N,), said last. Returns: logits (N, V), state."""
        tokens = torch.as_tensor(tokens, device=next(self.parameters()).device)
        logits, state = self.decoder(tokens[:, None], state)
        return logits[:, 0].cpu().numpy(), state

    @staticmethod
    def select(state, rows):
        """The state of some rows, some of them perhaps twice. Args: rows (M,) integers."""
        return take_rows(state, rows)


def torch_lstm(input_size, hidden_size):
    """PyTorch's own LSTM with one bias, as the book has it, and a forget gate that begins open."""
    layer = nn.LSTM(input_size, hidden_size, batch_first=True)
    nn.init.zeros_(layer.bias_hh_l0).requires_grad_(False)  # it says what the first one says
    with torch.no_grad():
        layer.bias_ih_l0[hidden_size : 2 * hidden_size] = 1
    return TorchPacked(layer)


def torch_lstm_reader(input_size, hidden_size, both):
    """An LSTM that shows H numbers: one direction, or both with half of them each."""
    if not both:
        return torch_lstm(input_size, hidden_size)
    return TorchBidirectional(*(torch_lstm(input_size, half_of(hidden_size)) for _ in range(2)))


def torch_seq2seq(sources, targets, embedding_size, hidden_size, *, both=False):
    """The whole model.

    Args: sources, targets, sizes of the vocabularies; embedding_size D; hidden_size H; both,
    whether the encoder reads in both directions, H/2 each.
    """
    D, H = embedding_size, hidden_size
    encoder = TorchEncoder(nn.Embedding(sources, D), torch_lstm_reader(D, H, both))
    decoder = TorchDecoder(nn.Embedding(targets, D), torch_lstm(D, H), nn.Linear(H, targets))
    return TorchSeq2Seq(encoder, decoder)
