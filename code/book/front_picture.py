"""The front page's picture and the book's logo: ``python -m book.front_picture``.

The same drawing twice, for a light page and for a dark one, since an SVG shown as an image
cannot see the theme of the page around it.
"""

import sys
from pathlib import Path

from unrolled.plots import theme
from unrolled.plots.diagrams import box, canvas, draw_unrolled
from unrolled.plots.show import svg

ALT = (
    "A recurrent cell with a loop, and the same cell unrolled over the letters h, e, l, l, "
    "which it turns into e, l, l, o; in NumPy, Keras and PyTorch."
)
INKS = {"light": theme.INK, "dark": "#ced6dd"}
TAGS = {"NumPy": "numpy", "Keras": "keras", "PyTorch": "pytorch"}

# A thread that loops once and then runs straight. Its violet reads on light and on dark.
VIOLET = "#7f68d0"
LOOP = "M4 53H25C62 53 62 9 33 9C4 9 4 53 41 53H"


def front_picture(mode):
    """Draw the picture for one theme. Args: mode, "light" or "dark". Returns: SVG text."""
    with theme.style():
        fig, ax = canvas(5.8, 3.3)
        draw_unrolled(ax, "hell", "ello", x=0.05, y=0.65)
        for k, (name, color) in enumerate(TAGS.items()):
            box(ax, 1.5 + 1.4 * k, 0.3, 1.1, 0.4, name, color=theme.COLORS[color])
        text = svg(fig, f'role="img" aria-label="{ALT}" font-family="system-ui,sans-serif"')
    for name, values in theme.PALETTE.items():
        text = text.replace(f"var(--u-{name})", values[list(INKS).index(mode)])
    text = text.replace("currentColor", INKS[mode]).replace("<text ", f'<text fill="{INKS[mode]}" ')
    return text.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1) + "\n"


def mark(width, end, dots=""):
    """Draw the loop, its thread running on to ``end``. Returns: SVG text."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 64" role="img" '
        f'aria-label="Unrolled"><path d="{LOOP}{end}" fill="none" stroke="{VIOLET}" '
        f'stroke-width="8" stroke-linecap="round"/>{dots}</svg>\n'
    )


def pictures():
    """Return every picture as {file name: SVG text}."""
    dots = "".join(
        f'<circle cx="{84 + 26 * k}" cy="53" r="9" fill="{theme.PALETTE[name][1]}"/>'
        for k, name in enumerate(TAGS.values())
    )
    return {
        "unrolled-light.svg": front_picture("light"),
        "unrolled-dark.svg": front_picture("dark"),
        "logo.svg": mark(148, 136, dots),
        "favicon.svg": mark(64, 60),
    }


def main(folder="chapters/images"):
    """Write the pictures into the folder."""
    for name, text in pictures().items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
