"""Figures of chapter 10: what they are given is what they show."""

import numpy as np
import pytest

from unrolled import plots

TEXTS = dict(caption="What one sees.", alt="What is drawn.")
WEIGHTS = np.array([[0.9, 0.1, 0.0], [0.0, 0.4, 0.6]])


def test_a_map_names_what_was_read_and_said():
    markup = plots.attention_map(WEIGHTS, "p a ".split() + [" "], ["EH", "›"], **TEXTS)
    markup = markup._repr_html_()
    for symbol in ("p", "a", "␣", "EH", "›"):
        assert f">{symbol}</text>" in markup
    assert markup.count("opacity:") == 4  # 0.9, 0.1, 0.4 and 0.6, and nothing for the zeros


def test_the_player_adds_a_row_a_step_and_says_where_it_looks():
    markup = plots.attention_player(WEIGHTS, "abc", ["X", "Y"], **TEXTS)._repr_html_()
    assert "All 3 places are read. Nothing is said yet." in markup
    assert "Step 1: says X, and looks most at a (0.90) and b (0.10)." in markup
    assert "Step 2: says Y, and looks most at c (0.60) and b (0.40)." in markup
    frames = markup.split("<svg")[1:]
    assert [frame.count("opacity:") for frame in frames[:3]] == [0, 2, 4]
    assert ">Y</text>" not in frames[1] and ">Y</text>" in frames[2]
    assert len(markup.encode()) < 150_000


def test_the_longest_player_is_small_enough():
    rng = np.random.default_rng(0)
    weights = rng.dirichlet(np.full(26, 0.2), 16)
    markup = plots.attention_player(weights, "a" * 26, "b" * 16, **TEXTS)._repr_html_()
    assert len(markup.encode()) < 150_000


@pytest.mark.parametrize(
    ("weights", "source", "said", "message"),
    [
        (WEIGHTS, "ab", "xy", "weights of shape"),
        (WEIGHTS - 0.5, "abc", "xy", "at least 0 and at most 1"),
        (WEIGHTS * 2, "abc", "xy", "at least 0 and at most 1"),
        (np.full((2, 49), 0.02), "a" * 49, "xy", "symbols read and"),
        (WEIGHTS * np.nan, "abc", "xy", "nan"),
    ],
)
def test_what_is_no_attention_is_refused(weights, source, said, message):
    for draw in (plots.attention_map, plots.attention_player):
        with pytest.raises(ValueError, match=message):
            draw(weights, source, said, **TEXTS)


def test_a_player_has_room_for_so_many_steps():
    with pytest.raises(ValueError, match="and 16 said"):
        plots.attention_player(np.full((17, 2), 0.5), "ab", "c" * 17, **TEXTS)
