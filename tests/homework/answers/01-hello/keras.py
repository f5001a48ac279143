# %% forward
def forward(tokens, mu, W_xh, W_yh, b_h, W_hy, b_y):
    from keras import ops

    phi = {
        "softsign": ops.softsign,
        "arctan": ops.arctan,
        "sine": ops.sin,
        "root": lambda a: a * ops.rsqrt(1 + a * a),
        "rectified": ops.relu,
    }["{{activation}}"]
    feed = {
        "probabilities": ops.softmax,
        "centered": lambda y: y - ops.mean(y, axis=-1, keepdims=True),
        "bet": lambda y: ops.one_hot(ops.argmax(y, axis=-1), y.shape[-1], dtype=y.dtype),
        "squashed": ops.tanh,
        "surprise": ops.log_softmax,
    }["{{feedback}}"]
    weights = (ops.convert_to_tensor(w, dtype="float32") for w in (W_xh, W_yh, b_h, W_hy, b_y))
    W_xh, W_yh, b_h, W_hy, b_y = weights
    s = older = ops.zeros((tokens.shape[0], b_y.shape[0]))
    contexts, logits = [], []
    for t in range(tokens.shape[1]):
        if t > 0:
            said = feed(logits[-1])
            s = {
                "sum": said + mu * s,
                "mix": (1 - mu) * said + mu * s,
                "two": said + mu * older,
                "minus": said - mu * s,
            }["{{trace}}"]
            older = said
        h = phi(ops.take(W_xh, tokens[:, t], axis=0) + ops.matmul(s, W_yh) + b_h)
        contexts.append(s)
        logits.append(ops.matmul(h, W_hy) + b_y)
    return ops.stack(contexts, axis=1), ops.stack(logits, axis=1)


# %% account
def account(ys, tokens):
    import keras
    from keras import ops

    targets = ops.convert_to_tensor(tokens[:, 1:], dtype="int32")
    asked = targets >= 0
    surprise = keras.losses.sparse_categorical_crossentropy(
        ops.maximum(targets, 0), ops.convert_to_tensor(ys, dtype="float32"), from_logits=True
    )
    surprise = ops.where(asked, surprise, 0.0)
    letters = ops.sum(ops.cast(asked, "float32"), axis=1)
    real = ops.cast(letters > 0, "float32")
    words = ops.sum(surprise, axis=1) / ops.maximum(letters, 1)
    return {
        "bits": ops.sum(surprise) / ops.sum(letters) / ops.log(2.0),
        "per-word": ops.sum(surprise) / ops.sum(real),
        "perplexity": ops.exp(ops.sum(surprise) / ops.sum(letters)),
        "fair": ops.sum(words) / ops.sum(real),
    }["{{account}}"]


# %% solve
def solve(word, mu, size, W_xh, W_yh, b_h):
    from keras import ops

    phi = {
        "softsign": ops.softsign,
        "arctan": ops.arctan,
        "sine": ops.sin,
        "root": lambda a: a * ops.rsqrt(1 + a * a),
        "rectified": ops.relu,
    }["{{activation}}"]
    feed = {
        "probabilities": ops.softmax,
        "centered": lambda y: y - ops.mean(y, axis=-1, keepdims=True),
        "bet": lambda y: ops.one_hot(ops.argmax(y, axis=-1), y.shape[-1], dtype=y.dtype),
        "squashed": ops.tanh,
        "surprise": ops.log_softmax,
    }["{{feedback}}"]
    W_xh, W_yh, b_h = (ops.convert_to_tensor(w, dtype="float64") for w in (W_xh, W_yh, b_h))
    x = ops.one_hot(word, W_xh.shape[0], dtype="float64")
    wanted = size * x[1:]
    s = older = ops.zeros_like(wanted[0])
    contexts = [s]
    for t in range(wanted.shape[0] - 1):
        said = feed(wanted[t][None])[0]
        s = {
            "sum": said + mu * s,
            "mix": (1 - mu) * said + mu * s,
            "two": said + mu * older,
            "minus": said - mu * s,
        }["{{trace}}"]
        older = said
        contexts.append(s)
    hs = phi(ops.matmul(x[:-1], W_xh) + ops.matmul(ops.stack(contexts), W_yh) + b_h)
    return ops.lstsq(hs, wanted)
