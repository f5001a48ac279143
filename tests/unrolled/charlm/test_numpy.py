"""The character model in NumPy alone: its gradient, training, score, steps and file."""

import os

import numpy as np
import pytest

from unrolled.agreement import gradient_error
from unrolled.bptt.numpy import NumpyRNN
from unrolled.charlm.numpy import (
    NAMES,
    NumpyCharModel,
    NumpyLanguageModel,
    NumpyTokenRNN,
    loss_and_gradient,
    numpy_bits,
    numpy_load,
    numpy_save,
    numpy_step,
    numpy_train,
)
from unrolled.gru.numpy import NumpyGRU
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.nn import Embedding, cross_entropy, cross_entropy_backward, numeric_gradient
from unrolled.optim import SGD

# V, D, H, N, T
SIZES = [(5, 3, 4, 2, 6), (3, 6, 2, 1, 4), (4, 2, 3, 5, 1), (2, 1, 1, 3, 2)]


def randomized(model, rng):
    for param in model.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    return model


def random_model(rng, V=5, D=3, H=4, dtype=np.float64):
    return randomized(NumpyCharModel(V, D, H, rng=rng, dtype=dtype), rng)


def message(call, *args, **kwargs):
    with pytest.raises(ValueError) as raised:
        call(*args, **kwargs)
    return str(raised.value)


@pytest.mark.parametrize(("V", "D", "H", "N", "T"), SIZES)
def test_the_layer_is_an_embedding_and_a_recurrent_layer(rng, V, D, H, N, T):
    layer = randomized(NumpyTokenRNN(V, D, H, rng=rng, dtype=np.float64), rng)
    embedding = Embedding(V, D, rng=rng, dtype=np.float64)
    rnn = NumpyRNN(D, H, rng=rng, dtype=np.float64)
    for name, param in ({"E": embedding.E} | rnn.params).items():
        param[...] = layer.params[name]
    tokens, pull = rng.integers(V, size=(N, T)), rng.normal(size=(N, T, H))
    for state, last_pull in ((None, None), rng.normal(size=(2, N, H))):
        ours, last = layer.forward(tokens, state)
        theirs, their_last = rnn.forward(embedding.forward(tokens), state)
        np.testing.assert_allclose(ours, theirs, atol=1e-14)
        np.testing.assert_allclose(last, their_last, atol=1e-14)
        dx, their_dstate = rnn.backward(pull, last_pull)
        dstate = layer.backward(pull.copy(), last_pull)
        embedding.backward(dx)
        np.testing.assert_allclose(dstate, their_dstate, atol=1e-14)
        for name, grad in ({"E": embedding.dE} | rnn.grads).items():
            np.testing.assert_allclose(layer.grads[name], grad, atol=1e-13, err_msg=name)


@pytest.mark.parametrize(("V", "D", "H", "N", "T"), SIZES)
def test_model_gradients(rng, V, D, H, N, T):
    model = random_model(rng, V, D, H)
    tokens, targets = rng.integers(V, size=(2, N, T))
    state, pull = rng.normal(size=(2, N, H))

    def loss():
        logits, last = model.forward(tokens, state)
        return cross_entropy(logits, targets) + np.vdot(last, pull)

    logits, _ = model.forward(tokens, state)
    dlogits = cross_entropy_backward(logits, targets)
    given = dlogits.copy()
    dstate = model.backward(dlogits, pull)
    np.testing.assert_array_equal(dlogits, given)
    numeric = numeric_gradient(loss, model.params | {"state": state})
    errors = gradient_error(model.grads | {"state": dstate}, numeric)
    assert max(errors.values()) <= 1e-7, errors


def test_what_forward_returned_stays_as_it_was_whatever_is_read_next(rng):
    model = random_model(rng)
    logits, state = model.forward(rng.integers(5, size=(2, 6)))
    copies = logits.copy(), state.copy()
    for length in (6, 5, 7, 1):
        model.forward(rng.integers(5, size=(2, length)), state)
    np.testing.assert_array_equal(logits, copies[0])
    np.testing.assert_array_equal(state, copies[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_array_has_the_dtype_asked_for(rng, dtype):
    model = random_model(rng, dtype=dtype)
    layer = NumpyTokenRNN(5, 3, 4, rng=rng, dtype=dtype)
    tokens, targets = rng.integers(5, size=(2, 2, 6))
    logits, state = model.forward(tokens)
    _, dlogits = loss_and_gradient(logits, targets)
    arrays = [*layer.forward(tokens), logits, state, dlogits, model.backward(dlogits)]
    arrays += [*layer.params.values(), *model.params.values(), *model.grads.values()]
    assert {array.dtype for array in arrays} == {np.dtype(dtype)}


def test_weights_begin_with_the_size_that_keeps_activations_alive(rng):
    V, D, H = 300, 350, 400
    shapes = {"E": (V, D), "W_xh": (D, H), "W_hh": (H, H), "b_h": H, "W_hy": (H, V), "b_y": V}
    params = NumpyCharModel(V, D, H, rng=rng).params
    assert tuple(params) == tuple(shapes) == NAMES
    for name, shape in shapes.items():
        assert params[name].dtype == np.float32
        if name.startswith("b"):
            np.testing.assert_array_equal(params[name], np.zeros(shape))
        else:
            scale = 1 if name == "E" else shape[0] ** -0.5
            assert params[name].shape == shape and abs(params[name].mean()) < 0.01 * scale
            assert abs(params[name].std() / scale - 1) < 0.01
    layer = NumpyTokenRNN(V, D, H, rng=rng)
    assert {param.dtype for param in layer.params.values()} == {np.dtype(np.float32)}


def test_the_model_trains_the_arrays_of_its_layer(rng):
    model = random_model(rng)
    assert all(model.params[name] is param for name, param in model.rnn.params.items())


def test_bad_input_is_named(rng):
    model = random_model(rng)
    tokens = rng.integers(5, size=(2, 6))
    for shape in ((1, 4), (2, 3), (4, 2)):
        expected = f"state has shape {shape}, expected (2, 4)"
        assert message(model.forward, tokens, np.zeros(shape)) == expected
    expected = "token 5 is outside the vocabulary of 5 symbols"
    assert message(model.forward, np.array([[0, 5]])) == expected
    names = "vocab_size", "embedding_size", "hidden_size"
    for i, name in enumerate(names):
        sizes = [0 if j == i else 3 for j in range(3)]
        expected = f"{name} must be a whole number of at least 1, got 0"
        for build in (NumpyTokenRNN, NumpyCharModel):
            assert message(build, *sizes, rng=rng) == expected


@pytest.mark.parametrize(("N", "T", "V"), [(3, 4, 5), (1, 6, 2), (4, 1, 3)])
def test_loss_and_gradient_in_one_equals_both_apart_in_the_same_memory(rng, N, T, V):
    logits, targets = rng.normal(size=(N, T, V)), rng.integers(V, size=(N, T))
    logits[0] *= 1000  # exp of which would overflow
    expected = cross_entropy(logits, targets), cross_entropy_backward(logits, targets)
    with np.errstate(over="raise", invalid="raise"):
        loss, dlogits = loss_and_gradient(logits, targets)
    assert type(loss) is float
    np.testing.assert_allclose(loss, expected[0], rtol=1e-13)
    np.testing.assert_allclose(dlogits, expected[1], atol=1e-15)
    assert np.shares_memory(dlogits, logits)


def test_training_hands_the_state_on_cuts_the_gradient_and_clips(rng):
    model, twin = (random_model(np.random.default_rng(1)) for _ in range(2))
    batches = [tuple(rng.integers(5, size=(2, 2, 6))) for _ in range(4)]
    rate, clip, state, expected = 0.5, 0.2, None, []
    for tokens, targets in batches:
        logits, state = twin.forward(tokens, state)
        expected.append(cross_entropy(logits, targets))
        twin.backward(cross_entropy_backward(logits, targets))
        norm = np.sqrt(sum((grad**2).sum() for grad in twin.grads.values()))
        assert norm > clip  # or clipping would go untested
        for name, param in twin.params.items():
            param -= rate * twin.grads[name] * clip / norm
    losses = numpy_train(model, batches, SGD(model.params, rate), clip=clip)
    np.testing.assert_allclose(losses, expected, rtol=1e-12)
    for name, param in model.params.items():
        np.testing.assert_allclose(param, twin.params[name], atol=1e-13, err_msg=name)


@pytest.mark.parametrize("length", [2, 7, 11])
def test_bits_are_the_mean_surprise_in_powers_of_two_whatever_the_chunk(rng, length):
    model = random_model(rng)
    tokens = rng.integers(5, size=length)
    logits, _ = model.forward(tokens[None, :-1])
    p = np.exp(logits[0]) / np.exp(logits[0]).sum(axis=-1, keepdims=True)
    expected = -np.log2(p[np.arange(length - 1), tokens[1:]]).mean()
    np.testing.assert_allclose(numpy_bits(model, tokens), expected, rtol=1e-12)
    for chunk in (1, 2, 3, 5, 100):
        bits = numpy_bits(model, [*tokens], chunk=chunk)
        np.testing.assert_allclose(bits, expected, rtol=1e-12)


def test_bits_read_a_long_text_in_pieces(rng, monkeypatch):
    model, lengths = random_model(rng), []
    forward = model.forward

    def watched(tokens, state=None):
        lengths.append(tokens.shape)
        return forward(tokens, state)

    monkeypatch.setattr(model, "forward", watched)
    numpy_bits(model, rng.integers(5, size=2002))
    assert lengths == [(1, 1000), (1, 1000), (1, 1)]


@pytest.mark.parametrize("length", [0, 1])
def test_bits_want_something_to_predict(rng, length):
    expected = f"there is nothing to predict in a text of {length} tokens"
    assert message(numpy_bits, random_model(rng), [0] * length) == expected


def test_a_step_is_a_column_of_forward(rng):
    model = random_model(rng)
    tokens, state = [2, 0, 4, 4], None
    whole, last = model.forward(np.array([tokens]))
    step = numpy_step(model)
    for t, token in enumerate(tokens):
        logits, state = step(token, state)
        np.testing.assert_allclose(logits, whole[0, t], atol=1e-14)
    np.testing.assert_allclose(state, last, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("as_path", [str, lambda path: path])
def test_a_saved_model_comes_back_whole(rng, tmp_path, dtype, as_path):
    model, path = random_model(rng, 7, 2, 3, dtype), tmp_path / "model.npz"
    numpy_save(model, as_path(path))
    assert os.listdir(tmp_path) == ["model.npz"]  # and nothing half-written beside it
    loaded = numpy_load(as_path(path))
    assert [*loaded.params] == [*model.params]
    for name, param in model.params.items():
        assert loaded.params[name].dtype == dtype
        np.testing.assert_array_equal(loaded.params[name], param, err_msg=name)
    tokens = rng.integers(7, size=(2, 4))
    np.testing.assert_array_equal(loaded.forward(tokens)[0], model.forward(tokens)[0])


def test_an_interrupted_save_leaves_the_file_as_it_was(rng, tmp_path, monkeypatch):
    path = tmp_path / "model.npz"
    numpy_save(random_model(rng), path)
    before, seen = path.read_bytes(), []

    def broken(file, **params):
        file.write(b"half")
        seen.append(sorted(os.listdir(tmp_path)))
        raise KeyboardInterrupt

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(KeyboardInterrupt):
        numpy_save(random_model(rng), path)
    assert seen == [["model.npz", "model.npz.part"]]
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["model.npz"]


def test_another_file_is_refused(rng, tmp_path):
    path = tmp_path / "other.npz"
    np.savez(path, E=np.zeros((2, 3)), W=np.zeros(4))
    expected = f"{path} holds E, W, expected E, W_xh, W_hh, b_h, W_hy, b_y"
    assert message(numpy_load, path) == expected
    np.savez(path, **dict.fromkeys(NAMES, np.array({}, dtype=object)))
    assert "allow_pickle=False" in message(numpy_load, path)  # no code of the writer's runs


# The model around any layer


def language_model(rng, Layer, V=5, D=3, H=4, dtype=np.float64):
    layer = Layer(D, H, rng=rng, dtype=dtype)
    return randomized(NumpyLanguageModel(V, layer, rng=rng), rng)


def random_state(rng, model, N):
    """Random numbers where the state has zeros: an array, or an LSTM's two."""
    zeros = model.rnn.init_state(N)
    drawn = tuple(rng.normal(size=part.shape) for part in parts(zeros))
    return drawn if isinstance(zeros, tuple) else drawn[0]


def parts(state):
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("Layer", [NumpyRNN, NumpyLSTM, NumpyGRU])
@pytest.mark.parametrize(("V", "D", "H", "N", "T"), SIZES)
def test_gradients_of_the_model_around_any_layer(rng, Layer, V, D, H, N, T):
    model = language_model(rng, Layer, V, D, H)
    tokens, targets = rng.integers(V, size=(2, N, T))
    state, pull = random_state(rng, model, N), random_state(rng, model, N)

    def loss():
        logits, last = model.forward(tokens, state)
        pulls = sum(np.vdot(*pair) for pair in zip(parts(pull), parts(last), strict=True))
        return cross_entropy(logits, targets) + pulls

    logits, _ = model.forward(tokens, state)
    dstate = model.backward(cross_entropy_backward(logits, targets), pull)
    grads = model.grads | {f"state {i}": part for i, part in enumerate(parts(dstate))}
    assert model.grads.keys() == model.params.keys()
    params = model.params | {f"state {i}": part for i, part in enumerate(parts(state))}
    errors = gradient_error(grads, numeric_gradient(loss, params))
    assert max(errors.values()) <= 1e-7, errors


def test_around_a_plain_layer_it_is_the_character_model(rng):
    model, twin = language_model(rng, NumpyRNN), random_model(rng)
    assert tuple(model.params) == NAMES
    for name, param in model.params.items():
        twin.params[name][...] = param
    tokens, targets = rng.integers(5, size=(2, 2, 6))
    for state in (None, rng.normal(size=(2, 4))):
        logits, last = model.forward(tokens, state)
        expected, expected_last = twin.forward(tokens, state)
        np.testing.assert_allclose(logits, expected, atol=1e-13)
        np.testing.assert_allclose(last, expected_last, atol=1e-13)
        dlogits = cross_entropy_backward(logits, targets)
        np.testing.assert_allclose(model.backward(dlogits), twin.backward(dlogits), atol=1e-13)
        for name, grad in twin.grads.items():
            np.testing.assert_allclose(model.grads[name], grad, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("Layer", [NumpyLSTM, NumpyGRU])
def test_two_halves_of_the_model_around_any_layer_equal_the_whole(rng, Layer):
    model = language_model(rng, Layer)
    tokens, targets = rng.integers(5, size=(2, 3, 8))
    logits, last = model.forward(tokens)
    dlogits = cross_entropy_backward(logits, targets)
    model.backward(dlogits)
    expected = model.grads
    first, middle = model.forward(tokens[:, :5])
    second, state = model.forward(tokens[:, 5:], middle)
    np.testing.assert_allclose(np.concatenate([first, second], axis=1), logits, atol=1e-13)
    for ours, theirs in zip(parts(state), parts(last), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-13)
    dmiddle = model.backward(dlogits[:, 5:])
    late = model.grads
    model.forward(tokens[:, :5])
    model.backward(dlogits[:, :5], dmiddle)
    for name, grad in expected.items():
        np.testing.assert_allclose(model.grads[name] + late[name], grad, atol=1e-13, err_msg=name)


@pytest.mark.parametrize("Layer", [NumpyLSTM, NumpyGRU])
def test_training_scoring_and_writing_carry_the_state_of_any_layer(rng, Layer):
    model, twin = (language_model(np.random.default_rng(1), Layer) for _ in range(2))
    tokens = rng.integers(5, size=14)
    logits, _ = model.forward(tokens[None, :-1])
    expected = cross_entropy(logits[0], tokens[1:]) / np.log(2)
    for chunk in (1, 4, 100):
        np.testing.assert_allclose(numpy_bits(model, tokens, chunk=chunk), expected, rtol=1e-12)
    step, state = numpy_step(model), None
    for t, token in enumerate(tokens[:-1]):
        scores, state = step(token, state)
        np.testing.assert_allclose(scores, logits[0, t], atol=1e-13)

    batches = [tuple(rng.integers(5, size=(2, 2, 6))) for _ in range(3)]
    losses = numpy_train(model, batches, SGD(model.params, 0.5), clip=100.0)
    state, expected = None, []
    for inputs, targets in batches:
        logits, state = twin.forward(inputs, state)
        expected.append(cross_entropy(logits, targets))
        twin.backward(cross_entropy_backward(logits, targets))
        for name, param in twin.params.items():
            param -= 0.5 * twin.grads[name]
    np.testing.assert_allclose(losses, expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_model_takes_its_dtype_and_its_arrays_from_the_layer(rng, dtype):
    layer = NumpyGRU(3, 4, rng=rng, dtype=dtype)
    model = NumpyLanguageModel(5, layer, rng=rng)
    assert [*model.params] == ["E", *layer.params, "W_hy", "b_y"]
    assert {param.dtype for param in model.params.values()} == {np.dtype(dtype)}
    assert all(model.params[name] is param for name, param in layer.params.items())
    shapes = [model.params[name].shape for name in ("E", "W_hy", "b_y")]
    assert shapes == [(5, 3), (4, 5), (5,)]
    assert model.forward(rng.integers(5, size=(2, 6)))[0].dtype == dtype
    expected = "vocab_size must be a whole number of at least 1, got 0"
    assert message(NumpyLanguageModel, 0, layer, rng=rng) == expected
