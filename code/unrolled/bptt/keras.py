"""Chapter 2 in Keras: a model that can carry its state, with chapter 1's cell and Keras's own.

    h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h)     (1.1)
    y_t = h_t W_hy + b_y                          (1.2)

Symbols and shapes as in ``unrolled.bptt.numpy``. The loop is ``keras.layers.RNN``, the sweep
back is the backend's.

Source: Werbos 1990, Backpropagation through time: what it does and how to do it.
"""

import keras

from unrolled.hello.keras import KerasRNNCell
from unrolled.nn import check_size


class KerasRNNModel(keras.Model):
    """Read tokens, keep a state, score the next token at every step: (1.1) and (1.2).

    Args: vocab_size V; hidden_size H; stateful, whether the state stays from call to call until
    ``reset_state``, which wants batches of one size.
    """

    def __init__(self, vocab_size, hidden_size, *, stateful=False, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = check_size("vocab_size", vocab_size)
        cell = KerasRNNCell(hidden_size)
        self.rnn = keras.layers.RNN(cell, return_sequences=True, stateful=stateful, name="rnn")
        self.readout = keras.layers.Dense(vocab_size, name="readout")

    def build(self, input_shape):
        """Make the weights, and the state if it is to stay. Args: input_shape (N, T)."""
        self.rnn.build((*input_shape, self.vocab_size))
        self.readout.build((*input_shape, self.rnn.cell.state_size))
        self.state = self.rnn.states  # named here too, or ``fit`` on JAX does not see it change

    def call(self, tokens):
        """Logits of the next token. Args: tokens (N, T). Returns: (N, T, V)."""
        x = keras.ops.one_hot(tokens, self.vocab_size, dtype=self.compute_dtype)  # (N, T, V)
        return self.readout(self.rnn(x))


class KerasLayerModel(keras.Model):
    """The same model with Keras's own recurrent layer in place of the cell.

    Args: vocab_size V; hidden_size H; stateful as in ``KerasRNNModel``.
    """

    def __init__(self, vocab_size, hidden_size, *, stateful=False, **kwargs):
        super().__init__(**kwargs)
        self.vocab_size = check_size("vocab_size", vocab_size)
        self.rnn = keras.layers.SimpleRNN(
            check_size("hidden_size", hidden_size),
            return_sequences=True,
            stateful=stateful,
            name="rnn",
        )
        self.readout = keras.layers.Dense(vocab_size, name="readout")

    def build(self, input_shape):
        """Make the weights, and the state if it is to stay. Args: input_shape (N, T)."""
        self.rnn.build((*input_shape, self.vocab_size))
        self.readout.build((*input_shape, self.rnn.cell.state_size))
        self.state = self.rnn.states  # named here too, or ``fit`` on JAX does not see it change

    def call(self, tokens):
        """Logits of the next token. Args: tokens (N, T). Returns: (N, T, V)."""
        x = keras.ops.one_hot(tokens, self.vocab_size, dtype=self.compute_dtype)  # (N, T, V)
        return self.readout(self.rnn(x))


def keras_truncated(model, tokens, targets, *, steps):
    """Train along a long sequence, slice by slice: the state goes on, the gradient does not.

    The state goes on from call to call too, until ``model.rnn.reset_state()``.
    Args: model, stateful and compiled; tokens, targets (N, T); steps, the length of a slice,
    which divides T. Returns: the mean loss of the slices, in nats per token.
    """
    N, T = tokens.shape

    def slices(array):  # row n of each batch goes on where row n of the batch before ended
        return array.reshape(N, T // steps, steps).swapaxes(0, 1).reshape(-1, steps)

    history = model.fit(slices(tokens), slices(targets), batch_size=N, shuffle=False, verbose=0)
    return history.history["loss"][0]
