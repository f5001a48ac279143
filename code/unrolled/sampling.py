"""From logits to text: how to choose the next token, and how much the result repeats itself.

Nothing here belongs to a framework: logits are NumPy arrays (V,), and a model comes as a function
step(token, state) -> (logits, state).

Sources: Fan, Lewis, Dauphin 2018, Hierarchical neural story generation (top-k); Holtzman et al.
2020, The curious case of neural text degeneration (top-p, also called nucleus).
"""

import numpy as np

from unrolled.nn import check_size, softmax


def truncate(logits, *, temperature=1.0, top_k=None, top_p=None):
    """The distribution to draw from: sharpened or flattened, and without its tail.

    Args: logits (V,); temperature, below 1 sharpens, above 1 flattens; top_k, keep that many
    of the likeliest; top_p, of these keep the fewest whose probability reaches it.
    Returns: probabilities (V,), 0 for what was cut off.
    Raises: ValueError for a temperature of 0 or below, top_k below 1, top_p outside (0, 1].
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}; at 0, use greedy")
    if top_p is not None and not 0 < top_p <= 1:
        raise ValueError(f"top_p must be above 0 and at most 1, got {top_p}")
    logits = np.asarray(logits, np.float64)
    p = softmax((logits - logits.max()) / temperature)  # (V,)
    likeliest = np.argsort(-p, kind="stable")  # of equals, the first comes first, as in greedy
    if top_k is not None:
        p[likeliest[check_size("top_k", top_k) :]] = 0
        p /= p.sum()
    if top_p is not None:
        reached = np.searchsorted(np.cumsum(p[likeliest]), top_p)
        p[likeliest[reached + 1 :]] = 0  # the one that reaches top_p stays
    return p / p.sum()


def choose(logits, rng, *, temperature=1.0, top_k=None, top_p=None):
    """Draw a token. Args: logits (V,); rng, a numpy Generator; the rest as in `truncate`."""
    p = truncate(logits, temperature=temperature, top_k=top_k, top_p=top_p)
    return int(rng.choice(len(p), p=p))


def greedy(logits):
    """The likeliest token. Args: logits (V,)."""
    return int(np.argmax(logits))


def generate(step, tokens, length, pick):
    """Read a prompt, then write: each token that is picked is read next.

    Args: step(token, state) -> (logits (V,), state), a model, whose first state is None;
    tokens, the prompt; length, how many tokens to write; pick(logits) -> token.
    Returns: a list of ``length`` tokens, without the prompt.
    Raises: ValueError for an empty prompt.
    """
    if not len(tokens):
        raise ValueError("the prompt is empty, expected at least one token")
    state = None
    for token in tokens[:-1]:
        _, state = step(token, state)
    token, written = tokens[-1], []
    for _ in range(check_size("length", length)):
        logits, state = step(token, state)
        token = pick(logits)
        written.append(token)
    return written


def repetition(text, n=8):
    """The share of n-grams that occurred before in the same text: 0, nothing repeats itself.

    It grows with the length of the text, so compare texts of one length only.

    Args: text, a string or a list of tokens; n, the length of an n-gram.
    Raises: ValueError if the text is shorter than n.
    """
    if len(text) < check_size("n", n):
        raise ValueError(f"a text of {len(text)} symbols has no {n} in a row")
    grams = [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]
    return 1 - len(set(grams)) / len(grams)
