"""Put the answers of a student's file into the notebook as it was released.

What students hand in has been through Colab, Jupyter, mail and a file manager: cells copied, moved,
deleted, metadata lost, or all of it pasted into a new notebook. So the release is the skeleton, and
only the sources of its answers are looked for in the file, which is read as JSON and never run.
"""

import ast
import builtins
import copy
import json
import re
import stat
from bisect import bisect
from dataclasses import dataclass, field
from itertools import islice

from nbformat.v4 import new_code_cell

LARGEST = 50 * 10**6
MOST_LISTS = 4_000_000  # each takes some 70 bytes of memory, however short its text

_TITLE = re.compile(r"^#\s+(\S[^\n]*)", re.MULTILINE)
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"\w+")
_PLACEHOLDER = re.compile(
    r"^\s*(?:# )?YOUR (?:CODE|ANSWER) HERE\s*$|^\s*raise NotImplemented.*$", re.M
)
# Only what begins in the first column. Students' code is not given to `ast`: it need not parse, and
# what is nested deeply enough ends Python itself.
_DEFINITION = re.compile(
    r"^(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)"
    r"|^(\w+(?:[ \t]*,[ \t]*\w+)*)[ \t]*(?::[^=\n]*)?=(?!=)",
    re.MULTILINE,
)
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+[\w.]+[ \t]+)?import[ \t]+\(?([^#\n]+)", re.MULTILINE)
_CODE = re.compile(r"^(?:import |from \w+ import |def |class |@|#!|print\()", re.MULTILINE)
_MOST_DEFINITIONS = 10_000
MOST_ADDED = 100  # of a student's own cells that run
_HEAD = 5_000  # the characters of a cell that likeness is about


class BadSubmission(ValueError):
    """A file that can't be graded; the text is one sentence that says why."""


@dataclass(eq=False)
class _Cell:
    """A cell of the student's file: its place, its text, and the names that its metadata give."""

    place: int
    kind: str
    source: str
    grade_id: str | None = None
    ids: frozenset = frozenset()
    text: str = ""  # the source with every run of white space as one space
    defined: frozenset = frozenset()


@dataclass(eq=False)
class _Answer:
    """A question's answer: its place in the release, and the student's cells that hold it."""

    place: int
    name: str
    kind: str
    stub: str
    ids: frozenset
    names: frozenset  # what the answer must define
    blank: str  # the stub as a `_Cell.text`
    own: list = field(default_factory=list)  # cells that bear its name
    cells: list = field(default_factory=list)

    def changed(self, cell):
        """Return whether a cell holds more than the released stub."""
        return bool(cell.text) and cell.text != self.blank

    def proper(self, cell):
        """Return whether a cell is changed, and defines what the question asks for."""
        return self.changed(cell) and self.names <= cell.defined

    def answered(self):
        """Return whether something else than the stub was found."""
        return any(map(self.changed, self.cells))


def read(path):
    """Return the bytes of a student's file.

    Raises:
        BadSubmission: if it is no ordinary file, or larger than `LARGEST`.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise BadSubmission("It is not an ordinary file.")
    check_size(status.st_size)
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    check_size(len(content))
    return content


def check_size(size):
    """Refuse a number of bytes above `LARGEST`, by raising BadSubmission."""
    if size > LARGEST:
        raise BadSubmission(
            f"It is larger than {LARGEST // 10**6} MB: clear its outputs (in Jupyter or Colab, "
            '"Edit", "Clear all outputs"), save it, and hand it in again.'
        )


def repair(release, submission):
    """Return the release with a student's answers in it, and what was unusual.

    Args:
        release: the notebook that the student got, with nbgrader's metadata.
        submission: the bytes of the student's file.

    Returns:
        a copy of the release in which the sources of the answers are the student's, with the code
        cells that the student added, which have no metadata of nbgrader's; and a list of short
        sentences for the teacher.

    Raises:
        BadSubmission: if the file is no notebook, too large, or of another assignment.
    """
    cells, notes = _cells(submission)
    search = _Search(release, cells)
    search.by_name()
    search.refuse_another()
    if search.sure or not search.renamed():
        search.by_place()
        search.by_likeness()
    search.refuse_without_answers()
    notebook = copy.deepcopy(release)
    for answer in search.answers:
        if not answer.cells:
            search.note(answer, "is missing")
        elif answer.answered():
            # To the letter, unless it comes in parts.
            sources = [cell.source for cell in answer.cells]
            notebook.cells[answer.place].source = "\n\n".join(sources)
    added = search.added()
    cells = notebook.cells
    notebook.cells = [_new(cell) for cell in added.get(-1, ())]
    for place, cell in enumerate(cells):
        notebook.cells += [cell, *map(_new, added.get(place, ()))]
    return notebook, notes + search.notes()


def _new(cell):
    """Return a student's own cell as one of a notebook."""
    return new_code_cell(cell.source, id=f"added-{cell.place + 1}")


class _Search:
    """The search for the answers of a release among the cells of a file."""

    def __init__(self, release, cells):
        self.release, self.cells = release, cells
        self.answers = _answers(release)
        self.remarks = {answer.place: [] for answer in self.answers}
        self.extra = []  # what else was unusual
        self.sure = False  # whether something was found that only this assignment has
        self.title = _title(cell.source for cell in cells if cell.kind == "markdown")
        self.locked = {
            place: cell
            for place, cell in enumerate(release.cells)
            if not _nbgrader(cell).get("solution")
        }
        # Released cell -> the student's, by place: text before an answer and the check behind it.
        self.anchors = {}
        self.alike = 0  # how many locked cells still have their text
        self._find_locked()

    def by_name(self):
        """Find answers by nbgrader's name, by the cell's id, and by what they define."""
        names = frozenset().union(*(answer.names for answer in self.answers))
        by_grade_id, by_id, by_definition = {}, {}, {}
        for cell in self.cells:
            by_grade_id.setdefault(cell.grade_id, []).append(cell)
            for name in cell.ids:
                by_id.setdefault(name, []).append(cell)
            for name in names & cell.defined:
                by_definition.setdefault(name, []).append(cell)
        for answer in self.answers:
            marked = by_grade_id.get(answer.name, [])
            same_id = _ordered(cell for name in answer.ids for cell in by_id.get(name, ()))
            defining = _ordered(
                cell for name in answer.names for cell in by_definition.get(name, ())
            )
            defining = [cell for cell in defining if cell.text not in self.texts]
            # Last come a cell that bears the name of a locked one, which may have been merged with
            # the answer, and one that is no longer code.
            free = [c for c in defining if c not in self.taken and c.kind == "code"]
            answer.own = marked or same_id
            self._choose(answer, [marked, same_id, free, defining])
            if answer.cells:
                self.sure = True
                self._take(answer)

    def by_place(self):
        """Find answers without a name of their own between the cells that are around them."""
        gaps = {}
        for answer in self.answers:
            if answer.cells and not answer.answered() and answer.kind == "markdown":
                self._look_around(answer)
            elif not answer.cells:
                before = max((p for p in self.anchors if p < answer.place), default=None)
                after = min((p for p in self.anchors if p > answer.place), default=None)
                # Assignments share cells, but not those next to an answer.
                if self.sure or before == answer.place - 1 or after == answer.place + 1:
                    gaps.setdefault((before, after, answer.kind), []).append(answer)
        between = {gap: self._between(*map(self.anchors.get, gap[:2])) for gap in gaps}
        for gap, answers in gaps.items():
            found = [cell for cell in between[gap] if cell.text and cell.kind == gap[2]]
            if len(answers) == 1:
                self._choose_in(answers[0], found)
            elif len(answers) == len(found):
                for answer, cell in zip(answers, found, strict=True):
                    answer.cells = [cell]
            for answer in answers:
                if answer.cells:
                    self.sure = True
                    self._take(answer)
                    self.note(answer, "was found by its place, as its metadata were lost")

    def by_likeness(self):
        """Find what is left by the words that it shares with the question's stub."""
        lost = [answer for answer in self.answers if not answer.cells and answer.kind == "code"]
        stubs = [_PLACEHOLDER.sub("", answer.stub)[:_HEAD] for answer in lost]
        stubs = [frozenset(_WORD.findall(stub)) for stub in stubs]
        best = [(0.6 if self.sure else 0.8, []) for _ in lost]
        for cell in self.cells if lost else ():
            if cell.kind != "code" or cell in self.taken:
                continue
            words = _WORD.findall(cell.source[:_HEAD])
            for number, stub in enumerate(stubs):
                score = len(stub.intersection(words)) / max(1, len(stub))
                if score > best[number][0]:
                    best[number] = score, [cell]
                elif score == best[number][0]:
                    best[number][1].append(cell)
        for answer, (_, cells) in zip(lost, best, strict=True):
            cells = [cell for cell in cells if cell not in self.taken]
            if cells:
                answer.cells = self._last(answer, cells)
                self._take(answer)
                self.note(answer, "was found by its likeness to the question")

    def refuse_another(self):
        """Refuse a file that is another assignment, by raising BadSubmission.

        Assignments share their first cells, and two may give an answer the same name: what counts
        is most of nbgrader's names or, where they were lost, most of the answers.
        """
        if not self.renamed():
            return
        names = {name for cell in self.release.cells for name in _names(cell)}
        marked = {cell.grade_id for cell in self.cells} - {None}
        found = sum(bool(answer.cells) for answer in self.answers)
        if marked:
            foreign = 2 * len(marked - names) > len(marked)
        else:  # answers alone, in a notebook of the student's own, have no text of the release
            foreign = 2 * found < len(self.answers) and self.alike
        if foreign:
            self._refuse()

    def refuse_without_answers(self):
        """Refuse a file that holds code, but no answer, by raising BadSubmission."""
        code = any(cell.kind == "code" and cell.text for cell in self.cells)
        if code and self.answers and not any(answer.cells for answer in self.answers):
            self._refuse()

    def renamed(self):
        """Return whether a file has another title than the release, and little of its text."""
        expected = _title(c.source for c in self.release.cells if c.cell_type == "markdown")
        return (
            bool(self.title and expected)
            and _squeezed(self.title) != _squeezed(expected)
            and 2 * self.alike < len(self.locked)
        )

    def note(self, answer, what):
        """Remember what was unusual about an answer."""
        self.remarks[answer.place].append(f"the answer `{answer.name}` {what}")

    def notes(self):
        """Return what was unusual about the answers, in their order."""
        notes = [f'the title of the file is "{self.title[:80]}"'] if self.renamed() else []
        for answer in self.answers:
            notes += self.remarks[answer.place]
            if answer.kind == "markdown" and not answer.answered():
                notes += self._written_elsewhere(answer)
        return notes + self.extra

    def _refuse(self):
        title = f'its title is "{self.title[:80]}"' if self.title else "it has no title"
        raise BadSubmission(f"The answers of this assignment are not in it; {title}.")

    def _find_locked(self):
        """Find the released cells that are not answers, by name or by text."""
        self.texts = {_squeezed(cell.source) for cell in self.locked.values()} - {""}
        named, texts = {}, {}
        for cell in self.cells:
            for name in {cell.grade_id, *cell.ids} - {None}:
                named.setdefault(name, cell)
            if cell.text in self.texts:
                texts.setdefault(cell.text, []).append(cell)
        # Copies of locked cells are no answers either.
        self.taken = {cell for copies in texts.values() for cell in copies}
        present = {text: iter(copies) for text, copies in texts.items()}
        for place, cell in self.locked.items():
            same = next(present.get(_squeezed(cell.source), iter(())), None)
            self.alike += same is not None
            same = same or next((named[name] for name in _names(cell) if name in named), None)
            if same:
                self.anchors[place] = same.place
                self.taken.add(same)

    def _choose(self, answer, tiers):
        """Give an answer the cells of the first tier that holds it properly, or at all."""
        for good in (answer.proper, answer.changed, lambda cell: True):
            for number, tier in enumerate(tiers):
                if any(map(good, tier)):
                    changed = [cell for cell in tier if answer.changed(cell)]
                    answer.cells = self._last(answer, changed, good, whole=True) or tier[-1:]
                    if number >= 2:
                        why = "own cell does not hold it" if answer.own else "metadata were lost"
                        self.note(answer, f"was found by its definition, as its {why}")
                    return

    def _choose_in(self, answer, found):
        """Give an answer its cell, or all texts of a written one, of those in its place."""
        found = [cell for cell in found if answer.changed(cell)] or found[-1:]
        if answer.kind == "markdown":
            answer.cells = found
            if len(found) > 1:
                self.note(answer, f"was put together from {_count(len(found))} cells")
        else:
            # A cell that only tries something out defines nothing.
            answer.cells = self._last(answer, [cell for cell in found if cell.defined] or found)

    def _last(self, answer, cells, good=lambda cell: True, whole=False):
        """Return, of cells that could be an answer, the last good one, or its parts if ``whole``.

        Copies define the same names; the parts of a cell that was split bear the same name, but
        each defines something else.
        """
        if not cells:
            return []
        last = [cell for cell in cells if good(cell)][-1]
        parts, defined = [last], set(last.defined)
        for cell in reversed(cells) if whole else ():
            if cell is not last and cell.defined and not cell.defined & defined:
                parts.append(cell)
                defined |= cell.defined
        others = {cell.text for cell in cells} - {cell.text for cell in parts}
        if len(parts) > 1:
            self.note(answer, f"was put together from {_count(len(parts))} cells")
        if others:
            could = f"{_count(len(others) + len(parts))} cells could be the answer `{answer.name}`"
            self.remarks[answer.place].append(f"{could}: took the last")
        return sorted(parts, key=lambda cell: cell.place)

    def _look_around(self, answer):
        """Look for a written answer in the cells next to its own, which is blank."""
        place = answer.cells[0].place
        around = self._free(place, -1)[::-1] + self._free(place, 1)
        around = [cell for cell in around if cell.kind == "markdown" and answer.changed(cell)]
        if around:
            answer.cells = around
            self._take(answer)
            self.note(answer, "was found next to its own cell, which is blank")

    def _between(self, before, after):
        """Return the cells that belong to nothing else between two places, or next to one."""
        forward = [] if before is None else self._free(before, 1)
        backward = [] if after is None else self._free(after, -1)[::-1]
        return forward or backward

    def _free(self, place, step):
        """Return the cells from a place on, in one direction, up to the next that is taken."""
        found = []
        place += step
        while 0 <= place < len(self.cells) and self.cells[place] not in self.taken:
            found.append(self.cells[place])
            place += step
        return found

    def _take(self, answer):
        """Let an answer's cells be a neighbor to others, and not be theirs."""
        self.taken.update(answer.cells, answer.own)
        self.anchors[answer.place] = answer.cells[-1].place

    def _written_elsewhere(self, answer):
        """Say that the text above a blank written answer was changed: it may be the answer."""
        above = answer.place - 1
        if above in self.locked and above in self.anchors:
            cell = self.cells[self.anchors[above]]
            if cell.kind == "markdown" and cell.text != _squeezed(self.locked[above].source):
                yield f"the answer `{answer.name}` is blank, but the text above it was changed"

    def added(self):
        """Return the code cells that a student added, by the place in the release they come after.

        An answer may need them: an import, a function of the student's own. Copies of what is in
        the release, and other tries of an answer, are left out.
        """
        names = frozenset().union(*(answer.names for answer in self.answers))
        own = [cell for cell in self.cells if cell.kind == "code" and cell.text]
        own = [cell for cell in own if cell not in self.taken and not cell.defined & names]
        known = sorted((place, released) for released, place in self.anchors.items())
        found = {}
        if len(own) > MOST_ADDED:
            self.extra.append(f"only {MOST_ADDED} of its {len(own)} added cells are run")
        for cell in own[:MOST_ADDED]:
            before = bisect([place for place, _ in known], cell.place) - 1
            found.setdefault(known[before][1] if before >= 0 else -1, []).append(cell)
        return found


def _answers(release):
    """Return the answers of a release, in order."""
    needed = _needed(release)
    answers = []
    for place, cell in enumerate(release.cells):
        if _nbgrader(cell).get("solution"):
            code = cell.cell_type == "code"
            names = _defined(cell.source) or needed.get(place, frozenset()) if code else frozenset()
            name = _nbgrader(cell).get("grade_id", f"cell {place + 1}")
            ids = frozenset(_names(cell))
            blank = _squeezed(cell.source)
            answers.append(_Answer(place, name, cell.cell_type, cell.source, ids, names, blank))
    return answers


def _needed(release):
    """Return, for each answer by place, what the checks behind it use and no released cell makes.

    A stub that asks for more than a function does not show what the solution defines.
    """
    loaded, stored, answer = {}, set(dir(builtins)), None
    for place, cell in enumerate(release.cells):
        if cell.cell_type != "code":
            continue
        if _nbgrader(cell).get("solution"):
            answer = place
        stored |= _defined(cell.source) | _made(cell.source)
        try:
            nodes = list(ast.walk(ast.parse(cell.source)))
        except SyntaxError:  # a magic command
            continue
        names = [node for node in nodes if isinstance(node, ast.Name)]
        stored |= {node.id for node in names if not isinstance(node.ctx, ast.Load)}
        stored |= {
            getattr(node, part, None) for node in nodes for part in ("name", "asname", "arg")
        }
        if answer is not None and _nbgrader(cell).get("grade"):
            loaded.setdefault(answer, set()).update(node.id for node in names)
    needed = {}
    for place, names in loaded.items():
        needed[place] = frozenset(names - stored)
        stored |= names  # what a later check uses again belongs to the first
    return needed


def _cells(submission):
    """Return the cells of a student's file, and what is unusual about it as a whole.

    Raises:
        BadSubmission: if it isn't a notebook.
    """
    check_size(len(submission))
    kind = _looks_like(submission)
    if kind:
        raise BadSubmission(f"It is {kind}, not a notebook.")
    if submission.count(b"[") + submission.count(b"{") > MOST_LISTS:
        raise BadSubmission("It holds more lists than any notebook: clear its outputs.")
    notes = []
    try:
        text = submission.decode(json.detect_encoding(submission), "surrogatepass")
    except UnicodeDecodeError:
        text = submission.decode("utf-8", "replace")
        notes.append("the file is not UTF-8: letters with accents may be lost")
    notebook = _parsed(text)
    worksheets = notebook.get("worksheets") if isinstance(notebook, dict) else None
    if isinstance(worksheets, list):  # nbformat 3
        found = [_list(sheet.get("cells")) for sheet in worksheets if isinstance(sheet, dict)]
        found = [cell for cells in found for cell in cells]
    elif isinstance(notebook, dict) and isinstance(notebook.get("cells"), list):
        found = notebook["cells"]
    else:
        raise BadSubmission("It is JSON, but not a notebook: it has no cells.")
    cells = [
        _cell(place, cell) for place, cell in enumerate(c for c in found if isinstance(c, dict))
    ]
    if not any(cell.text for cell in cells):
        raise BadSubmission("It is an empty notebook.")
    return cells, notes


def _parsed(text):
    """Return the value of JSON text; raise BadSubmission with what is wrong with it."""
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except RecursionError:
        raise BadSubmission("It is nested too deeply to be a notebook.") from None
    except json.JSONDecodeError as error:
        if not text.lstrip("\ufeff \t\r\n").startswith(("{", "[")):
            raise BadSubmission(f"It is {_guess(text)}, not a notebook.") from None
        # Where a file ends early, the error is at the end, or it is a string that goes on.
        if error.msg.startswith("Unterminated") or error.pos >= len(text.rstrip()) - 6:
            raise BadSubmission(
                "It is only the beginning of a notebook: it was not saved or uploaded to its end."
            ) from None
        raise BadSubmission(
            f"It is damaged: from line {error.lineno} on it is not JSON ({error.msg})."
        ) from None
    except ValueError:  # an integer of thousands of digits
        raise BadSubmission("It is damaged: it holds a number that no notebook holds.") from None


def _looks_like(content):
    """Return what a file is by its first bytes, or None if it may be a notebook."""
    start = content[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    if not content.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        return "an empty file"
    for magic, kind in (
        (b"%PDF", "a PDF"),
        (b"PK", "a zip archive or an office document"),
        (b"\x1f\x8b", "a compressed file"),
        (b"Rar!", "a compressed file"),
        (b"7z\xbc\xaf", "a compressed file"),
        (b"\x89PNG", "a picture"),
        (b"\xff\xd8\xff", "a picture"),
        (b"{\\rtf", "a text document"),
    ):
        if start.startswith(magic):
            return kind
    if start.lower().startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<script")):
        return "a web page (one to log in, or a notebook exported as HTML)"
    return None


def _guess(text):
    """Return what a text is that is no JSON."""
    return "a Python script" if _CODE.search(text) else "a file of another kind"


def _cell(place, cell):
    """Return a cell of JSON as a `_Cell`; what isn't of the right type counts as absent."""
    kind = cell.get("cell_type")
    kind = kind if isinstance(kind, str) else "raw"
    source = cell.get("source", cell.get("input", ""))  # "input" in nbformat 3
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    source = source if isinstance(source, str) else ""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if not source.isascii():  # of a surrogate pair make a character, of half of one a mark
        source = source.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if kind == "heading":  # nbformat 3
        kind, source = "markdown", f"# {source}"
    return _Cell(
        place,
        kind,
        source,
        _string(_nbgrader(cell).get("grade_id")),
        frozenset(_names(cell)),
        _squeezed(source),
        _defined(source),
    )


def _names(cell):
    """Return a cell's names: nbgrader's, its id, and the id that Colab keeps in the metadata."""
    names = (_nbgrader(cell).get("grade_id"), cell.get("id"), _dict(cell.get("metadata")).get("id"))
    return [name for name in names if _string(name)]


def _nbgrader(cell):
    """Return nbgrader's part of a cell's metadata, empty if there is none."""
    return _dict(_dict(cell.get("metadata")).get("nbgrader"))


def _dict(value):
    return value if isinstance(value, dict) else {}


def _list(value):
    return value if isinstance(value, list) else []


def _string(value):
    return value if isinstance(value, str) and value else None


def _defined(source):
    """Return the names that code defines in its first column: functions, classes, assignments."""
    names = set()
    for match in islice(_DEFINITION.finditer(source), _MOST_DEFINITIONS):
        names.update(name.strip() for name in (match[1] or match[2]).split(","))
    return frozenset(names)


def _made(source):
    """Return the functions, classes, constants and imported names of code."""
    # One capital letter is a size.
    names = {name for name in _defined(source) if name.isupper() and len(name) > 1}
    names |= set(
        re.findall(r"^[ \t]*(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)", source, re.MULTILINE)
    )
    for match in islice(_IMPORT.finditer(source), _MOST_DEFINITIONS):
        for part in match[1][:_HEAD].strip(" \t)").split(","):
            words = part.split()
            if words:
                names.add(words[-1] if "as" in words else words[0].split(".")[0])
    return names


def _squeezed(source):
    """Return a text with every run of white space as one space."""
    return _SPACE.sub(" ", source).strip()


def _ordered(cells):
    """Return cells in their order, each once."""
    return sorted(set(cells), key=lambda cell: cell.place)


def _title(sources):
    """Return the first heading among the texts, or None."""
    for source in sources:
        match = _TITLE.search(source)
        if match:
            return "".join(c if c.isprintable() else " " for c in match[1]).strip()
    return None


def _count(number):
    """Return a small number in words."""
    words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
    return words[number] if number < len(words) else str(number)
