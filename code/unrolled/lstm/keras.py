"""Chapter 4 in Keras: the LSTM as a cell for ``keras.layers.RNN``.

    i_t = sigmoid(x_t W_xi + h_{t-1} W_hi + b_i)       (4.1)
    f_t = sigmoid(x_t W_xf + h_{t-1} W_hf + b_f)       (4.2)
    g_t = tanh   (x_t W_xg + h_{t-1} W_hg + b_g)       (4.3)
    o_t = sigmoid(x_t W_xo + h_{t-1} W_ho + b_o)       (4.4)
    c_t = f_t * c_{t-1} + i_t * g_t                    (4.5)
    h_t = o_t * tanh(c_t)                              (4.6)

Symbols and shapes as in ``unrolled.lstm.numpy``. ``keras.layers.LSTM`` stacks the four in the same
order, and calls g the cell's c.

Source: Hochreiter & Schmidhuber 1997; the forget gate, Gers, Schmidhuber, Cummins 2000.
"""

import keras
import numpy as np

from unrolled.nn import check_size


@keras.saving.register_keras_serializable("unrolled")
class KerasLSTMCell(keras.layers.Layer):
    """One step of the LSTM, (4.1) to (4.6), as a cell for ``keras.layers.RNN``.

    Args: hidden_size H; forget_bias, what b_f starts at. D is read off the first input.
    """

    def __init__(self, hidden_size, *, forget_bias=1.0, **kwargs):
        super().__init__(**kwargs)
        self.output_size = check_size("hidden_size", hidden_size)
        self.state_size = [self.output_size, self.output_size]  # of h and c
        self.forget_bias = forget_bias

    def build(self, input_shape):
        """Make the weights. Args: input_shape (N, D)."""
        D, H = input_shape[-1], self.output_size
        self.W_xh = self.add_weight((D, 4 * H), initializer="glorot_uniform", name="W_xh")
        self.W_hh = self.add_weight((H, 4 * H), initializer="orthogonal", name="W_hh")
        self.b_h = self.add_weight((4 * H,), initializer=self.start_bias, name="b_h")

    def start_bias(self, shape, dtype=None):
        """What b_h starts at: forget_bias for f, 0 for i, g and o."""
        start = np.repeat([0, self.forget_bias, 0, 0], self.output_size)
        return keras.ops.convert_to_tensor(start, dtype)

    def get_initial_state(self, batch_size=None):
        """Nothing remembered yet. Returns: [h_0, c_0], each (N, H), zeros."""
        zeros = keras.ops.zeros((batch_size, self.output_size), dtype=self.compute_dtype)
        return [zeros, zeros]

    def call(self, inputs, states):
        """One time step. Args: inputs x_t (N, D); states [h_prev, c_prev], each (N, H).

        Returns: h_t, [h_t, c_t].
        """
        h_prev, c_prev = states
        z = inputs @ self.W_xh + h_prev @ self.W_hh + self.b_h  # (N, 4H)
        i, f, g, o = keras.ops.split(z, 4, axis=1)
        c = keras.ops.sigmoid(f) * c_prev + keras.ops.sigmoid(i) * keras.ops.tanh(g)
        h = keras.ops.sigmoid(o) * keras.ops.tanh(c)
        return h, [h, c]

    def get_config(self):
        """What Keras needs to save the cell and load it again."""
        own = {"hidden_size": self.output_size, "forget_bias": self.forget_bias}
        return super().get_config() | own
