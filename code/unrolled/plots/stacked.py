"""Stacks of layers: the grid of layers and steps, what reaches each layer, what depth is worth."""

import numpy as np

from unrolled.plots.charts import numbers
from unrolled.plots.curves import DASHES, OTHER_LINES, OTHER_MARKERS, logarithmic, places
from unrolled.plots.diagrams import arrow, box, canvas
from unrolled.plots.show import figure, player
from unrolled.plots.theme import COLORS, INK, new, style

LEFT, PITCH, LOW, RISE, SIDE = 0.95, 0.98, 0.36, 0.9, 0.54  # inches


def stack_grid(letters, layers, *, caption, alt, residual=True):
    """Draw layers on top of each other, unrolled over the letters of a word.

    Args: letters, 1 to 5; layers, 1 to 4; residual, whether each layer from the second on is
    drawn with a way around it.
    """
    _check_grid(letters, layers)
    with style():
        fig = _grid(letters, layers, now=len(letters) + layers, residual=residual)
    return figure(fig, caption=caption, alt=alt)


def wave_player(letters, layers, *, caption, alt):
    """Step through the order in which a grid of layers and steps can be computed: diagonals.

    Args: letters, 1 to 4; layers, 1 to 3: more would be too large a page.
    """
    _check_grid(letters, layers, most_steps=4, most_layers=3)
    T = len(letters)
    labels = ["Nothing is computed yet. A box waits for the one at its left and the one below it."]
    for wave in range(1, T + layers):
        at = [(k, wave - k + 1) for k in range(1, layers + 1) if 1 <= wave - k + 1 <= T]
        told = ", ".join(f"layer {k} at step {t}" for k, t in at)
        labels.append(
            f"Wave {wave}: {told}." + (" They need nothing of each other." * (len(at) > 1))
        )
    labels.append(f"{layers} × {T} boxes in {T + layers - 1} waves.")
    with style():
        frames = [_grid(letters, layers, now, residual=False) for now in range(T + layers + 1)]
    return player(frames, labels=labels, caption=caption, alt=alt, still=layers)


def _check_grid(letters, layers, most_steps=5, most_layers=4):
    if not 1 <= len(letters) <= most_steps or not 1 <= layers <= most_layers:
        raise ValueError(
            f"expected 1 to {most_steps} letters and 1 to {most_layers} layers, more are not "
            f"legible, got {len(letters)} and {layers}"
        )


def _grid(letters, layers, now, *, residual):
    """Draw the grid when wave ``now`` is at work: 0 before the first, past the last when done."""
    T = len(letters)
    fig, ax = canvas(LEFT + PITCH * (T - 1) + 0.85, LOW + RISE * layers + 0.68)
    look = "now" if now == 0 else "done"
    for t, letter in enumerate(letters, start=1):
        box(ax, LEFT + (t - 1) * PITCH, LOW, 0.42, 0.42, letter, look)
    for k in range(1, layers + 1):
        y = LOW + RISE * k
        ax.text(0.06, y, f"layer {k}", va="center_baseline", size=11)
        for t in range(1, T + 1):
            x, wave = LEFT + (t - 1) * PITCH, t + k - 1
            look = "now" if wave == now else "done" if wave < now else "ghost"
            ways = "done" if look == "ghost" and now == 0 else look
            lower = LOW + 0.21 if k == 1 else y - RISE + SIDE / 2
            arrow(ax, (x, lower), (x, y - SIDE / 2), look=ways)
            if t > 1:
                arrow(ax, (x - PITCH + SIDE / 2, y), (x - SIDE / 2, y), look=ways)
            box(ax, x, y, SIDE, SIDE, "", look, COLORS["accent"])
            if look != "ghost":
                ax.text(x, y, f"h{'₀₁₂₃₄₅'[t]}", ha="center", va="center_baseline", size=14)
            if residual and k > 1:
                _around(ax, x, y)
    return fig


def _around(ax, x, y):
    """Draw the way around one box: from what it reads to a plus behind it."""
    low, high, out = y - SIDE / 2 - 0.11, y + SIDE / 2 + 0.11, x + SIDE / 2 + 0.09
    line = dict(color=COLORS["target"], linewidth=2.2)
    ax.plot([x, out, out, x], [low, low, high, high], **line)
    ax.plot(x, high, "o", color=COLORS["target"], markersize=10)
    ax.text(x, high, "+", color="white", ha="center", va="center_baseline", size=11, weight="bold")


def by_layer(panels, *, caption, alt, x=None, xlabel="layer, 1 reads the letters"):
    """Draw a number for each layer, on a logarithmic axis, a line for each way to stack.

    Args: panels, {title: {label: values}}, 1 to 3; x, where the values stand, by default 1, 2, …
    """
    if not 1 <= len(panels) <= 3:
        raise ValueError(f"expected 1 to 3 panels, more are not legible, got {len(panels)}")
    with style():
        fig, axes = new(5.6, 0.5 + 2.1 * len(panels), 1, len(panels), squeeze=False, sharex=True)
        for ax, (title, rows) in zip(axes[:, 0], panels.items(), strict=True):
            looks = places(rows)
            for label, values in rows.items():
                values = numbers(f"values of {label}", values, "L")
                if values.min() <= 0:
                    raise ValueError(f"a logarithmic axis has no place for {values.min():g}")
                at, look = np.arange(1, len(values) + 1) if x is None else x, looks[label]
                dots = dict(marker=OTHER_MARKERS[look], markersize=6)
                ax.plot(at, values, **OTHER_LINES[look], **dots, label=label)
            ax.set_yscale("log")
            logarithmic(ax.yaxis)
            ax.set_title(title, loc="left", weight="bold")
            if x is None:
                ax.set_xticks(at)
        axes[-1, 0].set_xlabel(xlabel)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure(fig, caption=caption, alt=alt)


def depth_curves(panels, *, caption, alt):
    """Draw what each depth reaches: a dot for each start, a line through the means.

    Args: panels, {title: ({label: {layers: values}}, baseline or None)}, 1 or 2.
    """
    if not 1 <= len(panels) <= 2:
        raise ValueError(f"expected 1 or 2 panels, more are not legible, got {len(panels)}")
    with style():
        fig, axes = new(5.6, 0.6 + 2.5 * len(panels), 1, len(panels), squeeze=False, sharex=True)
        for ax, (title, (rows, baseline)) in zip(axes[:, 0], panels.items(), strict=True):
            looks, every = places(rows), sorted({k for row in rows.values() for k in row})
            for label, row in rows.items():
                look, depths = looks[label], sorted(row)
                at = [every.index(k) for k in depths]
                means = [np.mean(numbers(f"values of {label}", row[k], "S")) for k in depths]
                ax.plot(at, means, **OTHER_LINES[look], label=label)
                dots = dict(color=OTHER_LINES[look]["color"], marker=OTHER_MARKERS[look], alpha=0.6)
                for place, k in zip(at, depths, strict=True):
                    ax.plot([place] * len(row[k]), row[k], linestyle="", markersize=7, **dots)
            if baseline is not None:
                ax.axhline(baseline, **DASHES)
                ax.text(0, baseline, "linear classifier", va="bottom", size=11, color=INK)
            ax.set_title(title, loc="left", weight="bold")
            ax.set_xticks(range(len(every)), every)
        axes[-1, 0].set_xlabel("layers")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        fig.legend(handles, labels, loc="outside upper center", ncols=2)
    return figure(fig, caption=caption, alt=alt)
