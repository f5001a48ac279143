"""Figures of gated cells: what they are given is what they show."""

import re

import numpy as np
import pytest

from unrolled import plots
from unrolled.lstm.numpy import NumpyLSTM

TEXTS = dict(caption="What one sees.", alt="What is drawn.")


def one_step(D, H, seed=0):
    """Arguments of gates_player: inputs, states and weights, all random."""
    rng = np.random.default_rng(seed)
    shapes = dict(x=(1, D), h_prev=(1, H), c_prev=(1, H))
    shapes |= dict(W_xh=(D, 4 * H), W_hh=(H, 4 * H), b_h=(4 * H,))
    return {name: rng.normal(0, 0.7, shape) for name, shape in shapes.items()}


def every_figure():
    """One of each picture that the chapters on gated cells call for."""
    return {
        "lstm_cell": plots.lstm_cell(**TEXTS),
        "gates_player": plots.gates_player(**one_step(3, 2), **TEXTS),
    }


@pytest.fixture(scope="module")
def figures():
    return every_figure()


def test_rebuilding_gives_the_same_bytes(figures):
    for name, picture in every_figure().items():
        assert picture._repr_html_() == figures[name]._repr_html_(), name


def test_text_is_legible_on_a_phone(figures):
    for name, picture in figures.items():
        html = picture._repr_html_()
        assert max(map(int, re.findall(r'<svg width="(\d+)"', html))) <= 560, name
        assert min(map(float, re.findall(r"font(?:-size)?:[^;]*?([\d.]+)px", html))) >= 11, name


def texts(picture):
    return re.findall(r">([^<>]+)</text>", picture._repr_html_())


def test_lstm_cell_names_gates_states_and_the_three_acts(figures):
    shown = texts(figures["lstm_cell"])
    assert sorted(shown) == sorted(
        ["cut", "write", "read", "×", "×", "×", "+", "tanh", "tanh", "σ", "σ", "σ"]
        + [*"figo", "c", "t−1", "c", "t", "h", "t−1", "h", "t", "x", "t"]
    )


def frames(picture):
    """The numbers that each frame of a player shows, as they are read."""
    parts = picture._repr_html_().split('class="frame')[1:]
    return [re.findall(r">(−?\d+\.\d\d)</text>", part) for part in parts]


def as_shown(values):
    return [f"{round(value, 2) + 0.0:.2f}".replace("-", "−") for value in np.ravel(values)]


@pytest.mark.parametrize(("D", "H"), [(3, 2), (1, 1), (2, 3), (3, 4)])
def test_gates_player_shows_what_the_layer_computes(D, H):
    given = one_step(D, H)
    layer = NumpyLSTM(D, H, rng=np.random.default_rng(1), dtype=np.float64)
    layer.params = {name: given[name] for name in ("W_xh", "W_hh", "b_h")}
    h, c = layer.step(given["x"], (given["h_prev"], given["c_prev"]))
    picture = plots.gates_player(**given, **TEXTS)
    *_, gates, cut, write, read = frames(picture)
    assert read[-H:] == as_shown(h) and write[-H:] == as_shown(c)
    layer.forward(given["x"][None], (given["h_prev"], given["c_prev"]))
    i, f, g, o = layer.gates.reshape(4, H)
    shown = [value for part in (f, given["c_prev"], i, g, c, o, np.tanh(c), h) for value in part]
    assert read[-8 * H :] == as_shown(np.concatenate([np.ravel(part) for part in shown]))
    z = given["x"] @ given["W_xh"] + given["h_prev"] @ given["W_hh"] + given["b_h"]
    pairs = zip(np.split(z[0], 4), (i, f, g, o), strict=True)
    assert gates[-8 * H :] == as_shown([part for pair in pairs for part in pair])
    assert cut[-2 * H :] == as_shown([f, given["c_prev"][0]])


def test_gates_player_follows_a_changed_weight():
    given = one_step(3, 2)
    before = frames(plots.gates_player(**given, **TEXTS))
    given["W_hh"][1, 5] += 1  # of g, second unit
    after = frames(plots.gates_player(**given, **TEXTS))
    changed = [
        k for k, pair in enumerate(zip(before[5], after[5], strict=True)) if len({*pair}) > 1
    ]
    names = [before[5][k] for k in changed]
    assert len(changed) == 7  # the weight, z, g in two places, c, tanh c, h
    assert before[5][-1] == names[-1] and before[0] != after[0]


def test_gates_player_says_the_first_product_in_numbers():
    given = dict(x=[[1]], h_prev=[[-0.5]], c_prev=[[2]], W_xh=[[0.3, 0, 1, 0]])
    given |= dict(W_hh=[[0.4, 0, 0, 0]], b_h=[-0.1, 1, 0, 0])
    picture = plots.gates_player(**given, **TEXTS)
    labels = re.findall("<li>(.*?)</li>", picture._repr_html_())
    assert len(labels) == 6
    assert labels[1].endswith("Its first column: 1.00 · 0.30 + (−0.50) · 0.40 − 0.10 = 0.00.")
    assert labels[3].endswith("Of 2.00, its first number, the share 0.73 is kept: 1.46.")


def test_gates_player_stays_small_where_it_is_largest():
    for D, H in ((3, 2), (3, 4)):
        given = {name: -np.abs(values) - 0.01 for name, values in one_step(D, H).items()}
        assert len(plots.gates_player(**given, **TEXTS)._repr_html_().encode()) <= 145_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(x=np.zeros(3)), r"x of shape \(1, D\), got \(3,\)"),
        (dict(x=np.zeros((1, 4))), "at most 3 inputs and 4 numbers in a state, got 4 and 2"),
        (dict(h_prev=np.zeros((1, 5))), "got 3 and 5"),
        (dict(c_prev=np.zeros((1, 3))), r"c_prev of shape \(1, 2\), got \(1, 3\)"),
        (dict(W_xh=np.zeros((3, 6))), r"W_xh of shape \(3, 8\), got \(3, 6\)"),
        (dict(W_hh=np.zeros((8, 2))), r"W_hh of shape \(2, 8\), got \(8, 2\)"),
        (dict(b_h=np.zeros((1, 8))), r"b_h of shape \(8\), got \(1, 8\)"),
        (dict(b_h=np.full(8, np.nan)), "finite"),
    ],
)
def test_gates_player_says_what_it_expected(change, message):
    with pytest.raises(ValueError, match=message):
        plots.gates_player(**{**one_step(3, 2), **change}, **TEXTS)
