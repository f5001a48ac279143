"""Chapter 5 in Keras: the minimal gated unit as a cell for ``keras.layers.RNN``.

    f_t = sigmoid(x_t W_xf + h_{t-1} W_hf + b_f)                 (5.9)
    n_t = tanh(x_t W_xn + (f_t * h_{t-1}) W_hn + b_n)            (5.10)
    h_t = (1 - f_t) * h_{t-1} + f_t * n_t                        (5.11)

Symbols and shapes as in ``unrolled.mgu.numpy``.

Source: Zhou, Wu, Zhang, Zhou 2016, Minimal gated unit for recurrent neural networks.
"""

import keras

from unrolled.nn import check_size


@keras.saving.register_keras_serializable("unrolled")
class KerasMGUCell(keras.layers.Layer):
    """One step of the minimal gated unit, (5.9) to (5.11), as a cell for ``keras.layers.RNN``.

    Args: hidden_size H. The input size D is read off the first input.
    """

    def __init__(self, hidden_size, **kwargs):
        super().__init__(**kwargs)
        self.state_size = self.output_size = check_size("hidden_size", hidden_size)

    def build(self, input_shape):
        """Make the weights. Args: input_shape (N, D)."""
        D, H = input_shape[-1], self.state_size
        self.W_xh = self.add_weight((D, 2 * H), initializer="glorot_uniform", name="W_xh")
        self.W_hh = self.add_weight((H, 2 * H), initializer="orthogonal", name="W_hh")
        self.b_h = self.add_weight((2 * H,), initializer="zeros", name="b_h")

    def get_initial_state(self, batch_size=None):
        """Nothing remembered yet. Returns: [h_0 (N, H)], zeros."""
        return [keras.ops.zeros((batch_size, self.state_size), dtype=self.compute_dtype)]

    def call(self, inputs, states):
        """One time step. Args: inputs x_t (N, D); states [h_prev (N, H)]. Returns: h_t, [h_t]."""
        (h_prev,) = states
        x_f, x_n = keras.ops.split(inputs @ self.W_xh + self.b_h, 2, axis=1)
        W_hf, W_hn = keras.ops.split(self.W_hh, 2, axis=1)
        f = keras.ops.sigmoid(x_f + h_prev @ W_hf)
        h = (1 - f) * h_prev + f * keras.ops.tanh(x_n + (f * h_prev) @ W_hn)
        return h, [h]

    def get_config(self):
        """What Keras needs to save the cell and load it again."""
        return super().get_config() | {"hidden_size": self.state_size}
