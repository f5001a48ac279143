"""Chapter 1 in NumPy: the recurrent cell, and a network around it that spells.

    h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h)     (1.1)
    y_t = h_t W_hy + b_y                          (1.2)

| symbol        | shape                  | meaning                                  |
|---------------|------------------------|------------------------------------------|
| x_t           | (N, V)                 | the letter at step t, one-hot            |
| h_t           | (N, H)                 | the state: what the network remembers    |
| y_t           | (N, V)                 | logits: a score for each possible letter |
| W_xh W_hh W_hy| (V, H) (H, H) (H, V)   | weights                                  |
| b_h b_y       | (H,) (V,)              | biases                                   |

Source: Elman 1990, Finding structure in time.
"""

import numpy as np

from unrolled.nn import check_size, cross_entropy, numeric_gradient, one_hot
from unrolled.optim import SGD


class NumpyFeedForward:
    """The memoryless rival: each letter's logits depend on that letter alone.

    Args: vocab_size V; hidden_size H; rng, a numpy Generator that draws the weights.
    """

    def __init__(self, vocab_size, hidden_size, *, rng, dtype=np.float32):
        V, H = check_size("vocab_size", vocab_size), check_size("hidden_size", hidden_size)
        self.params = {
            "W_xh": rng.normal(0, V**-0.5, (V, H)).astype(dtype),
            "b_h": np.zeros(H, dtype),
            "W_hy": rng.normal(0, H**-0.5, (H, V)).astype(dtype),
            "b_y": np.zeros(V, dtype),
        }

    def forward(self, tokens):
        """Logits of the next letter. Args: tokens (N, T). Returns: (N, T, V)."""
        p = self.params
        x = one_hot(tokens, len(p["W_xh"]), p["W_xh"].dtype)  # (N, T, V)
        h = np.tanh(x @ p["W_xh"] + p["b_h"])  # (N, T, H)
        return h @ p["W_hy"] + p["b_y"]


class NumpyRNNCell:
    """One step of the Elman recurrence, equation (1.1).

    Args: input_size D; hidden_size H; rng, a numpy Generator that draws the weights.
    Source: Elman 1990, Finding structure in time.
    """

    def __init__(self, input_size, hidden_size, *, rng, dtype=np.float32):
        D, H = check_size("input_size", input_size), check_size("hidden_size", hidden_size)
        self.W_xh = rng.normal(0, D**-0.5, (D, H)).astype(dtype)
        self.W_hh = rng.normal(0, H**-0.5, (H, H)).astype(dtype)
        self.b_h = np.zeros(H, dtype)

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: h_0 (N, H), zeros."""
        return np.zeros((batch_size, len(self.b_h)), self.b_h.dtype)

    def step(self, x_t, h_prev):
        """One time step. Args: x_t (N, D); h_prev (N, H). Returns: h_t (N, H) in (-1, 1)."""
        if x_t.shape[-1] != len(self.W_xh):
            raise ValueError(
                f"x_t has {x_t.shape[-1]} features, the cell was built for {len(self.W_xh)}"
            )
        if h_prev.shape != (len(x_t), len(self.b_h)):
            raise ValueError(
                f"h_prev has shape {h_prev.shape}, expected {(len(x_t), len(self.b_h))}"
            )
        return np.tanh(x_t @ self.W_xh + h_prev @ self.W_hh + self.b_h)  # (N, H)


class NumpySpeller:
    """Read a letter, update the state, bet on the next letter: (1.1) and (1.2) in a loop.

    Args: vocab_size V; hidden_size H; rng, a numpy Generator that draws the weights.
    """

    def __init__(self, vocab_size, hidden_size, *, rng, dtype=np.float32):
        V, H = check_size("vocab_size", vocab_size), check_size("hidden_size", hidden_size)
        self.cell = NumpyRNNCell(V, H, rng=rng, dtype=dtype)
        self.W_hy = rng.normal(0, H**-0.5, (H, V)).astype(dtype)
        self.b_y = np.zeros(V, dtype)

    @property
    def params(self):
        """All weights by name, the arrays themselves: changing one changes the model."""
        cell = {name: getattr(self.cell, name) for name in ("W_xh", "W_hh", "b_h")}
        return {**cell, "W_hy": self.W_hy, "b_y": self.b_y}

    def hidden(self, tokens, state=None):
        """The states along the text. Args: tokens (N, T). Returns: hs (N, T, H), state (N, H)."""
        x = one_hot(tokens, len(self.b_y), self.b_y.dtype)  # (N, T, V)
        h = self.cell.init_state(len(x)) if state is None else state
        hs = []
        for t in range(x.shape[1]):
            h = self.cell.step(x[:, t], h)
            hs.append(h)
        return np.stack(hs, axis=1), h

    def readout(self, hs):
        """Equation (1.2). Args: hs (..., H). Returns: logits (..., V)."""
        return hs @ self.W_hy + self.b_y

    def forward(self, tokens):
        """Logits of the next letter. Args: tokens (N, T). Returns: (N, T, V)."""
        hs, _ = self.hidden(tokens)
        return self.readout(hs)

    def spell(self, token, length):
        """Greedy: feed each best bet back in. Returns: a list of ``length`` tokens."""
        spelled, state = [token], None
        while len(spelled) < length:
            hs, state = self.hidden(np.array([[spelled[-1]]]), state)
            spelled.append(int(self.readout(hs).argmax()))
        return spelled


def numpy_fit(model, tokens, targets, *, steps, learning_rate):
    """Train by gradient descent on central differences: slow, honest, and no calculus.

    Args: tokens, targets (N, T). Returns: the loss before each step, in nats per letter.
    """
    optimizer = SGD(model.params, learning_rate)
    losses = []
    for _ in range(steps):
        losses.append(cross_entropy(model.forward(tokens), targets))
        grads = numeric_gradient(
            lambda: cross_entropy(model.forward(tokens), targets), model.params
        )
        optimizer.step(grads)
    return losses
