"""The grader's command line: ``python -m grader --help``. The Makefile's targets call it."""

import argparse
import sys
from datetime import datetime
from pathlib import Path

from tqdm import tqdm

HOMEWORK = Path(__file__).resolve().parents[1]

# Each command imports what it needs itself, so that --help does not wait for nbgrader.


def students(course, options):
    """Take the students of a CSV file into the gradebook."""
    count = course.enroll(options.file)
    print(f"{count} students, {len(course.roster())} in the gradebook.")
    return 0


def release(course, options):
    """Make the notebooks that students get, and check that they give nothing away."""
    rows = []
    for name in options.assignment:
        found = course.release(
            name,
            options.due,
            options.variant_by_student,
            options.same_for_all,
            _bar("release"),
        )
        checks = [cell for cell in found.cells if cell.kind == "check"]
        written = [cell for cell in found.cells if cell.kind == "written"]
        folder = "by-student" if found.by_student else "release"
        rows.append(
            (
                name,
                f"{sum(cell.points for cell in checks):g}",
                f"{sum(cell.points for cell in written):g}",
                len([cell for cell in checks if cell.points]),
                found.spec.minutes,
                found.spec.count() if found.by_student else 1,
                f"{folder}/{name}",
            )
        )
    heads = ("assignment", "by checks", "by hand", "hidden checks", "minutes", "variants", "where")
    print(_table(heads, rows))
    print("Nothing that is not for students was found in them.")
    return 0


def collect(course, options):
    """Take a folder or zip of downloaded notebooks as submissions."""
    from grader.collect import summary

    (name,) = options.assignment
    aliases = dict(options.alias)
    collected = course.collect(name, options.source, aliases, options.replace, _bar("collect"))
    print(summary(collected, course.roster()), end="")
    return 0


def grade(course, options):
    """Run the checks of all submissions in sandboxes, write the grades into the gradebook."""
    from grader import batch, sandbox

    if not options.trust_students and not options.dask and (reason := sandbox.unavailable()):
        raise sandbox.SandboxUnavailable(sandbox.HELP.format(reason=reason))
    status = 0
    for name in options.assignment:
        graded = batch.grade_all(
            course.folder,
            name,
            jobs=options.jobs,
            dask=options.dask,
            trusted=options.trust_students,
            force=options.force,
            progress=_bar("grade"),
        )
        if not graded:
            print(f"{name}: nobody has handed in anything; `collect` takes what was.")
            continue
        new = [
            one.student
            for one in graded
            if not one.problem and (not one.kept or course.stale(name, one.student))
        ]
        problems = course.autograde(name, new, options.trust_students, _bar("gradebook"))
        grades = course.grades(name)
        rows = []
        for one in graded:
            one.problem = one.problem or problems.get(one.student, "")
            status |= bool(one.problem)
            _, _, waits, late = grades.get(one.student, (0, 0, False, 0))
            remarks = [one.problem] if one.problem else list(one.notes)
            remarks += [f"{late / 3600:.1f} h late"] * (late > 0)
            remarks += ["graded before"] * one.kept
            points = "" if one.problem else f"{one.points:g} of {one.most:g}"
            hand = "to be marked" if waits else ""
            rows.append((one.student, points, hand, f"{one.seconds:.1f}", "; ".join(remarks)))
        print(f"\n{name}")
        print(_table(("student", "by checks", "by hand", "seconds", "notes"), rows))
        print(_totals(graded))
    return status


def feedback(course, options):
    """Write a page for each student: points, the visible checks, your comments."""
    for name in options.assignment:
        pages = course.feedback(name, _bar("feedback"))
        print(f"{name}: {len(pages)} pages, feedback/<student>/{name}/{name}.html")
    return 0


def export(course, options):
    """Write all grades as CSV."""
    path = options.to or course.folder / "grades.csv"
    course.export(path)
    print(f"The grades of all assignments are in {path}.")
    return 0


def gradescope(course, options):
    """Make the zip that Gradescope runs as an assignment's autograder."""
    from grader import gradescope as making

    for name in options.assignment:
        print(f"{name}: {making.make(course, name)}")
    return 0


def publish(course, options):
    """Write the notebooks of homework/assignments, which everyone may open."""
    changed = course.publish(_bar("publish"))
    print("\n".join(f"changed {path}" for path in changed) or "All of them are as they were.")
    return 0


def marks(course, options):
    """Open nbgrader's formgrader, where answers in words are marked."""
    return course.formgrader(options.port)


def _bar(what):
    """Return a progress bar of this name, to be wrapped around an iterable."""
    return lambda items, total=None: tqdm(
        items, desc=what, total=total, unit="", file=sys.stderr, dynamic_ncols=True, leave=False
    )


def _totals(graded):
    """Return the line below the table of grades."""
    good = sorted(one.points for one in graded if not one.problem)
    bad = len(graded) - len(good)
    line = f"{len(good)} graded" + (f", {bad} not: see the table" if bad else "")
    if good:
        middle = (good[(len(good) - 1) // 2] + good[len(good) // 2]) / 2
        line += f"; median {middle:g}, lowest {good[0]:g}, highest {good[-1]:g} points by checks"
    return line + "."


def _table(heads, rows):
    """Return an aligned table in plain text."""
    # Names and reasons may be a student's: nothing of them steers the terminal.
    rows = [["".join(c if c.isprintable() else "?" for c in str(v)) for v in row] for row in rows]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = ["  ".join(f"{v:<{w}}" for v, w in zip(row, widths, strict=True)) for row in rows]
    head = "  ".join(f"{v:<{w}}" for v, w in zip(heads, widths, strict=True))
    return "\n".join(line.rstrip() for line in [head, "  ".join("-" * w for w in widths), *lines])


def _when(text):
    """Return a point in time that was given as text; without a zone, in the local one."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; say 2027-03-01T18:00") from None


def _alias(text):
    """Return the two sides of an alias that was given as text."""
    name, _, student = text.rpartition("=")
    if not name or not student:
        raise argparse.ArgumentTypeError(f"{text!r} has not the form TEXT=ID")
    return name, student


def _jobs(text):
    """Return a number of processes that was given as text."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of processes")
    return int(text)


def _parser():
    parser = argparse.ArgumentParser(prog="python -m grader", description=__doc__.split("\n")[0])
    parser.add_argument("--course", type=Path, default=HOMEWORK, help="folder (default: homework)")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(function, assignment=None):
        text = function.__doc__
        made = commands.add_parser(function.__name__, help=text, description=text)
        made.set_defaults(function=function)
        if assignment:
            made.add_argument(
                "assignment",
                nargs=assignment,
                metavar="ASSIGNMENT",
                help="04-lstm, say; `make` takes it as ASSIGNMENT=04-lstm",
            )
        return made

    one = command(students)
    one.add_argument("file", type=Path, help="CSV: id,first_name,last_name,email,lms_user_id")
    one = command(release, "+")
    one.add_argument("--due", type=_when, help="2027-03-01T18:00, in local time")
    kind = one.add_mutually_exclusive_group()
    kind.add_argument("--variant-by-student", action="store_true", help="a notebook for each")
    kind.add_argument("--same-for-all", action="store_true", help="although it was not so before")
    one = command(collect, 1)
    one.add_argument("source", type=Path, help="folder or zip of what was handed in")
    one.add_argument("--replace", action="store_true", help="newer by older, too")
    one.add_argument(
        "--alias",
        type=_alias,
        action="append",
        default=[],
        metavar="TEXT=ID",
        help="whose a file is that is named so, as the whole of it or a part; may be repeated",
    )
    one = command(grade, "+")
    one.add_argument("--jobs", type=_jobs, default=1, help="sandboxes at once (default: 1)")
    one.add_argument("--dask", metavar="ADDRESS", help="of a Dask scheduler: tcp://host:8786")
    one.add_argument("--force", action="store_true", help="also what was graded before")
    one.add_argument(
        "--trust-students", action="store_true", help="no sandbox: as you, on this disk"
    )
    command(feedback, "+")
    one = command(export)
    one.add_argument("--to", type=Path, help="(default: grades.csv in the course's folder)")
    command(gradescope, "+")
    command(publish)
    one = command(marks)
    one.add_argument("--port", type=int, default=8888, help="on localhost (default: 8888)")
    return parser


def main(arguments=None):
    """Run a command; return the exit status."""
    options = _parser().parse_args(arguments)
    from grader.course import Course

    try:
        return options.function(Course(options.course), options)
    except (OSError, RuntimeError, ValueError) as error:  # CourseError and others of this package
        missing = isinstance(error, FileNotFoundError) and error.filename
        print(f"there is no {missing}" if missing else str(error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. What was graded is kept; the same command goes on.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
