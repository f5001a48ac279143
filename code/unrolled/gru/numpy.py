"""Chapter 5 in NumPy: the GRU layer and its gradient.

    r_t = sigmoid(x_t W_xr + h_{t-1} W_hr + b_r)                      (5.1)   what to look at
    z_t = sigmoid(x_t W_xz + h_{t-1} W_hz + b_z)                      (5.2)   what to keep
    n_t = tanh(x_t W_xn + b_n + r_t * (h_{t-1} W_hn + b_hn))          (5.3)   the news
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}                             (5.4)

    dn_t  = dh_t * (1 - z_t) * (1 - n_t^2)                            (5.5)
    dz_t  = dh_t * (h_{t-1} - n_t) * z_t * (1 - z_t)                  (5.6)
    dr_t  = dn_t * (h_{t-1} W_hn + b_hn) * r_t * (1 - r_t)            (5.7)
    dh_{t-1} = dE_{t-1}/dh_{t-1} + dh_t * z_t + [dr_t, dz_t, dn_t * r_t] W_hh^T     (5.8)

| symbol         | shape                  | meaning                                            |
|----------------|------------------------|----------------------------------------------------|
| W_xh, W_hh, b_h| (D, 3H), (H, 3H), (3H,)| those of r, z, n, side by side                     |
| b_hn           | (H,)                   | a second bias of n, which the reset gate acts on   |
| dr, dz, dn     | (N, H)                 | gradient before the nonlinearity of r, z, n        |

Source: Cho et al. 2014, with the reset after the product, as Keras and PyTorch have it.
"""

import numpy as np

from unrolled.nn import check_mask, check_shape, check_size, sigmoid, unless_skipped


class NumpyGRU:
    """The recurrence (5.1) to (5.4) over a whole sequence, and its gradient by one sweep back.

    Args: input_size D; hidden_size H; rng, a numpy Generator.
    """

    def __init__(self, input_size, hidden_size, *, rng, dtype=np.float32):
        D, H = check_size("input_size", input_size), check_size("hidden_size", hidden_size)
        self.params = {
            "W_xh": rng.normal(0, D**-0.5, (D, 3 * H)).astype(dtype),
            "W_hh": rng.normal(0, H**-0.5, (H, 3 * H)).astype(dtype),
            "b_h": np.zeros(3 * H, dtype),
            "b_hn": np.zeros(H, dtype),
        }
        self.x = np.empty((0, 0, D), dtype)  # nothing was read yet

    def init_state(self, batch_size):
        """Nothing remembered yet. Returns: h_0 (N, H), zeros."""
        return np.zeros((batch_size, len(self.params["b_hn"])), self.params["b_hn"].dtype)

    def step(self, x_t, h_prev):
        """One time step. Args: x_t (N, D); h_prev (N, H). Returns: h_t (N, H)."""
        W_xh, W_hh, b_h, b_hn = self.params.values()
        x_r, x_z, x_n = np.split(x_t @ W_xh + b_h, 3, axis=1)  # each (N, H)
        h_r, h_z, h_n = np.split(h_prev @ W_hh, 3, axis=1)
        r, z = sigmoid(x_r + h_r), sigmoid(x_z + h_z)
        return (1 - z) * np.tanh(x_n + r * (h_n + b_hn)) + z * h_prev

    def forward(self, x, state=None, mask=None):
        """All steps. Args: x (N, T, D); state (N, H); mask (N, T), False to skip a step.

        Returns: hs (N, T, H), the state after the last step.
        """
        W_xh, W_hh, b_h, b_hn = self.params.values()
        (N, T, D), H = x.shape, len(b_hn)
        if len(W_xh) != D:
            raise ValueError(f"x has {D} features, the layer was built for {len(W_xh)}")
        self.mask = check_mask(mask, (N, T))
        x = self.x = np.ascontiguousarray(x.swapaxes(0, 1))  # (T, N, D)
        hs = self.hs = np.empty((T + 1, N, H), b_hn.dtype)  # hs[t] is h_t, hs[0] the start
        hs[0] = 0 if state is None else check_shape("state", state, (N, H))
        self.gates = (x.reshape(T * N, D) @ W_xh).reshape(T, N, 3 * H)  # every input at once
        self.gates += b_h
        self.h_n = np.empty_like(hs[1:])
        for t in range(T):
            h = hs[t] @ W_hh  # (N, 3H)
            rz = self.gates[t, :, : 2 * H]
            rz += h[:, : 2 * H]
            sigmoid(rz, out=rz)
            r, z, n = self.gates[t].reshape(N, 3, H).swapaxes(0, 1)  # views, each (N, H)
            np.add(h[:, 2 * H :], b_hn, out=self.h_n[t])
            n += r * self.h_n[t]
            np.tanh(n, out=n)
            hs[t + 1] = unless_skipped(mask, t, n + z * (hs[t] - n), hs[t])  # (5.4)
        return hs[1:].swapaxes(0, 1), hs[T]

    def backward(self, dhs, dstate=None):
        """Fill ``grads``, by (5.5) to (5.8), for the last ``forward``.

        Args: dhs (N, T, H), the gradient in each h_t where the loss reads it; dstate (N, H),
        that in the last state, from what came after. Returns: dx (N, T, D), dstate before step 1.
        """
        W_xh, W_hh, b_h, b_hn = self.params.values()
        (T, N, D), H = self.x.shape, len(b_hn)
        check_shape("dhs", dhs, (N, T, H))
        dh_next = self.init_state(N) if dstate is None else check_shape("dstate", dstate, (N, H))
        # What acts before the gates: the same on x's side and on h's, but for the r in (5.3).
        dgates, dgates_h = np.empty((2, T, N, 3 * H), b_hn.dtype)
        W_back = np.ascontiguousarray(W_hh.T)  # a faster product
        for t in reversed(range(T)):
            r, z, n = self.gates[t].reshape(N, 3, H).swapaxes(0, 1)
            dr, dz, dn = dgates[t].reshape(N, 3, H).swapaxes(0, 1)
            dh = dhs[:, t] + dh_next
            np.multiply(dh * (1 - z), 1 - n**2, out=dn)
            np.multiply(dh * (self.hs[t] - n), z * (1 - z), out=dz)
            np.multiply(dn * self.h_n[t], r * (1 - r), out=dr)
            if self.mask is not None:  # past a skipped step, the gradient goes as it came
                dgates[t] *= self.mask[:, t, None]
            dgates_h[t] = dgates[t]
            dgates_h[t, :, 2 * H :] *= r
            dh_next = unless_skipped(self.mask, t, dgates_h[t] @ W_back + dh * z, dh)  # (5.8)
        x, h_prev = self.x.reshape(-1, D), self.hs[:-1].reshape(-1, H)
        dgates, dgates_h = dgates.reshape(-1, 3 * H), dgates_h.reshape(-1, 3 * H)
        self.grads = {"W_xh": x.T @ dgates, "W_hh": h_prev.T @ dgates_h}
        self.grads |= {"b_h": dgates.sum(axis=0), "b_hn": dgates_h[:, 2 * H :].sum(axis=0)}
        return (dgates @ W_xh.T).reshape(T, N, D).swapaxes(0, 1), dh_next
