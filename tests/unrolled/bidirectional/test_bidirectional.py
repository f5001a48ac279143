"""Bidirectional layers in three frameworks, against each other and against the libraries' own."""

import inspect
from pathlib import Path

import keras
import numpy as np
import pytest
import torch
from torch.nn.utils import rnn as packing

from unrolled import agreement
from unrolled.bidirectional import keras as ours_in_keras
from unrolled.bidirectional import numpy as ours_in_numpy
from unrolled.bidirectional import torch as ours_in_torch
from unrolled.bidirectional.keras import KerasBidirectional
from unrolled.bidirectional.numpy import NumpyBidirectional, NumpyTagger
from unrolled.bidirectional.torch import TorchBidirectional, TorchPackedTagger, TorchTagger
from unrolled.charlm.keras import KerasDenseEmbedding
from unrolled.data.batches import length_mask
from unrolled.gru.keras import KerasGRUCell
from unrolled.gru.numpy import NumpyGRU
from unrolled.gru.torch import TorchGRU
from unrolled.lstm.keras import KerasLSTMCell
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.lstm.torch import TorchLSTM
from unrolled.nn import IGNORED, Embedding, Linear
from unrolled.shapes.torch import pack

KERAS_HAS_FLOAT64 = keras.config.backend() == "tensorflow"
LAYERS = {"lstm": NumpyLSTM, "gru": NumpyGRU}
CELLS = {"lstm": KerasLSTMCell, "gru": KerasGRUCell}
LOOPS = {"lstm": TorchLSTM, "gru": TorchGRU}
KERAS_LAYERS = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
TORCH_LAYERS = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
# Where our own two layers keep the backward one's weights.
OWN = {
    f"{layer}.{name}": f"{name}_reverse"
    for layer in ("backward_layer", "backward_cell")
    for name in ("W_xh", "W_hh", "b_h", "b_hn")
}
NAMES = agreement.LIBRARY_NAMES | OWN
LABELS = ["numpy", "keras cells", "keras layer", "torch loops", "torch layer"]
IN_FLOAT64 = [label for label in LABELS if KERAS_HAS_FLOAT64 or "keras" not in label]


def keras_layer(name, label, H, merge, **options):
    """Either of the ways in Keras, ours or the library's."""
    options = {"return_sequences": True} | options
    if label == "keras layer":
        layer = KERAS_LAYERS[name](H, name=name, **options)
        return keras.layers.Bidirectional(layer, merge_mode=merge)
    cells = CELLS[name](H), CELLS[name](H, name="backward_cell")
    return KerasBidirectional(*(keras.layers.RNN(cell, **options) for cell in cells), merge)


def models_of(name, merge, rng, V, D, H, C):
    """Every way to the same tagger, {label: dtype -> model}."""
    width = 2 * H if merge == "concat" else H

    def in_numpy(dtype):
        layers = [LAYERS[name](D, H, rng=rng, dtype=dtype) for _ in range(2)]
        return NumpyTagger(
            Embedding(V, D, rng=rng, dtype=dtype),
            NumpyBidirectional(*layers, merge),
            Linear(width, C, rng=rng, dtype=dtype),
        )

    def in_keras(label):
        return keras.Sequential(
            [
                keras.Input((None,), dtype="int32"),
                KerasDenseEmbedding(V, D, mask_zero=True, name="embedding"),
                keras_layer(name, label, H, merge),
                keras.layers.Dense(C, name="readout"),
            ]
        )

    def in_torch(label):
        ends = torch.nn.Embedding(V, D), torch.nn.Linear(width, C)
        if label == "torch loops":
            both = TorchBidirectional(LOOPS[name](D, H), LOOPS[name](D, H), merge)
            return TorchTagger(ends[0], both, ends[1])
        both = TORCH_LAYERS[name](D, H, batch_first=True, bidirectional=True)
        return TorchPackedTagger(ends[0], both, ends[1], merge)

    return {
        "numpy": in_numpy,
        "keras cells": lambda dtype: in_keras("keras cells"),
        "keras layer": lambda dtype: in_keras("keras layer"),
        "torch loops": lambda dtype: in_torch("torch loops"),
        "torch layer": lambda dtype: in_torch("torch layer"),
    }


def padded_batch(rng, N, T, V, C):
    """Tokens of random lengths, the first as long as the batch; some targets are not scored."""
    lengths = rng.integers(1, T + 1, N)
    lengths[0] = T
    mask = length_mask(lengths, T)
    scored = mask & (rng.random((N, T)) < 0.7)
    scored[0, 0] = True
    tokens = np.where(mask, rng.integers(1, V, (N, T)), 0)
    return tokens, np.where(scored, rng.integers(C, size=(N, T)), IGNORED)


def compare(models, rng, N, T, V, C, **options):
    return agreement.compare(
        models, batch=lambda: padded_batch(rng, N, T, V, C), names=NAMES, rng=rng, **options
    )


# Reversal


@pytest.mark.parametrize("features", [1, 3])
def test_three_reversals_are_one(rng, features):
    x, mask = rng.normal(size=(5, 9, features)).astype("float32"), rng.random((5, 9)) < 0.5
    mask[3], mask[4] = False, True
    for m in (mask, None):
        expected = ours_in_numpy.numpy_reverse(x, m)
        tensor_mask = None if m is None else torch.tensor(m)
        in_torch = ours_in_torch.torch_reverse(torch.tensor(x), tensor_mask)
        in_keras = ours_in_keras.keras_reverse(keras.ops.convert_to_tensor(x), m)
        np.testing.assert_array_equal(in_torch, expected)
        np.testing.assert_array_equal(keras.ops.convert_to_numpy(in_keras), expected)


# Agreement: gradients, and a hundred steps of two optimizers, with padding


@pytest.mark.parametrize(("name", "merge"), [("lstm", "concat"), ("gru", "sum")])
def test_all_take_the_same_hundred_steps_with_padding(rng, name, merge):
    N, T, V, D, H, C = 5, 7, 6, 4, 3, 2
    models = models_of(name, merge, rng, V, D, H, C)
    rates = {"SGD": 0.5, "Adam": 0.01}
    table = compare(models, rng, N, T, V, C, steps=100, optimizers=rates)
    table.check()
    own = ["W_xh", "W_hh", "b_h"] + ["b_hn"] * (name == "gru")
    weights = ["E", *own, *(f"{weight}_reverse" for weight in own), "W_hy", "b_y"]
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


@pytest.mark.parametrize(("name", "merge"), [("lstm", "sum"), ("gru", "concat")])
@pytest.mark.parametrize(("N", "T", "V", "D", "H", "C"), [(1, 4, 5, 3, 2, 4), (3, 1, 4, 2, 5, 3)])
def test_all_agree_for_one_row_and_for_one_step(rng, name, merge, N, T, V, D, H, C):
    compare(models_of(name, merge, rng, V, D, H, C), rng, N, T, V, C, steps=3).check()


# Padding


@pytest.mark.parametrize("extra", [0, 3, 30])
@pytest.mark.parametrize("label", IN_FLOAT64)
@pytest.mark.parametrize("name", LAYERS)
def test_padding_changes_no_answer_no_loss_and_no_gradient(rng, name, label, extra):
    N, T, V, D, H, C = 4, 5, 6, 3, 4, 2
    tokens, targets = padded_batch(rng, N, T, V, C)
    longer = [
        np.pad(array, ((0, 0), (0, extra)), constant_values=value)
        for array, value in ((tokens, 0), (targets, IGNORED))
    ]
    with agreement.precision("float64"):
        model = agreement._wrap(models_of(name, "concat", rng, V, D, H, C)[label]("float64"), NAMES)
        reference = models_of(name, "concat", rng, V, D, H, C)["numpy"]("float64").params
        weights = {key: rng.normal(0, len(w) ** -0.5, w.shape) for key, w in reference.items()}
        model.set_weights(weights)
        results = []
        for batch in ((tokens, targets), longer):
            loss, grads = model.loss_and_gradients(*batch)
            outputs = model.outputs(batch[0])[:, :T][tokens != 0]
            assert grads.keys() == weights.keys()
            results.append([outputs, loss, *grads.values()])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-12)


def twin_states(rng, name, layer, x, mask, start, label):
    """What a layer of any framework shows at real steps, and its last states, as arrays.

    Args: start, four or two arrays: those of the forward layer, then those of the backward one.
    """
    half = len(start) // 2

    def pair(arrays):
        halves = arrays[:half], arrays[half:]
        return tuple(tuple(part) if name == "lstm" else part[0] for part in halves)

    N, T, D = x.shape
    H = start[0].shape[1]
    with agreement.precision("float64"):
        if label == "numpy":
            hs, last = layer.forward(x, pair(start), mask)
            return [hs[mask], *(part for each in last for part in parts(each))]
        if "keras" in label:
            twin = keras_layer(name, label, H, "concat", return_state=True)
            twin.build((N, T, D))
            agreement.set_weights(twin, layer.params, NAMES)
            hs, *last = twin(
                x, initial_state=[keras.ops.convert_to_tensor(s) for s in start], mask=mask
            )
            hs, *last = (keras.ops.convert_to_numpy(array) for array in (hs, *last))
            return [hs[mask], *last]
        start = [torch.tensor(part) for part in start]
        if label == "torch loops":
            twin = TorchBidirectional(LOOPS[name](D, H), LOOPS[name](D, H))
            agreement.set_weights(twin, layer.params, NAMES)
            hs, last = twin(torch.tensor(x), pair(start), torch.tensor(mask))
            last = [part for each in last for part in parts(each)]
        else:
            twin = TORCH_LAYERS[name](D, H, batch_first=True, bidirectional=True)
            agreement.set_weights(twin, layer.params, NAMES)
            # Its states are stacked: (2, N, H), forward first, one such array for h, one for c.
            stacked = [torch.stack(both) for both in zip(start[:half], start[half:], strict=True)]
            packed = pack(torch.tensor(x), torch.tensor(mask))
            hs, last = twin(packed, tuple(stacked) if name == "lstm" else stacked[0])
            hs, _ = packing.pad_packed_sequence(hs, True, total_length=T)
            last = [part[k] for k in (0, 1) for part in parts(last)]
    return [array.detach().numpy() for array in (hs[torch.tensor(mask)], *last)]


def parts(state):
    return list(state) if isinstance(state, tuple | list) else [state]


@pytest.mark.parametrize("extra", [0, 3, 30])
@pytest.mark.parametrize("label", IN_FLOAT64)
@pytest.mark.parametrize("name", LAYERS)
def test_the_states_come_in_one_order_and_padding_does_not_change_them(rng, name, label, extra):
    """The forward layer's first; the backward layer's is that after the first step."""
    N, T, D, H = 4, 5, 3, 2
    layers = [LAYERS[name](D, H, rng=rng, dtype=np.float64) for _ in range(2)]
    layer = NumpyBidirectional(*layers)
    for param in layer.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    mask = length_mask([5, 2, 4, 1], T)
    x = rng.normal(size=(N, T, D))
    start = [rng.normal(size=(N, H)) for _ in range(4 if name == "lstm" else 2)]
    expected = twin_states(rng, name, layer, x, mask, start, "numpy")
    wide = np.pad(x, ((0, 0), (0, extra), (0, 0)), constant_values=7.0)
    mask = np.pad(mask, ((0, 0), (0, extra)))
    found = twin_states(rng, name, layer, wide, mask, start, label)
    assert len(found) == 1 + len(start)
    for theirs, ours in zip(found, expected, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-12)


# A planted fault is found


class ReversesTheWholeRow(TorchBidirectional):
    """The popular bug: the backward layer begins in the padding."""

    def forward(self, x, state=None, mask=None):
        hf, last = self.forward_layer(x, None, mask)
        hb, first = self.backward_layer(x.flip(1))
        return torch.cat([hf, hb.flip(1)], dim=-1) * mask[..., None], (last, first)


class ForgetsToTurnBack(KerasBidirectional):
    def call(self, inputs, initial_state=None, mask=None):
        hf = self.forward_layer(inputs, mask=mask)
        hb = self.backward_layer(ours_in_keras.keras_reverse(inputs, mask), mask=mask)
        both = keras.ops.concatenate([hf, hb], axis=-1)
        return both * keras.ops.cast(mask[..., None], both.dtype)


class ForgetsToTurnTheGradient(NumpyBidirectional):
    def backward(self, dhs, dstate=None):
        ahead, back = self.layers
        dhf, dhb = np.split(self.blank(dhs), 2, axis=-1)
        dx, _ = ahead.backward(dhf)
        dx_reversed, _ = back.backward(dhb)
        mirrored = {f"{name}_reverse": grad for name, grad in back.grads.items()}
        self.grads = ahead.grads | mirrored
        return dx + ours_in_numpy.numpy_reverse(dx_reversed, self.mask), None


@pytest.mark.parametrize(
    ("Faulty", "quantity"),
    [
        (ReversesTheWholeRow, "outputs"),
        (ForgetsToTurnBack, "outputs"),
        (ForgetsToTurnTheGradient, "dW_hh_reverse"),
    ],
)
def test_a_planted_fault_is_found_and_the_culprit_named(rng, Faulty, quantity):
    N, T, V, D, H, C = 4, 5, 6, 3, 2, 3
    healthy = models_of("gru", "concat", rng, V, D, H, C)

    def build(dtype):
        if issubclass(Faulty, torch.nn.Module) and not issubclass(Faulty, keras.layers.Layer):
            layer = Faulty(TorchGRU(D, H), TorchGRU(D, H))
            return TorchTagger(torch.nn.Embedding(V, D), layer, torch.nn.Linear(2 * H, C))
        model = healthy["numpy" if Faulty is ForgetsToTurnTheGradient else "keras cells"](dtype)
        if Faulty is ForgetsToTurnTheGradient:
            model.layer = Faulty(*model.layer.layers)
        else:
            model.layers[1].__class__ = Faulty
        return model

    models = {"numpy": healthy["numpy"], "torch loops": healthy["torch loops"], "suspect": build}
    with pytest.raises(agreement.Disagreement) as error:
        compare(models, rng, N, T, V, C, steps=1).check()
    lines = str(error.value).splitlines()
    assert all(line.startswith("suspect: ") for line in lines), lines
    assert any(line.startswith(f"suspect: {quantity} differs by ") for line in lines), lines
    if quantity != "outputs":
        assert not any("outputs" in line or "suspect: loss differs" in line for line in lines)


# What else a layer does


@pytest.mark.parametrize(("name", "merge"), [("lstm", "concat"), ("gru", "sum")])
def test_in_keras_it_trains_masks_saves_and_loads_like_the_built_in_one(rng, name, merge, tmp_path):
    """Is the last symbol of a sequence above 2? Asked at the first."""
    keras.utils.set_random_seed(0)
    tokens = rng.integers(1, 5, size=(64, 6))
    tokens[1::2, 4:] = 0
    last = (tokens != 0).sum(axis=1) - 1
    answers = (np.take_along_axis(tokens, last[:, None], axis=1) > 2).astype("float32")
    model = keras.Sequential(
        [
            keras.Input((None,), dtype="int32"),
            keras.layers.Embedding(5, 3, mask_zero=True),
            keras_layer(name, "keras cells", 4, merge),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    weights = np.zeros(tokens.shape, "float32")
    weights[:, 0] = 1
    model.compile(keras.optimizers.Adam(0.03), "binary_crossentropy")
    targets = np.repeat(answers, 6, axis=1)[..., None]
    fitted = model.fit(
        tokens, targets, sample_weight=weights, epochs=40, batch_size=16, verbose=0
    ).history["loss"]
    assert fitted[-1] < 0.2 * fitted[0], fitted
    short = tokens[1::2, :4]
    predicted = model.predict(short, verbose=0)
    longer = model.predict(np.pad(short, ((0, 0), (0, 5))), verbose=0)
    np.testing.assert_allclose(longer[:, :4], predicted, atol=1e-6)
    model.save(tmp_path / "tagger.keras")
    again = keras.saving.load_model(tmp_path / "tagger.keras")
    layer = again.layers[-2]
    assert isinstance(layer, KerasBidirectional) and layer.merge == merge
    np.testing.assert_array_equal(again.predict(short, verbose=0), predicted)


@pytest.mark.parametrize("name", LAYERS)
def test_in_torch_it_saves_and_loads(rng, name, tmp_path):
    def build():
        return TorchBidirectional(LOOPS[name](2, 3), LOOPS[name](2, 3))

    layer, again = build(), build()
    x = torch.tensor(rng.normal(size=(4, 5, 2)), dtype=torch.float32)
    assert not torch.equal(again(x)[0], layer(x)[0])
    torch.save(layer.state_dict(), tmp_path / "layer.pt")
    again.load_state_dict(torch.load(tmp_path / "layer.pt", weights_only=True))
    assert torch.equal(again(x)[0], layer(x)[0])


@pytest.mark.parametrize("module", [ours_in_numpy, ours_in_keras, ours_in_torch])
def test_a_file_is_read_in_one_sitting(module):
    source = Path(inspect.getsourcefile(module)).read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 120


# Bad input


def message(call, *args, error=ValueError, **kwargs):
    with pytest.raises(error) as raised:
        call(*args, **kwargs)
    return str(raised.value)


def test_torch_names_bad_input_as_numpy_does(rng):
    ours = NumpyBidirectional(*(NumpyGRU(3, 4, rng=rng) for _ in range(2)))
    theirs = TorchBidirectional(TorchGRU(3, 4), TorchGRU(3, 4))
    good, x = np.zeros((2, 4), "float32"), np.zeros((2, 5, 3), "float32")
    for given in (
        (np.zeros((2, 0, 3), "float32"),),
        (np.zeros((2, 5, 6), "float32"),),
        (x, (good, good[:1])),
        (x, (good[:1], good)),
        (x, None, np.ones((2, 4), bool)),
    ):

        def tensors(value):
            if isinstance(value, tuple):
                return tuple(map(tensors, value))
            return value if value is None else torch.tensor(value)

        said = message(ours.forward, *given)
        assert message(theirs, *tensors(given)) == said
        assert "expected" in said or "was built for" in said
    wrong = torch.ones((2, 5), dtype=torch.int64)
    expected = "mask must be boolean, True for a real step, got dtype torch.int64"
    assert message(theirs, torch.tensor(x), None, wrong, error=TypeError) == expected
    assert message(TorchBidirectional, TorchGRU(3, 4), TorchGRU(3, 5)).startswith(
        "the two layers have unlike weights: {'W_xh': (3, 12)"
    )
    layer = TorchGRU(3, 4)
    assert message(TorchBidirectional, layer, layer).startswith("one layer was given twice")
    expected = "merge is one of concat, sum, got 'mean'"
    assert message(TorchBidirectional, layer, TorchGRU(3, 4), "mean") == expected
    ends = torch.nn.Embedding(4, 3), torch.nn.GRU(3, 4), torch.nn.Linear(8, 2)
    assert message(TorchPackedTagger, *ends, "mean") == expected


def test_keras_names_bad_input(rng):
    def pair(sizes=(4, 4), **options):
        options = {"return_sequences": True} | options
        return [keras.layers.GRU(size, **options) for size in sizes]

    expected = "both layers must have return_sequences=True"
    assert message(KerasBidirectional, *pair(return_sequences=False)) == expected
    expected = "merge is one of concat, sum, got 'ave'"
    assert message(KerasBidirectional, *pair(), "ave") == expected
    said = message(KerasBidirectional(*pair((4, 5))).build, (None, None, 3))
    assert said.startswith("the two layers have unlike weights: {'kernel': (3, 12)")
    layer = pair()[0]
    said = message(KerasBidirectional(layer, layer).build, (None, None, 3))
    assert said.startswith("one layer was given twice")
    said = message(KerasBidirectional(*pair()), np.zeros((2, 0, 3), "float32"))
    assert "x has shape (2, 0, 3): expected at least one step" in said


def test_a_packed_tagger_wants_real_steps_first_and_at_least_one(rng):
    tagger = TorchPackedTagger(
        torch.nn.Embedding(4, 3),
        torch.nn.GRU(3, 2, batch_first=True, bidirectional=True),
        torch.nn.Linear(4, 2),
    )
    expected = "sequence 1 is empty: its length is 0, expected at least 1"
    assert message(tagger, torch.tensor([[1, 2], [0, 0]])) == expected
    expected = "a real step stands behind padding: to be packed, padding comes last"
    for holes in ([[1, 0, 2]], [[0, 1, 2]]):
        assert message(tagger, torch.tensor(holes)) == expected
    lengths_unsorted = torch.tensor([[1, 0, 0], [1, 2, 3], [3, 1, 0]])
    whole = tagger(lengths_unsorted)
    for n, length in enumerate((1, 3, 2)):
        alone = tagger(lengths_unsorted[n : n + 1, :length])
        torch.testing.assert_close(whole[n : n + 1, :length], alone)


def test_without_a_real_step_the_loops_keep_their_state_and_the_loss_is_asked_for_nothing(rng):
    layer = TorchBidirectional(TorchGRU(3, 4), TorchGRU(3, 4))
    state = tuple(torch.randn(2, 4) for _ in range(2))
    hs, last = layer(torch.randn(2, 5, 3), state, torch.zeros((2, 5), dtype=torch.bool))
    assert not hs.any() and all(torch.equal(*pair) for pair in zip(last, state, strict=True))
    layer = KerasBidirectional(
        *(keras.layers.GRU(4, return_sequences=True, return_state=True) for _ in range(2))
    )
    start = [keras.ops.convert_to_tensor(part.numpy()) for part in state]
    x, none = rng.normal(size=(2, 5, 3)).astype("float32"), np.zeros((2, 5), bool)
    hs, *last = layer(x, initial_state=start, mask=none)
    assert not keras.ops.convert_to_numpy(hs).any()
    for ours, given in zip(last, start, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(given)
        )
