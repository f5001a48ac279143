"""Stacks in NumPy alone: gradients, halves, padding, norm and dropout, and what is refused."""

import numpy as np
import pytest

from unrolled.agreement import gradient_error
from unrolled.gru.numpy import NumpyGRU
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.nn import Dropout, LayerNorm, Linear, numeric_gradient
from unrolled.shapes.numpy import NumpyClassifier
from unrolled.stacked.numpy import NumpyStack

KINDS = {"lstm": NumpyLSTM, "gru": NumpyGRU}
WAYS = [
    {},
    {"residual": True},
    {"norm": "before"},
    {"residual": True, "norm": "before"},
    {"residual": True, "norm": "after"},
    {"residual": True, "norm": "before", "dropout": 0.4},
]
IDS = ["plain", "residual", "norm", "residual, norm before", "residual, norm after", "dropout"]


@pytest.fixture(params=KINDS)
def Layer(request):
    return KINDS[request.param]


@pytest.fixture(params=WAYS, ids=IDS)
def way(request):
    return request.param


def random_stack(Layer, rng, D, sizes, dtype=np.float64, **way):
    """A stack with every parameter random, those of its norms too."""
    inputs = [D, *sizes]
    layers = [Layer(D, H, rng=rng, dtype=dtype) for D, H in zip(inputs, sizes, strict=False)]
    stack = NumpyStack(layers, rng=np.random.default_rng(5), **way)
    for name, param in stack.params.items():
        near = 1.0 if name.startswith("gain") else 0.0
        param[...] = near + rng.normal(0, param.shape[0] ** -0.5, param.shape)
    return stack


def parts(states):
    """All arrays of the states of all layers."""
    return [a for state in states for a in (state if isinstance(state, tuple) else (state,))]


def random_states(rng, stack, N):
    def drawn(zeros):
        return rng.normal(size=zeros.shape).astype(zeros.dtype)

    return [
        tuple(map(drawn, state)) if isinstance(state, tuple) else drawn(state)
        for state in stack.init_state(N)
    ]


def lengths_mask(lengths, T):
    return np.arange(T) < np.array(lengths)[:, None]


def assert_equal(ours, theirs, atol):
    for our, their in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(our, their, rtol=0, atol=atol)


def message(call, *args, **kwargs):
    with pytest.raises(ValueError) as raised:
        call(*args, **kwargs)
    return str(raised.value)


def sizes_for(way, layers):
    """Unequal sizes where the stack allows it."""
    return [4] * layers if way.get("residual") else [4, 2, 5][:layers]


@pytest.mark.parametrize(("N", "T", "D", "layers"), [(2, 4, 3, 3), (1, 1, 2, 2), (3, 2, 5, 1)])
@pytest.mark.parametrize("masked", [False, True], ids=["every step", "mask"])
def test_gradients(rng, assert_gradients, Layer, way, N, T, D, layers, masked):
    sizes = sizes_for(way, layers)
    stack = random_stack(Layer, rng, D, sizes, **way)
    stack.training = True
    x, pull = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, sizes[-1]))
    states, last_pull = random_states(rng, stack, N), random_states(rng, stack, N)
    mask = lengths_mask(rng.integers(1, T + 1, N), T) if masked else None

    def forward(x, states, mask):
        for drop in stack.drops:  # the same numbers are dropped each time
            drop.rng = np.random.default_rng(7)
        return stack.forward(x, states, mask)

    assert_gradients(stack, x, pull, states, last_pull, mask, parts=parts, forward=forward)


def test_dys_are_the_gradients_in_what_each_layer_hands_on(rng, Layer):
    """Add a small number to what one layer hands on, and see what the loss does."""
    stack = random_stack(Layer, rng, 3, [4, 4, 4], residual=True)
    x, pull = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 4))
    stack.forward(x)
    stack.backward(pull)
    dys, leave = stack.dys, stack.leave
    for k in range(3):
        nudge = np.zeros((2, 5, 4))

        def nudged(at, y, hs, k=k, nudge=nudge):
            return leave(at, y, hs) + (nudge if at == k else 0)

        stack.leave = nudged
        numeric = numeric_gradient(lambda: np.vdot(pull, stack.forward(x)[0]), {"y": nudge})
        assert gradient_error({"y": dys[k]}, numeric)["y"] <= 1e-7


def test_forward_equals_a_loop_of_step(rng, Layer, way):
    stack = random_stack(Layer, rng, 3, sizes_for(way, 3), **way)
    x, states = rng.normal(size=(2, 6, 3)), random_states(rng, stack, 2)
    y, last = stack.forward(x, states)
    state = states
    for t in range(6):
        y_t, state = stack.step(x[:, t], state)
        np.testing.assert_allclose(y[:, t], y_t, atol=1e-14)
    assert_equal(parts(last), parts(state), 1e-14)


def test_a_plain_stack_is_one_layer_after_another(rng, Layer):
    stack = random_stack(Layer, rng, 3, [4, 2, 5])
    x = rng.normal(size=(2, 6, 3))
    y, last = stack.forward(x)
    for layer, state in zip(stack.layers, last, strict=True):
        x, alone = layer.forward(x)
        assert_equal(parts([state]), parts([alone]), 0)
    np.testing.assert_array_equal(x, y)


def test_a_residual_stack_shows_the_sum_of_its_states(rng, Layer):
    stack = random_stack(Layer, rng, 3, [4, 4, 4], residual=True)
    mask = lengths_mask([6, 2], 6)
    y, last = stack.forward(rng.normal(size=(2, 6, 3)), mask=mask)
    shown = [state[0] if isinstance(state, tuple) else state for state in last]
    np.testing.assert_allclose(y[:, -1], sum(shown), atol=1e-14)


@pytest.mark.parametrize("cut", [1, 4])
@pytest.mark.parametrize("masked", [False, True], ids=["every step", "mask"])
def test_two_halves_equal_the_whole_forward_and_backward(rng, Layer, way, cut, masked):
    N, T, D = 2, 7, 3
    stack = random_stack(Layer, rng, D, sizes_for(way, 3), **way)
    x, dy = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, sizes_for(way, 3)[-1]))
    start, dlast = random_states(rng, stack, N), random_states(rng, stack, N)
    mask = lengths_mask([7, 5], T) if masked else None
    early, late = (mask[:, :cut], mask[:, cut:]) if masked else (None, None)
    y, last = stack.forward(x, start, mask)
    dx, dstart = stack.backward(dy, dlast)
    whole = stack.grads
    first, middle = stack.forward(x[:, :cut], start, early)
    second, state = stack.forward(x[:, cut:], middle, late)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), y, atol=1e-14)
    assert_equal(parts(state), parts(last), 1e-14)
    dx_second, dmiddle = stack.backward(dy[:, cut:], dlast)
    late_grads = stack.grads
    stack.forward(x[:, :cut], start, early)
    dx_first, dstate = stack.backward(dy[:, :cut], dmiddle)
    np.testing.assert_allclose(np.concatenate([dx_first, dx_second], axis=1), dx, atol=1e-12)
    assert_equal(parts(dstate), parts(dstart), 1e-12)
    for name, grad in whole.items():
        both = stack.grads[name] + late_grads[name]
        np.testing.assert_allclose(both, grad, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("steps", [0, 3, 30])
def test_padding_changes_nothing(rng, Layer, way, steps):
    """Outputs, last states, the gradients in inputs and states, and those of every weight."""
    lengths, T = [5, 3, 1], 5 + steps
    stack = random_stack(Layer, rng, 3, sizes_for(way, 3), **way)
    x, H = rng.normal(size=(3, T, 3)), sizes_for(way, 3)[-1]
    x[~lengths_mask(lengths, T)] *= 100  # whatever stands there
    dy, dlast = rng.normal(size=(3, H)), random_states(rng, stack, 3)
    dys = np.zeros((3, T, H))
    dys[:, -1] = dy  # the loss reads the last of all steps, as the classifier does
    y, last = stack.forward(x, mask=lengths_mask(lengths, T))
    dx, dstart = stack.backward(dys, dlast)
    grads, summed = stack.grads, dict.fromkeys(stack.grads, 0)
    assert not dx[~lengths_mask(lengths, T)].any()
    for n, length in enumerate(lengths):
        alone, alone_last = stack.forward(x[n : n + 1, :length])
        np.testing.assert_allclose(y[n, :length], alone[0], rtol=0, atol=1e-12)
        np.testing.assert_allclose(y[n, length:], alone[0, [-1] * (T - length)], rtol=0, atol=1e-12)
        assert_equal([part[[n]] for part in parts(last)], parts(alone_last), 1e-12)
        own = np.zeros((1, length, H))
        own[:, -1] = dy[n]
        one = [tuple(p[[n]] for p in s) if isinstance(s, tuple) else s[[n]] for s in dlast]
        dalone, dalone_start = stack.backward(own, one)
        np.testing.assert_allclose(dx[n, :length], dalone[0], rtol=0, atol=1e-12)
        assert_equal([part[[n]] for part in parts(dstart)], parts(dalone_start), 1e-12)
        summed = {name: summed[name] + grad for name, grad in stack.grads.items()}
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, summed[name], rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_array_has_the_dtype_asked_for(rng, Layer, way, dtype):
    stack = random_stack(Layer, rng, 3, sizes_for(way, 2), dtype, **way)
    stack.training = True
    x = rng.normal(size=(2, 6, 3)).astype(dtype)
    y, last = stack.forward(x, mask=lengths_mask([6, 4], 6))
    dx, dstart = stack.backward(np.ones_like(y))
    arrays = [y, dx, *parts(last), *parts(dstart), *stack.params.values(), *stack.grads.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_neither_input_nor_state_nor_incoming_gradient_is_changed(rng, Layer, way):
    stack = random_stack(Layer, rng, 3, sizes_for(way, 3), **way)
    x, dy = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, sizes_for(way, 3)[-1]))
    states, dstates = random_states(rng, stack, 2), random_states(rng, stack, 2)
    given = [x, dy, *parts(states), *parts(dstates)]
    before = [array.copy() for array in given]
    lists = list(states), list(dstates)
    stack.forward(x, states)
    stack.backward(dy, dstates)
    assert_equal(given, before, 0)
    assert all(a is b for a, b in zip([*states, *dstates], [*lists[0], *lists[1]], strict=True))


def test_params_carry_the_number_of_their_layer(rng):
    stack = random_stack(NumpyLSTM, rng, 3, [4, 4], norm="before")
    shapes = {name: param.shape for name, param in stack.params.items()}
    assert shapes == {
        **{"W_xh_l0": (3, 16), "W_hh_l0": (4, 16), "b_h_l0": (16,)},
        **{"W_xh_l1": (4, 16), "W_hh_l1": (4, 16), "b_h_l1": (16,)},
        **{"gain_l1": (4,), "shift_l1": (4,)},
    }
    stack.params["W_hh_l1"] += 1  # the layer's own array, not a copy
    assert stack.params["W_hh_l1"] is stack.layers[1].params["W_hh"]


def test_a_classifier_takes_a_stack(rng, way):
    stack = random_stack(NumpyLSTM, rng, 3, sizes_for(way, 2), **way)
    readout = Linear(sizes_for(way, 2)[-1], 5, rng=rng, dtype=np.float64)
    model = NumpyClassifier(None, stack, readout)
    mask = lengths_mask([4, 2], 4)
    x, pull = rng.normal(size=(2, 4, 3)), rng.normal(size=(2, 5))

    def loss():
        return np.vdot(pull, model.forward(x, mask))

    loss()
    model.backward(pull)
    errors = gradient_error(model.grads, numeric_gradient(loss, model.params))
    assert max(errors.values()) <= 1e-7, errors


# Layer normalization and dropout


@pytest.mark.parametrize("shape", [(2, 3, 4), (5, 3), (7,)])
def test_layer_norm(rng, shape):
    norm = LayerNorm(shape[-1], dtype=np.float64)
    x, pull = 3 + 2 * rng.normal(size=shape), rng.normal(size=shape)
    y = norm.forward(x)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(y.std(axis=-1), 1, atol=1e-4)
    norm.gain[...], norm.shift[...] = rng.normal(size=(2, shape[-1]))
    norm.forward(x)
    grads = {"x": norm.backward(pull), "gain": norm.dgain, "shift": norm.dshift}
    params = {"x": x, "gain": norm.gain, "shift": norm.shift}
    numeric = numeric_gradient(lambda: np.vdot(pull, norm.forward(x)), params)
    errors = gradient_error(grads, numeric)
    assert max(errors.values()) <= 1e-7, errors


def test_layer_norm_does_not_see_a_shift_or_a_scale_of_its_rows(rng):
    norm, x = LayerNorm(6, dtype=np.float64, epsilon=1e-12), rng.normal(size=(3, 6))
    np.testing.assert_allclose(norm.forward(x), norm.forward(50 * x - 3), atol=1e-9)


def test_dropout_keeps_the_mean_and_is_the_identity_in_evaluation(rng):
    drop, x = Dropout(0.3, rng=rng), np.ones((400, 10, 50))
    assert drop.forward(x) is x and drop.backward(x) is x
    y = drop.forward(x, training=True)
    assert set(np.unique(y)) == {0, 1 / 0.7}
    assert abs((y == 0).mean() - 0.3) < 0.005 and abs(y.mean() - 1) < 0.01
    np.testing.assert_array_equal(drop.backward(x), y)
    assert (drop.forward(x, training=True) != y).any()  # drawn anew
    assert drop.forward(x) is x and drop.backward(x) is x


def test_dropout_per_sequence_drops_the_same_at_each_step(rng):
    y = Dropout(0.5, rng=rng, per_sequence=True).forward(np.ones((8, 6, 20)), training=True)
    assert (y == y[:, :1]).all() and len(np.unique(y[:, 0], axis=0)) == 8


def test_a_stack_drops_between_its_layers_and_in_training_alone(rng):
    stack = random_stack(NumpyLSTM, rng, 3, [4, 4], dropout=0.5)
    plain = NumpyStack(stack.layers)
    x = rng.normal(size=(2, 5, 3))
    np.testing.assert_array_equal(stack.forward(x)[0], plain.forward(x)[0])
    stack.training = True
    y, last = stack.forward(x)
    assert (y != plain.forward(x)[0]).any()
    assert_equal(parts(last[:1]), parts(plain.forward(x)[1][:1]), 0)  # layer 0 reads all of x
    assert y.all()  # and of what the top shows nothing is dropped


# What is refused


def test_bad_stacks_are_named(rng):
    def stack(*sizes, **way):
        return NumpyStack([NumpyLSTM(D, H, rng=rng) for D, H in sizes], **way)

    assert message(stack) == "a stack needs at least one layer, got none"
    said = message(stack, (3, 4), (5, 4))
    assert said == "layer 1 reads 5 numbers, layer 0 below it shows 4"
    said = message(stack, (3, 4), (4, 5), residual=True)
    assert said.startswith("layer 1 shows 5 numbers and reads 4: with a residual connection")
    stack((3, 4), (4, 4), residual=True)  # the lowest layer may read what it likes
    said = message(stack, (3, 4), norm="pre")
    assert said == "norm is None or one of before, after, got 'pre'"
    for rate in (1, 1.5, -0.1, float("nan")):
        said = message(stack, (3, 4), dropout=rate, rng=rng)
        assert said == f"rate is a share in [0, 1), got {rate!r}"
    said = message(stack, (3, 4), dropout=0.5)
    assert said == "to drop a share of 0.5 a generator rng is needed, got none"


def test_bad_states_and_inputs_are_named(rng, Layer):
    stack = random_stack(Layer, rng, 3, [4, 4])
    x, dy, good = np.zeros((2, 5, 3)), np.zeros((2, 5, 4)), random_states(rng, stack, 2)
    stack.forward(x)
    for name, call in (
        ("state", lambda state: stack.forward(x, state)),
        ("dstate", lambda state: stack.backward(dy, state)),
    ):
        begin = f"{name} is a list with one state for each of 2 layers, got "
        assert message(call, good[:1]) == begin + "1"
        assert message(call, [*good, good[0]]) == begin + "3"
        assert message(call, np.zeros((2, 2, 4))) == begin + "ndarray"
        call(good)
        call(tuple(good))
    assert message(stack.forward, np.zeros((2, 5, 6))) == (
        "x has 6 features, the layer was built for 3"
    )
    said = message(LayerNorm(3).forward, np.zeros((2, 4)))
    assert said == "x has 4 features, the norm was made for 3"
    assert message(LayerNorm, 0) == "size must be a whole number of at least 1, got 0"
    assert message(LayerNorm, 3, epsilon=0) == "epsilon must be positive, got 0"
