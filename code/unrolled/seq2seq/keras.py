"""Chapter 9 in Keras: an encoder that reads, a decoder that writes.

    h_j  = encoder(E_source[x_j], h_{j-1})                             (9.1)
    s_0  = h_S, the last state of the encoder                          (9.2)
    s_t  = decoder(E_target[y_{t-1}], s_{t-1}),    y_0 = START         (9.3)
    p(y_t | y_1 ... y_{t-1}, x) = softmax(s_t W_hy + b_y)              (9.4)

Symbols and shapes as in ``unrolled.seq2seq.numpy``. ``keras.layers.LSTM``, with both
``return_sequences`` and ``return_state``, serves as encoder and as decoder, and
``keras.layers.Bidirectional`` as an encoder in both directions.

Source: Sutskever, Vinyals, Le 2014; Cho et al. 2014.
"""

import keras
import numpy as np

from unrolled.charlm.keras import KerasDenseEmbedding
from unrolled.data.batches import PAD
from unrolled.seq2seq import half_of


def keras_join_directions(state):
    """The states of two directions side by side; that of one direction as it is.

    Args: state, [h, c] or [h, c, h of the backward layer, its c]. Returns: [h, c].
    """
    if len(state) == 2:
        return state
    pairs = zip(state[:2], state[2:], strict=True)
    return [keras.ops.concatenate(pair, axis=1) for pair in pairs]


@keras.saving.register_keras_serializable("unrolled")
class KerasEncoder(keras.layers.Layer):
    """Read a sequence, and hand over the state behind it: (9.1) and (9.2).

    Args: embedding, a keras.layers.Embedding; layer, an LSTM that returns sequences and states,
    in one direction or both.
    """

    def __init__(self, embedding, layer, **kwargs):
        super().__init__(**kwargs)
        self.embedding, self.layer = embedding, layer

    def call(self, source):
        """Args: source (N, S), padded with PAD. Returns: the state, [h, c], each (N, H)."""
        mask = keras.ops.not_equal(source, PAD)
        _, *state = self.layer(self.embedding(source), mask=mask)
        return keras_join_directions(state)

    def get_config(self):
        """What Keras needs to save the layer and load it again."""
        return super().get_config() | saved(embedding=self.embedding, layer=self.layer)

    @classmethod
    def from_config(cls, config):
        """Build the layer that ``get_config`` describes."""
        return cls(**loaded(config, "embedding", "layer"))


@keras.saving.register_keras_serializable("unrolled")
class KerasDecoder(keras.layers.Layer):
    """Score what comes next after each token, (9.3) and (9.4), from a state that was handed over.

    Args: embedding, a keras.layers.Embedding; layer, an LSTM that returns sequences and states;
    readout, a keras.layers.Dense.
    """

    def __init__(self, embedding, layer, readout, **kwargs):
        super().__init__(**kwargs)
        self.embedding, self.layer, self.readout = embedding, layer, readout

    def call(self, inputs, state):
        """Args: inputs (N, T); state, [h, c]. Returns: logits (N, T, V), the state."""
        hs, *state = self.layer(self.embedding(inputs), initial_state=state)
        return self.readout(hs), state

    def get_config(self):
        """What Keras needs to save the layer and load it again."""
        parts = {"embedding": self.embedding, "layer": self.layer, "readout": self.readout}
        return super().get_config() | saved(**parts)

    @classmethod
    def from_config(cls, config):
        """Build the layer that ``get_config`` describes."""
        return cls(**loaded(config, "embedding", "layer", "readout"))


@keras.saving.register_keras_serializable("unrolled")
class KerasSeq2Seq(keras.Model):
    """Read one sequence, write another: a model from [source, inputs] to logits.

    It is trained by teacher forcing: every step is told what should have been said before it.
    Args: encoder, decoder.
    """

    def __init__(self, encoder, decoder, **kwargs):
        source = keras.Input((None,), dtype="int32", name="source")  # (N, S)
        inputs = keras.Input((None,), dtype="int32", name="inputs")  # (N, T), START first
        logits, _ = decoder(inputs, encoder(source))  # (N, T, V)
        super().__init__([source, inputs], logits, **kwargs)
        self.encoder, self.decoder = encoder, decoder

    @property
    def readout(self):
        """The layer that scores the tokens."""
        return self.decoder.readout

    def start(self, source):
        """Read, and be ready to write. Args: source (N, S). Returns: the state."""
        return self.encoder(keras.ops.convert_to_tensor(source, "int32"))

    def step(self, tokens, state):
        """Score what comes next. Args: tokens (N,), said last. Returns: logits (N, V), state."""
        tokens = keras.ops.convert_to_tensor(tokens[:, None], "int32")
        logits, state = self.decoder(tokens, state)
        return np.array(keras.ops.convert_to_numpy(logits[:, 0])), state

    @staticmethod
    def select(state, rows):
        """The state of some rows, some of them perhaps twice. Args: rows (M,) integers."""
        return keras.tree.map_structure(lambda part: keras.ops.take(part, rows, axis=0), state)

    def get_config(self):
        """What Keras needs to save the model and load it again."""
        return {"name": self.name, **saved(encoder=self.encoder, decoder=self.decoder)}

    @classmethod
    def from_config(cls, config):
        """Build the model that ``get_config`` describes."""
        return cls(**loaded(config, "encoder", "decoder"))


def saved(**parts):
    """The parts of a layer, as Keras writes them down."""
    return {name: keras.saving.serialize_keras_object(part) for name, part in parts.items()}


def loaded(config, *names):
    """A configuration whose parts of these names are made again."""
    return config | {name: keras.saving.deserialize_keras_object(config[name]) for name in names}


def keras_lstm(hidden_size, **options):
    """Keras's own LSTM, which returns its states of all steps and the last one."""
    return keras.layers.LSTM(hidden_size, return_sequences=True, return_state=True, **options)


def keras_lstm_reader(hidden_size, both):
    """An LSTM that shows H numbers: one direction, or both with half of them each."""
    if not both:
        return keras_lstm(hidden_size, name="layer")
    return keras.layers.Bidirectional(keras_lstm(half_of(hidden_size), name="lstm"), name="layer")


def keras_seq2seq(sources, targets, embedding_size, hidden_size, *, both=False):
    """The whole model.

    Args: sources, targets, sizes of the vocabularies; embedding_size D; hidden_size H; both,
    whether the encoder reads in both directions, H/2 each.
    """
    D, H = embedding_size, hidden_size
    encoder = KerasEncoder(
        KerasDenseEmbedding(sources, D, name="embedding"),
        keras_lstm_reader(H, both),
        name="encoder",
    )
    decoder = KerasDecoder(
        KerasDenseEmbedding(targets, D, name="embedding"),
        keras_lstm(H, name="layer"),
        keras.layers.Dense(targets, name="readout"),
        name="decoder",
    )
    return KerasSeq2Seq(encoder, decoder)
