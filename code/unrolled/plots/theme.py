"""One look for every figure: the palette, light and dark, and matplotlib settings to match."""

import matplotlib as mpl
from matplotlib.figure import Figure

# (light, dark). Every value keeps a contrast of 3:1 on a light and on a dark page, so a wrong
# guess about the theme of the page around it costs beauty, never legibility.
PALETTE = {
    "numpy": ("#1f66b0", "#4a95e4"),
    "keras": ("#b6287d", "#d95aa2"),
    "pytorch": ("#b05800", "#d47c27"),
    "target": ("#007a5d", "#1fa37d"),
    "accent": ("#6d52c2", "#9580dd"),
    "muted": ("#878f9a", "#8c95a0"),
}
# What charts draw with: in the page's SVG each becomes the CSS variable of its name.
COLORS = {name: light for name, (light, _) in PALETTE.items()}
# Text, axes and ticks: becomes currentColor, the color of the text around the figure.
INK = "#222832"

SETTINGS = {
    "axes.edgecolor": INK,
    "axes.facecolor": "none",
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.labelsize": 12,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 12,
    "axes.unicode_minus": True,
    "figure.facecolor": "none",
    "font.family": "DejaVu Sans",  # for measuring; the page's own font is shown
    "font.size": 12,
    "hatch.linewidth": 1.0,
    "legend.fontsize": 12,
    "legend.frameon": False,
    "lines.linewidth": 2.0,
    "svg.fonttype": "none",
    "svg.hashsalt": "unrolled",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.labelsize": 11,
    "ytick.color": INK,
    "ytick.labelsize": 11,
}


def style():
    """Return a context manager with the book's matplotlib settings; they end with the block."""
    return mpl.rc_context(SETTINGS)


def new(width=5.6, height=3.0, ncols=1, nrows=1, **kw):
    """Make a figure in the book's style, outside pyplot, so nothing is shown or kept by itself.

    Args: width, height in inches, at most 5.8 wide so that text stays legible on a phone;
    ncols, nrows of axes; kw goes to ``Figure.subplots``. Returns: (figure, axes).
    Raises: ValueError if the figure is wider than 5.8 inches.
    """
    if not 0 < width <= 5.8:
        raise ValueError(f"width is at most 5.8 inches, legible on a phone; got {width}")
    with style():
        fig = Figure(figsize=(width, height), layout="constrained")
        return fig, fig.subplots(nrows, ncols, **kw)


def _values(which):
    names = "".join(f"--u-{name}:{pair[which]};" for name, pair in PALETTE.items())
    return names + f"color-scheme:{('light', 'dark')[which]}"


# The site's theme puts a light sheet under every output of a dark page; a figure needs none.
# The site says data-theme, Colab theme, Jupyter data-jp-theme-light; elsewhere the system decides.
CSS = f"""
.unrolled-figure{{{_values(0)}}}
@media screen and (prefers-color-scheme:dark){{
html:not([data-theme]):not([theme]) body:not([data-jp-theme-light]) .unrolled-figure{{{_values(1)}}}
}}
@media screen{{
html[data-theme=dark] .unrolled-figure,html[theme=dark] .unrolled-figure,
body[data-jp-theme-light=false] .unrolled-figure{{{_values(1)}}}
}}
html[data-theme=dark] .bd-content .cell_output .text_html.text_html:has(.unrolled-figure){{
padding:0;background:none;color:inherit}}
.unrolled-figure{{margin:1em 0;font-family:var(--pst-font-family-base,system-ui,sans-serif)}}
.unrolled-figure svg{{display:block;max-width:100%;height:auto;margin:0 auto;overflow:visible;
stroke-linejoin:round;stroke-linecap:butt}}
.unrolled-figure svg text{{fill:currentColor}}
.unrolled-figure > figcaption{{max-width:36em;margin:.6em auto 0;color:inherit;
font-family:inherit;font-size:.95em;font-weight:400;text-align:left}}
"""
