"""The book's figures: ordinary matplotlib, shown as SVG that follows the page's theme.

Draw in ``with plots.style():`` on ``fig, ax = plots.new()`` with colors from ``plots.COLORS``,
and end the cell with ``plots.figure(fig, caption=..., alt=...)``, or with ``plots.player`` to
step through several figures. Importing this package changes no matplotlib setting.
"""

from unrolled.plots.charts import hidden_size_curve, logit_bars, loss_curves, state_space
from unrolled.plots.diagrams import sequence_shapes, unrolled, unrolled_player
from unrolled.plots.show import Picture, figure, player
from unrolled.plots.theme import COLORS, INK, new, style

__all__ = [
    "COLORS",
    "INK",
    "Picture",
    "figure",
    "hidden_size_curve",
    "logit_bars",
    "loss_curves",
    "new",
    "player",
    "sequence_shapes",
    "state_space",
    "style",
    "unrolled",
    "unrolled_player",
]
