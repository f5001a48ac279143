"""Stacks in three frameworks, and the libraries' own: one answer, also with padding."""

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from torch import nn

from unrolled import agreement
from unrolled.charlm.keras import KerasDenseEmbedding
from unrolled.gru.keras import KerasGRUCell
from unrolled.gru.numpy import NumpyGRU
from unrolled.gru.torch import TorchGRU
from unrolled.lstm.keras import KerasLSTMCell
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.lstm.torch import TorchLSTM
from unrolled.nn import Embedding, Linear, masked_cross_entropy_backward
from unrolled.shapes.numpy import NumpyClassifier
from unrolled.shapes.torch import TorchClassifier, TorchPacked
from unrolled.stacked.keras import keras_classifier, keras_stack
from unrolled.stacked.numpy import NumpyStack
from unrolled.stacked.torch import TorchStack

KERAS_HAS_FLOAT64 = keras.config.backend() == "tensorflow"
NUMPY = {"lstm": NumpyLSTM, "gru": NumpyGRU}
CELLS = {"lstm": KerasLSTMCell, "gru": KerasGRUCell}
LOOPS = {"lstm": TorchLSTM, "gru": TorchGRU}
KERAS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
KERAS_CELLS = {"lstm": keras.layers.LSTMCell, "gru": keras.layers.GRUCell}
TORCH = {"lstm": nn.LSTM, "gru": nn.GRU}
RETURN = {"return_sequences": True, "return_state": True}
V, D, H, C = 7, 5, 4, 3
WAYS = [
    {},
    {"residual": True},
    {"norm": "before"},
    {"residual": True, "norm": "before"},
    {"residual": True, "norm": "after"},
]
IDS = ["plain", "residual", "norm", "residual, norm before", "residual, norm after"]


@pytest.fixture(params=WAYS, ids=IDS)
def way(request):
    return request.param


def ways_and(built, plain):
    """Every way, built by hand; and what the library stacks itself, which is always plain."""
    cases = [(way, how) for how in built for way in WAYS] + [({}, plain)]
    ids = [f"{name}-{how}" for how in built for name in IDS] + [plain]
    return pytest.mark.parametrize(("way", "how"), cases, ids=ids)


@pytest.fixture(params=NUMPY)
def kind(request):
    return request.param


def sizes(layers, hidden_size=H):
    """D and H of each layer."""
    every = [D] + [hidden_size] * layers
    return list(zip(every, every[1:], strict=False))


def models_of(kind, layers, rng, **way):
    """Every way to the same classifier, {label: dtype -> model}."""

    def numpy(dtype):
        stack = NumpyStack([NUMPY[kind](*s, rng=rng, dtype=dtype) for s in sizes(layers)], **way)
        embedding = Embedding(V, D, rng=rng, dtype=dtype)
        return NumpyClassifier(embedding, stack, Linear(H, C, rng=rng, dtype=dtype))

    def keras_cells(dtype):
        parts = [
            keras.layers.RNN(CELLS[kind](H, name="cell"), name=f"l{k}", **RETURN)
            for k in range(layers)
        ]
        return keras_classifier(V, D, parts, C, **way)

    def keras_layers(dtype):
        parts = [KERAS[kind](H, name=f"l{k}", **RETURN) for k in range(layers)]
        return keras_classifier(V, D, parts, C, **way)

    def keras_stacked_cells(dtype):
        cells = [KERAS_CELLS[kind](H, name=f"l{k}_{kind}") for k in range(layers)]
        return keras.Sequential(
            [
                KerasDenseEmbedding(V, D, mask_zero=True, name="embedding"),
                keras.layers.RNN(keras.layers.StackedRNNCells(cells)),
                keras.layers.Dense(C, name="readout"),
            ]
        )

    def torch_loops(dtype):
        stack = TorchStack([LOOPS[kind](*s) for s in sizes(layers)], **way)
        return TorchClassifier(nn.Embedding(V, D), stack, nn.Linear(H, C))

    def torch_layers(dtype):
        parts = [TorchPacked(TORCH[kind](*s, batch_first=True)) for s in sizes(layers)]
        return TorchClassifier(nn.Embedding(V, D), TorchStack(parts, **way), nn.Linear(H, C))

    def torch_num_layers(dtype):
        layer = TORCH[kind](D, H, num_layers=layers, batch_first=True)
        return TorchClassifier(nn.Embedding(V, D), TorchPacked(layer), nn.Linear(H, C))

    models = {
        "numpy": numpy,
        "keras cells": keras_cells,
        "keras layers": keras_layers,
        "torch loops": torch_loops,
        "torch layers": torch_layers,
    }
    if not way:  # a plain stack is what the libraries call one
        models |= {"StackedRNNCells": keras_stacked_cells, "num_layers": torch_num_layers}
    return models


def padded_batch(rng, N=6, T=7):
    """Tokens of unequal lengths, zeros behind, and a class for each."""
    lengths = np.r_[T, rng.integers(1, T + 1, N - 1)]
    tokens = rng.integers(1, V, size=(N, T)) * (np.arange(T) < lengths[:, None])
    return tokens, rng.integers(C, size=N)


def compare(models, layers, rng, **options):
    return agreement.compare(
        models,
        batch=lambda: padded_batch(rng),
        names=agreement.stack_names(layers),
        rng=rng,
        **options,
    )


@pytest.mark.parametrize(
    ("kind", "way", "layers", "steps", "rates"),
    [
        ("lstm", {}, 2, 50, {"SGD": 0.5, "Adam": 0.01}),
        ("lstm", {"residual": True}, 4, 100, {"SGD": 0.5, "Adam": 0.01}),
        ("lstm", {"residual": True, "norm": "before"}, 3, 50, {"SGD": 0.5}),
        ("lstm", {"residual": True, "norm": "after"}, 2, 50, {"SGD": 0.5}),
        ("gru", {}, 3, 50, {"SGD": 0.5}),
        ("gru", {"residual": True}, 2, 50, {"Adam": 0.01}),
    ],
)
def test_all_take_the_same_steps(rng, kind, way, layers, steps, rates):
    models = models_of(kind, layers, rng, **way)
    if way.get("norm"):  # what cells do is seen without
        del models["keras cells"]
    table = compare(models, layers, rng, steps=steps, optimizers=rates)
    table.check()
    gains = [f"{name}_l{k}" for k in range(1, layers) for name in ("gain", "shift")]
    names = ["W_xh", "W_hh", "b_h"] + ["b_hn"] * (kind == "gru")
    weights = ["E", *(f"{name}_l{k}" for k in range(layers) for name in names), "W_hy", "b_y"]
    weights += gains if way.get("norm") else []
    for dtype in agreement.BOUNDS:
        quantities = {quantity for row_dtype, quantity, _, _ in table.rows if row_dtype == dtype}
        assert {f"d{weight}" for weight in weights} <= quantities
    for dtype, quantity, _, differences in table.rows:
        silent = {label for label, difference in differences.items() if difference is None}
        absent = dtype == "float64" and not KERAS_HAS_FLOAT64
        keras_models = {label for label in models if "keras" in label or label == "StackedRNNCells"}
        assert silent == (keras_models if absent else set()), quantity


def parts(states):
    """All arrays of the states of all layers."""
    return [a for s in states for a in (s if isinstance(s, tuple | list) else (s,))]


def one_pass(rng, kind, layers, way, mask):
    """A NumPy stack after forward and backward, and all that went in and came out."""
    N, T = mask.shape
    stack = NumpyStack([NUMPY[kind](*s, rng=rng, dtype=np.float64) for s in sizes(layers)], **way)
    for param in stack.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    x, dy = rng.normal(size=(N, T, D)), rng.normal(size=(N, T, H)) * mask[..., None]
    state, dstate = (
        [
            tuple(rng.normal(size=(N, H)) for _ in s) if kind == "lstm" else rng.normal(size=(N, H))
            for s in stack.init_state(N)
        ]
        for _ in range(2)
    )
    y, last = stack.forward(x, state, mask)
    dx, dfirst = stack.backward(dy, dstate)
    ours = {"y": y * mask[..., None], "dx": dx, **stack.grads}
    ours |= {f"last {i}": part for i, part in enumerate(parts(last))}
    ours |= {f"dfirst {i}": part for i, part in enumerate(parts(dfirst))}
    return stack, (x, dy, state, dstate), ours


MASK = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [1, 0, 0, 0, 0]], bool)


def assert_equal(ours, theirs, atol=1e-12):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], rtol=0, atol=atol, err_msg=name)


def torch_twin(kind, how, layers, way):
    if how == "num_layers":
        return TORCH[kind](D, H, num_layers=layers, batch_first=True)
    if how == "layers":
        return TorchStack(
            [TorchPacked(TORCH[kind](*s, batch_first=True)) for s in sizes(layers)], **way
        )
    return TorchStack([LOOPS[kind](*s) for s in sizes(layers)], **way)


@ways_and(["loops", "layers"], "num_layers")
def test_backward_is_autograd(rng, kind, way, how):
    layers = 3
    stack, (x, dy, state, dstate), ours = one_pass(rng, kind, layers, way, MASK)
    with agreement.precision("float64"):
        twin = torch_twin(kind, how, layers, way)
    weights = agreement._wrap(twin, agreement.stack_names(layers))
    weights.set_weights(stack.params)
    flat = [torch.tensor(a, requires_grad=True) for a in parts(state)]
    x = torch.tensor(x, requires_grad=True)
    each = [tuple(flat[2 * k : 2 * k + 2]) if kind == "lstm" else flat[k] for k in range(layers)]
    if how == "num_layers":  # the states of all layers in one array (L, N, H), h and c apart
        two = tuple(torch.stack(part) for part in zip(*each, strict=True))
        packed = nn.utils.rnn.pack_padded_sequence(x, MASK.sum(axis=1), True)
        y, last = twin(packed, two if kind == "lstm" else torch.stack(each))
        y = nn.utils.rnn.pad_packed_sequence(y, True)[0]
        last = list(zip(*last, strict=True)) if kind == "lstm" else list(last)
    else:
        y, last = twin(x, each, torch.tensor(MASK))
    loss = (y * torch.tensor(dy)).sum()
    loss += sum(
        (a * torch.tensor(b)).sum() for a, b in zip(parts(last), parts(dstate), strict=True)
    )
    loss.backward()
    theirs = {"y": y.detach().numpy() * MASK[..., None], "dx": x.grad}
    theirs |= weights.by_book_name({path: w.grad.numpy() for path, w in weights.weights.items()})
    theirs |= {f"last {i}": part.detach() for i, part in enumerate(parts(last))}
    theirs |= {f"dfirst {i}": part.grad for i, part in enumerate(flat)}
    assert_equal(ours, theirs)


@pytest.mark.skipif(not KERAS_HAS_FLOAT64, reason="the gradient tape is TensorFlow's")
@ways_and(["cells", "layers"], "StackedRNNCells")
def test_backward_is_the_gradient_tape(rng, kind, way, how):
    import tensorflow as tf

    layers = 3
    stack, (x, dy, state, dstate), ours = one_pass(rng, kind, layers, way, MASK)
    with agreement.precision("float64"):
        start = [
            [keras.Input((H,)) for _ in s] if kind == "lstm" else [keras.Input((H,))] for s in state
        ]
        inputs, seen = keras.Input((5, D)), keras.Input((5,), dtype="bool")
        if how == "StackedRNNCells":
            cells = [KERAS_CELLS[kind](H, name=f"l{k}_{kind}") for k in range(layers)]
            layer = keras.layers.RNN(keras.layers.StackedRNNCells(cells), **RETURN)
            y, *last = layer(
                inputs, initial_state=start if kind == "lstm" else [s[0] for s in start], mask=seen
            )
        else:
            made = [
                KERAS[kind](H, name=f"l{k}", **RETURN)
                if how == "layers"
                else keras.layers.RNN(CELLS[kind](H, name="cell"), name=f"l{k}", **RETURN)
                for k in range(layers)
            ]
            y, last = keras_stack(inputs, made, state=start, mask=seen, **way)
        twin = keras.Model([inputs, seen, start], [y, last])
    weights = agreement._wrap(twin, agreement.stack_names(layers))
    weights.set_weights(stack.params)
    x = tf.constant(x)
    start = [[tf.constant(a) for a in parts([s])] for s in state]
    with tf.GradientTape() as tape:
        tape.watch([x, start])
        y, last = twin([x, tf.constant(MASK), start])
        loss = tf.reduce_sum(y * dy)
        pairs = zip(keras.tree.flatten(last), parts(dstate), strict=True)
        loss += sum(tf.reduce_sum(a * b) for a, b in pairs)
    variables = [variable.value for variable in weights.weights.values()]
    dx, dfirst, grads = tape.gradient(loss, [x, start, variables])
    theirs = {"y": y * MASK[..., None], "dx": dx}
    grads = {path: grad.numpy() for path, grad in zip(weights.weights, grads, strict=True)}
    theirs |= weights.by_book_name(grads)
    theirs |= {f"last {i}": part for i, part in enumerate(keras.tree.flatten(last))}
    theirs |= {f"dfirst {i}": part for i, part in enumerate(keras.tree.flatten(dfirst))}
    assert_equal(ours, theirs)


@pytest.mark.parametrize("steps", [0, 3, 30])
@pytest.mark.parametrize(
    ("kind", "way"),
    [("lstm", {}), ("gru", {"residual": True}), ("lstm", {"residual": True, "norm": "after"})],
)
def test_padding_changes_nothing_in_any_framework(rng, kind, way, steps):
    """Logits and every gradient: those of the unpadded batch in NumPy are the measure."""
    tokens, targets = padded_batch(rng, N=4, T=5)
    models = models_of(kind, 3, rng, **way)
    reference = models["numpy"]("float64")
    for param in reference.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    logits, grads = 0 * reference.forward(tokens), {}
    for n, row in enumerate(tokens):  # each by itself, without padding
        logits[n] = reference.forward(row[None, row != 0])[0]
        alone = masked_cross_entropy_backward(logits[[n]], targets[[n]]) / len(tokens)
        reference.backward(alone)
        grads = {name: grads.get(name, 0) + grad for name, grad in reference.grads.items()}
    padded = np.pad(tokens, ((0, 0), (0, steps)))
    with agreement.precision("float64"):
        for label, build in models.items():
            if not KERAS_HAS_FLOAT64 and ("keras" in label or label == "StackedRNNCells"):
                continue
            model = agreement._wrap(build("float64"), agreement.stack_names(3))
            model.set_weights(reference.params)
            np.testing.assert_allclose(model.outputs(padded), logits, rtol=0, atol=1e-12)
            _, theirs = model.loss_and_gradients(padded, targets)
            assert_equal(grads, {name: theirs[name] for name in grads})


def test_keras_loses_the_mask_of_a_layer_that_is_given_a_state():
    """The reason why ``keras_stack`` takes a mask; when this fails, it may go."""
    x, state = keras.layers.Masking()(np.eye(4, 3)[None]), keras.ops.zeros((1, H))
    assert x._keras_mask.shape == (1, 4) and not bool(x._keras_mask[0, 3])
    layer = keras.layers.GRU(H, **RETURN)
    kept = layer(x)[1]
    for mask, same in ((None, False), (x._keras_mask, True)):
        last = layer(x, initial_state=[state], mask=mask)[1]
        assert np.allclose(last, kept, atol=1e-7) == same


def test_a_torch_stack_goes_on_from_the_states_it_returned(rng, kind, way):
    for how in ("loops", "layers"):
        with agreement.precision("float64"):
            stack = torch_twin(kind, how, 3, way)
        x, mask = torch.tensor(rng.normal(size=(3, 5, D))), torch.tensor(MASK)
        with torch.no_grad():
            y, last = stack(x, mask=mask)
            first, state = stack(x[:1, :2])  # the first sequence has no padding
            second, state = stack(x[:1, 2:], state)
        np.testing.assert_allclose(torch.cat([first, second], 1), y[:1], atol=1e-14)
        for ours, theirs in zip(parts(last), parts(state), strict=True):
            np.testing.assert_allclose(theirs, ours[:1], atol=1e-14)
        assert not mask.all() and torch.equal(y[1, 2:], y[1, [2, 2, 2]])  # shown past the padding


def test_a_torch_loop_of_step_is_forward(rng, kind, way):
    stack = torch_twin(kind, "loops", 3, way)
    x = torch.randn(2, 4, D)
    with torch.no_grad():
        y, last = stack(x)
        state = stack.init_state(2)
        for t in range(4):
            y_t, state = stack.step(x[:, t], state)
            np.testing.assert_allclose(y_t, y[:, t], atol=1e-6)
    for ours, theirs in zip(parts(last), parts(state), strict=True):
        np.testing.assert_allclose(theirs, ours, atol=1e-6)


def test_states_of_each_layer_have_the_same_shapes_everywhere(rng, kind):
    N, layers = 2, 3
    stack = NumpyStack([NUMPY[kind](*s, rng=rng) for s in sizes(layers)])
    x = rng.normal(size=(N, 4, D)).astype("float32")
    expected = [np.shape(part) for part in parts(stack.forward(x)[1])]
    made = [KERAS[kind](H, name=f"l{k}", **RETURN) for k in range(layers)]
    keras_states = keras_stack(keras.ops.convert_to_tensor(x), made)[1]
    torch_states = torch_twin(kind, "loops", layers, {})(torch.tensor(x))[1]
    assert [tuple(part.shape) for part in parts(keras_states)] == expected
    assert [tuple(part.shape) for part in parts(torch_states)] == expected
    assert expected == [(N, H)] * layers * (2 if kind == "lstm" else 1)


# Dropout: in training alone, between layers alone


def test_dropout_is_off_in_evaluation_and_on_in_training(rng):
    tokens = padded_batch(rng)[0]
    stack = TorchStack([TorchLSTM(*s) for s in sizes(2)], dropout=0.5)
    model = TorchClassifier(nn.Embedding(V, D), stack, nn.Linear(H, C))
    made = [keras.layers.LSTM(H, name=f"l{k}", **RETURN) for k in range(2)]
    twin = keras_classifier(V, D, made, C, dropout=0.5)
    numpy = models_of("lstm", 2, rng)["numpy"]("float32")
    for each in (model, twin):
        agreement.set_weights(each, numpy.params, agreement.stack_names(2))
    model.eval()
    expected = numpy.forward(tokens)
    np.testing.assert_allclose(model(torch.tensor(tokens)).detach(), expected, atol=1e-6)
    np.testing.assert_allclose(twin(tokens), expected, atol=1e-6)
    model.train()
    for answer in (model(torch.tensor(tokens)).detach(), twin(tokens, training=True)):
        assert np.abs(np.asarray(answer) - expected).max() > 1e-3


# What goes wrong in practice


class ForgetsTheSum(TorchStack):
    def leave(self, k, y, hs):
        return hs


class AddsTheInputOfTheStack(TorchStack):
    """The skip begins where the norm ends."""

    def forward(self, x, state=None, mask=None):
        y, last = x, []
        for k, layer in enumerate(self.layers):
            u = self.enter(k, y)
            hs, after = layer(u, None, mask)
            y = u + hs if k else hs
            last.append(after)
        return y, last


class NoWayAround(NumpyStack):
    """Its gradient goes through the layers alone."""

    def backward(self, dy, dstate=None):
        self.residual = False
        try:
            return super().backward(dy, dstate)
        finally:
            self.residual = True


@pytest.mark.parametrize(
    ("Faulty", "way", "quantity"),
    [
        (ForgetsTheSum, {"residual": True}, "outputs"),
        (AddsTheInputOfTheStack, {"residual": True, "norm": "before"}, "outputs"),
        (NoWayAround, {"residual": True}, "dW_xh_l0"),
    ],
)
def test_a_planted_fault_is_found_and_the_culprit_named(rng, Faulty, way, quantity):
    healthy = models_of("lstm", 3, rng, **way)

    def suspect(dtype):
        if issubclass(Faulty, nn.Module):
            stack = Faulty([TorchLSTM(*s) for s in sizes(3)], **way)
            return TorchClassifier(nn.Embedding(V, D), stack, nn.Linear(H, C))
        model = healthy["numpy"](dtype)
        model.layer = Faulty(model.layer.layers, **way)
        return model

    models = {"numpy": healthy["numpy"], "torch": healthy["torch layers"], "suspect": suspect}
    with pytest.raises(agreement.Disagreement) as error:
        compare(models, 3, rng, steps=1).check()
    lines = str(error.value).splitlines()
    assert all(line.startswith("suspect: ") for line in lines), lines
    assert any(line.startswith(f"suspect: {quantity} differs by ") for line in lines), lines


@pytest.mark.parametrize("module", [NumpyStack, TorchStack, keras_stack])
def test_a_module_is_read_in_one_sitting(module):
    source = Path(inspect.getsourcefile(module)).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 120


def message(call, *args, **kwargs):
    with pytest.raises(ValueError) as raised:
        call(*args, **kwargs)
    return str(raised.value)


def test_bad_stacks_are_named_alike_in_all_frameworks(rng):
    def numpy(*sizes, **way):
        return NumpyStack([NumpyLSTM(*s, rng=rng) for s in sizes], **way)

    def loops(*sizes, **way):
        return TorchStack([TorchLSTM(*s) for s in sizes], **way)

    def packed(*sizes, **way):
        return TorchStack([TorchPacked(nn.LSTM(*s, batch_first=True)) for s in sizes], **way)

    def keras_(*sizes, **way):
        made = [keras.layers.LSTM(own, **RETURN) for _, own in sizes]
        return keras_stack(keras.Input((None, sizes[0][0] if sizes else 3)), made, **way)

    for made, way in (
        ([], {}),
        ([(3, 4), (4, 5)], {"residual": True}),
        ([(3, 4)], {"norm": "between"}),
    ):
        said = {message(build, *made, **way) for build in (numpy, loops, packed, keras_)}
        assert len(said) == 1, said
    said = {
        message(build, (3, 4), (5, 4)) for build in (numpy, loops, packed)
    }  # Keras reads it off
    assert said == {"layer 1 reads 5 numbers, layer 0 below it shows 4"}
    x, good = np.zeros((2, 5, 3), "float32"), np.zeros((2, 4), "float32")
    states = [(good, good)]
    said = {
        message(numpy((3, 4), (4, 4)).forward, x, states),
        message(loops((3, 4), (4, 4)), torch.tensor(x), states),
        message(keras_, (3, 4), (4, 4), state=states),
    }
    assert said == {"state is a list with one state for each of 2 layers, got 1"}


def test_torch_packed_names_a_bad_mask():
    layer, x = TorchPacked(nn.LSTM(3, 4, batch_first=True)), torch.zeros(2, 5, 3)
    said = message(layer, x, mask=torch.ones(2, 4, dtype=bool))
    assert said == "mask has shape (2, 4), expected (2, 5)"
    with pytest.raises(TypeError, match="mask must be boolean, True for a real step"):
        layer(x, mask=torch.ones(2, 5))
