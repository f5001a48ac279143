"""Chapter 1 in PyTorch: the recurrent cell, and a network around it that spells.

    h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h)     (1.1)
    y_t = h_t W_hy + b_y                          (1.2)

Symbols and shapes as in ``unrolled.hello.numpy``. ``nn.Linear`` keeps W_hy transposed, (V, H).

Source: Elman 1990, Finding structure in time.
"""

import torch
from torch import nn
from torch.nn import functional as F

from unrolled.nn import check_size


class TorchFeedForward(nn.Module):
    """The memoryless rival: each letter's logits depend on that letter alone.

    Args: vocab_size V; hidden_size H.
    """

    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.vocab_size = check_size("vocab_size", vocab_size)
        self.layers = nn.Sequential(
            nn.Linear(vocab_size, check_size("hidden_size", hidden_size)),
            nn.Tanh(),
            nn.Linear(hidden_size, vocab_size),
        )

    def forward(self, tokens):
        """Logits of the next letter. Args: tokens (N, T). Returns: (N, T, V)."""
        x = F.one_hot(tokens, self.vocab_size).to(self.layers[0].weight.dtype)  # (N, T, V)
        return self.layers(x)


class TorchRNNCell(nn.Module):
    """One step of the Elman recurrence, equation (1.1).

    Args: input_size D; hidden_size H.
    Source: Elman 1990, Finding structure in time.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        D, H = check_size("input_size", input_size), check_size("hidden_size", hidden_size)
        self.W_xh = nn.Parameter(torch.randn(D, H) * D**-0.5)
        self.W_hh = nn.Parameter(torch.randn(H, H) * H**-0.5)
        self.b_h = nn.Parameter(torch.zeros(H))

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: h_0 (N, H), zeros."""
        return self.b_h.new_zeros(batch_size, len(self.b_h))

    def forward(self, x_t, h_prev):
        """One time step. Args: x_t (N, D); h_prev (N, H). Returns: h_t (N, H) in (-1, 1)."""
        return torch.tanh(x_t @ self.W_xh + h_prev @ self.W_hh + self.b_h)  # (N, H)


class TorchSpeller(nn.Module):
    """Read a letter, update the state, bet on the next letter: (1.1) and (1.2) in a loop.

    Args: vocab_size V; hidden_size H.
    """

    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.vocab_size = check_size("vocab_size", vocab_size)
        self.cell = TorchRNNCell(vocab_size, hidden_size)
        self.readout = nn.Linear(hidden_size, vocab_size)

    def hidden(self, tokens, state=None):
        """The states along the text. Args: tokens (N, T). Returns: hs (N, T, H), state (N, H)."""
        x = F.one_hot(tokens, self.vocab_size).to(self.readout.weight.dtype)  # (N, T, V)
        h = self.cell.init_state(len(x)) if state is None else state
        hs = []
        for x_t in x.unbind(dim=1):
            h = self.cell(x_t, h)
            hs.append(h)
        return torch.stack(hs, dim=1), h

    def forward(self, tokens):
        """Logits of the next letter. Args: tokens (N, T). Returns: (N, T, V)."""
        hs, _ = self.hidden(tokens)
        return self.readout(hs)

    @torch.no_grad()
    def spell(self, token, length):
        """Greedy: feed each best bet back in. Returns: a list of ``length`` tokens."""
        spelled, state = [token], None
        while len(spelled) < length:
            last = torch.tensor([[spelled[-1]]], device=self.readout.weight.device)
            hs, state = self.hidden(last, state)
            spelled.append(int(self.readout(hs).argmax()))
        return spelled


class TorchLayerSpeller(nn.Module):
    """The same speller with PyTorch's own recurrent layer in place of the loop.

    Args: vocab_size V; hidden_size H.
    """

    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.vocab_size = check_size("vocab_size", vocab_size)
        self.rnn = nn.RNN(vocab_size, check_size("hidden_size", hidden_size), batch_first=True)
        self.readout = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens):
        """Logits of the next letter. Args: tokens (N, T). Returns: (N, T, V)."""
        x = F.one_hot(tokens, self.vocab_size).to(self.readout.weight.dtype)  # (N, T, V)
        hs, _ = self.rnn(x)
        return self.readout(hs)


def torch_fit(model, tokens, targets, *, steps, learning_rate):
    """Train by gradient descent; autograd supplies the gradient.

    Args: tokens, targets (N, T). Returns: the loss before each step, in nats per letter.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    losses = []
    for _ in range(steps):
        logits = model(tokens)  # (N, T, V)
        loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
