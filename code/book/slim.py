"""Make the rendered site light: only the icons, style rules and scripts that its pages use.

The theme ships all of FontAwesome and Bootstrap. Pages of this book show about twenty icons.
"""

import io
import re

from fontTools import subset
from fontTools.ttLib import TTFont

WORD = re.compile(r"-?[A-Za-z_][\w-]*")
SELECTED = re.compile(r"[.#](-?[A-Za-z_](?:[\w-]|\\.)*)")
# The JavaScript that draws FontAwesome's icons (0.5 MB); the fonts below draw them instead.
DRAWER = re.compile(r"\s*<script[^>]*fontawesome\.js[^>]*></script>")
BLOCKING = re.compile(r"<script (?![^>]*\b(?:defer|async)\b)(?=[^>]*\bsrc=)")
IMPORT = re.compile(r"""@import\s+(?:url\()?["']([^"':]+)["']\)?\s*;""")
# Nested conditions hold rules; other at-rules are kept as they are.
GROUPS = ("@media", "@supports", "@layer", "@container")


def slim(site):
    """Slim a rendered site in place. Args: site, the folder with the HTML pages."""
    for page in site.rglob("*.html"):
        html = page.read_text(encoding="utf-8")
        html = BLOCKING.sub("<script defer ", DRAWER.sub("", html))
        page.write_text(html, encoding="utf-8")
    leftovers = ("*.map", "fontawesome.js*", "*webpack-macros.html")
    for leftover in [path for name in leftovers for path in site.rglob(name)]:
        leftover.unlink(missing_ok=True)
    for sheet in site.rglob("*.css"):
        sheet.write_text(merge(sheet), encoding="utf-8")
    words = used_words(site)
    icons = set()
    for sheet in site.rglob("*.css"):
        css = prune(sheet.read_text(encoding="utf-8"), words)
        icons |= code_points(css)
        sheet.write_text(css, encoding="utf-8")
    for font in site.rglob("fa-*.woff2"):
        cut_font(font, icons)
    for font in site.rglob("fa-*.ttf"):
        font.unlink()


def merge(sheet):
    """Return a style sheet with those that it imports in place: one request, not one by one."""

    def imported(match):
        return (sheet.parent / match[1]).read_text(encoding="utf-8")

    return IMPORT.sub(imported, sheet.read_text(encoding="utf-8"))


def used_words(site):
    """Return every word of every page and script: a superset of the classes and ids in use."""
    words = set()
    for file in [*site.rglob("*.html"), *site.rglob("_static/**/*.js")]:
        words.update(WORD.findall(file.read_text(encoding="utf-8")))
    return words


def prune(css, words):
    """Return a style sheet without the rules whose classes or ids stand in no page."""
    kept = []
    for head, body in blocks(css):
        # Licenses stay, whatever becomes of the rule below them.
        kept += re.findall(r"/\*!.*?\*/", head, re.S) if body is not None else []
        bare = re.sub(r"/\*.*?\*/", "", head, flags=re.S).strip()
        if body is None:
            kept.append(head)
        elif bare.startswith(GROUPS):
            inner = prune(body, words)
            if inner.strip():
                kept.append(f"{bare}{{{inner}}}")
        elif bare.startswith("@"):
            kept.append(f"{bare}{{{body}}}")
        else:
            alive = [part for part in selectors(bare) if in_use(part, words)]
            if alive:
                kept.append(f"{','.join(alive)}{{{body}}}")
    return "".join(kept)


def blocks(css):
    """Yield (head, body) for each rule, (text, None) for what has no braces."""
    css = re.sub(r"/\*(?!!).*?\*/", "", css, flags=re.S)
    start = position = depth = 0
    brace = 0
    for match in re.finditer(r"/\*.*?\*/|\"(?:\\.|[^\"\\])*\"|'(?:\\.|[^'\\])*'|[{};]", css, re.S):
        token, position = match.group(), match.end()
        if token == "{":
            depth += 1
            if depth == 1:
                brace = match.start()
        elif token == "}":
            depth -= 1
            if depth == 0:
                yield css[start:brace], css[brace + 1 : match.start()]
                start = position
        elif token == ";" and depth == 0:
            yield css[start:position], None
            start = position
    if css[start:].strip():
        yield css[start:], None


def selectors(head):
    """Split a selector list at its outer commas."""
    parts, depth, last = [], 0, 0
    for place, letter in enumerate(head):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            parts.append(head[last:place].strip())
            last = place + 1
    return [*parts, head[last:].strip()]


def in_use(selector, words):
    """Tell whether all classes and ids that an element must have stand in some page."""
    needed = selector
    # What stands in :not(), :is(), :where() and the like need not exist for the rule to match.
    while (shorter := re.sub(r"\([^()]*\)", "", needed)) != needed:
        needed = shorter
    needed = re.sub(r"\[[^]]*\]", "", needed)
    return all(name.replace("\\", "") in words for name in SELECTED.findall(needed))


def code_points(css):
    """Return the private-use characters that a style sheet's strings name, as numbers."""
    found = {int(code, 16) for code in re.findall(r"\\([ef][0-9a-f]{3})\b", css)}
    return found | {ord(letter) for letter in re.findall("[\ue000-\uf8ff]", css)}


def cut_font(path, icons):
    """Reduce an icon font to the icons in use."""
    font = TTFont(path.with_suffix(".ttf"))
    cutter = subset.Subsetter()
    cutter.populate(unicodes=icons)
    cutter.subset(font)
    # WOFF 2 needs a compressor that Python lacks; browsers go by the content, not the name.
    font.flavor = "woff"
    data = io.BytesIO()
    font.save(data)
    path.write_bytes(data.getvalue())
