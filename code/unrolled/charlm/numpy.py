"""Chapter 3 in NumPy: a character model that is fast, its training, its score, its file.

    e_t = E[token at t]                                (3.1)
    h_t = tanh(e_t W_xh + h_{t-1} W_hh + b_h)          (1.1)
    y_t = h_t W_hy + b_y                               (1.2)

A token always brings the same e_t W_xh + b_h. So all of them are computed once a batch, one row
a token, and then looked up:

    table = E W_xh + b_h                               (3.2)
    h_t = tanh(table[token at t] + h_{t-1} W_hh)       (3.3)

| symbol        | shape                  | meaning                                        |
|---------------|------------------------|------------------------------------------------|
| E             | (V, D)                 | embedding: a row of numbers for each token     |
| W_xh W_hh W_hy| (D, H) (H, H) (H, V)   | weights                                        |
| b_h b_y       | (H,) (V,)              | biases                                         |
| table         | (V, H)                 | what each token adds inside the tanh           |
| h_t           | (N, H)                 | the state: what the network remembers          |
| y_t           | (N, V)                 | logits: a score for each possible next token   |
"""

import os
from pathlib import Path

import numpy as np

from unrolled.nn import Embedding, Linear, check_size, check_tokens, cross_entropy
from unrolled.optim import clip_by_norm

NAMES = "E", "W_xh", "W_hh", "b_h", "W_hy", "b_y"


class NumpyTokenRNN:
    """Embedding and recurrence in one, by (3.2) and (3.3), with the gradient.

    Args: vocab_size V; embedding_size D; hidden_size H; rng, a numpy Generator.
    """

    def __init__(self, vocab_size, embedding_size, hidden_size, *, rng, dtype=np.float32):
        V, H = check_size("vocab_size", vocab_size), check_size("hidden_size", hidden_size)
        D = check_size("embedding_size", embedding_size)
        self.params = {
            "E": rng.normal(0, 1, (V, D)).astype(dtype),
            "W_xh": rng.normal(0, D**-0.5, (D, H)).astype(dtype),
            "W_hh": rng.normal(0, H**-0.5, (H, H)).astype(dtype),
            "b_h": np.zeros(H, dtype),
        }
        self.hs = np.empty((0, 0, H), dtype)

    def forward(self, tokens, state=None):
        """All steps. Args: tokens (N, T); state (N, H). Returns: hs (N, T, H), state (N, H)."""
        E, W_xh, W_hh, b_h = self.params.values()
        self.tokens = check_tokens(tokens, len(E)).T  # (T, N): time first, as in NumpyRNN
        (T, N), H = self.tokens.shape, len(b_h)
        if state is not None and state.shape != (N, H):
            raise ValueError(f"state has shape {state.shape}, expected {(N, H)}")
        if self.hs.shape != (T + 1, N, H):  # else the last call's hs is overwritten
            self.hs = np.empty((T + 1, N, H), b_h.dtype)
        hs = self.hs  # hs[t] is h_t, hs[0] the state before
        hs[0] = 0 if state is None else state
        # (3.2). The tokens are checked: "clip" has nothing to do, and spares a copy.
        np.take(E @ W_xh + b_h, self.tokens, axis=0, out=hs[1:], mode="clip")
        for t in range(1, T + 1):
            hs[t] += hs[t - 1] @ W_hh
            np.tanh(hs[t], out=hs[t])  # (3.3)
        return hs[1:].swapaxes(0, 1), hs[T].copy()

    def backward(self, dhs, dstate=None):
        """Fill ``grads`` for the last ``forward``: back through time, then into the table.

        Args: dhs (N, T, H), overwritten; dstate (N, H), from what came after.
        Returns: dstate (N, H), the gradient in the state before the first step.
        """
        E, W_xh, W_hh, b_h = self.params.values()
        dz, H = dhs.swapaxes(0, 1), len(b_h)  # dz takes the place of dhs, step by step
        dh_next = 0 if dstate is None else dstate
        for t in reversed(range(len(dz))):
            dz[t] += dh_next  # dh_t, by (2.5)
            dz[t] *= 1 - np.square(self.hs[t + 1])  # (2.6)
            dh_next = dz[t] @ W_hh.T
        dz, h_prev = dz.reshape(-1, H), self.hs[:-1].reshape(-1, H)
        # Wherever a token stands, its row of the table was used, and these gradients add up. They
        # are sorted by token for it, as np.add.at is slow.
        order = np.argsort(self.tokens, axis=None)
        used, first = np.unique(self.tokens.ravel()[order], return_index=True)
        dtable = np.zeros((len(E), H), dz.dtype)  # (V, H)
        dtable[used] = np.add.reduceat(dz[order], first)
        self.grads = {"E": dtable @ W_xh.T, "W_xh": E.T @ dtable}
        self.grads |= {"W_hh": h_prev.T @ dz, "b_h": dtable.sum(axis=0)}
        return dh_next


class NumpyCharModel:
    """Read tokens, keep a state, score the next token at every step: (3.2), (3.3), (1.2).

    Args: vocab_size V; embedding_size D; hidden_size H; rng, a numpy Generator.
    """

    def __init__(self, vocab_size, embedding_size, hidden_size, *, rng, dtype=np.float32):
        self.rnn = NumpyTokenRNN(vocab_size, embedding_size, hidden_size, rng=rng, dtype=dtype)
        self.params = {
            **self.rnn.params,
            "W_hy": rng.normal(0, hidden_size**-0.5, (hidden_size, vocab_size)).astype(dtype),
            "b_y": np.zeros(vocab_size, dtype),
        }

    def forward(self, tokens, state=None):
        """Args: tokens (N, T); state (N, H). Returns: logits (N, T, V), state (N, H)."""
        W_hy, b_y = self.params["W_hy"], self.params["b_y"]
        hs, state = self.rnn.forward(tokens, state)
        (N, T, H), V = hs.shape, len(b_y)
        self.h = hs.swapaxes(0, 1).reshape(T * N, H)  # no copy: the layer has time first inside
        logits = W_hy.T @ self.h.T  # (V, T·N): a sum over V is fastest where V comes first
        logits += b_y[:, None]
        return logits.reshape(V, T, N).T, state

    def backward(self, dlogits, dstate=None):
        """Fill ``grads`` for the last ``forward``: the readout, then the recurrent layer.

        Args: dlogits (N, T, V); dstate (N, H), the gradient in the last state from what came
        after. Returns: dstate (N, H), the gradient in the state before the first step.
        """
        N, T, V = dlogits.shape
        dlogits = dlogits.T.reshape(V, T * N)
        dhs = (dlogits.T @ self.params["W_hy"].T).reshape(T, N, -1).swapaxes(0, 1)
        dstate = self.rnn.backward(dhs, dstate)
        self.grads = self.rnn.grads | {"W_hy": self.h.T @ dlogits.T, "b_y": dlogits.sum(axis=1)}
        return dstate


class NumpyLanguageModel:
    """The model around any recurrent layer: embedding, layer, readout.

    Args: vocab_size V; layer, from D inputs to H states; rng, a numpy Generator.
    """

    def __init__(self, vocab_size, layer, *, rng):
        D, H, dtype = (
            len(layer.params["W_xh"]),
            len(layer.params["W_hh"]),
            layer.params["b_h"].dtype,
        )
        self.embedding = Embedding(vocab_size, D, rng=rng, dtype=dtype)
        self.rnn = layer
        self.readout = Linear(H, vocab_size, rng=rng, dtype=dtype)
        self.params = {"E": self.embedding.E, **layer.params}
        self.params |= {"W_hy": self.readout.W, "b_y": self.readout.b}

    def forward(self, tokens, state=None):
        """Args: tokens (N, T); state, as the layer has it. Returns: logits (N, T, V), state."""
        hs, state = self.rnn.forward(self.embedding.forward(tokens), state)
        return self.readout.forward(hs), state

    def backward(self, dlogits, dstate=None):
        """Fill ``grads`` for the last ``forward``.

        Args: dlogits (N, T, V); dstate, the gradient in the last state from what came after.
        Returns: dstate, the gradient in the state before the first step.
        """
        dx, dstate = self.rnn.backward(self.readout.backward(dlogits), dstate)
        self.embedding.backward(dx)
        self.grads = {"E": self.embedding.dE, **self.rnn.grads}
        self.grads |= {"W_hy": self.readout.dW, "b_y": self.readout.db}
        return dstate


def loss_and_gradient(logits, targets):
    """Mean cross-entropy in nats, and its gradient, which takes the logits' place in memory.

    Args: logits (N, T, V), overwritten; targets (N, T). Returns: loss, dlogits (N, T, V).
    """
    n, t = np.ogrid[: targets.shape[0], : targets.shape[1]]
    logits -= logits.max(axis=-1, keepdims=True)
    scores = logits[n, t, targets]
    exp = np.exp(logits, out=logits)
    totals = exp.sum(axis=-1, keepdims=True)
    loss = np.mean(np.log(totals[..., 0]) - scores)
    dlogits = np.divide(exp, totals * targets.size, out=logits)  # softmax / (N·T)
    dlogits[n, t, targets] -= 1 / targets.size
    return float(loss), dlogits


def numpy_train(model, batches, optimizer, *, clip):
    """Go once through the batches: the state is handed on, the gradient is cut between them.

    Args: batches of (inputs, targets), each (N, T); clip, the largest norm of a gradient.
    Returns: the loss of each batch before its update, in nats per character.
    """
    losses, state = [], None
    for inputs, targets in batches:
        logits, state = model.forward(inputs, state)
        loss, dlogits = loss_and_gradient(logits, targets)
        model.backward(dlogits)
        clip_by_norm(model.grads, clip)
        optimizer.step(model.grads)
        losses.append(loss)
    return losses


def numpy_bits(model, tokens, *, chunk=1000):
    """Read a held-out text once, as one row, and be surprised: bits per character.

    Args: tokens (M,); chunk, how many are read at a time, which changes nothing but memory.
    Returns: the mean of -log2 p(next token) over the M - 1 tokens after the first.
    Raises: ValueError for fewer than two tokens.
    """
    tokens = np.asarray(tokens)
    if len(tokens) < 2:
        raise ValueError(f"there is nothing to predict in a text of {len(tokens)} tokens")
    nats, state = 0.0, None
    for start in range(0, len(tokens) - 1, chunk):
        targets = tokens[start + 1 : start + chunk + 1]
        logits, state = model.forward(tokens[None, start : start + len(targets)], state)
        nats += len(targets) * float(cross_entropy(logits[0], targets))
    return nats / (len(tokens) - 1) / np.log(2)


def numpy_step(model):
    """The model one token at a time, to write with. Returns: step(token, state).

    step takes a token and the state (1, H), None at first; it returns logits (V,) and the state.
    """

    def step(token, state):
        logits, state = model.forward(np.array([[token]]), state)
        return logits[0, 0], state

    return step


def numpy_save(model, path):
    """Write the weights to a file, whole or not at all. Args: path, ending in .npz."""
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with open(unfinished, "wb") as file:
            np.savez(file, **model.params)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def numpy_load(path):
    """Build the model whose weights ``numpy_save`` wrote. Args: path. Returns: NumpyCharModel.

    Raises: ValueError if the file holds something else.
    """
    with np.load(path, allow_pickle=False) as file:  # a pickle could run code of its writer's
        params = dict(file)
    if set(params) != set(NAMES):
        raise ValueError(f"{path} holds {', '.join(params)}, expected {', '.join(NAMES)}")
    V, D, H = *params["E"].shape, len(params["b_h"])
    model = NumpyCharModel(V, D, H, rng=np.random.default_rng(), dtype=params["E"].dtype)
    for name, param in model.params.items():
        param[...] = params[name]
    return model
