"""Finds what a release must not hold: solutions, hidden checks, the list of variants, outputs."""

import json

import nbformat

from grader import release, variants

# A line as short as this may stand anywhere: `return x`, `import torch`.
_SHORT = 24


def find(course, name):
    """Return a sentence for each thing that a release of an assignment gives away.

    Every file of the release is looked at, the notebooks' sources, outputs and metadata alike, for
    every line of the source's solutions and hidden checks, and for the texts of other variants,
    unless a student is to see them anyway.
    """
    found = release.from_source(course, name, by_student=True)
    problems = []
    folders = [course / "release" / name, course / "by-student" / name]
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.is_dir():
            continue
        where = path.relative_to(course)
        if path.suffix != ".ipynb":
            problems.append(f"{where}: a file that is no notebook")
            continue
        student = path.stem if path.parent.parent.name == "by-student" else None
        text = path.read_text(encoding="utf-8")
        problems += [f"{where}: {what}" for what in _in_notebook(text, found, student)]
    return problems


def _in_notebook(text, found, student):
    """Yield what a student's notebook gives away."""
    for marker in ("BEGIN HIDDEN TESTS", "BEGIN SOLUTION", "BEGIN MARK SCHEME"):
        if marker in text:
            yield f"the mark {marker!r}"
    notebook = nbformat.reads(text, as_version=4)
    for index, cell in enumerate(notebook.cells):
        if cell.get("outputs"):
            yield f"cell {index + 1} has outputs"
    # Newlines as such, so that a line is found in the middle of a text as well.
    everything = "\n".join(_strings(notebook))
    texts = found.texts(student) | found.spec.choose(student)
    shown = "\n".join(_shown(cell, texts) for cell in found.cells)
    for cell in found.cells:
        for line in _lines(variants.render(cell.source, texts)):
            if line not in shown and line in everything:
                yield f"a line of {cell.name!r} that is not for students: {line}"
    for options in found.spec.variants.values():
        for option in options:
            for other in option.values():
                if len(other) >= _SHORT and other not in shown and other in everything:
                    yield f"another student's variant: {other}"


def _shown(cell, texts):
    """Return what a student may see of a cell."""
    shown = release.without_hidden(release.without_solution(cell.source))
    return variants.render(shown, texts)


def _lines(text):
    """Return the lines of a text that are long enough to tell where they are from."""
    stripped = (line.strip() for line in text.splitlines())
    return {line for line in stripped if len(line) >= _SHORT}


def _strings(value):
    """Yield all strings in a notebook, keys included; sources and texts as one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)
    else:
        yield json.dumps(value)
