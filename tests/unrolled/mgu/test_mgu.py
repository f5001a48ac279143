"""The minimal gated unit is the GRU with one gate for two."""

import keras
import numpy as np
import pytest
import torch

from unrolled.mgu.keras import KerasMGUCell
from unrolled.mgu.numpy import NumpyMGU
from unrolled.mgu.torch import TorchMGU

N, T, D, H = 4, 5, 2, 3


@pytest.fixture
def given():
    """A layer of random weights, a batch and a state."""
    rng = np.random.default_rng(0)
    layer = NumpyMGU(D, H, rng=rng, dtype=np.float64)
    for param in layer.params.values():
        param[...] = rng.normal(size=param.shape)
    return layer, rng.normal(size=(N, T, D)), rng.normal(size=(N, H))


def zhou_2016(x, h, W_f, b_f, W_h, b_h):
    """Zhou et al. 2016, with its columns: f = sigmoid(W_f [h, x] + b_f), and so on."""
    out = []
    for sequence, state in zip(x, h, strict=True):
        for x_t in sequence:
            f = 1 / (1 + np.exp(-(W_f @ np.concatenate([state, x_t]) + b_f)))
            candidate = np.tanh(W_h @ np.concatenate([f * state, x_t]) + b_h)
            state = (1 - f) * state + f * candidate
        out.append(state)
    return np.array(out)


def test_it_is_the_paper_s_with_the_weights_of_state_and_input_in_one(given):
    layer, x, h = given
    W_xh, W_hh, b_h = (np.split(param, 2, axis=-1) for param in layer.params.values())
    W_f, W_h = (np.vstack([W_hh[k], W_xh[k]]).T for k in range(2))
    expected = zhou_2016(x, h, W_f, b_h[0], W_h, b_h[1])
    np.testing.assert_allclose(layer.forward(x, h)[1], expected, atol=1e-13)


def test_it_is_the_gru_that_resets_before_with_f_for_the_reset_and_against_the_update(given):
    """With r = f and z = 1 - f = sigmoid(-a), at 1.5 times the weights."""
    layer, x, h = given
    gru = keras.layers.GRU(H, reset_after=False)
    gru.build((N, T, D))
    weights = []
    for param in layer.params.values():
        f, n = np.split(param, 2, axis=-1)
        weights.append(np.concatenate([-f, f, n], axis=-1))  # Keras's z, r, n
    gru.set_weights(weights)
    state = keras.ops.convert_to_tensor(h, "float32")
    last = keras.ops.convert_to_numpy(gru(x.astype("float32"), initial_state=state))
    np.testing.assert_allclose(layer.forward(x, h)[1], last, atol=1e-5)
    assert 2 * gru.count_params() == 3 * sum(param.size for param in layer.params.values())


@pytest.mark.parametrize("f", [0, 1])
def test_a_gate_shut_keeps_the_state_and_a_gate_open_renews_it(given, f):
    layer, x, h = given
    layer.params["b_h"][:H] = 1000 if f else -1000
    (_, W_xn), (_, W_hn), (_, b_n) = (np.split(p, 2, axis=-1) for p in layer.params.values())
    expected = np.tanh(x[:, 0] @ W_xn + h @ W_hn + b_n) if f else h
    np.testing.assert_allclose(layer.step(x[:, 0], h), expected, atol=1e-14)


def test_all_three_take_one_step_alike(given):
    layer, x, h = given
    expected = layer.step(x[:, 0], h)
    cell = KerasMGUCell(H)
    cell.build((N, D))
    cell.set_weights([param.copy() for param in layer.params.values()])
    tensors = [keras.ops.convert_to_tensor(array, "float32") for array in (x[:, 0], h)]
    after, _ = cell(tensors[0], tensors[1:])
    np.testing.assert_allclose(keras.ops.convert_to_numpy(after), expected, atol=1e-5)
    loop = TorchMGU(D, H).double()
    with torch.no_grad():
        for name, param in layer.params.items():
            getattr(loop, name).copy_(torch.tensor(param))
        after = loop.step(torch.tensor(x[:, 0]), torch.tensor(h))
    np.testing.assert_allclose(after, expected, atol=1e-14)
