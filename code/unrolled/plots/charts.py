"""Charts of what a model bets, where its state goes and where its gradient comes from."""

import numpy as np
from matplotlib import lines, patches
from matplotlib.path import Path

from unrolled.plots.show import figure
from unrolled.plots.theme import COLORS, INK, new, style

# Outline and stripes, for those who see no color.
TARGET = dict(fill=False, hatch="////", edgecolor=COLORS["target"], linewidth=1.5)


def numbers(name, values, shape):
    """Values as numbers of the shape, where a letter stands for any size, or a ValueError."""
    values = np.asarray(values, dtype=float)
    fits = values.ndim == len(shape) and all(
        size > 0 and want in (size, str(want))
        for size, want in zip(values.shape, shape, strict=True)
    )
    if not fits:
        expected = ", ".join(map(str, shape))
        raise ValueError(f"expected {name} of shape ({expected}), got {values.shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"expected {name} of finite numbers, got nan or infinity")
    return values


def shade(ax, boxes, values, levels, strongest):
    """Fill boxes, stronger for larger values, violet above zero; a level is one shape.

    Args: boxes (n, 4), left, bottom, width, height; values (n,), -1 to 1; levels, how many on
    each side of zero; strongest, the opacity at -1 and 1.
    """
    found = np.round(levels * values).astype(int)
    x, y, width, height = np.moveaxis(boxes, -1, 0)
    right, top = x + width, y + height
    corners = np.stack([[x, right, right, x, x], [y, y, top, top, y]]).T  # (n, 5, 2)
    for level in np.unique(found[found != 0]):
        shape = Path.make_compound_path_from_polys(corners[found == level])
        color = COLORS["accent" if level > 0 else "muted"]
        look = dict(fc=color, ec="none", alpha=strongest * abs(level) / levels)
        ax.add_patch(patches.PathPatch(shape, **look))


def logit_bars(logits, vocab, inputs, targets, *, caption, alt, ylabel="logit"):
    """Draw what the model bets on at each step: one small panel a step, one bar a letter.

    The target is hatched and in its own color, the highest bar carries a triangle, the bet.
    Args: logits (T, V), or probabilities; vocab, V letters; inputs, targets, T letters each.
    Raises: ValueError if the shapes do not fit or a letter is not in the vocabulary.
    """
    vocab, inputs, targets = list(vocab), list(inputs), list(targets)
    if len(inputs) != len(targets):
        raise ValueError(f"expected a target for each of {len(inputs)} inputs, got {len(targets)}")
    logits = numbers("logits", logits, (len(inputs), len(vocab)))
    for letter in inputs + targets:
        if letter not in vocab:
            raise ValueError(f"letter {letter!r} is not in the vocabulary {''.join(vocab)!r}")
    low, high = min(0, logits.min()), max(0, logits.max())
    room = 0.2 * (high - low or 1)
    columns = min(4, len(inputs))
    rows = -(-len(inputs) // columns)
    with style():
        fig, panels = new(5.6, 0.7 + 2.4 * rows, columns, rows, sharey=True, squeeze=False)
        for k, ax in enumerate(panels.flat):
            if k >= len(inputs):
                ax.axis("off")
                continue
            ax.bar(vocab, logits[k], width=0.72, color=COLORS["muted"])
            _hatch(ax.patches[vocab.index(targets[k])])
            bet = int(logits[k].argmax())
            ax.plot(bet, max(0, logits[k, bet]) + 0.45 * room, "v", color=INK, markersize=7)
            ax.axhline(0, color=INK, linewidth=0.8)
            ax.set(
                title=f"input {inputs[k]}\ntarget {targets[k]}",
                ylim=(low - 0.3 * room, high + room),
            )
            ax.spines["bottom"].set_visible(False)
            ax.tick_params(axis="x", length=0)
            if k % columns:
                ax.spines["left"].set_visible(False)
                ax.tick_params(axis="y", length=0)
        for ax in panels[:, 0]:
            ax.set_ylabel(ylabel)
        key = {
            "target": patches.Patch(**TARGET),
            "other letters": patches.Patch(color=COLORS["muted"]),
        }
        key["highest: the bet"] = lines.Line2D([], [], color=INK, marker="v", linestyle="")
        fig.legend(key.values(), key.keys(), loc="outside lower center", ncols=3)
    return figure(fig, caption=caption, alt=alt)


def _hatch(bar):
    """Give the bar the looks of the target."""
    line = patches.Rectangle(bar.get_xy(), bar.get_width(), bar.get_height(), **TARGET)
    bar.set(color=COLORS["target"], alpha=0.35, linewidth=0)
    bar.axes.add_patch(line)


def state_space(states, labels, *, caption, alt, axes=None):
    """Draw the path of the state, a point after each letter; letters read twice stand out.

    Args: states (T, H); labels, the T letters read; axes, a pair of indices into the state, or
    None for the three pairs of its first three numbers.
    Raises: ValueError if the shapes do not fit, or H < 3 and no axes are given.
    """
    labels = list(labels)
    states = numbers("states", states, (len(labels), "H"))
    pairs = [(0, 1), (0, 2), (1, 2)] if axes is None else [tuple(axes)]
    if len(pairs[0]) != 2 or min(pairs[0]) < 0:
        raise ValueError(f"expected axes to be a pair of indices, got {axes}")
    if max(map(max, pairs)) >= states.shape[1]:
        raise ValueError(f"axes {pairs} need a state of more numbers than {states.shape[1]}")
    reach = 1.4 * max(1, np.abs(states).max())
    with style():
        if axes is None:  # a corner of a table: same number, same row or column
            fig, panels = new(5.2, 5.0, 2, 2)
            panels[0, 1].axis("off")
            panels = [panels[0, 0], panels[1, 0], panels[1, 1]]
        else:
            fig, panel = new(4.6, 4.2)
            panels = [panel]
        for ax, (i, j) in zip(panels, pairs, strict=True):
            _path(ax, states[:, [i, j]], labels)
            ax.set(xlabel=f"number {i + 1}", ylabel=f"number {j + 1}", aspect="equal")
            ax.set(xlim=(-reach, reach), ylim=(-reach, reach), xticks=(-1, 0, 1), yticks=(-1, 0, 1))
    return figure(fig, caption=caption, alt=alt)


def _path(ax, points, labels):
    arrow = dict(arrowstyle="-|>", color=COLORS["muted"], linewidth=1.3, shrinkA=5, shrinkB=5)
    for start, end in zip(points[:-1], points[1:], strict=True):
        ax.annotate("", xy=end, xytext=start, arrowprops=arrow)
    around = 0.3 * np.array([(0, 1), (0, -1), (1.2, 0), (-1.2, 0), (1, 0.8), (-1, 0.8), (1, -0.8)])
    taken = [*points, *(points[:-1] + points[1:]) / 2]  # the points, and the middles of the arrows
    for t, (point, label) in enumerate(zip(points, labels, strict=True), start=1):
        twice = labels.count(label) > 1
        look = dict(color=COLORS["target"], marker="D") if twice else dict(color=INK, marker="o")
        ax.plot(*point, markersize=8 if twice else 6, **look)
        # The label goes where most room is left; a text is wider than it is high.
        place = max(
            point + around, key=lambda x: np.linalg.norm((taken - x) * (0.6, 1), axis=1).min()
        )
        taken.append(place)
        weight = "bold" if twice else "normal"
        ax.annotate(f"{label} ({t})", place, ha="center", va="center", weight=weight)


def contribution_map(norms, *, titles=None, caption, alt):
    """Draw how much each use of a weight adds to the gradient of each step's loss.

    Row t is the step of the loss, column k <= t the step where the weight was used. The
    stronger a square, the larger the number, on one logarithmic scale for all maps.
    Args: norms (T, T), or a list of at most 2 such, T at most 32; titles, one for each map.
    Raises: ValueError if the shapes do not fit, a number is negative, or none is above 0.
    """
    maps = _triangles(norms)
    titles = [""] * len(maps) if titles is None else list(titles)
    if len(titles) != len(maps):
        raise ValueError(f"expected a title for each of {len(maps)} maps, got {len(titles)}")
    found = np.concatenate([values[np.tril_indices(len(values))] for values in maps])
    edges = _edges(found)
    strengths = np.linspace(1, 0.12, len(edges) - 1)[::-1]
    with style():
        size = (5.8, 4.2) if len(maps) == 2 else (4.0, 4.6)
        rows = dict(height_ratios=(14, 1))
        fig, panels = new(*size, len(maps), 2, squeeze=False, gridspec_kw=rows)
        for ax, values, title in zip(panels[0], maps, titles, strict=True):
            _squares(ax, values, edges, strengths)
            ax.set(title=title, xlabel="k, step of the use")
        panels[0, 0].set_ylabel("t, step of the loss")
        fig.get_layout_engine().set(hspace=0.1)
        grid = panels[1, 0].get_gridspec()
        for ax in panels[1]:
            ax.remove()
        _scale(fig.add_subplot(grid[1, :]), edges, strengths)
        keys = {}
        dot = dict(linestyle="", color=INK)
        if 0 < found[found > 0].min() < 10.0 ** edges[0]:
            keys[f"above 0, below {power(edges[0])}"] = lines.Line2D([], [], marker=".", **dot)
        if (found == 0).any():
            keys["exactly 0"] = lines.Line2D([], [], marker="x", **dot)
        if keys:
            fig.legend(keys.values(), keys.keys(), loc="outside lower center", ncols=2)
    return figure(fig, caption=caption, alt=alt)


def _triangles(norms):
    """The maps as a list of arrays (T, T), checked where k <= t; what lies above is ignored."""
    maps = list(norms) if len(norms) and np.ndim(norms[0]) == 2 else [norms]
    if not 1 <= len(maps) <= 2:
        raise ValueError(f"expected one map or two, got {len(maps)}")
    maps = [np.tril(values) if np.ndim(values) == 2 else values for values in maps]
    maps = [numbers("norms", values, "TT") for values in maps]
    for values in maps:
        if values.shape[0] != values.shape[1] or len(values) > 32:
            raise ValueError(f"expected norms (T, T), T at most 32, got {values.shape}")
        if values.min() < 0:
            raise ValueError(f"a norm is 0 or more, got {values.min():g}")
    if not max(values.max() for values in maps) > 0:
        raise ValueError("expected a norm above 0, got zeros alone")
    return maps


def _edges(found):
    """Where one strength ends and the next begins, as powers of ten: at most 16 strengths."""
    positive = np.log10(found[found > 0])
    for width in (0.25, 0.5, 1, 2):
        low, high = np.floor(positive.min() / width), np.ceil(positive.max() / width)
        if high - low <= 16:
            break
    return width * np.arange(np.clip(low, high - 16, high - 1), high + 1)


def _squares(ax, values, edges, strengths):
    """Draw the lower triangle: all squares of one strength are one shape, which keeps SVG small."""
    t, k = np.tril_indices(len(values))
    with np.errstate(divide="ignore"):
        powers = np.log10(values[t, k])
    levels = np.clip(np.digitize(powers, edges) - 1, -1, len(strengths) - 1)
    around = 0.46 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)])
    for level, strength in enumerate(strengths):
        centers = np.stack([k, t], axis=-1)[levels == level] + 1  # (n, 2)
        if len(centers):
            shape = Path.make_compound_path_from_polys(centers[:, None] + around)
            ax.add_patch(patches.PathPatch(shape, fc=COLORS["accent"], ec="none", alpha=strength))
    small, zero = (levels < 0) & (values[t, k] > 0), values[t, k] == 0
    for mark, which in ((".", small), ("x", zero)):
        if which.any():
            ax.plot(k[which] + 1, t[which] + 1, mark, color=INK, markersize=3)
    T = len(values)
    stairs = np.repeat(np.arange(T + 1) + 0.5, 2)
    ax.plot([0.5, *stairs[1:], 0.5], [0.5, *stairs[:-1], T + 0.5], color=COLORS["muted"], lw=0.8)
    ticks = range(1, T + 1) if T <= 8 else [1, *range(5, T + 1, 5)]
    ax.set(xlim=(0.4, T + 0.6), ylim=(T + 0.6, 0.4), aspect="equal", xticks=ticks, yticks=ticks)


def _scale(ax, edges, strengths):
    """Draw the key to the strengths, with the power of ten at every edge where there is room."""
    for k, strength in enumerate(strengths):
        square = dict(xy=(k, 0), width=1, height=1)
        ax.add_patch(patches.Rectangle(**square, fc=COLORS["accent"], ec="none", alpha=strength))
    ax.set(xlim=(0, len(strengths)), ylim=(0, 1), yticks=[], xlabel="norm of the contribution")
    whole = np.flatnonzero(edges % 1 == 0)
    ticks = whole[:: -max(1, round(len(whole) / 6))][::-1]
    ax.set_xticks(ticks, [power(edges[k]) for k in ticks])
    ax.spines[:].set_visible(False)


def power(exponent):
    """Write a power of ten: from 0.001 to 1000 in full, else as 10 with raised digits."""
    if -3 <= exponent <= 3:
        return f"{10**exponent:g}"
    return "10" + f"{exponent:.0f}".translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
