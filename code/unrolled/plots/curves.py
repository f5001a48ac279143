"""Curves over updates, seconds, sizes and lags, and a cut through the loss with steps on it."""

import numpy as np
from matplotlib import lines

from unrolled.plots.charts import numbers, power
from unrolled.plots.show import figure
from unrolled.plots.theme import COLORS, INK, new, style

# Wide under narrow: curves that lie on each other are all seen.
LINES = {
    "numpy": dict(linewidth=7, linestyle="-", alpha=0.7),
    "keras": dict(linewidth=3.6, linestyle=(0, (4, 1.6))),
    "pytorch": dict(linewidth=1.6, linestyle="-"),
}
MARKERS = {"numpy": "s", "keras": "o", "pytorch": "^"}
# Curves that are no framework's: line and marker tell them apart where color does not.
OTHER_LINES = [
    dict(color=COLORS["accent"], linestyle="-"),
    dict(color=COLORS["target"], linestyle=(0, (1, 1))),
    dict(color=COLORS["muted"], linestyle="-"),
    dict(color=INK, linestyle="-."),
    dict(color=COLORS["accent"], linestyle=(0, (6, 2))),
]
OTHER_MARKERS = "oDsv^"
# Models that are compared again and again look the same wherever they are: places in these lists.
MODELS = {"LSTM": 0, "GRU": 1, "RNN": 2, "plain RNN": 2, "MGU": 3}
DASHES = dict(color=INK, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1)


def _check_count(curves):
    if not 1 <= len(curves) <= len(OTHER_LINES):
        most = len(OTHER_LINES)
        raise ValueError(f"expected 1 to {most} curves, more look alike, got {len(curves)}")


def _curves(name, curves, shape):
    _check_count(curves)
    return {label: numbers(f"{name} of {label}", y, shape) for label, y in curves.items()}


def _pairs(curves):
    """Curves that each bring their own x: {label: (x, y)}, two arrays of one length."""
    _check_count(curves)
    checked = {}
    for label, pair in curves.items():
        if len(pair) != 2:
            raise ValueError(f"expected (x, y) for {label}, got {len(pair)} arrays")
        x = numbers(f"x of {label}", pair[0], "N")
        checked[label] = x, numbers(f"y of {label}", pair[1], (len(x),))
    return checked


def places(labels):
    """Where each label takes its look: models their own place, the others what is left, in order.

    Returns: {label: k}. Raises: ValueError if there are none, or more than look different.
    """
    labels = list(labels)
    _check_count(labels)
    own = {label: MODELS[label] for label in labels if label in MODELS}
    left = (k for k in range(len(OTHER_LINES)) if k not in own.values())
    return {label: own[label] if label in own else next(left) for label in labels}


def _line(label, k):
    """Color and line of the curve at position k: a framework's own, or the k-th of the others."""
    key = label.lower()
    return {"color": COLORS[key], **LINES[key]} if key in LINES else OTHER_LINES[k]


def _marker(label, k, count=1, most=9):
    """Marker of the curve at position k, on at most ``most`` of its ``count`` points."""
    shape = MARKERS.get(label.lower(), OTHER_MARKERS[k])
    every = -(-count // most)
    # Starting at different points, markers of curves that lie on each other are all seen.
    return dict(marker=shape, markersize=7, markevery=(k * every // 5, every))


def _legend(fig, keys):
    """Name the curves below the axes, in as many columns as fit."""
    width = 66 + 6.7 * max(map(len, keys))  # points that one key and its name take, about
    columns = max(1, min(len(keys), int(72 * fig.get_figwidth() // width)))
    where = dict(loc="outside lower center", ncols=columns, handlelength=3.2)
    fig.set_figheight(fig.get_figheight() + 0.24 * -(-len(keys) // columns))
    fig.legend(keys.values(), keys.keys(), **where)


def logarithmic(axis):
    """Make an axis logarithmic, its numbers written without formulas, whose raised digits are tiny.

    Args: axis, ``ax.xaxis`` or ``ax.yaxis``.
    """
    axis.axes.set(**{f"{axis.axis_name}scale": "log"})
    axis.set_major_formatter(lambda value, _: power(round(np.log10(value))))
    low, high = np.log10(axis.get_view_interval())
    if high - low < 1.5:  # too few powers of ten to read a value from
        axis.set_minor_formatter(lambda value, _: f"{value:g}" if f"{value:e}"[0] in "25" else "")
    else:
        axis.set_minor_formatter("")


def loss_curves(curves, *, floor=None, floor_label=None, unit="letter", caption, alt):
    """Draw losses over update steps, so that curves that lie on each other are all seen.

    Args: curves, {label: losses (N,)}, a framework's name as label gets its color; floor, a
    loss to mark with a dashed line, and floor_label, its name; unit, what a loss is the mean over.
    Raises: ValueError if there is no curve, or one that is empty or not finite.
    """
    curves = _curves("losses", curves, "N")
    with style():
        fig, ax = new()
        for k, (label, losses) in enumerate(curves.items()):
            ax.plot(np.arange(1, len(losses) + 1), losses, label=label, **_line(label, k))
        ax.set(xlabel="update step", ylabel=f"loss, nats per {unit}", ylim=(0, None))
        ax.margins(x=0.02)
        _floors(ax, {} if floor is None else {floor_label or "floor": floor})
        ax.legend(handlelength=3.2, loc="upper right")
    return figure(fig, caption=caption, alt=alt)


def _floors(ax, floors, curves=()):
    """Draw dashed lines, each named at its right end, or at its left if the curves end there."""
    for label, value in floors.items():
        ax.axhline(value, **DASHES)
        near = [max(abs(curve[end] - value) for curve in curves) for end in (0, -1) if curves]
        x, side = (0.01, "left") if near and near[0] > near[1] else (1, "right")
        where = dict(xy=(x, value), xycoords=("axes fraction", "data"))
        offset = dict(xytext=(0, 6), textcoords="offset points", ha=side, va="bottom")
        ax.annotate(f"{label}, {value:.3f}", **where, **offset)


def hidden_size_curve(sizes, losses, *, floors=None, xlabel, caption, alt):
    """Draw the loss against the size of the hidden state.

    Args: sizes (S,), positive; losses, {label: (S,)}; floors, {label: value}, losses to mark with a
    dashed line; xlabel, what the sizes count.
    Raises: ValueError if there is no curve, or one that does not have a loss for each size.
    """
    sizes = numbers("sizes", sizes, "S")
    if sizes.min() <= 0:
        raise ValueError(f"expected positive sizes, got {sizes.min():g}")
    losses = _curves("losses", losses, (len(sizes),))
    with style():
        fig, ax = new()
        for k, (label, values) in enumerate(losses.items()):
            marker = MARKERS.get(label.lower(), "D")
            ax.plot(sizes, values, label=label, marker=marker, markersize=8, **_line(label, k))
        ax.set_xscale("log", base=2)
        ax.set_xticks(sizes, [f"{size:g}" for size in sizes])
        ax.set(xlabel=xlabel, ylabel="loss, nats per letter")
        _floors(ax, floors or {}, list(losses.values()))
        ax.margins(y=0.12)
        ax.legend(handlelength=3.2)
    return figure(fig, caption=caption, alt=alt)


def learning_curves(
    curves, *, xlabel, ylabel="bits per character", floors=None, ylim=None, caption, alt
):
    """Draw curves that each have their own x, among dashed lines of what is to be beaten.

    Args: curves, {label: (x (N,), y (N,))}, at most 5; floors, {label: value}, named at the
    right edge with their values; ylim, (low, high), by default all that there is.
    Raises: ValueError if there is no curve, too many, or one whose x and y do not fit.
    """
    curves, floors = _pairs(curves), dict(floors or {})
    levels = numbers("floors", list(floors.values()), "N") if floors else np.empty(0)
    values = np.concatenate([levels, *(y for _, y in curves.values())])
    room = 0.05 * (np.ptp(values) or 1)
    low, high = ylim or (values.min() - room, values.max() + room)
    with style():
        fig, ax = new(5.6, 3.2)
        for label, k in places(curves).items():
            marker = {} if label.lower() in LINES else _marker(label, k, len(curves[label][0]))
            ax.plot(*curves[label], label=label, **_line(label, k), **marker)
        ax.set(xlabel=xlabel, ylabel=ylabel, ylim=(low, high))
        ax.margins(x=0.02)
        for value in sorted(floors.values()):
            ax.axhline(value, **DASHES)
        _name_at_edge(ax, {f"{name} {value:.2f}": value for name, value in floors.items()})
        _legend(fig, {line.get_label(): line for line in ax.lines[: len(curves)]})
    return figure(fig, caption=caption, alt=alt)


def time_curves(curves, *, x_label, y_label, caption, alt, baselines=None, ylim=None):
    """Draw the mean over seeds of each model's curve, its seeds pale, on an x of its own.

    Curves that all reach about the right edge are named there, else below.
    Args: curves, {label: (x, y)}, at most 5, each (N,) or, for S seeds, (S, N); baselines,
    {label: value}, dashed; ylim, (low, high), by default all that there is.
    Raises: ValueError if there is no curve, too many, or one whose x and y do not fit.
    """
    baselines, seeds = (
        dict(baselines or {}),
        {label: _seeds(label, pair) for label, pair in curves.items()},
    )
    looks = places(curves)
    with style():
        fig, ax = new(5.6, 3.4)
        ends, drawn = {}, {}
        for label, (x, y) in seeds.items():
            line = _line(label, looks[label])
            for one in zip(x, y, strict=True) if len(y) > 1 else ():
                ax.plot(*one, color=line["color"], linewidth=1, alpha=0.4)
            x, y = x.mean(axis=0), y.mean(axis=0)
            marker = _marker(label, looks[label], len(x))
            (drawn[label],) = ax.plot(x, y, label=label, **line, **marker)
            ends[label] = x[-1], y[-1]
        ax.margins(x=0.02)
        for value in baselines.values():
            ax.axhline(value, **DASHES)
        ax.set(xlabel=x_label, ylabel=y_label, ylim=ylim)
        ax.xaxis.get_major_locator().set_params(integer=True)  # where the range has enough of them
        edge = {f"{label} {value:.2f}": value for label, value in baselines.items()}
        left, right = ax.get_xlim()
        if min(x for x, _ in ends.values()) > right - 0.15 * (right - left):
            _name_at_edge(ax, {**edge, **{label: y for label, (_, y) in ends.items()}}, drawn)
        else:
            _name_at_edge(ax, edge)
            _legend(fig, drawn)
    return figure(fig, caption=caption, alt=alt)


def _seeds(label, pair):
    """The curves of all seeds. Args: pair, x and y, (N,) or (S, N). Returns: x, y, both (S, N)."""
    if len(pair) != 2:
        raise ValueError(f"expected (x, y) for {label}, got {len(pair)} arrays")
    x, y = np.asarray(pair[0], dtype=float), np.atleast_2d(pair[1])
    y = numbers(f"y of {label}", y, "SN")
    x = np.broadcast_to(x, y.shape) if x.shape == y.shape[1:] else x
    return numbers(f"x of {label}", x, y.shape), y


def _name_at_edge(ax, levels, drawn=()):
    """Write names beside the right edge, next to their levels but apart, as far as they are seen.

    Args: levels, {name: y}; drawn, {name: its line}, which gives the color of the way there.
    """
    low, high = ax.get_ylim()
    names = sorted((name for name in levels if low <= levels[name] <= high), key=levels.get)
    wanted = [(levels[name] - low) / (high - low) for name in names]
    for name, place in zip(names, _apart(wanted, 0.095), strict=True):
        color, end = INK, dict(xy=(1, levels[name]), xycoords=("axes fraction", "data"))
        if name in drawn:
            color, end = drawn[name].get_color(), dict(xy=drawn[name].get_xydata()[-1])
        text = dict(xytext=(1.06, place), textcoords="axes fraction", va="center")
        leader = dict(
            arrowstyle="-", color=color, linewidth=0.8, shrinkA=2, shrinkB=0, relpos=(0, 0.5)
        )
        ax.annotate(name, **end, **text, arrowprops=leader)


def _apart(places, gap):
    """Move places in [0, 1] no further than needed for a gap between neighbors; sorted."""

    def center(total, count):  # evenly spaced, a group sits where its members want on average
        reach = gap * (count - 1) / 2
        return np.clip(total / count, reach, 1 - reach)

    groups = []  # each the sum of the places that its members want, and how many they are
    for place in sorted(places):
        groups.append((place, 1))
        while len(groups) > 1:
            (low, n), (high, m) = groups[-2:]
            if center(high, m) - center(low, n) >= gap * (n + m) / 2:
                break
            groups[-2:] = [(low + high, n + m)]
    return [
        center(*group) + gap * (k - (group[1] - 1) / 2) for group in groups for k in range(group[1])
    ]


def lag_curves(
    lags,
    curves,
    *,
    ylabel,
    xlabel="lag, steps",
    bounds=None,
    bands=None,
    points=None,
    log=True,
    log_x=False,
    caption,
    alt,
):
    """Draw what is left at each lag: a gradient's size, an angle, a rate of success.

    Args: lags (L,); curves, {label: (L,)}, at most 5; bounds, {label: (L,)}, a thin dotted line
    with hollow markers beside the curve of that label; bands, {label: (lowest (L,), highest
    (L,))}, shaded around it; points, {label: (S, L)}, pale dots, one a seed; log, log_x, which
    axes are logarithmic. Raises: ValueError if the shapes or labels do not fit, or a
    logarithmic axis meets a value of 0 or below.
    """
    lags = numbers("lags", lags, "L")
    bounds, bands, points = dict(bounds or {}), dict(bands or {}), dict(points or {})
    for label in [*bounds, *bands, *points]:
        if label not in curves:
            raise ValueError(f"there is no curve {label!r} for this bound, band or point")
    curves = _curves("values", curves, (len(lags),))
    bounds = {label: numbers(f"bound of {label}", y, lags.shape) for label, y in bounds.items()}
    bands = {label: numbers(f"band of {label}", y, (2, len(lags))) for label, y in bands.items()}
    points = {
        label: numbers(f"points of {label}", y, ("S", len(lags))) for label, y in points.items()
    }
    drawn = {**curves, **{f"bound of {label}": y for label, y in bounds.items()}}
    drawn |= {f"band of {label}": y[0] for label, y in bands.items()}
    drawn |= {f"points of {label}": y.min(axis=0) for label, y in points.items()}
    if log_x and lags.min() <= 0:
        raise ValueError(f"a logarithmic axis has no place for a lag of {lags.min():g}")
    for label, values in drawn.items() if log else ():
        if values.min() <= 0:
            at = f"{values.min():g} of {label} at lag {lags[values.argmin()]:g}"
            raise ValueError(f"a logarithmic axis has no place for {at}: leave it out or log=False")
    with style():
        fig, ax = new(5.6, 3.2)
        for label, k in places(curves).items():
            line, marker = _line(label, k), _marker(label, k, len(lags))
            ax.plot(lags, curves[label], label=label, **line, **marker)
            if label in bounds:
                look = dict(color=line["color"], linewidth=1.2, linestyle=(0, (1, 2)))
                ax.plot(lags, bounds[label], **look, **marker, fillstyle="none")
            if label in bands:
                ax.fill_between(lags, *bands[label], color=line["color"], alpha=0.18, lw=0)
            for seed in points.get(label, ()):
                dot = dict(marker=marker["marker"], markersize=4.5, linestyle="", alpha=0.4)
                ax.plot(lags, seed, color=line["color"], **dot)
        ax.set(xlabel=xlabel, ylabel=ylabel)
        if log:
            logarithmic(ax.yaxis)
        if log_x:
            ax.set_xscale("log")
            every = -(-len(lags) // 9)
            ax.set_xticks(lags[::every], [f"{lag:g}" for lag in lags[::every]])
            ax.minorticks_off()
        keys = {line.get_label(): line for line in ax.lines if line.get_label() in curves}
        if bounds:
            hollow = dict(linewidth=1.2, linestyle=(0, (1, 2)), marker="o", fillstyle="none")
            keys["its bound"] = lines.Line2D([], [], color=INK, markersize=7, **hollow)
        _legend(fig, keys)
    return figure(fig, caption=caption, alt=alt)


def cut_and_steps(x, losses, paths, *, xlabel, ylabel="loss", log=False, caption, alt):
    """Draw the loss along one line through the weights, and the steps that training takes on it.

    Steps are arrows from point to point, the first point ringed. A point beyond the cut is
    named at the edge where it left.
    Args: x (N,), rising; losses (N,); paths, {label: (x (P,), losses (P,))}, at most 5; log,
    whether the loss is on a logarithmic axis.
    Raises: ValueError if the shapes do not fit, x does not rise, or a path starts off the cut.
    """
    x = numbers("x", x, "N")
    losses = numbers("losses", losses, x.shape)
    if (np.diff(x) <= 0).any():
        raise ValueError("expected x to rise from point to point")
    paths = _pairs(paths)
    if log and min(losses.min(), *(y.min() for _, y in paths.values())) <= 0:
        raise ValueError("a logarithmic axis has no place for a loss of 0 or below")
    for label, (at, _) in paths.items():
        if not x[0] <= at[0] <= x[-1]:
            raise ValueError(f"path {label} starts at {at[0]:g}, outside {x[0]:g} to {x[-1]:g}")
    with style():
        fig, ax = new(5.6, 3.2)
        ax.plot(x, losses, color=COLORS["muted"], linewidth=2.6)
        ax.set(xlabel=xlabel, ylabel=ylabel, xlim=(x[0], x[-1]))
        if log:
            logarithmic(ax.yaxis)
        bottom, top = ax.get_ylim()
        keys = {}
        for k, (label, path) in enumerate(paths.items()):
            look = dict(color=_line(label, k)["color"], marker=_marker(label, k)["marker"])
            _steps(ax, *path, look, k)
            keys[label] = lines.Line2D([], [], linestyle="-", markersize=7, **look)
        ax.set_ylim(bottom, top)
        _legend(fig, keys)
    return figure(fig, caption=caption, alt=alt)


def _steps(ax, at, losses, look, k):
    """Draw one path: a marker at each point, an arrow along each step, a name where it leaves."""
    low, high = ax.get_xlim()
    inside = (at >= low) & (at <= high)
    arrow = dict(arrowstyle="-|>", color=look["color"], linewidth=1.5, shrinkA=4, shrinkB=4)
    bend = dict(connectionstyle=f"arc3,rad={-0.25 if k % 2 else 0.25}")
    ax.plot(at[inside], losses[inside], linestyle="", markersize=6, **look)
    ax.plot(at[0], losses[0], "o", fillstyle="none", color=INK, markersize=14)
    for step in range(1, len(at)):
        if not inside[step - 1]:
            continue
        start, end = (at[step - 1], losses[step - 1]), (at[step], losses[step])
        if inside[step]:
            ax.annotate("", xy=end, xytext=start, arrowprops={**arrow, **bend})
            continue
        left = at[step] < low
        edge = dict(xy=(0.01 if left else 0.99, start[1]), xycoords=("axes fraction", "data"))
        ax.annotate("", **edge, xytext=start, textcoords="data", arrowprops=arrow)
        name = f"step {step} lands at {at[step]:.3g}".replace("-", "−")
        offset = dict(xytext=(0, 6), textcoords="offset points", ha="left" if left else "right")
        ax.annotate(name, **edge, **offset, va="bottom")
