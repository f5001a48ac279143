"""Grades one notebook: the student's cells in a sandbox, the checks here.

Each check costs the student its own points and nothing else: when the sandbox is lost, the cells
before are run again in a new one. A check may not run for longer than it may, and neither may all
of them.
"""

import builtins
import math
import symtable
import time
import zlib
from contextlib import redirect_stdout, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from io import StringIO

import numpy as np

from grader.messages import BadMessage
from grader.sandbox import SandboxEnded
from grader.student import Session, StudentError

CHECK_SECONDS = 30
LONGEST_REASON = 2_000


@dataclass
class Outcome:
    """How one cell went: whether it passed, why not, what the student's code printed."""

    passed: bool = True
    reason: str = ""
    printed: str = ""


@dataclass
class Result:
    """How a notebook went.

    Attributes:
        outcomes: by the name of the cell: checks, answers, and given cells.
        seconds: in all.
        own_seconds: of these, those of the student's code.
    """

    outcomes: dict = field(default_factory=dict)
    seconds: float = 0.0
    own_seconds: float = 0.0

    def as_json(self):
        """Return what `json` can write."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields):
        """Return the result that `as_json` made these fields of."""
        outcomes = {name: Outcome(**values) for name, values in fields["outcomes"].items()}
        return cls(outcomes, fields["seconds"], fields["own_seconds"])


def grade(cells, student, limits=None, trusted=False, seed=0, check_seconds=CHECK_SECONDS):
    """Grade a notebook.

    Args:
        cells: the `release.Cell` objects of the student's release, in order: checks and given cells
            as the teacher wrote them, answers as the student did.
        student: whose notebook it is; random numbers of the checks depend on it.
        limits: of the sandbox.
        trusted: without a sandbox.
        seed: for other random numbers.
        check_seconds: for how long a check may wait for the student's code; the whole notebook may
            take a minute more than all of its checks.

    Returns:
        A `Result`.
    """
    started = time.monotonic()
    result = Result()
    scopes = {c.name: _scope(c.source) for c in cells if c.kind in ("check", "given")}
    given = [scopes[cell.name] for cell in cells if cell.kind == "given"]
    functions = {name: used for scope in given for name, used in scope.functions.items()}
    defined = {name for scope in given for name in scope.defined}
    used = set().union(*(scope.used() for scope in scopes.values()))
    asked = used - defined - set(dir(builtins)) - {"rng"}  # of the student
    theirs, names = set(asked), {"__name__": "__main__"}
    end = started + longest(cells, check_seconds)
    with Session(limits, trusted) as session:
        for cell in cells:
            if cell.kind == "check":
                # Another student, another check, another seed: other numbers.
                key = [zlib.crc32(f"{student}/{cell.name}".encode()), seed]
                # Not the others: to be asked for an object that will not be touched can end the
                # sandbox.
                wanted = asked & _closure(scopes[cell.name].used(), functions)
                check = partial(_check, cell, names, wanted, session, key)
                result.outcomes[cell.name] = _attempt(check, session, check_seconds, end)
            elif cell.kind in ("given", "answer", "added"):
                run = partial(_run, cell, session)
                result.outcomes[cell.name] = _attempt(run, session, math.inf, end)
                if cell.kind == "given":
                    _give(cell, scopes[cell.name], names, theirs, functions)
        result.own_seconds = session.seconds
    result.seconds = time.monotonic() - started
    return result


def longest(cells, check_seconds=CHECK_SECONDS):
    """Return how many seconds a notebook's own code may take in all."""
    return 60 + check_seconds * sum(cell.kind == "check" for cell in cells)


def _attempt(do, session, seconds, end):
    """Return the outcome of what is done; once more if it may be another question's fault.

    A function that a check has called can leave something behind that ends the sandbox later.
    """
    for last in (not session.called, True):
        session.until = min(end, time.monotonic() + seconds)
        outcome = do()
        if last or session.sandbox is not None:
            return outcome


def _run(cell, session):
    """Run a cell of the student's, or one that was given, in the sandbox."""
    try:
        return Outcome(printed=session.run(cell.name, cell.source))
    except (StudentError, SandboxEnded) as error:
        return Outcome(False, str(error), session.printed)


def _give(cell, scope, names, theirs, functions):
    """Run a given cell here too, for the checks: imports, what they call and compare with.

    A cell that calls the student's functions, or uses what such a cell found, measures something
    for the student alone.
    """
    if theirs & _closure(scope.at_once, functions):
        theirs |= scope.defined - scope.functions.keys()
        return
    with redirect_stdout(StringIO()):
        exec(compile(cell.source, f"<{cell.name}>", "exec"), names)


def _check(cell, names, wanted, session, key):
    """Run a check here, with proxies for what it wants of what the student defined."""
    session.printed = ""
    before = dict(names)
    names["rng"] = np.random.default_rng(key)
    try:
        for name in wanted:
            with suppress(StudentError):
                names[name] = session.get(name)
        # What a check prints is for the student, and may be the student's text.
        with redirect_stdout(StringIO()):
            exec(compile(cell.source, f"<{cell.name}>", "exec"), names)
    except (StudentError, SandboxEnded, NameError) as error:
        return Outcome(False, str(error), session.printed)
    except BadMessage as error:
        return Outcome(False, f"an argument cannot be sent: {error}", session.printed)
    except AssertionError as error:
        return Outcome(False, str(error)[:LONGEST_REASON] or "not so", session.printed)
    except Exception as error:
        reason = f"the check cannot use what was returned: {type(error).__name__}: {error}"
        return Outcome(False, reason[:LONGEST_REASON], session.printed)
    finally:
        # What a check defines, no other finds.
        names.clear()
        names.update(before)
    return Outcome(printed=session.printed)


@dataclass(frozen=True)
class _Scope:
    """The global names of a cell: those it defines, those it uses at once, those its functions use.

    ``functions`` maps each function and class that it defines to the names used in there.
    """

    defined: frozenset
    at_once: frozenset
    functions: dict

    def used(self):
        """Return all names that the cell uses and does not define."""
        return self.at_once.union(*self.functions.values()) - self.defined


def _scope(source):
    """Return the `_Scope` of a cell."""
    top = symtable.symtable(source, "<cell>", "exec")
    symbols = top.get_symbols()
    defined = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported()}
    at_once, functions = {s.get_name() for s in symbols if s.is_referenced()}, {}
    for table in top.get_children():
        # Lambdas and comprehensions have no name of their own, and may run where they stand.
        if table.get_name() in defined:
            functions.setdefault(table.get_name(), set()).update(_used_in(table))
        else:
            at_once |= _used_in(table)
    return _Scope(frozenset(defined), frozenset(at_once), functions)


def _used_in(table):
    """Return the global names that are used in a function's or a class's table of symbols."""
    used = {s.get_name() for s in table.get_symbols() if s.is_global() and s.is_referenced()}
    return used.union(*map(_used_in, table.get_children()))


def _closure(names, functions):
    """Return names with all that the given functions among them use, and so on."""
    found, new = set(), set(names)
    while new:
        found |= new
        new = set().union(*(functions.get(name, ()) for name in new)) - found
    return found
