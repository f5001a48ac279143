"""Put what students handed in where nbgrader looks for it.

A learning platform lets teachers download a zip, or a folder once it is unpacked, whose names say
whose each file is. Each student's latest file is repaired (`grader.repair`) and written to
``submitted/<student>/<assignment>/<assignment>.ipynb``, with the time in ``timestamp.txt``.

Whose a file is, is never guessed: what fits no student of the roster, or two, is a problem that the
summary names, and `collect` can be told by an alias.
"""

import csv
import io
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import nbformat
from nbgrader.utils import parse_utc

from grader import repair
from grader.repair import BadSubmission

MOST_FILES = 20_000
MOST_TRIES = 10  # of one student's files
LONGEST_PATH = 1000
IGNORED = {"__MACOSX", "__pycache__", "Thumbs.db", "desktop.ini", "timestamp.txt"}

# How the platforms name what they let teachers download; all of these are from memory.
# Canvas: lastnamefirstname_LATE_<user>_<attachment>_<name>, where a second attempt's name has a -1.
_CANVAS = re.compile(
    r"(?P<name>[^_]+)_(?P<late>LATE_)?(?P<user>\d+)_(?P<attachment>\d+)_.+", re.DOTALL
)
# Moodle: "First Last_<participant>_assignsubmission_file_", a folder or the beginning of a name.
_MOODLE = re.compile(r"(?P<name>.+?)_\d+_assignsubmission_(?:file|onlinetext)(?:_.*)?", re.DOTALL)
# Google Drive and Classroom: "First Last - Copy of <name> (1)". Jupyter: <name>-Copy1. Browsers and
# file managers: "<name> (1)", "<name> - Copy", "<name> copy 2".
_COPY = re.compile(r"^(?:copy of|copia de|kopie von)\s+", re.IGNORECASE)
_AGAIN = re.compile(
    r"(?:\s*\((?P<a>\d+)\)|[\s-]+copy\s*(?P<b>\d*)|-(?P<c>\d{1,2}))$", re.IGNORECASE
)
_ENDING = re.compile(
    r"(?:\.(?:ipynb|json|txt|html?|py|pdf|zip|docx?|md|png|jpe?g|heic))+$", re.IGNORECASE
)
_STAMP = "%Y-%m-%d %H:%M:%S.%f UTC"  # of a time, for nbgrader
_SAFE = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9._@-]*")
# Letters that Unicode does not split into a plain one and an accent; apostrophes.
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
    | dict.fromkeys("'\u2019\u02bc`")
)


class CollectError(ValueError):
    """Nothing can be collected; the text says why."""


@dataclass(frozen=True, order=True)
class Student:
    """A student, as in nbgrader's list."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""


@dataclass
class Collected:
    """What became of a student's files, or of a file that is nobody's.

    Attributes:
        file: the name of the file, or of the latest of several.
        student: the student's id, or None.
        when: the time at which it was handed in, or None.
        late: how late that is; zero if it is late, but nothing says by how much; or None.
        notes: sentences on what is unusual.
        problem: why nothing was written, or None.
        written: whether something changed in ``submitted``.
    """

    file: str
    student: str | None = None
    when: datetime | None = None
    late: timedelta | None = None
    notes: list = field(default_factory=list)
    problem: str | None = None
    written: bool = False


@dataclass
class _File:
    """A file of a download: its path in it, its time, and how to read it."""

    path: str
    time: datetime | None
    read: Callable  # () -> bytes; raises BadSubmission
    outside: bool = False  # whether its path leads out of the download
    canvas: re.Match | None = None  # what Canvas's form of a name says, in a download of Canvas

    @property
    def name(self):
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def shown(self):
        """The path, fit to print."""
        return "".join(c if c.isprintable() else "?" for c in self.path)

    @property
    def order(self):
        """What is larger for what was handed in later."""
        attachment = int(self.canvas["attachment"]) if self.canvas else 0
        # A zip's times are even seconds.
        time = self.time.timestamp() // 2 if self.time else 0
        return attachment, time, _parted(_ENDING.sub("", self.name))[1], self.path


def read_roster(path):
    """Return the `Student`s in a file of comma-separated values with nbgrader's columns.

    Raises:
        CollectError: if it has no column ``id``, or an id twice or one that can't name a folder.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CollectError(f'{path} is not UTF-8: save it as "CSV UTF-8"') from None
    header = text.partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=";" if header.count(";") else ",")
    columns = [column.strip() for column in next(rows, [])]
    if "id" not in columns:
        raise CollectError(f"{path} has no column id; its columns are {', '.join(columns)}")
    known = set(columns) & set(Student.__dataclass_fields__)
    students = {}
    for row in rows:
        values = dict(zip(columns, map(str.strip, row), strict=False))
        if not values.get("id"):
            continue
        student = Student(**{name: values[name] for name in known & set(values)})
        if student.id.casefold() in map(str.casefold, students):  # folders, too, may be the same
            raise CollectError(f"{path} has the id {student.id} twice")
        if not _SAFE.fullmatch(student.id):
            raise CollectError(f"{path}: {_unsafe(student.id)}")
        students[student.id] = student
    return list(students.values())


def collect(
    source,
    assignment,
    release,
    roster,
    submitted,
    due=None,
    aliases=None,
    replace=False,
    progress=lambda x: x,
):
    """Write each student's latest submission to nbgrader's folder of submissions.

    A file that can't be graded, or that is nobody's, affects no other. What is unchanged since the
    last time isn't written again; what a student handed in then and not now remains.

    Args:
        source: a folder, or a zip, of downloaded files.
        assignment: its name.
        release: the released notebook, or a function that returns it for a student's id.
        roster: the `Student`s.
        submitted: nbgrader's folder of submissions.
        due: when it is due, a datetime with a time zone; None if nothing is late.
        aliases: text in names of files -> student's id, for what the roster does not tell.
        replace: whether to take a file that is older than what was collected before.
        progress: wraps the list of students that is worked through, as `tqdm.tqdm` does.

    Returns:
        a list of `Collected`: one for each student in the order of the roster, then one for each
        file that is nobody's.

    Raises:
        CollectError: if the source is neither a folder nor a zip, or holds too many files, or the
            assignment or an alias is impossible.
    """
    if not _SAFE.fullmatch(assignment):
        raise CollectError(f"{assignment!r} can't be the name of an assignment")
    names = _Names(roster, assignment, aliases or {})
    with _opened(Path(source)) as files:
        _mark_canvas(files)
        owned, lost = defaultdict(list), []
        for file in files:
            student, problem = names.owner(file)
            if student is not None:
                owned[student].append(file)
            else:
                lost.append(Collected(file.shown, problem=problem))
        found = []
        for student in progress([student.id for student in roster if student.id in owned]):
            skeleton = partial(release, student) if callable(release) else lambda: release
            item, notebook = _latest(student, owned[student], skeleton, due)
            folder = Path(submitted) / student / assignment
            before = _collected_before(folder)
            if notebook is None:
                if before:
                    item.notes.append(f"what was collected before stays, of {_shown(before)}")
            elif before and item.when and before > item.when and not replace:
                item.notes.append(
                    f"not taken: what was collected before is newer, of {_shown(before)}"
                )
            else:
                item.written = _write(folder, notebook, item.when)
            found.append(item)
    return found + sorted(lost, key=lambda item: item.file)


def summary(collected, roster=()):
    """Return a table in plain text of what was collected, and the counts.

    With a roster, it names the students who handed in nothing.
    """
    rows = [("student", "file", "handed in", "notes")]
    for item in collected:
        notes = [f"PROBLEM: {item.problem}"] if item.problem else []
        notes += item.notes
        rows.append((item.student or "?", _short(item.file), _punctual(item), *notes[:1]))
        rows += [("", "", "", note) for note in notes[1:]]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join([*map(str.ljust, row, widths), *row[3:]]).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in [*widths, 5]))
    good = [item for item in collected if not item.problem]
    late = [item for item in good if item.late is not None]
    lines += [
        "",
        f"{len(good)} collected, {sum(item.written for item in good)} of them new or changed; "
        f"{len(late)} late; {len(collected) - len(good)} with a problem.",
    ]
    times = [item.when for item in late if item.when]
    if len(times) > 2 and max(times) - min(times) < timedelta(minutes=1):
        lines.append("All that is late is of the same minute: it may be that of the download.")
    have = {item.student for item in collected}
    missing = [student.id for student in roster if student.id not in have]
    if missing:
        lines.append(f"Nothing in it from {len(missing)}: {', '.join(missing)}.")
    return "\n".join(lines) + "\n"


class _Names:
    """The names that the students of a roster go by."""

    def __init__(self, roster, assignment, aliases):
        self.marks = defaultdict(set)  # id, e-mail, the platform's number -> ids
        self.numbers = defaultdict(set)  # the platform's number -> ids
        self.persons = defaultdict(set)  # first and last name -> ids
        for student in roster:
            for mark in filter(None, (student.id, student.lms_user_id, student.email)):
                self.marks[_plain(mark)].add(student.id)
            if student.lms_user_id:
                self.numbers[student.lms_user_id].add(student.id)
            first, last = _words(student.first_name or ""), _words(student.last_name or "")
            for name in (
                " ".join(sorted(first + last)),
                "".join(first + last),
                "".join(last + first),
            ):
                self.persons[name].add(student.id)
        self.persons.pop("", None)
        known = {student.id for student in roster}
        self.aliases = {}
        for name, student in aliases.items():
            if student not in known:
                raise CollectError(
                    f"the alias {name!r} is of {student!r}, who is not in the roster"
                )
            self.aliases[_plain(name)] = student
        task = r"[\s_-]+".join(map(re.escape, re.findall(r"[^\W_]+", assignment)))
        task = rf"(?:(?:copy of|copia de|kopie von)\s+)*{task}"
        self.task = re.compile(
            rf"{task}[\s_-]+(?P<a>.+)|(?P<b>.+?)[\s_-]+{task}", re.IGNORECASE | re.DOTALL
        )

    def owner(self, file):
        """Return the id of the student whose file it is, and None; or None and the problem."""
        if file.outside:
            return None, "Its path leads out of the download."
        if len(file.path) > LONGEST_PATH:
            return None, "Its path is too long."
        if self._alias(file.path):
            return self._alias(file.path), None
        *folders, name = file.path.split("/")
        marked = [match for match in map(_MOODLE.fullmatch, folders) if match]
        flat = _MOODLE.fullmatch(name)
        if marked:  # what is below it has names of the student's choice
            owners = [self._person(marked[0]["name"])]
        elif file.canvas:
            owners = [self._canvas(file.canvas)]
        else:
            of_file = self._person(flat["name"]) if flat else self._of_file(name)
            owners = [of_file, *map(self._find_anywhere, folders)]
        owners = [found for found in owners if found]
        if not owners:
            if name.lower().endswith(".zip"):
                return None, "It is a zip of nobody's: unpack it, or collect it by itself."
            return None, "No student of the roster has this name."
        both = set.intersection(*owners)
        if len(both) == 1:
            return both.pop(), None
        could = " or ".join(sorted(both or set.union(*owners)))
        return None, f"It could be of {could}."

    def _canvas(self, match):
        """Return whose a file of Canvas is, by number and by name, which must not disagree."""
        person, number = self._person(match["name"]), self.numbers.get(match["user"], set())
        return number if not person or number and number <= person else person | number

    def _of_file(self, name):
        """Return the students that a file's name fits, with its ending or without it."""
        return self._find(name) or self._find_anywhere(_ENDING.sub("", name))

    def _find_anywhere(self, text):
        """Return the students that a name fits as a whole, or in what is left of it."""
        bare = _parted(text)[0]
        for part in (text, bare):
            match = self.task.fullmatch(part)
            found = self._find(part) or match and self._find(match["a"] or match["b"])
            if found:
                return found
        pieces = [piece for piece in re.split(r"\s+-\s+", bare) if piece != bare]
        return set().union(*(self._find(piece) for piece in pieces))

    def _find(self, text):
        """Return the students of exactly this id, e-mail, number or, if there is none, name."""
        return self.marks.get(_plain(text)) or self._person(text)

    def _person(self, text):
        """Return the students of exactly this first and last name, in any order or as one word."""
        if self._alias(text):
            return {self._alias(text)}
        words = _words(text)
        return self.persons.get(" ".join(sorted(words)), set())

    def _alias(self, text):
        return self.aliases.get(_plain(text))


def _mark_canvas(files):
    """Note what the names of a download of Canvas say, if it is one.

    A single name of that form may be a student's choice, and would tell that it isn't late.
    """
    matches = [_CANVAS.fullmatch(file.name) for file in files]
    if 2 * sum(map(bool, matches)) > len(files):
        for file, match in zip(files, matches, strict=True):
            file.canvas = match


def _latest(student, files, skeleton, due):
    """Return the `Collected` of a student's latest file that can be graded, and the notebook.

    Where there is none, the notebook is None.
    """
    files = sorted(files, key=lambda file: file.order, reverse=True)
    item = Collected(files[0].shown, student)
    if not _SAFE.fullmatch(student):
        item.problem = _unsafe(student)
        return item, None
    refused = []
    for number, file in enumerate(files[:MOST_TRIES]):
        try:
            notebook, notes = repair.repair(skeleton(), file.read())
        except BadSubmission as error:
            refused.append((_short(file.shown), error))
            continue
        item.file = file.shown
        item.notes += [f"{name} was left out: {reason}" for name, reason in refused]
        older = [_short(file.shown) for file in files[number + 1 :]]
        if older:
            more = f" and {len(older) - 3} more" if len(older) > 3 else ""
            item.notes.append(f"older, and not used: {', '.join(older[:3])}{more}")
        item.notes += notes
        _date(item, file, due)
        return item, notebook
    item.problem = str(refused[0][1])
    item.notes += [f"{name}: {reason}" for name, reason in refused[1:]]
    return item, None


def _date(item, file, due):
    """Say when a file was handed in, and how late that is."""
    if file.canvas:
        # Canvas gives all files the time of the download; only its mark tells who was late.
        if file.canvas["late"]:
            item.late = timedelta(0)
            item.notes.append("late by Canvas's mark, which does not say by how much")
    elif file.time:
        item.when = file.time.astimezone(due.tzinfo if due else None)
        if due and item.when > due:
            item.late = item.when - due


def _collected_before(folder):
    """Return the time of what was collected before, as far as it is known, or None."""
    try:
        return parse_utc((folder / "timestamp.txt").read_text().strip()).replace(tzinfo=UTC)
    except (OSError, ValueError):
        return None


def _shown(when):
    """Return a time as the summary shows it."""
    return when.astimezone().strftime("%Y-%m-%d %H:%M")


def _write(folder, notebook, when):
    """Write a notebook and its time, unless they are there; return whether anything changed."""
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    changed = _replace(folder / f"{folder.name}.ipynb", text.encode())
    timestamp = folder / "timestamp.txt"
    if when:
        stamp = when.astimezone(UTC).strftime(_STAMP)
        return _replace(timestamp, stamp.encode()) or changed
    if timestamp.exists():
        timestamp.unlink()
        return True
    return changed


def _replace(path, content):
    """Let a file have this content, at once or not at all; return whether it changed."""
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return True


@contextmanager
def _opened(source):
    """Give the `_File`s of a folder or a zip, sorted by path."""
    if source.is_dir():
        yield _in_folder(source)
        return
    try:
        archive = zipfile.ZipFile(source)
    except FileNotFoundError:
        raise CollectError(f"there is no {source}") from None
    except (zipfile.BadZipFile, NotImplementedError, OSError):
        raise CollectError(f"{source} is neither a folder nor a zip") from None
    with archive:
        yield _in_zip(archive, source)


def _in_folder(source):
    """Return the files below a folder; links are not followed."""
    files = []
    for folder, folders, names in os.walk(source):
        links = [name for name in folders if (Path(folder) / name).is_symlink()]
        for name in names + links:
            path = Path(folder) / name
            relative = path.relative_to(source).as_posix()
            if _ignored(relative):
                continue
            files.append(_File(relative, _moment(path.lstat().st_mtime), partial(_read_path, path)))
            _check_count(len(files), source)
    return sorted(files, key=lambda file: file.path)


def _in_zip(archive, source):
    """Return the files of a zip."""
    _check_count(len(archive.infolist()), source)
    files = []
    for info in archive.infolist():
        path = info.filename
        if not info.flag_bits & 0x800:  # a name in UTF-8 that does not say so
            try:
                path = path.encode("cp437").decode()
            except UnicodeError:
                pass
        path = path.replace("\\", "/")
        outside = ".." in path.split("/") or re.match(r"/|[A-Za-z]:/", path) is not None
        path = "/".join(part for part in path.split("/") if part not in ("", "."))
        if info.is_dir() or not outside and _ignored(path):
            continue
        files.append(_File(path, _zip_time(info), partial(_read_zip, archive, info), outside))
    return sorted(files, key=lambda file: file.path)


def _read_path(path):
    """Return the bytes of a file in a folder."""
    if path.is_symlink():
        raise BadSubmission("It is a link.")
    try:
        return repair.read(path)
    except OSError as error:
        raise BadSubmission(f"It can't be read: {error.strerror}.") from None


def _read_zip(archive, info):
    """Return the bytes of a file in a zip; what the zip says about their number is not trusted."""
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        raise BadSubmission("It is a link.")
    if info.flag_bits & 1:
        raise BadSubmission("It is encrypted.")
    # The others may unpack to any size in one step.
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise BadSubmission("It is packed in a way that is not supported.")
    repair.check_size(info.file_size)
    try:
        with archive.open(info) as file:
            content = file.read(repair.LARGEST + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError):
        raise BadSubmission("It is damaged in the zip.") from None
    repair.check_size(len(content))
    return content


def _zip_time(info):
    """Return the time of a file in a zip, or None if it has none."""
    extra = info.extra
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        # The time in UTC, which Info-ZIP added to the format.
        if kind == 0x5455 and size >= 5 and len(extra) >= 9 and extra[4] & 1:
            return _moment(struct.unpack_from("<I", extra, 5)[0])
        extra = extra[4 + size :]
    if info.date_time[:3] == (1980, 1, 1):  # the format's zero
        return None
    try:
        return datetime(*info.date_time).astimezone()  # a zip's times are local
    except (ValueError, OverflowError, OSError):
        return None


def _moment(seconds):
    """Return the time so many seconds after 1970 began, or None if no calendar has it."""
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _check_count(number, source):
    """Refuse more than `MOST_FILES` files, by raising CollectError."""
    if number > MOST_FILES:
        raise CollectError(f"{source} holds more than {MOST_FILES} files")


def _ignored(path):
    """Return whether a path is of what systems leave behind."""
    return any(part in IGNORED or part.startswith(".") for part in path.split("/"))


def _parted(text):
    """Return a name without the marks of copies, and the number of the copy."""
    number, before = 0, None
    while text != before:
        before = text
        text = _COPY.sub("", text)
        match = _AGAIN.search(text)
        if match and match.start():
            number = max(number, int(match["a"] or match["b"] or match["c"] or 1))
            text = text[: match.start()]
    return text, number


def _plain(text):
    """Return a text without accents, in lower case, its white space as single spaces."""
    text = unicodedata.normalize("NFKD", text).casefold()
    text = "".join(c for c in text if not unicodedata.combining(c)).translate(_PLAIN)
    return " ".join(text.split())


def _words(text):
    """Return the words of a name, plain."""
    return re.findall(r"[^\W_]+", _plain(text))


def _unsafe(student):
    return f"The id {student!r} can't name a folder: use letters, digits, and . _ @ -"


def _short(name):
    """Return a name in at most fifty characters, its end, which differs, among them."""
    return name if len(name) <= 50 else f"{name[:24]}…{name[-25:]}"


def _punctual(item):
    """Return when a file was handed in, and whether that is late."""
    when = f"{item.when:%Y-%m-%d %H:%M}" if item.when else ""
    if item.late is None:
        return when
    minutes = item.late // timedelta(minutes=1)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    by = f"{days} d {hours} h" if days else f"{hours} h {minutes} min" if item.late else ""
    return f"{when} late {by}".strip()
