"""Chapter 5 in Keras: the GRU as a cell for ``keras.layers.RNN``.

    r_t = sigmoid(x_t W_xr + h_{t-1} W_hr + b_r)                      (5.1)
    z_t = sigmoid(x_t W_xz + h_{t-1} W_hz + b_z)                      (5.2)
    n_t = tanh(x_t W_xn + b_n + r_t * (h_{t-1} W_hn + b_hn))          (5.3)
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}                             (5.4)

Symbols and shapes as in ``unrolled.gru.numpy``. ``keras.layers.GRU`` stacks z, r, n, calls n the
candidate, and has a second bias for all three.

Source: Cho et al. 2014, with the reset after the product, as Keras and PyTorch have it.
"""

import keras

from unrolled.nn import check_size


@keras.saving.register_keras_serializable("unrolled")
class KerasGRUCell(keras.layers.Layer):
    """One step of the GRU, (5.1) to (5.4), as a cell for ``keras.layers.RNN``.

    Args: hidden_size H. The input size D is read off the first input.
    """

    def __init__(self, hidden_size, **kwargs):
        super().__init__(**kwargs)
        self.state_size = self.output_size = check_size("hidden_size", hidden_size)

    def build(self, input_shape):
        """Make the weights. Args: input_shape (N, D)."""
        D, H = input_shape[-1], self.state_size
        self.W_xh = self.add_weight((D, 3 * H), initializer="glorot_uniform", name="W_xh")
        self.W_hh = self.add_weight((H, 3 * H), initializer="orthogonal", name="W_hh")
        self.b_h = self.add_weight((3 * H,), initializer="zeros", name="b_h")
        self.b_hn = self.add_weight((H,), initializer="zeros", name="b_hn")

    def get_initial_state(self, batch_size=None):
        """Nothing remembered yet. Returns: [h_0 (N, H)], zeros."""
        return [keras.ops.zeros((batch_size, self.state_size), dtype=self.compute_dtype)]

    def call(self, inputs, states):
        """One time step. Args: inputs x_t (N, D); states [h_prev (N, H)]. Returns: h_t, [h_t]."""
        (h_prev,) = states
        x_r, x_z, x_n = keras.ops.split(inputs @ self.W_xh + self.b_h, 3, axis=1)
        h_r, h_z, h_n = keras.ops.split(h_prev @ self.W_hh, 3, axis=1)
        r, z = keras.ops.sigmoid(x_r + h_r), keras.ops.sigmoid(x_z + h_z)
        h = (1 - z) * keras.ops.tanh(x_n + r * (h_n + self.b_hn)) + z * h_prev
        return h, [h]

    def get_config(self):
        """What Keras needs to save the cell and load it again."""
        return super().get_config() | {"hidden_size": self.state_size}
