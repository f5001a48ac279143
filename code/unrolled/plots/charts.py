"""Charts of what a model bets, how its loss falls and where its state goes."""

import numpy as np
from matplotlib import lines, patches

from unrolled.plots.show import figure
from unrolled.plots.theme import COLORS, INK, new, style

# Wide under narrow: curves that lie on each other are all seen.
LINES = {
    "numpy": dict(linewidth=7, linestyle="-", alpha=0.7),
    "keras": dict(linewidth=3.6, linestyle=(0, (4, 1.6))),
    "pytorch": dict(linewidth=1.6, linestyle="-"),
}
OTHER_LINES = [
    dict(color=COLORS["accent"], linestyle="-."),
    dict(color=COLORS["target"], linestyle=(0, (1, 1))),
    dict(color=COLORS["muted"], linestyle="-"),
]
# Outline and stripes, for those who see no color.
TARGET = dict(fill=False, hatch="////", edgecolor=COLORS["target"], linewidth=1.5)
MARKERS = {"numpy": "s", "keras": "o", "pytorch": "^"}


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


def _curves(name, curves):
    if not curves:
        raise ValueError(f"expected {name} for at least one label, got none")
    return {label: numbers(f"{name} of {label}", values, "N") for label, values in curves.items()}


def _line(label, k):
    key = label.lower()
    return {"color": COLORS[key], **LINES[key]} if key in LINES else OTHER_LINES[k % 3]


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


def loss_curves(curves, *, floor=None, floor_label=None, caption, alt):
    """Draw losses over update steps, so that curves that lie on each other are all seen.

    Args: curves, {label: losses (N,)}, a framework's name as label gets its color; floor, a
    loss to mark with a dashed line, and floor_label, its name.
    Raises: ValueError if there is no curve, or one that is empty or not finite.
    """
    curves = _curves("losses", curves)
    with style():
        fig, ax = new()
        for k, (label, losses) in enumerate(curves.items()):
            ax.plot(np.arange(1, len(losses) + 1), losses, label=label, **_line(label, k))
        ax.set(xlabel="update step", ylabel="loss, nats per letter", ylim=(0, None))
        ax.margins(x=0.02)
        _floors(ax, {} if floor is None else {floor_label or "floor": floor})
        ax.legend(handlelength=3.2, loc="upper right")
    return figure(fig, caption=caption, alt=alt)


def _floors(ax, floors, curves=()):
    """Draw dashed lines, each named at its right end, or at its left if the curves end there."""
    for label, value in floors.items():
        ax.axhline(value, color=INK, linewidth=1.2, linestyle=(0, (5, 3)), zorder=1)
        near = [max(abs(curve[end] - value) for curve in curves) for end in (0, -1) if curves]
        x, side = (0.01, "left") if near and near[0] > near[1] else (1, "right")
        where = dict(xy=(x, value), xycoords=("axes fraction", "data"))
        offset = dict(xytext=(0, 6), textcoords="offset points", ha=side, va="bottom")
        ax.annotate(f"{label}, {value:.3f}", **where, **offset)


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


def hidden_size_curve(sizes, losses, *, floors=None, xlabel, caption, alt):
    """Draw the loss against the size of the hidden state.

    Args: sizes (S,), positive; losses, {label: (S,)}; floors, {label: value}, losses to mark with a
    dashed line; xlabel, what the sizes count.
    Raises: ValueError if there is no curve, or one that does not have a loss for each size.
    """
    sizes = numbers("sizes", sizes, "S")
    if sizes.min() <= 0:
        raise ValueError(f"expected positive sizes, got {sizes.min():g}")
    losses = {
        label: numbers(f"losses of {label}", values, (len(sizes),))
        for label, values in _curves("losses", losses).items()
    }
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
