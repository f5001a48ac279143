"""Chapter 10 in NumPy: a decoder that looks back at what the encoder read.

    e_tj = score(s_t, h_j)                                             (10.1)
    a_t  = softmax of e_t over the real j; 0 at padding                (10.2)
    c_t  = sum_j a_tj h_j                                              (10.3)
    o_t  = tanh([c_t, s_t] W_c + b_c)                                  (10.4)
    p(y_t | y_1 ... y_{t-1}, x) = softmax(o_t W_hy + b_y)              (10.5)

    dot       s_t . h_j                                                (10.6)
    scaled    s_t . h_j / sqrt(H)                                      (10.7)
    general   s_t W_a . h_j                                            (10.8)
    additive  v . tanh(s_t W_q + h_j W_k)                              (10.9)

    da_tj = dc_t . h_j;   de_tj = a_tj (da_tj - sum_k a_tk da_tk)      (10.10)
    dh_j  = sum_t a_tj dc_t + what comes through e_tj                  (10.11)

    input feeding: the decoder reads [E_target[y_{t-1}], o_{t-1}]      (10.12)

| symbol | shape     | meaning                                                        |
|--------|-----------|----------------------------------------------------------------|
| s_t    | (N, H)    | state of the decoder: the query                                |
| h_j    | (N, K)    | state of the encoder: the key, and the value                   |
| e, a   | (N, T, S) | scores; weights, which are at least 0 and sum to 1 for each t  |
| c_t    | (N, K)    | context: the mean of what was read, weighted by a_t            |
| o_t    | (N, H)    | what both say together                                         |

Source: Bahdanau, Cho, Bengio 2015; Luong, Pham, Manning 2015; Vaswani et al. 2017 (scaled).
"""

import copy

import numpy as np

from unrolled.attention import check_memory
from unrolled.data.batches import PAD
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.nn import Embedding, Linear, check_size, softmax
from unrolled.seq2seq.numpy import (
    NumpySeq2Seq,
    numpy_join_directions,
    numpy_lstm_reader,
    numpy_split_directions,
)


class NumpyDotScore:
    """How well each query fits each key: (10.6), or (10.7) if it is scaled. No weights.

    Args: scaled, whether it is divided by the square root of the size.
    """

    def __init__(self, *, scaled=False):
        self.scaled, self.params, self.grads = scaled, {}, {}

    def forward(self, queries, keys):
        """Args: queries s (N, T, H); keys h (N, S, H). Returns: scores e (N, T, S)."""
        self.queries, self.keys = queries, keys
        self.scale = queries.shape[-1] ** -0.5 if self.scaled else 1.0
        return queries @ keys.swapaxes(1, 2) * self.scale

    def backward(self, de):
        """Args: de (N, T, S). Returns: dqueries, dkeys."""
        de = de * self.scale
        return de @ self.keys, de.swapaxes(1, 2) @ self.queries


class NumpyGeneralScore:
    """How well each query fits each key, after a matrix that is learned: (10.8).

    Args: query_size, key_size; rng.
    """

    def __init__(self, query_size, key_size, *, rng, dtype=np.float32):
        Q, K = check_size("query_size", query_size), check_size("key_size", key_size)
        self.params = {"W_a": rng.normal(0, Q**-0.5, (Q, K)).astype(dtype)}

    def forward(self, queries, keys):
        """Args: queries s (N, T, Q); keys h (N, S, K). Returns: scores e (N, T, S)."""
        self.queries, self.keys = queries, keys
        return queries @ self.params["W_a"] @ keys.swapaxes(1, 2)

    def backward(self, de):
        """Fill ``grads``. Args: de (N, T, S). Returns: dqueries, dkeys."""
        W_a, queries = self.params["W_a"], self.queries
        dturned = de @ self.keys  # the gradient in s W_a, (N, T, K)
        self.grads = {"W_a": np.tensordot(queries, dturned, axes=((0, 1), (0, 1)))}
        return dturned @ W_a.T, de.swapaxes(1, 2) @ (queries @ W_a)


class NumpyAdditiveScore:
    """How well each query fits each key, says a small network: (10.9).

    Args: query_size, key_size; hidden_size A of the network; rng.
    """

    def __init__(self, query_size, key_size, hidden_size, *, rng, dtype=np.float32):
        Q, K = check_size("query_size", query_size), check_size("key_size", key_size)
        A = check_size("hidden_size", hidden_size)
        shapes = {"W_q": (Q, A), "W_k": (K, A), "v": (A,)}
        self.params = {
            name: rng.normal(0, shape[0] ** -0.5, shape).astype(dtype)
            for name, shape in shapes.items()
        }

    def forward(self, queries, keys):
        """Args: queries s (N, T, Q); keys h (N, S, K). Returns: scores e (N, T, S)."""
        W_q, W_k, v = self.params.values()
        self.queries, self.keys = queries, keys
        self.hidden = np.tanh((queries @ W_q)[:, :, None] + (keys @ W_k)[:, None])  # (N, T, S, A)
        return self.hidden @ v

    def backward(self, de):
        """Fill ``grads``. Args: de (N, T, S). Returns: dqueries, dkeys."""
        W_q, W_k, v = self.params.values()
        dboth = de[..., None] * v * (1 - self.hidden**2)  # (N, T, S, A)
        dq, dk = dboth.sum(axis=2), dboth.sum(axis=1)
        self.grads = {
            "W_q": np.tensordot(self.queries, dq, axes=((0, 1), (0, 1))),
            "W_k": np.tensordot(self.keys, dk, axes=((0, 1), (0, 1))),
            "v": np.tensordot(de, self.hidden, axes=3),
        }
        return dq @ W_q.T, dk @ W_k.T


class NumpyAttention:
    """Look at all of a memory, at each place as much as it scores: (10.1) to (10.3).

    Args: score, one of those above.
    """

    def __init__(self, score):
        self.score, self.params = score, score.params

    def forward(self, queries, memory, mask=None):
        """Args: queries (N, T, Q); memory (N, S, K); mask (N, S), True where it is real.

        Returns: contexts (N, T, K), weights (N, T, S), exactly 0 where the mask is False.
        """
        self.memory = check_memory(queries, memory, mask)
        scores = self.score.forward(queries, memory)  # (N, T, S)
        if mask is not None:
            scores = np.where(mask[:, None], scores, -np.inf)
        self.weights = softmax(scores)
        return self.weights @ memory, self.weights

    def backward(self, dcontexts):
        """Fill ``grads``, by (10.10) and (10.11). Args: dcontexts (N, T, K).

        Returns: dqueries (N, T, Q), dmemory (N, S, K).
        """
        a, da = self.weights, dcontexts @ self.memory.swapaxes(1, 2)  # (N, T, S)
        dqueries, dkeys = self.score.backward(a * (da - (a * da).sum(axis=2, keepdims=True)))
        self.grads = self.score.grads
        return dqueries, a.swapaxes(1, 2) @ dcontexts + dkeys


class NumpyMemoryEncoder:
    """Read a sequence, and hand over all that there is: the last state and every state before.

    Args: embedding, an Embedding; layer, any LSTM that takes a mask, in one direction or both.
    """

    def __init__(self, embedding, layer):
        self.embedding, self.layer = embedding, layer
        self.params = {"E_source": embedding.E}
        self.params |= {f"{name}_encoder": param for name, param in layer.params.items()}

    def forward(self, source):
        """Args: source (N, S), padded with PAD.

        Returns: the state, h and c, each (N, H); the memory (N, S, H); its mask (N, S).
        """
        mask = source != PAD
        hs, state = self.layer.forward(self.embedding.forward(source), mask=mask)
        return numpy_join_directions(self.layer, state), hs, mask

    def backward(self, dhanded):
        """Fill ``grads``. Args: dhanded, the gradients in the state and in the memory."""
        dstate, dmemory = dhanded
        dx, _ = self.layer.backward(dmemory, numpy_split_directions(self.layer, dstate))
        self.embedding.backward(dx)
        self.grads = {"E_source": self.embedding.dE}
        self.grads |= {f"{name}_encoder": grad for name, grad in self.layer.grads.items()}


class NumpyAttentionDecoder:
    """The decoder of chapter 9, which looks back before it says something: (10.1) to (10.5).

    Args: embedding, an Embedding; layer, an LSTM from D inputs to H states; attention; combine,
    a Linear from [c_t, s_t] to o_t; readout, a Linear.
    """

    def __init__(self, embedding, layer, attention, combine, readout):
        self.embedding, self.layer, self.attention = embedding, layer, attention
        self.combine, self.readout = combine, readout
        self.params = {"E_target": embedding.E, "W_hy": readout.W, "b_y": readout.b}
        self.params |= {"W_c": combine.W, "b_c": combine.b} | attention.params
        self.params |= {f"{name}_decoder": param for name, param in layer.params.items()}

    def forward(self, inputs, state):
        """Args: inputs (N, T); state, as of a memory encoder. Returns: logits, the state."""
        state, memory, mask = state
        hs, state = self.layer.forward(self.embedding.forward(inputs), state)
        contexts, self.weights = self.attention.forward(hs, memory, mask)
        both = np.concatenate([contexts, hs], axis=2)
        self.outputs = np.tanh(self.combine.forward(both))  # (N, T, H)
        return self.readout.forward(self.outputs), (state, memory, mask)

    def backward(self, dlogits):
        """Fill ``grads``. Args: dlogits (N, T, V). Returns: the gradients in state and memory."""
        doutputs = self.readout.backward(dlogits) * (1 - self.outputs**2)
        dboth = self.combine.backward(doutputs)
        dcontexts, dhs = np.split(dboth, [self.attention.memory.shape[2]], axis=2)
        dqueries, dmemory = self.attention.backward(dcontexts)
        dx, dstate = self.layer.backward(dhs + dqueries)
        self.embedding.backward(dx)
        self.grads = {"E_target": self.embedding.dE, "W_hy": self.readout.dW}
        self.grads |= {"b_y": self.readout.db, "W_c": self.combine.dW, "b_c": self.combine.db}
        self.grads |= self.attention.grads
        self.grads |= {f"{name}_decoder": grad for name, grad in self.layer.grads.items()}
        return dstate, dmemory


class NumpyFeedingDecoder:
    """The same with input feeding, (10.12): each step is told what the one before looked at.

    What a step computed is kept in a copy of each part for that step: the copies share their
    weights. Args: as for ``NumpyAttentionDecoder``, but layer reads D + H inputs.
    """

    def __init__(self, embedding, layer, attention, combine, readout):
        self.embedding, self.layer, self.attention = embedding, layer, attention
        self.combine, self.readout = combine, readout
        self.params = {"E_target": embedding.E, "W_hy": readout.W, "b_y": readout.b}
        self.params |= {"W_c": combine.W, "b_c": combine.b} | attention.params
        self.params |= {f"{name}_decoder": param for name, param in layer.params.items()}

    def forward(self, inputs, state):
        """Args: inputs (N, T); state, as of a memory encoder, or as returned.

        Returns: logits (N, T, V), the state with o_T behind it.
        """
        state, memory, mask, *fed = state
        x = self.embedding.forward(inputs)  # (N, T, D)
        output = fed[0] if fed else np.zeros((len(x), len(self.combine.b)), x.dtype)
        self.unrolled, outputs, weights = [], [], []
        for t in range(x.shape[1]):
            layer, combine = copy.copy(self.layer), copy.copy(self.combine)
            attention = NumpyAttention(copy.copy(self.attention.score))
            s, state = layer.forward(np.concatenate([x[:, t], output], axis=1)[:, None], state)
            context, looked = attention.forward(s, memory, mask)
            both = np.concatenate([context, s], axis=2)
            output = np.tanh(combine.forward(both))[:, 0]  # (N, H)
            self.unrolled.append((layer, attention, combine))
            outputs.append(output)
            weights.append(looked)
        self.outputs, self.weights = np.stack(outputs, axis=1), np.concatenate(weights, axis=1)
        return self.readout.forward(self.outputs), (state, memory, mask, output)

    def backward(self, dlogits):
        """Fill ``grads``. Args: dlogits (N, T, V). Returns: the gradients in state and memory."""
        doutputs, D = self.readout.backward(dlogits), self.embedding.E.shape[1]
        dx, fed, dstate, dmemory = [], 0, None, 0
        self.grads = {name: np.zeros_like(param) for name, param in self.params.items()}
        for t, (layer, attention, combine) in reversed([*enumerate(self.unrolled)]):
            doutput = (doutputs[:, t] + fed) * (1 - self.outputs[:, t] ** 2)
            dboth = combine.backward(doutput[:, None])
            dcontext, ds = np.split(dboth, [attention.memory.shape[2]], axis=2)
            dquery, dlooked = attention.backward(dcontext)
            dinput, dstate = layer.backward(ds + dquery, dstate)
            dx.append(dinput[..., :D])
            fed, dmemory = dinput[:, 0, D:], dmemory + dlooked
            grads = {f"{name}_decoder": grad for name, grad in layer.grads.items()}
            grads |= attention.grads | {"W_c": combine.dW, "b_c": combine.db}
            for name, grad in grads.items():
                self.grads[name] += grad
        self.embedding.backward(np.concatenate(dx[::-1], axis=1))
        self.grads |= {"E_target": self.embedding.dE, "W_hy": self.readout.dW}
        self.grads |= {"b_y": self.readout.db}
        return dstate, dmemory


def numpy_attention_seq2seq(
    sources, targets, embedding_size, hidden_size, *, score=None, both=True, rng, **options
):
    """The whole model.

    Args: sources, targets, sizes of the vocabularies; embedding_size D; hidden_size H; score, by
    default general; both, whether the encoder reads in both directions, H/2 each.
    """
    D, H, options = embedding_size, hidden_size, {"rng": rng, **options}
    encoder = NumpyMemoryEncoder(
        Embedding(sources, D, **options), numpy_lstm_reader(D, H, both, **options)
    )
    decoder = NumpyAttentionDecoder(
        Embedding(targets, D, **options),
        NumpyLSTM(D, H, **options),
        NumpyAttention(score or NumpyGeneralScore(H, H, **options)),
        Linear(2 * H, H, **options),
        Linear(H, targets, **options),
    )
    return NumpySeq2Seq(encoder, decoder)
