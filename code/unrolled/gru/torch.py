"""Chapter 5 in PyTorch: the GRU layer as a loop.

    r_t = sigmoid(x_t W_xr + h_{t-1} W_hr + b_r)                      (5.1)
    z_t = sigmoid(x_t W_xz + h_{t-1} W_hz + b_z)                      (5.2)
    n_t = tanh(x_t W_xn + b_n + r_t * (h_{t-1} W_hn + b_hn))          (5.3)
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}                             (5.4)

Symbols and shapes as in ``unrolled.gru.numpy``. ``torch.nn.GRU`` stacks r, z, n too, keeps the
weights transposed, and has a second bias for all three.

Source: Cho et al. 2014, with the reset after the product, as Keras and PyTorch have it.
"""

import torch
from torch import nn

from unrolled.nn import check_mask, check_shape, check_size


class TorchGRU(nn.Module):
    """The recurrence (5.1) to (5.4) over a whole sequence; autograd records each step.

    Args: input_size D; hidden_size H.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__()
        D, H = check_size("input_size", input_size), check_size("hidden_size", hidden_size)
        self.W_xh = nn.Parameter(torch.randn(D, 3 * H) * D**-0.5)
        self.W_hh = nn.Parameter(torch.randn(H, 3 * H) * H**-0.5)
        self.b_h = nn.Parameter(torch.zeros(3 * H))
        self.b_hn = nn.Parameter(torch.zeros(H))

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: h_0 (N, H), zeros."""
        return self.b_hn.new_zeros(batch_size, len(self.b_hn))

    def step(self, x_t, h_prev):
        """One time step. Args: x_t (N, D); h_prev (N, H). Returns: h_t (N, H)."""
        x_r, x_z, x_n = (x_t @ self.W_xh + self.b_h).chunk(3, dim=1)
        h_r, h_z, h_n = (h_prev @ self.W_hh).chunk(3, dim=1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        return (1 - z) * torch.tanh(x_n + r * (h_n + self.b_hn)) + z * h_prev

    def forward(self, x, state=None, mask=None):
        """All steps. Args: x (N, T, D); state (N, H); mask (N, T), False to skip a step.

        Returns: hs (N, T, H), the state after the last step.
        """
        (N, T, D), H = x.shape, len(self.b_hn)
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
