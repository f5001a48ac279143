"""LSTM, GRU and minimal gated unit in three frameworks: one answer, also with padding."""

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from torch.nn.utils import rnn as packing

from unrolled import agreement
from unrolled.charlm.keras import KerasLanguageModel
from unrolled.charlm.numpy import NumpyLanguageModel
from unrolled.charlm.torch import TorchLanguageModel
from unrolled.gru.keras import KerasGRUCell
from unrolled.gru.numpy import NumpyGRU
from unrolled.gru.torch import TorchGRU
from unrolled.lstm.keras import KerasLSTMCell
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.lstm.torch import TorchLSTM
from unrolled.mgu.keras import KerasMGUCell
from unrolled.mgu.numpy import NumpyMGU
from unrolled.mgu.torch import TorchMGU

NAMES = agreement.LIBRARY_NAMES
KERAS_HAS_FLOAT64 = keras.config.backend() == "tensorflow"
LAYERS = {"lstm": NumpyLSTM, "gru": NumpyGRU, "mgu": NumpyMGU}
CELLS = {"lstm": KerasLSTMCell, "gru": KerasGRUCell, "mgu": KerasMGUCell}
LOOPS = {"lstm": TorchLSTM, "gru": TorchGRU, "mgu": TorchMGU}
KERAS_LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
TORCH_LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
KINDS = [("lstm", False), ("lstm", True), ("gru", False), ("gru", True), ("mgu", False)]
SIZES = [(3, 5, 2, 4), (1, 4, 2, 3), (3, 1, 2, 4)]  # N, T, D, H
RETURN = {"return_sequences": True, "return_state": True}


def randomized(model, rng):
    for param in model.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    return model


def parts(state):
    """The arrays of a state: h and c of an LSTM, h alone elsewhere."""
    return list(state) if isinstance(state, tuple | list) else [state]


def whole(name, arrays):
    """The state of these arrays, as NumPy's and PyTorch's layers want it."""
    return tuple(arrays) if name == "lstm" else arrays[0]


def padding(rng, N, T):
    """A mask of sequences of random lengths, the first as long as the batch."""
    lengths = rng.integers(1, T + 1, N)
    lengths[0] = T
    return np.arange(T) < lengths[:, None]


def one_pass(rng, name, N, T, D, H, mask):
    """A NumPy layer after forward and backward, and all that went in and came out.

    What a skipped step shows is left out, as libraries show different things there.
    """
    layer = randomized(LAYERS[name](D, H, rng=rng, dtype=np.float64), rng)
    real = np.ones((N, T, 1)) if mask is None else mask[..., None]
    x, dhs = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H)) * real
    state, dstate = (
        [rng.normal(size=(N, H)) for _ in parts(layer.init_state(N))] for _ in range(2)
    )
    hs, last = layer.forward(x, whole(name, state), mask)
    dx, dfirst = layer.backward(dhs, whole(name, dstate))
    ours = {"hs": hs * real, "dx": dx, **layer.grads}
    ours |= {f"last {i}": part for i, part in enumerate(parts(last))}
    ours |= {f"dfirst {i}": part for i, part in enumerate(parts(dfirst))}
    return layer, (x, dhs, state, dstate, real), ours


def assert_equal(ours, theirs, atol=1e-12):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], rtol=0, atol=atol, err_msg=name)


@pytest.mark.parametrize(("N", "T", "D", "H"), SIZES)
@pytest.mark.parametrize("padded", [False, True], ids=["every step", "padding"])
@pytest.mark.parametrize(("name", "library"), KINDS)
def test_backward_is_autograd(rng, name, library, padded, N, T, D, H):
    mask = padding(rng, N, T) if padded else None
    layer, (x, dhs, state, dstate, real), ours = one_pass(rng, name, N, T, D, H, mask)
    with agreement.precision("float64"):
        twin = TORCH_LAYERS[name](D, H, batch_first=True) if library else LOOPS[name](D, H)
    weights = agreement._wrap(twin, NAMES)
    weights.set_weights(layer.params)
    x, *state = (torch.tensor(array, requires_grad=True) for array in (x, *state))
    if not library:
        hs, last = twin(x, whole(name, state), mask if mask is None else torch.tensor(mask))
    else:
        start, inputs = whole(name, [part[None] for part in state]), x
        if padded:
            lengths = torch.tensor(mask.sum(axis=1))
            inputs = packing.pack_padded_sequence(x, lengths, True, enforce_sorted=False)
        hs, last = twin(inputs, start)
        if padded:
            hs, _ = packing.pad_packed_sequence(hs, True, total_length=T)
        last = whole(name, [part[0] for part in parts(last)])
    loss = (hs * torch.tensor(dhs)).sum()
    loss += sum((a * torch.tensor(b)).sum() for a, b in zip(parts(last), dstate, strict=True))
    loss.backward()
    theirs = {"hs": hs.detach().numpy() * real, "dx": x.grad}
    theirs |= weights.by_book_name({path: w.grad.numpy() for path, w in weights.weights.items()})
    theirs |= {f"last {i}": part.detach() for i, part in enumerate(parts(last))}
    theirs |= {f"dfirst {i}": part.grad for i, part in enumerate(state)}
    assert_equal(ours, theirs)


@pytest.mark.skipif(not KERAS_HAS_FLOAT64, reason="the gradient tape is TensorFlow's")
@pytest.mark.parametrize(("N", "T", "D", "H"), SIZES)
@pytest.mark.parametrize("padded", [False, True], ids=["every step", "padding"])
@pytest.mark.parametrize(("name", "library"), KINDS)
def test_backward_is_the_gradient_tape(rng, name, library, padded, N, T, D, H):
    import tensorflow as tf

    mask = padding(rng, N, T) if padded else None
    layer, (x, dhs, state, dstate, real), ours = one_pass(rng, name, N, T, D, H, mask)
    with agreement.precision("float64"):
        if library:
            twin = KERAS_LAYERS[name](H, **RETURN)
        else:
            twin = keras.layers.RNN(CELLS[name](H), **RETURN)
        twin.build((N, T, D))
        weights = agreement._wrap(twin, NAMES)
        weights.set_weights(layer.params)
        x, *state = (tf.constant(array) for array in (x, *state))
        with tf.GradientTape() as tape:
            tape.watch([x, *state])
            hs, *last = twin(x, initial_state=state, mask=mask)
            loss = tf.reduce_sum(hs * dhs)
            loss += sum(tf.reduce_sum(a * b) for a, b in zip(last, dstate, strict=True))
        variables = [variable.value for variable in weights.weights.values()]
        dx, dfirst, grads = tape.gradient(loss, [x, state, variables])
    theirs = {"hs": hs * real, "dx": dx}
    grads = {path: grad.numpy() for path, grad in zip(weights.weights, grads, strict=True)}
    theirs |= weights.by_book_name(grads)
    theirs |= {f"last {i}": part for i, part in enumerate(last)}
    theirs |= {f"dfirst {i}": part for i, part in enumerate(dfirst)}
    assert_equal(ours, theirs)


@pytest.mark.parametrize("name", LAYERS)
def test_a_torch_loop_skips_any_step_and_goes_on_from_the_state_it_returned(rng, name):
    """NumPy's own treatment of any mask is checked against sequences without the skipped steps."""
    N, T, D, H = 3, 7, 2, 4
    mask = rng.random((N, T)) < 0.5
    layer = randomized(LAYERS[name](D, H, rng=rng, dtype=np.float64), rng)
    with agreement.precision("float64"):
        twin = LOOPS[name](D, H)
    agreement.set_weights(twin, layer.params)
    x = rng.normal(size=(N, T, D))
    expected, expected_last = layer.forward(x, mask=mask)
    x, mask, pieces, state = torch.tensor(x), torch.tensor(mask), [], None
    for part in (slice(3), slice(3, 7)):
        hs, state = twin(x[:, part], state, mask[:, part])
        pieces.append(hs.detach())
    np.testing.assert_allclose(torch.cat(pieces, dim=1), expected, atol=1e-13)
    for ours, theirs in zip(parts(expected_last), parts(state), strict=True):
        np.testing.assert_allclose(theirs.detach(), ours, atol=1e-13)


# Agreement: gradients, and a hundred steps of three optimizers


def models_of(name, rng, V, D, H):
    """Every way to the same model, {label: dtype -> model}."""
    models = {
        "numpy": lambda dtype: NumpyLanguageModel(
            V, LAYERS[name](D, H, rng=rng, dtype=dtype), rng=rng
        ),
        "keras cell": lambda dtype: KerasLanguageModel(
            V, D, keras.layers.RNN(CELLS[name](H), **RETURN)
        ),
        "torch loop": lambda dtype: TorchLanguageModel(V, D, H, LOOPS[name](D, H)),
    }
    if name in KERAS_LAYERS:
        models["keras layer"] = lambda dtype: KerasLanguageModel(
            V, D, KERAS_LAYERS[name](H, **RETURN)
        )
        models["torch layer"] = lambda dtype: TorchLanguageModel(
            V, D, H, TORCH_LAYERS[name](D, H, batch_first=True)
        )
    return models


def compare(models, rng, V, N, T, **options):
    def batch():
        return rng.integers(V, size=(N, T)), rng.integers(V, size=(N, T))

    return agreement.compare(models, batch=batch, names=NAMES, rng=rng, **options)


@pytest.mark.parametrize("name", LAYERS)
def test_all_take_the_same_hundred_steps_of_every_optimizer(rng, name):
    N, T, V, D, H = 5, 7, 6, 4, 3
    models = models_of(name, rng, V, D, H)
    rates = {"SGD": 0.5, "Adagrad": 0.05, "Adam": 0.01}
    table = compare(models, rng, V, N, T, steps=100, optimizers=rates)
    table.check()
    weights = ["E", "W_xh", "W_hh", "b_h", "W_hy", "b_y"] + ["b_hn"] * (name == "gru")
    for dtype in agreement.BOUNDS:
        quantities = [quantity for row_dtype, quantity, _, _ in table.rows if row_dtype == dtype]
        assert sorted(quantities) == sorted(
            ["outputs", "loss"]
            + [f"d{weight}" for weight in weights]
            + [f"loss after 100 steps of {optimizer}" for optimizer in rates]
        )
    for dtype, quantity, _, differences in table.rows:
        silent = {label for label, difference in differences.items() if difference is None}
        absent = dtype == "float64" and not KERAS_HAS_FLOAT64
        assert silent == ({label for label in models if "keras" in label} if absent else set()), (
            quantity
        )


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize(("N", "T", "V", "D", "H"), [(1, 4, 5, 3, 2), (3, 1, 4, 2, 5)])
def test_all_agree_for_one_row_and_for_one_step(rng, name, N, T, V, D, H):
    compare(models_of(name, rng, V, D, H), rng, V, N, T, steps=5).check()


@pytest.mark.parametrize("table", [LAYERS, CELLS, LOOPS], ids=["numpy", "keras", "torch"])
@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_is_read_in_one_sitting(name, table):
    source = Path(inspect.getsourcefile(table[name])).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 120


# What goes wrong in practice, in one of the models: the table finds it and says where


class SwappedGates(TorchLSTM):
    def step(self, x_t, state):
        h_prev, c_prev = state
        f, i, g, o = (x_t @ self.W_xh + h_prev @ self.W_hh + self.b_h).chunk(4, dim=1)
        c = torch.sigmoid(f) * c_prev + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c


class NeverForgets(KerasLSTMCell):
    def call(self, inputs, states):
        h_prev, c_prev = states
        z = inputs @ self.W_xh + h_prev @ self.W_hh + self.b_h
        i, _, g, o = keras.ops.split(z, 4, axis=1)
        c = c_prev + keras.ops.sigmoid(i) * keras.ops.tanh(g)
        h = keras.ops.sigmoid(o) * keras.ops.tanh(c)
        return h, [h, c]


class ForgetsTheCarousel(NumpyLSTM):
    """Its gradient in c is cut at every step."""

    def backward(self, dhs, dstate=None):
        forward, T = self.forward, dhs.shape[1]
        x, hs, cs = self.x.swapaxes(0, 1), self.hs, self.cs
        grads = dict.fromkeys(self.params, 0)
        dx, (dh, dc) = [], self.init_state(len(x)) if dstate is None else dstate
        for t in reversed(range(T)):
            forward(x[:, [t]], (hs[t], cs[t]))
            dx_t, (dh, _) = super().backward(dhs[:, [t]], (dh, dc))
            dc = np.zeros_like(dc)
            dx.insert(0, dx_t)
            grads = {name: grads[name] + grad for name, grad in self.grads.items()}
        self.grads = grads
        return np.concatenate(dx, axis=1), (dh, dc)


class ResetsBefore(TorchGRU):
    def step(self, x_t, h_prev):
        x_r, x_z, x_n = (x_t @ self.W_xh + self.b_h).chunk(3, dim=1)
        W_hr, W_hz, W_hn = self.W_hh.chunk(3, dim=1)
        r, z = torch.sigmoid(x_r + h_prev @ W_hr), torch.sigmoid(x_z + h_prev @ W_hz)
        return (1 - z) * torch.tanh(x_n + (r * h_prev) @ W_hn + self.b_hn) + z * h_prev


class BlendsTheOtherWay(KerasGRUCell):
    def call(self, inputs, states):
        (h_prev,) = states
        x_r, x_z, x_n = keras.ops.split(inputs @ self.W_xh + self.b_h, 3, axis=1)
        h_r, h_z, h_n = keras.ops.split(h_prev @ self.W_hh, 3, axis=1)
        r, z = keras.ops.sigmoid(x_r + h_r), keras.ops.sigmoid(x_z + h_z)
        h = z * keras.ops.tanh(x_n + r * (h_n + self.b_hn)) + (1 - z) * h_prev
        return h, [h]


class SecondBiasOutside(TorchGRU):
    def step(self, x_t, h_prev):
        x_r, x_z, x_n = (x_t @ self.W_xh + self.b_h).chunk(3, dim=1)
        h_r, h_z, h_n = (h_prev @ self.W_hh).chunk(3, dim=1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        return (1 - z) * torch.tanh(x_n + self.b_hn + r * h_n) + z * h_prev


class SwappedMGU(TorchMGU):
    def step(self, x_t, h_prev):
        x_n, x_f = (x_t @ self.W_xh + self.b_h).chunk(2, dim=1)
        W_hn, W_hf = self.W_hh.chunk(2, dim=1)
        f = torch.sigmoid(x_f + h_prev @ W_hf)
        return (1 - f) * h_prev + f * torch.tanh(x_n + (f * h_prev) @ W_hn)


FAULTS = [
    ("lstm", SwappedGates, "outputs"),
    ("lstm", NeverForgets, "outputs"),
    ("lstm", ForgetsTheCarousel, "dW_hh"),
    ("gru", ResetsBefore, "outputs"),
    ("gru", BlendsTheOtherWay, "outputs"),
    ("gru", SecondBiasOutside, "outputs"),
    ("mgu", SwappedMGU, "outputs"),
]


@pytest.mark.parametrize(("name", "Faulty", "quantity"), FAULTS)
def test_a_planted_fault_is_found_and_the_culprit_named(rng, name, Faulty, quantity):
    N, T, V, D, H = 4, 5, 6, 3, 2

    def build(dtype):
        if issubclass(Faulty, keras.layers.Layer):
            return KerasLanguageModel(V, D, keras.layers.RNN(Faulty(H), **RETURN))
        if issubclass(Faulty, torch.nn.Module):
            return TorchLanguageModel(V, D, H, Faulty(D, H))
        return NumpyLanguageModel(V, Faulty(D, H, rng=rng, dtype=dtype), rng=rng)

    healthy = models_of(name, rng, V, D, H)
    models = {"numpy": healthy["numpy"], "torch loop": healthy["torch loop"], "suspect": build}
    table = compare(models, rng, V, N, T, steps=1)
    with pytest.raises(agreement.Disagreement) as error:
        table.check()
    lines = str(error.value).splitlines()
    assert all(line.startswith("suspect: ") for line in lines), lines
    assert any(line.startswith(f"suspect: {quantity} differs by ") for line in lines), lines
    if quantity != "outputs":  # the forward pass is right, so nothing else is said about it
        assert not any("outputs" in line or "suspect: loss differs" in line for line in lines)


# A cell of our own does all that a built-in one does


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_is_described_by_its_config(name):
    options = {"forget_bias": -0.5} if name == "lstm" else {}
    cell = CELLS[name](3, name="mine", **options)
    config = cell.get_config()
    assert config["hidden_size"] == 3 and config["name"] == "mine"
    assert config.items() >= options.items()
    again = CELLS[name].from_config(config)
    assert again.get_config() == config
    assert keras.tree.flatten(again.state_size) == [3] * (2 if name == "lstm" else 1)
    again.build((None, 2))
    if name == "lstm":
        expected = np.repeat([0, -0.5, 0, 0], 3)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(again.b_h.value), expected)


def sorter(cell):
    """Is the first of the symbols 1 to 4 that were read above 2? 0 is padding."""
    return keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(5, 3, mask_zero=True),
            keras.layers.RNN(cell),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_trains_masks_saves_and_loads_like_a_built_in_one(rng, name, tmp_path):
    keras.utils.set_random_seed(0)
    tokens = rng.integers(1, 5, size=(64, 6))
    answers = (tokens[:, :1] > 2).astype("float32")
    tokens[1::2, 4:] = 0  # every other sequence is shorter
    model = sorter(CELLS[name](4))
    model.compile(keras.optimizers.Adam(0.02), "binary_crossentropy")
    losses = model.fit(tokens, answers, epochs=30, batch_size=16, verbose=0).history["loss"]
    assert losses[0] > 0.6 and losses[-1] < 0.1, losses

    short = tokens[1::2, :4]
    longer = np.pad(short, ((0, 0), (0, 5)))
    predicted = model.predict(short, verbose=0)
    np.testing.assert_allclose(model.predict(longer, verbose=0), predicted, atol=1e-6)
    unpadded = np.pad(short, ((0, 0), (0, 5)), constant_values=1)
    assert abs(model.predict(unpadded, verbose=0) - predicted).max() > 1e-4

    model.save(tmp_path / "cell.keras")
    again = keras.saving.load_model(tmp_path / "cell.keras")
    assert isinstance(again.layers[-2].cell, CELLS[name])
    np.testing.assert_array_equal(
        again.predict(longer, verbose=0), model.predict(longer, verbose=0)
    )
    for each in (model, again):  # and it goes on with the optimizer where it was
        each.fit(tokens, answers, epochs=1, batch_size=16, shuffle=False, verbose=0)
    np.testing.assert_allclose(
        again.predict(longer, verbose=0), model.predict(longer, verbose=0), atol=1e-6
    )


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_starts_from_zeros_and_returns_what_it_shows(rng, name):
    cell = CELLS[name](3)
    states = cell.get_initial_state(4)
    assert len(states) == (2 if name == "lstm" else 1)
    for state in states:
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(state), np.zeros((4, 3)))
    h, after = cell(keras.ops.convert_to_tensor(rng.normal(size=(4, 2)), "float32"), states)
    assert len(after) == len(states)
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(h), keras.ops.convert_to_numpy(after[0])
    )


@pytest.mark.parametrize("name", LOOPS)
def test_a_torch_layer_saves_and_loads(rng, name, tmp_path):
    layer, x = LOOPS[name](2, 3), torch.tensor(rng.normal(size=(4, 5, 2)), dtype=torch.float32)
    with torch.no_grad():
        for param in layer.parameters():
            param.normal_()
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    again = LOOPS[name](2, 3)
    assert not torch.equal(again(x)[0], layer(x)[0])
    again.load_state_dict(torch.load(tmp_path / "layer.pt", weights_only=True))
    assert torch.equal(again(x)[0], layer(x)[0])
    assert [*layer.state_dict()] == [*LAYERS[name](2, 3, rng=rng).params]


@pytest.mark.parametrize("name", LOOPS)
def test_a_torch_layer_begins_as_the_numpy_layer_does(name):
    layer = LOOPS[name](200, 250)
    for weight, size in ((layer.W_xh, 200), (layer.W_hh, 250)):
        assert abs(weight.mean()) < 1e-3 and abs(weight.std() * size**0.5 - 1) < 0.01
    expected = LAYERS[name](200, 250, rng=np.random.default_rng(0)).params
    for bias in {"b_h", "b_hn"} & {*expected}:
        np.testing.assert_array_equal(getattr(layer, bias).detach(), expected[bias])
    assert {param.dtype for param in layer.parameters()} == {torch.float32}


# Bad input


@pytest.mark.parametrize("name", LAYERS)
def test_sizes_are_at_least_one(name):
    with pytest.raises(ValueError, match="hidden_size must be a whole number of at least 1, got 0"):
        LOOPS[name](3, 0)
    with pytest.raises(ValueError, match="input_size must be a whole number of at least 1, got 0"):
        LOOPS[name](0, 3)
    with pytest.raises(ValueError, match="hidden_size must be a whole number of at least 1, got 0"):
        CELLS[name](0)


def message(call, *args, error=ValueError):
    with pytest.raises(error) as raised:
        call(*args)
    return str(raised.value)


@pytest.mark.parametrize("name", LOOPS)
def test_a_torch_layer_names_bad_input_as_the_numpy_layer_does(rng, name):
    layers = LAYERS[name](3, 4, rng=rng), LOOPS[name](3, 4)
    good = [np.zeros((2, 4), "float32")] * (2 if name == "lstm" else 1)
    batch, bad_state = np.zeros((2, 5, 3), "float32"), np.zeros((1, 4), "float32")
    wrong = [(np.zeros((2, 5, 6), "float32"),)]
    for i in range(len(good)):
        wrong.append((batch, whole(name, [*good[:i], bad_state, *good[i + 1 :]])))
    if name == "lstm":
        wrong += [(batch, (good[0],)), (batch, (*good, good[0])), (batch, good[0])]
    wrong.append((batch, None, np.ones((2, 4), bool)))
    wrong.append((batch, None, np.ones((5, 2), bool)))

    def tensors(value):
        if isinstance(value, tuple):
            return tuple(map(tensors, value))
        return value if value is None else torch.tensor(value)

    for given in wrong:
        ours, theirs = message(layers[0].forward, *given), message(layers[1], *tensors(given))
        assert ours == theirs and ("expected" in ours or "was built for" in ours)
    given = batch, None, np.ones((2, 5), "int64")
    said = message(layers[1], *tensors(given), error=TypeError)
    assert said == "mask must be boolean, True for a real step, got dtype torch.int64"
