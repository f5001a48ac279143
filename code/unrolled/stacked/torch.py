"""Chapter 8 in PyTorch: recurrent layers on top of each other.

    y^1_t = h^1_t,          layer 1 reads x_t                            (8.1)
    h^l_t = layer l (u^l_t, h^l_{t-1}),   u^l_t = y^{l-1}_t              (8.2)
    y^l_t = h^l_t           plain;   y^{l-1}_t + h^l_t   residual        (8.3)
    before:  u^l_t = LN(y^{l-1}_t);  after:  LN around y^l_t of (8.3)    (8.4)
    dropout: u^l_t = m * (what (8.2) or (8.4) say) / (1 - p)             (8.5)

Symbols and shapes as in ``unrolled.stacked.numpy``. ``nn.LSTM(num_layers=...)`` is the plain
stack, with dropout (8.5) between its layers; it keeps the states of all layers in one array.

Source: Graves 2013 (stacks); He et al. 2016 (residual); Zaremba et al. 2014 (dropout between).
"""

from torch import nn

from unrolled.shapes.torch import TorchPacked
from unrolled.stacked import check_layer_states, check_stack


class TorchStack(nn.Module):
    """Layers on top of each other, (8.1) to (8.5): each reads what the one below hands on.

    Args: layers, recurrent layers, the lowest first; residual, whether those from the second on
    add to what they read; norm, "before" them or "after"; dropout, its rate between layers.
    """

    def __init__(self, layers, *, residual=False, norm=None, dropout=0.0):
        super().__init__()
        self.layers, self.residual, self.norm = nn.ModuleList(layers), residual, norm
        sizes = check_stack([layer_sizes(layer) for layer in self.layers], residual, norm)
        self.norms = nn.ModuleList(
            nn.LayerNorm(D if norm == "before" else H) if k and norm else nn.Identity()
            for k, (D, H) in enumerate(sizes)
        )
        self.dropout = nn.Dropout(dropout)

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: a list, the state of each layer, of our own loops."""
        return [layer.init_state(batch_size) for layer in self.layers]

    def enter(self, k, y):
        """What layer k reads. Args: y (N, T, H), from below; x for the lowest layer."""
        if k and self.norm == "before":
            y = self.norms[k](y)
        return self.dropout(y) if k else y

    def leave(self, k, y, hs):
        """What layer k hands on. Args: y, from below, and hs, its own states (N, T, H)."""
        y = y + hs if k and self.residual else hs
        return self.norms[k](y) if k and self.norm == "after" else y

    def step(self, x_t, state):
        """One time step, up through all layers. Args: x_t (N, D); state, a list.

        Returns: y_t of the top (N, H), the list of states.
        """
        y, after = x_t[:, None], []
        for k, (layer, before) in enumerate(zip(self.layers, state, strict=True)):
            after.append(layer.step(self.enter(k, y)[:, 0], before))
            h = after[k][0] if isinstance(after[k], tuple) else after[k]  # an LSTM has h and c
            y = self.leave(k, y, h[:, None])
        return y[:, 0], after

    def forward(self, x, state=None, mask=None):
        """All steps, layer by layer. Args: x (N, T, D); state, a list; mask (N, T), False to skip.

        Returns: y (N, T, H) of the top layer, the list of states after the last step.
        """
        state, y = check_layer_states("state", state, len(self.layers)), x
        for k, layer in enumerate(self.layers):
            hs, state[k] = layer(self.enter(k, y), state[k], mask)
            y = self.leave(k, y, hs)
        return y, state


def layer_sizes(layer):
    """D and H of one of our loops, or of a packed layer."""
    if isinstance(layer, TorchPacked):
        return layer.layer.input_size, layer.layer.hidden_size
    return len(layer.W_xh), len(layer.W_hh)
