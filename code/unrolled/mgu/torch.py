"""Chapter 5 in PyTorch: the minimal gated unit as a loop.

    f_t = sigmoid(x_t W_xf + h_{t-1} W_hf + b_f)                 (5.9)
    n_t = tanh(x_t W_xn + (f_t * h_{t-1}) W_hn + b_n)            (5.10)
    h_t = (1 - f_t) * h_{t-1} + f_t * n_t                        (5.11)

Symbols and shapes as in ``unrolled.mgu.numpy``.

Source: Zhou, Wu, Zhang, Zhou 2016, Minimal gated unit for recurrent neural networks.
"""

import torch
from torch import nn

from unrolled.nn import check_mask, check_shape, check_size


class TorchMGU(nn.Module):
    """The recurrence (5.9) to (5.11) over a whole sequence; autograd records each step.

    Args: input_size D; hidden_size H.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        D, H = check_size("input_size", input_size), check_size("hidden_size", hidden_size)
        self.W_xh = nn.Parameter(torch.randn(D, 2 * H) * D**-0.5)
        self.W_hh = nn.Parameter(torch.randn(H, 2 * H) * H**-0.5)
        self.b_h = nn.Parameter(torch.zeros(2 * H))

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: h_0 (N, H), zeros."""
        return self.W_hh.new_zeros(batch_size, len(self.W_hh))

    def step(self, x_t, h_prev):
        """One time step. Args: x_t (N, D); h_prev (N, H). Returns: h_t (N, H)."""
        x_f, x_n = (x_t @ self.W_xh + self.b_h).chunk(2, dim=1)
        W_hf, W_hn = self.W_hh.chunk(2, dim=1)
        f = torch.sigmoid(x_f + h_prev @ W_hf)
        return (1 - f) * h_prev + f * torch.tanh(x_n + (f * h_prev) @ W_hn)

    def forward(self, x, state=None, mask=None):
        """All steps. Args: x (N, T, D); state (N, H); mask (N, T), False to skip a step.

        Returns: hs (N, T, H), the state after the last step.
        """
        (N, T, D), H = x.shape, len(self.W_hh)
        if len(self.W_xh) != D:
            raise ValueError(f"x has {D} features, the layer was built for {len(self.W_xh)}")
        check_mask(mask, (N, T))
        h = self.init_state(N) if state is None else check_shape("state", state, (N, H))
        hs = []
        for t in range(T):
            h_t = self.step(x[:, t], h)
            # A skipped step leaves the state as it was.
            h = h_t if mask is None else torch.where(mask[:, t, None], h_t, h)
            hs.append(h)
        return torch.stack(hs, dim=1), h
