"""Figures of gated cells: what they are given is what they show."""

import re

import numpy as np
import pytest
from matplotlib import patches
from matplotlib.colors import to_hex

from unrolled import plots
from unrolled.lstm.numpy import NumpyLSTM

TEXTS = dict(caption="What one sees.", alt="What is drawn.")

LAGS, SUCCESS = np.array([5, 10, 100]), np.array([[1, 1, 0], [1, 0.5, 0.25]])
SECONDS = np.arange(1, 21)
ADDING = [
    ("RNN", [0.17, 0.18, 0.163]),
    ("MGU", [0.02, 0.024, 0.16]),
    ("GRU", [0.002, 0.002, 0.002]),
    ("LSTM", [0.001, 0.0005, 0.009]),
]


def one_step(D, H, seed=0):
    """Arguments of gates_player: inputs, states and weights, all random."""
    rng = np.random.default_rng(seed)
    shapes = dict(x=(1, D), h_prev=(1, H), c_prev=(1, H))
    shapes |= dict(W_xh=(D, 4 * H), W_hh=(H, 4 * H), b_h=(4 * H,))
    return {name: rng.normal(0, 0.7, shape) for name, shape in shapes.items()}


def every_figure():
    """One of each picture that the chapters on gated cells call for."""
    seeds = SECONDS * [[0.9], [1.1]], np.stack([4 / SECONDS, 6 / SECONDS])
    values = np.random.default_rng(0).normal(0, 1, (30, 16))
    return {
        "lstm_cell": plots.lstm_cell(**TEXTS),
        "gates_player": plots.gates_player(**one_step(3, 2), **TEXTS),
        "family": plots.family(**TEXTS),
        "gate_traces": plots.gate_traces("abcde\n" * 5, dict.fromkeys("ifgoch", values), **TEXTS),
        "compare_runs": plots.compare_runs(
            {
                "Adding": (ADDING, 1 / 6, "error"),
                "Reber": ([("LSTM", [1, 1])], None, "share right"),
            },
            x_label=None,
            better={"Adding": "lower", "Reber": "higher"},
            log={"Adding": True, "Reber": False},
            **TEXTS,
        ),
        "time_curves": plots.time_curves(
            {"LSTM": seeds, "RNN": (SECONDS, 7 / SECONDS)},
            x_label="core seconds",
            y_label="bits per character",
            baselines={"6-gram": 2.28},
            **TEXTS,
        ),
        "lag_curves": plots.lag_curves(
            LAGS,
            {"RNN": SUCCESS.mean(axis=0), "LSTM": [1, 1, 1]},
            points={"RNN": SUCCESS},
            ylabel="share right",
            log=False,
            log_x=True,
            **TEXTS,
        ),
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
    pairs = enumerate(zip(before[5], after[5], strict=True))
    changed = [k for k, (old, new) in pairs if old != new]
    assert len(changed) == 7  # the weight, z, g in two places, c, tanh c, h
    assert changed[-1] == len(before[5]) - 1 and before[0] != after[0]


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


def test_family_counts_blocks_of_weights(figures):
    shown = texts(figures["family"])
    counts = ["4 blocks", "3 blocks", "2 blocks", "1 block"]
    assert [text for text in shown if "block" in text] == counts
    squares = [p for p in figures["family"]._fig.axes[0].patches if type(p) is patches.Rectangle]
    assert len(squares) == 4 + 3 + 2 + 1
    boxes = [p for p in figures["family"]._fig.axes[0].patches if type(p) is patches.FancyBboxPatch]
    dashed = [box for box in boxes if box.get_linestyle() != "-"]
    assert len(boxes) - len(dashed) == len(squares) and len(dashed) == 3  # 1-z, 1-f, f again


def painted(ax):
    """The signed strength of every painted box: {(left, bottom, right, top): strength}."""
    found = {}
    for patch in ax.patches:
        if isinstance(patch, patches.PathPatch):
            sign = 1 if to_hex(patch.get_facecolor()) == plots.COLORS["accent"] else -1
            for corners in patch.get_path().to_polygons():
                edges = *corners.min(axis=0), *corners.max(axis=0)
                found[tuple(np.round(edges, 6))] = sign * patch.get_alpha()
    return found


def at_token(ax, row, token, T, outlines):
    """Strength that is painted in row ``row`` of all rows at a token, 0 where there is none."""
    (left, bottom), width, height = outlines
    x, y = left + (token + 0.5) * width / T, bottom + height - row
    hits = [v for (x0, y0, x1, y1), v in painted(ax).items() if x0 < x < x1 and y0 < y < y1]
    assert len(hits) <= 1
    return hits[0] if hits else 0


def test_gate_traces_paint_every_value():
    rng = np.random.default_rng(0)
    gates = {"forget f": rng.random((7, 3)), "cell c": rng.normal(0, 2, (7, 5))}
    ax = plots.gate_traces("a b\ncde", gates, **TEXTS)._fig.axes[0]
    outlines = [p for p in ax.patches if type(p) is patches.Rectangle]
    assert len(outlines) == 3  # two maps and the key
    for values, map_ in zip(gates.values(), outlines, strict=False):
        T, H = values.shape
        place = map_.get_xy(), map_.get_width(), map_.get_height()
        limit = max(1, np.abs(values).max())
        for t, unit in np.ndindex(T, H):
            seen = at_token(ax, (unit + 0.5) * map_.get_height() / H, t, T, place)
            assert abs(seen - values[t, unit] / limit) <= 0.05 + 1e-9
    said = [text.get_text() for text in ax.texts]
    assert "␣" in said and "↵" in said and "−1" in said
    assert f"full color at ±{np.abs(gates['cell c']).max():.1f}" in said


def test_gate_traces_without_values_below_zero_have_a_scale_from_zero(figures):
    gates = {"forget f": np.linspace(0, 1, 12).reshape(4, 3)}
    said = texts(plots.gate_traces(["begin", "a", "b", "end"], gates, **TEXTS))
    assert "−1" not in said and said[-2:] == ["0", "1"] and not any("full" in s for s in said)
    assert len(figures["gate_traces"]._repr_html_().encode()) <= 150_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(tokens=""), "1 to 30 tokens.*got 0"),
        (dict(tokens="a" * 31), "1 to 30 tokens.*got 31"),
        (dict(gates={}), "1 to 6 gates, got 0"),
        (dict(gates={"f": np.zeros((2, 3))}), r"f of shape \(3, H\), got \(2, 3\)"),
        (dict(gates={"f": np.zeros((3, 17))}), "at most 16 units.*got 17"),
        (dict(gates={"f": np.full((3, 1), np.inf)}), "finite"),
    ],
)
def test_gate_traces_say_what_they_expected(change, message):
    good = dict(tokens="abc", gates={"f": np.zeros((3, 2))}, **TEXTS)
    plots.gate_traces(**good)
    with pytest.raises(ValueError, match=message):
        plots.gate_traces(**{**good, **change})


def test_runs_are_compared_seed_by_seed(figures):
    first, second = figures["compare_runs"]._fig.axes
    assert first.get_title(loc="left") == "Adding" and first.get_xscale() == "log"
    dots = [line for line in first.lines if line.get_linestyle() == "None"]
    assert [line.get_xdata().tolist() for line in dots] == [values for _, values in ADDING]
    assert all(len(set(line.get_ydata())) == len(line.get_ydata()) for line in dots)
    assert len({(line.get_color(), line.get_marker()) for line in dots}) == 4
    bars = [line.get_xdata()[0] for line in first.lines if line.get_linewidth() == 2.4]
    assert bars == [np.mean(values) for _, values in ADDING]
    names = [label.get_text() for label in first.get_yticklabels()]
    assert names == ["RNN", "MGU", "GRU", "LSTM", "baseline"]
    said = [text.get_text() for text in first.texts]
    assert said == ["0.171", "0.068", "0.002", "0.0035", "0.167", "mean"]
    assert first.get_xlabel() == "error  (← lower is better)"
    assert second.get_xlabel() == "share right  (higher is better →)"
    assert second.get_xscale() == "linear" and len(second.get_yticks()) == 1
    assert first.get_ylim()[0] > first.get_ylim()[1]  # the first row is on top


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(rows=[]), "1 to 5 curves.*got 0"),
        (dict(rows={}), "1 to 4 panels.*got 0"),
        (dict(rows=[("LSTM", [])]), r"values of LSTM of shape \(S\), got \(0,\)"),
        (dict(rows=[("LSTM", 3)]), r"values of LSTM of shape \(S\), got \(\)"),
        (dict(rows=[("a", [1]), ("a", [2])]), "labels that differ, got \\['a', 'a'\\]"),
        (dict(better="more"), '"lower" or "higher", got \'more\''),
        (dict(log=True, rows=[("a", [1, 0])]), "no place for 0 of a"),
        (dict(log=True, baseline=-1), "no place for -1 of the baseline"),
    ],
)
def test_compare_runs_says_what_it_expected(change, message):
    good = dict(rows=[("a", [1, 2])], x_label="x", better="lower", **TEXTS)
    plots.compare_runs(**good)
    with pytest.raises(ValueError, match=message):
        plots.compare_runs(**{**good, **change})


def test_time_curves_draw_every_seed_and_their_mean(figures):
    (ax,) = figures["time_curves"]._fig.axes
    x, y = SECONDS * [[0.9], [1.1]], np.stack([4 / SECONDS, 6 / SECONDS])
    first, second, mean = ax.lines[:3]
    assert np.array_equal([first.get_ydata(), second.get_ydata()], y)
    assert np.array_equal([first.get_xdata(), second.get_xdata()], x)
    assert np.allclose(mean.get_ydata(), 5 / SECONDS) and np.allclose(mean.get_xdata(), SECONDS)
    assert first.get_alpha() < 1 and first.get_color() == mean.get_color()
    assert {text.get_text() for text in ax.texts} == {"LSTM", "RNN", "6-gram 2.28"}
    assert not figures["time_curves"]._fig.legends


def test_time_curves_that_end_early_are_named_below():
    curves = {"LSTM": (SECONDS, 1 / SECONDS), "RNN": (SECONDS / 2, 1 / SECONDS)}
    fig = plots.time_curves(curves, x_label="s", y_label="y", **TEXTS)._fig
    (legend,) = fig.legends
    assert [text.get_text() for text in legend.texts] == ["LSTM", "RNN"] and not fig.axes[0].texts
    assert len(fig.axes[0].lines) == 2  # one seed has no pale line


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "1 to 5 curves.*got 0"),
        ({"a": ([1, 2], [3])}, r"x of a of shape \(1, 1\), got \(2,\)"),
        ({"a": ([[1, 2]], np.ones((3, 2)))}, r"x of a of shape \(3, 2\), got \(1, 2\)"),
        ({"a": ([1, 2], [1, np.nan])}, "y of a of finite"),
        ({"a": ([1, 2],)}, r"expected \(x, y\) for a, got 1"),
    ],
)
def test_time_curves_say_what_they_expected(curves, message):
    with pytest.raises(ValueError, match=message):
        plots.time_curves(curves, x_label="x", y_label="y", **TEXTS)


def test_models_look_the_same_in_every_figure(figures):
    (lag,), (time,) = figures["lag_curves"]._fig.axes, figures["time_curves"]._fig.axes
    first = figures["compare_runs"]._fig.axes[0]
    lstm = {line.get_color() for line in lag.lines if line.get_label() == "LSTM"}
    lstm |= {line.get_color() for line in time.lines if line.get_label() == "LSTM"}
    dots = [line for line in first.lines if line.get_linestyle() == "None"]
    assert lstm == {dots[-1].get_color()} == {plots.COLORS["accent"]}
    looks = plots.curves.places(["tied", "RNN", "GRU", "x", "LSTM"])
    assert sorted(looks.values()) == list(range(5)) and looks["RNN"] == 2


def test_success_of_each_seed_is_a_point_at_its_lag(figures):
    (ax,) = figures["lag_curves"]._fig.axes
    assert ax.get_xscale() == "log" and ax.get_yscale() == "linear"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["5", "10", "100"]
    points = [line.get_xydata() for line in ax.lines if line.get_linestyle() == "None"]
    assert np.array_equal(points, [np.stack([LAGS, seed], axis=-1) for seed in SUCCESS])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(points={"b": [[1, 1, 1]]}), "no curve 'b' for this bound, band or point"),
        (dict(points={"a": [1, 1, 1]}), r"points of a of shape \(S, 3\), got \(3,\)"),
        (dict(points={"a": [[1, 0, 1]]}, log=True), "no place for 0 of points of a at lag 10"),
        (dict(lags=[0, 1, 2]), "no place for a lag of 0"),
    ],
)
def test_lag_curves_with_points_say_what_they_expected(change, message):
    good = dict(lags=LAGS, curves={"a": [1, 1, 1]}, ylabel="y", log=False, log_x=True, **TEXTS)
    with pytest.raises(ValueError, match=message):
        plots.lag_curves(**{**good, **change})
