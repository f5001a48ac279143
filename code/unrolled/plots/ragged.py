"""Sequences of unequal length: a padded batch read step by step; how a classifier errs."""

import numpy as np
from matplotlib import patches

from unrolled.plots.charts import numbers
from unrolled.plots.diagrams import arrow, box, canvas
from unrolled.plots.show import figure, player
from unrolled.plots.theme import COLORS, INK, new, style

MOST_WORDS, MOST_LETTERS = 4, 8


def padding_player(words, *, caption, alt):
    """Step through a padded batch: which rows read a letter, which keep their state.

    Args: words, 2 to 4 strings of 1 to 8 letters, not all of one length.
    """
    words = list(words)
    longest = max(map(len, words), default=0)
    if not 2 <= len(words) <= MOST_WORDS or not 1 <= min(map(len, words)) < longest <= MOST_LETTERS:
        raise ValueError(
            f"expected 2 to {MOST_WORDS} words of 1 to {MOST_LETTERS} letters, not all of one "
            f"length, got {words}"
        )
    labels = [f"A batch of {len(words)} words, padded to {longest} steps. No state has read yet."]
    for t in range(longest):
        reads = [word for word in words if len(word) > t]
        keeps = [word for word in words if len(word) <= t]
        label = f"Step {t + 1}: {', '.join(reads)} {'reads' if len(reads) == 1 else 'read'} on"
        labels.append(label + (f"; the state of {', '.join(keeps)} stays." if keeps else "."))
    labels.append("The last state of every row is that after its own last letter.")
    with style():
        frames = [_padded(words, longest, now) for now in range(-1, longest + 1)]
    return player(frames, labels=labels, caption=caption, alt=alt, still=min(map(len, words)) + 1)


def _padded(words, longest, now):
    """One frame: now is the step that is read, -1 before the first, longest after the last."""
    pitch, row = 0.5, 0.62
    fig, ax = canvas(1.75 + longest * pitch, 0.5 + row * len(words))
    for t in range(longest):
        x = 0.35 + t * pitch
        ax.text(x, 0.16, str(t + 1), ha="center", va="center_baseline", size=11)
    for n, word in enumerate(reversed(words)):
        y = 0.6 + row * n
        for t in range(longest):
            real = t < len(word)
            look = "now" if t == now and real else "done" if real else "ghost"
            color = COLORS["accent"] if t == now and real else None
            box(ax, 0.35 + t * pitch, y, 0.42, 0.42, word[t] if real else "·", look, color)
        last = 0.35 + (longest - 1) * pitch + 0.25
        read = min(now + 1, len(word))
        works = 0 <= now < len(word)
        arrow(ax, (last + 0.02, y), (last + 0.3, y), look="now" if works else "ghost")
        color = COLORS["accent"] if works else COLORS["target"] if read == len(word) else None
        box(ax, last + 0.55, y, 0.46, 0.42, "", "now" if works else "done", color)
        ax.text(last + 0.5, y, "h", ha="center", va="center_baseline", style="italic", size=13)
        ax.text(last + 0.59, y - 0.07, str(read), ha="left", va="center_baseline", size=9)
    return fig


def confusion(counts, labels, *, caption, alt):
    """Draw how often each true class (row) was taken for which (column), as shares of the row.

    Args: counts (C, C), rows the truth, each with at least one; labels, C names.
    """
    counts = numbers("counts", counts, (len(labels), len(labels)))
    if not (counts.sum(axis=1) > 0).all():
        raise ValueError(
            "expected at least one example of every class, a row without cannot be shared out"
        )
    shares, C = counts / counts.sum(axis=1, keepdims=True), len(labels)
    with style():
        fig, ax = new(5.8, 5.4)
        for i, j in np.ndindex(C, C):
            if shares[i, j] >= 0.005:
                color = COLORS["target"] if i == j else COLORS["pytorch"]
                alpha = 0.12 + 0.88 * min(1, shares[i, j] * (1 if i == j else 3))
                ax.add_patch(
                    patches.Rectangle((j - 0.5, i - 0.5), 1, 1, fc=color, alpha=alpha, lw=0)
                )
        ax.set(xlim=(-0.5, C - 0.5), ylim=(C - 0.5, -0.5), aspect="equal")
        ax.set(xlabel="taken for", ylabel="truth")
        ax.set_xticks(range(C), [label[:3] for label in labels], rotation=90)
        ax.set_yticks(range(C), labels)
        for k in range(C + 1):  # a faint grid
            look = dict(color=INK, linewidth=0.4, alpha=0.25)
            ax.axhline(k - 0.5, **look)
            ax.axvline(k - 0.5, **look)
    return figure(fig, caption=caption, alt=alt)


def reliability(curves, *, caption, alt):
    """Draw how often a classifier is right against how sure it is; on the diagonal, it knows.

    Args: curves {label: (confidence (B,), accuracy (B,), count (B,))}, at most 3, of bins; the
    area of a dot is the bin's count.
    """
    looks = zip((COLORS["accent"], COLORS["target"], COLORS["pytorch"]), "os^", strict=True)
    with style():
        fig, ax = new(5.6, 3.9)
        ax.plot([0, 1], [0, 1], color=INK, linewidth=1, linestyle=(0, (4, 3)))
        ax.text(0.62, 0.7, "as sure as right", rotation=0, ha="right", size=11)
        for (label, (sure, right, count)), (color, marker) in zip(
            curves.items(), looks, strict=False
        ):
            sure, right = numbers("confidence", sure, "B"), numbers("accuracy", right, "B")
            count = numbers("count", count, sure.shape)
            ax.plot(sure, right, color=color, label=label)
            ax.scatter(sure, right, s=12 + 260 * count / count.sum(), color=color, marker=marker)
        ax.set(xlim=(0, 1.02), ylim=(0, 1.02))
        ax.set(xlabel="how sure: probability of its answer", ylabel="how often right")
        fig.legend(loc="outside upper center", ncols=2)
    return figure(fig, caption=caption, alt=alt)
