"""Finds what a release must not hold: solutions, hidden checks, the list of variants, outputs."""

import json

import nbformat

from grader import release, variants

# A line as short as this may stand anywhere: `return x`, `import torch`.
_SHORT = 24


def find(course, name):
    """Return a sentence for each thing that a release of an assignment gives away.

    Every file of the release is looked at, the notebooks' sources, outputs and metadata alike, for
    every line that is in the source's solutions or hidden checks and nowhere else in it.
    """
    source = release.source(course, name)
    spec = variants.read(course / "source" / name)
    shown = {
        cell.metadata.nbgrader.grade_id: release.without_hidden(
            release.without_solution(cell.source)
        )
        for cell in source.cells
    }
    public = "\n".join(shown.values())
    secret = {
        line: cell.metadata.nbgrader.grade_id
        for cell in source.cells
        for line in _lines(cell.source)
        if line not in public
    }
    found = []
    folders = [course / "release" / name, course / "by-student" / name]
    for path in sorted(path for folder in folders for path in folder.rglob("*")):
        if path.is_dir():
            continue
        where = path.relative_to(course)
        if path.suffix != ".ipynb":
            found.append(f"{where}: a file that is no notebook")
            continue
        text = path.read_text(encoding="utf-8")
        for marker in ("BEGIN HIDDEN TESTS", "BEGIN SOLUTION", "BEGIN MARK SCHEME"):
            if marker in text:
                found.append(f"{where}: the mark {marker!r}")
        texts = spec.choose(path.stem if path.parent.parent.name == "by-student" else None)
        notebook = nbformat.reads(text, as_version=4)
        # Newlines as such, so that a line is found in the middle of a text as well.
        everything = "\n".join(_strings(notebook))
        for line, cell in secret.items():
            if variants.render(line, {**_any(line), **texts}) in everything:
                found.append(f"{where}: a line of {cell!r} that is not for students: {line}")
        for index, cell in enumerate(notebook.cells):
            if cell.get("outputs"):
                found.append(f"{where}: cell {index + 1} has outputs")
        for option in _others(spec, texts):
            if option in everything and option not in public:
                found.append(f"{where}: another student's variant: {option}")
    return found


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


def _any(line):
    """Return a text for each key of a line that is no variant's, so that it can be rendered."""
    return {key: "" for key in variants.keys(line)}


def _others(spec, texts):
    """Yield the long texts of options that this release is not made of."""
    mine = set(texts.values())
    for options in spec.variants.values():
        for option in options:
            yield from (
                text for text in option.values() if text not in mine and len(text) >= _SHORT
            )
