"""From matplotlib figures to what a page shows: one SVG, or a player that steps through some."""

import hashlib
import html
import io
import re
import sys

from unrolled.plots import controls, theme

MOST_BYTES = 150_000


class Picture:
    """What ``figure`` and ``player`` return: HTML for a page, else PNG, else the alt text."""

    def __init__(self, markup, fig, alt):
        self._markup, self._fig, self.alt = markup, fig, alt

    def __repr__(self):
        return self.alt

    def _repr_html_(self):
        return self._markup

    def _repr_png_(self):
        with theme.style():
            file = io.BytesIO()
            self._fig.savefig(file, format="png", facecolor="white", metadata={"Software": None})
        return file.getvalue()


def figure(fig, *, caption, alt):
    """Show a matplotlib figure as inline SVG in the page's own font and colors.

    Black and ``plots.INK`` follow the page's text, ``plots.COLORS`` its light or dark theme.
    Args: fig, a matplotlib figure, closed here; caption, shown below it; alt, what it shows,
    for those who cannot see it. Returns: a Picture.
    Raises: ValueError if caption or alt is empty, TypeError if fig is no figure.
    """
    check_texts(caption=caption, alt=alt)
    drawing = svg(fig, f'role="img" aria-label="{html.escape(alt)}"')
    markup = (
        f'<figure class="unrolled-figure"><style>{theme.CSS}</style>{drawing}'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )
    return Picture(markup, fig, alt)


def player(frames, *, labels, caption, alt, still=-1):
    """Show figures one at a time, with buttons, a slider and keys to step through them.

    Nothing moves by itself. In print, without JavaScript, and first of all for a reader who
    prefers no motion, there is one frame, the still.
    Args: frames, a list of figures, or ``draw(ax, k)`` that draws frame k; labels, a sentence
    for each frame; caption and alt for the whole; still, the index of that one frame.
    Returns: a Picture. Raises: ValueError if counts differ, a text is empty or still is none.
    """
    labels = list(labels)
    figures = _draw(frames, len(labels)) if callable(frames) else list(frames)
    if not labels or len(figures) != len(labels):
        raise ValueError(
            f"expected one label for each frame, got {len(figures)} frames, {len(labels)} labels"
        )
    check_texts(caption=caption, alt=alt, **{f"label {k}": label for k, label in enumerate(labels)})
    if not -len(figures) <= still < len(figures):
        raise ValueError(f"still is one of {len(figures)} frames, got {still}")
    still %= len(figures)
    drawings = [svg(fig, 'aria-hidden="true"') for fig in figures]
    markup = controls.markup(drawings, labels, caption=caption, alt=alt, still=still)
    size = len(markup.encode())
    if size > MOST_BYTES:
        raise ValueError(
            f"expected a player of at most {MOST_BYTES:,} bytes, got {size:,}: "
            "draw fewer frames, or simpler ones"
        )
    return Picture(markup, figures[still], alt)


def _draw(draw, count):
    figures = []
    for k in range(count):
        with theme.style():
            fig, ax = theme.new()
            draw(ax, k)
        figures.append(fig)
    return figures


def check_texts(**texts):
    """Raise ValueError if one of the texts is empty or no text."""
    for name, text in texts.items():
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f"{name} is a sentence that says what is shown, got {text!r}")


def svg(fig, attributes):
    """Draw a figure as an <svg> element whose ids are its own and whose colors are the page's.

    Args: fig, a matplotlib figure; attributes, written into the opening tag. Returns: HTML.
    Raises: TypeError if fig is no figure.
    """
    if not hasattr(fig, "savefig"):
        raise TypeError(f"expected a matplotlib figure, got {type(fig).__name__}")
    with theme.style():
        file = io.StringIO()
        fig.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    if "matplotlib.pyplot" in sys.modules:  # else a notebook would show the figure once more
        sys.modules["matplotlib.pyplot"].close(fig)
    width, height = (round(96 * inches) for inches in fig.get_size_inches())
    text = file.getvalue()
    body = text[text.index("</metadata>") + len("</metadata>") :]
    body = re.sub(r"<style.*?</style>", "", body, count=1)  # its * would reach the whole page
    body = re.sub(r"<[^>]*>", _tag, body)
    body = re.sub(r">\s+<", "><", body).replace("<defs></defs>", "").rstrip()
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', body))
    salt = "u" + hashlib.sha256(body.encode()).hexdigest()[:8]
    body = _ungroup(re.sub(r' id="([^"]+)"', lambda m: m[0] if m[1] in used else "", body))
    body = re.sub(r'(url\(#| id="|href="#)', rf"\g<1>{salt}-", body)
    box = re.search(r'viewBox="[^"]+"', text)[0]
    return f'<svg width="{width}" height="{height}" {box} {attributes}>{body}'


def _ungroup(body):
    """Take away groups that say nothing: a figure of many parts shrinks by a fifth."""
    closing = []

    def one(match):
        if match[0] != "</g>":
            closing.append("" if match[0] == "<g>" else "</g>")
            return closing[-1] and match[0]
        return closing.pop()

    return re.sub(r"</?g\b[^>]*>", one, body)


def _tag(match):
    """Tidy one tag: the page's font and colors, two decimals, short paths, no rotation by 0."""
    tag = re.sub(r"\s+", " ", match[0]).replace("xlink:href", "href")
    tag = re.sub(r" font-family: [^;]+;|; font-family: [^;\"]+(?=\")", "", tag)
    tag = re.sub(r' transform="rotate\(-?0 [^"]*"', "", tag)
    tag = re.sub(r"(\.\d\d)\d+", r"\1", tag)
    tag = re.sub(r'(?<= d=")[^"]*', _path, tag)
    tag = re.sub(r'(?<= style=")[^"]*', lambda m: re.sub("([:;]) ", r"\1", m[0]), tag)
    for name, color in theme.COLORS.items():
        tag = tag.replace(color, f"var(--u-{name})")
    tag = re.sub(f"{theme.INK}|#000000", "currentColor", tag)
    return tag.replace(";fill:currentColor", "") if tag.startswith("<text") else tag  # as in CSS


def _path(match):
    """Shorten a path: lines to the right, left, up and down need only one number."""
    parts, x, y = [], None, None
    for command, values in re.findall("([A-Za-z])([^A-Za-z]*)", match[0]):
        values = values.split()
        before, (x, y) = (x, y), values[-2:] or (None, None)
        if command == "L" and x == before[0]:
            command, values = "V", [y]
        elif command == "L" and y == before[1]:
            command, values = "H", [x]
        parts.append(command + " ".join(values))
    return "".join(parts)
