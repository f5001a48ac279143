"""Diagrams of gated cells."""

from matplotlib import patches

from unrolled.plots.diagrams import arrow, box, canvas
from unrolled.plots.show import figure
from unrolled.plots.theme import COLORS, INK, style

MEMORY = dict(color=COLORS["accent"], linewidth=5, solid_capstyle="butt", zorder=1)
WIRE = dict(color=INK, linewidth=1.4)
RING = 0.19  # radius of a ring that computes, in inches, as everything here


def symbol(ax, x, y, letter, index, size=16):
    """Write a letter with its index below, a symbol of the equations, centered at (x, y).

    Two texts that meet at one point: whatever font the page has, they do not overlap.
    """
    x -= 0.04 * len(index)
    ax.text(x + 0.04, y, letter, ha="right", va="center_baseline", size=size, style="italic")
    ax.text(x + 0.05, y - 0.08, index, ha="left", va="center_baseline", size=0.75 * size)


def _ring(ax, x, y, text, color=INK):
    """Draw a ring that multiplies or adds what meets in it."""
    ax.add_patch(patches.Circle((x, y), RING, fc=(color, 0.1), ec=color, lw=2))
    ax.text(x, y, text, ha="center", va="center_baseline", size=17)


def _elbow(ax, start, corner, end):
    """Draw an arrow that turns once."""
    ax.plot(*zip(start, corner, strict=True), **WIRE)
    arrow(ax, corner, end)


def lstm_cell(*, caption, alt):
    """Draw one LSTM cell: the cell state runs straight through, is cut, written and read."""
    left, right = 0.6, 5.08  # where the lines come in and go out
    forget, write, read = 1.4, 2.7, 4.25  # where the three acts stand
    gates = {"f": forget, "i": 2.3, "g": 3.1, "o": 3.85}
    line, product, output, row, bus = 3.16, 2.24, 2.0, 1.34, 0.68
    with style():
        fig, ax = canvas(5.5, 3.85)
        look = dict(boxstyle="round,pad=0,rounding_size=0.15", fc=(COLORS["muted"], 0.07))
        ax.add_patch(
            patches.FancyBboxPatch((0.84, 0.46), 3.9, 3.3, **look, ec=COLORS["muted"], lw=1.2)
        )
        ends = left, forget - RING, forget + RING, write - RING, write + RING, right - 0.16
        for start, end in zip(ends[::2], ends[1::2], strict=True):
            ax.plot([start, end], [line, line], **MEMORY)
        tip = [(right, line), (right - 0.18, line + 0.11), (right - 0.18, line - 0.11)]
        ax.add_patch(patches.Polygon(tip, fc=COLORS["accent"], ec="none"))
        for x, act in ((forget, "cut"), (write, "write"), (read, "read")):
            ax.text(x, line + 0.36, act, ha="center", va="center_baseline", weight="bold")
        _ring(ax, forget, line, "×", COLORS["accent"])
        _ring(ax, write, line, "+", COLORS["accent"])
        _ring(ax, write, product, "×")
        _ring(ax, read, output, "×")
        ax.plot(read, line, "o", color=COLORS["accent"], markersize=9)
        box(ax, read, 2.62, 0.58, 0.32, "tanh", size=12)
        arrow(ax, (read, line - 0.05), (read, 2.78))
        arrow(ax, (read, 2.46), (read, output + RING))
        arrow(ax, (read + RING, output), (right, output))
        arrow(ax, (write, product + RING), (write, line - RING))
        top = row + 0.26
        arrow(ax, (forget, top), (forget, line - RING))
        _elbow(ax, (gates["i"], top), (gates["i"], product), (write - RING, product))
        _elbow(ax, (gates["g"], top), (gates["g"], product), (write + RING, product))
        _elbow(ax, (gates["o"], top), (gates["o"], output), (read - RING, output))
        x_in = forget - 0.3
        ax.plot([left, gates["o"]], [bus, bus], **WIRE)
        ax.plot([x_in, x_in], [0.38, bus], **WIRE)
        ax.plot(x_in, bus, "o", color=INK, markersize=5)
        for gate, x in gates.items():
            color, kind = (COLORS["target"], "tanh") if gate == "g" else (INK, "σ")
            box(ax, x, row, 0.56, 0.52, color=color)
            ax.text(x, row + 0.1, gate, ha="center", va="center_baseline", size=15, style="italic")
            ax.text(x, row - 0.13, kind, ha="center", va="center_baseline", size=11)
            arrow(ax, (x, bus), (x, row - 0.26))
        symbol(ax, 0.3, line, "c", "t−1")
        symbol(ax, right + 0.19, line, "c", "t")
        symbol(ax, 0.3, bus, "h", "t−1")
        symbol(ax, right + 0.19, output, "h", "t")
        symbol(ax, x_in, 0.2, "x", "t")
    return figure(fig, caption=caption, alt=alt)
