"""Diagrams of a recurrent cell: folded, unrolled, stepped through, and its four uses."""

from matplotlib import patches
from matplotlib.figure import Figure
from matplotlib.path import Path

from unrolled.plots.charts import numbers
from unrolled.plots.show import figure, player
from unrolled.plots.theme import COLORS, INK, style

# How a part looks when it is still to come, at work now, or done.
LOOKS = {
    "ghost": dict(color=COLORS["muted"], alpha=0.05, linestyle=(0, (3, 3)), linewidth=1.2),
    "now": dict(color=COLORS["accent"], alpha=0.22, linestyle="-", linewidth=2.4),
    "done": dict(color=INK, alpha=0.06, linestyle="-", linewidth=1.4),
}
CELL = 0.54  # inches, as everything in a diagram
SHAPES = {
    "one to many": (4, [0], [0, 1, 2, 3]),
    "many to one": (4, [0, 1, 2, 3], [3]),
    "many to many, in step": (4, [0, 1, 2, 3], [0, 1, 2, 3]),
    "many to many, out of step": (5, [0, 1, 2], [2, 3, 4]),
}


def canvas(width, height):
    """Return (figure, axes) where one unit is one inch and nothing is drawn yet."""
    fig = Figure(figsize=(width, height))
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(0, height))
    ax.axis("off")
    return fig, ax


def box(ax, x, y, width, height, text="", look="done", color=None, size=13):
    """Draw a rounded box around (x, y), outlined and tinted, with text in its middle."""
    look = {**LOOKS[look], **({"color": color} if color else {})}
    edge, alpha = look.pop("color"), look.pop("alpha")
    corner = (x - width / 2, y - height / 2)
    look |= dict(boxstyle="round,pad=0,rounding_size=0.08", ec=edge, fc=(edge, alpha))
    ax.add_patch(patches.FancyBboxPatch(corner, width, height, **look))
    if text:
        ax.text(x, y, text, ha="center", va="center_baseline", size=size)


def arrow(ax, start=None, end=None, *, path=None, look="done"):
    """Draw an arrow from start to end, or along a path."""
    look = LOOKS[look]
    ends = dict(path=path) if path else dict(posA=start, posB=end, shrinkA=1, shrinkB=1)
    line = dict(color=look["color"], linewidth=look["linewidth"], linestyle=look["linestyle"])
    head = "-|>,head_length=5,head_width=2.6"
    ax.add_patch(patches.FancyArrowPatch(**ends, **line, arrowstyle=head, fill=path is None))


def letter(ax, x, y, text, look="done", output=False):
    """Draw an input as a plain letter in a ring, an output in a box of the target's color."""
    color = COLORS["target"] if output and look != "ghost" else None
    if output:
        box(ax, x, y, 0.46, 0.42, text, look, color, size=15)
        return
    edge = LOOKS[look]
    ring = dict(fill=False, ec=edge["color"], lw=edge["linewidth"], ls=edge["linestyle"])
    ax.add_patch(patches.Circle((x, y), 0.23, **ring))
    ax.text(x, y, text, ha="center", va="center_baseline", size=15)


def _column(ax, x, levels, given, made, look="done"):
    """Draw one use of the cell: a letter below, the cell, the letter above, and two arrows."""
    low, middle, high = levels
    box(ax, x, middle, CELL, CELL, "cell", look, look != "ghost" and COLORS["accent"])
    letter(ax, x, low, given, look)
    arrow(ax, (x, low + 0.24), (x, middle - CELL / 2), look=look)
    letter(ax, x, high, made, look, output=True)
    arrow(ax, (x, middle + CELL / 2), (x, high - 0.22), look=look)


def _loop(ax, x, y, look="done"):
    """Draw the arrow that leads the state of the cell at (x, y) back into it."""
    corners = [
        (x + CELL / 2, y + 0.15),
        (x + 1.0, y + 0.5),
        (x + 1.0, y - 0.5),
        (x + CELL / 2 + 0.02, y - 0.15),
    ]
    arrow(ax, path=Path(corners, [Path.MOVETO, *[Path.CURVE4] * 3]), look=look)
    ax.text(x + 0.96, y, "h", style="italic", ha="center", va="center_baseline")


def pairs(inputs, outputs, most):
    """Return inputs and outputs as lists of one length, at most ``most``, else raise ValueError."""
    inputs, outputs = list(inputs), list(outputs)
    if not 1 <= len(inputs) <= most:
        raise ValueError(f"expected 1 to {most} inputs, more are not legible, got {len(inputs)}")
    if len(outputs) != len(inputs):
        raise ValueError(f"expected {len(inputs)} outputs, one an input, got {len(outputs)}")
    return inputs, outputs


def draw_unrolled(ax, inputs, outputs, *, x=0.0, y=0.0, pitch=1.0):
    """Draw the folded cell and, to its right, the unrolled one, on axes in inches.

    Args: ax; inputs, outputs, T letters each; x, y, the lower left corner; pitch, the distance
    from cell to cell. The drawing is 1.6 + T * pitch wide and 2.6 high.
    """
    levels = [y + 0.35, y + 1.3, y + 2.25]
    middle = levels[1]
    _column(ax, x + 0.45, levels, "x", "y")
    _loop(ax, x + 0.45, middle)
    ax.text(x + 1.68, middle, "=", ha="center", va="center_baseline", size=22)
    for t, (given, made) in enumerate(zip(inputs, outputs, strict=True)):
        at = x + 1.7 + (t + 0.5) * pitch
        _column(ax, at, levels, given, made)
        if t:
            arrow(ax, (at - pitch + CELL / 2, middle), (at - CELL / 2, middle))
            ax.text(at - pitch / 2, middle + 0.13, "h", ha="center", style="italic")


def unrolled(inputs, outputs, *, caption, alt):
    """Draw a cell with a loop, and the same cell unrolled, once for each letter.

    Args: inputs, outputs, 1 to 4 letters each.
    Raises: ValueError if there are none, too many, or not as many outputs as inputs.
    """
    inputs, outputs = pairs(inputs, outputs, 4)
    with style():
        fig, ax = canvas(1.8 + len(inputs), 2.6)
        draw_unrolled(ax, inputs, outputs)
    return figure(fig, caption=caption, alt=alt)


def unrolled_player(states, inputs, outputs, *, caption, alt):
    """Step through a word: a letter and the state before go into the cell, a new state comes out.

    The first frame shows the cell folded. What is done stays, what is to come is pale.
    Args: states (T, H), after each letter, H at most 5; inputs, outputs, 1 to 4 letters each.
    Raises: ValueError if the shapes do not fit or are too large to be legible.
    """
    inputs, outputs = pairs(inputs, outputs, 4)
    states = numbers("states", states, (len(inputs), "H"))
    if states.shape[1] > 5:
        raise ValueError(f"expected at most 5 numbers in a state, got {states.shape[1]}")
    labels = [
        "Folded: one cell. It reads a letter x, bets on a letter y, and hands itself a state h."
    ]
    for t, (given, made) in enumerate(zip(inputs, outputs, strict=True)):
        before = f"the state of step {t}" if t else "a state of zeros"
        labels.append(
            f"Step {t + 1}: the cell reads {given} and {before}. "
            f"It makes a new state and bets on {made}."
        )
    with style():
        frames = [_frame(states, inputs, outputs, step) for step in range(len(labels))]
    return player(frames, labels=labels, caption=caption, alt=alt)


def _frame(states, inputs, outputs, step):
    """Draw the player's frame after ``step`` letters; step 0 is the folded cell."""
    pitch, start = 1.34, 0.42
    fig, ax = canvas(start + pitch * len(inputs) + 0.04, 2.8)
    levels = [0.35, 1.4, 2.45]
    middle = levels[1]
    if step == 0:
        x = fig.get_figwidth() / 2
        _column(ax, x, levels, "x", "y", "now")
        _loop(ax, x, middle, "now")
        return fig
    ax.text(0.16, middle, "0", ha="center", va="center_baseline", size=15)
    for t, (given, made) in enumerate(zip(inputs, outputs, strict=True), start=1):
        look = "now" if t == step else "done" if t < step else "ghost"
        cell, state = start + (t - 1) * pitch + 0.41, start + t * pitch - 0.26
        _column(ax, cell, levels, given, made if t <= step else "", look)
        came_from = state - pitch + 0.26 if t > 1 else 0.26
        arrow(ax, (came_from, middle), (cell - CELL / 2, middle), look=look)
        arrow(ax, (cell + CELL / 2, middle), (state - 0.26, middle), look=look)
        _state(ax, state, middle, states[t - 1], look)
    return fig


def _state(ax, x, y, state, look):
    """Draw a state as a column of squares: stronger for larger numbers, violet above zero."""
    side = 0.38
    for k, value in enumerate(state):
        bottom = y + (len(state) / 2 - k - 1) * side
        place = dict(xy=(x - 0.26, bottom), width=0.52, height=side)
        drawn = LOOKS[look]
        if look != "ghost":
            color = COLORS["accent" if value > 0 else "muted"]
            strength = 0.08 + 0.4 * min(1, abs(value))
            ax.add_patch(patches.Rectangle(**place, fc=color, ec="none", alpha=strength))
            text = f"{value:.2f}".replace("-", "−")
            ax.text(x, bottom + side / 2, text, ha="center", va="center_baseline", size=11)
        edge = dict(ec=drawn["color"], lw=drawn["linewidth"], ls=drawn["linestyle"])
        ax.add_patch(patches.Rectangle(**place, fill=False, **edge))
    top = y + len(state) / 2 * side
    ax.text(x, top + 0.1, "h", ha="center", va="bottom", style="italic")


def sequence_shapes(*, caption, alt):
    """Draw the four shapes of sequence problems: where inputs enter and outputs leave."""
    with style():
        fig, ax = canvas(5.6, 4.75)
        for k, (name, (steps, reads, writes)) in enumerate(SHAPES.items()):
            x, y = 0.1 + 2.8 * (k % 2), 2.8 - 2.3 * (k // 2)
            ax.text(x + 1.3, y + 1.75, name, ha="center", weight="bold")
            _shape(ax, x + 1.3, y, steps, reads, writes)
        ax.text(1.2, 0.12, "input", va="center_baseline")
        ax.text(2.75, 0.12, "cell", va="center_baseline")
        ax.text(4.1, 0.12, "output", va="center_baseline")
        _part(ax, 1.0, 0.14, "input")
        _part(ax, 2.55, 0.14, "cell")
        _part(ax, 3.9, 0.14, "output")
    return figure(fig, caption=caption, alt=alt)


def _part(ax, x, y, kind):
    if kind == "input":
        ax.add_patch(patches.Circle((x, y), 0.12, fill=False, ec=INK, lw=1.4))
    elif kind == "cell":
        box(ax, x, y, 0.3, 0.26, color=COLORS["accent"])
    else:
        diamond = dict(xy=(x, y), numVertices=4, radius=0.15)
        ax.add_patch(patches.RegularPolygon(**diamond, fc=COLORS["target"], ec="none"))


def _shape(ax, x, y, steps, reads, writes):
    pitch = 0.52
    for t in range(steps):
        at = x + (t - (steps - 1) / 2) * pitch
        _part(ax, at, y + 0.8, "cell")
        if t:
            arrow(ax, (at - pitch + 0.15, y + 0.8), (at - 0.15, y + 0.8))
        if t in reads:
            _part(ax, at, y + 0.22, "input")
            arrow(ax, (at, y + 0.34), (at, y + 0.67))
        if t in writes:
            _part(ax, at, y + 1.4, "output")
            arrow(ax, (at, y + 0.93), (at, y + 1.25))
