"""Who computes which GRU: each paper, each library and ours, side by side.

Two questions tell them apart. Is the state reset before its product with W_hn, or after? And does
z keep the old state, or let the new one in?
"""

import keras
import numpy as np
import pytest
import torch

from unrolled.agreement import keras_gru_order
from unrolled.gru.keras import KerasGRUCell
from unrolled.gru.numpy import NumpyGRU
from unrolled.gru.torch import TorchGRU

N, T, D, H = 4, 5, 2, 3


def sigma(z):
    return 1 / (1 + np.exp(-z))


def cho_2014(x, h, W, U):
    """Cho et al. 2014 (arXiv:1406.1078), equations (5) to (8): reset before, z keeps."""
    for x_t in x.swapaxes(0, 1):
        r = sigma(x_t @ W["r"] + h @ U["r"])
        z = sigma(x_t @ W["z"] + h @ U["z"])
        candidate = np.tanh(x_t @ W["n"] + (r * h) @ U["n"])
        h = z * h + (1 - z) * candidate
    return h


def chung_2014(x, h, W, U):
    """Chung et al. 2014 (arXiv:1412.3555), section 3.2: reset before, z lets the new one in."""
    for x_t in x.swapaxes(0, 1):
        r = sigma(x_t @ W["r"] + h @ U["r"])
        z = sigma(x_t @ W["z"] + h @ U["z"])
        candidate = np.tanh(x_t @ W["n"] + (r * h) @ U["n"])
        h = (1 - z) * h + z * candidate
    return h


def reset_after(x, h, W, U):
    """The variant that libraries prefer, as one product serves all three: reset after, z keeps."""
    for x_t in x.swapaxes(0, 1):
        r = sigma(x_t @ W["r"] + h @ U["r"])
        z = sigma(x_t @ W["z"] + h @ U["z"])
        candidate = np.tanh(x_t @ W["n"] + r * (h @ U["n"]))
        h = (1 - z) * candidate + z * h
    return h


def by_numpy(x, h, W, U):
    layer = NumpyGRU(D, H, rng=np.random.default_rng(1), dtype=np.float64)
    layer.params["W_xh"][...], layer.params["W_hh"][...] = stack(W), stack(U)
    return layer.forward(x, h)[1]


def by_torch_loop(x, h, W, U):
    layer = TorchGRU(D, H).double()
    with torch.no_grad():
        layer.W_xh.copy_(torch.tensor(stack(W)))
        layer.W_hh.copy_(torch.tensor(stack(U)))
        return layer(torch.tensor(x), torch.tensor(h))[1].numpy()


def by_torch_layer(x, h, W, U):
    layer = torch.nn.GRU(D, H, batch_first=True, bias=False).double()
    with torch.no_grad():
        layer.weight_ih_l0.copy_(torch.tensor(stack(W).T))
        layer.weight_hh_l0.copy_(torch.tensor(stack(U).T))
        return layer(torch.tensor(x), torch.tensor(h)[None])[1][0].numpy()


def by_keras_cell(x, h, W, U):
    layer = keras.layers.RNN(KerasGRUCell(H))
    layer.build((N, T, D))
    layer.set_weights([stack(W), stack(U), np.zeros(3 * H), np.zeros(H)])
    return in_keras(layer, x, h)


def by_keras_layer(x, h, W, U, **options):
    layer = keras.layers.GRU(H, use_bias=False, **options)
    layer.build((N, T, D))
    layer.set_weights([keras_gru_order(stack(weights)) for weights in (W, U)])
    return in_keras(layer, x, h)


def by_keras_reset_before(x, h, W, U):
    return by_keras_layer(x, h, W, U, reset_after=False)


def in_keras(layer, x, h):
    state = keras.ops.convert_to_tensor(h, "float32")
    return keras.ops.convert_to_numpy(layer(x.astype("float32"), initial_state=state))


def stack(weights):
    return np.hstack([weights[gate] for gate in "rzn"])


OURS = [by_numpy, by_torch_loop, by_keras_cell]
SAME = [  # each row one function, whoever computes it
    [reset_after, *OURS, by_torch_layer, by_keras_layer],
    [cho_2014, by_keras_reset_before],
    [chung_2014],
]


@pytest.fixture
def given():
    """A batch, a state, and weights {gate: array} without biases, which the papers leave out."""
    rng = np.random.default_rng(0)
    W = {gate: rng.normal(size=(D, H)) for gate in "rzn"}
    U = {gate: rng.normal(size=(H, H)) for gate in "rzn"}
    return rng.normal(size=(N, T, D)), rng.normal(size=(N, H)), W, U


@pytest.mark.parametrize("row", SAME, ids=lambda row: row[0].__name__)
def test_each_row_is_one_function_and_no_other_row(given, row):
    expected = row[0](*given)
    for compute in row[1:]:
        np.testing.assert_allclose(
            compute(*given), expected, atol=1e-5, err_msg=f"{compute.__name__}, {row[0].__name__}"
        )
    for other in SAME:
        if other is not row:
            assert abs(other[0](*given) - expected).max() > 0.1


def test_blending_the_other_way_is_the_other_sign_of_what_feeds_z(given):
    """1 - sigmoid(a) = sigmoid(-a): what the two papers call z is each other's complement."""
    x, h, W, U = given
    W_turned, U_turned = W | {"z": -W["z"]}, U | {"z": -U["z"]}
    np.testing.assert_allclose(chung_2014(x, h, W_turned, U_turned), cho_2014(x, h, W, U))


def test_before_and_after_differ_only_in_what_the_product_mixes(given):
    """With diagonal weights, which mix nothing, the order makes no difference."""
    x, h, W, U = given
    diagonal = {gate: np.diag(np.diag(weight)) for gate, weight in U.items()}
    np.testing.assert_allclose(reset_after(x, h, W, diagonal), cho_2014(x, h, W, diagonal))


def test_both_ways_are_the_same_while_the_reset_gate_is_open():
    rng = np.random.default_rng(0)
    layer = NumpyGRU(D, H, rng=rng, dtype=np.float64)
    layer.params["b_h"][:H] = 1000  # r = 1
    W, U = (
        dict(zip("rzn", np.split(layer.params[name], 3, axis=1), strict=True))
        for name in ("W_xh", "W_hh")
    )
    x, h = rng.normal(size=(N, T, D)), rng.normal(size=(N, H))
    for x_t in x.swapaxes(0, 1):
        z = sigma(x_t @ W["z"] + h @ U["z"])
        after = z * h + (1 - z) * np.tanh(x_t @ W["n"] + h @ U["n"])
        np.testing.assert_allclose(layer.step(x_t, h), after, atol=1e-14)
        h = after


def test_the_second_bias_of_n_cannot_be_moved_out_of_the_reset_gate(given):
    """The others can be added up, which is why we keep one of each."""
    x, h, W, U = given
    layer = NumpyGRU(D, H, rng=np.random.default_rng(1), dtype=np.float64)
    twin = torch.nn.GRU(D, H, batch_first=True).double()
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=(2, 3 * H))
    layer.params["W_xh"][...], layer.params["W_hh"][...] = stack(W), stack(U)
    with torch.no_grad():
        twin.weight_ih_l0.copy_(torch.tensor(stack(W).T))
        twin.weight_hh_l0.copy_(torch.tensor(stack(U).T))
        twin.bias_ih_l0.copy_(torch.tensor(first))
        twin.bias_hh_l0.copy_(torch.tensor(second))
        expected = twin(torch.tensor(x), torch.tensor(h)[None])[1][0].numpy()
    layer.params["b_h"][...] = first
    layer.params["b_h"][: 2 * H] += second[: 2 * H]
    layer.params["b_hn"][...] = second[2 * H :]
    np.testing.assert_allclose(layer.forward(x, h)[1], expected, atol=1e-13)
    layer.params["b_h"][...] = first + second
    layer.params["b_hn"][...] = 0
    assert abs(layer.forward(x, h)[1] - expected).max() > 0.01


def test_keras_stacks_z_r_n_and_pytorch_r_z_n_each_with_two_biases():
    layer = keras.layers.GRU(H)
    layer.build((N, T, D))
    shapes = [tuple(variable.shape) for variable in layer.weights]
    assert shapes == [(D, 3 * H), (H, 3 * H), (2, 3 * H)]
    before = keras.layers.GRU(H, reset_after=False)
    before.build((N, T, D))
    assert tuple(before.weights[-1].shape) == (3 * H,)  # there the second one is not needed
    shapes = {name: tuple(param.shape) for name, param in torch.nn.GRU(D, H).named_parameters()}
    assert shapes["bias_ih_l0"] == shapes["bias_hh_l0"] == (3 * H,)
    order = keras_gru_order(np.repeat(["r", "z", "n"], H))
    assert order.tolist() == ["z"] * H + ["r"] * H + ["n"] * H
