"""Diagrams of the way back: one weight used at every step, and the gradient it collects."""

from unrolled.plots.diagrams import CELL, arrow, box, canvas
from unrolled.plots.show import figure
from unrolled.plots.theme import COLORS, style


def shared_weight(*, caption, alt, steps=4):
    """Draw states going right, gradients going left, and each step's share for W_hh.

    Args: steps, cells to draw, 2 to 4.
    Raises: ValueError if there are too few or too many steps.
    """
    if not 2 <= steps <= 4:
        raise ValueError(f"expected 2 to 4 steps, got {steps}")
    pitch, left, middle, low = 1.3, 0.75, 1.75, 0.35
    with style():
        fig, ax = canvas(left + pitch * steps - 0.25, 2.95)
        width = pitch * (steps - 1) + CELL
        box(ax, left + width / 2 - CELL / 2, low, width, 0.46, "dW_hh = sum of all shares", "now")
        for t in range(1, steps + 1):
            x = left + (t - 1) * pitch
            box(ax, x, middle, CELL, CELL, f"h{_sub(t)}", color=COLORS["accent"])
            box(ax, x, 2.68, 0.46, 0.42, f"E{_sub(t)}", color=COLORS["target"])
            arrow(ax, (x - 0.1, middle + CELL / 2), (x - 0.1, 2.46))
            arrow(ax, (x + 0.1, 2.46), (x + 0.1, middle + CELL / 2), look="now")
            arrow(ax, (x, middle - CELL / 2), (x, low + 0.24), look="now")
            ax.text(x + 0.1, 1.0, f"+ share {t}", va="center_baseline", size=11)
            start = x - pitch + CELL / 2 if t > 1 else x - 0.68
            arrow(ax, (start, middle + 0.12), (x - CELL / 2, middle + 0.12))
            if t > 1:
                arrow(ax, (x - CELL / 2, middle - 0.12), (start, middle - 0.12), look="now")
    return figure(fig, caption=caption, alt=alt)


def _sub(t):
    return "₀₁₂₃₄"[t]
