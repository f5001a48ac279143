"""The agreement table finds what differs, and leaves the frameworks as they were."""

import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import torch

from unrolled import agreement, nn
from unrolled.charlm.keras import KerasLanguageModel
from unrolled.charlm.numpy import NumpyLanguageModel
from unrolled.charlm.torch import TorchLanguageModel
from unrolled.gru.numpy import NumpyGRU
from unrolled.lstm.numpy import NumpyLSTM


class Double:
    """A NumPy model of one matrix, wrong by ``off`` in its outputs."""

    def __init__(self, dtype, off=0.0):
        self.params = {"W": np.zeros((4, 4), dtype)}
        self.off = off

    def forward(self, tokens):
        return self.params["W"][tokens] + self.off


def compare(off):
    rng = np.random.default_rng(0)

    def batch():
        return rng.integers(4, size=(2, 3)), rng.integers(4, size=(2, 3))

    def twin(dtype):
        return Double(dtype, off if dtype == "float64" else 0.0)

    return agreement.compare({"one": Double, "two": twin, "three": embedding}, batch=batch, rng=rng)


def embedding(dtype):
    model = torch.nn.Embedding(4, 4)
    model.W = model.weight
    del model.weight
    model.forward = lambda tokens: model.W[tokens]
    return model


def test_equal_models_pass():
    table = compare(0.0)
    table.check()
    assert table.largest("float64") == 0
    data = table._repr_mimebundle_()[agreement.MIME]
    assert data["steps"] == 50 and data["float64"] == 0 and data["trajectory"]["float64"] == 0
    assert {row["quantity"] for row in data["rows"]} == {
        "outputs",
        "loss",
        "dW",
        "loss after 50 steps of SGD",
    }


class Differentiated(Double):
    """The same model with the gradient by hand, as chapters from the second on have it."""

    def forward(self, tokens):
        self.tokens = tokens
        return super().forward(tokens)

    def backward(self, dlogits):
        self.grads = {"W": np.zeros_like(self.params["W"])}
        np.add.at(self.grads["W"], self.tokens, dlogits)


def test_numpy_gradients_and_training_enter_the_table_once_there_is_a_backward():
    rng = np.random.default_rng(0)

    def batch():
        return rng.integers(4, size=(2, 3)), rng.integers(4, size=(2, 3))

    table = agreement.compare({"numpy": Differentiated, "torch": embedding}, batch=batch, rng=rng)
    table.check()
    assert all(None not in differences.values() for _, _, _, differences in table.rows)
    assert table.largest("float64", trajectory=True) <= 1e-12


class NumpyBigram:
    """An embedding and a readout, which return a state too; its Keras and PyTorch twins below."""

    def __init__(self, V, D, *, rng, dtype):
        self.embedding = nn.Embedding(V, D, rng=rng, dtype=dtype)
        self.readout = nn.Linear(D, V, rng=rng, dtype=dtype)
        self.params = {"E": self.embedding.E, "W_hy": self.readout.W, "b_y": self.readout.b}

    def forward(self, tokens, state=None):
        x = self.embedding.forward(tokens)
        return self.readout.forward(x), x[:, -1]

    def backward(self, dlogits):
        self.embedding.backward(self.readout.backward(dlogits))
        self.grads = {"E": self.embedding.dE, "W_hy": self.readout.dW, "b_y": self.readout.db}


class KerasBigram(keras.Model):
    def __init__(self, V, D):
        super().__init__()
        self.embedding = keras.layers.Embedding(V, D)
        self.readout = keras.layers.Dense(V)

    def call(self, tokens):
        x = self.embedding(tokens)
        return self.readout(x), x[:, -1]


class TorchBigram(torch.nn.Module):
    def __init__(self, V, D):
        super().__init__()
        self.embedding = torch.nn.Embedding(V, D)
        self.readout = torch.nn.Linear(D, V)

    def forward(self, tokens, state=None):
        x = self.embedding(tokens)
        return self.readout(x), x[:, -1]


BIGRAM_NAMES = {
    "embeddings": "E",
    "embedding.weight": "E",
    "kernel": "W_hy",
    "readout.weight": "W_hy.T",
    "bias": "b_y",
}


def compare_bigrams(*, least=0, **changes):
    rng = np.random.default_rng(0)
    V, D, N, T = 5, 3, 4, 6  # more places than tokens: rows of E are used repeatedly
    models = {
        "numpy": lambda dtype: NumpyBigram(V, D, rng=rng, dtype=dtype),
        "keras": lambda dtype: KerasBigram(V, D),
        "torch": lambda dtype: TorchBigram(V, D),
    }

    def batch():
        return rng.integers(V, size=(N, T)), rng.integers(least, V, size=(N, T))

    return agreement.compare(models, batch=batch, names=BIGRAM_NAMES, rng=rng, **changes)


def test_models_that_return_a_state_too_agree():
    table = compare_bigrams(steps=20)
    table.check()
    for dtype, _, _, differences in table.rows:  # Keras computes float64 on TensorFlow alone
        silent = {label for label, difference in differences.items() if difference is None}
        assert not silent or (silent, dtype) == ({"keras"}, "float64")
    quantities = {quantity for _, quantity, _, _ in table.rows}
    assert quantities == {"outputs", "loss", "dE", "dW_hy", "db_y", "loss after 20 steps of SGD"}
    assert table.largest("float64", trajectory=True) <= 1e-12


def test_targets_that_are_ignored_count_in_none_of_the_three():
    assert nn.IGNORED == -1
    table = compare_bigrams(least=-1, steps=20)
    table.check()
    assert table.largest("float64") <= 1e-14
    assert table.largest("float64", trajectory=True) <= 1e-12


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own habit")
def test_keras_takes_other_steps_in_the_repeated_rows_of_an_embedding_and_is_found_out():
    table = compare_bigrams(steps=20, optimizers={"SGD": 0.5, "Adagrad": 0.1, "Adam": 0.05})
    with pytest.raises(agreement.Disagreement) as error:
        table.check()
    adagrad, adam = str(error.value).splitlines()
    assert adagrad.startswith("keras: loss after 20 steps of Adagrad differs by")
    assert adam.startswith("keras: loss after 20 steps of Adam differs by")
    trajectories = [
        max(differences.values())
        for dtype, quantity, _, differences in table.rows
        if dtype == "float64" and quantity.startswith("loss after 20 steps of")
    ]
    data = table._repr_mimebundle_()[agreement.MIME]
    assert len(trajectories) == 3 and data["trajectory"]["float64"] == max(trajectories)
    assert data["float64"] <= 1e-15  # and its gradients are right all the same


def test_every_optimizer_starts_from_the_same_weights():
    def trained(optimizers):
        rng, built = np.random.default_rng(0), []

        def build(dtype):
            built.append(Differentiated(dtype))
            return built[-1]

        tokens = rng.integers(4, size=(2, 3))
        agreement.compare(
            {"numpy": build},
            batch=lambda: (tokens, tokens),
            rng=rng,
            steps=5,
            optimizers=optimizers,
        )
        return built[-1].params["W"]

    alone, second = trained({"Adam": 0.1}), trained({"SGD": 0.5, "Adam": 0.1})
    assert np.array_equal(alone, second) and not np.array_equal(alone, trained({"SGD": 0.5}))


@pytest.mark.parametrize("optimizers", [{}, {"SGD": 0.5, "RMSprop": 0.1}])
def test_compare_says_which_optimizers_it_knows(optimizers):
    message = rf"some of \['SGD', 'Adagrad', 'Adam'\], got {re.escape(str(list(optimizers)))}"
    with pytest.raises(ValueError, match=message):
        compare_bigrams(optimizers=optimizers)


@pytest.mark.parametrize("off", [1e-9, float("nan")])
def test_a_difference_is_named(off):
    table = compare(off)
    with pytest.raises(agreement.Disagreement, match="two: outputs differs by .* in float64"):
        table.check()
    assert "✗" in table._repr_html_()


def test_a_difference_in_shape_is_named():
    class Wide(Double):
        def forward(self, tokens):
            return super().forward(tokens)[..., :3]

    with pytest.raises(agreement.Disagreement, match=r"shape \(2, 3, 3\), not \(2, 3, 4\)"):
        rng = np.random.default_rng(0)
        tokens = rng.integers(3, size=(2, 3))
        agreement.compare({"one": Double, "two": Wide}, batch=lambda: (tokens, tokens), rng=rng)


def test_set_weights_transposes_holds_and_names_what_it_does_not_know():
    model = torch.nn.RNN(4, 3)
    weights = {"W_xh": np.arange(12.0).reshape(4, 3), "W_hh": np.eye(3), "b_h": np.ones(3)}
    names = {
        "weight_ih_l0": "W_xh.T",
        "weight_hh_l0": "W_hh.T",
        "bias_ih_l0": "b_h",
        "bias_hh_l0": "0",
    }
    agreement.set_weights(model, weights, names)
    assert (model.weight_ih_l0.detach().numpy() == weights["W_xh"].T).all()
    assert (model.bias_hh_l0 == 0).all() and (model.bias_ih_l0 == 1).all()
    with pytest.raises(ValueError, match="weight_ih_l0 is none of W_xh, W_hh, b_h: name it"):
        agreement.set_weights(model, weights)
    with pytest.raises(ValueError, match=r"weight_ih_l0 has shape \(3, 4\), got \(4, 3\)"):
        agreement.set_weights(model, weights, names | {"weight_ih_l0": "W_xh"})


def test_precision_comes_back_even_after_an_error():
    before = keras.config.floatx(), keras.config.dtype_policy().name, torch.get_default_dtype()
    with pytest.raises(RuntimeError), agreement.precision("float64"):
        assert keras.layers.Dense(1).compute_dtype == "float64"
        assert torch.zeros(1).dtype == torch.float64
        raise RuntimeError
    after = keras.config.floatx(), keras.config.dtype_policy().name, torch.get_default_dtype()
    assert before == after


def test_gradient_error_is_relative():
    g = {"a": np.array([3.0, 4.0]), "b": np.array([1e-8])}
    errors = agreement.gradient_error(g, {"a": np.array([3.0, 4.0]), "b": np.array([-1e-8])})
    assert errors == {"a": 0.0, "b": 1.0}
    with pytest.raises(ValueError, match="gradients of"):
        agreement.gradient_error(g, {"a": g["a"]})


def test_importing_the_package_imports_no_framework():
    code = (
        "import sys, unrolled, unrolled.agreement, unrolled.metrics, unrolled.nn, unrolled.optim; "
        "print(sorted({'keras', 'torch', 'tensorflow', 'jax', 'matplotlib'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


# Weights that a library keeps in another order, or twice


def random_weights(rng, **shapes):
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def gru_weights(rng, D=2, H=3):
    return random_weights(rng, W_xh=(D, 3 * H), W_hh=(H, 3 * H), b_h=3 * H, b_hn=H)


def test_keras_order_is_z_r_n_over_any_leading_axes(rng):
    for shape in ((6,), (4, 6), (2, 3, 6)):
        weight = rng.normal(size=shape)
        r, z, n = weight[..., :2], weight[..., 2:4], weight[..., 4:]
        ordered = agreement.keras_gru_order(weight)
        np.testing.assert_array_equal(ordered, np.concatenate([z, r, n], axis=-1))


def test_a_second_bias_is_zero_but_for_n_in_a_gru(rng):
    weights = gru_weights(rng)
    expected = np.concatenate([np.zeros(6), weights["b_hn"]])
    np.testing.assert_array_equal(agreement.torch_second_bias(weights), expected)
    first, second = agreement.keras_gru_bias(weights)
    np.testing.assert_array_equal(first, agreement.keras_gru_order(weights["b_h"]))
    np.testing.assert_array_equal(second, expected)
    del weights["b_hn"]
    np.testing.assert_array_equal(agreement.torch_second_bias(weights), np.zeros(9))


@pytest.mark.parametrize("library", ["keras", "torch"])
def test_index_numbers_the_weights_where_the_library_keeps_them(rng, library):
    weights = gru_weights(rng)
    adapter = agreement._wrap(gru(library), agreement.LIBRARY_NAMES)
    adapter.set_weights(weights)
    flat = np.concatenate([[0], *(array.ravel() for array in weights.values())])
    for path, weight in adapter.weights.items():
        value = np.asarray(adapter.value(weight))
        np.testing.assert_allclose(value, flat[adapter.index[path]], rtol=1e-6, err_msg=path)
    used = np.concatenate([index.ravel() for index in adapter.index.values()])
    numbers, counts = np.unique(used, return_counts=True)
    assert (numbers == np.arange(len(flat))).all() and (counts[1:] == 1).all()
    assert counts[0] == 6  # the parts of the second bias that r and z do not need


@pytest.mark.parametrize("library", ["keras", "torch"])
def test_gradients_come_back_under_the_book_s_names(rng, library):
    """What went in one way, weight by weight, comes out the other way."""
    weights = gru_weights(rng)
    adapter = agreement._wrap(gru(library), agreement.LIBRARY_NAMES)
    adapter.set_weights(weights)
    grads = {path: adapter.arrange(path, weights) for path in adapter.weights}
    back = adapter.by_book_name(grads)
    assert back.keys() == weights.keys()
    for name, weight in weights.items():
        np.testing.assert_array_equal(back[name], weight, err_msg=name)


@pytest.mark.parametrize("library", ["keras", "torch"])
def test_hold_sets_back_what_is_redundant_and_nothing_else(rng, library):
    weights = gru_weights(rng)
    adapter = agreement._wrap(gru(library), agreement.LIBRARY_NAMES)
    adapter.set_weights(weights)
    before = {path: np.array(adapter.value(w)) for path, w in adapter.weights.items()}
    for path, weight in adapter.weights.items():
        adapter.assign(weight, before[path] + 1)
    adapter.hold()
    for path, weight in adapter.weights.items():
        expected = np.where(adapter.index[path] == 0, 0, before[path] + 1)
        np.testing.assert_array_equal(np.array(adapter.value(weight)), expected, err_msg=path)


def gru(library):
    if library == "torch":
        return torch.nn.GRU(2, 3, batch_first=True)
    layer = keras.layers.GRU(3)
    layer.build((None, None, 2))
    return layer


def test_an_arrangement_of_the_wrong_shape_is_named(rng):
    names = agreement.LIBRARY_NAMES | {"bias_ih_l0": lambda weights: weights["b_h"][1:]}
    with pytest.raises(ValueError, match=r"bias_ih_l0 has shape \(9,\), got \(8,\)"):
        agreement.set_weights(gru("torch"), gru_weights(rng), names)


def test_gradients_of_a_model_with_its_own_weights_need_none_to_be_set(rng):
    model = TorchBigram(5, 3)
    tokens, targets = rng.integers(5, size=(2, 4, 6))
    grads = agreement.gradients(model, tokens, targets, BIGRAM_NAMES)
    logits, _ = model(torch.tensor(tokens))
    model.zero_grad()
    torch.nn.functional.cross_entropy(
        logits.flatten(0, 1), torch.tensor(targets.ravel())
    ).backward()
    expected = {
        "E": model.embedding.weight.grad,
        "W_hy": model.readout.weight.grad.T,
        "b_y": model.readout.bias.grad,
    }
    assert grads.keys() == expected.keys()
    for name, grad in expected.items():
        np.testing.assert_allclose(grads[name], grad, atol=1e-7, err_msg=name)


def test_gradients_of_a_model_whose_weights_are_arranged_need_the_books(rng):
    tokens, targets = rng.integers(5, size=(2, 4, 6))
    ours = NumpyLanguageModel(5, NumpyGRU(2, 3, rng=rng, dtype=np.float32), rng=rng)
    expected = agreement.gradients(ours, tokens, targets)
    theirs = KerasLanguageModel(5, 2, keras.layers.GRU(3, return_sequences=True, return_state=True))
    names = agreement.LIBRARY_NAMES
    with pytest.raises(ValueError, match="arranged by a function, which needs `weights`"):
        agreement.gradients(theirs, tokens, targets, names)
    agreement.set_weights(theirs, ours.params, names)
    grads = agreement.gradients(theirs, tokens, targets, names, ours.params)
    assert grads.keys() == expected.keys()
    for name, grad in expected.items():
        np.testing.assert_allclose(grads[name], grad, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("library", [torch.nn.LSTM, torch.nn.GRU])
def test_a_second_bias_that_is_trained_is_found_out(rng, library, monkeypatch):
    """Without holding it, PyTorch's pair of biases takes every step twice."""
    N, T, V, D, H = 3, 4, 5, 2, 3
    layer = NumpyLSTM if library is torch.nn.LSTM else NumpyGRU
    models = {
        "numpy": lambda d: NumpyLanguageModel(V, layer(D, H, rng=rng, dtype=d), rng=rng),
        "torch": lambda d: TorchLanguageModel(V, D, H, library(D, H, batch_first=True)),
    }
    batches = [tuple(rng.integers(V, size=(2, N, T))) for _ in range(11)]

    def table():
        fresh = iter(batches)
        return agreement.compare(
            models,
            batch=lambda: next(fresh),
            names=agreement.LIBRARY_NAMES,
            rng=np.random.default_rng(1),
            steps=10,
        )

    table().check()
    monkeypatch.setattr(agreement._Adapter, "hold", lambda self: None)
    with pytest.raises(agreement.Disagreement, match="torch: loss after 10 steps of SGD differs"):
        table().check()
