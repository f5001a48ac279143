"""Which sequence to say: greedy search and beam search over any model that goes step by step.

Nothing here belongs to a framework. A model comes with three functions:

    start(source (N, S))        -> state        after reading
    step(tokens (N,), state)    -> logits (N, V), a NumPy array, and the state after the tokens
    select(state, rows (M,))    -> the state of these rows

A state is an array whose first axis is that of the rows, or a tuple of states.

Sources: Sutskever, Vinyals, Le 2014 (beam search); Wu et al. 2016, equation 14 (length penalty).
"""

import numpy as np
from tqdm import tqdm

from unrolled.data.batches import PAD, pad
from unrolled.data.pairs import END, START, UNKNOWN, until_end
from unrolled.nn import check_size

NEVER = [PAD, START, UNKNOWN]  # what no sequence that is written holds


def take_rows(state, rows):
    """Rows of every array in a state, which may be nested. Args: rows (M,) integers."""
    if isinstance(state, tuple | list):
        return tuple(take_rows(part, rows) for part in state)
    return state[rows]


def log_softmax(logits):
    """Log of the probabilities over what may be said. Args: logits (N, V). Returns: (N, V)."""
    logits = np.array(logits, np.float64)
    logits[:, NEVER] = -np.inf
    logits -= logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def greedy_search(model, source, *, max_steps):
    """Say the likeliest token, again and again, until END. Args: source (N, S).

    Returns: a list of N lists of tokens, without END; none is longer than max_steps.
    """
    state, N = model.start(source), len(source)
    tokens, ended = np.full(N, START), np.zeros(N, bool)
    said = []
    for _ in range(check_size("max_steps", max_steps)):
        logits, state = model.step(tokens, state)
        logits[:, NEVER] = -np.inf
        tokens = np.where(ended, END, logits.argmax(axis=1))
        ended |= tokens == END
        said.append(tokens)
        if ended.all():
            break
    return [until_end(row) for row in np.stack(said, axis=1)]


def length_penalty(length, alpha):
    """((5 + length) / 6) ** alpha: what a log-probability is divided by. Wu et al. 2016, (14)."""
    return ((5 + length) / 6) ** alpha


def beam_search(model, source, *, width, max_steps, alpha=0.0):
    """Keep the ``width`` likeliest beginnings at every step; what ends is set aside.

    Args: source (N, S); alpha, how much long sequences are helped: 0, not at all.
    Returns: a list of N lists of tokens, without END; log p(tokens) / penalty of each.
    """
    N, W = len(source), check_size("width", width)
    best, best_score = [[] for _ in range(N)], np.full(N, -np.inf)
    state = model.select(model.start(source), np.repeat(np.arange(N), W))
    tokens, said = np.full((N, W), START), np.empty((N, W, 0), int)
    log_p = np.full((N, W), -np.inf)  # of each beginning
    log_p[:, 0] = 0  # at first all W are the same one
    for length in range(1, check_size("max_steps", max_steps) + 1):
        logits, state = model.step(tokens.ravel(), state)
        V = logits.shape[1]
        longer = (log_p[:, :, None] + log_softmax(logits).reshape(N, W, V)).reshape(N, W * V)
        chosen = np.argsort(-longer, axis=1, kind="stable")[:, :W]  # of equals, the first
        log_p = np.take_along_axis(longer, chosen, axis=1)
        parents, tokens = chosen // V, chosen % V
        said = np.take_along_axis(said, parents[..., None], axis=1)
        said = np.concatenate([said, tokens[..., None]], axis=2)
        state = model.select(state, (np.arange(N)[:, None] * W + parents).ravel())
        scores = log_p / length_penalty(length, alpha)
        # At the last step, what has not ended counts as it stands.
        scores[(tokens != END) & (length < max_steps)] = -np.inf
        for n in np.flatnonzero(scores.max(axis=1) > best_score):
            w = scores[n].argmax()
            best[n], best_score[n] = until_end(said[n, w]), scores[n, w]
        log_p[tokens == END] = -np.inf
        # Longer ones lose probability, and gain at most the penalty of the longest.
        if (log_p.max(axis=1) / length_penalty(max_steps, alpha) <= best_score).all():
            break
    return best, best_score


def decode(model, sources, *, max_steps, width=1, alpha=0.0, batch_size=250, progress=False):
    """Say what belongs to each of many sources, batch by batch, those of like length together.

    Args: sources, rows of tokens; width, 1 for greedy search. Returns: lists of tokens, in order.
    Raises: ValueError for a width or max_steps below 1.
    """
    order = np.argsort([len(source) for source in sources], kind="stable")
    batches = range(0, len(order), check_size("batch_size", batch_size))
    said = [None] * len(sources)
    for begin in tqdm(batches, disable=not progress, leave=False):
        rows = order[begin : begin + batch_size]
        source, _ = pad([sources[i] for i in rows])
        if check_size("width", width) == 1:
            answers = greedy_search(model, source, max_steps=max_steps)
        else:
            answers, _ = beam_search(model, source, width=width, max_steps=max_steps, alpha=alpha)
        for i, answer in zip(rows, answers, strict=True):
            said[i] = answer
    return said
