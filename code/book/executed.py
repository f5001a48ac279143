"""Sphinx extension: pages show the executed notebooks, and say at their foot how they ran.

The notebooks in the repository hold no outputs. Sphinx reads those, so that "edit this page",
download and Colab point at them, and this extension hands it the text of the executed copy instead.
"""

import json
from html import escape
from pathlib import Path

from sphinx.errors import ExtensionError

RECORDED = "application/vnd.unrolled."
SHOWN = {
    "python": "Python",
    "numpy": "NumPy",
    "keras": "Keras",
    "tensorflow": "TensorFlow",
    "torch": "PyTorch",
    "jax": "JAX",
}


def executed_path(app, docname):
    """Return where ``make book`` leaves the executed copy of a document."""
    return Path(app.srcdir) / "_build" / "executed" / f"{docname}.ipynb"


def is_notebook(app, docname):
    """Tell whether a document of the book is a notebook."""
    return docname in app.env.found_docs and app.env.doc2path(docname).endswith(".ipynb")


def read_executed(path):
    """Return the executed notebook's text, less the data meant for tests, and the run's record.

    Raises: ExtensionError when it is missing or holds no such record.
    """
    if not path.exists():
        raise ExtensionError(f"{path} is missing: run `make book`, which executes the chapters")
    notebook = json.loads(path.read_text(encoding="utf-8"))
    record = notebook["metadata"].get("unrolled", {})
    if "key" not in record:
        raise ExtensionError(
            f"{path} does not say how it was executed (no metadata unrolled.key): run `make book`"
        )
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            # Scoreboards and agreement tables: the page shows the text/html beside them.
            for kind in [kind for kind in output.get("data", {}) if kind.startswith(RECORDED)]:
                del output["data"][kind]
    return json.dumps(notebook), record


def show_executed(app, docname, source):
    """Replace a notebook's text by that of its executed copy."""
    if is_notebook(app, docname):
        path = executed_path(app, docname)
        source[0], _ = read_executed(path)
        app.env.note_dependency(str(path))


def add_foot(app, pagename, templatename, context, doctree):
    """Append the record of the run to a chapter's page."""
    if doctree is not None and is_notebook(app, pagename):
        _, record = read_executed(executed_path(app, pagename))
        context["body"] += foot(record)


def foot(record):
    """Return the line at the foot of a page: when, on what, with which versions, how long."""
    versions = dict(record["versions"])
    backend = versions.pop("keras backend", None)
    names = [*(name for name in SHOWN if name in versions), *sorted(versions.keys() - SHOWN.keys())]
    listed = ", ".join(f"{SHOWN.get(name, name)} {versions[name]}" for name in names)
    if backend:
        listed += f"; Keras runs on {SHOWN.get(backend, backend)}"
    when = record["executed"]
    device = record.get("device_name") or record["device"]
    return (
        '<p class="unrolled-executed">Executed on '
        f'<time datetime="{escape(when)}">{escape(when[:10])}</time> on {escape(device)} '
        f"in {record['seconds']:.0f} seconds, with {escape(listed)}.</p>\n"
    )


def setup(app):
    """Connect to Sphinx; the foot comes first, before others look at the page's body."""
    app.connect("source-read", show_executed, priority=100)
    app.connect("html-page-context", add_foot, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
