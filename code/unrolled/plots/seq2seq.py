"""An encoder that reads and a decoder that writes; and the tree that a search looks through."""

import numpy as np
from matplotlib import patches
from matplotlib.path import Path

from unrolled.plots.diagrams import LOOKS, arrow, box, canvas
from unrolled.plots.show import figure, player
from unrolled.plots.theme import COLORS, INK, style

READER, WRITER, SAID = COLORS["accent"], COLORS["keras"], COLORS["target"]
LEFT, SIDE, HIGH = 0.1, 0.46, 0.4  # inches: a margin, the sides of a cell
MOST_READ, MOST_SAID, MOST_BARS = 8, 8, 4
START, END = "‹", "›"
CORNERS = (-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)


def encoder_decoder(source, target, *, caption, alt):
    """Draw an encoder over the symbols of a source, and a decoder that says those of a target.

    Args: source, target, 1 to 5 short symbols each, without the signs, which are drawn too.
    Raises: ValueError if there are too few or too many.
    """
    source, target = [*source, END], [*target, END]
    _check("symbols to read", source[:-1], 5)
    _check("symbols to say", target[:-1], 5)
    pitch, low, middle, high = 0.57, 0.62, 1.5, 2.38
    heard = [START, *target[:-1]]
    with style():
        fig, ax = canvas(LEFT + pitch * (len(source) + len(target)) + 0.28, 2.75)
        for k, symbol in enumerate(source):
            x = LEFT + (k + 0.5) * pitch
            _cell(ax, x, low, middle, symbol, READER)
            if k:
                arrow(ax, (x - pitch + SIDE / 2, middle), (x - SIDE / 2, middle))
        begin = LEFT + 0.28 + len(source) * pitch
        ahead = begin + pitch / 2 - SIDE / 2
        arrow(ax, (begin - 0.28 - pitch / 2 + SIDE / 2, middle), (ahead, middle), look="now")
        for k, (symbol, said) in enumerate(zip(heard, target, strict=True)):
            x = begin + (k + 0.5) * pitch
            _cell(ax, x, low, middle, symbol, WRITER)
            box(ax, x, high, SIDE, HIGH, said, color=SAID, size=12)
            arrow(ax, (x, middle + HIGH / 2), (x, high - HIGH / 2))
            if k:
                arrow(ax, (x - pitch + SIDE / 2, middle), (x - SIDE / 2, middle))
                _feed_back(ax, x - pitch, x, low, high)
        words = dict(ha="center", va="center_baseline", size=12)
        ax.text(LEFT + len(source) * pitch / 2, 0.12, "encoder reads", color=READER, **words)
        ax.text(begin + len(target) * pitch / 2, 0.12, "decoder writes", color=WRITER, **words)
    return figure(fig, caption=caption, alt=alt)


def _check(what, symbols, most):
    if not 1 <= len(symbols) <= most:
        raise ValueError(f"expected 1 to {most} {what}, more are not legible, got {len(symbols)}")


def _cell(ax, x, low, middle, symbol, color):
    """Draw a cell, the symbol that it reads, and the arrow between them."""
    box(ax, x, middle, SIDE, HIGH, color=color)
    _symbol(ax, x, low, symbol)
    arrow(ax, (x, low + 0.17), (x, middle - HIGH / 2))


def _feed_back(ax, x, following, low, high):
    """Draw the way of what was said to the next input: over, down between two cells, and under."""
    between = (x + following) / 2
    line = dict(color=SAID, linewidth=1.4, linestyle=(0, (2, 1.5)))
    ax.plot([x + SIDE / 2, between, between], [high, high, low], **line)
    arrow(ax, (between, low), (following - 0.14, low))


def seq2seq_player(source, steps, *, caption, alt):
    """Step through a model at work: it reads from both ends, then it says one symbol at a time.

    Args: source, 1 to 8 symbols, without the sign of the end; steps, 1 to 8 dicts {symbol: p}, the
    likeliest answers of each step with their probabilities, at most 4, what was said first. The
    last step says END, which may be given as "›".
    Raises: ValueError if there are too many, or a probability is none.
    """
    read = [*source, END]
    _check("symbols to read", read[:-1], MOST_READ)
    _check("steps", steps, MOST_SAID)
    for t, bets in enumerate(steps, start=1):
        p = np.array(list(bets.values()), float)
        if not (1 <= len(p) <= MOST_BARS and (p >= 0).all() and p.sum() <= 1 + 1e-6):
            raise ValueError(
                f"expected 1 to {MOST_BARS} probabilities of step {t}, of a sum of at most 1, "
                f"got {bets}"
            )
    said = [next(iter(bets)) for bets in steps]
    names = [*source, "the sign of the end"]
    labels = ["Nothing is read yet, the states are all zeros."]
    for k, (ahead, back) in enumerate(zip(names, reversed(names), strict=True), start=1):
        labels.append(
            f"Step {k} of {len(read)} of reading: the forward half of the encoder reads {ahead}, "
            f"the backward half reads {back}."
        )
    for t, (symbol, bets) in enumerate(zip(said, steps, strict=True)):
        before = f"{said[t - 1]}, which it said last" if t else "the sign of the start"
        now = "stops" if symbol == END else f"says {symbol}"
        told = f"Step {t + 1}: the decoder hears {before}. It {now}, at {bets[symbol]:.0%}."
        if t == 0:
            told = f"The states of both halves are handed over. {told}"
        labels.append(told)
    with style():
        frames = [_frame(read, said, steps, k) for k in range(len(labels))]
    return player(frames, labels=labels, caption=caption, alt=alt)


def _frame(read, said, steps, now):
    """Draw the player's frame: after ``now`` steps of reading, and of writing behind them."""
    pitch, low, high = 0.62, 1.0, 2.4  # of the cells of the encoder, and of the decoder
    fig, ax = canvas(5.55, 3.95)
    S, reading, writing = len(read), min(now, len(read)), now - len(read)
    xs = LEFT + 0.06 + (np.arange(max(S, len(said))) + 0.5) * pitch
    at_work = reading if writing < 1 else 0
    _row(ax, xs[:S], low + 0.11, READER, at_work, reading, height=0.2)  # forward
    _row(ax, xs[:S][::-1], low - 0.11, READER, at_work, reading, height=0.2)  # backward
    for k, symbol in enumerate(read, start=1):
        _symbol(ax, xs[k - 1], low - 0.56, symbol, 1 if reading in (0, S) else 0.6)
        if k in (at_work, S + 1 - at_work):
            _symbol(ax, xs[k - 1], low - 0.56, symbol)
            arrow(ax, (xs[k - 1], low - 0.42), (xs[k - 1], low - 0.21), look="now")
    _row(ax, xs[: len(said)], high, WRITER, writing, max(writing, 0))
    if writing < 1:
        words = dict(ha="left", va="center_baseline", size=12)
        ax.text(LEFT, high + 1.15, "nothing is said yet", color=COLORS["muted"], **words)
        return fig
    for k, symbol in enumerate([START, *said[: writing - 1]]):
        _symbol(ax, xs[k], high - 0.68, symbol)
    _links(ax, xs[:writing], high - 0.51, high - HIGH / 2)
    _links(ax, xs[:writing], high + HIGH / 2, high + 0.6 - HIGH / 2)
    _row(ax, xs[:writing], high + 0.6, SAID, writing, writing, joined=False)
    for x, symbol in zip(xs, said[:writing], strict=False):
        _symbol(ax, x, high + 0.6, symbol, size=12)
    first, turn = xs[0] - 0.36, low + 0.36  # the states of both halves go up together
    look = "now" if writing == 1 else "done"
    line = dict(color=LOOKS[look]["color"], linewidth=LOOKS[look]["linewidth"])
    ax.plot([xs[S - 1], xs[S - 1], first], [low + 0.21, turn, turn], **line)
    ax.plot([xs[0] - SIDE / 2, first, first], [low - 0.11, low - 0.11, high], **line)
    arrow(ax, (first, high), (xs[0] - SIDE / 2, high), look=look)
    _bars(ax, steps[writing - 1], LEFT, high + 0.96)
    return fig


def _symbol(ax, x, y, text, alpha=1.0, size=13):
    """Write a symbol around (x, y)."""
    ax.text(x, y, text, ha="center", va="center_baseline", size=size, alpha=alpha)


def _row(ax, xs, y, color, now, done, *, joined=True, height=HIGH):
    """Draw boxes in the order of ``xs``: those that are done, the one at work, those to come."""
    looks = ["now" if k == now else "done" if k <= done else "ghost" for k in range(1, len(xs) + 1)]
    for look in dict.fromkeys(looks):
        drawn = LOOKS[look]
        edge = drawn["color"] if look == "ghost" else color
        corners = [
            [(x + dx * SIDE / 2, y + dy * height / 2) for dx, dy in CORNERS]
            for x, other in zip(xs, looks, strict=True)
            if other == look
        ]
        shape = Path.make_compound_path_from_polys(np.array(corners))
        fill = dict(fc=(edge, 0.3 if look == "now" else drawn["alpha"]), ec=edge)
        line = dict(lw=drawn["linewidth"], ls=drawn["linestyle"])
        ax.add_patch(patches.PathPatch(shape, **fill, **line))
    if joined and done > 1:
        step = np.sign(xs[1] - xs[0]) * SIDE / 2
        ends = np.stack([xs[: done - 1] + step, xs[1:done] - step, xs[1:done] * np.nan])
        ax.plot(ends.T.ravel(), np.full(ends.size, y), color=INK, linewidth=1.4)


def _links(ax, xs, low, high):
    """Draw lines from below to above, the last one an arrow."""
    for x in xs[:-1]:
        ax.plot([x, x], [low, high], color=INK, linewidth=1.4)
    if len(xs):
        arrow(ax, (xs[-1], low), (xs[-1], high), look="now")


def _bars(ax, bets, x, y):
    """Draw the likeliest symbols of a step side by side, each with a bar for its probability."""
    width = 1.32
    for k, (symbol, p) in enumerate(bets.items()):
        left = x + k * width
        color = SAID if k == 0 else COLORS["muted"]
        ax.text(left, y + 0.24, f"{symbol} {p:.0%}", va="center_baseline", size=12)
        ax.add_patch(patches.Rectangle((left, y - 0.05), 0.02 + 1.1 * p, 0.1, fc=color, ec="none"))


def search_tree(probabilities, paths, *, caption, alt):
    """Draw what may be said, level by level, with the probability of each step on its branch.

    Args: probabilities, {beginning: {symbol: p}}, a beginning being a string of symbols, "" the
    empty one; paths, {label: a whole sequence}, 1 or 2, each drawn in a color of its own.
    Raises: ValueError if a path leads where there is no branch.
    """
    if not 1 <= len(paths) <= 2:
        raise ValueError(f"expected 1 or 2 paths, got {len(paths)}")
    for label, sequence in paths.items():
        for k, symbol in enumerate(sequence):
            if symbol not in probabilities.get(sequence[:k], {}):
                raise ValueError(f"the path {label} says {symbol!r} after {sequence[:k]!r}")
    leaves = _leaves(probabilities, "")
    depth = max(map(len, leaves))
    across, down = 4.6 / depth, 0.5
    height = {leaf: (len(leaves) - k - 0.5) * down for k, leaf in enumerate(leaves)}
    with style():
        fig, ax = canvas(5.75, down * len(leaves) + 0.4)
        for start in sorted(probabilities, key=len, reverse=True):
            height[start] = np.mean([height[start + s] for s in probabilities[start]])
        for start, following in probabilities.items():
            for symbol, p in following.items():
                _branch(ax, start, symbol, p, height, across, paths)
        for leaf in leaves:
            total = np.prod([probabilities[leaf[:k]][leaf[k]] for k in range(len(leaf))])
            at = 0.3 + len(leaf) * across + 0.26, height[leaf]
            ax.text(*at, f"{total:.3g}", va="center_baseline", size=11)
        for k, (label, color) in enumerate(zip(paths, (WRITER, SAID), strict=False)):
            at = 0.1 + 2.6 * k, down * len(leaves) + 0.18
            ax.text(*at, f"— {label}", color=color, va="center_baseline", weight="bold", size=12)
    return figure(fig, caption=caption, alt=alt)


def _leaves(probabilities, start):
    """All whole sequences that begin so, from top to bottom."""
    if start not in probabilities:
        return [start]
    return [
        leaf for symbol in probabilities[start] for leaf in _leaves(probabilities, start + symbol)
    ]


def _branch(ax, start, symbol, p, height, across, paths):
    """Draw one step of the tree, and the symbol that it says."""
    x, end = 0.3 + len(start) * across, 0.3 + (len(start) + 1) * across
    ends = [x + (0.2 if start else 0), end - 0.2], [height[start], height[start + symbol]]
    colors = [WRITER, SAID]
    on = [
        c
        for c, path in zip(colors, paths.values(), strict=False)
        if path.startswith(start + symbol)
    ]
    ax.plot(*ends, color=COLORS["muted"], linewidth=1.2)
    for k, color in enumerate(on):
        ax.plot(ends[0], np.array(ends[1]) + 0.04 * (2 * k - 1) * (len(on) - 1), color=color, lw=3)
    look = dict(color=on[0]) if on else {}
    box(ax, end, height[start + symbol], 0.36, 0.34, symbol, size=13, **look)
    at = np.array(ends).mean(axis=1) + (0, 0.12)
    ax.text(*at, f"{p:g}", ha="center", va="center_baseline", size=11, color=INK)
