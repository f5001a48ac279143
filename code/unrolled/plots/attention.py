"""Where a decoder looks: a map of its weights, whole or built up token by token."""

import numpy as np
from matplotlib import patches

from unrolled.plots.charts import numbers, shade
from unrolled.plots.show import figure, player
from unrolled.plots.theme import COLORS, new, style

LEVELS = 20  # of shading; a weight that rounds to the lowest is not drawn
MOST = 48  # symbols read, and symbols said, that a map can show
MOST_IN_PLAYER = 26, 16  # the same for a player, which has to be small


def attention_map(weights, source, said, *, caption, alt):
    """Draw how much of its attention each output (row) gives to each place read (column).

    Args: weights (T, S), at least 0, at most 1; source, S symbols; said, T symbols.
    """
    weights = check_weights(weights, source, said, MOST, MOST)
    with style():
        fig = _map(weights, source, said)
    return figure(fig, caption=caption, alt=alt)


def attention_player(weights, source, said, *, caption, alt):
    """Step through the same map: each step says one symbol and looks back once.

    Args: as for ``attention_map``, but at most 26 symbols read and 16 said.
    """
    weights = check_weights(weights, source, said, *MOST_IN_PLAYER)
    labels = [f"All {len(source)} places are read. Nothing is said yet."]
    for t, (row, symbol) in enumerate(zip(weights, said, strict=True)):
        places = np.argsort(-row, kind="stable")[:2]
        looks = " and ".join(f"{source[j]} ({row[j]:.2f})" for j in places if row[j] >= 0.05)
        labels.append(f"Step {t + 1}: says {symbol}, and looks most at {looks}.")
    with style():
        frames = [_map(weights, source, said, now) for now in range(len(said) + 1)]
    return player(frames, labels=labels, caption=caption, alt=alt)


def check_weights(weights, source, said, most_read, most_said):
    """Return the weights as numbers of shape (T, S), or raise ValueError."""
    if len(source) > most_read or len(said) > most_said:
        raise ValueError(
            f"expected at most {most_read} symbols read and {most_said} said, to be legible; got "
            f"{len(source)} and {len(said)}"
        )
    weights = numbers("weights", weights, (len(said), len(source)))
    if weights.min() < 0 or weights.max() > 1 + 1e-6:
        raise ValueError(
            f"weights are at least 0 and at most 1, got {weights.min():.3g} to {weights.max():.3g}"
        )
    return weights


def _map(weights, source, said, now=None):
    """Draw the first ``now`` rows, the last of them framed; all of them if now is None."""
    T, S = weights.shape
    shown = T if now is None else now
    wide = max((len(str(symbol)) for symbol in said), default=1) > 2
    pitch = min(0.42, (5.8 - 0.9) / S, 7.0 / T)
    fig, ax = new(min(5.8, 0.9 + pitch * S), 0.75 + pitch * T)
    rows, columns = np.nonzero(np.round(LEVELS * weights[:shown]) > 0)
    boxes = np.stack([columns - 0.5, rows - 0.5, np.ones(len(rows)), np.ones(len(rows))], axis=-1)
    shade(ax, boxes, weights[rows, columns], LEVELS, 1.0)
    ax.add_patch(patches.Rectangle((-0.5, -0.5), S, T, fill=False, lw=0.8, ec=COLORS["muted"]))
    if now:
        look = dict(fill=False, lw=2, ec=COLORS["target"])
        ax.add_patch(patches.Rectangle((-0.5, now - 1.5), S, 1, **look))
    size = 11 if pitch > 0.2 else 8.5
    ax.set(xlim=(-0.55, S - 0.45), ylim=(T - 0.45, -0.55), aspect="equal")
    ax.set_xticks(range(S), [str(symbol).replace(" ", "␣") for symbol in source], size=size)
    labels = [str(symbol).replace(" ", "␣") if t < shown else "" for t, symbol in enumerate(said)]
    ax.set_yticks(range(T), labels, size=min(size, 9.5) if wide else size)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    for side in ax.spines.values():
        side.set_visible(False)
    return fig
