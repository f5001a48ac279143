"""What students write, on pages: nothing of it runs in a browser, and no page asks another host."""

import re
from html import escape
from pathlib import Path

from latex2mathml.converter import convert
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import markdown2html
from nbconvert.preprocessors.sanitize import SanitizeHTML
from nbgrader.server_extensions import formgrader

TEMPLATES = Path(__file__).parent / "templates"

# nbconvert leaves formulas between their dollars, with HTML's own characters escaped.
_FORMULA = re.compile(r"\$\$(?P<block>.+?)\$\$|\$(?P<inline>[^$\n]+?)\$", re.DOTALL)
_ESCAPES = {"&lt;": "<", "&gt;": ">", "&amp;": "&", "&quot;": '"', "&#39;": "'"}
LONGEST_FORMULA = 2_000
# Beyond these, text is shown as it was typed: making a page of it takes quadratic time.
LONGEST_TEXT, MOST_TAGS = 50_000, 5_000

_TEXT = """a p h1 h2 h3 h4 h5 h6 table thead tbody tr th td pre code ul ol li em strong blockquote
br hr sub sup del div span""".split()
_MATH = """math mrow mi mo mn ms mtext mspace msub msup msubsup munder mover munderover mfrac msqrt
mroot mtable mtr mtd mstyle mpadded mphantom menclose semantics""".split()
_CLEAN = SanitizeHTML(
    tags=[*_TEXT, *_MATH],
    attributes={
        "a": ["href", "title"],
        "math": ["display", "xmlns"],
        "mo": ["stretchy", "fence", "form", "minsize", "maxsize"],
        "mi": ["mathvariant"],
        "mspace": ["width"],
        "mtable": ["columnalign"],
        "mfrac": ["linethickness"],
        "mover": ["accent"],
        "*": ["class"],
    },
)


def markdown(source):
    """Return Markdown as HTML: formulas as MathML, and nothing that runs."""
    if len(source) > LONGEST_TEXT or source.count("<") + source.count("\\begin") > MOST_TAGS:
        return f"<pre>{escape(source)}</pre>"
    html = _FORMULA.sub(_as_mathml, markdown2html(source))
    return _CLEAN.sanitize_html_tags(html)


def _as_mathml(match):
    """Return a formula as MathML, or as it is where it is none."""
    formula = match["block"] or match["inline"]
    if len(formula) > LONGEST_FORMULA:
        return match[0]
    for escaped, plain in _ESCAPES.items():
        formula = formula.replace(escaped, plain)
    try:
        return convert(formula, display="block" if match["block"] else "inline")
    except Exception:  # whatever a student has typed there
        return match[0]


class FeedbackExporter(HTMLExporter):
    """The page that a student gets (``templates/unrolled_feedback``)."""


def configure(c):
    """Let nbgrader make its pages in this way."""
    nbgrader_templates = Path(formgrader.__file__).parent / "templates"
    c.HTMLExporter.sanitize_html = True
    # nbgrader's templates don't ask whether to sanitize, but they use this filter.
    c.HTMLExporter.filters = {"markdown2html": markdown}
    c.GenerateFeedback.exporter_class = FeedbackExporter
    c.FeedbackExporter.template_name = "unrolled_feedback"
    c.FeedbackExporter.extra_template_basedirs = [str(TEMPLATES)]
    bootstrap = nbgrader_templates.parent / "static/node_modules/bootstrap/dist/css"
    c.FeedbackExporter.extra_template_paths = [str(nbgrader_templates), str(bootstrap)]
