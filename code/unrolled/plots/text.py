"""Text whose characters carry numbers, and tables of bets: HTML that needs no script.

Text stands on a ground of its own, ``Canvas``, in ``CanvasText``: whatever the page around it
looks like, the contrast is the one that is tested.
"""

import html
from itertools import groupby

import numpy as np

from unrolled.plots import theme
from unrolled.plots.charts import numbers
from unrolled.plots.show import check_texts

LEVELS = 8
STRONGEST = 0.7  # share of the color in the strongest level: text on it keeps 4.5:1
SIGNS = {"\n": "↵", "\t": "→", " ": "␣"}


def _levels():
    """One rule a level: p1 to p8 for what is above zero, n1 to n8 for what is below."""
    return "".join(
        f".unrolled-ground .{side}{k}{{background:color-mix(in srgb,"
        f"var(--u-{color}) {100 * STRONGEST * k / LEVELS:.0f}%,Canvas)}}"
        for side, color in (("p", "accent"), ("n", "muted"))
        for k in range(1, LEVELS + 1)
    )


CSS = f"""
.unrolled-ground{{color:inherit}}
.unrolled-ground :where(.text,td,th,i){{background:Canvas;color:CanvasText}}
{_levels()}
.unrolled-ground .key{{display:flex;flex-wrap:wrap;align-items:center;gap:.2em .5em;
margin:0 0 .6em;font-size:.9em}}
.unrolled-ground .scale{{display:inline-flex}}
.unrolled-ground .key i{{width:1.1em;height:1.1em;border:solid var(--u-muted);border-width:1px 0}}
.unrolled-ground .key i:first-child{{border-left-width:1px}}
.unrolled-ground .key i:last-child{{border-right-width:1px}}
.unrolled-ground .text{{max-width:none;margin:0;padding:.7em .9em;border:1px solid var(--u-muted);
border-radius:.4em;font:400 .95em/1.75 ui-monospace,SFMono-Regular,Menlo,Consolas,
"DejaVu Sans Mono",monospace;white-space:break-spaces;overflow-wrap:anywhere;tab-size:4}}
.unrolled-ground .text span{{padding:.12em 0}}
.unrolled-ground u{{text-decoration:underline 2px var(--u-accent);text-underline-offset:.2em}}
.unrolled-ground u.n{{text-decoration-style:dotted;text-decoration-color:currentColor}}
.unrolled-ground .s::before{{position:absolute;content:"·";content:"·"/"";opacity:.45}}
.unrolled-ground .r::before{{content:"↵";content:"↵"/"";opacity:.7}}
.unrolled-ground .t::before{{position:absolute;content:"→";content:"→"/"";opacity:.7}}
.unrolled-ground details{{max-width:36em;margin:.6em auto 0;font-size:.9em}}
.unrolled-ground summary{{cursor:pointer}}
.unrolled-ground code{{color:inherit;background:none;border:0;white-space:break-spaces}}
"""


class Passage:
    """What ``colored_text`` and ``top_predictions`` return: HTML for a page, else plain text."""

    def __init__(self, markup, plain):
        self._markup, self._plain = markup, plain

    def __repr__(self):
        return self._plain

    def _repr_html_(self):
        return self._markup


def colored_text(text, values, *, low=0.0, high=None, unit="", labels=("", ""), caption):
    """Show text, each character on a ground as strong as its value, the number as its tooltip.

    With ``low`` below 0, values above zero are violet, those below gray. The tenth that is
    strongest is underlined, and the ten strongest stand in a list below, for all to read.
    Args: text, T characters; values (T,); low, high, the ends of the scale, high by default the
    largest size of a value; unit, what the values count; labels, words for the two ends.
    Returns: a Passage, in plain text with the strongest tenth in brackets.
    Raises: ValueError if the lengths differ, low is not below high, or high is not above 0.
    """
    check_texts(caption=caption)
    values = numbers("values", values, (len(text),))
    high = float(np.abs(values).max() or 1) if high is None else high
    if not low < high or not high > 0:
        raise ValueError(f"expected a scale that rises to above 0, got {low:g} to {high:g}")
    size = np.abs(values) if low < 0 else values
    strong = size > np.quantile(size, 0.9)
    show = f"{{:.{2 if high <= 2 else 1}f}}".format
    spans = [
        _character(character, _level(value, low, high), show(value), stands_out)
        for character, value, stands_out in zip(text, values, strong, strict=True)
    ]
    clipped = bool(values.min() < low), bool(values.max() > high)
    scale = _scale(low, high, unit, labels, clipped)
    lines = "<u>underlined</u>: the strongest tenth"
    lines += ", <u class=n>dotted</u> below zero" * (low < 0)
    first = sorted(np.flatnonzero(strong), key=lambda t: -size[t])[:10]
    items = "".join(f"<li>{_in_context(text, t)} {show(values[t])}</li>" for t in first)
    listed = f"<details><summary>The strongest in numbers</summary><ol>{items}</ol></details>"
    markup = (
        f'<figure class="unrolled-figure unrolled-ground"><style>{theme.CSS}{CSS}</style>'
        f'<div class="key">{scale}<span>{lines}</span></div>'
        f'<p class="text">{"".join(spans)}</p>{listed if items else ""}'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )
    runs = groupby(zip(text, strong, strict=True), key=lambda pair: pair[1])
    runs = [(marked, "".join(character for character, _ in run)) for marked, run in runs]
    plain = "".join(f"[{run}]" if marked else run for marked, run in runs)
    return Passage(markup, plain)


def _level(value, low, high):
    """The class of a value's ground: p for above zero, n for below, none where it is weakest."""
    start, end = (0, low) if value < 0 and low < 0 else (max(low, 0), high)
    level = round(LEVELS * float(np.clip((value - start) / (end - start), 0, 1)))
    return f"{'n' if value < 0 else 'p'}{level}" if level else ""


def _character(character, level, number, stands_out):
    sign = {"\n": "r", "\t": "t", " ": "s"}.get(character, "")
    names = f"{level} {sign}" if level and sign else level + (sign if sign == "r" else "")
    names = f' class="{names}"' if " " in names else f" class={names}" if names else ""
    shown = character if character.isprintable() or sign else "\N{REPLACEMENT CHARACTER}"
    shown = html.escape(shown, quote=False)
    if stands_out:
        shown = f"<u class=n>{shown}</u>" if level.startswith("n") else f"<u>{shown}</u>"
    return f"<span{names} title={number}>{shown}</span>"


def _scale(low, high, unit="", labels=("", ""), clipped=(False, False)):
    """The grounds in a row, from the low end of the scale to its high end."""
    below = [f"n{k}" for k in range(LEVELS, 0, -1)] if low < 0 else []
    grounds = [*below, "", *(f"p{k}" for k in range(1, LEVELS + 1))]
    swatches = "".join(f"<i class={name}></i>" if name else "<i></i>" for name in grounds)
    low = f"{low:.3g}" + " or less" * clipped[0]
    high = f"{high:.3g} {unit}".rstrip() + " or more" * clipped[1]
    ends = (", ".join(filter(None, pair)) for pair in zip(labels, (low, high), strict=True))
    start, end = (html.escape(text.replace("-", "−")) for text in ends)
    return f"{start}<span class=scale aria-hidden=true>{swatches}</span>{end}"


def _in_context(text, t):
    """Up to twenty characters before one, then that one, as code that keeps its spaces."""
    signs = str.maketrans({**SIGNS, " ": " "})
    before = html.escape(text[max(0, t - 20) : t].translate(signs))
    return f"<code>{before}<b>{html.escape(SIGNS.get(text[t], text[t]))}</b></code>"


TABLE_CSS = """
.unrolled-bets table{display:flex;flex-wrap:wrap;gap:.8em .25em;margin:0;border:0;font-size:.9em;
width:auto;color:inherit}
.unrolled-bets :is(thead,tbody){display:contents}
.unrolled-bets tr{display:flex;flex-direction:column;gap:2px}
.unrolled-bets :is(th,td){box-sizing:border-box;display:flex;flex-direction:column;
justify-content:center;min-width:2.5em;height:2.7em;padding:0 .1em;border:1px solid transparent;
border-radius:.25em;text-align:center;line-height:1.15;font-weight:400;
font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
.unrolled-bets thead th{background:none;color:inherit;text-align:left;padding:0 .4em 0 0;
font-family:inherit}
.unrolled-bets tbody th{border-color:var(--u-muted);font-weight:700}
.unrolled-bets .hit{border:2px solid var(--u-target);font-weight:700}
.unrolled-bets small{font-size:.75em;font-weight:400}
"""


def top_predictions(text, probabilities, vocab, *, k=5, caption):
    """Show, at each position of a short text, what came and the k likeliest bets on it.

    One column a position, as many beside each other as the page is wide. The bet that came
    true has a border and is bold; a bet is on a ground as strong as its probability.
    Args: text, 1 to 40 characters; probabilities (T, V), row t the bet on text[t], made before
    it was read; vocab, V characters; k, 1 to V. Returns: a Passage, in plain text a line each.
    Raises: ValueError if shapes do not fit, a row does not sum to 1, or a character is unknown.
    """
    check_texts(caption=caption)
    vocab = list(vocab)
    if not 1 <= len(text) <= 40:
        raise ValueError(f"expected 1 to 40 characters, more are not legible, got {len(text)}")
    probabilities = numbers("probabilities", probabilities, (len(text), len(vocab)))
    sums = probabilities.sum(axis=1)
    if probabilities.min() < 0 or np.abs(sums - 1).max() > 1e-3:
        raise ValueError(
            f"expected probabilities that sum to 1, got {sums[np.abs(sums - 1).argmax()]:g}"
        )
    if not 1 <= k <= len(vocab):
        raise ValueError(f"expected 1 to {len(vocab)} bets at each position, got {k}")
    for character in text:
        if character not in vocab:
            raise ValueError(f"character {character!r} is not in the vocabulary")
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :k]
    rows, lines = [], []
    for character, row, bets in zip(text, probabilities, order, strict=True):
        came = row[vocab.index(character)]
        cells = [_bet(vocab[v], row[v], vocab[v] == character) for v in bets]
        name = f"{_sign(character)}<small>{html.escape(_percent(came))}</small>"
        name = f'<th role="rowheader" scope="row">{name}</th>'
        rows.append(f'<tr role="row">{name}{"".join(cells)}</tr>')
        listed = "  ".join(f"{vocab[v]!r} {_percent(row[v])}" for v in bets)
        lines.append(f"{character!r} {_percent(came)}:  {listed}")
    ranks = [{1: "1st", 2: "2nd", 3: "3rd"}.get(n, f"{n}th") for n in range(1, k + 1)]
    heads = "".join(f'<th role="columnheader" scope="col">{name}</th>' for name in ["came", *ranks])
    signs = ", ".join(
        f"{SIGNS[sign]} {name}"
        for sign, name in {" ": "space", "\n": "new line", "\t": "tab"}.items()
        if sign in {vocab[v] for v in order.flat} | set(text)
    )
    key = f"{_scale(0, 100, '%')}<span>border and bold: what came</span><span>{signs}</span>"
    markup = (
        f'<figure class="unrolled-figure unrolled-ground unrolled-bets">'
        f"<style>{theme.CSS}{CSS}{TABLE_CSS}</style>"
        f'<div class="key">{key}</div>'
        f'<table role="table"><thead role="rowgroup"><tr role="row">{heads}</tr></thead>'
        f'<tbody role="rowgroup">{"".join(rows)}</tbody></table>'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )
    return Passage(markup, "\n".join(lines))


def _sign(character):
    return html.escape(SIGNS.get(character, character if character.isprintable() else "�"))


def _percent(probability):
    return "<1%" if 0 < probability < 0.005 else f"{probability:.0%}"


def _bet(character, probability, hit):
    names = " ".join(filter(None, [_level(probability, 0, 1), "hit" * hit]))
    names = f' class="{names}"' if names else ""
    percent = html.escape(_percent(probability))
    return f'<td role="cell"{names}>{_sign(character)}<small>{percent}</small></td>'
