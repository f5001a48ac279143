"""Figures of two directions: each square says at which step its layer made it."""

import re

import pytest

from unrolled import plots

TEXTS = dict(caption="What one sees.", alt="What is drawn.")
WORDS = [["A1", "A2", "A3", "A4", "A5"], ["B1", "B2"], ["C1"]]


def texts(markup):
    return re.findall(r">([^<>]+)</text>", markup)


def frames(picture):
    """What each frame of a player shows, row by row: forward, symbols, backward of each word."""
    rows = []
    for part in picture._repr_html_().split('class="frame')[1:]:
        found = re.split("forward|backward", " ".join(texts(part)))[1:]
        rows.append([row.split() for row in found])
    return rows


def test_the_diagram_shows_inputs_outputs_and_both_layers():
    picture = plots.two_directions("abcdef", ["", "0", "", "1", "", "2"], **TEXTS)
    shown = texts(picture._repr_html_())
    assert sorted(shown) == sorted([*"abcdef012", "forward", "backward"])
    arrows = picture._repr_html_().count("stroke-linecap") or picture._repr_html_().count("<path")
    assert arrows >= 6 * 4 + 2 * 5  # four at each step, and one between neighbors in either row
    with pytest.raises(ValueError, match="expected 1 to 6 inputs"):
        plots.two_directions("abcdefg", "abcdefg", **TEXTS)
    with pytest.raises(ValueError, match="expected 2 outputs, one an input, got 1"):
        plots.two_directions("ab", "a", **TEXTS)
    with pytest.raises(ValueError, match="one input has no two directions"):
        plots.two_directions("a", "a", **TEXTS)


def test_the_player_reads_from_either_end_within_the_true_length():
    picture = plots.directions_player(WORDS, **TEXTS)
    shown = frames(picture)
    assert len(shown) == 7  # before, five steps, done
    for step, rows in enumerate(shown):
        for n, word in enumerate(WORDS):
            ahead, back = rows[2 * n], rows[2 * n + 1]
            L, made = len(word), min(step, len(word))
            padding = ["·"] * (5 - L)
            states = [str(k + 1) for k in range(made)]
            assert ahead == [*states, *word, *padding]
            assert back == states[::-1]  # the newest stands at the left
    sentence = "in 2 of 3 rows the forward layer reads symbol 2"
    assert sentence in picture._repr_html_()


def test_the_player_is_small_legible_and_the_same_again():
    longest = [[f"S{k}" for k in range(7)]] * 3
    for words in (WORDS, longest):
        markup = plots.directions_player(words, **TEXTS)._repr_html_()
        assert markup == plots.directions_player(words, **TEXTS)._repr_html_()
        assert len(markup.encode()) <= 150_000
        assert max(map(int, re.findall(r'<svg width="(\d+)"', markup))) <= 560
        sizes = re.findall(r"font(?:-size)?:[^;]*?([\d.]+)px", markup)
        assert min(map(float, sizes)) >= 11


@pytest.mark.parametrize("words", [[], ["a"] * 4, ["abc", ""], ["a" * 8]])
def test_the_player_names_what_it_cannot_draw(words):
    with pytest.raises(ValueError, match="expected 1 to 3 sequences of 1 to 7 symbols"):
        plots.directions_player(words, **TEXTS)
