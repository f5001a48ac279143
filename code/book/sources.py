"""Which notebooks make the book, and which files of the package each of them rests on."""

import ast

import nbformat
import yaml
from IPython.core.inputtransformer2 import TransformerManager

PACKAGE = "unrolled"
FRAMEWORKS = {"numpy", "keras", "pytorch"}


class BookError(Exception):
    """Something in the book is not as it should be; the message says what to do."""


def chapters(root):
    """Return the notebooks that ``_toc.yml`` names, in reading order.

    Raises: BookError for an entry without a file.
    """
    found = []
    for entry in _entries(yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))):
        notebook = root / f"{entry}.ipynb"
        if notebook.is_file():
            found.append(notebook)
        elif not (root / f"{entry}.md").is_file():
            raise BookError(
                f"_toc.yml names {entry}, but there is neither {entry}.ipynb nor {entry}.md"
            )
    return found


def _entries(node):
    """Yield the files of a table of contents in their order, parts and sections included."""
    if isinstance(node, list):
        for child in node:
            yield from _entries(child)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("root", "file"):
                yield value
            else:
                yield from _entries(value)


def read(path):
    """Return the notebook at ``path``."""
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    """Yield (number, cell) of the code cells; numbers count all cells from 1."""
    for number, cell in enumerate(notebook.cells, start=1):
        if cell.cell_type == "code":
            yield number, cell


def tags(cell):
    """Return the set of a cell's tags."""
    return set(cell.metadata.get("tags", []))


def parse_cell(source):
    """Return the syntax tree of a cell, IPython's ``%magics`` allowed.

    A cell that is not Python gives an empty tree: executing it will say what is wrong.
    """
    lines = source.splitlines(keepends=True)
    if lines and lines[0].startswith("%%"):
        lines = lines[1:]
    try:
        return ast.parse(TransformerManager().transform_cell("".join(lines)))
    except SyntaxError:
        return ast.parse("")


def parse_file(path):
    """Return a Python file's text and its syntax tree.

    Raises: BookError for a file that is not Python.
    """
    text = path.read_text(encoding="utf-8")
    try:
        return text, ast.parse(text)
    except SyntaxError as error:
        raise BookError(f"{path}, line {error.lineno}: {error.msg}") from None


def module_file(root, module):
    """Return the file of a module of the package, or None when there is none."""
    stem = root.joinpath("code", *module.split("."))
    for path in (stem.with_suffix(".py"), stem / "__init__.py"):
        if path.is_file():
            return path
    return None


def needed_files(root, notebook):
    """Return the package's files that a notebook imports or quotes, directly or not, sorted.

    Data files that lie next to an imported module count as part of it.
    """
    waiting = set()
    for _, cell in code_cells(notebook):
        waiting |= _imports(parse_cell(cell.source), package="")
        if "quote" in cell.metadata:
            waiting.add(cell.metadata["quote"].partition(":")[0])
    files, seen = set(), set()
    while waiting:
        module = waiting.pop()
        path = module_file(root, module)
        if module in seen or path is None:
            continue
        seen.add(module)
        files.add(path)
        files.update(f for f in path.parent.iterdir() if f.is_file() and f.suffix != ".py")
        package = module if path.name == "__init__.py" else module.rpartition(".")[0]
        waiting |= _imports(parse_file(path)[1], package) | {module.rpartition(".")[0]}
    return sorted(files)


def _imports(tree, package):
    """Return the names in the package that a tree may import, wherever the import stands."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                kept = parents[: len(parents) - node.level + 1]
                base = ".".join(kept + ([base] if base else []))
            # `from unrolled import nn` may name a module or something inside one.
            names |= {base} | {f"{base}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == PACKAGE}
