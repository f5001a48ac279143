"""homework/grader/messages.py: what arrives is what was sent, and nothing else arrives at all."""

import datetime
import struct
import time
import tracemalloc

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from grader import messages
from grader.messages import Answer, BadMessage, Call, Failure, Get, Handle, Question, Run, Value

MIB = 2**20
pack = msgspec.msgpack.encode
prompt = settings(deadline=1000)  # milliseconds for each example
array_types = st.sampled_from([*messages.DTYPES.values()])
any_array = array_types.flatmap(
    lambda dtype: arrays_of.arrays(dtype, arrays_of.array_shapes(min_dims=0, min_side=0))
)
plain = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]))
    | st.builds(Handle, st.integers(0, 2**63))
    | any_array
)
values = st.recursive(
    plain, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=8
)


def parts(frame):
    """The header and the arrays of a frame."""
    header, arrays = messages.lengths(frame[:8])
    assert len(frame) == 8 + header + arrays
    return frame[8 : 8 + header], frame[8 + header :]


def sent(message, kinds=Answer):
    """The message as it arrives."""
    return messages.decode(*parts(messages.encode(message)), kinds)


def arrives(value):
    return sent(Value(1, value)).value


def same(a, b):
    """Whether two values are equal, NaN to NaN, of the same types."""
    if isinstance(a, np.ndarray):
        alike = isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape
        return alike and a.tobytes() == b.tobytes()
    if isinstance(a, list):
        return type(b) is list and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return type(b) is dict and list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and (a == b or a != a)


def forged(value, arrays=b"", kinds=Answer):
    """What is read from an answer whose value is this MessagePack, whoever made it."""
    header = b"\x83" + pack({"type": "value", "number": 1})[1:] + pack("value") + value
    return messages.decode(header, arrays, kinds).value


def extension(code, payload):
    return pack(msgspec.msgpack.Ext(code, payload))


def array(name, shape):
    """MessagePack of an array that the message says to hold."""
    return extension(1, pack((name, shape)))


def many(item, size=MIB // 8):
    """MessagePack of a list that repeats an item so often that it has about this size."""
    count = size // len(item)
    return b"\xdd" + count.to_bytes(4, "big") + item * count


# What is sent arrives.


@prompt
@given(values)
def test_every_value_arrives(value):
    assert same(value, arrives(value))


@prompt
@given(st.lists(values, max_size=3), st.dictionaries(st.text(max_size=5), values, max_size=3))
def test_arguments_arrive(args, kwargs):
    call = sent(Call(3, 5, args, kwargs), Question)
    assert (call.number, call.owner) == (3, 5)
    assert same(args, call.args) and same(kwargs, call.kwargs)


@pytest.mark.parametrize(
    "message, kinds",
    [
        (Run(1, "gates", "x = 1"), Question),
        (Get(2, None, "x"), Question),
        (Get(2, 7, "x"), Question),
        (Value(3, 1.5, "printed"), Answer),
        (Failure(4, "ValueError", "printed"), Answer),
    ],
)
def test_every_message_arrives(message, kinds):
    assert sent(message, kinds) == message


@pytest.mark.parametrize("dtype", [*messages.DTYPES.values()], ids=str)
@pytest.mark.parametrize(
    "change",
    [
        lambda a: a.T,
        lambda a: a[::-1, ::2],
        lambda a: a.astype(a.dtype.newbyteorder(">")),
        lambda a: a[0, 0, 0, None].reshape(()),
        lambda a: a[:0],
        lambda a: np.broadcast_to(a[0], (3, *a[0].shape)),  # cannot be written to
    ],
    ids=["transposed", "strided", "big-endian", "0-d", "empty", "read-only"],
)
def test_arrays_arrive_however_they_lie_in_memory(dtype, change):
    expected = change(np.arange(24).reshape(2, 3, 4).astype(dtype))
    found = arrives(expected)
    np.testing.assert_array_equal(found, expected.astype(dtype), strict=True)
    assert found.flags["W"]


def test_several_arrays_stay_in_their_places():
    expected = {"W": [np.arange(3), np.ones((2, 0))], "b": np.float32([[1, 2]])}
    assert same(arrives(expected), expected)


@pytest.mark.parametrize("scalar", [np.float32(1.5), np.int8(-3), np.bool_(True), np.str_("a")])
def test_numpy_scalars_arrive_as_python_ones(scalar):
    assert same(arrives(scalar), scalar.item())


def test_tuples_and_sets_arrive_as_lists():
    assert arrives(((1, "a"), {2})) == [[1, "a"], [2]]


def test_a_value_of_the_deepest_allowed_nesting_arrives():
    value = "leaf"
    for _ in range(messages.DEEPEST):
        value = [value]
    assert arrives(value) == value
    with pytest.raises(BadMessage):
        messages.encode(Value(1, [value]))


# What no message carries does not leave.

endless = []
endless.append(endless)


@pytest.mark.parametrize(
    "value",
    [
        np.array([None]),
        np.array(["text"]),
        np.zeros(2, [("x", "f8")]),
        np.zeros(1, "M8[s]"),
        np.zeros(2, complex),
        np.zeros(2, np.longdouble),
        np.zeros((1,) * 33),
        np.longdouble(1),
        np.complex128(1j),
        1j,
        2**64,
        -(2**63) - 1,
        "\ud800",
        {"\ud800": 1},
        b"bytes",
        {1: 2},
        {(1, 2): 3},
        object(),
        len,
        Handle,
        endless,
        "x" * MIB,
        [0] * MIB,
        np.zeros(messages.LARGEST_ARRAYS // 8 + 1),
    ],
    ids=lambda value: f"{type(value).__name__}",
)
def test_what_no_message_carries_does_not_leave(value):
    with pytest.raises(BadMessage):
        messages.encode(Value(1, value))
    with pytest.raises(BadMessage):
        messages.encode(Value(1, [{"a": value}]))


# Whatever arrives, there is a message or `BadMessage`.


def check(header, arrays, kinds=Answer):
    try:
        message = messages.decode(header, arrays, kinds)
    except BadMessage:
        return
    assert isinstance(message, kinds)
    messages.encode(message)  # only what could have been sent


@prompt
@given(st.binary(max_size=200), st.binary(max_size=100), st.sampled_from([Question, Answer]))
def test_any_bytes_are_a_message_or_refused(header, arrays, kinds):
    check(header, arrays, kinds)


@prompt
@given(st.binary(max_size=100), st.binary(max_size=40))
def test_any_value_in_an_answer_is_taken_or_refused(value, arrays):
    header = b"\x83" + pack({"type": "value", "number": 1})[1:] + pack("value") + value
    check(header, arrays)


@prompt
@given(st.integers(-128, 127), st.binary(max_size=40), st.binary(max_size=40))
def test_any_extension_is_taken_or_refused(code, payload, arrays):
    header = pack({"type": "value", "number": 1, "value": msgspec.msgpack.Ext(code, payload)})
    check(header, arrays)


@prompt
@given(
    st.sampled_from([*messages.DTYPES, "|O", "<U1", "<c16", "", "x"]),
    st.lists(st.integers(-2, 4) | st.integers(-(2**63), 2**63), max_size=5),
    st.binary(max_size=64),
)
def test_any_array_is_taken_or_refused(name, shape, arrays):
    check(pack({"type": "value", "number": 1, "value": msgspec.Raw(array(name, shape))}), arrays)


@prompt
@given(values, st.data())
def test_a_frame_with_wrong_bytes_is_a_message_or_refused(value, data):
    header, arrays = map(bytearray, parts(messages.encode(Value(1, value, "printed"))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(header) - 1))
        header[place] = data.draw(st.integers(0, 255))
    check(bytes(header), bytes(arrays))


@prompt
@given(values, st.data())
def test_a_frame_cut_short_is_refused(value, data):
    header, arrays = parts(messages.encode(Value(1, value)))
    with pytest.raises(BadMessage):
        messages.decode(header[: data.draw(st.integers(0, len(header) - 1))], arrays, Answer)
    with pytest.raises(BadMessage):
        messages.decode(header, arrays + b"x", Answer)
    if arrays:
        with pytest.raises(BadMessage):
            messages.decode(header, arrays[:-1], Answer)


@prompt
@given(st.binary(min_size=8, max_size=8))
def test_lengths_are_within_bounds_or_refused(prefix):
    header, arrays = struct.unpack(">II", prefix)
    if header <= messages.LARGEST_HEADER and arrays <= messages.LARGEST_ARRAYS:
        assert messages.lengths(prefix) == (header, arrays)
    else:
        with pytest.raises(BadMessage, match="too large"):
            messages.lengths(prefix)


@pytest.mark.parametrize("kinds", [Question, Answer])
def test_a_question_is_no_answer_and_an_answer_no_question(kinds):
    message = Run(1, "a", "") if kinds is Answer else Value(1)
    with pytest.raises(BadMessage):
        sent(message, kinds)


@pytest.mark.parametrize(
    "value",
    [
        pack(b"bytes"),
        pack(datetime.datetime(2027, 1, 1, tzinfo=datetime.UTC)),
        extension(3, b""),
        extension(2, b"\x01\x01"),
        extension(2, pack("name")),
        array("|O", [1]),
        array("<f8", [-1]),
        array("<f8", [2**63]),
        array("<f8", [0] * 33),
        array("<f8", [0, *[2**26] * 31]),
        array("<f8", [1.0]),
        b"\x81" + array("<f8", [0]) + b"\xc0",
        b"\x81" + extension(2, b"\x01") + b"\xc0",
        b"\x81\x01\xc0",
        b"\x81\xcb\x7f\xf8\0\0\0\0\0\0\xc0",
        b"\x81\x91\x01\xc0",
        b"\x81\x80\xc0",
        b"\x81\xc4\x01a\xc0",
        b"\x81\xc0\xc0",
        b"\xa3\xed\xa0\x80",
        b"\x91" * 9 + b"\xc0",
        b"\x81\xa0" * 100_000,
        b"\x91" * 100_000,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        extension(1, b"\x92\xa3<f8\xdd\xff\xff\xff\xff"),
    ],
    ids=lambda value: repr(value[:12]),
)
def test_a_forged_value_is_refused(value):
    with pytest.raises(BadMessage):
        forged(value)


def test_arrays_cannot_share_their_bytes():
    with pytest.raises(BadMessage):
        forged(pack([msgspec.Raw(array("<f8", [2]))] * 2), bytes(16))


def test_of_two_values_with_one_key_the_last_counts():
    assert forged(b"\x82\xa1a\x01\xa1a\x02") == {"a": 2}


# Reading takes little memory and time.


@pytest.mark.parametrize(
    "value",
    [
        many(b"\x90"),
        many(b"\x80"),
        many(b"\x91\x90"),
        many(b"\x81\xa0\x90"),
        many(array("|b1", [0])),
        many(array("|b1", [0] * 32)),
        many(extension(2, b"\x01")),
        many(b"\xce\x7f\xff\xff\xff"),
        extension(1, b"\x92\xa3<f8" + many(b"\x00")),
        extension(1, b"\x92\xa3<f8" + many(b"\xce\x03\xff\xff\xff")),
        pack("\U0001f600" * (MIB // 32)),
        b"\xdf\0\1\0\0" + b"\xa0\xc0" * 2**16,
    ],
    ids=["lists", "dicts", "nested", "nested dicts", "arrays", "arrays of many axes", "handles"]
    + ["numbers", "axes", "long axes", "text", "one key"],
)
def test_reading_takes_at_most_a_hundred_times_the_memory_of_a_header(value):
    tracemalloc.start()
    start = time.process_time()
    try:
        forged(value)
    except BadMessage:
        pass
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 100 * len(value)
    assert time.process_time() - start < 5


def colliding_tuples(count):
    """Pairs of integers with one hash: CPython's hash of tuples has no secret."""
    size = 2**64
    p1, p2, p5 = 11400714785074694791, 14029467366897019727, 2870177450012600261
    pairs, second = [], 0
    while len(pairs) < count:
        second += 1
        lane = (12345 - second * p2) * pow(p1, -1, size) % size
        first = (((lane >> 31 | lane << 33) % size) - p5) * pow(p2, -1, size) % size
        if first < 2**61 - 1:
            pairs.append((first, second))
    return pairs


def test_keys_with_one_hash_take_no_longer_than_others():
    keys = colliding_tuples(10_000)
    if len({*map(hash, keys[:50])}) > 1:
        pytest.skip("this Python hashes tuples in another way")
    value = b"\xdf" + len(keys).to_bytes(4, "big") + b"".join(pack(key) + b"\xc0" for key in keys)
    start = time.process_time()
    with pytest.raises(BadMessage):
        forged(value)
    assert time.process_time() - start < 0.5  # seconds, where they are compared with each other
