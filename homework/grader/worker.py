"""Runs a student's cells and answers for what they defined; the only file that runs in a sandbox.

Nothing here is trusted: the student's code shares this process and may change all of it. Whoever
reads what it writes checks it (`messages`). So this file is about being helpful, not about safety:
it keeps the student's prints out of the way and turns exceptions into sentences.
"""

import builtins
import collections
import collections.abc
import io
import itertools
import os
import re
import sys
import traceback
import types

import messages

LONGEST_PRINT = 10_000
LONGEST_ERROR = 2_000
MOST_ITEMS = 10_000
LAZY = (
    collections.abc.Iterator,
    collections.abc.KeysView,
    collections.abc.ValuesView,
    collections.abc.ItemsView,
    collections.deque,
    range,
)


class Printed(io.TextIOBase):
    """Keeps the beginning of what is printed."""

    def __init__(self):
        self.text = ""

    def writable(self):
        """Say that one can write here."""
        return True

    def write(self, text):
        """Keep a text, as far as there is room."""
        self.text += text[: max(0, LONGEST_PRINT - len(self.text))]
        return len(text)


class Worker:
    """The names that the student's cells define, and the objects that handles stand for."""

    def __init__(self):
        module = types.ModuleType("__main__")
        module.__builtins__ = builtins
        sys.modules["__main__"] = module
        self.names = module.__dict__
        self.names["display"] = print  # as notebooks have it
        self.kept = {}

    def answer(self, question):
        """Return what a question asks for, as a value that a message carries."""
        if isinstance(question, messages.Run):
            exec(compiled(question.source, f"<{question.name}>"), self.names)
            return None
        if isinstance(question, messages.Get):
            if question.owner is not None:
                return self.outgoing(getattr(self.kept[question.owner], question.name))
            if question.name not in self.names:
                raise NameError(f"name {question.name!r} is not defined")
            return self.outgoing(self.names[question.name])
        args = [self.incoming(value) for value in question.args]
        kwargs = {name: self.incoming(value) for name, value in question.kwargs.items()}
        return self.outgoing(self.kept[question.owner](*args, **kwargs))

    def incoming(self, value):
        """Return a value of a message with each handle replaced by its object."""
        if isinstance(value, messages.Handle):
            return self.kept[value.number]
        if isinstance(value, list):
            return [self.incoming(item) for item in value]
        if isinstance(value, dict):
            return {key: self.incoming(item) for key, item in value.items()}
        return value

    def outgoing(self, value):
        """Return a student's value as messages carry it; what none carries becomes a handle."""
        if value is None or isinstance(value, bool | int | float | str):
            return value
        numpy = sys.modules.get("numpy")
        if numpy and isinstance(value, numpy.generic):
            return value.item()
        if numpy and isinstance(value, numpy.ndarray):
            return value.astype(float) if value.dtype == numpy.longdouble else value
        if hasattr(value, "detach"):  # a tensor of PyTorch, which may want its gradient
            return value.detach().cpu().numpy()
        if isinstance(value, collections.abc.Mapping):
            return {str(key): self.outgoing(item) for key, item in value.items()}
        if isinstance(value, LAZY):
            value = list(itertools.islice(value, MOST_ITEMS))
        if isinstance(value, list | tuple):
            return [self.outgoing(item) for item in value]
        if type(value).__module__.split(".")[0] in ("tensorflow", "keras", "jax", "jaxlib"):
            if hasattr(value, "__array__") and hasattr(value, "shape"):
                return numpy.asarray(value)
        number = len(self.kept)
        self.kept[number] = value
        return messages.Handle(number)


def compiled(source, name):
    """Return the code of a cell, in which IPython's magics do nothing."""
    try:
        return compile(source, name, "exec", dont_inherit=True)
    except SyntaxError:
        lines = (re.sub(r"^(\s*)[%!?].*", r"\1pass", line) for line in source.splitlines())
        return compile("\n".join(lines), name, "exec", dont_inherit=True)


def explain(error):
    """Return an exception as a text of a few lines: where in the student's cells, and what."""
    lines = []
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith("<"):
            lines.append(f"cell {frame.filename[1:-1]}, line {frame.lineno}, in {frame.name}\n")
    # The student's own classes may raise again when they are asked what they are.
    try:
        what = "".join(traceback.format_exception_only(error)).strip()
    except BaseException:
        what = type.__getattribute__(type(error), "__name__")
    return ("".join(lines[-4:]) + what)[-LONGEST_ERROR:]


def serve(source, sink):
    """Answer the questions of one pipe in another until it ends."""
    worker = Worker()
    while prefix := source.read(8):
        header, arrays = messages.lengths(prefix)
        question = messages.decode(source.read(header), source.read(arrays), messages.Question)
        printed = Printed()
        sys.stdout = sys.stderr = printed
        try:
            value = worker.answer(question)
            frame = messages.encode(messages.Value(question.number, value, printed.text))
        except BaseException as error:  # SystemExit and KeyboardInterrupt as well
            text = explain(error).encode("utf-8", "replace").decode()
            said = printed.text.encode("utf-8", "replace").decode()
            frame = messages.encode(messages.Failure(question.number, text, said))
        sink.write(frame)
        sink.flush()


if __name__ == "__main__":
    # The pipes move away from where prints of C libraries go.
    source = os.fdopen(os.dup(0), "rb")
    sink = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nowhere, number)
    sys.path.pop(0)
    serve(source, sink)
