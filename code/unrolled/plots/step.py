"""One step of an LSTM with all its numbers: four stacked products, the gates, what they do."""

import numpy as np
from matplotlib import patches

from unrolled.nn import sigmoid
from unrolled.plots.cells import symbol
from unrolled.plots.charts import numbers, shade
from unrolled.plots.diagrams import LOOKS, canvas
from unrolled.plots.show import player
from unrolled.plots.sweep import SIDE, arrows, column
from unrolled.plots.theme import style

LEFT, BLOCK, GAP = 1.25, 1.05, 0.1  # inches: where the weights begin, a gate's share of them
START, PITCH, HEAD = 0.42, 1.24, 0.29  # the columns of the last two rows; a line of text
MIDDLE = dict(ha="center", va="center_baseline")
PARTS = dict(f=0, c_prev=1, i=2, g=3, c=4)  # the columns of c_t = f * c_prev + i * g


def gates_player(x, h_prev, c_prev, W_xh, W_hh, b_h, *, caption, alt):
    """Step through one time step: one product for four gates, then cut, write and read.

    Every number is computed here from what is passed in; gates are stacked in order i, f, g, o.
    Args: x (1, D), D at most 3; h_prev, c_prev (1, H), H at most 4; W_xh (D, 4H); W_hh (H, 4H);
    b_h (4H,).
    Raises: ValueError if the shapes do not fit or are too large to be legible.
    """
    x, h_prev = numbers("x", x, (1, "D")), numbers("h_prev", h_prev, (1, "H"))
    D, H = x.shape[1], h_prev.shape[1]
    if D > 3 or H > 4:
        raise ValueError(f"expected at most 3 inputs and 4 numbers in a state, got {D} and {H}")
    c_prev = numbers("c_prev", c_prev, (1, H))
    W_xh, W_hh = numbers("W_xh", W_xh, (D, 4 * H)), numbers("W_hh", W_hh, (H, 4 * H))
    b_h = numbers("b_h", b_h, (4 * H,))
    z = dict(zip("ifgo", np.split((x @ W_xh + h_prev @ W_hh + b_h)[0], 4), strict=True))
    values = {gate: np.tanh(z[gate]) if gate == "g" else sigmoid(z[gate]) for gate in z}
    values["c_prev"] = c_prev[0]
    values["c"] = values["f"] * values["c_prev"] + values["i"] * values["g"]
    values["tanh"] = np.tanh(values["c"])
    values["h"] = values["o"] * values["tanh"]
    weights = {"W_xh": (x[0], W_xh), "W_hh": (h_prev[0], W_hh), "b_h": ([], b_h[None])}
    with style():
        frames = [_frame(weights, z, values, now) for now in range(6)]
    labels = _sentences(weights, z, values)
    return player(frames, labels=labels, caption=caption, alt=alt)


def _text(value, digits=2):
    return f"{round(value, digits) + 0.0:.{digits}f}".replace(
        "-", "−"
    )  # + 0.0, as -0.0 has no sign to see


def _sentences(weights, z, values):
    """Say what each frame does, with the numbers of the first unit."""
    first = {name: _text(value[0]) for name, value in values.items()}
    (x, W_xh), (h, W_hh), (_, b_h) = weights.values()
    factors = zip([*x, *h], [*W_xh[:, 0], *W_hh[:, 0]], strict=True)
    terms = [" · ".join(f"({v})" if "−" in v else v for v in map(_text, pair)) for pair in factors]
    kept, added = (_text(values[a][0] * values[b][0]) for a, b in (("f", "c_prev"), ("i", "g")))
    return [
        "Left, the input and the state before; beside them the weights, a row for each number. "
        "Their columns are four blocks, one for each of i, f, g and o.",
        "Numbers times their rows, added up, and the bias: one product gives z for all four. Its "
        f"first column: {' + '.join(terms)} + {_text(b_h[0, 0])} = {_text(z['i'][0])}."
        .replace("+ −", "− "),
        "The sigmoid brings i, f and o between 0 and 1: how far each gate is open. tanh brings g, "
        "the news, between −1 and 1.",
        f"Cut: f times the old cell state. Of {first['c_prev']}, its first number, the share "
        f"{first['f']} is kept: {kept}.",
        f"Write: i times g is added. First number: {first['i']} · {first['g']} = {added}, and "
        f"with the {kept} that was kept, {first['c']}.",
        f"Read: o times tanh of the new cell state is the new state. First number: {first['o']} · "
        f"{first['tanh']} = {first['h']}. Both c and h go on to the next step.",
    ]  # fmt: skip


def _frame(weights, z, values, now):
    """Draw the frame in which ``now`` is at work: weights, z, gates, cut, write, read."""
    H = len(z["i"])
    tall = H * SIDE
    rows = sum(len(W) for _, W in weights.values())
    pitches = [0.2 + tall / 2, tall + 0.56, tall + 0.62, tall + 0.42]
    read, cell, gate, inside = np.cumsum(pitches) - 0.1
    low = inside + tall / 2 + 0.3  # where the weights end
    top = low + rows * SIDE + 3 * HEAD + 0.1
    fig, ax = canvas(5.8, top + 0.24)
    _weights(ax, weights, top, now)
    ends = {"done": [], "now": []}
    scale = max(1, *(np.abs(value).max() for value in [*z.values(), *values.values()]))
    for k, name in enumerate(z):
        x = LEFT + k * (BLOCK + GAP) + BLOCK / 2
        ax.text(x, top, name, **MIDDLE, style="italic", size=16)
        column(ax, x, inside, z[name], scale, _look(now, 1))
        column(ax, x, gate, values[name], scale, _look(now, 2))
        above = (x, low - 0.02, x, inside + tall / 2)
        below = (x, inside - tall / 2, x, gate + tall / 2)
        for at, end in ((1, above), (2, below)):
            if now >= at:
                ends["now" if now == at else "done"].append(end)
        if now >= 2:
            kind = dict(va="center", size=11)
            ax.text(x + 0.1, (inside + gate) / 2, "tanh" if name == "g" else "σ", **kind)
        ax.text(x - 0.42, gate, name, **MIDDLE, style="italic", size=14)
    ax.text(0.82, inside, "z", **MIDDLE, style="italic", size=14)
    for name, at in PARTS.items():
        work = 3 if name in ("f", "c_prev") else 4
        _term(ax, at, cell, name, values[name], scale, _look(now, work))
    for at, name in enumerate(("o", "tanh", "h"), start=2):
        _term(ax, at, read, name, values[name], scale, _look(now, 5))
    for k, (sign, act) in enumerate((("×", "cut"), ("+", ""), ("×", "write"), ("=", ""))):
        _sign(ax, k, cell, sign, act)
    for k, (sign, act) in enumerate((("×", "read"), ("=", "")), start=2):
        _sign(ax, k, read, sign, act)
    for look, end in ends.items():
        arrows(ax, end, LOOKS[look])
    for artist in ax.get_children():
        artist.set_clip_on(False)
    return fig


def _look(now, work):
    return "now" if now == work else "done" if now > work else "ghost"


def _term(ax, at, y, name, values, scale, look):
    """Draw one column of an equation, its name above it."""
    x, above = START + at * PITCH, y + len(values) * SIDE / 2 + 0.2
    column(ax, x, y, values, scale, look)
    if name in ("c_prev", "c", "h"):
        symbol(ax, x, above, name[0], "t−1" if name == "c_prev" else "t", 15)
    else:
        slant = "normal" if name == "tanh" else "italic"
        ax.text(x, above, "tanh c" if name == "tanh" else name, **MIDDLE, style=slant, size=14)


def _sign(ax, k, y, sign, act):
    """Draw what stands between two columns of an equation, below it the act it belongs to."""
    x = START + (k + 0.5) * PITCH
    ax.text(x, y, sign, **MIDDLE, size=16)
    ax.text(x, y - 0.24, act, **MIDDLE, weight="bold", size=11)


def _weights(ax, weights, top, now):
    """Draw the matrices as rows of squares in four blocks, the number that each row meets left."""
    edge = LOOKS["now" if now < 2 else "done"]
    outline = dict(fill=False, ec=edge["color"], lw=edge["linewidth"])
    everything = np.concatenate([W.ravel() for _, W in weights.values()])
    scale = np.abs(everything).max() or 1
    digits = 1 if np.array_equal(everything, everything.round(1)) else 2
    y = top - 0.04
    for name, (given, W) in weights.items():
        y -= HEAD
        ax.text(LEFT, y + 0.12, name, va="center_baseline", size=11)
        tall, wide = len(W) * SIDE, BLOCK / (W.shape[1] // 4)
        left = LEFT + wide * np.arange(W.shape[1]) + GAP * (np.arange(W.shape[1]) * 4 // W.shape[1])
        r, c = np.indices(W.shape)
        places = [left[c], y - (r + 1) * SIDE, np.full_like(W, wide), np.full_like(W, SIDE)]
        shade(ax, np.stack(places, axis=-1).reshape(-1, 4), W.ravel() / scale, 6, 0.45)
        if wide > 0.48:  # room for a number with its sign
            for (r, c), value in np.ndenumerate(W):
                at = left[c] + wide / 2, y - (r + 0.5) * SIDE
                ax.text(*at, _text(value, digits), **MIDDLE, size=11)
        for k in range(4):
            corner = LEFT + k * (BLOCK + GAP), y - tall
            ax.add_patch(patches.Rectangle(corner, BLOCK, tall, **outline))
        if len(given):
            most = max(1, np.abs(given).max())
            column(ax, 0.82, y - tall / 2, given, most, "now" if now < 2 else "done")
            index = "t" if name == "W_xh" else "t−1"
            symbol(ax, 0.23, y - tall / 2, "x" if name == "W_xh" else "h", index, 15)
        y -= tall
