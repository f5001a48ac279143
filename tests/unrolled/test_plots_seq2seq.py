"""The figures of chapter 9: who reads what and when, and the products along a tree."""

import re

import pytest

from unrolled import plots
from unrolled.plots.show import MOST_BYTES

TEXTS = dict(caption="What one sees.", alt="What is drawn.")
STEPS = [{"N": 0.93, "K": 0.05}, {"AY": 0.81, "IH": 0.12, "EY": 0.01}, {"T": 0.98}, {"›": 0.99}]
TREE = {"": {"A": 0.6, "B": 0.4}, "A": {"C": 0.4, "›": 0.6}, "B": {"›": 1}, "AC": {"›": 1}}


def texts(markup):
    return re.findall(r">([^<>]+)</text>", markup)


def frames(picture):
    """The texts of each frame of a player."""
    return [texts(part) for part in picture._repr_html_().split('class="frame')[1:]]


def pictures():
    return {
        "encoder_decoder": plots.encoder_decoder("box", ["B", "AA", "K", "S"], **TEXTS),
        "seq2seq_player": plots.seq2seq_player("knight", STEPS, **TEXTS),
        "search_tree": plots.search_tree(TREE, {"greedy": "A›", "beam": "B›"}, **TEXTS),
    }


@pytest.mark.parametrize("name", pictures())
def test_a_figure_has_caption_alt_text_and_no_color_of_its_own(name, own_colors):
    picture = pictures()[name]
    assert own_colors(picture, TEXTS) == set()
    markup = picture._repr_html_()
    assert max(map(int, re.findall(r'<svg width="(\d+)"', markup))) <= 560
    assert min(map(float, re.findall(r"font(?:-size)?:[^;]*?([\d.]+)px", markup))) >= 11


def test_the_diagram_shows_what_is_read_what_is_heard_and_what_is_said():
    shown = texts(plots.encoder_decoder("ab", "XYZ", **TEXTS)._repr_html_())
    read, heard, said = ["a", "b", "›"], ["‹", *"XYZ"], [*"XYZ", "›"]
    assert sorted(shown) == sorted([*read, *heard, *said, "encoder reads", "decoder writes"])
    with pytest.raises(ValueError, match="expected 1 to 5 symbols to read.*got 6"):
        plots.encoder_decoder("abcdef", "X", **TEXTS)
    with pytest.raises(ValueError, match="expected 1 to 5 symbols to say.*got 0"):
        plots.encoder_decoder("a", "", **TEXTS)


def test_the_player_reads_everything_before_it_says_anything():
    shown = frames(plots.seq2seq_player("knight", STEPS, **TEXTS))
    assert len(shown) == 1 + 7 + 4
    for frame in shown[:8]:  # none yet, k, n, i, g, h, t, END
        assert set(frame) == {*"knight›", "nothing is said yet"}
    for t, frame in enumerate(shown[8:], start=1):
        said = [next(iter(bets)) for bets in STEPS[:t]]
        bets = [f"{symbol} {p:.0%}" for symbol, p in STEPS[t - 1].items()]
        heard = ["‹", *said[:-1]]
        assert frame[:7] == [*"knight›"]
        assert sorted(frame[7:]) == sorted([*heard, *said, *bets])
    markup = plots.seq2seq_player("knight", STEPS, **TEXTS)._repr_html_()
    assert "Step 1 of 7 of reading: the forward half of the encoder reads k," in markup
    assert "the backward half reads the sign of the end." in markup
    assert "reads the sign of the end, the backward half reads k." in markup
    assert "Step 2: the decoder hears N, which it said last. It says AY, at 81%." in markup
    assert "It stops, at 99%." in markup


def test_the_longest_player_is_small_enough():
    steps = [{f"S{k}{t}": 0.2 for k in range(4)} for t in range(8)]
    markup = plots.seq2seq_player("abcdefgh", steps, **TEXTS)._repr_html_()
    assert len(markup.encode()) <= MOST_BYTES
    assert markup == plots.seq2seq_player("abcdefgh", steps, **TEXTS)._repr_html_()


def test_the_player_names_what_it_cannot_draw():
    with pytest.raises(ValueError, match="expected 1 to 8 symbols to read"):
        plots.seq2seq_player("a" * 9, STEPS, **TEXTS)
    with pytest.raises(ValueError, match="expected 1 to 8 steps"):
        plots.seq2seq_player("a", [], **TEXTS)
    for bets in ({}, {"A": 0.7, "B": 0.6}, {"A": -0.1}, dict.fromkeys("ABCDE", 0.1)):
        with pytest.raises(ValueError, match="expected 1 to 4 probabilities of step 2"):
            plots.seq2seq_player("a", [{"A": 1.0}, bets], **TEXTS)


def test_the_tree_shows_each_probability_and_each_product():
    shown = texts(plots.search_tree(TREE, {"greedy": "A›"}, **TEXTS)._repr_html_())
    branches, products = ["0.6", "0.4", "0.4", "0.6", "1", "1"], ["0.24", "0.36", "0.4"]
    wanted = [*"ABC", "›", "›", "›", *branches, *products, "— greedy"]
    assert sorted(shown) == sorted(wanted)
    with pytest.raises(ValueError, match="the path greedy says 'D' after 'A'"):
        plots.search_tree(TREE, {"greedy": "AD"}, **TEXTS)
    with pytest.raises(ValueError, match="expected 1 or 2 paths, got 0"):
        plots.search_tree(TREE, {}, **TEXTS)
