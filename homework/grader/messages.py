"""What the grader and a sandbox say to each other: MessagePack, checked on arrival, never pickled.

A frame is two lengths (big-endian, four bytes each), a header in MessagePack and the bytes of the
arrays, one after the other. The header is small, so what it can unfold to in memory is small, too;
the arrays are as large as they say. Whoever reads a frame trusts neither: lengths are checked
before anything is read, types and shapes before anything is built.

Values are numbers, strings, booleans, None, lists (tuples arrive as lists), dictionaries with
strings as keys, numeric arrays, and handles: names for objects that stay in the sandbox.
"""

import math
import struct

import msgspec
import numpy as np

LARGEST_HEADER = 2**18
LARGEST_ARRAYS = 2**24
DEEPEST = 8
MOST_AXES = 32
DTYPES = {
    dtype.str: dtype
    for dtype in map(
        np.dtype, ["?", "<i1", "<i2", "<i4", "<i8", "<u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8"]
    )
}
_LENGTHS = struct.Struct(">II")
_ARRAY, _HANDLE = 1, 2


class BadMessage(ValueError):
    """A message that breaks the rules of this module."""


class Handle:
    """An object that stays in the sandbox, by its number."""

    # Neither a Struct nor a dataclass, which would be sent as dictionaries.
    __slots__ = ("number",)

    def __init__(self, number):
        self.number = number

    def __eq__(self, other):
        return type(other) is Handle and other.number == self.number

    def __hash__(self):
        return hash(self.number)


def _kinds(depth):
    """Return the type of values that are nested so deep.

    msgspec refuses the others before it builds them: keys that are not strings, above all, whose
    hashes can be made to collide.
    """
    kinds = None | bool | int | float | str | msgspec.msgpack.Ext
    if depth == 0:
        return kinds
    inner = _kinds(depth - 1)
    return kinds | list[inner] | dict[str, inner]


_Value = _kinds(DEEPEST)


class Run(msgspec.Struct, tag="run"):
    """Ask the sandbox to run a cell."""

    number: int
    name: str
    source: str


class Get(msgspec.Struct, tag="get"):
    """Ask for a global name, or for an attribute of what a handle stands for."""

    number: int
    owner: int | None
    name: str


class Call(msgspec.Struct, tag="call"):
    """Ask for what the object of a handle returns for these arguments."""

    number: int
    owner: int
    args: list[_Value]
    kwargs: dict[str, _Value]


class Value(msgspec.Struct, tag="value"):
    """The answer to the message of that number; ``printed`` is what was printed meanwhile."""

    number: int
    value: _Value = None
    printed: str = ""


class Failure(msgspec.Struct, tag="failure"):
    """The student's code raised an exception, or returned what no message can carry."""

    number: int
    error: str
    printed: str = ""


Question = Run | Get | Call
Answer = Value | Failure


def encode(message):
    """Return a message as the bytes of a frame.

    Raises:
        BadMessage: if a value is of a kind that no message carries, or too large.
    """
    arrays = []

    def extend(value):
        if isinstance(value, np.generic) and not isinstance(value, np.longdouble | np.clongdouble):
            return value.item()
        if isinstance(value, Handle):
            return msgspec.msgpack.Ext(_HANDLE, _pack(value.number))
        if isinstance(value, np.ndarray):
            array = np.asarray(value, value.dtype.newbyteorder("<"), order="C")
            if array.dtype.str not in DTYPES:
                raise BadMessage(f"an array of type {value.dtype} cannot leave the sandbox")
            if array.ndim > MOST_AXES:
                raise BadMessage(f"an array of {array.ndim} axes cannot leave the sandbox")
            arrays.append(array)
            return msgspec.msgpack.Ext(_ARRAY, _pack((array.dtype.str, array.shape)))
        raise BadMessage(f"a {type(value).__name__} cannot leave the sandbox")

    try:
        header = msgspec.msgpack.encode(message, enc_hook=extend)
        # What would be refused on arrival does not leave.
        msgspec.msgpack.decode(header, type=type(message))
    except (
        msgspec.MsgspecError,
        OverflowError,
        RecursionError,
        TypeError,
        UnicodeEncodeError,
    ) as error:
        raise BadMessage(f"this value cannot leave the sandbox: {error}") from None
    size = sum(array.nbytes for array in arrays)
    if len(header) > LARGEST_HEADER or size > LARGEST_ARRAYS:
        raise BadMessage(f"a value of {len(header) + size} bytes is too large")
    return b"".join(
        [_LENGTHS.pack(len(header), size), header, *(array.tobytes() for array in arrays)]
    )


def lengths(prefix):
    """Return the lengths of the header and the arrays of a frame that begins with eight bytes.

    Raises:
        BadMessage: if one of them is larger than allowed.
    """
    header, arrays = _LENGTHS.unpack(prefix)
    if header > LARGEST_HEADER or arrays > LARGEST_ARRAYS:
        raise BadMessage(f"a message of {header} and {arrays} bytes is too large")
    return header, arrays


def decode(header, arrays, kinds):
    """Return the message in a frame's header and array bytes; ``kinds`` is `Question` or `Answer`.

    Raises:
        BadMessage: if anything in it is not as this module says.
    """
    view, at = memoryview(arrays), 0

    def opened(value):
        """Return a value with each extension replaced by what it stands for."""
        nonlocal at
        if isinstance(value, list | dict):  # in place: they may be large
            for key, item in enumerate(value) if isinstance(value, list) else value.items():
                value[key] = opened(item)
        if not isinstance(value, msgspec.msgpack.Ext):
            return value
        if value.code == _HANDLE:
            return Handle(msgspec.msgpack.decode(value.data, type=int))
        if value.code != _ARRAY:
            raise BadMessage(f"an extension of type {value.code}")
        name, shape = msgspec.msgpack.decode(value.data, type=tuple[str, tuple[int, ...]])
        dtype = DTYPES.get(name)
        if dtype is None:
            raise BadMessage("an array of a type that is not numeric")
        if len(shape) > MOST_AXES or not all(0 <= n <= LARGEST_ARRAYS for n in shape):
            raise BadMessage("an array of a shape that cannot be")
        size = math.prod(shape) * dtype.itemsize
        if size > len(view) - at:
            raise BadMessage("an array that is larger than its message")
        # A copy: what it is made from may be written again, and it must be aligned.
        array = np.frombuffer(view[at : at + size], dtype).reshape(shape).copy()
        at += size
        return array

    try:
        message = msgspec.msgpack.decode(header, type=kinds)
        for field in message.__struct_fields__:
            setattr(message, field, opened(getattr(message, field)))
    except BadMessage:
        raise
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, ValueError) as error:
        raise BadMessage(f"{type(error).__name__}: {error}") from None
    if at != len(view):
        raise BadMessage("a message with bytes that no array is made of")
    return message


_pack = msgspec.msgpack.encode
