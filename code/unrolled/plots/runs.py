"""What several models reach, seed by seed, under each other."""

import numpy as np

from unrolled.plots.charts import numbers
from unrolled.plots.curves import DASHES, OTHER_LINES, OTHER_MARKERS, logarithmic, places
from unrolled.plots.show import figure
from unrolled.plots.theme import INK, new, style

BESIDE = dict(xycoords=("axes fraction", "data"), va="center_baseline", annotation_clip=False)
HINTS = {"lower": "← lower is better", "higher": "higher is better →"}


def compare_runs(rows, *, caption, alt, x_label, better, baseline=None, log=False):
    """Draw a dot for each seed, a bar for the mean, models under each other, means in numbers.

    Args: rows, [(label, values of S seeds)], at most 5, or panels, {title: (rows, baseline,
    x_label)}, at most 4; better, "lower" or "higher"; baseline, a dashed line, or None; log,
    whether x is logarithmic. With panels, better and log may be {title: its own}.
    Raises: ValueError if there are no rows or values, or too many, or better is neither.
    """
    panels = dict(rows) if isinstance(rows, dict) else {"": (rows, baseline, x_label)}
    if not 1 <= len(panels) <= 4:
        raise ValueError(f"expected 1 to 4 panels, more are not legible, got {len(panels)}")
    heights = [len(rows) + 2.2 + (level is not None) for rows, level, _ in panels.values()]
    with style():
        grid = dict(height_ratios=heights)
        fig, axes = new(5.6, 0.32 * sum(heights), 1, len(panels), squeeze=False, gridspec_kw=grid)
        for ax, (title, (rows, baseline, x_label)) in zip(axes[:, 0], panels.items(), strict=True):
            _panel(ax, rows, baseline, log[title] if isinstance(log, dict) else log)
            hint = better[title] if isinstance(better, dict) else better
            if hint not in HINTS:
                raise ValueError(f'expected better to be "lower" or "higher", got {hint!r}')
            ax.set_xlabel(f"{x_label}  ({HINTS[hint]})")
            ax.set_title(title, loc="left", weight="bold")
    return figure(fig, caption=caption, alt=alt)


def _panel(ax, rows, baseline, log):
    """Draw the rows of one panel, the first on top."""
    rows = [(label, numbers(f"values of {label}", values, "S")) for label, values in rows]
    levels = dict(rows) if baseline is None else dict(rows) | {"the baseline": np.array([baseline])}
    for label, values in levels.items() if log else ():
        if values.min() <= 0:
            at = f"{values.min():g} of {label}"
            raise ValueError(f"a logarithmic axis has no place for {at}: leave it out or log=False")
    looks = places(label for label, _ in rows)
    if len(looks) != len(rows):
        raise ValueError(f"expected labels that differ, got {[label for label, _ in rows]}")
    for y, (label, values) in enumerate(rows):
        k = looks[label]
        dot = dict(color=OTHER_LINES[k]["color"], marker=OTHER_MARKERS[k], markersize=7, alpha=0.6)
        # Seeds one below the other, so that equal ones are all seen.
        heights = y + 0.13 * (np.arange(len(values)) - (len(values) - 1) / 2)
        ax.plot(values, heights, linestyle="", **dot)
        ax.plot([values.mean()] * 2, [y - 0.36, y + 0.36], color=INK, linewidth=2.4)
        _number(ax, y, values.mean())
    names = list(looks)
    if baseline is not None:
        ax.axvline(baseline, **DASHES)
        _number(ax, len(names), baseline)
        names.append("baseline")
    ax.annotate("mean", xy=(1.02, -0.75), size=11, **BESIDE)
    ax.margins(x=0.08)
    if log:
        logarithmic(ax.xaxis)
    ax.set_yticks(range(len(names)), names, size=12)
    ax.set_ylim(len(names) - 0.45, -0.55)
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _number(ax, y, value):
    ax.annotate(f"{value:.3g}".replace("-", "−"), xy=(1.02, y), **BESIDE)
