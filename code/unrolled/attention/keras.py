"""Chapter 10 in Keras: a decoder that looks back at what the encoder read.

    e_tj = score(s_t, h_j)                                             (10.1)
    a_t  = softmax of e_t over the real j; 0 at padding                (10.2)
    c_t  = sum_j a_tj h_j                                              (10.3)
    o_t  = tanh([c_t, s_t] W_c + b_c)                                  (10.4)
    p(y_t | y_1 ... y_{t-1}, x) = softmax(o_t W_hy + b_y)              (10.5)

    dot       s_t . h_j                                                (10.6)
    scaled    s_t . h_j / sqrt(H)                                      (10.7)
    general   s_t W_a . h_j                                            (10.8)
    additive  v . tanh(s_t W_q + h_j W_k)                              (10.9)

    input feeding: the decoder reads [E_target[y_{t-1}], o_{t-1}]      (10.12)

Symbols and shapes as in ``unrolled.attention.numpy``. The library's own are
``keras.layers.Attention``, which is (10.6), (10.2) and (10.3), and ``AdditiveAttention``, which
is (10.9) between queries and keys that a ``Dense`` has been applied to before.

Source: Bahdanau, Cho, Bengio 2015; Luong, Pham, Manning 2015; Vaswani et al. 2017 (scaled).
"""

import keras

from unrolled.attention import check_memory
from unrolled.charlm.keras import KerasDenseEmbedding
from unrolled.data.batches import PAD
from unrolled.nn import check_size
from unrolled.seq2seq.keras import (
    KerasSeq2Seq,
    keras_join_directions,
    keras_lstm,
    keras_lstm_reader,
    loaded,
    saved,
)


@keras.saving.register_keras_serializable("unrolled")
class KerasDotScore(keras.layers.Layer):
    """How well each query fits each key: (10.6), or (10.7) if it is scaled. No weights.

    Args: scaled, whether it is divided by the square root of the size.
    """

    def __init__(self, *, scaled=False, **kwargs):
        super().__init__(**kwargs)
        self.scaled = scaled

    def build(self, queries_shape, keys_shape):
        """Nothing to make. Args: queries_shape (N, T, H); keys_shape (N, S, H)."""

    def call(self, queries, keys):
        """Args: queries s (N, T, H); keys h (N, S, H). Returns: scores e (N, T, S)."""
        scores = queries @ keras.ops.swapaxes(keys, 1, 2)
        return scores / queries.shape[-1] ** 0.5 if self.scaled else scores

    def get_config(self):
        """What Keras needs to save the layer and load it again."""
        return super().get_config() | {"scaled": self.scaled}


@keras.saving.register_keras_serializable("unrolled")
class KerasGeneralScore(keras.layers.Layer):
    """How well each query fits each key, after a matrix that is learned: (10.8)."""

    def build(self, queries_shape, keys_shape):
        """Make the weights. Args: queries_shape (N, T, Q); keys_shape (N, S, K)."""
        Q, K = queries_shape[-1], keys_shape[-1]
        self.W_a = self.add_weight((Q, K), initializer="glorot_uniform", name="W_a")

    def call(self, queries, keys):
        """Args: queries s (N, T, Q); keys h (N, S, K). Returns: scores e (N, T, S)."""
        return queries @ self.W_a @ keras.ops.swapaxes(keys, 1, 2)


@keras.saving.register_keras_serializable("unrolled")
class KerasAdditiveScore(keras.layers.Layer):
    """How well each query fits each key, says a small network: (10.9).

    Args: hidden_size A of the network.
    """

    def __init__(self, hidden_size, **kwargs):
        super().__init__(**kwargs)
        self.hidden_size = check_size("hidden_size", hidden_size)

    def build(self, queries_shape, keys_shape):
        """Make the weights. Args: queries_shape (N, T, Q); keys_shape (N, S, K)."""
        Q, K, A = queries_shape[-1], keys_shape[-1], self.hidden_size
        self.W_q = self.add_weight((Q, A), initializer="glorot_uniform", name="W_q")
        self.W_k = self.add_weight((K, A), initializer="glorot_uniform", name="W_k")
        self.v = self.add_weight((A,), initializer="glorot_uniform", name="v")

    def call(self, queries, keys):
        """Args: queries s (N, T, Q); keys h (N, S, K). Returns: scores e (N, T, S)."""
        both = (queries @ self.W_q)[:, :, None] + (keys @ self.W_k)[:, None]  # (N, T, S, A)
        return keras.ops.sum(keras.ops.tanh(both) * self.v, axis=-1)

    def get_config(self):
        """What Keras needs to save the layer and load it again."""
        return super().get_config() | {"hidden_size": self.hidden_size}


@keras.saving.register_keras_serializable("unrolled")
class KerasAttention(keras.layers.Layer):
    """Look at all of a memory, at each place as much as it scores: (10.1) to (10.3).

    Args: score, one of those above.
    """

    def __init__(self, score, **kwargs):
        super().__init__(**kwargs)
        self.score = score

    def call(self, queries, memory, mask=None):
        """Args: queries (N, T, Q); memory (N, S, K); mask (N, S), True where it is real.

        Returns: contexts (N, T, K), weights (N, T, S), exactly 0 where the mask is False.
        """
        check_memory(queries, memory)  # without the mask, which may be a symbol without values
        scores = self.score(queries, memory)  # (N, T, S)
        if mask is not None:
            scores = keras.ops.where(mask[:, None], scores, -float("inf"))
        weights = keras.ops.softmax(scores, axis=-1)
        return weights @ memory, weights

    def get_config(self):
        """What Keras needs to save the layer and load it again."""
        return super().get_config() | saved(score=self.score)

    @classmethod
    def from_config(cls, config):
        """Build the layer that ``get_config`` describes."""
        return cls(**loaded(config, "score"))


@keras.saving.register_keras_serializable("unrolled")
class KerasMemoryEncoder(keras.layers.Layer):
    """Read a sequence, and hand over all that there is: the last state and every state before.

    Args: embedding, a keras.layers.Embedding; layer, an LSTM that returns sequences and states,
    in one direction or both.
    """

    def __init__(self, embedding, layer, **kwargs):
        super().__init__(**kwargs)
        self.embedding, self.layer = embedding, layer

    def call(self, source):
        """Args: source (N, S), padded with PAD.

        Returns: the state, [h, c], each (N, H); the memory (N, S, H); its mask (N, S).
        """
        mask = keras.ops.not_equal(source, PAD)
        hs, *state = self.layer(self.embedding(source), mask=mask)
        return keras_join_directions(state), hs, mask

    def get_config(self):
        """What Keras needs to save the layer and load it again."""
        return super().get_config() | saved(embedding=self.embedding, layer=self.layer)

    @classmethod
    def from_config(cls, config):
        """Build the layer that ``get_config`` describes."""
        return cls(**loaded(config, "embedding", "layer"))


@keras.saving.register_keras_serializable("unrolled")
class KerasAttentionDecoder(keras.layers.Layer):
    """The decoder of chapter 9, which looks back before it says something: (10.1) to (10.5).

    Args: embedding, a keras.layers.Embedding; layer, an LSTM that returns sequences and states;
    attention; combine, a Dense from [c_t, s_t] to o_t, without its tanh; readout, a Dense.
    """

    def __init__(self, embedding, layer, attention, combine, readout, **kwargs):
        super().__init__(**kwargs)
        self.embedding, self.layer, self.attention = embedding, layer, attention
        self.combine, self.readout = combine, readout

    def call(self, inputs, state):
        """Args: inputs (N, T); state, as of a memory encoder. Returns: logits, the state."""
        state, memory, mask = state
        hs, *state = self.layer(self.embedding(inputs), initial_state=state)
        contexts, _ = self.attention(hs, memory, mask)
        outputs = keras.ops.tanh(self.combine(keras.ops.concatenate([contexts, hs], axis=2)))
        return self.readout(outputs), (state, memory, mask)  # outputs: (N, T, H)

    def get_config(self):
        """What Keras needs to save the layer and load it again."""
        parts = {"embedding": self.embedding, "layer": self.layer, "attention": self.attention}
        return super().get_config() | saved(**parts, combine=self.combine, readout=self.readout)

    @classmethod
    def from_config(cls, config):
        """Build the layer that ``get_config`` describes."""
        return cls(**loaded(config, "embedding", "layer", "attention", "combine", "readout"))


@keras.saving.register_keras_serializable("unrolled")
class KerasFeedingCell(keras.layers.Layer):
    """One step with input feeding, (10.12), as a cell for ``keras.layers.RNN``.

    Its state is [h, c, o, memory, mask]. The last two are handed on as they are: a state is what
    ``keras.layers.RNN`` shows to every step.
    Args: cell, a KerasLSTMCell or a keras.layers.LSTMCell; attention; combine, a Dense;
    memory_size K, how many numbers are in each state of the memory.
    """

    def __init__(self, cell, attention, combine, memory_size, **kwargs):
        super().__init__(**kwargs)
        self.cell, self.attention, self.combine = cell, attention, combine
        self.memory_size = check_size("memory_size", memory_size)
        self.output_size = combine.units
        self.state_size = [*cell.state_size, combine.units, None, None]

    def build(self, inputs_shape):
        """Make the weights. Args: inputs_shape (N, D)."""
        (N, D), K, H = inputs_shape, self.memory_size, self.cell.state_size[0]
        shapes = {
            self.cell: [(N, D + self.output_size)],
            self.attention.score: [(N, 1, H), (N, None, K)],
            self.combine: [(N, K + H)],
        }
        for part, of_inputs in shapes.items():
            if not part.built:  # those of a model that was loaded are
                part.build(*of_inputs)

    def call(self, inputs, states):
        """One time step. Args: inputs x_t (N, D); states. Returns: o_t (N, H), the states."""
        *state, before, memory, mask = states
        s, state = self.cell(keras.ops.concatenate([inputs, before], axis=1), state)
        contexts, _ = self.attention(s[:, None], memory, mask)
        both = keras.ops.concatenate([contexts[:, 0], s], axis=1)
        output = keras.ops.tanh(self.combine(both))
        output = keras.ops.cast(output, before.dtype)  # JAX insists; Keras there avoids float64
        return output, [*state, output, memory, mask]

    def get_config(self):
        """What Keras needs to save the cell and load it again."""
        parts = {"cell": self.cell, "attention": self.attention, "combine": self.combine}
        return super().get_config() | saved(**parts) | {"memory_size": self.memory_size}

    @classmethod
    def from_config(cls, config):
        """Build the cell that ``get_config`` describes."""
        return cls(**loaded(config, "cell", "attention", "combine"))


@keras.saving.register_keras_serializable("unrolled")
class KerasFeedingDecoder(keras.layers.Layer):
    """The same with input feeding, (10.12): each step is told what the one before looked at.

    Args: embedding, a keras.layers.Embedding; layer, a ``keras.layers.RNN`` around a
    KerasFeedingCell, which returns sequences and states; readout, a Dense.
    """

    def __init__(self, embedding, layer, readout, **kwargs):
        super().__init__(**kwargs)
        self.embedding, self.layer, self.readout = embedding, layer, readout

    def call(self, inputs, state):
        """Args: inputs (N, T); state, as of a memory encoder, or as returned.

        Returns: logits (N, T, V), the state with o_T behind it.
        """
        state, memory, mask, *fed = state
        fed = fed[0] if fed else keras.ops.zeros_like(state[0])
        start = [*state, fed, memory, mask]
        outputs, *state, fed, _, _ = self.layer(self.embedding(inputs), initial_state=start)
        return self.readout(outputs), (state, memory, mask, fed)

    def get_config(self):
        """What Keras needs to save the layer and load it again."""
        parts = {"embedding": self.embedding, "layer": self.layer, "readout": self.readout}
        return super().get_config() | saved(**parts)

    @classmethod
    def from_config(cls, config):
        """Build the layer that ``get_config`` describes."""
        return cls(**loaded(config, "embedding", "layer", "readout"))


def keras_attention_seq2seq(
    sources, targets, embedding_size, hidden_size, *, score=None, both=True
):
    """The whole model.

    Args: sources, targets, sizes of the vocabularies; embedding_size D; hidden_size H; score, by
    default general; both, whether the encoder reads in both directions, H/2 each.
    """
    D, H = embedding_size, hidden_size
    encoder = KerasMemoryEncoder(
        KerasDenseEmbedding(sources, D, name="embedding"),
        keras_lstm_reader(H, both),
        name="encoder",
    )
    decoder = KerasAttentionDecoder(
        KerasDenseEmbedding(targets, D, name="embedding"),
        keras_lstm(H, name="layer"),
        KerasAttention(score or KerasGeneralScore(name="score"), name="attention"),
        keras.layers.Dense(H, name="combine"),
        keras.layers.Dense(targets, name="readout"),
        name="decoder",
    )
    return KerasSeq2Seq(encoder, decoder)
