"""Does the grader survive whatever a sandbox says? ``python benchmarks/fuzz_messages.py``.

A student's code may write any bytes to the grader (``homework/grader/messages.py``). Atheris makes
up such bytes, guided by which lines of the decoder they reach, for ten minutes unless told
otherwise. A message, or ``BadMessage``: all else is a crash. What is decoded must be a message that
could have been sent. The script ends with the numbers of executions and of branches (``cov``) and
the peak of memory, and with a status other than 0 after a crash, an input that takes longer than
``--hang`` seconds, or memory beyond ``--memory``; the input is then kept as a file in the current
folder, whose path, as an argument, repeats it.

Atheris is no requirement of the book: ``pip install atheris`` (Linux, or macOS with LLVM's clang),
best into an environment of its own with msgspec and NumPy.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import msgspec
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "homework"))
# Bits of an input's first byte: whether it is a question; a frame with its lengths; or choices by
# which a header is put together, that most of it is as it should be.
QUESTION, FRAME, CHOICES = 1, 2, 4
NUMBERS = 0, 1, 2, 3, 5, -1, 31, 32, 64, 2**16, 2**26, 2**26 + 1, 2**31, 2**32, 2**63 - 1, -(2**63)


def examples(messages):
    """Inputs to begin with: one for each kind of message and value."""
    deep = [[[{"a": [1, None, True, "text", -1.5]}]]]
    arrays = [np.zeros((2, 3), dtype) for dtype in messages.DTYPES.values()]
    for message in (
        messages.Run(1, "gates", "x = 1"),
        messages.Get(2, None, "step"),
        messages.Get(3, 4, "W"),
        messages.Call(4, 0, [messages.Handle(7), arrays[0], deep], {"h": np.ones(2)}),
        messages.Value(5, deep, "printed"),
        messages.Value(6, [*arrays, np.array(1.0), np.zeros((0, 2)), messages.Handle(1)]),
        messages.Failure(7, "ValueError: no", "printed"),
    ):
        kind = QUESTION if isinstance(message, messages.Question) else 0
        frame = messages.encode(message)
        yield bytes([kind | FRAME]) + frame
        header, _ = messages.lengths(frame[:8])
        yield bytes([kind]) + header.to_bytes(2) + frame[8:]
    yield bytes([CHOICES]) + bytes(range(64))
    yield bytes([CHOICES | QUESTION]) + bytes([0, 2, 3, 3, 1, 1, 2]) + bytes(64)


def chosen(data, types, is_question):
    """A header that these bytes choose, part by part, and the bytes that are left."""
    pack, read = msgspec.msgpack.encode, iter(data)

    def one(options):
        return options[next(read, 0) % len(options)]

    def value(depth=0):
        kind = next(read, 0) % 8
        if kind == 0:
            return pack(one([None, True, 0.5, "", "name", b"bytes", float("nan"), *NUMBERS]))
        if kind == 1 and depth < 20:
            count = next(read, 0) % 8
            return bytes([0x90 + count]) + b"".join(value(depth + 1) for _ in range(count))
        if kind == 2 and depth < 20:
            count = next(read, 0) % 4
            keys = [value(depth + 1) if next(read, 0) > 240 else pack("k") for _ in range(count)]
            return bytes([0x80 + count]) + b"".join(key + value(depth + 1) for key in keys)
        if kind < 6:
            shape = [one(NUMBERS) for _ in range(next(read, 0) % 40)]
            return pack(msgspec.msgpack.Ext(1, pack((one(types), shape))))
        if kind == 6:
            return pack(msgspec.msgpack.Ext(one([2, 2, 2, 0, 3, -1, 127]), value(depth + 1)[:99]))
        return bytes(next(read, 0) for _ in range(next(read, 0) % 16))

    if is_question:
        fields = {"type": pack("call"), "number": pack(1), "owner": value()}
        fields |= {"args": value(), "kwargs": value()}
    else:
        fields = {"type": pack("value"), "number": pack(one(NUMBERS)), "value": value()}
    header = bytes([0x80 + len(fields)]) + b"".join(pack(k) + v for k, v in fields.items())
    return header, bytes(read)


def attempt(messages, data):
    """Read an input as the grader reads; an exception other than ``BadMessage`` is a finding."""
    choice, data = data[0] if data else 0, data[1:]
    kinds = messages.Question if choice & QUESTION else messages.Answer
    try:
        if choice & CHOICES:
            types = [*messages.DTYPES, "|O", "<U1", "<c16", ""]
            header, arrays = chosen(data, types, choice & QUESTION)
        elif choice & FRAME:
            if len(data) < 8:
                return
            length, size = messages.lengths(data[:8])
            header, arrays = data[8 : 8 + length], data[8 + length : 8 + length + size]
        else:
            length = int.from_bytes(data[:2])
            header, arrays = data[2 : 2 + length], data[2 + length :]
        message = messages.decode(header, arrays, kinds)
    except messages.BadMessage:
        return
    frame = messages.encode(message)
    header, _ = messages.lengths(frame[:8])
    again = messages.decode(frame[8 : 8 + header], frame[8 + header :], kinds)
    if messages.encode(again) != frame:
        raise AssertionError("what was sent again is not the same")


def main():
    """Run the fuzzer, which prints its own report."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=600, help="(default: 600)")
    parser.add_argument("--memory", type=int, default=512, help="MB at most (default: 512)")
    parser.add_argument("--hang", type=int, default=5, help="seconds an input may take (default 5)")
    parser.add_argument("--longest", type=int, default=2**14, help="bytes of an input")
    parser.add_argument("--seed", type=int, default=0, help="0: another one each time")
    parser.add_argument("input", nargs="*", help="a file that was kept: try it alone")
    args = parser.parse_args()
    try:
        import atheris
    except ModuleNotFoundError:
        sys.exit("no atheris here: pip install atheris, best into an environment of its own")
    with atheris.instrument_imports(include=["grader.messages"]):
        from grader import messages
    with tempfile.TemporaryDirectory() as corpus:
        for number, example in enumerate(examples(messages)):
            Path(corpus, str(number)).write_bytes(example)
        options = [
            f"-max_total_time={args.seconds}",
            f"-rss_limit_mb={args.memory}",
            f"-timeout={args.hang}",
            f"-max_len={args.longest}",
            f"-seed={args.seed}",
            "-print_final_stats=1",
        ]
        # The fuzzer ends its process, at the latest when it finds something.
        if not (child := os.fork()):
            inputs = args.input or [corpus]
            atheris.Setup([sys.argv[0], *options, *inputs], lambda data: attempt(messages, data))
            atheris.Fuzz()
            os._exit(0)
        _, status = os.waitpid(child, 0)
    sys.exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
