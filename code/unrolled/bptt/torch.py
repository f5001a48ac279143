"""Chapter 2 in PyTorch: the recurrent layer as a loop, a model around it, and the library's.

    h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h)     (1.1)
    y_t = h_t W_hy + b_y                          (1.2)

Symbols and shapes as in ``unrolled.bptt.numpy``. The sweep back is autograd's.

Source: Werbos 1990, Backpropagation through time: what it does and how to do it.
"""

import torch
from torch import nn
from torch.nn import functional as F

from unrolled.hello.torch import TorchRNNCell
from unrolled.nn import check_size


class TorchRNN(nn.Module):
    """The recurrence (1.1) over a whole sequence; autograd records each step.

    Args: input_size D; hidden_size H.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        self.cell = TorchRNNCell(input_size, hidden_size)

    def forward(self, x, state=None):
        """All steps. Args: x (N, T, D); state (N, H). Returns: hs (N, T, H), state (N, H)."""
        h = self.cell.init_state(len(x)) if state is None else state
        hs = []
        for x_t in x.unbind(dim=1):
            h = self.cell(x_t, h)
            hs.append(h)
        return torch.stack(hs, dim=1), h


class TorchRNNModel(nn.Module):
    """Read tokens, keep a state, score the next token at every step: (1.1) and (1.2).

    Args: vocab_size V; hidden_size H.
    """

    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.vocab_size = check_size("vocab_size", vocab_size)
        self.rnn = TorchRNN(vocab_size, hidden_size)
        self.readout = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens, state=None):
        """Args: tokens (N, T); state (N, H). Returns: logits (N, T, V), state (N, H)."""
        x = F.one_hot(tokens, self.vocab_size).to(self.readout.weight.dtype)  # (N, T, V)
        hs, state = self.rnn(x, state)
        return self.readout(hs), state


class TorchLayerModel(nn.Module):
    """The same model with PyTorch's own recurrent layer in place of the loop.

    Args: vocab_size V; hidden_size H. The state is (1, N, H), as ``nn.RNN`` has it.
    """

    def __init__(self, vocab_size, hidden_size):
        super().__init__()
        self.vocab_size = check_size("vocab_size", vocab_size)
        self.rnn = nn.RNN(vocab_size, check_size("hidden_size", hidden_size), batch_first=True)
        self.readout = nn.Linear(hidden_size, vocab_size)

    def forward(self, tokens, state=None):
        """Args: tokens (N, T); state (1, N, H). Returns: logits (N, T, V), state (1, N, H)."""
        x = F.one_hot(tokens, self.vocab_size).to(self.readout.weight.dtype)  # (N, T, V)
        hs, state = self.rnn(x, state)
        return self.readout(hs), state


def torch_truncated(model, tokens, targets, *, steps, optimizer, limit):
    """Train along a long sequence, slice by slice: the state goes on, the gradient does not.

    Args: tokens, targets (N, T); steps, the length of a slice; limit, for clipping by norm.
    Returns: the loss of each slice before its update, in nats per token.
    """
    state, losses = None, []
    for x, y in zip(tokens.split(steps, dim=1), targets.split(steps, dim=1), strict=True):
        logits, state = model(x, state)
        state = state.detach()  # the numbers stay, how they were made is forgotten: the cut
        loss = F.cross_entropy(logits.flatten(0, 1), y.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), limit)
        optimizer.step()
        losses.append(loss.item())
    return losses
