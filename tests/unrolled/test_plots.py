"""Figures: one look, the page's colors, honest errors, and the same bytes every time."""

import html
import itertools
import os
import re
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.text import Text

from unrolled import plots
from unrolled.bptt.numpy import NumpyRNN
from unrolled.plots import theme

TEXTS = dict(caption="What <one> sees.", alt='A "quoted" alt & more.')
STATES = np.tanh(np.array([[-2, 0.5, 1], [0.3, -1, 2], [1, 1, 0.2], [-0.7, 0.9, -1.4]]))
LOGITS = np.array([[1, 2.2, -3, 4.1], [2, 1, 0, -1], [0, 0.5, 3, 1], [0.1, 0.2, 0.3, 4]])
DHS = np.array([[0.1, -0.2, 0.3], [0, 0, 0], [-0.5, 0.2, 0.1], [0.3, 0.3, -0.4]])
WEIGHTS = np.array([[0.5, -1.2, 0.1], [0.9, 0.4, -0.3], [-0.6, 0.2, 1.1]])
LAGS = np.arange(1, 21)
STEPS, USES = np.mgrid[:24, :24]
FADING = np.where(USES > 0, 0.4 ** (STEPS - USES), 0)  # a state of zeros before the first step
FLOORS = {"unigram": 4.53, "bigram": 3.5, "6-gram": 2.28, "bz2": 2.31, "HMM": 3.45}
CUT = np.linspace(-2, 2, 41)
# Grounds: the white of all pages, the dark of this site, of Jupyter and of Colab.
LIGHT, DARK = "#ffffff", ["#14181e", "#111111", "#383838"]
# How severe red-green and blue blindness mix linear red, green and blue (Machado et al., 2009).
EYES = {
    "protan": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
    "deutan": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    "tritan": [[1.256, -0.077, -0.179], [-0.078, 0.931, 0.148], [0.005, 0.691, 0.304]],
}


def linear(color):
    values = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one, other):
    dim, bright = sorted(linear(color) @ [0.2126, 0.7152, 0.0722] for color in (one, other))
    return (bright + 0.05) / (dim + 0.05)


def lab(color, eye):
    rgb = np.clip(np.array(EYES[eye]) @ linear(color), 0, 1)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = np.cbrt(np.array(to_xyz) @ rgb / [0.9505, 1, 1.089])
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def every_figure():
    """One of each picture that chapters call for."""
    losses = np.exp(-np.arange(50) / 10)
    return {
        "logit_bars": plots.logit_bars(LOGITS, "helo", "hell", "ello", **TEXTS),
        "loss_curves": plots.loss_curves(
            {"NumPy": losses, "Keras": losses, "PyTorch": losses}, floor=0.3466, **TEXTS
        ),
        "state_space": plots.state_space(STATES, "hell", **TEXTS),
        "one pair": plots.state_space(STATES, "hell", axes=(0, 2), **TEXTS),
        "hidden_size_curve": plots.hidden_size_curve(
            [2, 4, 8], {"Keras": [3, 2, 1]}, floors={"low": 0.9}, xlabel="size", **TEXTS
        ),
        "contribution_map": plots.contribution_map(
            [FADING, 0.3 * FADING[:20, :20]], titles=["fresh", "trained"], **TEXTS
        ),
        "one map": plots.contribution_map(FADING[:9, :9], **TEXTS),
        "lag_curves": plots.lag_curves(
            LAGS,
            {f"radius {radius}": radius**LAGS for radius in (0.5, 0.9, 1.1, 1.2, 1.3)},
            ylabel="norm",
            bounds={"radius 0.5": 2 * 0.5**LAGS},
            bands={"radius 0.9": (0.8**LAGS, 0.95**LAGS)},
            **TEXTS,
        ),
        "learning_curves": plots.learning_curves(
            {"NumPy": (LAGS, 3 / LAGS + 2), "Keras": (LAGS / 2, 3 / LAGS + 2), "six": (LAGS, LAGS)},
            xlabel="seconds",
            floors=FLOORS,
            **TEXTS,
        ),
        "cut_and_steps": plots.cut_and_steps(
            CUT,
            CUT**2 + 1,
            {"plain": ([1, 3], [2, 10]), "clipped": ([1, 0.5], [2, 1.25])},
            xlabel="weight",
            **TEXTS,
        ),
        "shared_weight": plots.shared_weight(**TEXTS),
        "unrolled": plots.unrolled("hell", "ello", **TEXTS),
        "unrolled_player": plots.unrolled_player(STATES, "hell", "ello", **TEXTS),
        "gradient_player": plots.gradient_player(STATES, DHS, WEIGHTS, "hell", "ello", **TEXTS),
        "sequence_shapes": plots.sequence_shapes(**TEXTS),
    }


@pytest.fixture(scope="module")
def figures():
    return every_figure()


def test_graphics_have_contrast_in_both_themes():
    for name, (light, dark) in theme.PALETTE.items():
        for ground in (LIGHT, DARK[0]):  # also where the theme was guessed wrong
            assert contrast(light, ground) >= 3, (name, "light", ground)
            assert contrast(dark, ground) >= 3, (name, "dark", ground)
        assert all(contrast(dark, ground) >= 3 for ground in DARK), name


@pytest.mark.parametrize("mode", [0, 1])
@pytest.mark.parametrize("eye", EYES)
def test_colors_that_meet_differ_for_color_blind_eyes(eye, mode):
    for names in (("numpy", "keras", "pytorch"), ("target", "muted"), ("accent", "muted")):
        for one, other in itertools.combinations(names, 2):
            pair = [lab(theme.PALETTE[name][mode], eye) for name in (one, other)]
            assert np.linalg.norm(pair[0] - pair[1]) >= 10, (one, other)


def test_importing_changes_nothing():
    script = (
        "import sys, unrolled; assert 'matplotlib' not in sys.modules\n"
        "import matplotlib; before = dict(matplotlib.rcParams.copy())\n"
        "from unrolled import plots; plots.sequence_shapes(caption='c', alt='a')\n"
        "assert dict(matplotlib.rcParams.copy()) == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", script], check=True, env={**os.environ, **path})


def test_figure_is_one_labeled_svg_in_the_colors_of_the_page():
    with plots.style():
        fig, ax = plots.new()
        ax.plot([0, 1], [0, 1], color=plots.COLORS["keras"])
        ax.plot([0, 1], [1, 0], color="black")
        ax.text(0, 0, f"{plots.COLORS['keras']} 0.12345")
    picture = plots.figure(fig, **TEXTS)
    html = picture._repr_html_()
    assert html.count("<svg") == html.count("<figcaption>") == 1
    assert 'role="img" aria-label="A &quot;quoted&quot; alt &amp; more."' in html
    assert "<figcaption>What &lt;one&gt; sees.</figcaption>" in html
    svg = re.search("<svg.*</svg>", html, re.S)[0]
    assert "stroke:var(--u-keras)" in svg and "stroke:currentColor" in svg
    assert f"{plots.COLORS['keras']} 0.12345</text>" in svg  # what a text says stays
    drawn = re.sub(">[^<]*<", "><", svg)
    assert not re.search(r"#[0-9a-f]{6}|font-family|<style|\*\{|http|Date", drawn)
    assert repr(picture) == picture.alt == TEXTS["alt"]
    assert picture._repr_png_().startswith(b"\x89PNG")


def test_figure_closes_what_pyplot_keeps():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    fig = pyplot.figure()
    plots.figure(fig, **TEXTS)
    assert fig.number not in pyplot.get_fignums()


def test_style_ends_with_its_block():
    before = dict(mpl.rcParams)
    with plots.style():
        assert mpl.rcParams["svg.fonttype"] == "none"
        assert mpl.rcParams["text.color"] == plots.INK
    assert dict(mpl.rcParams) == before


def test_rebuilding_gives_the_same_bytes(figures):
    again = every_figure()
    for name, picture in figures.items():
        assert picture._repr_html_() == again[name]._repr_html_(), name
        assert picture._repr_png_() == again[name]._repr_png_(), name


def test_ids_of_different_figures_do_not_clash(figures):
    found = [re.findall(r' id="([^"]+)"', p._repr_html_()) for p in figures.values()]
    ids = list(itertools.chain(*found))
    assert ids and len(ids) == len(set(ids))
    for picture in figures.values():
        html = picture._repr_html_()
        used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', html))
        assert used <= set(re.findall(r' id="([^"]+)"', html))


def test_text_is_legible_on_a_phone(figures):
    for name, picture in figures.items():
        html = picture._repr_html_()
        assert max(map(int, re.findall(r'<svg width="(\d+)"', html))) <= 560, name
        assert min(map(float, re.findall(r"font(?:-size)?:[^;]*?([\d.]+)px", html))) >= 11, name


@pytest.mark.parametrize("empty", ["caption", "alt"])
def test_every_figure_needs_its_texts(empty):
    fig, _ = plots.new()
    with pytest.raises(ValueError, match=f"{empty} is a sentence.*got ' '"):
        plots.figure(fig, **{**TEXTS, empty: " "})


def test_figure_wants_a_figure_and_new_a_width_that_fits():
    with pytest.raises(TypeError, match="a matplotlib figure, got int"):
        plots.figure(3, **TEXTS)
    with pytest.raises(ValueError, match="at most 5.8 inches.*got 9"):
        plots.new(9)


def draw(ax, k):
    ax.plot([0, k], [0, 1])


def test_player_holds_its_frames_labels_and_one_still():
    html = plots.player(draw, labels=["One <b>.", "Two.", "Three."], still=1, **TEXTS)._repr_html_()
    assert html.count('class="frame') == 3
    assert re.findall('class="frame still on"', html) == ['class="frame still on"']
    assert html.index('class="frame"') < html.index('class="frame still on"')
    assert "<li>One &lt;b&gt;.</li><li>Two.</li><li>Three.</li>" in html
    assert 'role="img" aria-label="A &quot;quoted&quot; alt' in html
    assert "http" not in html


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(labels=[]), "0 frames, 0 labels"),
        (dict(frames=[plots.new()[0]], labels=["a", "b"]), "1 frames, 2 labels"),
        (dict(labels=["a", ""]), "label 1 is a sentence"),
        (dict(still=3), "one of 2 frames, got 3"),
        (dict(alt=""), "alt is a sentence"),
        (
            dict(frames=lambda ax, k: ax.plot(np.sin(np.arange(20000) ** 2))),
            "at most 150,000 bytes",
        ),
    ],
)
def test_player_says_what_it_expected(change, message):
    good = dict(frames=draw, labels=["a", "b"], **TEXTS)
    with pytest.raises(ValueError, match=message):
        plots.player(**{**good, **change})


def test_chapter_player_is_small(figures):
    html = figures["unrolled_player"]._repr_html_()
    assert len(html.encode()) <= 150_000
    assert html.count('class="frame') == 5 and "bets on o." in html


def test_logit_bars_mark_targets_and_bets(figures):
    fig = figures["logit_bars"]._fig
    assert [ax.get_title() for ax in fig.axes][::3] == ["input h\ntarget e", "input l\ntarget o"]
    for ax, row, target in zip(fig.axes, LOGITS, "ello", strict=True):
        striped = [bar for bar in ax.patches if bar.get_hatch()]
        assert [round(bar.get_x() + bar.get_width() / 2) for bar in striped] == [
            "helo".index(target)
        ]
        assert striped[0].get_height() == row["helo".index(target)]
        assert ax.lines[0].get_marker() == "v" and ax.lines[0].get_xdata()[0] == row.argmax()


def test_logit_bars_wrap_long_words():
    picture = plots.logit_bars(np.eye(7, 6), "namskr", "namaska", "amaskar", **TEXTS)
    assert [bool(ax.patches) for ax in picture._fig.axes] == [True] * 7 + [False]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(logits=np.zeros((4, 3))), r"shape \(4, 4\), got \(4, 3\)"),
        (dict(targets="el"), "a target for each of 4 inputs, got 2"),
        (dict(targets="elly"), "letter 'y' is not in the vocabulary 'helo'"),
        (dict(logits=np.full((4, 4), np.nan)), "finite"),
        (dict(logits=np.zeros((0, 4)), inputs="", targets=""), r"got \(0, 4\)"),
    ],
)
def test_logit_bars_say_what_they_expected(change, message):
    good = dict(logits=LOGITS, vocab="helo", inputs="hell", targets="ello", **TEXTS)
    with pytest.raises(ValueError, match=message):
        plots.logit_bars(**{**good, **change})


def test_coinciding_loss_curves_are_all_seen(figures):
    lines = figures["loss_curves"]._fig.axes[0].lines[:3]
    widths = [line.get_linewidth() for line in lines]
    assert widths == sorted(widths, reverse=True) and min(-np.diff(widths)) > 1
    assert len({line.get_color() for line in lines}) == 3
    assert "floor, 0.347" in figures["loss_curves"]._repr_html_()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: plots.loss_curves({}, **TEXTS), "1 to 5 curves.*got 0"),
        (
            lambda: plots.loss_curves(dict.fromkeys("abcdef", [1]), **TEXTS),
            "1 to 5 curves, more look alike, got 6",
        ),
        (lambda: plots.loss_curves({"Keras": []}, **TEXTS), r"losses of Keras of shape \(N\)"),
        (lambda: plots.state_space(STATES, "hel", **TEXTS), r"shape \(3, H\), got \(4, 3\)"),
        (lambda: plots.state_space(STATES[:, :2], "hell", **TEXTS), "than 2"),
        (lambda: plots.state_space(STATES, "hell", axes=(0, 3), **TEXTS), "than 3"),
        (lambda: plots.state_space(STATES, "hell", axes=(0,), **TEXTS), "a pair"),
        (
            lambda: plots.hidden_size_curve([1, 2], {"a": [1]}, xlabel="x", **TEXTS),
            r"shape \(2\), got \(1,\)",
        ),
        (
            lambda: plots.hidden_size_curve([0, 2], {"a": [1, 1]}, xlabel="x", **TEXTS),
            "positive sizes, got 0",
        ),
        (lambda: plots.shared_weight(steps=5, **TEXTS), "2 to 4 steps, got 5"),
        (lambda: plots.unrolled("hello", "ellos", **TEXTS), "1 to 4 inputs.*got 5"),
        (lambda: plots.unrolled("hell", "ell", **TEXTS), "4 outputs.*got 3"),
        (lambda: plots.unrolled_player(STATES, "hel", "ell", **TEXTS), r"shape \(3, H\)"),
        (
            lambda: plots.unrolled_player(np.zeros((4, 6)), "hell", "ello", **TEXTS),
            "at most 5 numbers in a state, got 6",
        ),
    ],
)
def test_charts_say_what_they_expected(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_letters_read_twice_stand_out(figures):
    for ax in figures["state_space"]._fig.axes:
        if ax.lines:
            assert [line.get_marker() for line in ax.lines] == ["o", "o", "D", "D"]
            assert ax.lines[3].get_color() == plots.COLORS["target"]
    html = figures["state_space"]._repr_html_()
    assert all(f">{label}</text>" in html for label in ("h (1)", "e (2)", "l (3)", "l (4)"))


def test_state_player_shows_every_number_at_the_end(figures):
    html = figures["unrolled_player"]._repr_html_()
    last = html.split('class="frame still on"')[1]
    numbers = re.findall(r">(−?\d\.\d\d)</text>", last)
    assert numbers == [f"{value:.2f}".replace("-", "−") for value in STATES.ravel()]


def test_contributions_are_as_strong_as_they_are_large():
    norms = np.array([[0, 9, 9], [1e-6, 1e-3, 9], [20, 1e-40, 0.3]])
    picture = plots.contribution_map(norms, **TEXTS)
    ax, scale = picture._fig.axes
    strength = {}
    for shape in ax.patches:
        for corners in shape.get_path().to_polygons():
            column, row = corners[:-1].mean(axis=0)
            strength[round(row), round(column)] = shape.get_alpha()
    assert set(strength) == {(2, 1), (2, 2), (3, 1), (3, 3)}  # none above the diagonal
    assert strength[2, 1] < strength[2, 2] < strength[3, 3] < strength[3, 1] == 1
    marks = {
        line.get_marker(): line.get_xydata().tolist()
        for line in ax.lines
        if line.get_marker() in ".x"
    }
    assert marks == {".": [[2, 3]], "x": [[1, 1]]}
    html = picture._repr_html_()
    assert "exactly 0</text>" in html and "above 0, below 10⁻³⁰</text>" in html
    assert [patch.get_alpha() for patch in scale.patches] == sorted(
        patch.get_alpha() for patch in scale.patches
    )


def test_maps_share_one_scale_and_stay_small(figures):
    fresh, trained, scale = figures["contribution_map"]._fig.axes
    assert [fresh.get_title(), trained.get_title()] == ["fresh", "trained"]
    assert len(figures["contribution_map"]._repr_html_()) <= 90_000
    labels = [label.get_text() for label in scale.get_xticklabels()]
    assert labels[-1] == "1" and labels[0].startswith("10⁻")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(norms=[FADING] * 3), "one map or two, got 3"),
        (dict(norms=[FADING], titles=["a", "b"]), "a title for each of 1 maps, got 2"),
        (dict(norms=FADING[:5, :4]), r"\(T, T\), T at most 32, got \(5, 4\)"),
        (dict(norms=np.eye(33)), r"T at most 32, got \(33, 33\)"),
        (dict(norms=-np.eye(3)), "a norm is 0 or more, got -1"),
        (dict(norms=np.triu(np.ones((3, 3)), 1)), "above 0, got zeros alone"),
        (dict(norms=[np.full((2, 2), np.inf)]), "finite"),
        (dict(norms=[1.0, 2.0]), r"norms of shape \(T, T\), got \(2,\)"),
    ],
)
def test_contribution_map_says_what_it_expected(change, message):
    with pytest.raises(ValueError, match=message):
        plots.contribution_map(**{**change, **TEXTS})


def seen_without_color(line):
    return line.get_marker(), line.get_linestyle(), line.get_linewidth(), line.get_fillstyle()


def test_curves_over_lag_are_told_apart_without_color(figures):
    (ax,) = figures["lag_curves"]._fig.axes
    looks = [seen_without_color(line) for line in ax.lines]
    assert len(ax.lines) == 6 == len(set(looks))
    curve, bound = ax.lines[:2]
    assert bound.get_color() == curve.get_color() and bound.get_marker() == curve.get_marker()
    assert bound.get_fillstyle() == "none" and (bound.get_ydata() > curve.get_ydata()).all()
    band = ax.collections[0].get_paths()[0].get_extents()
    assert band.y1 == 0.95 and band.y0 == pytest.approx(0.8**20)
    (legend,) = figures["lag_curves"]._fig.legends
    assert [text.get_text() for text in legend.texts][-1] == "its bound"
    assert ax.get_yscale() == "log" and ">10⁻⁴</text>" in figures["lag_curves"]._repr_html_()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(curves={"a": [1, 2]}), r"values of a of shape \(3\), got \(2,\)"),
        (dict(curves={}), "got 0"),
        (dict(bounds={"b": [1, 2, 3]}), "no curve 'b' for this bound, band or point"),
        (dict(bands={"a": [1, 2, 3]}), r"band of a of shape \(2, 3\)"),
        (dict(curves={"a": [1, 0.1, 0]}), "no place for 0 of a at lag 4.*log=False"),
        (dict(bounds={"a": [1, -2, 0]}), "no place for -2 of bound of a at lag 2"),
        (dict(lags=[]), r"lags of shape \(L\)"),
    ],
)
def test_lag_curves_say_what_they_expected(change, message):
    good = dict(lags=[1, 2, 4], curves={"a": [1, 0.5, 0.1]}, ylabel="y", **TEXTS)
    plots.lag_curves(**good)
    with pytest.raises(ValueError, match=message):
        plots.lag_curves(**{**good, **change})


def test_a_success_rate_of_zero_is_drawn_on_a_plain_axis():
    picture = plots.lag_curves([1, 2], {"tanh": [1, 0]}, ylabel="solved", log=False, **TEXTS)
    (ax,) = picture._fig.axes
    assert ax.get_yscale() == "linear" and ax.lines[0].get_ydata().tolist() == [1, 0]


def test_names_of_the_lines_to_beat_do_not_collide(figures):
    fig = figures["learning_curves"]._fig
    names = [text for text in fig.axes[0].texts if text.get_text().split()[0] in FLOORS]
    assert [name.get_text() for name in names] == [
        "6-gram 2.28", "bz2 2.31", "HMM 3.45", "bigram 3.50", "unigram 4.53"
    ]  # fmt: skip
    boxes = [Text.get_window_extent(name) for name in names]
    assert all(low.y1 <= high.y0 for low, high in itertools.pairwise(boxes))
    edge = fig.get_window_extent()
    assert all(edge.x0 <= box.x0 and box.x1 <= edge.x1 and box.y0 >= 0 for box in boxes)
    drawn = [line.get_ydata()[0] for line in fig.axes[0].lines[3:]]
    assert drawn == sorted(FLOORS.values())


@pytest.mark.parametrize(
    "places", [[], [0.5], [0.2, 0.21], [0.99, 1.0, 0.98], [0.0, 0.01, 0.02, 0.9], [0.3] * 4]
)
def test_places_are_moved_apart_and_no_further(places):
    moved = plots.curves._apart(places, 0.1)
    assert len(moved) == len(places)
    assert all(high - low >= 0.1 - 1e-12 for low, high in itertools.pairwise(moved))
    assert all(-1e-12 <= place <= 1 + 1e-12 for place in moved)
    if len(places) == 1:
        assert moved == places


@pytest.mark.parametrize(
    ("curves", "message"),
    [
        ({}, "got 0"),
        ({"a": ([1, 2],)}, r"expected \(x, y\) for a, got 1"),
        ({"a": ([1, 2], [3])}, r"y of a of shape \(2\), got \(1,\)"),
        ({"a": ([1, 2], [3, np.nan])}, "finite"),
    ],
)
def test_learning_curves_say_what_they_expected(curves, message):
    with pytest.raises(ValueError, match=message):
        plots.learning_curves(curves, xlabel="updates", **TEXTS)


def test_a_step_off_the_cut_says_where_it_lands(figures):
    (ax,) = figures["cut_and_steps"]._fig.axes
    assert [text.get_text() for text in ax.texts if text.get_text()] == ["step 1 lands at 3"]
    assert ax.lines[0].get_ydata().tolist() == (CUT**2 + 1).tolist()
    plain, start, clipped = ax.lines[1:4]
    assert plain.get_xydata().tolist() == start.get_xydata().tolist() == [[1, 2]]
    assert clipped.get_xydata().tolist() == [[1, 2], [0.5, 1.25]]
    assert plain.get_marker() != clipped.get_marker()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(x=[0, 2, 1]), "x to rise"),
        (dict(losses=[1, 2]), r"losses of shape \(3,?\), got \(2,\)"),
        (dict(paths={}), "got 0"),
        (dict(paths={"a": ([3, 1], [1, 1])}), "path a starts at 3, outside 0 to 2"),
        (dict(losses=[0, 1, 2], log=True), "no place for a loss of 0"),
    ],
)
def test_cut_says_what_it_expected(change, message):
    good = dict(x=[0, 1, 2], losses=[1, 2, 9], paths={"a": ([1, 0], [2, 1])}, xlabel="w", **TEXTS)
    assert plots.cut_and_steps(**good, log=True)._fig.axes[0].get_yscale() == "log"
    with pytest.raises(ValueError, match=message):
        plots.cut_and_steps(**{**good, **change})


def columns(html):
    """Numbers that one frame shows, and whether a dashed outline is still in it."""
    return re.findall(r">(−?\d\.\d\d)</text>", html), "stroke-dasharray" in html


def test_gradient_player_shows_what_backward_computes(figures):
    layer = NumpyRNN(2, 3, rng=np.random.default_rng(0), dtype=np.float64)
    layer.params["W_hh"][:] = WEIGHTS
    layer.x, layer.hs = np.zeros((4, 1, 2)), np.stack([np.zeros(3), *STATES])[:, None]
    layer.backward(DHS[None])
    total = np.linalg.norm(layer.grads["W_hh"])
    html = figures["gradient_player"]._repr_html_()
    assert f"done, at size {total:.2f}.</li>" in html
    first, *_, last = html.split('class="frame')[1:]
    assert f"their sum has size {total:.2f}</text>" in last and "size 0</text>" in first
    dz = layer.grads["b_h"]  # dz_t summed over t
    shown, pale = columns(last)
    assert len(shown) == 36 and not pale
    columns_of_three = np.array([text.replace("−", "-") for text in shown], float).reshape(12, 3)
    assert np.abs(columns_of_three[2::3].sum(axis=0) - dz).max() <= 4 * 0.005
    assert np.abs(columns_of_three[::3] - STATES).max() <= 0.005
    assert len(columns(first)[0]) == 12 and columns(first)[1]


def test_gradient_player_says_where_gradients_come_from(figures):
    labels = re.findall("<li>(.*?)</li>", figures["gradient_player"]._repr_html_())
    assert len(labels) == 9 and labels[0].startswith("Forward is done: h1 to h4 are known")
    assert labels[1] == (
        "Step 4: its own loss hands h4 a gradient of size 0.58, and there is no later step."
    )
    dz = DHS[3] * (1 - STATES[3] ** 2)
    came, dh = np.linalg.norm(WEIGHTS @ dz), np.linalg.norm(DHS[2] + WEIGHTS @ dz)
    assert f"dz4 has size {np.linalg.norm(dz):.2f}. With h3 it adds" in labels[2]
    assert f"size 0.55, and {came:.2f} comes back through W_hh from step 4;" in labels[3]
    assert labels[3].endswith(f"added, as vectors, dh3 has size {dh:.2f}.")
    assert labels[5].startswith("Step 2: h2 has no loss of its own, and")


@pytest.mark.parametrize(("T", "H"), [(4, 4), (1, 1), (2, 3)])
def test_gradient_player_fits_its_limits(T, H):
    states, dhs = np.full((T, H), -0.987), np.full((T, H), -0.06)
    picture = plots.gradient_player(states, dhs, np.eye(H) - 2, "wmwm"[:T], "mwmw"[:T], **TEXTS)
    assert picture._repr_html_().count('class="frame') == 1 + 2 * T


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(dhs=DHS[:3]), r"dhs of shape \(4, 3\), got \(3, 3\)"),
        (dict(W_hh=WEIGHTS[:2]), r"W_hh of shape \(3, 3\), got \(2, 3\)"),
        (dict(states=STATES * 9), "lies in -1 to 1, got 8.6"),
        (dict(states=np.zeros((4, 5))), "at most 4 numbers in a state, got 5"),
        (dict(inputs="hello", targets="ellos"), "1 to 4 inputs.*got 5"),
        (dict(targets="ell"), "4 outputs.*got 3"),
    ],
)
def test_gradient_player_says_what_it_expected(change, message):
    good = dict(states=STATES, dhs=DHS, W_hh=WEIGHTS, inputs="hell", targets="ello", **TEXTS)
    with pytest.raises(ValueError, match=message):
        plots.gradient_player(**{**good, **change})


def read(passage):
    """What is seen of a colored text: (character, class, tooltip, underlined) for each span."""
    text = passage._repr_html_().split('<p class="text">')[1].split("</p>")[0]
    found = re.findall(
        r'<span(?: class=(?:"([^"]*)"|(\w+)))? title=([^>]*)>(.*?)</span>', text, re.S
    )
    assert "".join(f"{a or b}{c}{d}" for a, b, c, d in found)  # nothing stands outside the spans
    assert re.sub(r"<span.*?</span>", "", text, flags=re.S) == ""
    return [
        (html.unescape(re.sub("<.*?>", "", shown)), two or one, title, re.findall("<u.*?>", shown))
        for two, one, title, shown in found
    ]


def test_colored_text_is_as_strong_as_its_values():
    text = "a<&\n\tb x\0"
    values = [0, 1, 2, 3, 4, 6, 8, 9, 0.4]
    passage = plots.colored_text(text, values, high=8, unit="bits", caption="Why <so>?")
    spans = read(passage)
    assert "".join(span[0] for span in spans) == text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    levels = [re.sub("[a-oq-z ]", "", span[1]) for span in spans]
    assert levels == ["", "p1", "p2", "p3", "p4", "p6", "p8", "p8", ""]
    assert [span[2] for span in spans][-2:] == ["9.0", "0.4"] and spans[1][2] == "1.0"
    assert [span[0] for span in spans if span[3]] == ["x"]  # the strongest tenth
    assert [span[1] for span in spans if span[0] in "\n\t "] == ["p3 r", "p4 t", "p8 s"]
    page = passage._repr_html_()
    assert "8 bits or more" in page and "or less" not in page
    assert "<figcaption>Why &lt;so&gt;?</figcaption>" in page
    assert "<li><code>a&lt;&amp;↵→b <b>x</b></code> 9.0</li>" in page
    assert repr(passage) == "a<&\n\tb [x]\0"


def test_values_below_zero_have_a_color_and_an_underline_of_their_own():
    values = np.array([-1.0, -0.5, -0.01, 0, 0.26, 1] + [0.1] * 14)
    passage = plots.colored_text("abcdef" + "g" * 14, values, low=-1, high=1, caption="c")
    spans = read(passage)
    assert [span[1] for span in spans][:7] == ["n8", "n4", "", "", "p2", "p8", "p1"]
    assert [span[3] for span in spans][:6] == [["<u class=n>"], [], [], [], [], ["<u>"]]
    assert spans[1][2] == "-0.50" and "−1<span" in passage._repr_html_()
    assert "dotted" in passage._repr_html_() and repr(passage).startswith("[a]bcde[f]g")


def test_nothing_stands_out_where_all_is_equal():
    for value in (0, 3):
        passage = plots.colored_text("hello", [value] * 5, caption="c")
        assert repr(passage) == "hello" and "<details>" not in passage._repr_html_()


def test_a_long_colored_text_stays_small():
    values = -np.random.default_rng(0).random(1500)
    passage = plots.colored_text("<& \n" * 375, values, low=-1, high=1, caption="c")
    assert len(passage._repr_html_().encode()) <= 100_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(values=[1, 2]), r"values of shape \(3\), got \(2,\)"),
        (dict(values=[1, 2, np.nan]), "finite"),
        (dict(text="", values=[]), r"got \(0,\)"),
        (dict(low=2, high=1), "rises to above 0, got 2 to 1"),
        (dict(low=-2, high=0), "got -2 to 0"),
        (dict(caption=""), "caption is a sentence"),
    ],
)
def test_colored_text_says_what_it_expected(change, message):
    good = dict(text="abc", values=[1, 2, 3], caption="c")
    with pytest.raises(ValueError, match=message):
        plots.colored_text(**{**good, **change})


@pytest.mark.parametrize("color", ["accent", "muted"])
def test_text_on_the_strongest_ground_is_legible(color):
    # Canvas and CanvasText of Chromium, Firefox and Safari, light and dark.
    grounds = [("#ffffff", "#000000", 0), ("#121212", "#ffffff", 1)]
    grounds += [("#1c1b22", "#fbfbfe", 1), ("#1e1e1e", "#ffffff", 1)]
    for canvas, ink, mode in grounds:
        one, two = (
            np.array([int(c[i : i + 2], 16) for i in (1, 3, 5)])
            for c in (theme.PALETTE[color][mode], canvas)
        )
        mixed = plots.text.STRONGEST * one + (1 - plots.text.STRONGEST) * two
        ground = "#" + "".join(f"{round(c):02x}" for c in mixed)
        assert contrast(ink, ground) >= 4.5, (color, canvas)


BETS = np.array([[0.6, 0.3, 0.096, 0.004], [0.05, 0.05, 0, 0.9], [0.2, 0.5, 0.3, 0]])


def test_top_predictions_mark_what_came():
    passage = plots.top_predictions("a< ", BETS, "a<\n ", k=2, caption="c")
    table = passage._repr_html_().split("<tbody")[1].split("</tbody>")[0]
    rows = [re.findall("<t[hd].*?</t[hd]>", row) for row in table.split("<tr")[1:]]
    texts = [[re.sub("<.*?>", " ", cell).split() for cell in row] for row in rows]
    assert texts == [
        [["a", "60%"], ["a", "60%"], ["&lt;", "30%"]],
        [["&lt;", "5%"], ["␣", "90%"], ["a", "5%"]],
        [["␣", "0%"], ["&lt;", "50%"], ["↵", "30%"]],
    ]
    hits = [["hit" in cell for cell in row] for row in rows]
    assert hits == [[False, True, False], [False] * 3, [False] * 3]
    assert 'class="p5 hit"' in rows[0][1] and 'class="p7"' in rows[1][1]
    assert all(row[0].startswith('<th role="rowheader" scope="row">') for row in rows)
    heads = re.findall(r'scope="col">(\w+)</th>', passage._repr_html_())
    assert heads == ["came", "1st", "2nd"]
    assert "␣ space, ↵ new line" in passage._repr_html_()
    assert repr(passage).splitlines()[1] == "'<' 5%:  ' ' 90%  'a' 5%"
    tiny = plots.top_predictions("a", BETS[:1], "a<\n ", k=4, caption="c")
    assert "&lt;1%</small>" in tiny._repr_html_() and repr(tiny).endswith("<1%")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(text=""), "1 to 40 characters.*got 0"),
        (dict(text="a" * 41), "1 to 40 characters.*got 41"),
        (dict(probabilities=BETS[:2]), r"shape \(3, 4\), got \(2, 4\)"),
        (dict(probabilities=BETS * [[1], [2], [1]]), "sum to 1, got 2"),
        (dict(probabilities=BETS * 0 + [[2, -1, 0, 0]]), "sum to 1"),
        (dict(k=5), "1 to 4 bets at each position, got 5"),
        (dict(text="abz"), "'z' is not in the vocabulary"),
        (dict(caption=" "), "caption is a sentence"),
    ],
)
def test_top_predictions_say_what_they_expected(change, message):
    good = dict(text="abc", probabilities=BETS, vocab="abcd", k=2, caption="c")
    plots.top_predictions(**good)
    with pytest.raises(ValueError, match=message):
        plots.top_predictions(**{**good, **change})
