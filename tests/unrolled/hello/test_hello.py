"""Chapter 1's classes: equal to the libraries, honest about bad input, fit to be handed on."""

import keras
import numpy as np
import pytest
import torch

from unrolled import agreement, metrics
from unrolled.data.text import Vocabulary
from unrolled.hello.keras import (
    KerasFeedForward,
    KerasLayerSpeller,
    KerasRNNCell,
    KerasSpeller,
)
from unrolled.hello.numpy import NumpyFeedForward, NumpyRNNCell, NumpySpeller, numpy_fit
from unrolled.hello.torch import (
    TorchFeedForward,
    TorchLayerSpeller,
    TorchRNNCell,
    TorchSpeller,
    torch_fit,
)

NAMES = agreement.LIBRARY_NAMES


def compare(rng, V, H, N, T, **changes):
    models = {
        "numpy": lambda dtype: NumpySpeller(V, H, rng=rng, dtype=dtype),
        "keras": lambda dtype: KerasSpeller(V, H),
        "keras layer": lambda dtype: KerasLayerSpeller(V, H),
        "torch": lambda dtype: TorchSpeller(V, H),
        "torch layer": lambda dtype: TorchLayerSpeller(V, H),
    } | changes

    def batch():
        return rng.integers(V, size=(N, T)), rng.integers(V, size=(N, T))

    return agreement.compare(models, batch=batch, names=NAMES, rng=rng, steps=50)


@pytest.mark.parametrize(("V", "H", "N", "T"), [(6, 3, 5, 7), (4, 5, 1, 3), (5, 2, 3, 1)])
def test_all_five_agree(rng, V, H, N, T):
    table = compare(rng, V, H, N, T)
    table.check()
    quantities = {quantity for _, quantity, _, _ in table.rows}
    assert quantities == {
        "outputs", "loss", "dW_xh", "dW_hh", "db_h", "dW_hy", "db_y", "loss after 50 steps of SGD"
    }  # fmt: skip
    for _, quantity, _, differences in table.rows:
        silent = {label for label, difference in differences.items() if difference is None}
        assert silent == (set() if quantity in ("outputs", "loss") else {"numpy"})


def test_a_cell_that_reads_the_state_through_the_transposed_matrix_is_found_out(rng):
    class Broken(TorchSpeller):
        def __init__(self, V, H):
            super().__init__(V, H)
            self.cell.forward = lambda x_t, h_prev: torch.tanh(
                x_t @ self.cell.W_xh + h_prev @ self.cell.W_hh.T + self.cell.b_h
            )

    table = compare(rng, 6, 3, 5, 7, torch=lambda dtype: Broken(6, 3))
    with pytest.raises(agreement.Disagreement, match="torch: outputs differs by .* in float64"):
        table.check()
    assert "✗" in table._repr_html_()


@pytest.mark.parametrize(("N", "T"), [(3, 6), (2, 5)])
def test_two_halves_equal_the_whole(rng, N, T):
    tokens = rng.integers(5, size=(N, T))
    models = {
        "numpy": NumpySpeller(5, 4, rng=rng),
        "keras": KerasSpeller(5, 4),
        "torch": TorchSpeller(5, 4),
    }
    for name, model in models.items():
        as_tensor = torch.tensor if name == "torch" else np.asarray

        def numpy(x):
            return x.detach().numpy() if torch.is_tensor(x) else np.asarray(x)

        whole, last = model.hidden(as_tensor(tokens))
        first, state = model.hidden(as_tensor(tokens[:, :2]))
        second, state = model.hidden(as_tensor(tokens[:, 2:]), state)
        halves = np.concatenate([numpy(first), numpy(second)], axis=1)
        np.testing.assert_allclose(numpy(whole), halves, atol=1e-6, err_msg=name)
        np.testing.assert_allclose(numpy(last), numpy(state), atol=1e-6, err_msg=name)
        np.testing.assert_allclose(numpy(last), numpy(whole)[:, -1], atol=1e-6, err_msg=name)


def test_numeric_gradient_equals_autograd(rng):
    with agreement.precision("float64"):
        twin = TorchSpeller(6, 3)
    model = NumpySpeller(6, 3, rng=rng, dtype=np.float64)
    for param in model.params.values():
        param[...] = rng.normal(size=param.shape)
    agreement.set_weights(twin, model.params, NAMES)
    x, y = rng.integers(6, size=(5, 7)), rng.integers(6, size=(5, 7))
    from unrolled.nn import cross_entropy, numeric_gradient

    numeric = numeric_gradient(lambda: cross_entropy(model.forward(x), y), model.params)
    errors = agreement.gradient_error(agreement.gradients(twin, x, y, NAMES), numeric)
    assert max(errors.values()) <= 1e-7, errors


def hello():
    vocab = Vocabulary("helo")
    return vocab, vocab.encode_batch(["hell"]), vocab.encode_batch(["ello"])


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_numpy_and_torch_spell_hello_along_the_same_curve(seed):
    vocab, x, y = hello()
    model = NumpySpeller(4, 3, rng=np.random.default_rng(seed), dtype=np.float64)
    with agreement.precision("float64"):
        twin = TorchSpeller(4, 3)
    agreement.set_weights(twin, model.params, NAMES)
    ours = numpy_fit(model, x, y, steps=100, learning_rate=0.5)
    theirs = torch_fit(twin, torch.tensor(x), torch.tensor(y), steps=100, learning_rate=0.5)
    np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert vocab.decode(model.spell(0, 5)) == vocab.decode(twin.spell(0, 5)) == "hello"


def test_keras_learns_to_spell_hello():
    vocab, x, y = hello()
    model = KerasSpeller(4, 3)
    agreement.set_weights(model, NumpySpeller(4, 3, rng=np.random.default_rng(1)).params, NAMES)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(0.5), loss)
    model.fit(x, y, epochs=100, verbose=0)
    assert vocab.decode(model.spell(0, 5)) == "hello"


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_no_memoryless_network_goes_below_the_floor(seed):
    _, x, y = hello()
    floor, best = metrics.context_limit(["hello"], context=1)
    model = NumpyFeedForward(4, 8, rng=np.random.default_rng(seed), dtype=np.float64)
    losses = numpy_fit(model, x, y, steps=200, learning_rate=0.5)
    assert floor <= losses[-1] < floor + 0.05
    assert metrics.accuracy(model.forward(x), y) == best


def test_feed_forward_networks_give_a_letter_the_same_logits_wherever_it_stands():
    x = np.array([[2, 0, 2, 2]])
    for model in (KerasFeedForward(4, 3), TorchFeedForward(4, 3)):
        logits = model(torch.tensor(x) if isinstance(model, torch.nn.Module) else x)
        logits = logits.detach().numpy() if torch.is_tensor(logits) else np.asarray(logits)
        np.testing.assert_allclose(logits[0, 0], logits[0, 2], atol=1e-6)
        assert np.abs(logits[0, 0] - logits[0, 1]).max() > 1e-3


def test_the_keras_cell_survives_saving(tmp_path):
    model = keras.Sequential([keras.Input((None, 4)), keras.layers.RNN(KerasRNNCell(3))])
    x = np.random.default_rng(0).normal(size=(2, 5, 4)).astype("float32")
    model.save(tmp_path / "cell.keras")
    again = keras.models.load_model(
        tmp_path / "cell.keras", custom_objects={"KerasRNNCell": KerasRNNCell}
    )
    np.testing.assert_allclose(model.predict(x, verbose=0), again.predict(x, verbose=0))


@pytest.mark.parametrize(
    "build",
    [
        lambda: NumpyRNNCell(4, 0, rng=np.random.default_rng(0)),
        lambda: NumpySpeller(4, 0, rng=np.random.default_rng(0)),
        lambda: NumpyFeedForward(4, 0, rng=np.random.default_rng(0)),
        lambda: KerasRNNCell(0),
        lambda: KerasSpeller(4, 0),
        lambda: KerasFeedForward(4, 0),
        lambda: KerasLayerSpeller(4, 0),
        lambda: TorchRNNCell(4, 0),
        lambda: TorchSpeller(4, 0),
        lambda: TorchFeedForward(4, 0),
        lambda: TorchLayerSpeller(4, 0),
    ],
)
def test_a_hidden_size_of_zero_is_refused(build):
    with pytest.raises(ValueError, match="hidden_size must be a whole number of at least 1, got 0"):
        build()


def test_the_numpy_cell_says_which_shape_it_expected(rng):
    cell = NumpyRNNCell(4, 3, rng=rng)
    with pytest.raises(ValueError, match="x_t has 5 features, the cell was built for 4"):
        cell.step(np.zeros((2, 5)), cell.init_state(2))
    with pytest.raises(ValueError, match=r"h_prev has shape \(1, 3\), expected \(2, 3\)"):
        cell.step(np.zeros((2, 4)), cell.init_state(1))
