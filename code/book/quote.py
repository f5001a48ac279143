"""Quotations: cells that hold exactly the source text of classes and functions in ``code/``.

A code cell says what it quotes in its metadata, ``{"quote": "unrolled.hello.numpy:NumpyRNNCell"}``
or, for several definitions, ``{"quote": "unrolled.nn:softmax,cross_entropy"}``. ``make quote``
fills these cells from the code; ``make check`` fails when one differs.
"""

import ast
import difflib

import nbformat

from book.sources import (
    FRAMEWORKS,
    BookError,
    chapters,
    code_cells,
    module_file,
    parse_cell,
    parse_file,
    read,
    tags,
)

LONGEST_CELL = LONGEST_METHOD = 40
LONGEST_QUOTE = 60  # in one piece; a class that is longer is read method by method
LONGEST_CLASS = 90


def refresh(root):
    """Fill every quoted cell from the code; return the notebooks that changed."""
    changed = []
    for path in chapters(root):
        notebook = read(path)
        different = False
        for number, cell in code_cells(notebook):
            if "quote" not in cell.metadata:
                continue
            try:
                text, _ = quotation(root, cell.metadata["quote"])
            except BookError as error:
                raise BookError(f"{_where(root, path, number, cell)}: {error}") from None
            different |= text != cell.source
            cell.source = text
        if different:
            nbformat.write(notebook, path)
            changed.append(path)
    return changed


def check(root):
    """Return what is wrong with the chapters' code cells, one message each."""
    problems = []
    for path in chapters(root):
        cells = list(code_cells(read(path)))
        for position, (number, cell) in enumerate(cells):
            following = [later for _, later in cells[position + 1 :]]
            problems += [
                f"{_where(root, path, number, cell)}: {problem}"
                for problem in _check_cell(root, cell, following)
            ]
    return problems


def quotation(root, quote):
    """Return the text that a quote asks for, and the names of the classes in it.

    Raises: BookError for a malformed quote, an unknown module or an unknown name.
    """
    module, _, names = quote.partition(":")
    if not module or not names:
        raise BookError(f'the quote "{quote}" should read "module:Name" or "module:name,name"')
    path = module_file(root, module)
    if path is None:
        raise BookError(f"quotes {module}, but code/ has no such module")
    definitions = _definitions(path)
    names = [name.strip() for name in names.split(",")]
    for name in names:
        if name not in definitions:
            known = ", ".join(definitions) or "nothing"
            raise BookError(f"quotes {name}, but {module} defines {known} at its top level")
    classes = [name for name in names if definitions[name][1]]
    return "\n\n\n".join(definitions[name][0] for name in names), classes


def _definitions(path):
    """Map each top-level class and function to its source text and whether it is a class."""
    source, tree = parse_file(path)
    lines = source.split("\n")
    found = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = min([node.lineno] + [decorator.lineno for decorator in node.decorator_list])
            text = "\n".join(lines[first - 1 : node.end_lineno])
            found[node.name] = (text, isinstance(node, ast.ClassDef))
    return found


def _check_cell(root, cell, following):
    """Yield what is wrong with one code cell; ``following`` are the code cells after it."""
    quote = cell.metadata.get("quote")
    longest = LONGEST_CELL if quote is None else LONGEST_CLASS
    length = len(cell.source.splitlines())
    if length > longest:
        yield f"has {length} lines; at most {longest} fit on a screen"
    if quote is None:
        return
    methods = [n for n in ast.walk(parse_cell(cell.source)) if isinstance(n, ast.FunctionDef)]
    for method in methods if length > LONGEST_QUOTE else ():
        lines = method.end_lineno - method.lineno + 1
        if lines > LONGEST_METHOD:
            yield f"{method.name} has {lines} lines; at most {LONGEST_METHOD} fit on a screen"
    try:
        text, classes = quotation(root, quote)
    except BookError as error:
        yield str(error)
        return
    if cell.source != text:
        yield f"differs from {quote}; `make quote` refreshes it\n{_diff(cell.source, text)}"
    unused = _unused(cell, following, quote.partition(":")[2].split(","), classes)
    if unused:
        yield f"quotes {', '.join(unused)}, but the next code cell does not use it"


def _unused(cell, following, names, classes):
    """Return the quoted names that the next code cell of the same framework leaves unused.

    Every class must be used there; of quoted functions, which may call each other, one.
    """
    framework = tags(cell) & FRAMEWORKS
    eligible = (
        later
        for later in following
        if not framework or not tags(later) & FRAMEWORKS or tags(later) & framework
    )
    tree = parse_cell(next((later.source for later in eligible), ""))
    used = {getattr(node, "id", getattr(node, "attr", None)) for node in ast.walk(tree)}
    names = [name.strip() for name in names]
    if classes:
        return [name for name in classes if name not in used]
    return [] if used & set(names) else names


def _where(root, path, number, cell):
    """Name a cell so that it can be found."""
    return f"{path.relative_to(root)}, cell {number} (id {cell.get('id', 'none')})"


def _diff(cell_text, code_text):
    """Return the first lines of a diff from the cell to the code."""
    lines = difflib.unified_diff(
        cell_text.splitlines(), code_text.splitlines(), "the cell", "the code", lineterm="", n=1
    )
    lines = [f"    {line}" for line in lines]
    if len(lines) > 16:
        lines[16:] = [f"    ... and {len(lines) - 16} more lines"]
    return "\n".join(lines)
