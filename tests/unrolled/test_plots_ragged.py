"""Figures of chapter 6: what they are given is what they show."""

import re

import numpy as np
import pytest

from unrolled import plots

TEXTS = dict(caption="What one sees.", alt="What is drawn.")
COUNTS = np.array([[8, 2, 0], [0, 5, 5], [1, 0, 9]])


def test_the_padding_player_says_who_reads_and_who_waits():
    markup = plots.padding_player(["Lee", "Novak"], **TEXTS)._repr_html_()
    assert "Step 3: Lee, Novak read on." in markup
    assert "Step 4: Novak reads on; the state of Lee stays." in markup
    assert "A batch of 2 words, padded to 5 steps." in markup
    assert len(markup.encode()) < 150_000


@pytest.mark.parametrize("words", [["Lee"], ["Lee", "Kim"], ["", "Kim"], ["Lee", "Featherston"]])
def test_words_that_show_no_padding_are_refused(words):
    with pytest.raises(ValueError, match="expected 2 to 4 words of 1 to 8 letters"):
        plots.padding_player(words, **TEXTS)


def test_a_confusion_map_shades_shares_of_rows():
    markup = plots.confusion(COUNTS, ["Ada", "Bob", "Cyd"], **TEXTS)._repr_html_()
    assert all(name in markup for name in ("Ada", "Bob", "Cyd", "taken for", "truth"))
    shaded = re.findall(r"opacity[:=]", markup)
    assert len(shaded) >= np.count_nonzero(COUNTS)


def test_a_confusion_map_wants_every_class():
    with pytest.raises(ValueError, match="at least one example of every class"):
        plots.confusion(np.diag([1, 0]), ["a", "b"], **TEXTS)
    with pytest.raises(ValueError, match="counts"):
        plots.confusion(COUNTS, ["a", "b"], **TEXTS)


def test_reliability_draws_each_curve_with_its_name():
    bins = np.array([0.3, 0.9]), np.array([0.2, 0.8]), np.array([10, 90])
    markup = plots.reliability({"as trained": bins, "cooled": bins}, **TEXTS)._repr_html_()
    assert "as trained" in markup and "cooled" in markup and "how often right" in markup
    with pytest.raises(ValueError, match="count"):
        plots.reliability({"a": (bins[0], bins[1], np.array([1]))}, **TEXTS)


def test_a_loss_says_what_it_is_the_mean_over():
    curves = {"NumPy": [2.0, 1.0]}
    assert "nats per letter" in plots.loss_curves(curves, **TEXTS)._repr_html_()
    assert "nats per vowel" in plots.loss_curves(curves, unit="vowel", **TEXTS)._repr_html_()
