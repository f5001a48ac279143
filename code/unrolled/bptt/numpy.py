"""Chapter 2 in NumPy: the recurrent layer with its gradient, and a model around it.

    h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h)          (1.1)
    y_t = h_t W_hy + b_y                               (1.2)

    dh_t  = dE_t/dh_t + dz_{t+1} W_hh^T                (2.5)
    dz_t  = dh_t * (1 - h_t^2)                         (2.6)
    dW_hh = sum_t h_{t-1}^T dz_t                       (2.7)

| symbol | shape  | meaning                                                         |
|--------|--------|-----------------------------------------------------------------|
| E_t    |        | what step t adds to the loss L                                  |
| dh_t   | (N, H) | gradient of L in h_t, by all ways through which h_t acts        |
| dz_t   | (N, H) | gradient of L in what stands inside the tanh of step t          |

Source: Werbos 1990, Backpropagation through time: what it does and how to do it.
"""

import numpy as np

from unrolled.nn import Linear, check_size, cross_entropy, cross_entropy_backward, one_hot
from unrolled.optim import clip_by_norm


class NumpyRNN:
    """The recurrence (1.1) over a whole sequence, and its gradient by one sweep back.

    Args: input_size D; hidden_size H; rng, a numpy Generator. Source: Werbos 1990.
    """

    def __init__(self, input_size, hidden_size, *, rng, dtype=np.float32):
        D, H = check_size("input_size", input_size), check_size("hidden_size", hidden_size)
        self.params = {
            "W_xh": rng.normal(0, D**-0.5, (D, H)).astype(dtype),
            "W_hh": rng.normal(0, H**-0.5, (H, H)).astype(dtype),
            "b_h": np.zeros(H, dtype),
        }
        self.x = np.empty((0, 0, D), dtype)  # nothing was read yet

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: h_0 (N, H), zeros."""
        return np.zeros((batch_size, len(self.params["b_h"])), self.params["b_h"].dtype)

    def step(self, x_t, h_prev):
        """One time step. Args: x_t (N, D); h_prev (N, H). Returns: h_t (N, H) in (-1, 1)."""
        W_xh, W_hh, b_h = self.params.values()
        return np.tanh(x_t @ W_xh + h_prev @ W_hh + b_h)

    def forward(self, x, state=None):
        """All steps. Args: x (N, T, D); state (N, H). Returns: hs (N, T, H), state (N, H)."""
        W_xh, W_hh, b_h = self.params.values()
        N, T, D = x.shape
        if len(W_xh) != D:
            raise ValueError(f"x has {D} features, the layer was built for {len(W_xh)}")
        if state is not None and state.shape != (N, len(b_h)):
            raise ValueError(f"state has shape {state.shape}, expected {(N, len(b_h))}")
        # Time first inside: then what one step reads and writes lies together in memory.
        x = self.x = np.ascontiguousarray(x.swapaxes(0, 1))  # (T, N, D)
        hs = self.hs = np.empty((T + 1, N, len(b_h)), b_h.dtype)  # hs[t] is h_t, hs[0] the start
        hs[0] = 0 if state is None else state
        hs[1:] = (x.reshape(T * N, D) @ W_xh).reshape(T, N, len(b_h)) + b_h  # every input at once
        for t in range(1, T + 1):
            hs[t] += hs[t - 1] @ W_hh
            np.tanh(hs[t], out=hs[t])
        return hs[1:].swapaxes(0, 1), hs[T]

    def backward(self, dhs, dstate=None):
        """Fill ``grads``, by (2.5) to (2.7), for the last ``forward``.

        Args: dhs (N, T, H), the gradient in each state where the loss reads it; dstate (N, H),
        in the last state, from what came after. Returns: dx (N, T, D), dstate before step 1.
        """
        W_xh, W_hh, b_h = self.params.values()
        (T, N, D), H = self.x.shape, len(b_h)
        if dhs.shape != (N, T, H):
            raise ValueError(f"dhs has shape {dhs.shape}, the last forward gave {(N, T, H)}")
        dz = 1 - np.square(self.hs[1:])  # (T, N, H), to be multiplied by dh_t below
        dh_next = np.zeros((N, H), b_h.dtype) if dstate is None else dstate
        for t in reversed(range(T)):
            dz[t] *= dhs[:, t] + dh_next  # (2.5), (2.6)
            dh_next = dz[t] @ W_hh.T
        x, h_prev, dz = self.x.reshape(-1, D), self.hs[:-1].reshape(-1, H), dz.reshape(-1, H)
        self.grads = {"W_xh": x.T @ dz, "W_hh": h_prev.T @ dz, "b_h": dz.sum(axis=0)}  # (2.7)
        return (dz @ W_xh.T).reshape(T, N, D).swapaxes(0, 1), dh_next


class NumpyRNNModel:
    """Read tokens, keep a state, score the next token at every step: (1.1) and (1.2).

    Args: vocab_size V; hidden_size H; rng, a numpy Generator that draws the weights.
    """

    def __init__(self, vocab_size, hidden_size, *, rng, dtype=np.float32):
        self.rnn = NumpyRNN(vocab_size, hidden_size, rng=rng, dtype=dtype)
        self.readout = Linear(hidden_size, vocab_size, rng=rng, dtype=dtype)
        self.params = {**self.rnn.params, "W_hy": self.readout.W, "b_y": self.readout.b}

    def forward(self, tokens, state=None):
        """Args: tokens (N, T); state (N, H). Returns: logits (N, T, V), state (N, H)."""
        x = one_hot(tokens, len(self.readout.b), self.readout.b.dtype)  # (N, T, V)
        hs, state = self.rnn.forward(x, state)
        return self.readout.forward(hs), state

    def backward(self, dlogits, dstate=None):
        """Fill ``grads``: through the readout first, then back through time.

        Args: dlogits (N, T, V); dstate (N, H), the gradient in the last state from what came
        after. Returns: dstate (N, H), the gradient in the state before the first step.
        """
        dhs = self.readout.backward(dlogits)
        _, dstate = self.rnn.backward(dhs, dstate)
        self.grads = {**self.rnn.grads, "W_hy": self.readout.dW, "b_y": self.readout.db}
        return dstate


def contributions(model, tokens, targets):
    """Every term of the double sum (2.2), one by one: what a single sweep back adds up.

    Args: model, a NumpyRNNModel; tokens, targets (N, T).
    Returns: (T, T, H, H), at [t-1, k-1] how the use of W_hh at step k acts on the loss at t.
    """
    dlogits = cross_entropy_backward(model.forward(tokens)[0], targets)
    W_hh, W_hy = model.params["W_hh"], model.params["W_hy"]
    hs = model.rnn.hs  # (T + 1, N, H), hs[0] is the state before the first step
    T, H = tokens.shape[1], len(W_hh)
    terms = np.zeros((T, T, H, H), W_hh.dtype)
    for t in range(1, T + 1):
        dh = dlogits[:, t - 1] @ W_hy.T  # dE_t/dh_t (N, H)
        for k in range(t, 0, -1):
            dz = dh * (1 - hs[k] ** 2)
            terms[t - 1, k - 1] = hs[k - 1].T @ dz
            dh = dz @ W_hh.T  # times dh_k/dh_{k-1}
    return terms


def gradient_by_lag(dh, slopes, W_hh):
    """How much of a gradient is left after so many steps back, and how much could be.

    Args: dh (N, H), the gradient in the last state; slopes (N, T, H), those of the activation
    at each state, for tanh 1 - h²; W_hh (H, H).
    Returns: three arrays (T,), for lags 0 to T - 1 and relative to lag 0: the norm of the
    gradient; the largest factor by which the steps can stretch any gradient; its bound, the
    product of W_hh's largest singular value and each step's largest slope. Geometric means over N.
    """
    sigma = np.linalg.norm(W_hh, 2)
    jacobian = np.broadcast_to(np.eye(len(W_hh)), (len(dh), *W_hh.shape))  # dh_T/dh_T
    log_bound, rows = np.zeros(len(dh)), []
    for t in reversed(range(slopes.shape[1])):
        left = np.linalg.norm((jacobian @ dh[:, :, None])[:, :, 0], axis=1)
        logs = np.log(left), np.log(np.linalg.norm(jacobian, 2, axis=(1, 2))), log_bound
        rows.append([np.mean(log) for log in logs])
        # From dh_t to dh_{t-1}: the slopes first, then W_hh^T, as in (2.6) and (2.5).
        jacobian = (W_hh * slopes[:, t, None, :]) @ jacobian
        log_bound = log_bound + np.log(sigma * slopes[:, t].max(axis=1))
    return np.exp(np.array(rows) - rows[0]).T


def numpy_truncated(model, tokens, targets, *, steps, optimizer, limit):
    """Train along a long sequence, slice by slice: the state goes on, the gradient does not.

    Args: tokens, targets (N, T); steps, the length of a slice; limit, for clipping by norm.
    Returns: the loss of each slice before its update, in nats per token.
    """
    state, losses = None, []
    for start in range(0, tokens.shape[1], steps):
        x, y = tokens[:, start : start + steps], targets[:, start : start + steps]
        logits, state = model.forward(x, state)
        losses.append(cross_entropy(logits, y))
        model.backward(cross_entropy_backward(logits, y))  # what it returns goes nowhere: the cut
        clip_by_norm(model.grads, limit)
        optimizer.step(model.grads)
    return losses
