"""Sphinx extension: adjacent code cells of the three frameworks become one set of tabs.

Cells tagged ``numpy``, ``keras`` and ``pytorch``, with their outputs, go into sphinx-design's tabs,
which follow each other over the whole book, are remembered and obey ``?framework=keras``. In
Jupyter and on Colab they stay ordinary cells one below the other.
"""

from docutils import nodes
from sphinx.transforms import SphinxTransform
from sphinx.util import logging
from sphinx_design.shared import create_component

LABELS = {"numpy": "NumPy", "keras": "Keras", "pytorch": "PyTorch"}
ORDER = list(LABELS)
GROUP = "framework"
EXCEPTION = "framework-only"

logger = logging.getLogger(__name__)


def tags(node):
    """Return the tags of a code cell, an empty set for any other node."""
    if isinstance(node, nodes.container) and node.get("nb_element") == "cell_code":
        return set(node.get("cell_metadata", {}).get("tags", []))
    return set()


def framework(node):
    """Return the framework a code cell is tagged with, or None."""
    found = [name for name in ORDER if name in tags(node)]
    if len(found) > 1:
        warn(f"a cell belongs to one framework, found the tags {', '.join(found)}", node)
    return found[0] if found else None


class FrameworkTabs(SphinxTransform):
    """Wrap every run of adjacent framework cells into one set of tabs."""

    default_priority = 490

    def apply(self):
        """Gather the runs of each parent, then put a tab set in the place of each."""
        parents = {id(cell.parent): cell.parent for cell in self.document.findall(framework)}
        for parent in parents.values():
            for run in runs(parent.children):
                check(run)
                place = parent.index(run[0][1])
                parent.insert(place, tab_set(run))
                for _, cell in run:
                    parent.remove(cell)


def runs(children):
    """Split children into runs of (framework, cell); stepping back in the order opens a new run."""
    found, last = [], None
    for child in children:
        name = framework(child)
        if name:
            if last is None or ORDER.index(name) < ORDER.index(last):
                found.append([])
            found[-1].append((name, child))
        last = name
    return found


def check(run):
    """Warn when a run lacks a framework and its cells do not say that this is meant."""
    found = list(dict.fromkeys(name for name, _ in run))
    if found != ORDER and not all(EXCEPTION in tags(cell) for _, cell in run):
        warn(
            f"a set of framework cells must hold {', '.join(ORDER)} in this order, found only "
            f"{', '.join(found)}; add the missing cells next to these, put them in order, or tag "
            f"each cell '{EXCEPTION}' where no other version makes sense",
            run[0][1],
        )


def tab_set(run):
    """Return the sphinx-design nodes for a run: a tab a framework, with all of its cells."""
    group = create_component("tab-set", classes=["sd-tab-set", "framework-tabs"])
    contents = {}
    for name, cell in run:
        if name not in contents:
            label = nodes.rubric("", LABELS[name], classes=["sd-tab-label"])
            label["sync_id"], label["sync_group"] = name, GROUP
            contents[name] = create_component("tab-content", classes=["sd-tab-content"])
            group += create_component(
                "tab-item", classes=["sd-tab-item"], children=[label, contents[name]]
            )
        contents[name] += cell.deepcopy()
    return group


def warn(message, node):
    """Say where a cell breaks the rules; ``-W`` turns this into a failed build."""
    logger.warning(message, location=node, type="framework_tabs", subtype="set")


def setup(app):
    """Register the transform."""
    app.setup_extension("sphinx_design")
    app.add_transform(FrameworkTabs)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
