"""What LSTM, GRU and minimal gated unit must all do, in NumPy alone: gradients, states, masks."""

import numpy as np
import pytest

from unrolled.gru.numpy import NumpyGRU
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.mgu.numpy import NumpyMGU

LAYERS = [NumpyLSTM, NumpyGRU, NumpyMGU]
GATES = {NumpyLSTM: 4, NumpyGRU: 3, NumpyMGU: 2}
# N, T, D, H
SIZES = [(2, 5, 3, 4), (3, 4, 6, 2), (1, 3, 2, 5), (4, 1, 3, 2), (1, 1, 1, 1), (2, 3, 1, 4)]


@pytest.fixture(params=LAYERS)
def Layer(request):
    return request.param


def random_layer(Layer, rng, D, H, dtype=np.float64):
    """A layer with every parameter random, the biases too."""
    layer = Layer(D, H, rng=rng, dtype=dtype)
    for param in layer.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    return layer


def parts(state):
    """The arrays of a state: h and c of an LSTM, h alone elsewhere."""
    return state if isinstance(state, tuple) else (state,)


def random_state(rng, layer, N):
    """What a state looks like, and a gradient in it, filled with random numbers."""
    zeros = layer.init_state(N)
    drawn = tuple(rng.normal(size=part.shape).astype(part.dtype) for part in parts(zeros))
    return drawn if isinstance(zeros, tuple) else drawn[0]


def random_mask(rng, N, T):
    """Holes anywhere: one in the first sequence, and of the last of several nothing stays."""
    mask = rng.random((N, T)) < 0.6
    mask[0] = (np.arange(T) != T // 2) | (T == 1)
    mask[1:][-1:] = False
    return mask


def pick(state, index):
    """The state of some of the sequences."""
    return tuple(part[index] for part in state) if isinstance(state, tuple) else state[index]


def assert_equal(ours, theirs, atol, err_msg=""):
    for our, their in zip(parts(ours), parts(theirs), strict=True):
        np.testing.assert_allclose(our, their, rtol=0, atol=atol, err_msg=err_msg)


def message(call, *args, error=ValueError, **kwargs):
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    return str(raised.value)


@pytest.mark.parametrize(("N", "T", "D", "H"), SIZES)
@pytest.mark.parametrize("masked", [False, True], ids=["every step", "mask"])
@pytest.mark.parametrize("given", [True, False], ids=["state", "no state"])
def test_gradients(rng, assert_gradients, Layer, N, T, D, H, masked, given):
    layer = random_layer(Layer, rng, D, H)
    x, pull = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H))
    state, last_pull = (random_state(rng, layer, N) if given else None for _ in range(2))
    mask = random_mask(rng, N, T) if masked else None
    assert_gradients(layer, x, pull, state, last_pull, mask, parts=parts)


@pytest.mark.parametrize(("N", "T", "D", "H"), SIZES)
@pytest.mark.parametrize("given", [True, False], ids=["state", "no state"])
def test_forward_equals_a_loop_of_step(rng, Layer, N, T, D, H, given):
    layer = random_layer(Layer, rng, D, H)
    x = rng.normal(size=(N, T, D))
    start = random_state(rng, layer, N) if given else None
    hs, last = layer.forward(x, start)
    state = start if given else layer.init_state(N)
    for t in range(T):
        state = layer.step(x[:, t], state)
        np.testing.assert_allclose(hs[:, t], parts(state)[0], atol=1e-14)
    assert_equal(last, state, 1e-14)
    assert hs.shape == (N, T, H) and {part.shape for part in parts(last)} == {(N, H)}


@pytest.mark.parametrize("cut", [1, 3, 6])
@pytest.mark.parametrize("masked", [False, True], ids=["every step", "mask"])
def test_two_halves_equal_the_whole_forward_and_backward(rng, Layer, cut, masked):
    N, T, D, H = 2, 7, 3, 4
    layer = random_layer(Layer, rng, D, H)
    x, dhs = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H))
    start, dlast = random_state(rng, layer, N), random_state(rng, layer, N)
    mask = random_mask(rng, N, T) if masked else None
    early, late = (mask[:, :cut], mask[:, cut:]) if masked else (None, None)
    hs, last = layer.forward(x, start, mask)
    dx, dstart = layer.backward(dhs, dlast)
    whole = layer.grads

    first, middle = layer.forward(x[:, :cut], start, early)
    second, state = layer.forward(x[:, cut:], middle, late)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), hs, atol=1e-14)
    assert_equal(state, last, 1e-14)

    dx_second, dmiddle = layer.backward(dhs[:, cut:], dlast)
    late = layer.grads
    layer.forward(x[:, :cut], start, early)
    dx_first, dstate = layer.backward(dhs[:, :cut], dmiddle)
    np.testing.assert_allclose(np.concatenate([dx_first, dx_second], axis=1), dx, atol=1e-13)
    assert_equal(dstate, dstart, 1e-13)
    for name, grad in whole.items():
        np.testing.assert_allclose(layer.grads[name] + late[name], grad, atol=1e-13, err_msg=name)


PADDED = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool)
HOLES = np.array([[0, 1, 0, 1, 1], [1, 0, 0, 1, 0], [0, 0, 0, 0, 0]], bool)


@pytest.mark.parametrize("mask", [PADDED, HOLES], ids=["padding", "holes"])
def test_skipped_steps_change_nothing(rng, Layer, mask):
    """Each sequence alone, without them, gives the same numbers and the same gradients."""
    (N, T), D, H = mask.shape, 4, 2
    layer = random_layer(Layer, rng, D, H)
    x, dhs = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H))
    x[~mask] *= 100  # whatever stands there
    start, dlast = random_state(rng, layer, N), random_state(rng, layer, N)
    hs, last = layer.forward(x, start, mask)
    dx, dstart = layer.backward(dhs, dlast)
    grads, summed = layer.grads, dict.fromkeys(layer.grads, 0)
    assert (dx[~mask] == 0).all()

    for n in range(N):
        real = np.flatnonzero(mask[n])
        alone, alone_last = layer.forward(x[n : n + 1, real], pick(start, [n]))
        np.testing.assert_allclose(hs[n, real], alone[0], atol=1e-12)
        assert_equal(pick(last, [n]), alone_last, 1e-12)

        # A skipped step shows the state of the real one before it, whose gradient grows by its own.
        before = np.cumsum(mask[n]) - 1
        pulls = np.zeros((1, len(real), H))
        np.add.at(pulls[0], before[before >= 0], dhs[n, before >= 0])
        dalone, dalone_start = layer.backward(pulls, pick(dlast, [n]))
        first = np.zeros((1, H)) + dhs[n, before < 0].sum(axis=0)  # what shows the start itself
        dh, *rest = parts(dalone_start)
        np.testing.assert_allclose(dx[n, real], dalone[0], atol=1e-12)
        assert_equal(parts(pick(dstart, [n])), (dh + first, *rest), 1e-12)
        for name, grad in layer.grads.items():
            summed[name] = summed[name] + grad
    for name, grad in grads.items():
        np.testing.assert_allclose(grad, summed[name], atol=1e-12, err_msg=name)


def test_a_mask_of_real_steps_alone_is_no_mask(rng, Layer):
    layer = random_layer(Layer, rng, 3, 4)
    x, dhs = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 4))
    results = []
    for mask in (None, np.ones((2, 5), bool)):
        hs, last = layer.forward(x, mask=mask)
        dx, dstart = layer.backward(dhs)
        results.append([hs, *parts(last), dx, *parts(dstart), *layer.grads.values()])
    for plain, masked in zip(*results, strict=True):
        np.testing.assert_array_equal(plain, masked)


def test_neither_input_nor_incoming_gradient_is_changed(rng, Layer):
    layer = random_layer(Layer, rng, 3, 4)
    x, dhs, mask = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5, 4)), random_mask(rng, 2, 5)
    state, dstate = random_state(rng, layer, 2), random_state(rng, layer, 2)
    given = [x, mask, dhs, *parts(state), *parts(dstate)]
    before = [array.copy() for array in given]
    layer.forward(x, state, mask)
    layer.backward(dhs, dstate)
    for array, was in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, was)


def test_what_forward_returned_stays_as_it_was(rng, Layer):
    layer = random_layer(Layer, rng, 3, 4)
    x = rng.normal(size=(2, 5, 3))
    hs, state = layer.forward(x)
    returned = [hs, *parts(state)]
    copies = [array.copy() for array in returned]
    layer.backward(rng.normal(size=(2, 5, 4)))
    layer.forward(2 * x, state)
    for array, copy in zip(returned, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_backward_can_be_called_again(rng, Layer):
    layer = random_layer(Layer, rng, 3, 4)
    layer.forward(rng.normal(size=(2, 5, 3)), mask=random_mask(rng, 2, 5))
    dhs, results = rng.normal(size=(2, 5, 4)), []
    for _ in range(2):
        dx, dstart = layer.backward(dhs)
        results.append([dx, *parts(dstart), *layer.grads.values()])
    for first, second in zip(*results, strict=True):
        np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("masked", [False, True], ids=["every step", "mask"])
def test_every_array_has_the_dtype_asked_for(rng, Layer, dtype, masked):
    layer = random_layer(Layer, rng, 3, 4, dtype)
    x, dhs = (rng.normal(size=(2, 6, size)).astype(dtype) for size in (3, 4))
    mask = random_mask(rng, 2, 6) if masked else None
    hs, last = layer.forward(x, mask=mask)
    dx, dstart = layer.backward(dhs)
    once = layer.step(x[:, 0], layer.init_state(2))
    arrays = [hs, dx, *parts(last), *parts(dstart), *parts(once), *parts(layer.init_state(3))]
    arrays += [*layer.params.values(), *layer.grads.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_weights_begin_with_the_size_that_keeps_activations_alive(rng, Layer):
    D, H = 200, 250
    params, gates = Layer(D, H, rng=rng).params, GATES[Layer]
    shapes = {"W_xh": (D, gates * H), "W_hh": (H, gates * H), "b_h": (gates * H,)}
    shapes |= {"b_hn": (H,)} if Layer is NumpyGRU else {}
    assert {name: param.shape for name, param in params.items()} == shapes
    assert {param.dtype for param in params.values()} == {np.dtype(np.float32)}
    for name, size in (("W_xh", D), ("W_hh", H)):
        assert abs(params[name].mean()) < 1e-3
        assert abs(params[name].std() * size**0.5 - 1) < 0.01
    for name in shapes.keys() - {"W_xh", "W_hh"}:
        forget = slice(H, 2 * H) if Layer is NumpyLSTM else slice(0)
        expected = np.zeros(shapes[name])
        expected[forget] = 1
        np.testing.assert_array_equal(params[name], expected, err_msg=name)


def test_init_state_is_zeros_of_the_batch(rng, Layer):
    state = parts(Layer(2, 3, rng=rng).init_state(4))
    assert len(state) == (2 if Layer is NumpyLSTM else 1)
    for part in state:
        np.testing.assert_array_equal(part, np.zeros((4, 3)))


def test_bad_input_is_named(rng, Layer):
    layer = Layer(3, 4, rng=rng)
    x, dhs = np.zeros((2, 5, 3)), np.zeros((2, 5, 4))
    expected = "dhs has shape (2, 5, 4), expected (0, 0, 4)"
    assert message(layer.backward, dhs) == expected  # nothing was read
    expected = "x has 6 features, the layer was built for 3"
    assert message(layer.forward, np.zeros((2, 5, 6))) == expected
    layer.forward(x)
    for shape in ((5, 2, 4), (2, 4), (1, 5, 4), (2, 5, 1)):
        expected = f"dhs has shape {shape}, expected (2, 5, 4)"
        assert message(layer.backward, np.zeros(shape)) == expected
    for sizes, name in (((0, 4), "input_size"), ((3, 0), "hidden_size")):
        expected = f"{name} must be a whole number of at least 1, got 0"
        assert message(Layer, *sizes, rng=rng) == expected


def test_a_state_of_another_shape_is_named(rng, Layer):
    layer = Layer(3, 4, rng=rng)
    x, dhs, good = np.zeros((2, 5, 3)), np.zeros((2, 5, 4)), np.zeros((2, 4))
    layer.forward(x)
    for name, call in (
        ("state", lambda state: layer.forward(x, state)),
        ("dstate", lambda state: layer.backward(dhs, state)),
    ):
        for shape in ((1, 4), (3, 4), (2, 3), (2, 1, 4)):
            if Layer is NumpyLSTM:
                for wrong in ((np.zeros(shape), good), [good, np.zeros(shape)]):
                    shapes = [part.shape for part in wrong]
                    expected = f"{name} has the shapes {shapes}, expected 2 arrays of (2, 4)"
                    assert message(call, wrong) == expected
            else:
                expected = f"{name} has shape {shape}, expected (2, 4)"
                assert message(call, np.zeros(shape)) == expected


def test_an_lstm_wants_both_of_its_states(rng):
    layer = NumpyLSTM(3, 4, rng=rng)
    x, dhs, good = np.zeros((2, 5, 3)), np.zeros((2, 5, 4)), np.zeros((2, 4))
    layer.forward(x)
    for name, call in (
        ("state", lambda state: layer.forward(x, state)),
        ("dstate", lambda state: layer.backward(dhs, state)),
    ):
        for wrong in ((good,), (good, good, good), good, ()):
            shapes = [part.shape for part in wrong]
            expected = f"{name} has the shapes {shapes}, expected 2 arrays of (2, 4)"
            assert message(call, wrong) == expected
        call([good, good])  # a list will do


def test_a_mask_is_boolean_and_of_the_batch(rng, Layer):
    layer = Layer(3, 4, rng=rng)
    x = np.zeros((2, 5, 3))
    for dtype in ("int64", "float32", "uint8"):
        expected = f"mask must be boolean, True for a real step, got dtype {dtype}"
        assert message(layer.forward, x, mask=np.ones((2, 5), dtype), error=TypeError) == expected
    for shape in ((5, 2), (2, 4), (2,), (2, 5, 1)):
        expected = f"mask has shape {shape}, expected (2, 5)"
        assert message(layer.forward, x, mask=np.ones(shape, bool)) == expected


# The formulas once more, number by number, as far from the layers' way as can be


def sigma(z):
    return 1 / (1 + np.exp(-z))


def columns(weight, gates, j):
    """Column j of each gate. Args: weight (..., gates·H). Returns: (gates, ...)."""
    return np.moveaxis(weight.reshape(*weight.shape[:-1], gates, -1)[..., j], -1, 0)


def test_an_lstm_step_is_the_formula(rng):
    layer = random_layer(NumpyLSTM, rng, 2, 3)
    x_t, h_prev, c_prev = rng.normal(size=(4, 2)), *rng.normal(size=(2, 4, 3))
    h, c = layer.step(x_t, (h_prev, c_prev))
    for n, j in np.ndindex(4, 3):
        W, U, b = (columns(weight, 4, j) for weight in layer.params.values())
        i, f, g, o = W @ x_t[n] + U @ h_prev[n] + b
        c_nj = sigma(f) * c_prev[n, j] + sigma(i) * np.tanh(g)
        np.testing.assert_allclose(c[n, j], c_nj, rtol=1e-12)
        np.testing.assert_allclose(h[n, j], sigma(o) * np.tanh(c_nj), rtol=1e-12)


def test_a_gru_step_is_the_formula(rng):
    layer = random_layer(NumpyGRU, rng, 2, 3)
    x_t, h_prev = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    h, b_hn = layer.step(x_t, h_prev), layer.params["b_hn"]
    for n, j in np.ndindex(4, 3):
        W, U, b = (columns(layer.params[name], 3, j) for name in ("W_xh", "W_hh", "b_h"))
        x_r, x_z, x_n = W @ x_t[n] + b
        h_r, h_z, h_n = U @ h_prev[n]
        z, news = sigma(x_z + h_z), np.tanh(x_n + sigma(x_r + h_r) * (h_n + b_hn[j]))
        np.testing.assert_allclose(h[n, j], (1 - z) * news + z * h_prev[n, j], rtol=1e-12)


def test_a_minimal_gated_step_is_the_formula(rng):
    layer = random_layer(NumpyMGU, rng, 2, 3)
    x_t, h_prev = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    h = layer.step(x_t, h_prev)
    for n in range(4):
        weights = [[columns(w, 2, j) for w in layer.params.values()] for j in range(3)]
        f = np.array([sigma(W[0] @ x_t[n] + U[0] @ h_prev[n] + b[0]) for W, U, b in weights])
        for j, (W, U, b) in enumerate(weights):
            news = np.tanh(W[1] @ x_t[n] + U[1] @ (f * h_prev[n]) + b[1])
            expected = (1 - f[j]) * h_prev[n, j] + f[j] * news
            np.testing.assert_allclose(h[n, j], expected, rtol=1e-12)


@pytest.mark.parametrize("forget_bias", [0.0, -2.0, 3.5])
def test_an_lstm_starts_with_the_forget_bias_it_is_given(rng, forget_bias):
    b_h = NumpyLSTM(2, 3, rng=rng, forget_bias=forget_bias).params["b_h"]
    np.testing.assert_array_equal(b_h.reshape(4, 3), np.outer([0, forget_bias, 0, 0], np.ones(3)))


def test_states_far_outside_the_ordinary_neither_overflow_nor_warn(rng, Layer):
    layer = random_layer(Layer, rng, 3, 4, np.float32)
    x = 1e4 * rng.normal(size=(2, 5, 3)).astype(np.float32)
    with np.errstate(all="raise", under="ignore"):
        hs, _ = layer.forward(x)
        dx, _ = layer.backward(np.ones_like(hs))
    assert np.isfinite(hs).all() and np.isfinite(dx).all()
