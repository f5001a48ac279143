"""Chapter 3 in Keras: the character model of library layers, its training, and its score.

    e_t = E[token at t]                                (3.1)
    h_t = tanh(e_t W_xh + h_{t-1} W_hh + b_h)          (1.1)
    y_t = h_t W_hy + b_y                               (1.2)

Symbols and shapes as in ``unrolled.charlm.numpy``. Keras calls W_xh the kernel and W_hh the
recurrent kernel. Saving is Keras's own: ``model.save("name.keras")``, ``keras.saving.load_model``.
"""

import math

import keras
import numpy as np

from unrolled.nn import check_size, check_tokens


@keras.saving.register_keras_serializable("unrolled")
class KerasDenseEmbedding(keras.layers.Embedding):
    """Keras's embedding, computed as one_hot(tokens) E, so that its gradient is a dense array.

    On TensorFlow the gradient of a lookup is a list of rows, one each time a token occurs. Keras's
    Adam and Adagrad square these rows one by one, where the square of their sum is meant.
    """

    def call(self, tokens):
        """Args: tokens (N, T). Returns: (N, T, D)."""
        rows = keras.ops.one_hot(tokens, self.input_dim, dtype=self.compute_dtype)  # (N, T, V)
        return rows @ self.embeddings


@keras.saving.register_keras_serializable("unrolled")
class KerasCharModel(keras.Model):
    """Read tokens, keep a state, score the next token at every step: (3.1), (1.1), (1.2).

    Args: vocab_size V; embedding_size D; hidden_size H; stateful, whether the state stays from
    batch to batch until ``reset_state``, which wants batches of one size.
    """

    def __init__(self, vocab_size, embedding_size, hidden_size, *, stateful=False, **kwargs):
        super().__init__(**kwargs)
        V, H = check_size("vocab_size", vocab_size), check_size("hidden_size", hidden_size)
        D = check_size("embedding_size", embedding_size)
        self.stateful = stateful
        self.embedding = KerasDenseEmbedding(V, D, name="embedding")
        self.rnn = keras.layers.SimpleRNN(H, return_sequences=True, return_state=True, name="rnn")
        self.readout = keras.layers.Dense(V, name="readout")

    def build(self, input_shape):
        """Make the weights, and the state if it is to stay. Args: input_shape (N, T)."""
        N, H = input_shape[0], self.rnn.units
        self.embedding.build(input_shape)
        self.rnn.build((*input_shape, self.embedding.output_dim))
        self.readout.build((*input_shape, H))
        if self.stateful:
            # SimpleRNN(stateful=True) has the same, but on JAX ``fit`` does not see it change.
            self.state = self.add_weight((N, H), "zeros", trainable=False, name="state")

    def call(self, tokens):
        """Logits of the next token. Args: tokens (N, T). Returns: (N, T, V)."""
        x = self.embedding(tokens)
        if not self.stateful:
            hs, _ = self.rnn(x)
        else:  # a copy, as the gradient wants the state that was there before
            hs, last = self.rnn(x, initial_state=keras.ops.copy(self.state))
            self.state.assign(last)
        return self.readout(hs)

    def reset_state(self):
        """Forget what was read."""
        self.state.assign(keras.ops.zeros(self.state.shape))

    def reader(self):
        """The same weights with the state in the open, for any batch.

        Returns: a keras.Model from [tokens (N, T), state (N, H)] to [logits (N, T, V), state].
        """
        tokens, state = keras.Input((None,), dtype="int32"), keras.Input((self.rnn.units,))
        hs, last = self.rnn(self.embedding(tokens), initial_state=state)
        return keras.Model([tokens, state], [self.readout(hs), last])

    def get_config(self):
        """What Keras needs to save the model and load it again."""
        sizes = {"vocab_size": self.readout.units, "hidden_size": self.rnn.units}
        sizes |= {"embedding_size": self.embedding.output_dim, "stateful": self.stateful}
        return super().get_config() | sizes


@keras.saving.register_keras_serializable("unrolled")
class KerasLanguageModel(keras.Model):
    """The model around any recurrent layer: embedding, layer, readout.

    Args: vocab_size V; embedding_size D; layer, which returns its states of all steps and the
    last one; stateful, whether the state stays from batch to batch until ``reset_state``.
    """

    def __init__(self, vocab_size, embedding_size, layer, *, stateful=False, **kwargs):
        super().__init__(**kwargs)
        V, D = check_size("vocab_size", vocab_size), check_size("embedding_size", embedding_size)
        if not (layer.return_sequences and layer.return_state):
            raise ValueError("layer must have return_sequences=True and return_state=True")
        self.stateful = stateful
        self.embedding = KerasDenseEmbedding(V, D, name="embedding")
        self.rnn = layer
        self.readout = keras.layers.Dense(V, name="readout")

    def build(self, input_shape):
        """Make the weights, and the state if it is to stay. Args: input_shape (N, T)."""
        self.embedding.build(input_shape)
        self.rnn.build((*input_shape, self.embedding.output_dim))
        self.sizes = keras.tree.flatten(self.rnn.state_size)  # of h; of h and c
        self.readout.build((*input_shape, self.sizes[0]))
        if self.stateful:
            N = input_shape[0]
            self.state = [
                self.add_weight((N, size), "zeros", trainable=False, name=f"state_{i}")
                for i, size in enumerate(self.sizes)
            ]

    def call(self, tokens, training=False):
        """Logits of the next token. Args: tokens (N, T). Returns: (N, T, V)."""
        x = self.embedding(tokens)
        if not self.stateful:
            hs, *_ = self.rnn(x, training=training)
        else:  # copies, as the gradient wants the state that was there before
            before = [keras.ops.copy(part) for part in self.state]
            hs, *after = self.rnn(x, initial_state=before, training=training)
            for part, last in zip(self.state, after, strict=True):
                part.assign(last)
        return self.readout(hs)

    def reset_state(self):
        """Forget what was read."""
        for part in self.state:
            part.assign(keras.ops.zeros(part.shape))

    def reader(self):
        """The same weights with the state in the open, for any batch.

        Returns: a keras.Model from [tokens (N, T), *state] to [logits (N, T, V), *state].
        """
        tokens = keras.Input((None,), dtype="int32")
        state = [keras.Input((size,)) for size in self.sizes]
        hs, *last = self.rnn(self.embedding(tokens), initial_state=state)
        return keras.Model([tokens, *state], [self.readout(hs), *last])

    def get_config(self):
        """What Keras needs to save the model and load it again."""
        sizes = {"vocab_size": self.readout.units, "embedding_size": self.embedding.output_dim}
        layer = keras.saving.serialize_keras_object(self.rnn)
        return super().get_config() | sizes | {"layer": layer, "stateful": self.stateful}

    @classmethod
    def from_config(cls, config):
        """Build the model that ``get_config`` describes."""
        return cls(**config | {"layer": keras.saving.deserialize_keras_object(config["layer"])})


def keras_train(model, batches):
    """Go once through the batches: a stateful model hands the state on, not the gradient.

    Args: model, stateful, and compiled with an optimizer whose ``global_clipnorm`` is set;
    batches of (inputs, targets), each (N, T).
    Returns: the loss of each batch before its update, in nats per character.
    """
    batches = list(batches)
    inputs, targets = (np.concatenate(arrays) for arrays in zip(*batches, strict=True))
    means = [0.0]  # what Keras logs after a batch is the mean of the losses so far
    log = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: means.append(logs["loss"])
    )
    model.reset_state()
    model.fit(
        inputs, targets, batch_size=len(batches[0][0]), shuffle=False, callbacks=[log], verbose=0
    )
    return np.diff(means * np.arange(len(means))).tolist()


def keras_bits(model, tokens, *, chunk=1000):
    """Read a held-out text once, as one row, and be surprised: bits per character.

    Args: tokens (M,); chunk, how many are read at a time, which changes nothing but memory.
    Returns: the mean of -log2 p(next token) over the M - 1 tokens after the first.
    Raises: ValueError for fewer than two tokens, or one outside the vocabulary.
    """
    tokens = check_tokens(tokens, model.readout.units)
    if len(tokens) < 2:
        raise ValueError(f"there is nothing to predict in a text of {len(tokens)} tokens")
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="sum")
    reader, nats = model.reader(), 0.0
    state = [np.zeros((1, part.shape[1])) for part in reader.inputs[1:]]
    for start in range(0, len(tokens) - 1, chunk):
        targets = tokens[start + 1 : start + chunk + 1]
        inputs = tokens[None, start : start + len(targets)]
        logits, *state = reader.predict_on_batch([inputs, *state])
        nats += float(loss(targets, logits[0]))
    return nats / (len(tokens) - 1) / math.log(2)


def keras_step(model):
    """The model one token at a time, to write with. Returns: step(token, state).

    step takes a token and the state [(1, H)], None at first; it returns logits (V,), a NumPy
    array, and the state.
    """
    reader = model.reader()
    start = [np.zeros((1, part.shape[1])) for part in reader.inputs[1:]]

    def step(token, state):
        inputs = [np.array([[token]]), *(start if state is None else state)]
        logits, *state = reader.predict_on_batch(inputs)
        return logits[0, 0], state

    return step
