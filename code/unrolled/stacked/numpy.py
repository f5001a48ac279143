"""Chapter 8 in NumPy: recurrent layers on top of each other.

    y^1_t = h^1_t,          layer 1 reads x_t                            (8.1)
    h^l_t = layer l (u^l_t, h^l_{t-1}),   u^l_t = y^{l-1}_t              (8.2)
    y^l_t = h^l_t           plain;   y^{l-1}_t + h^l_t   residual        (8.3)
    before:  u^l_t = LN(y^{l-1}_t);  after:  LN around y^l_t of (8.3)    (8.4)
    dropout: u^l_t = m * (what (8.2) or (8.4) say) / (1 - p)             (8.5)
    dy^{l-1}_t = J^T dy^l_t  plain;   dy^l_t + J^T dy^l_t   residual     (8.6)

| symbol    | shape     | meaning                                                   |
|-----------|-----------|-----------------------------------------------------------|
| u^l, y^l  | (N, T, H) | what layer l reads, and what it hands to the one above    |
| m, p      | (N, T, H) | zeros and ones, zeros with probability p; in training     |
| J         |           | dh^l/dy^{l-1}: the way back through layer l, all its steps|

Source: Graves 2013 (stacks); He et al. 2016 (residual); Zaremba et al. 2014 (dropout between).
"""

from unrolled.nn import Dropout, LayerNorm
from unrolled.stacked import check_layer_states, check_stack


class NumpyStack:
    """Layers on top of each other, (8.1) to (8.5): each reads what the one below hands on.

    Args: layers, recurrent layers, the lowest first; residual, whether those from the second on
    add to what they read; norm, "before" them or "after"; dropout, its rate between layers; rng.
    """

    def __init__(self, layers, *, residual=False, norm=None, dropout=0.0, rng=None):
        self.layers, self.residual, self.norm = list(layers), residual, norm
        weights = [(layer.params["W_xh"], layer.params["W_hh"]) for layer in self.layers]
        sizes = check_stack([(len(W_xh), len(W_hh)) for W_xh, W_hh in weights], residual, norm)
        dtype, place = weights[0][0].dtype, ("before", "after").index(norm) if norm else 0
        self.norms = [LayerNorm(size[place], dtype=dtype) if norm else None for size in sizes]
        self.drops = [Dropout(dropout, rng=rng) for _ in self.layers]
        self.training = False  # True: drop
        self.params = {}
        for k, layer in enumerate(self.layers):
            self.params |= {f"{name}_l{k}": param for name, param in layer.params.items()}
            if k and norm:
                self.params |= {
                    f"gain_l{k}": self.norms[k].gain,
                    f"shift_l{k}": self.norms[k].shift,
                }

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: a list, the state of each layer."""
        return [layer.init_state(batch_size) for layer in self.layers]

    def enter(self, k, y):
        """What layer k reads. Args: y (N, T, H), from below; x for the lowest layer."""
        if k and self.norm == "before":
            y = self.norms[k].forward(y)
        return self.drops[k].forward(y, self.training) if k else y

    def leave(self, k, y, hs):
        """What layer k hands on. Args: y, from below, and hs, its own states (N, T, H)."""
        y = y + hs if k and self.residual else hs
        return self.norms[k].forward(y) if k and self.norm == "after" else y

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
            hs, state[k] = layer.forward(self.enter(k, y), state[k], mask)
            y = self.leave(k, y, hs)
        return y, state

    def backward(self, dy, dstate=None):
        """Fill ``grads``, by (8.6), for the last ``forward``; ``dys``, dy of each layer.

        Args: dy (N, T, H), at the top; dstate, a list. Returns: dx (N, T, D), list of dstates.
        """
        dstate = check_layer_states("dstate", dstate, len(self.layers))
        self.grads, self.dys = {}, [None] * len(self.layers)
        for k, layer in reversed([*enumerate(self.layers)]):
            self.dys[k] = dy
            if k and self.norm == "after":
                dy = self.norms[k].backward(dy)
            du, dstate[k] = layer.backward(dy, dstate[k])
            if k:
                du = self.drops[k].backward(du)
                du = self.norms[k].backward(du) if self.norm == "before" else du
            dy = du + dy if k and self.residual else du
            self.grads |= {f"{name}_l{k}": grad for name, grad in layer.grads.items()}
            if k and self.norm:
                self.grads |= {
                    f"gain_l{k}": self.norms[k].dgain,
                    f"shift_l{k}": self.norms[k].dshift,
                }
        return dy, dstate
