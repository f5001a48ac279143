"""Chapter 9 in NumPy: an encoder that reads, a decoder that writes.

    h_j  = encoder(E_source[x_j], h_{j-1})                             (9.1)
    s_0  = h_S, the last state of the encoder                          (9.2)
    s_t  = decoder(E_target[y_{t-1}], s_{t-1}),    y_0 = START         (9.3)
    p(y_t | y_1 ... y_{t-1}, x) = softmax(s_t W_hy + b_y)              (9.4)

    ds_t = dlogits_t W_hy^T + what comes from s_{t+1}                  (9.5)
    dh_S = ds_0                                                        (9.6)

| symbol    | shape     | meaning                                                       |
|-----------|-----------|---------------------------------------------------------------|
| x, y      | (N,S) (N,T)| the tokens of the source, those of the target                |
| h_j, s_t  | (N, H)    | states of the encoder and of the decoder; each an LSTM's h, c |
| E_source, E_target | (V, D) | a row for each token; the vocabularies may differ       |
| W_hy, b_y | (H, V)    | the readout of the decoder                                    |

Source: Sutskever, Vinyals, Le 2014; Cho et al. 2014.
"""

import numpy as np

from unrolled.bidirectional.numpy import NumpyBidirectional
from unrolled.data.batches import PAD
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.nn import Embedding, Linear
from unrolled.search import take_rows
from unrolled.seq2seq import half_of


def numpy_join_directions(layer, state):
    """The states of two directions side by side; that of one direction as it is."""
    if not isinstance(layer, NumpyBidirectional):
        return state
    return tuple(np.concatenate(parts, axis=1) for parts in zip(*state, strict=True))


def numpy_split_directions(layer, dstate):
    """The way back through ``numpy_join_directions``."""
    if not isinstance(layer, NumpyBidirectional):
        return dstate
    return tuple(zip(*(np.split(part, 2, axis=1) for part in dstate), strict=True))


class NumpyEncoder:
    """Read a sequence, and hand over the state behind it: (9.1) and (9.2).

    Args: embedding, an Embedding; layer, any LSTM that takes a mask, in one direction or both.
    """

    def __init__(self, embedding, layer):
        self.embedding, self.layer = embedding, layer
        self.params = {"E_source": embedding.E}
        self.params |= {f"{name}_encoder": param for name, param in layer.params.items()}

    def forward(self, source):
        """Args: source (N, S), padded with PAD. Returns: the state, h and c, each (N, H)."""
        hs, state = self.layer.forward(self.embedding.forward(source), mask=source != PAD)
        self.dhs = np.zeros_like(hs)  # nothing but the last state is handed over
        return numpy_join_directions(self.layer, state)

    def backward(self, dstate):
        """Fill ``grads`` for the last ``forward``. Args: dstate, the gradient in its state."""
        dx, _ = self.layer.backward(self.dhs, numpy_split_directions(self.layer, dstate))
        self.embedding.backward(dx)
        self.grads = {"E_source": self.embedding.dE}
        self.grads |= {f"{name}_encoder": grad for name, grad in self.layer.grads.items()}


class NumpyDecoder:
    """Score what comes next after each token, (9.3) and (9.4), from a state that was handed over.

    Args: embedding, an Embedding; layer, an LSTM from D inputs to H states; readout, a Linear.
    """

    def __init__(self, embedding, layer, readout):
        self.embedding, self.layer, self.readout = embedding, layer, readout
        self.params = {"E_target": embedding.E, "W_hy": readout.W, "b_y": readout.b}
        self.params |= {f"{name}_decoder": param for name, param in layer.params.items()}

    def forward(self, inputs, state):
        """Args: inputs (N, T); state, h and c (N, H). Returns: logits (N, T, V), the state."""
        hs, state = self.layer.forward(self.embedding.forward(inputs), state)
        return self.readout.forward(hs), state

    def backward(self, dlogits):
        """Fill ``grads``, by (9.5). Args: dlogits (N, T, V). Returns: ds_0, to hand back."""
        dx, dstate = self.layer.backward(self.readout.backward(dlogits))
        self.embedding.backward(dx)
        self.grads = {"E_target": self.embedding.dE, "W_hy": self.readout.dW}
        self.grads |= {"b_y": self.readout.db}
        self.grads |= {f"{name}_decoder": grad for name, grad in self.layer.grads.items()}
        return dstate


class NumpySeq2Seq:
    """Read one sequence, write another. Args: encoder, decoder."""

    def __init__(self, encoder, decoder):
        self.encoder, self.decoder = encoder, decoder
        self.params = encoder.params | decoder.params

    def forward(self, source, inputs):
        """Teacher forcing: every step is told what should have been said before it.

        Args: source (N, S); inputs (N, T), START first. Returns: logits (N, T, V).
        """
        logits, _ = self.decoder.forward(inputs, self.encoder.forward(source))
        return logits

    def backward(self, dlogits):
        """Fill ``grads`` for the last ``forward``, by (9.6). Args: dlogits (N, T, V)."""
        self.encoder.backward(self.decoder.backward(dlogits))
        self.grads = self.encoder.grads | self.decoder.grads

    def start(self, source):
        """Read, and be ready to write. Args: source (N, S). Returns: the state."""
        return self.encoder.forward(source)

    def step(self, tokens, state):
        """Score what comes next. Args: tokens (N,), said last. Returns: logits (N, V), state."""
        logits, state = self.decoder.forward(tokens[:, None], state)
        return logits[:, 0], state

    @staticmethod
    def select(state, rows):
        """The state of some rows, some of them perhaps twice. Args: rows (M,) integers."""
        return take_rows(state, rows)


def numpy_lstm_reader(input_size, hidden_size, both, **options):
    """An LSTM that shows H numbers: one direction, or both with half of them each."""
    if not both:
        return NumpyLSTM(input_size, hidden_size, **options)
    halves = [NumpyLSTM(input_size, half_of(hidden_size), **options) for _ in range(2)]
    return NumpyBidirectional(*halves)


def numpy_seq2seq(sources, targets, embedding_size, hidden_size, *, both=False, rng, **options):
    """The whole model.

    Args: sources, targets, sizes of the vocabularies; embedding_size D; hidden_size H; both,
    whether the encoder reads in both directions, H/2 each.
    """
    D, H, options = embedding_size, hidden_size, {"rng": rng, **options}
    encoder = NumpyEncoder(
        Embedding(sources, D, **options), numpy_lstm_reader(D, H, both, **options)
    )
    decoder = NumpyDecoder(
        Embedding(targets, D, **options),
        NumpyLSTM(D, H, **options),
        Linear(H, targets, **options),
    )
    return NumpySeq2Seq(encoder, decoder)
