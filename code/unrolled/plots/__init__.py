"""The book's figures: ordinary matplotlib, shown as SVG that follows the page's theme.

Draw in ``with plots.style():`` on ``fig, ax = plots.new()`` with colors from ``plots.COLORS``,
and end the cell with ``plots.figure(fig, caption=..., alt=...)``, or with ``plots.player`` to
step through several figures. Importing this package changes no matplotlib setting.
"""

from unrolled.plots.attention import attention_map, attention_player
from unrolled.plots.backward import shared_weight
from unrolled.plots.bidirectional import directions_player, two_directions
from unrolled.plots.cells import family, lstm_cell
from unrolled.plots.charts import contribution_map, logit_bars, state_space
from unrolled.plots.curves import (
    cut_and_steps,
    hidden_size_curve,
    lag_curves,
    learning_curves,
    loss_curves,
    time_curves,
)
from unrolled.plots.diagrams import sequence_shapes, unrolled, unrolled_player
from unrolled.plots.ragged import confusion, padding_player, reliability
from unrolled.plots.runs import compare_runs
from unrolled.plots.seq2seq import encoder_decoder, search_tree, seq2seq_player
from unrolled.plots.show import Picture, figure, player
from unrolled.plots.stacked import by_layer, depth_curves, stack_grid, wave_player
from unrolled.plots.step import gates_player
from unrolled.plots.sweep import gradient_player
from unrolled.plots.text import Passage, colored_text, top_predictions
from unrolled.plots.theme import COLORS, INK, new, style
from unrolled.plots.traces import gate_traces

__all__ = [
    "COLORS",
    "INK",
    "Passage",
    "Picture",
    "attention_map",
    "attention_player",
    "by_layer",
    "colored_text",
    "compare_runs",
    "confusion",
    "contribution_map",
    "cut_and_steps",
    "depth_curves",
    "directions_player",
    "encoder_decoder",
    "family",
    "figure",
    "gate_traces",
    "gates_player",
    "gradient_player",
    "hidden_size_curve",
    "lag_curves",
    "learning_curves",
    "logit_bars",
    "loss_curves",
    "lstm_cell",
    "new",
    "padding_player",
    "player",
    "reliability",
    "search_tree",
    "seq2seq_player",
    "sequence_shapes",
    "shared_weight",
    "stack_grid",
    "state_space",
    "style",
    "time_curves",
    "top_predictions",
    "two_directions",
    "unrolled",
    "unrolled_player",
    "wave_player",
]
