"""Diagrams of two layers that read a sequence from both ends, one still and one stepped through."""

from matplotlib import patches

from unrolled.plots.diagrams import LOOKS, arrow, box, canvas, letter, pairs
from unrolled.plots.show import figure, player
from unrolled.plots.theme import COLORS, INK, style

FORWARD, BACKWARD = COLORS["accent"], COLORS["target"]
CELL, LOW, AHEAD, BACK, HIGH = 0.5, 0.35, 1.25, 2.1, 3.05  # inches: a cell, and four levels
SIDE = 0.44  # of a square in the player
PADDING = "·"


def two_directions(inputs, outputs, *, caption, alt):
    """Draw two layers over the same inputs, one from either end, and what each output reads.

    Args: inputs, outputs, 2 to 6 short texts each.
    Raises: ValueError if there are too few, too many, or not as many outputs as inputs.
    """
    inputs, outputs = pairs(inputs, outputs, 6)
    if len(inputs) < 2:
        raise ValueError("one input has no two directions, expected at least 2")
    pitch, left = 0.8, 0.95
    with style():
        fig, ax = canvas(left + pitch * len(inputs), 3.4)
        for level, name, color in ((AHEAD, "forward", FORWARD), (BACK, "backward", BACKWARD)):
            ax.text(0.05, level, name, va="center_baseline", size=12, color=color)
        for t, (given, made) in enumerate(zip(inputs, outputs, strict=True)):
            x = left + (t + 0.42) * pitch
            for side, level, color in ((-1, AHEAD, FORWARD), (1, BACK, BACKWARD)):
                box(ax, x + side * 0.14, level, CELL * 0.8, CELL, color=color)
            letter(ax, x, LOW, given)
            arrow(ax, (x - 0.14, LOW + 0.2), (x - 0.14, AHEAD - CELL / 2))
            arrow(ax, (x + 0.14, LOW + 0.2), (x + 0.14, BACK - CELL / 2))
            arrow(ax, (x - 0.14, AHEAD + CELL / 2), (x - 0.14, HIGH - 0.22))
            arrow(ax, (x + 0.14, BACK + CELL / 2), (x + 0.14, HIGH - 0.22))
            box(ax, x, HIGH, 0.46, 0.42, made, size=15)
            if t:
                arrow(ax, (x - pitch + 0.06, AHEAD), (x - 0.34, AHEAD))
                arrow(ax, (x - 0.06, BACK), (x - pitch + 0.34, BACK))
    return figure(fig, caption=caption, alt=alt)


def directions_player(words, *, caption, alt):
    """Step through a padded batch: at each step both layers read one symbol, from either end.

    The backward layer begins at the last real symbol of each row, not in the padding.
    Args: words, 1 to 3 sequences of 1 to 7 short symbols.
    Raises: ValueError if there are none, too many, an empty one or one too long.
    """
    words = [list(word) for word in words]
    if not 1 <= len(words) <= 3 or not all(1 <= len(word) <= 7 for word in words):
        lengths = [len(word) for word in words]
        raise ValueError(f"expected 1 to 3 sequences of 1 to 7 symbols, got lengths {lengths}")
    T = max(map(len, words))
    labels = [
        f"{len(words)} sequences, padded to {T} steps. The forward layer will begin at the left, "
        "the backward layer at the last real symbol of each row."
    ]
    for step in range(1, T + 1):
        still = sum(len(word) >= step for word in words)
        rest = "" if still == len(words) else " A row that is read keeps its states."
        labels.append(
            f"Step {step}: in {still} of {len(words)} rows the forward layer reads symbol {step}, "
            f"and the backward layer the one that is {step}. from the end.{rest}"
        )
    labels.append(
        "Done. Each real symbol has two states: what came up to it, and what comes from it on. "
        "Padding has none."
    )
    with style():
        frames = [_frame(words, T, step) for step in range(T + 2)]
    return player(frames, labels=labels, caption=caption, alt=alt)


def _frame(words, T, step):
    """Draw the batch after ``step`` steps; in the last frame nothing is at work."""
    pitch, left = 1.62, 1.0
    fig, ax = canvas(left + T * SIDE + 0.1, pitch * len(words) + 0.05)
    for n, word in enumerate(words):
        top = pitch * (len(words) - n) - 0.35
        rows = (("forward", FORWARD), ("", None), ("backward", BACKWARD))
        for row, (name, color) in enumerate(rows):
            y = top - row * SIDE
            ax.text(0.04, y, name, va="center_baseline", size=12, color=color or INK)
            for t in range(T):
                x = left + (t + 0.5) * SIDE
                if color is None:
                    given, muted = (word[t], False) if t < len(word) else (PADDING, True)
                    at = dict(ha="center", va="center_baseline", size=12)
                    ax.text(x, y, given, **at, alpha=0.5 if muted else 1)
                    continue
                turn = t + 1 if name == "forward" else len(word) - t
                _square(ax, x, y, color, turn, step, real=t < len(word))
    return fig


def _square(ax, x, y, color, turn, step, real):
    """Draw the state at one step: still to come, new, known, or none at padding."""
    look = "ghost" if not real or turn > step else "now" if turn == step else "done"
    drawn = LOOKS[look]
    side = SIDE - 0.08
    filled = look != "ghost"
    edge = dict(
        ec=color if filled else COLORS["muted"], lw=drawn["linewidth"], ls=drawn["linestyle"]
    )
    fill = (color, 0.45 if look == "now" else 0.18) if filled else "none"
    ax.add_patch(patches.Rectangle((x - side / 2, y - side / 2), side, side, fc=fill, **edge))
    if filled:
        ax.text(x, y, str(turn), ha="center", va="center_baseline", size=11)
