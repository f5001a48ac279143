"""What gates do along a sequence: one map a gate, under each other, over the same tokens."""

import numpy as np
from matplotlib import patches

from unrolled.plots.charts import numbers, shade
from unrolled.plots.diagrams import canvas
from unrolled.plots.show import figure
from unrolled.plots.theme import COLORS, style

LEVELS = 10  # how many strengths can be told apart, on each side of zero
WIDTH, LEFT, HEAD = 5.2, 0.5, 0.34  # inches: of a map, beside it, above it for its name


def gate_traces(tokens, gates, *, caption, alt):
    """Draw the values of each unit (a row) at each token (a column), one map a gate.

    Violet is above zero, gray below, both stronger the further; full strength is at 1, or at
    the largest value of a map that goes beyond, which its name then says.
    Args: tokens, T at most 30 short texts; gates, {name: (T, H)}, at most 6, H at most 16.
    Raises: ValueError if the shapes do not fit or are too large to be legible.
    """
    tokens = [str(token) for token in tokens]
    T = len(tokens)
    if not 1 <= T <= 30:
        raise ValueError(f"expected 1 to 30 tokens, more are not legible, got {T}")
    if not 1 <= len(gates) <= 6:
        raise ValueError(f"expected 1 to 6 gates, got {len(gates)}")
    maps = {name: numbers(name, values, (T, "H")) for name, values in gates.items()}
    most = max(values.shape[1] for values in maps.values())
    if most > 16:
        raise ValueError(f"expected at most 16 units, more are not legible, got {most}")
    side, tall = WIDTH / T, min(0.26, 1.3 / most)  # of one square
    height = sum(HEAD + values.shape[1] * tall for values in maps.values())
    shown = [{" ": "␣", "\n": "↵", "\t": "→"}.get(token, token) for token in tokens]
    longest = 0.12 * max(map(len, shown))  # inches, about
    upright = longest > side  # no room for them to lie
    low = 0.6 + (longest if upright else 0.3)
    with style():
        fig, ax = canvas(LEFT + WIDTH + 0.1, height + low)
        y = height + low - 0.04
        for name, values in maps.items():
            y -= HEAD
            _map(ax, y, name, values, side, tall)
            y -= values.shape[1] * tall
        for t, token in enumerate(shown):
            at = LEFT + (t + 0.5) * side, y - 0.06
            ax.text(*at, token, ha="center", va="top", size=12, rotation=90 * upright)
        _key(ax, min(values.min() for values in maps.values()) < 0)
        for artist in ax.get_children():
            artist.set_clip_on(False)
    return figure(fig, caption=caption, alt=alt)


def _map(ax, top, name, values, side, tall):
    """Draw one gate: a row for each unit, neighbors of one strength as one box."""
    T, H = values.shape
    limit = max(1, np.abs(values).max())
    ax.text(LEFT, top + 0.08, name, va="baseline", weight="bold")
    if limit > 1:
        ax.text(LEFT + WIDTH, top + 0.08, f"full color at ±{limit:.1f}", ha="right", size=11)
    levels = np.round(LEVELS * values / limit)  # (T, H)
    boxes, strengths = [], []
    for unit in range(H):
        row = levels[:, unit]
        starts = np.flatnonzero(np.diff(row, prepend=np.nan))
        for start, end in zip(starts, [*starts[1:], T], strict=True):
            place = LEFT + start * side, top - (unit + 1) * tall
            boxes.append((*place, (end - start) * side, tall))
            strengths.append(row[start] / LEVELS)
    shade(ax, np.array(boxes), np.array(strengths), LEVELS, 1)
    edge = dict(fill=False, ec=COLORS["muted"], lw=1)
    ax.add_patch(patches.Rectangle((LEFT, top - H * tall), T * side, H * tall, **edge))
    for unit in sorted({1, H}):
        at = LEFT - 0.07, top - (unit - 0.5) * tall
        ax.text(*at, str(unit), ha="right", va="center_baseline", size=11)
    if H * tall > 0.75:
        ax.text(0.14, top - H * tall / 2, "unit", rotation=90, ha="center", va="center", size=11)


def _key(ax, signed):
    """Draw the scale of colors: from -1 or from 0 to 1."""
    low = -LEVELS if signed else 0
    steps = np.arange(low, LEVELS + 1)
    left, side = LEFT + 1.4, 2.4 / len(steps)
    boxes = np.array([(left + k * side, 0.3, side, 0.16) for k in range(len(steps))])
    shade(ax, boxes, steps / LEVELS, LEVELS, 1)
    edge = dict(fill=False, ec=COLORS["muted"], lw=1)
    ax.add_patch(patches.Rectangle((left, 0.3), 2.4, 0.16, **edge))
    for value in (-1, 0, 1) if signed else (0, 1):
        at = left + (value * LEVELS - low + 0.5) * side, 0.24
        ax.text(*at, str(value).replace("-", "−"), ha="center", va="top", size=11)
