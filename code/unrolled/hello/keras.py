"""Chapter 1 in Keras: the recurrent cell, and a network around it that spells.

    h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h)     (1.1)
    y_t = h_t W_hy + b_y                          (1.2)

Symbols and shapes as in ``unrolled.hello.numpy``. ``Dense`` calls W_hy its kernel.

Source: Elman 1990, Finding structure in time.
"""

import keras
import numpy as np

from unrolled.nn import check_size


class KerasFeedForward(keras.Model):
    """The memoryless rival: each letter's logits depend on that letter alone.

    Args: vocab_size V; hidden_size H.
    """

    def __init__(self, vocab_size, hidden_size, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = check_size("vocab_size", vocab_size)
        self.first = keras.layers.Dense(
            check_size("hidden_size", hidden_size), activation="tanh", name="first"
        )
        self.readout = keras.layers.Dense(vocab_size, name="readout")

    def call(self, tokens):
        """Logits of the next letter. Args: tokens (N, T). Returns: (N, T, V)."""
        x = keras.ops.one_hot(tokens, self.vocab_size, dtype=self.compute_dtype)  # (N, T, V)
        return self.readout(self.first(x))


class KerasRNNCell(keras.layers.Layer):
    """One step of the Elman recurrence, equation (1.1), as a cell for ``keras.layers.RNN``.

    Args: hidden_size H. The input size D is read off the first input.
    Source: Elman 1990, Finding structure in time.
    """

    def __init__(self, hidden_size, **kwargs):
        super().__init__(**kwargs)
        self.state_size = self.output_size = check_size("hidden_size", hidden_size)

    def build(self, input_shape):
        """Make the weights. Args: input_shape (N, D)."""
        D, H = input_shape[-1], self.state_size
        self.W_xh = self.add_weight((D, H), initializer="glorot_uniform", name="W_xh")
        self.W_hh = self.add_weight((H, H), initializer="orthogonal", name="W_hh")
        self.b_h = self.add_weight((H,), initializer="zeros", name="b_h")

    def get_initial_state(self, batch_size=None):
        """Nothing remembered yet. Returns: [h_0 (N, H)], zeros."""
        return [keras.ops.zeros((batch_size, self.state_size), dtype=self.compute_dtype)]

    def call(self, inputs, states):
        """One time step. Args: inputs x_t (N, D); states [h_prev (N, H)]. Returns: h_t, [h_t]."""
        (h_prev,) = states
        h_t = keras.ops.tanh(inputs @ self.W_xh + h_prev @ self.W_hh + self.b_h)  # (N, H)
        return h_t, [h_t]

    def get_config(self):
        """What Keras needs to save the cell and load it again."""
        return {**super().get_config(), "hidden_size": self.state_size}


class KerasSpeller(keras.Model):
    """Read a letter, update the state, bet on the next letter: (1.1) and (1.2) in a loop.

    Args: vocab_size V; hidden_size H. The loop itself is ``keras.layers.RNN``.
    """

    def __init__(self, vocab_size, hidden_size, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = check_size("vocab_size", vocab_size)
        self.rnn = keras.layers.RNN(
            KerasRNNCell(hidden_size), return_sequences=True, return_state=True, name="rnn"
        )
        self.readout = keras.layers.Dense(vocab_size, name="readout")

    def hidden(self, tokens, state=None):
        """The states along the text. Args: tokens (N, T). Returns: hs (N, T, H), state (N, H)."""
        x = keras.ops.one_hot(tokens, self.vocab_size, dtype=self.compute_dtype)  # (N, T, V)
        hs, state = self.rnn(x, initial_state=state)
        return hs, state

    def call(self, tokens):
        """Logits of the next letter. Args: tokens (N, T). Returns: (N, T, V)."""
        hs, _ = self.hidden(tokens)
        return self.readout(hs)

    def spell(self, token, length):
        """Greedy: feed each best bet back in. Returns: a list of ``length`` tokens."""
        spelled, state = [token], None
        while len(spelled) < length:
            hs, state = self.hidden(np.array([[spelled[-1]]]), state)
            spelled.append(int(keras.ops.argmax(self.readout(hs)[0, 0])))
        return spelled


class KerasLayerSpeller(keras.Model):
    """The same speller with Keras's own recurrent layer in place of the cell.

    Args: vocab_size V; hidden_size H.
    """

    def __init__(self, vocab_size, hidden_size, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = check_size("vocab_size", vocab_size)
        self.rnn = keras.layers.SimpleRNN(
            check_size("hidden_size", hidden_size), return_sequences=True, name="rnn"
        )
        self.readout = keras.layers.Dense(vocab_size, name="readout")

    def call(self, tokens):
        """Logits of the next letter. Args: tokens (N, T). Returns: (N, T, V)."""
        x = keras.ops.one_hot(tokens, self.vocab_size, dtype=self.compute_dtype)  # (N, T, V)
        return self.readout(self.rnn(x))
