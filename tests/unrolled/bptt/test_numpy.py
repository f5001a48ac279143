"""The recurrent layer's gradient and what chapter 2 does with it, in NumPy alone."""

import numpy as np
import pytest

from unrolled.agreement import gradient_error
from unrolled.bptt.numpy import (
    NumpyRNN,
    NumpyRNNModel,
    contributions,
    gradient_by_lag,
    numpy_truncated,
)
from unrolled.nn import cross_entropy, cross_entropy_backward, numeric_gradient, one_hot
from unrolled.optim import SGD

SIZES = [(2, 5, 3, 4), (3, 4, 6, 2), (1, 3, 2, 5), (4, 1, 3, 2), (1, 1, 1, 1), (2, 3, 1, 4)]


def randomized(model, rng):
    """The same model with every parameter random, the biases too."""
    for param in model.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    return model


def random_layer(rng, D, H, dtype=np.float64):
    return randomized(NumpyRNN(D, H, rng=rng, dtype=dtype), rng)


def random_model(rng, V, H, dtype=np.float64):
    return randomized(NumpyRNNModel(V, H, rng=rng, dtype=dtype), rng)


def message(call, *args, **kwargs):
    with pytest.raises(ValueError) as raised:
        call(*args, **kwargs)
    return str(raised.value)


@pytest.mark.parametrize(("N", "T", "D", "H"), SIZES)
@pytest.mark.parametrize("given", [True, False], ids=["state", "no state"])
def test_layer_gradients(rng, N, T, D, H, given):
    layer = random_layer(rng, D, H)
    x, pull = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H))
    state = rng.normal(size=(N, H)) if given else None
    last_pull = rng.normal(size=(N, H)) if given else None

    def loss():
        hs, last = layer.forward(x, state)
        return np.vdot(pull, hs) + (np.vdot(last_pull, last) if given else 0)

    layer.forward(x, state)
    dx, dstate = layer.backward(pull, last_pull)
    params, grads = layer.params | {"x": x}, layer.grads | {"x": dx}
    if given:
        params, grads = params | {"state": state}, grads | {"state": dstate}
    elif T == 1:  # W_hh meets a state of zeros alone, and changes nothing
        assert (grads.pop("W_hh") == 0).all()
        params.pop("W_hh")
    errors = gradient_error(grads, numeric_gradient(loss, params))
    assert max(errors.values()) <= 1e-7, errors


@pytest.mark.parametrize(("N", "T", "V", "H"), SIZES)
def test_model_gradients(rng, N, T, V, H):
    V = V + 1  # of one token nothing can be learned
    model = random_model(rng, V, H)
    tokens, targets = rng.integers(V, size=(2, N, T))
    state, pull = rng.normal(size=(N, H)), rng.normal(size=(N, H))

    def loss():
        logits, last = model.forward(tokens, state)
        return cross_entropy(logits, targets) + np.vdot(pull, last)

    logits, _ = model.forward(tokens, state)
    dstate = model.backward(cross_entropy_backward(logits, targets), pull)
    numeric = numeric_gradient(loss, model.params | {"state": state})
    errors = gradient_error(model.grads | {"state": dstate}, numeric)
    assert max(errors.values()) <= 1e-7, errors


@pytest.mark.parametrize(("N", "T", "D", "H"), SIZES)
def test_forward_equals_a_loop_of_step(rng, N, T, D, H):
    layer = random_layer(rng, D, H)
    x = rng.normal(size=(N, T, D))
    for given in (None, rng.normal(size=(N, H))):
        hs, last = layer.forward(x, given)
        h = layer.init_state(N) if given is None else given
        for t in range(T):
            h = layer.step(x[:, t], h)
            np.testing.assert_allclose(hs[:, t], h, atol=1e-15)
        np.testing.assert_allclose(last, h, atol=1e-15)
        assert hs.shape == (N, T, H) and last.shape == (N, H)


def test_step_is_the_formula(rng):
    layer = random_layer(rng, 2, 3)
    W_xh, W_hh, b_h = (layer.params[name] for name in ("W_xh", "W_hh", "b_h"))
    x_t, h_prev = rng.normal(size=(4, 2)), rng.normal(size=(4, 3))
    for n in range(4):
        for i in range(3):
            z = x_t[n] @ W_xh[:, i] + h_prev[n] @ W_hh[:, i] + b_h[i]
            np.testing.assert_allclose(layer.step(x_t, h_prev)[n, i], np.tanh(z), rtol=1e-14)


@pytest.mark.parametrize("cut", [1, 3, 6])
def test_two_halves_equal_the_whole_forward_and_backward(rng, cut):
    N, T, D, H = 2, 7, 3, 4
    layer = random_layer(rng, D, H)
    x, dhs, dlast = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H)), rng.normal(size=(N, H))
    start = rng.normal(size=(N, H))
    hs, last = layer.forward(x, start)
    dx, dstart = layer.backward(dhs, dlast)
    whole = layer.grads

    first, middle = layer.forward(x[:, :cut], start)
    second, state = layer.forward(x[:, cut:], middle)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), hs, atol=1e-14)
    np.testing.assert_allclose(state, last, atol=1e-14)

    dx_second, dmiddle = layer.backward(dhs[:, cut:], dlast)
    late = layer.grads
    layer.forward(x[:, :cut], start)
    dx_first, dstate = layer.backward(dhs[:, :cut], dmiddle)
    np.testing.assert_allclose(np.concatenate([dx_first, dx_second], axis=1), dx, atol=1e-14)
    np.testing.assert_allclose(dstate, dstart, atol=1e-14)
    for name, grad in whole.items():
        np.testing.assert_allclose(layer.grads[name] + late[name], grad, atol=1e-13, err_msg=name)


def test_two_halves_of_the_model_equal_the_whole(rng):
    model = random_model(rng, 5, 4)
    tokens, targets = rng.integers(5, size=(2, 3, 8))
    logits, last = model.forward(tokens)
    dlogits = cross_entropy_backward(logits, targets)
    dstart = model.backward(dlogits)
    whole = model.grads

    first, middle = model.forward(tokens[:, :5])
    second, state = model.forward(tokens[:, 5:], middle)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), logits, atol=1e-14)
    np.testing.assert_allclose(state, last, atol=1e-14)

    dmiddle = model.backward(dlogits[:, 5:])
    late = model.grads
    model.forward(tokens[:, :5])
    np.testing.assert_allclose(model.backward(dlogits[:, :5], dmiddle), dstart, atol=1e-14)
    for name, grad in whole.items():
        np.testing.assert_allclose(model.grads[name] + late[name], grad, atol=1e-14, err_msg=name)


def test_the_model_is_the_layer_on_one_hot_tokens_and_a_readout(rng):
    model = random_model(rng, 5, 4)
    tokens = rng.integers(5, size=(3, 6))
    hs, last = model.rnn.forward(one_hot(tokens, 5, np.float64))
    logits, state = model.forward(tokens)
    np.testing.assert_allclose(logits, hs @ model.params["W_hy"] + model.params["b_y"], atol=1e-14)
    np.testing.assert_allclose(state, last, atol=1e-15)


def test_neither_input_nor_incoming_gradient_is_changed(rng):
    layer = random_layer(rng, 3, 4)
    arrays = [rng.normal(size=shape) for shape in ((2, 5, 3), (2, 4), (2, 5, 4), (2, 4))]
    x, state, dhs, dstate = (array.copy() for array in arrays)
    layer.forward(x, state)
    layer.backward(dhs, dstate)
    for array, now in zip(arrays, (x, state, dhs, dstate), strict=True):
        np.testing.assert_array_equal(now, array)


def test_what_forward_returned_stays_as_it_was(rng):
    layer = random_layer(rng, 3, 4)
    x = rng.normal(size=(2, 5, 3))
    hs, state = layer.forward(x)
    copies = hs.copy(), state.copy()
    layer.backward(rng.normal(size=(2, 5, 4)))
    layer.forward(2 * x, state)
    np.testing.assert_array_equal(hs, copies[0])
    np.testing.assert_array_equal(state, copies[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_array_has_the_dtype_asked_for(rng, dtype):
    layer, model = random_layer(rng, 3, 4, dtype), random_model(rng, 5, 4, dtype)
    returned = [
        *layer.forward(rng.normal(size=(2, 6, 3)).astype(dtype)),
        *layer.backward(rng.normal(size=(2, 6, 4)).astype(dtype)),
        *model.forward(rng.integers(5, size=(2, 6))),
        model.backward(rng.normal(size=(2, 6, 5)).astype(dtype)),
        contributions(model, *rng.integers(5, size=(2, 2, 6))),
        layer.init_state(3),
    ]
    for owner in (layer, model):
        returned += [*owner.params.values(), *owner.grads.values()]
    assert {array.dtype for array in returned} == {np.dtype(dtype)}


def test_float32_is_the_default(rng):
    for model in (NumpyRNN(3, 4, rng=rng), NumpyRNNModel(3, 4, rng=rng)):
        assert {param.dtype for param in model.params.values()} == {np.dtype(np.float32)}


def test_weights_begin_with_the_size_that_keeps_activations_alive(rng):
    params = NumpyRNNModel(300, 400, rng=rng).params
    shapes = {"W_xh": (300, 400), "W_hh": (400, 400), "b_h": 400, "W_hy": (400, 300), "b_y": 300}
    assert [*params] == [*shapes]
    for name, shape in shapes.items():
        if name.startswith("b"):
            np.testing.assert_array_equal(params[name], np.zeros(shape))
        else:
            assert params[name].shape == shape and abs(params[name].mean()) < 1e-3
            assert abs(params[name].std() * shape[0] ** 0.5 - 1) < 0.01


def test_the_model_trains_the_arrays_of_its_layers(rng):
    model = NumpyRNNModel(3, 4, rng=rng)
    inside = [*model.rnn.params.values(), model.readout.W, model.readout.b]
    assert all(a is b for a, b in zip(model.params.values(), inside, strict=True))


def test_init_state_is_zeros_of_the_batch(rng):
    state = NumpyRNN(2, 3, rng=rng).init_state(4)
    np.testing.assert_array_equal(state, np.zeros((4, 3)))


def test_bad_input_is_named(rng):
    layer = NumpyRNN(3, 4, rng=rng)
    x, dhs = np.zeros((2, 5, 3)), np.zeros((2, 5, 4))
    expected = "dhs has shape (2, 5, 4), the last forward gave (0, 0, 4)"
    assert message(layer.backward, dhs) == expected  # there was none
    expected = "x has 6 features, the layer was built for 3"
    assert message(layer.forward, np.zeros((2, 5, 6))) == expected
    for shape in ((1, 4), (2, 3), (2, 1, 4)):
        expected = f"state has shape {shape}, expected (2, 4)"
        assert message(layer.forward, x, np.zeros(shape)) == expected
    layer.forward(x)
    for shape in ((5, 2, 4), (2, 4), (1, 5, 4), (2, 5, 1)):
        expected = f"dhs has shape {shape}, the last forward gave (2, 5, 4)"
        assert message(layer.backward, np.zeros(shape)) == expected
    layer.backward(dhs)
    for build, names in (
        (NumpyRNN, ("input_size", "hidden_size")),
        (NumpyRNNModel, ("input_size", "hidden_size")),
    ):
        for sizes, name in (((0, 4), names[0]), ((3, 0), names[1])):
            expected = f"{name} must be a whole number of at least 1, got 0"
            assert message(build, *sizes, rng=rng) == expected


@pytest.mark.parametrize(("N", "T", "V", "H"), [(2, 5, 3, 4), (1, 3, 4, 2), (3, 1, 2, 3)])
def test_contributions_add_up_to_the_gradient_and_each_is_its_own_term(rng, N, T, V, H):
    model = random_model(rng, V, H)
    tokens, targets = rng.integers(V, size=(2, N, T))
    terms = contributions(model, tokens, targets)
    assert terms.shape == (T, T, H, H)

    logits, _ = model.forward(tokens)
    dlogits = cross_entropy_backward(logits, targets)
    for t in range(T):  # the loss of one step alone: its row adds up to that gradient
        only = np.zeros_like(dlogits)
        only[:, t] = dlogits[:, t]
        model.backward(only)
        np.testing.assert_allclose(terms[t].sum(axis=0), model.grads["W_hh"], atol=1e-15)
        assert (terms[t, t + 1 :] == 0).all()  # a later use acts on no earlier loss

    # One use of W_hh alone, by central differences: only at step k is the matrix another one.
    layer, eye = model.rnn, np.eye(V)

    def loss_at(t, k, W):
        h = layer.init_state(N)
        for step in range(t + 1):
            z = eye[tokens[:, step]] @ layer.params["W_xh"] + layer.params["b_h"]
            h = np.tanh(z + h @ (W if step == k else layer.params["W_hh"]))
        y = h @ model.params["W_hy"] + model.params["b_y"]
        return cross_entropy(y, targets[:, t]) / T

    for t in range(T):
        for k in range(1, t + 1):  # at step 0 the state is zero, and so is the term
            W = {"W": layer.params["W_hh"].copy()}
            numeric = numeric_gradient(lambda t=t, k=k, W=W: loss_at(t, k, W["W"]), W)
            assert gradient_error({"W": terms[t, k]}, numeric)["W"] <= 1e-7


def test_gradient_by_lag_is_the_sweep_back_and_stays_under_its_bounds(rng):
    N, T, D, H = 3, 6, 2, 4
    layer = random_layer(rng, D, H)
    hs, _ = layer.forward(rng.normal(size=(N, T, D)))
    dh, W_hh = rng.normal(size=(N, H)), layer.params["W_hh"]
    left, largest, bound = gradient_by_lag(dh, 1 - hs**2, W_hh)

    norms, stretches, bounds = np.empty((3, N, T))
    for n in range(N):
        product, limit = np.eye(H), 1.0
        for lag in range(T):
            norms[n, lag] = np.linalg.norm(product @ dh[n])
            stretches[n, lag] = np.linalg.svd(product)[1][0]
            bounds[n, lag] = limit
            slopes = 1 - hs[n, T - 1 - lag] ** 2
            product = W_hh @ np.diag(slopes) @ product
            limit *= np.linalg.svd(W_hh)[1][0] * slopes.max()
    for ours, each in ((left, norms), (largest, stretches), (bound, bounds)):
        expected = np.prod(each, axis=0) ** (1 / N)
        np.testing.assert_allclose(ours, expected / expected[0], rtol=1e-10)
    assert (left[0], largest[0], bound[0]) == (1, 1, 1)
    assert (largest <= bound * (1 + 1e-12)).all()


def test_gradient_by_lag_is_what_backward_hands_back(rng):
    N, T, D, H = 1, 5, 2, 3
    layer = random_layer(rng, D, H)
    x, dh = rng.normal(size=(N, T, D)), rng.normal(size=(N, H))
    hs, _ = layer.forward(x)
    left, _, _ = gradient_by_lag(dh, 1 - hs**2, layer.params["W_hh"])
    for lag in range(1, T):
        layer.forward(x[:, T - lag :], hs[:, T - lag - 1])
        _, dstate = layer.backward(np.zeros((N, lag, H)), dh)
        expected = np.linalg.norm(dstate) / np.linalg.norm(dh)
        np.testing.assert_allclose(left[lag], expected, rtol=1e-12)


@pytest.mark.parametrize("steps", [3, 4, 9, 20])  # 4 leaves a last slice of one
def test_truncated_training_cuts_the_gradient_and_hands_the_state_on(rng, steps):
    tokens, targets = rng.integers(5, size=(2, 2, 9))
    model, twin = (random_model(np.random.default_rng(7), 5, 4) for _ in range(2))
    limit, rate, state, expected = 0.2, 0.5, None, []
    for start in range(0, 9, steps):
        part = slice(start, start + steps)
        # A model of its own for each slice, which knows nothing of what came before but the state.
        logits, after = twin.forward(tokens[:, part], state)
        expected.append(cross_entropy(logits, targets[:, part]))
        twin.backward(cross_entropy_backward(logits, targets[:, part]))
        norm = np.sqrt(sum((grad**2).sum() for grad in twin.grads.values()))
        assert norm > limit  # or clipping would go untested
        for name, param in twin.params.items():
            param -= rate * twin.grads[name] * limit / norm
        state = after
    optimizer = SGD(model.params, rate)
    losses = numpy_truncated(model, tokens, targets, steps=steps, optimizer=optimizer, limit=limit)
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    for name, param in model.params.items():
        np.testing.assert_allclose(param, twin.params[name], atol=1e-13, err_msg=name)
