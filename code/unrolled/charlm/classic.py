"""Chapter 3's classic: the recurrent network that writes, in a hundred lines of NumPy.

    h_t = tanh(x_t W_xh + h_{t-1} W_hh + b_h)     (1.1)
    y_t = h_t W_hy + b_y                          (1.2)

One character at a time, one text, Python loops over the steps, float64. The algorithm is that of
min-char-rnn, its numbers too: 25 steps, weights of size 0.01, Adagrad, gradients cut at ±5. The
words are ours, vectors are rows as everywhere in this book, and products are `np.dot`, as in 2015:
where a column meets a row, it takes a third of the time of `@`.

Source: Karpathy 2015, The unreasonable effectiveness of recurrent neural networks.
"""

import numpy as np

from unrolled.nn import check_size, check_tokens
from unrolled.optim import clip_by_value

STEPS = 25  # characters between two updates
LEARNING_RATE = 0.1


class ClassicCharRNN:
    """Read a character, update the state, bet on the next character: (1.1) and (1.2).

    Args: vocab_size V; hidden_size H; rng, a numpy Generator that draws the weights.
    Source: Karpathy 2015, The unreasonable effectiveness of recurrent neural networks.
    """

    def __init__(self, vocab_size, hidden_size=100, *, rng):
        V, H = check_size("vocab_size", vocab_size), check_size("hidden_size", hidden_size)
        self.params = {
            "W_xh": rng.normal(0, 0.01, (V, H)),
            "W_hh": rng.normal(0, 0.01, (H, H)),
            "b_h": np.zeros((1, H)),
            "W_hy": rng.normal(0, 0.01, (H, V)),
            "b_y": np.zeros((1, V)),
        }

    def loss(self, inputs, targets, h_prev):
        """Forward through the steps, then backward through them.

        Args: inputs, targets, T tokens each; h_prev (1, H).
        Returns: the loss in nats, summed over the T steps; its gradients; the last state (1, H).
        """
        W_xh, W_hh, b_h, W_hy, b_y = self.params.values()
        xs, hs, ps, loss = {}, {-1: h_prev}, {}, 0.0
        for t in range(len(inputs)):
            xs[t] = np.zeros((1, len(W_xh)))
            xs[t][0, inputs[t]] = 1
            hs[t] = np.tanh(np.dot(xs[t], W_xh) + np.dot(hs[t - 1], W_hh) + b_h)
            exp = np.exp(np.dot(hs[t], W_hy) + b_y)
            ps[t] = exp / exp.sum()
            loss -= np.log(ps[t][0, targets[t]])
        grads = {name: np.zeros_like(param) for name, param in self.params.items()}
        dh_next = np.zeros_like(h_prev)
        for t in reversed(range(len(inputs))):
            dy = ps[t].copy()
            dy[0, targets[t]] -= 1
            grads["W_hy"] += np.dot(hs[t].T, dy)
            grads["b_y"] += dy
            dz = (np.dot(dy, W_hy.T) + dh_next) * (1 - hs[t] * hs[t])
            grads["W_xh"] += np.dot(xs[t].T, dz)
            grads["W_hh"] += np.dot(hs[t - 1].T, dz)
            grads["b_h"] += dz
            dh_next = np.dot(dz, W_hh.T)
        return loss, grads, hs[len(inputs) - 1]

    def sample(self, h, token, length, rng):
        """Let it write. Args: h (1, H); the token before; rng. Returns: ``length`` tokens."""
        W_xh, W_hh, b_h, W_hy, b_y = self.params.values()
        written = []
        for _ in range(length):
            h = np.tanh(W_xh[token] + np.dot(h, W_hh) + b_h)
            exp = np.exp(np.dot(h, W_hy) + b_y)[0]
            token = int(rng.choice(len(exp), p=exp / exp.sum()))
            written.append(token)
        return written


def classic_train(model, tokens, *, updates, every=100, length=200, rng):
    """Walk along the text, 25 characters an update, and start again where it ends.

    Args: tokens (M,), the text; updates; every, the updates between two samples of ``length``.
    Yields: (updates so far, smoothed loss in nats a character, a sample of tokens).
    Raises: ValueError for a text that is too short for one update.
    """
    tokens = check_tokens(tokens, len(model.params["W_xh"]))
    if len(tokens) < STEPS + 2:
        raise ValueError(f"the text has {len(tokens)} characters, expected at least {STEPS + 2}")
    squares = {name: np.zeros_like(param) for name, param in model.params.items()}
    smooth_loss = np.log(len(model.params["W_xh"])) * STEPS
    place = len(tokens)
    for update in range(updates):
        if place + STEPS + 1 >= len(tokens):
            place, h = 0, np.zeros_like(model.params["b_h"])
        inputs = tokens[place : place + STEPS]
        targets = tokens[place + 1 : place + STEPS + 1]
        if update % every == 0:
            yield update, smooth_loss / STEPS, model.sample(h, inputs[0], length, rng)
        loss, grads, h = model.loss(inputs, targets, h)
        clip_by_value(grads, 5)
        smooth_loss = 0.999 * smooth_loss + 0.001 * loss
        for name, param in model.params.items():
            squares[name] += grads[name] * grads[name]
            param -= LEARNING_RATE * grads[name] / np.sqrt(squares[name] + 1e-8)
        place += STEPS
    yield updates, smooth_loss / STEPS, model.sample(h, tokens[place - 1], length, rng)
