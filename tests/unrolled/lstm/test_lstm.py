"""What chapter 4 says of the libraries' own layers: their gates, biases and first weights."""

import keras
import numpy as np
import torch

from unrolled.lstm.keras import KerasLSTMCell
from unrolled.lstm.numpy import NumpyLSTM
from unrolled.lstm.torch import TorchLSTM

D, H = 2, 3


def weights(layer):
    """A Keras layer's own, in its own order."""
    return [keras.ops.convert_to_numpy(variable.value) for variable in layer.weights]


def keras_lstm(**options):
    layer = keras.layers.LSTM(H, return_sequences=True, return_state=True, **options)
    layer.build((None, None, D))
    return layer


def carried_over(rng):
    """A NumPy layer with random weights, and both libraries' layers with the same, by hand."""
    layer = NumpyLSTM(D, H, rng=rng)
    for param in layer.params.values():
        param[...] = rng.normal(size=param.shape)
    W_xh, W_hh, b_h = (param.copy() for param in layer.params.values())
    by_keras, by_torch = keras_lstm(), torch.nn.LSTM(D, H, batch_first=True)
    by_keras.set_weights([W_xh, W_hh, b_h])
    with torch.no_grad():
        by_torch.weight_ih_l0.copy_(torch.tensor(W_xh.T))
        by_torch.weight_hh_l0.copy_(torch.tensor(W_hh.T))
        by_torch.bias_ih_l0.copy_(torch.tensor(b_h))
        by_torch.bias_hh_l0.zero_()
    return layer, by_keras, by_torch


def test_both_libraries_stack_i_f_g_o(rng):
    layer, by_keras, by_torch = carried_over(rng)
    x = rng.normal(size=(4, 5, D)).astype("float32")
    hs, (h, c) = layer.forward(x)
    theirs = by_keras(x)
    for ours, their in zip((hs, h, c), theirs, strict=True):
        np.testing.assert_allclose(keras.ops.convert_to_numpy(their), ours, atol=1e-6)
    with torch.no_grad():
        their_hs, their_state = by_torch(torch.tensor(x))
    for ours, their in zip((hs, h, c), (their_hs, *(s[0] for s in their_state)), strict=True):
        np.testing.assert_allclose(their, ours, atol=1e-6)


def test_keras_has_one_bias_whose_forget_part_starts_at_1():
    kernel, recurrent, bias = weights(keras_lstm())
    assert (kernel.shape, recurrent.shape) == ((D, 4 * H), (H, 4 * H))
    np.testing.assert_array_equal(bias.reshape(4, H), np.outer([0, 1, 0, 0], np.ones(H)))
    _, _, bias = weights(keras_lstm(unit_forget_bias=False))
    np.testing.assert_array_equal(bias, np.zeros(4 * H))


def test_keras_starts_with_an_orthogonal_recurrent_kernel_as_our_cell_does():
    cell = KerasLSTMCell(H)
    cell.build((None, D))
    for kernel, recurrent, bias in (weights(keras_lstm()), weights(cell)):
        np.testing.assert_allclose(recurrent @ recurrent.T, np.eye(H), atol=1e-6)
        limit = np.sqrt(6 / (D + 4 * H))  # Glorot and Bengio's uniform
        assert abs(kernel).max() <= limit
        assert bias[H : 2 * H].tolist() == [1] * H


def test_pytorch_has_two_biases_and_starts_everything_from_one_uniform():
    size, hidden = 30, 100
    layer = torch.nn.LSTM(size, hidden)
    shapes = {name: tuple(param.shape) for name, param in layer.named_parameters()}
    assert shapes == {
        "weight_ih_l0": (4 * hidden, size),
        "weight_hh_l0": (4 * hidden, hidden),
        "bias_ih_l0": (4 * hidden,),
        "bias_hh_l0": (4 * hidden,),
    }
    limit = hidden**-0.5
    for name, param in layer.named_parameters():  # the forget gate's part like all the rest
        for part in param.detach().reshape(4, -1):
            assert abs(part).max() <= limit and abs(part.mean()) < 0.3 * limit, name
            assert abs(part.std() / (limit / 3**0.5) - 1) < 0.25, name


def test_the_two_biases_of_pytorch_take_every_step_twice(rng):
    *_, layer = carried_over(rng)
    hs, _ = layer(torch.tensor(rng.normal(size=(4, 5, D)), dtype=torch.float32))
    hs.square().sum().backward()
    torch.testing.assert_close(layer.bias_ih_l0.grad, layer.bias_hh_l0.grad)
    before = (layer.bias_ih_l0 + layer.bias_hh_l0).detach().clone()
    torch.optim.SGD([layer.bias_ih_l0, layer.bias_hh_l0], 0.1).step()
    step = before - (layer.bias_ih_l0 + layer.bias_hh_l0).detach()
    torch.testing.assert_close(step, 2 * 0.1 * layer.bias_ih_l0.grad)


def test_with_the_forget_gate_open_and_nothing_written_the_gradient_passes_unharmed(rng):
    """The constant error carousel: c goes on, and so does its gradient, for a hundred steps."""
    layer = NumpyLSTM(D, H, rng=rng, dtype=np.float64)
    b_h = layer.params["b_h"].reshape(4, H)
    b_h[0], b_h[1] = -1000, 1000
    h, c, dc = rng.normal(size=(3, 4, H))
    _, (_, last) = layer.forward(rng.normal(size=(4, 100, D)), (h, c))
    np.testing.assert_array_equal(last, c)
    _, (_, dstart) = layer.backward(np.zeros((4, 100, H)), (np.zeros((4, H)), dc))
    np.testing.assert_allclose(dstart, dc, rtol=1e-13)


def test_the_forget_bias_is_there_though_the_first_fit_builds_the_model():
    model = keras.Sequential([keras.layers.RNN(KerasLSTMCell(3)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(np.ones((2, 4, 5)), np.ones((2, 1)), verbose=0)
    bias = keras.ops.convert_to_numpy(model.layers[0].cell.b_h)
    np.testing.assert_array_equal(bias, np.repeat([0, 1, 0, 0], 3))


def test_a_whole_number_will_do_as_forget_bias():
    np.testing.assert_array_equal(
        TorchLSTM(2, 3, forget_bias=2).b_h.detach(), np.repeat([0, 2, 0, 0], 3)
    )
