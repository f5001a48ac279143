"""The figures of chapter 8: what they draw, what they refuse, and that they stay small."""

import re

import numpy as np
import pytest

from unrolled import plots

TEXTS = {"caption": "A caption.", "alt": "What is to be seen."}
LINES = {"plain": [0.2, 0.1, 0.02], "residual": [0.2, 0.21, 0.25]}
DEPTHS = {"plain": {1: [0.7], 2: [0.6, 0.65], 8: [0.2, 0.3]}, "residual": {2: [0.7], 8: [0.75]}}


def pictures():
    return {
        "stack_grid": plots.stack_grid("Rossi", 4, **TEXTS),
        "wave_player": plots.wave_player("Rosa", 3, **TEXTS),
        "by_layer": plots.by_layer({"spread": LINES, "gradient": LINES}, **TEXTS),
        "depth_curves": plots.depth_curves(
            {"loss": (DEPTHS, None), "right": (DEPTHS, 0.78)}, **TEXTS
        ),
    }


@pytest.mark.parametrize("name", pictures())
def test_a_figure_has_caption_alt_text_and_no_color_of_its_own(name, own_colors):
    own = own_colors(pictures()[name], TEXTS)
    assert own <= {"#ffffff"}  # the plus on its green ground


def test_the_grid_names_letters_and_layers():
    markup = plots.stack_grid("Abc", 2, **TEXTS)._repr_html_()
    for text in ("A", "b", "c", "layer 1", "layer 2"):
        assert f">{text}<" in markup
    assert markup.count(">+<") == 3  # a way around each box of the second layer
    assert ">+<" not in plots.stack_grid("Abc", 2, residual=False, **TEXTS)._repr_html_()


def test_waves_run_along_the_diagonals_and_compute_every_box_once():
    markup = plots.wave_player("Rosa", 3, **TEXTS)._repr_html_()
    told = re.findall(r"layer (\d) at step (\d)", markup)
    assert len(set(told)) == 12
    for wave in range(1, 7):
        sentence = re.search(rf"Wave {wave}: ([^.]*)\.", markup)[1]
        boxes = np.array(re.findall(r"layer (\d) at step (\d)", sentence), int)
        assert (boxes.sum(axis=1) == wave + 1).all()
    assert "3 × 4 boxes in 6 waves." in markup


def test_what_is_not_legible_is_refused():
    for call in (
        lambda: plots.stack_grid("Rossini", 2, **TEXTS),
        lambda: plots.stack_grid("Ross", 5, **TEXTS),
        lambda: plots.stack_grid("", 2, **TEXTS),
        lambda: plots.wave_player("Rossi", 3, **TEXTS),
    ):
        with pytest.raises(ValueError, match="letters and 1 to . layers, more are not legible"):
            call()
    with pytest.raises(ValueError, match="expected 1 to 3 panels"):
        plots.by_layer({}, **TEXTS)
    with pytest.raises(ValueError, match="expected 1 or 2 panels"):
        plots.depth_curves(dict.fromkeys("abc", (DEPTHS, None)), **TEXTS)
    with pytest.raises(ValueError, match="a logarithmic axis has no place for 0"):
        plots.by_layer({"a": {"b": [1, 0]}}, **TEXTS)
    with pytest.raises(ValueError, match="finite numbers"):
        plots.depth_curves({"a": ({"b": {1: [np.nan]}}, None)}, **TEXTS)
