"""The gradient on its way back through an unrolled network, step by step."""

import numpy as np
from matplotlib import patches
from matplotlib.path import Path

from unrolled.plots.charts import numbers
from unrolled.plots.diagrams import LOOKS, box, canvas, letter, pairs
from unrolled.plots.show import player
from unrolled.plots.theme import COLORS, INK, style

PITCH, START, WIDTH, SIDE = 1.32, 0.46, 0.6, 0.26  # inches, as everything here


def gradient_player(states, dhs, W_hh, inputs, targets, *, caption, alt):
    """Step back through a word: gradients arrive at a state, pass its tanh, fill dW_hh, go on left.

    Every number is computed here from what is passed in, by the recursion that it shows, from
    a state of zeros before the first step.
    Args: states (T, H), after each letter, H at most 4; dhs (T, H), the gradient in each state
    where its own loss reads it; W_hh (H, H); inputs, targets, 1 to 4 letters each.
    Raises: ValueError if the shapes do not fit or are too large to be legible.
    """
    inputs, targets = pairs(inputs, targets, 4)
    T = len(inputs)
    states = numbers("states", states, (T, "H"))
    H = states.shape[1]
    if H > 4:
        raise ValueError(f"expected at most 4 numbers in a state, got {H}")
    dhs, W_hh = numbers("dhs", dhs, (T, H)), numbers("W_hh", W_hh, (H, H))
    if np.abs(states).max() > 1:
        raise ValueError(f"a state of tanh lies in -1 to 1, got {np.abs(states).max():g}")
    dh, dz, shares = _sweep(states, dhs, W_hh)
    labels = [
        f"Forward is done: {_names('h', T)} known, and each step has a loss. Now back, "
        "from the last step to the first."
    ]
    for t in reversed(range(T)):
        labels += _sentences(t, dhs, dh, dz, shares)
    with style():
        values = states, dhs, dh, dz, shares
        frames = [_frame(*values, inputs, targets, done) for done in range(len(labels))]
    return player(frames, labels=labels, caption=caption, alt=alt)


def _sweep(states, dhs, W_hh):
    """The recursion. Returns: dh, dz, both (T, H); dW_hh of each step, (T, H, H)."""
    dh, dz, next_step = np.empty_like(dhs), np.empty_like(dhs), 0
    for t in reversed(range(len(states))):
        dh[t] = dhs[t] + next_step
        dz[t] = dh[t] * (1 - states[t] ** 2)
        next_step = W_hh @ dz[t]
    before = np.vstack([np.zeros_like(states[:1]), states[:-1]])
    return dh, dz, before[:, :, None] * dz[:, None, :]


def _size(values):
    size = np.linalg.norm(values)
    return f"{size:.2f}" if size >= 0.095 else f"{size:.1g}"


def _names(symbol, T):
    return f"{symbol}1 is" if T == 1 else f"{symbol}1 to {symbol}{T} are"


def _sentences(t, dhs, dh, dz, shares):
    """Say what happens at step t + 1, first to dh, then to dz."""
    T, step = len(dhs), t + 1
    own = f"its own loss hands h{step} a gradient of size {_size(dhs[t])}"
    if not dhs[t].any():
        own = f"h{step} has no loss of its own"
    came = f"{_size(dh[t] - dhs[t])} comes back through W_hh from step {step + 1}"
    came = f"and {came}; added, as vectors, dh{step} has size {_size(dh[t])}."
    arrive = f"Step {step}: {own}, " + (came if step < T else "and there is no later step.")
    share = f"With h{t} it adds a share of size {_size(shares[t])} to dW_hh."
    if t == 0:
        share = "The state before is zeros, so it adds nothing to dW_hh: "
        share += f"done, at size {_size(shares.sum(axis=0))}."
    leave = f"Step {step}: times the slopes 1 − h², dz{step} has size {_size(dz[t])}. {share}"
    return arrive, leave


def _frame(states, dhs, dh, dz, shares, inputs, targets, done):
    """Draw the frame after ``done`` half-steps back: at odd ones a dh is new, at even ones a dz."""
    T, H = states.shape
    tall = H * SIDE
    levels = np.cumsum([0.86, 0.44 + tall / 2, tall + 0.26, tall + 0.36, tall / 2 + 0.46])
    low, h_level, dz_level, dh_level, top = levels
    fig, ax = canvas(max(START + PITCH * T + 0.06, 3.4), top + 0.26)
    for name, level in (("h", h_level), ("dz", dz_level), ("dh", dh_level)):
        ax.text(
            0.2, level + max(tall / 2 - 0.1, 0.16), name, ha="center", va="center", style="italic"
        )
    ax.text(0.2, h_level, "0", ha="center", va="center_baseline", size=13)
    ax.text(0.2, top, "loss", ha="center", va="center_baseline", size=11)
    at = T - (done + 1) // 2  # the step that is at work, counted from 0; T before the first
    scale = max(np.abs(dh).max(), np.abs(dz).max()) or 1
    ways = {"done": [], "now": []}
    for t in range(T):
        x, half = START + (t + 0.5) * PITCH, tall / 2
        new_dh, new_dz = t == at and done % 2 == 1, t == at and done % 2 == 0
        used = t == at - 1 and done % 2 == 0 < done  # the state before goes into the share of dW_hh
        came_from = x - PITCH + WIDTH / 2 if t else 0.28
        letter(ax, x, low, inputs[t])
        box(
            ax,
            x,
            top,
            0.46,
            0.38,
            targets[t],
            "now" if new_dh and dhs[t].any() else "done",
            COLORS["target"],
            14,
        )
        column(ax, x, h_level, states[t], 1, "now" if used else "done")
        column(ax, x, dh_level, dh[t], scale, _look(new_dh, t > at or new_dz))
        column(ax, x, dz_level, dz[t], scale, _look(new_dz, t > at))
        ways["done"] += [(x, low + 0.24, x, h_level - half)]
        ways["done"] += [(came_from, h_level, x - WIDTH / 2, h_level)]
        into_dh = [(x, top - 0.2, x, dh_level + half)] * bool(dhs[t].any())
        into_dz = [(x, dh_level - half, x, dz_level + half)]
        if t < T - 1:
            into_dh += [(x + PITCH - WIDTH / 2, dz_level, x + WIDTH / 2, dh_level)]
            if new_dh:
                ax.text(x + 0.6, (dh_level + dz_level) / 2 - 0.1, "W_hhᵀ", ha="right", size=11)
        if new_dz:
            ax.text(x + 0.1, (dh_level + dz_level) / 2, "× (1 − h²)", va="center", size=11)
        ways["now"] += into_dh * new_dh + into_dz * new_dz
        ways["done"] += into_dh * (t > at or new_dz) + into_dz * (t > at)
    for look, ends in ways.items():
        arrows(ax, ends, LOOKS[look])
    _collect(ax, fig.get_figwidth(), shares, T if done == 0 else at + done % 2)
    for artist in ax.get_children():
        artist.set_clip_on(False)
    return fig


def arrows(ax, ends, look):
    """Draw many arrows as two shapes, shafts and heads, which keeps a frame small."""
    if not ends:
        return
    start, end = np.array(ends).reshape(-1, 2, 2).swapaxes(0, 1)
    along = (end - start) / np.linalg.norm(end - start, axis=1, keepdims=True)
    across = along[:, ::-1] * (1, -1)
    back = end - 0.09 * along
    shafts = Path.make_compound_path(*map(Path, np.stack([start, back], axis=1)))
    heads = np.stack([end, back + 0.045 * across, back - 0.045 * across, end], axis=1)
    ax.add_patch(patches.PathPatch(shafts, fill=False, ec=look["color"], lw=look["linewidth"]))
    shape = Path.make_compound_path_from_polys(heads)
    ax.add_patch(patches.PathPatch(shape, fc=look["color"], ec="none"))


def _look(new, done):
    return "now" if new else "done" if done else "ghost"


def column(ax, x, y, values, scale, look):
    """Draw numbers as a column of squares: stronger for larger ones, violet above zero."""
    drawn, tall = LOOKS[look], len(values) * SIDE
    place = dict(xy=(x - WIDTH / 2, y - tall / 2), width=WIDTH, height=tall)
    edge = dict(ec=drawn["color"], lw=drawn["linewidth"], ls=drawn["linestyle"])
    ax.add_patch(patches.Rectangle(**place, fill=False, **edge))
    for k, value in enumerate(values if look != "ghost" else ()):
        bottom = y + tall / 2 - (k + 1) * SIDE
        color = COLORS["accent" if value > 0 else "muted"]
        fill = dict(fc=color, ec="none", alpha=0.05 + 0.4 * abs(value) / scale)
        ax.add_patch(patches.Rectangle((x - WIDTH / 2, bottom), WIDTH, SIDE, **fill))
        text = f"{value:.2f}" if scale >= 0.2 else f"{value:.3f}"
        middle = dict(ha="center", va="center_baseline", size=11)
        ax.text(x, bottom + SIDE / 2, text.replace("-", "−"), **middle)


def _collect(ax, width, shares, first):
    """Draw the shares of dW_hh that steps ``first`` and later have added, side by side."""
    sizes = np.linalg.norm(shares, axis=(1, 2))
    reach = (width - 0.2) / (sizes.sum() or 1)
    total = _size(shares[first:].sum(axis=0)) if first < len(shares) else "0"
    ax.text(0.1, 0.46, f"dW_hh collects shares; their sum has size {total}", va="center_baseline")
    ax.add_patch(patches.Rectangle((0.1, 0.08), width - 0.2, 0.26, fill=False, ec=INK, lw=1))
    left = 0.1
    for t in reversed(range(first, len(shares))):
        wide = sizes[t] * reach
        look = dict(fc=COLORS["accent"], alpha=0.18 if t % 2 else 0.36, ec="none")
        ax.add_patch(patches.Rectangle((left, 0.08), wide, 0.26, **look))
        if wide > 0.6:
            middle = dict(ha="center", va="center_baseline", size=11)
            ax.text(left + wide / 2, 0.21, f"step {t + 1}", **middle)
        left += wide
