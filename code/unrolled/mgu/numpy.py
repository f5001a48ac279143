"""Chapter 5 in NumPy: the minimal gated unit and its gradient.

    f_t = sigmoid(x_t W_xf + h_{t-1} W_hf + b_f)                 (5.9)    how much is renewed
    n_t = tanh(x_t W_xn + (f_t * h_{t-1}) W_hn + b_n)            (5.10)   the news
    h_t = (1 - f_t) * h_{t-1} + f_t * n_t                        (5.11)

| symbol         | shape                  | meaning                                            |
|----------------|------------------------|----------------------------------------------------|
| W_xh, W_hh, b_h| (D, 2H), (H, 2H), (2H,)| those of f and n, side by side                     |
| df, dn         | (N, H)                 | gradient before the nonlinearity of f, n           |

Source: Zhou, Wu, Zhang, Zhou 2016, Minimal gated unit for recurrent neural networks.
"""

import numpy as np

from unrolled.nn import check_mask, check_shape, check_size, sigmoid, unless_skipped


class NumpyMGU:
    """The recurrence (5.9) to (5.11) over a whole sequence, and its gradient by one sweep back.

    Args: input_size D; hidden_size H; rng, a numpy Generator.
    """

    def __init__(self, input_size, hidden_size, *, rng, dtype=np.float32):
        D, H = check_size("input_size", input_size), check_size("hidden_size", hidden_size)
        self.params = {
            "W_xh": rng.normal(0, D**-0.5, (D, 2 * H)).astype(dtype),
            "W_hh": rng.normal(0, H**-0.5, (H, 2 * H)).astype(dtype),
            "b_h": np.zeros(2 * H, dtype),
        }
        self.x = np.empty((0, 0, D), dtype)  # nothing was read yet

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: h_0 (N, H), zeros."""
        W_hh = self.params["W_hh"]
        return np.zeros((batch_size, len(W_hh)), W_hh.dtype)

    def step(self, x_t, h_prev):
        """One time step. Args: x_t (N, D); h_prev (N, H). Returns: h_t (N, H)."""
        W_xh, W_hh, b_h = self.params.values()
        x_f, x_n = np.split(x_t @ W_xh + b_h, 2, axis=1)  # each (N, H)
        W_hf, W_hn = np.split(W_hh, 2, axis=1)
        f = sigmoid(x_f + h_prev @ W_hf)
        return (1 - f) * h_prev + f * np.tanh(x_n + (f * h_prev) @ W_hn)

    def forward(self, x, state=None, mask=None):
        """All steps. Args: x (N, T, D); state (N, H); mask (N, T), False to skip a step.

        Returns: hs (N, T, H), the state after the last step.
        """
        W_xh, W_hh, b_h = self.params.values()
        (N, T, D), H = x.shape, len(W_hh)
        if len(W_xh) != D:
            raise ValueError(f"x has {D} features, the layer was built for {len(W_xh)}")
        self.mask = check_mask(mask, (N, T))
        x = self.x = np.ascontiguousarray(x.swapaxes(0, 1))  # (T, N, D)
        hs = self.hs = np.empty((T + 1, N, H), b_h.dtype)  # hs[t] is h_t, hs[0] the start
        hs[0] = 0 if state is None else check_shape("state", state, (N, H))
        self.gates = (x.reshape(T * N, D) @ W_xh).reshape(T, N, 2 * H)  # every input at once
        self.gates += b_h
        W_hf, W_hn = np.ascontiguousarray(W_hh.reshape(H, 2, H).swapaxes(0, 1))
        for t in range(T):
            f, n = self.gates[t].reshape(N, 2, H).swapaxes(0, 1)  # views, each (N, H)
            f += hs[t] @ W_hf
            sigmoid(f, out=f)
            n += (f * hs[t]) @ W_hn
            np.tanh(n, out=n)
            hs[t + 1] = unless_skipped(mask, t, hs[t] + f * (n - hs[t]), hs[t])  # (5.11)
        return hs[1:].swapaxes(0, 1), hs[T]

    def backward(self, dhs, dstate=None):
        """Fill ``grads`` for the last ``forward``.

        Args: dhs (N, T, H), the gradient in each h_t where the loss reads it; dstate (N, H),
        that in the last state, from what came after. Returns: dx (N, T, D), dstate before step 1.
        """
        W_xh, W_hh, b_h = self.params.values()
        (T, N, D), H = self.x.shape, len(W_hh)
        check_shape("dhs", dhs, (N, T, H))
        dh_next = self.init_state(N) if dstate is None else check_shape("dstate", dstate, (N, H))
        dgates = np.empty_like(self.gates)
        W_hf, W_hn = np.ascontiguousarray(W_hh.reshape(H, 2, H).swapaxes(0, 1))
        for t in reversed(range(T)):
            f, n = self.gates[t].reshape(N, 2, H).swapaxes(0, 1)
            df, dn = dgates[t].reshape(N, 2, H).swapaxes(0, 1)
            dh, h_prev = dhs[:, t] + dh_next, self.hs[t]
            np.multiply(dh * f, 1 - n**2, out=dn)
            dread = dn @ W_hn.T  # in f * h_prev
            np.multiply(dh * (n - h_prev) + dread * h_prev, f * (1 - f), out=df)
            if self.mask is not None:  # past a skipped step, the gradient goes as it came
                dgates[t] *= self.mask[:, t, None]
            before = dh * (1 - f) + dread * f + df @ W_hf.T
            dh_next = unless_skipped(self.mask, t, before, dh)
        x, h_prev, dz = (
            self.x.reshape(-1, D),
            self.hs[:-1].reshape(-1, H),
            dgates.reshape(-1, 2 * H),
        )
        read = (self.gates[..., :H] * self.hs[:-1]).reshape(-1, H)  # f * h_prev
        self.grads = {
            "W_xh": x.T @ dz,
            "W_hh": np.hstack([h_prev.T @ dz[:, :H], read.T @ dz[:, H:]]),
            "b_h": dz.sum(axis=0),
        }
        return (dz @ W_xh.T).reshape(T, N, D).swapaxes(0, 1), dh_next
