"""Chapter 10 in PyTorch: a decoder that looks back at what the encoder read.

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

Symbols and shapes as in ``unrolled.attention.numpy``. The library's own is
``torch.nn.functional.scaled_dot_product_attention``: (10.7), (10.2) and (10.3) in one call.

Source: Bahdanau, Cho, Bengio 2015; Luong, Pham, Manning 2015; Vaswani et al. 2017 (scaled).
"""

import torch
from torch import nn

from unrolled.attention import check_memory
from unrolled.data.batches import PAD
from unrolled.nn import check_size
from unrolled.seq2seq.torch import (
    TorchSeq2Seq,
    torch_join_directions,
    torch_lstm,
    torch_lstm_reader,
)


class TorchDotScore(nn.Module):
    """How well each query fits each key: (10.6), or (10.7) if it is scaled. No weights.

    Args: scaled, whether it is divided by the square root of the size.
    """

    def __init__(self, *, scaled=False):
        super().__init__()
        self.scaled = scaled

    def forward(self, queries, keys):
        """Args: queries s (N, T, H); keys h (N, S, H). Returns: scores e (N, T, S)."""
        scores = queries @ keys.mT
        return scores / queries.shape[-1] ** 0.5 if self.scaled else scores


class TorchGeneralScore(nn.Module):
    """How well each query fits each key, after a matrix that is learned: (10.8).

    Args: query_size, key_size.
    """

    def __init__(self, query_size, key_size):
        super().__init__()
        Q, K = check_size("query_size", query_size), check_size("key_size", key_size)
        self.W_a = nn.Parameter(torch.randn(Q, K) * Q**-0.5)

    def forward(self, queries, keys):
        """Args: queries s (N, T, Q); keys h (N, S, K). Returns: scores e (N, T, S)."""
        return queries @ self.W_a @ keys.mT


class TorchAdditiveScore(nn.Module):
    """How well each query fits each key, says a small network: (10.9).

    Args: query_size, key_size; hidden_size A of the network.
    """

    def __init__(self, query_size, key_size, hidden_size):
        super().__init__()
        Q, K = check_size("query_size", query_size), check_size("key_size", key_size)
        A = check_size("hidden_size", hidden_size)
        self.W_q = nn.Parameter(torch.randn(Q, A) * Q**-0.5)
        self.W_k = nn.Parameter(torch.randn(K, A) * K**-0.5)
        self.v = nn.Parameter(torch.randn(A) * A**-0.5)

    def forward(self, queries, keys):
        """Args: queries s (N, T, Q); keys h (N, S, K). Returns: scores e (N, T, S)."""
        both = (queries @ self.W_q)[:, :, None] + (keys @ self.W_k)[:, None]  # (N, T, S, A)
        return torch.tanh(both) @ self.v


class TorchAttention(nn.Module):
    """Look at all of a memory, at each place as much as it scores: (10.1) to (10.3).

    Args: score, one of those above.
    """

    def __init__(self, score):
        super().__init__()
        self.score = score

    def forward(self, queries, memory, mask=None):
        """Args: queries (N, T, Q); memory (N, S, K); mask (N, S), True where it is real.

        Returns: contexts (N, T, K), weights (N, T, S), exactly 0 where the mask is False.
        """
        check_memory(queries, memory, mask)
        scores = self.score(queries, memory)  # (N, T, S)
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -torch.inf)
        weights = torch.softmax(scores, dim=-1)
        return weights @ memory, weights


class TorchMemoryEncoder(nn.Module):
    """Read a sequence, and hand over all that there is: the last state and every state before.

    Args: embedding, an nn.Embedding; layer, any LSTM that takes a mask, in one direction or both.
    """

    def __init__(self, embedding, layer):
        super().__init__()
        self.embedding, self.layer = embedding, layer

    def forward(self, source):
        """Args: source (N, S), padded with PAD.

        Returns: the state, h and c, each (N, H); the memory (N, S, H); its mask (N, S).
        """
        mask = source != PAD
        hs, state = self.layer(self.embedding(source), mask=mask)
        return torch_join_directions(self.layer, state), hs, mask


class TorchAttentionDecoder(nn.Module):
    """The decoder of chapter 9, which looks back before it says something: (10.1) to (10.5).

    Args: embedding, an nn.Embedding; layer, an LSTM from D inputs to H states; attention;
    combine, an nn.Linear from [c_t, s_t] to o_t; readout, an nn.Linear.
    """

    def __init__(self, embedding, layer, attention, combine, readout):
        super().__init__()
        self.embedding, self.layer, self.attention = embedding, layer, attention
        self.combine, self.readout = combine, readout

    def forward(self, inputs, state):
        """Args: inputs (N, T); state, as of a memory encoder. Returns: logits, the state."""
        state, memory, mask = state
        hs, state = self.layer(self.embedding(inputs), state)
        contexts, self.weights = self.attention(hs, memory, mask)
        outputs = torch.tanh(self.combine(torch.cat([contexts, hs], dim=2)))  # (N, T, H)
        return self.readout(outputs), (state, memory, mask)


class TorchFeedingDecoder(nn.Module):
    """The same with input feeding, (10.12): each step is told what the one before looked at.

    Args: as for ``TorchAttentionDecoder``, but layer reads D + H inputs.
    """

    def __init__(self, embedding, layer, attention, combine, readout):
        super().__init__()
        self.embedding, self.layer, self.attention = embedding, layer, attention
        self.combine, self.readout = combine, readout

    def forward(self, inputs, state):
        """Args: inputs (N, T); state, as of a memory encoder, or as returned.

        Returns: logits (N, T, V), the state with o_T behind it.
        """
        state, memory, mask, *fed = state
        x = self.embedding(inputs)  # (N, T, D)
        output = fed[0] if fed else x.new_zeros(len(x), self.combine.out_features)
        outputs, weights = [], []
        for t in range(x.shape[1]):
            s, state = self.layer(torch.cat([x[:, t], output], dim=1)[:, None], state)
            context, looked = self.attention(s, memory, mask)
            output = torch.tanh(self.combine(torch.cat([context, s], dim=2)))[:, 0]  # (N, H)
            outputs.append(output)
            weights.append(looked)
        self.weights = torch.cat(weights, dim=1)
        return self.readout(torch.stack(outputs, dim=1)), (state, memory, mask, output)


def torch_attention_seq2seq(
    sources, targets, embedding_size, hidden_size, *, score=None, both=True
):
    """The whole model.

    Args: sources, targets, sizes of the vocabularies; embedding_size D; hidden_size H; score, by
    default general; both, whether the encoder reads in both directions, H/2 each.
    """
    D, H = embedding_size, hidden_size
    encoder = TorchMemoryEncoder(nn.Embedding(sources, D), torch_lstm_reader(D, H, both))
    decoder = TorchAttentionDecoder(
        nn.Embedding(targets, D),
        torch_lstm(D, H),
        TorchAttention(score or TorchGeneralScore(H, H)),
        nn.Linear(2 * H, H),
        nn.Linear(H, targets),
    )
    return TorchSeq2Seq(encoder, decoder)
