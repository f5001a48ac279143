"""Encoder-decoders with and without attention, in three frameworks: one answer, also padded."""

import keras
import numpy as np
import pytest
import torch
from torch import nn

from unrolled import agreement
from unrolled.attention import keras as k
from unrolled.attention import numpy as n
from unrolled.attention import torch as t
from unrolled.bidirectional.keras import KerasBidirectional
from unrolled.bidirectional.numpy import NumpyBidirectional
from unrolled.bidirectional.torch import TorchBidirectional
from unrolled.charlm.keras import KerasDenseEmbedding
from unrolled.data.batches import PAD
from unrolled.data.pairs import END, pair_batch
from unrolled.lstm.keras import KerasLSTMCell
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.lstm.torch import TorchLSTM
from unrolled.nn import (
    IGNORED,
    Embedding,
    Linear,
    masked_cross_entropy,
    masked_cross_entropy_backward,
    numeric_gradient,
)
from unrolled.search import beam_search, decode, greedy_search
from unrolled.seq2seq import keras as ks
from unrolled.seq2seq import numpy as ns
from unrolled.seq2seq import torch as ts
from unrolled.shapes.torch import TorchPacked

SOURCES, TARGETS, D, E, H, U, A = 9, 11, 5, 4, 6, 7, 3  # vocabularies; sizes, all different
KINDS = {"chapter 9": None, "dot": ("dot", False), "scaled": ("scaled", False)}
KINDS |= {"general": ("general", False), "additive": ("additive", False)}
KINDS |= {"dot, fed": ("dot", True), "additive, fed": ("additive", True)}
KERAS_HAS_FLOAT64 = keras.config.backend() == "tensorflow"
RETURN = {"return_sequences": True, "return_state": True}


def batch(rng, count=4, longest=6, shortest=1):
    """Random pairs, END last. Returns: (source, inputs), targets, as agreement.compare wants."""
    rows = [
        [
            np.append(rng.integers(4, size, length), END)
            for length in (longest - 1, *rng.integers(shortest, longest, count - 1))
        ]
        for size in (SOURCES, TARGETS)
    ]
    source, inputs, targets = pair_batch(*rows)
    return (source, inputs), targets


def numpy_model(kind, both, rng, dtype="float64"):
    """Args: kind, None for chapter 9, or a pair: a score, and whether o is fed back."""
    new = {"rng": rng, "dtype": dtype}
    half = H // 2 if both else H
    layer = NumpyLSTM(D, half, **new)
    if both:
        layer = NumpyBidirectional(layer, NumpyLSTM(D, half, **new))
    source, target = Embedding(SOURCES, D, **new), Embedding(TARGETS, E, **new)
    if kind is None:
        encoder = ns.NumpyEncoder(source, layer)
        decoder = ns.NumpyDecoder(target, NumpyLSTM(E, H, **new), Linear(H, TARGETS, **new))
        return ns.NumpySeq2Seq(encoder, decoder)
    score, feeding = kind
    scores = {
        "dot": lambda: n.NumpyDotScore(),
        "scaled": lambda: n.NumpyDotScore(scaled=True),
        "general": lambda: n.NumpyGeneralScore(H, H, **new),
        "additive": lambda: n.NumpyAdditiveScore(H, H, A, **new),
    }
    decoder = n.NumpyFeedingDecoder if feeding else n.NumpyAttentionDecoder
    parts = Linear(2 * H, H if feeding else U, **new), Linear(H if feeding else U, TARGETS, **new)
    decoder = decoder(
        target,
        NumpyLSTM(E + H * feeding, H, **new),
        n.NumpyAttention(scores[score]()),
        *parts,
    )
    return ns.NumpySeq2Seq(n.NumpyMemoryEncoder(source, layer), decoder)


def torch_model(kind, both, library):
    """The same; library, whether recurrent layers are PyTorch's own."""

    def lstm(inputs, size):
        if library:
            return TorchPacked(nn.LSTM(inputs, size, batch_first=True))
        return TorchLSTM(inputs, size)

    half = H // 2 if both else H
    layer = TorchBidirectional(lstm(D, half), lstm(D, half)) if both else lstm(D, H)
    source, target = nn.Embedding(SOURCES, D), nn.Embedding(TARGETS, E)
    if kind is None:
        decoder = ts.TorchDecoder(target, lstm(E, H), nn.Linear(H, TARGETS))
        return ts.TorchSeq2Seq(ts.TorchEncoder(source, layer), decoder)
    score, feeding = kind
    scores = {
        "dot": lambda: t.TorchDotScore(),
        "scaled": lambda: t.TorchDotScore(scaled=True),
        "general": lambda: t.TorchGeneralScore(H, H),
        "additive": lambda: t.TorchAdditiveScore(H, H, A),
    }
    decoder = t.TorchFeedingDecoder if feeding else t.TorchAttentionDecoder
    size = H if feeding else U
    decoder = decoder(
        target,
        lstm(E + H * feeding, H),
        t.TorchAttention(scores[score]()),
        nn.Linear(2 * H, size),
        nn.Linear(size, TARGETS),
    )
    return ts.TorchSeq2Seq(t.TorchMemoryEncoder(source, layer), decoder)


def keras_model(kind, both, library):
    """The same; library, whether recurrent layers are Keras's own."""

    def lstm(size, name):
        if library:
            return keras.layers.LSTM(size, name=name, **RETURN)
        return keras.layers.RNN(KerasLSTMCell(size, name="cell"), name=name, **RETURN)

    if not both:
        layer = lstm(H, "layer")
    elif library:
        layer = keras.layers.Bidirectional(lstm(H // 2, "lstm"), name="layer")
    else:
        halves = lstm(H // 2, "forward_layer"), lstm(H // 2, "backward_layer")
        layer = KerasBidirectional(*halves, name="layer")
    source = KerasDenseEmbedding(SOURCES, D, name="embedding")
    target = KerasDenseEmbedding(TARGETS, E, name="embedding")
    readout = keras.layers.Dense(TARGETS, name="readout")
    if kind is None:
        encoder = ks.KerasEncoder(source, layer, name="encoder")
        decoder = ks.KerasDecoder(target, lstm(H, "layer"), readout, name="decoder")
        return ks.KerasSeq2Seq(encoder, decoder)
    score, feeding = kind
    scores = {
        "dot": lambda: k.KerasDotScore(name="score"),
        "scaled": lambda: k.KerasDotScore(scaled=True, name="score"),
        "general": lambda: k.KerasGeneralScore(name="score"),
        "additive": lambda: k.KerasAdditiveScore(A, name="score"),
    }
    attention = k.KerasAttention(scores[score](), name="attention")
    combine = keras.layers.Dense(H if feeding else U, name="combine")
    if feeding:
        cell = keras.layers.LSTMCell if library else KerasLSTMCell
        cell = cell(H, name="lstm_cell" if library else "cell")
        step = k.KerasFeedingCell(cell, attention, combine, H, name="step")
        layer_of_decoder = keras.layers.RNN(step, name="layer", **RETURN)
        decoder = k.KerasFeedingDecoder(target, layer_of_decoder, readout, name="decoder")
    else:
        parts = lstm(H, "layer"), attention, combine, readout
        decoder = k.KerasAttentionDecoder(target, *parts, name="decoder")
    return ks.KerasSeq2Seq(k.KerasMemoryEncoder(source, layer, name="encoder"), decoder)


def models(kind, both, rng):
    """Every way to the same model, {label: dtype -> model}."""
    return {
        "numpy": lambda dtype: numpy_model(kind, both, rng, dtype),
        "keras cells": lambda dtype: keras_model(kind, both, library=False),
        "keras layers": lambda dtype: keras_model(kind, both, library=True),
        "torch loops": lambda dtype: torch_model(kind, both, library=False),
        "torch layers": lambda dtype: torch_model(kind, both, library=True),
    }


@pytest.fixture(params=KINDS.values(), ids=KINDS.keys())
def kind(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["one direction", "both"])
def both(request):
    return request.param


# Keras compiles a program for each of these, which takes most of the time: not all of them twice.
@pytest.mark.parametrize(
    ("kind", "both", "optimizers"),
    [(kind, True, {"SGD": 0.5}) for kind in KINDS.values()]
    + [(None, False, {"Adam": 0.01}), (("additive", True), False, {"Adam": 0.01})],
    ids=[*KINDS, "chapter 9, Adam", "additive, fed, Adam"],
)
def test_every_way_computes_the_same_and_learns_the_same(kind, both, optimizers, rng):
    table = agreement.compare(
        models(kind, both, rng),
        batch=lambda: batch(rng),
        names=agreement.seq2seq_names(),
        rng=rng,
        steps=50,
        optimizers=optimizers,
    )
    table.check()
    assert table.largest("float64") < 1e-12
    wanted = set(numpy_model(kind, both, rng).params)
    assert wanted <= {quantity[1:] for _, quantity, *_ in table.rows}


def test_gradients_are_those_of_central_differences(kind, both, rng):
    model = numpy_model(kind, both, rng)
    for param in model.params.values():
        param[...] = rng.normal(0, 1, param.shape)
    inputs, targets = batch(rng)
    logits = model.forward(*inputs)
    model.backward(masked_cross_entropy_backward(logits, targets))
    numeric = numeric_gradient(
        lambda: masked_cross_entropy(model.forward(*inputs), targets), model.params
    )
    errors = agreement.gradient_error(model.grads, numeric)
    assert max(errors.values()) <= 1e-7, errors


def padded(inputs, targets, steps):
    """The same batch with so many more steps of padding on both sides."""
    longer = [np.pad(array, ((0, 0), (0, steps)), constant_values=PAD) for array in inputs]
    return tuple(longer), np.pad(targets, ((0, 0), (0, steps)), constant_values=IGNORED)


@pytest.mark.parametrize(
    "framework",
    [
        "numpy",
        pytest.param(
            "keras layers",
            marks=pytest.mark.skipif(not KERAS_HAS_FLOAT64, reason="float64 on TensorFlow alone"),
        ),
        "torch loops",
        "torch layers",
    ],
)
def test_padding_changes_nothing(kind, framework, rng):
    inputs, targets = batch(rng)
    T, real, names = targets.shape[1], targets != IGNORED, agreement.seq2seq_names()
    with agreement.precision("float64"):
        model = models(kind, True, rng)[framework]("float64")
        weights = numpy_model(kind, True, rng).params
        agreement.set_weights(model, weights, names)
        adapter = agreement._wrap(model, names)
        adapter.number(weights)
        plain, state = adapter.outputs(inputs), keras.tree.flatten(model.start(inputs[0]))[:2]
        loss, grads = adapter.loss_and_gradients(inputs, targets)
        for steps in (3, 30):
            more, more_targets = padded(inputs, targets, steps)
            long = adapter.outputs(more)[:, :T]
            np.testing.assert_allclose(long[real], plain[real], rtol=0, atol=1e-12)
            more_loss, more_grads = adapter.loss_and_gradients(more, more_targets)
            assert abs(loss - more_loss) <= 1e-12
            for name, grad in grads.items():
                np.testing.assert_allclose(more_grads[name], grad, rtol=0, atol=1e-12, err_msg=name)
            for a, b in zip(state, keras.tree.flatten(model.start(more[0])), strict=False):
                np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=0, atol=1e-12)


def test_a_step_at_a_time_is_the_whole_at_once(kind, rng):
    (source, inputs), _ = batch(rng)
    model, names = numpy_model(kind, True, rng), agreement.seq2seq_names()
    for framework, built in models(kind, True, rng).items():
        same = built("float64")  # Keras's stays in float32 here
        agreement.set_weights(same, model.params, names)
        if framework.startswith("torch"):
            same = same.double()
        whole = agreement._wrap(same, names).outputs((source, inputs))
        state = same.start(source)
        for i in range(inputs.shape[1]):
            logits, state = same.step(inputs[:, i], state)
            bound = 1e-5 if "keras" in framework else 1e-12
            np.testing.assert_allclose(logits, whole[:, i], rtol=0, atol=bound)


def test_all_frameworks_say_the_same(kind):
    rng = np.random.default_rng(3)
    model = numpy_model(kind, True, rng, "float32")
    for param in model.params.values():  # large, so that the answers differ
        param[...] = rng.normal(0, 3 * len(param) ** -0.5, param.shape)
    sources = [np.append(rng.integers(4, SOURCES, rng.integers(1, 9)), END) for _ in range(30)]
    said = {}
    for framework, built in models(kind, True, rng).items():
        same = built("float32")
        agreement.set_weights(same, model.params, agreement.seq2seq_names())
        said[framework] = [
            decode(same, sources, max_steps=6, width=width, alpha=0.6, batch_size=16)
            for width in (1, 4)
        ]
    assert len({str(answer) for answer in said["numpy"][0]}) > 2  # not one output for all
    for framework, answers in said.items():
        assert answers == said["numpy"], framework


@pytest.mark.parametrize("library", [False, True])
def test_keras_models_can_be_saved(kind, library, rng, tmp_path):
    (source, inputs), _ = batch(rng)
    model = keras_model(kind, True, library)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    wanted, got = (keras.ops.convert_to_numpy(m([source, inputs])) for m in (model, loaded))
    np.testing.assert_array_equal(got, wanted)


def test_a_model_that_was_searched_can_still_be_trained(kind, rng):
    model = torch_model(kind, True, library=True)
    (source, inputs), targets = batch(rng)
    greedy_search(model, source, max_steps=5)
    beam_search(model, source, width=2, max_steps=5)
    inputs = [torch.as_tensor(array) for array in (source, inputs)]
    scores = model(*inputs).flatten(0, 1)
    wanted = torch.as_tensor(targets).flatten()
    nn.functional.cross_entropy(scores, wanted, ignore_index=IGNORED).backward()
    for name, weight in model.named_parameters():
        assert not weight.requires_grad or weight.grad.abs().sum() > 0, name
