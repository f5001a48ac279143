"""Chapter 4 in PyTorch: the LSTM layer as a loop.

    i_t = sigmoid(x_t W_xi + h_{t-1} W_hi + b_i)       (4.1)
    f_t = sigmoid(x_t W_xf + h_{t-1} W_hf + b_f)       (4.2)
    g_t = tanh   (x_t W_xg + h_{t-1} W_hg + b_g)       (4.3)
    o_t = sigmoid(x_t W_xo + h_{t-1} W_ho + b_o)       (4.4)
    c_t = f_t * c_{t-1} + i_t * g_t                    (4.5)
    h_t = o_t * tanh(c_t)                              (4.6)

Symbols and shapes as in ``unrolled.lstm.numpy``. ``torch.nn.LSTM`` stacks the four in the same
order, keeps the weights transposed, adds two biases, and starts all of it from U(-1/√H, 1/√H).

Source: Hochreiter & Schmidhuber 1997; the forget gate, Gers, Schmidhuber, Cummins 2000.
"""

import torch
from torch import nn

from unrolled.nn import check_mask, check_size, check_state


class TorchLSTM(nn.Module):
    """The recurrence (4.1) to (4.6) over a whole sequence; autograd records each step.

    Args: input_size D; hidden_size H; forget_bias, what b_f starts at.
    """

    def __init__(self, input_size, hidden_size, *, forget_bias=1.0):
        super().__init__()
        D, H = check_size("input_size", input_size), check_size("hidden_size", hidden_size)
        self.W_xh = nn.Parameter(torch.randn(D, 4 * H) * D**-0.5)
        self.W_hh = nn.Parameter(torch.randn(H, 4 * H) * H**-0.5)
        self.b_h = nn.Parameter(torch.tensor([0.0, forget_bias, 0.0, 0.0]).repeat_interleave(H))

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: h_0 and c_0, each (N, H), zeros."""
        zeros = self.W_hh.new_zeros(batch_size, len(self.W_hh))
        return zeros, zeros

    def step(self, x_t, state):
        """One time step. Args: x_t (N, D); state, h_prev and c_prev (N, H). Returns: h_t, c_t."""
        h_prev, c_prev = state
        i, f, g, o = (x_t @ self.W_xh + h_prev @ self.W_hh + self.b_h).chunk(4, dim=1)
        c = torch.sigmoid(f) * c_prev + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, x, state=None, mask=None):
        """All steps. Args: x (N, T, D); state, h and c (N, H); mask (N, T), False to skip a step.

        Returns: hs (N, T, H), the state after the last step.
        """
        (N, T, D), H = x.shape, len(self.W_hh)
        if len(self.W_xh) != D:
            raise ValueError(f"x has {D} features, the layer was built for {len(self.W_xh)}")
        check_mask(mask, (N, T))
        state = self.init_state(N) if state is None else check_state("state", state, (N, H), 2)
        hs = []
        for t in range(T):
            after = self.step(x[:, t], state)
            if mask is not None:  # a skipped step leaves everything as it was
                keep = mask[:, t, None]
                after = tuple(torch.where(keep, a, b) for a, b in zip(after, state, strict=True))
            state = after
            hs.append(state[0])
        return torch.stack(hs, dim=1), state
