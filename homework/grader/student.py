"""What a student defined, as the checks meet it: proxies whose code runs in the sandbox."""

import math
import time

from grader import messages
from grader.sandbox import Sandbox, SandboxEnded

LONGEST_TEXT = 10_000


class StudentError(Exception):
    """The student's code raised an exception; the text is the worker's account of it."""


class Remote:
    """An object that stays in the sandbox: call it, read its attributes, hand it back.

    Nothing of it is trusted: it has no equality, length or truth of its own here.
    """

    __slots__ = ("_handle", "_session", "_life")

    def __init__(self, session, handle):
        self._session, self._handle, self._life = session, handle, session.life

    def __call__(self, *args, **kwargs):
        """Call it in the sandbox; return numbers, strings, arrays, or another `Remote`."""
        return self._session.call(self, args, kwargs)

    def __getattr__(self, name):
        # Python and NumPy look for methods of this kind; a student's must not answer.
        if name.startswith("_"):
            raise AttributeError(name)
        return self._session.get(name, self)

    def __bool__(self):
        raise TypeError("an object of the student's is neither true nor false")

    def __repr__(self):
        return "an object of the student's"


class Session:
    """A student's cells and a sandbox that has run them; it starts again when it was lost.

    Args:
        limits: of each sandbox.
        trusted: without a sandbox (`Sandbox`).

    Attributes:
        until: when the session's time is over, on the clock of `time.monotonic`.
        life: how many sandboxes there have been.
        called: whether a function of the student's was called in the present one.
        seconds: that the student's own code has taken.
        ready: the seconds that starting the sandboxes has taken.
    """

    def __init__(self, limits=None, trusted=False):
        self.limits, self.trusted = limits, trusted
        self.sandbox = None
        self.cells = []
        self.until = math.inf
        self.life, self.seconds, self.ready = 0, 0.0, 0.0
        self.called = False
        self.printed = ""

    def run(self, name, source):
        """Run a cell; return what it printed.

        Raises:
            StudentError: if it raised an exception: what it did until then remains.
            SandboxEnded: if the sandbox is gone; the cell will not run in the next one.
        """
        self._start()
        self.printed = ""
        # Only a cell that the sandbox survives is run again in the next one.
        try:
            self._ask(messages.Run(0, name, source), self.sandbox.limits.cell)
        except messages.BadMessage as error:  # of a megabyte, say
            raise StudentError(f"this cell cannot be run: {error}") from None
        finally:
            if self.sandbox is not None:
                self.cells.append((name, source))
        return self.printed

    def get(self, name, owner=None):
        """Return a global name of the student's, or an attribute of a `Remote`."""
        self._start()
        question = messages.Get(0, None if owner is None else self._handle(owner), name)
        return self._value(self._ask(question, self.sandbox.limits.call))

    def call(self, remote, args, kwargs):
        """Return what a `Remote` returns for these arguments."""
        self._start()
        self.called = True
        question = messages.Call(
            0,
            self._handle(remote),
            [self._argument(value) for value in args],
            {name: self._argument(value) for name, value in kwargs.items()},
        )
        return self._value(self._ask(question, self.sandbox.limits.call))

    def end(self):
        """Kill the sandbox, if there is one."""
        if self.sandbox is not None:
            self.sandbox.end()
            self.sandbox, self.called = None, False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def _start(self):
        """Start a sandbox if there is none, and run in it what ran before."""
        if self.sandbox is not None:
            return
        started, printed = time.monotonic(), self.printed
        self.sandbox = Sandbox(self.limits, self.trusted)
        self.life += 1
        # Nothing of the student's has run yet: this waits for Python to be there.
        self._ask(messages.Run(0, "start", ""), self.sandbox.limits.start, own=False)
        self.ready += time.monotonic() - started
        for name, source in self.cells:
            try:
                self._ask(messages.Run(0, name, source), self.sandbox.limits.cell)
            except (StudentError, messages.BadMessage):
                continue
        # What the cells print again, they have printed.
        self.printed = printed

    def _ask(self, question, seconds, own=True):
        """Return the value of the sandbox's answer; forget the sandbox when it is gone."""
        started = time.monotonic()
        seconds = max(0, min(seconds, self.until - started))
        try:
            answer = self.sandbox.ask(question, seconds)
        except SandboxEnded:
            self.end()
            raise
        finally:
            self.seconds += own * (time.monotonic() - started)
        # The worker keeps these short, but who knows whose worker it is by now.
        self.printed = (self.printed + answer.printed)[:LONGEST_TEXT]
        if isinstance(answer, messages.Failure):
            raise StudentError(answer.error[:LONGEST_TEXT])
        return answer.value

    def _handle(self, remote):
        """Return the handle of a `Remote` of this session's present sandbox."""
        if remote._session is not self or remote._life != self.life:
            raise SandboxEnded("the sandbox that held this object is gone")
        return remote._handle.number

    def _argument(self, value):
        """Return an argument as messages carry it."""
        if isinstance(value, Remote):
            return messages.Handle(self._handle(value))
        if isinstance(value, list | tuple):
            return [self._argument(item) for item in value]
        if isinstance(value, dict):
            return {name: self._argument(item) for name, item in value.items()}
        return value

    def _value(self, value):
        """Return a value of a message with each handle made a `Remote`."""
        if isinstance(value, messages.Handle):
            return Remote(self, value)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, dict):
            return {name: self._value(item) for name, item in value.items()}
        return value
