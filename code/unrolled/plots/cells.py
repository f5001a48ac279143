"""Diagrams of gated cells: the LSTM's, and the family that is left when gates are taken away."""

from matplotlib import patches

from unrolled.plots.diagrams import arrow, box, canvas
from unrolled.plots.show import figure
from unrolled.plots.theme import COLORS, INK, style

MEMORY = dict(color=COLORS["accent"], linewidth=5, solid_capstyle="butt", zorder=1)
WIRE = dict(color=INK, linewidth=1.4)
RING = 0.19  # radius of a ring that computes, in inches, as everything here
# What keeps, writes, is news and is read. A dash is a gate that another one's weights provide.
FAMILY = {
    "LSTM": (("f", "i", "g", "o"), "two states, c and h; three gates"),
    "GRU": (("z", "-1−z", "n", "r"), "one state, h; what is not kept is written"),
    "MGU": (("-1−f", "f", "n", "-f"), "one gate for all three"),
    "RNN": (("", "", "h", ""), "no gate: all is written anew"),
}
PLACES = (1.85, 2.75, 3.65, 4.75)  # of the four parts in a row of the family


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


def family(*, caption, alt):
    """Draw LSTM, GRU, MGU and RNN under each other: who keeps, writes and reads, and what is gone.

    A part with weights of its own is a box, one that reuses another's is dashed, one that is
    gone is a dotted ring; at the left, a square for each block of weights.
    """
    pitch = 1.5
    with style():
        fig, ax = canvas(5.6, 4 * pitch + 0.38)
        for x, part in zip(PLACES, ("keep", "write", "news", "read"), strict=True):
            ax.text(x, 4 * pitch + 0.2, part, ha="center", va="center_baseline", weight="bold")
        for k, (name, (parts, remark)) in enumerate(FAMILY.items()):
            _relative(ax, (3 - k) * pitch + 0.1, name, parts, remark)
    return figure(fig, caption=caption, alt=alt)


def _relative(ax, y, name, parts, remark):
    """Draw one row of the family, ``y`` its lower edge: the state's line above, gates below."""
    line, row = y + 1.12, y + 0.4
    color = INK if name == "RNN" else COLORS["accent"]
    ax.text(0.08, line - 0.03, name, va="center_baseline", weight="bold", size=15)
    own = sum(bool(part) and part[0] != "-" for part in parts)
    for block in range(own):
        corner = 0.09 + 0.2 * block, y + 0.66
        ax.add_patch(patches.Rectangle(corner, 0.15, 0.15, fc=(color, 0.25), ec=color, lw=1.2))
    ax.text(0.08, y + 0.46, f"{own} block{'s' * (own > 1)}", va="center_baseline", size=11)
    ax.text(PLACES[0] - 0.3, y + 0.02, remark, va="center_baseline", size=11, style="italic")
    keep, write, news, read = PLACES
    for x, part in zip(PLACES, parts, strict=True):
        _part(ax, x, row, part, news=x == news)
    if name == "RNN":
        ax.plot([news, news], [row + 0.2, line], **WIRE)
        arrow(ax, (news, line), (5.3, line))
    else:
        into = (write + news) / 2
        for start, end in ((1.3, keep - RING), (keep + RING, into - RING), (into + RING, 5.14)):
            ax.plot([start, end], [line, line], **MEMORY)
        tip = [(5.3, line), (5.12, line + 0.11), (5.12, line - 0.11)]
        ax.add_patch(patches.Polygon(tip, fc=color, ec="none"))
        _ring(ax, keep, line, "×", color)
        _ring(ax, into, line, "+", color)
        arrow(ax, (keep, row + 0.2), (keep, line - RING))
        for x in (write, news):
            ax.plot([x, x, into], [row + 0.2, row + 0.33, row + 0.33], **WIRE)
        arrow(ax, (into, row + 0.33), (into, line - RING))
        ax.plot(read, line, "o", color=color, markersize=8)
        arrow(ax, (read, line), (read, row + 0.2))
    state = "c" if name == "LSTM" else "h"
    ax.text(5.44, line, state, ha="center", va="center_baseline", style="italic", size=15)


def _part(ax, x, y, part, news):
    """Draw one part of a row: its own box, a dashed one for reused weights, or what is gone."""
    if not part:
        gone = dict(fill=False, ec=COLORS["muted"], lw=1.4, ls=(0, (1, 2)))
        ax.add_patch(patches.Circle((x, y), 0.15, **gone))
        return
    if part[0] != "-":
        box(ax, x, y, 0.56, 0.4, color=COLORS["target"] if news else INK)
    else:
        look = dict(boxstyle="round,pad=0,rounding_size=0.08", fill=False, ls=(0, (4, 3)), lw=1.4)
        corner = x - 0.28, y - 0.2
        ax.add_patch(patches.FancyBboxPatch(corner, 0.56, 0.4, **look, ec=INK))
    text = dict(ha="center", va="center_baseline", style="italic", size=14)
    ax.text(x, y, part.removeprefix("-"), **text)
