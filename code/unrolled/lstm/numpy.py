"""Chapter 4 in NumPy: the LSTM layer and its gradient.

    i_t = sigmoid(x_t W_xi + h_{t-1} W_hi + b_i)       (4.1)   what to write
    f_t = sigmoid(x_t W_xf + h_{t-1} W_hf + b_f)       (4.2)   what to keep
    g_t = tanh   (x_t W_xg + h_{t-1} W_hg + b_g)       (4.3)   the news
    o_t = sigmoid(x_t W_xo + h_{t-1} W_ho + b_o)       (4.4)   what to show
    c_t = f_t * c_{t-1} + i_t * g_t                    (4.5)
    h_t = o_t * tanh(c_t)                              (4.6)

    dh_t  = dE_t/dh_t + dz_{t+1} W_hh^T                               (4.7)
    dc_t  = dc_{t+1} * f_{t+1} + dh_t * o_t * (1 - tanh(c_t)^2)       (4.8)
    dz_t  = [dc_t * g_t * i_t (1 - i_t),  dc_t * c_{t-1} * f_t (1 - f_t),
             dc_t * i_t * (1 - g_t^2),    dh_t * tanh(c_t) * o_t (1 - o_t)]   (4.9)

Source: Hochreiter & Schmidhuber 1997; forget gate: Gers, Schmidhuber, Cummins 2000.
"""

import numpy as np

from unrolled.nn import check_mask, check_shape, check_size, check_state, sigmoid, unless_skipped


def lstm_gates(z):
    """(4.1) to (4.4), in place. Args: z (N, 4H). Returns: i, f, g, o, views of z, each (N, H)."""
    i, f, g, o = z.reshape(len(z), 4, -1).swapaxes(0, 1)
    g *= 2  # tanh(a) = 2 sigmoid(2a) - 1, so that one call serves all four
    sigmoid(z, out=z)
    np.subtract(2 * g, 1, out=g)
    return i, f, g, o


def lstm_gates_backward(gates, dc, dh, c_prev, tanh_c, out):
    """dz_t of (4.9). Args: gates (N, 4H), of ``lstm_gates``; out (N, 4H), to write to."""
    i, _, g, _ = gates.reshape(len(gates), 4, -1).swapaxes(0, 1)
    di, df, dg, do = out.reshape(len(out), 4, -1).swapaxes(0, 1)
    np.multiply(gates, 1 - gates, out=out)  # the slope of a sigmoid
    np.subtract(1, g**2, out=dg)  # the slope of tanh
    di *= dc * g
    df *= dc * c_prev
    dg *= dc * i
    do *= dh * tanh_c


class NumpyLSTM:
    """The recurrence (4.1) to (4.6) over a whole sequence, and its gradient by one sweep back.

    Args: input_size D; hidden_size H; rng, a numpy Generator; forget_bias, what b_f starts at.
    """

    def __init__(self, input_size, hidden_size, *, rng, forget_bias=1.0, dtype=np.float32):
        D, H = check_size("input_size", input_size), check_size("hidden_size", hidden_size)
        self.params = {
            "W_xh": rng.normal(0, D**-0.5, (D, 4 * H)).astype(dtype),
            "W_hh": rng.normal(0, H**-0.5, (H, 4 * H)).astype(dtype),
            "b_h": np.repeat([0, forget_bias, 0, 0], H).astype(dtype),
        }
        self.x = np.empty((0, 0, D), dtype)  # nothing was read yet

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: h_0 and c_0, each (N, H), zeros."""
        shape = 2, batch_size, len(self.params["W_hh"])
        return tuple(np.zeros(shape, self.params["b_h"].dtype))

    def step(self, x_t, state):
        """One time step. Args: x_t (N, D); state, h_prev and c_prev (N, H). Returns: h_t, c_t."""
        W_xh, W_hh, b_h = self.params.values()
        h_prev, c_prev = state
        i, f, g, o = lstm_gates(x_t @ W_xh + h_prev @ W_hh + b_h)
        c = f * c_prev + i * g
        return o * np.tanh(c), c

    def forward(self, x, state=None, mask=None):
        """All steps. Args: x (N, T, D); state, h and c (N, H); mask (N, T), False to skip a step.

        Returns: hs (N, T, H), the state after the last step.
        """
        W_xh, W_hh, b_h = self.params.values()
        (N, T, D), H = x.shape, len(W_hh)
        if len(W_xh) != D:
            raise ValueError(f"x has {D} features, the layer was built for {len(W_xh)}")
        self.mask = check_mask(mask, (N, T))
        x = self.x = np.ascontiguousarray(x.swapaxes(0, 1))  # (T, N, D)
        hs, cs, tanh_c = np.empty((3, T + 1, N, H), b_h.dtype)  # at t + 1 those of step t
        state = self.init_state(N) if state is None else state
        hs[0], cs[0] = check_state("state", state, (N, H), 2)
        self.gates = (x.reshape(T * N, D) @ W_xh).reshape(T, N, 4 * H)  # every input at once
        self.gates += b_h
        for t in range(T):
            self.gates[t] += hs[t] @ W_hh
            i, f, g, o = lstm_gates(self.gates[t])
            cs[t + 1] = unless_skipped(mask, t, f * cs[t] + i * g, cs[t])
            np.tanh(cs[t + 1], out=tanh_c[t + 1])
            hs[t + 1] = unless_skipped(mask, t, o * tanh_c[t + 1], hs[t])
        self.hs, self.cs, self.tanh_c = hs, cs, tanh_c
        return hs[1:].swapaxes(0, 1), (hs[T], cs[T])

    def backward(self, dhs, dstate=None):
        """Fill ``grads``, by (4.7) to (4.9), for the last ``forward``.

        Args: dhs (N, T, H), the gradient in each h_t where the loss reads it; dstate, that in
        the last h and c, from what came after. Returns: dx (N, T, D), dstate before step 1.
        """
        W_xh, W_hh, _ = self.params.values()
        (T, N, D), H = self.x.shape, len(W_hh)
        check_shape("dhs", dhs, (N, T, H))
        dstate = self.init_state(N) if dstate is None else dstate
        dh_next, dc_next = check_state("dstate", dstate, (N, H), 2)
        dz, W_back = np.empty_like(self.gates), np.ascontiguousarray(W_hh.T)  # a faster product
        for t in reversed(range(T)):
            _, f, _, o = self.gates[t].reshape(N, 4, H).swapaxes(0, 1)
            dh, tanh_c = dhs[:, t] + dh_next, self.tanh_c[t + 1]  # (4.7)
            dc = dc_next + dh * o * (1 - tanh_c**2)  # (4.8)
            lstm_gates_backward(self.gates[t], dc, dh, self.cs[t], tanh_c, out=dz[t])
            if self.mask is not None:  # past a skipped step, the gradient goes as it came
                dz[t] *= self.mask[:, t, None]
            dh_next = unless_skipped(self.mask, t, dz[t] @ W_back, dh)
            dc_next = unless_skipped(self.mask, t, dc * f, dc_next)
        x, h_prev, dz = self.x.reshape(-1, D), self.hs[:-1].reshape(-1, H), dz.reshape(-1, 4 * H)
        self.grads = {"W_xh": x.T @ dz, "W_hh": h_prev.T @ dz, "b_h": dz.sum(axis=0)}
        return (dz @ W_xh.T).reshape(T, N, D).swapaxes(0, 1), (dh_next, dc_next)
