"""Chapter 2's classes in three frameworks: one gradient, one trajectory, one carried state."""

import keras
import numpy as np
import pytest
import torch

from unrolled import agreement, optim
from unrolled.bptt.keras import KerasLayerModel, KerasRNNModel, keras_truncated
from unrolled.bptt.numpy import NumpyRNN, NumpyRNNModel, numpy_truncated
from unrolled.bptt.torch import TorchLayerModel, TorchRNN, TorchRNNModel, torch_truncated
from unrolled.hello.keras import KerasRNNCell

NAMES = agreement.LIBRARY_NAMES
KERAS_HAS_FLOAT64 = keras.config.backend() == "tensorflow"
SIZES = [(2, 5, 3, 4), (1, 4, 2, 3), (3, 1, 2, 4)]  # N, T, D, H


def randomized(model, rng):
    for param in model.params.values():
        param[...] = rng.normal(0, param.shape[0] ** -0.5, param.shape)
    return model


def compare(rng, V, H, N, T, **options):
    models = {
        "numpy": lambda dtype: NumpyRNNModel(V, H, rng=rng, dtype=dtype),
        "keras": lambda dtype: KerasRNNModel(V, H),
        "keras layer": lambda dtype: KerasLayerModel(V, H),
        "torch": lambda dtype: TorchRNNModel(V, H),
        "torch layer": lambda dtype: TorchLayerModel(V, H),
    }

    def batch():
        return rng.integers(V, size=(N, T)), rng.integers(V, size=(N, T))

    table = agreement.compare(models, batch=batch, names=NAMES, rng=rng, **options)
    table.check()
    return table


def test_all_five_take_the_same_hundred_steps_of_every_optimizer(rng):
    table = compare(
        rng, 6, 3, 5, 7, steps=100, optimizers={"SGD": 0.5, "Adagrad": 0.1, "Adam": 0.01}
    )
    assert {quantity for _, quantity, _, _ in table.rows} == {
        *("outputs", "loss", "dW_xh", "dW_hh", "db_h", "dW_hy", "db_y"),
        *(f"loss after 100 steps of {name}" for name in ("SGD", "Adagrad", "Adam")),
    }
    for dtype, _, _, differences in table.rows:
        silent = {label for label, difference in differences.items() if difference is None}
        absent = dtype == "float64" and not KERAS_HAS_FLOAT64
        assert silent == ({"keras", "keras layer"} if absent else set())


@pytest.mark.parametrize(("V", "H", "N", "T"), [(4, 5, 1, 3), (5, 2, 3, 1)])
def test_all_five_agree_for_one_row_and_for_one_step(rng, V, H, N, T):
    compare(rng, V, H, N, T, steps=5)


def one_pass(rng, N, T, D, H):
    """A NumPy layer after forward and backward, and all that went in and came out."""
    layer = randomized(NumpyRNN(D, H, rng=rng, dtype=np.float64), rng)
    given = [rng.normal(size=shape) for shape in ((N, T, D), (N, H), (N, T, H), (N, H))]
    x, state, dhs, dstate = given
    hs, last = layer.forward(x, state)
    dx, dfirst = layer.backward(dhs, dstate)
    return layer, given, {"hs": hs, "last": last, "dx": dx, "dfirst": dfirst, **layer.grads}


def assert_equal(ours, theirs, atol):
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_allclose(value, theirs[name], atol=atol, err_msg=name)


@pytest.mark.parametrize(("N", "T", "D", "H"), SIZES)
@pytest.mark.parametrize("library", [False, True], ids=["loop", "nn.RNN"])
def test_backward_is_autograd(rng, N, T, D, H, library):
    layer, given, ours = one_pass(rng, N, T, D, H)
    with agreement.precision("float64"):
        twin = torch.nn.RNN(D, H, batch_first=True) if library else TorchRNN(D, H)
    agreement.set_weights(twin, layer.params, NAMES)
    x, state, dhs, dstate = (torch.tensor(array, requires_grad=True) for array in given)
    hs, last = twin(x, state[None] if library else state)
    last = last[0] if library else last
    ((hs * dhs).sum() + (last * dstate).sum()).backward()
    if library:  # its two biases get one gradient each, and both are the whole
        torch.testing.assert_close(twin.bias_hh_l0.grad, twin.bias_ih_l0.grad)
        grads = {
            "W_xh": twin.weight_ih_l0.grad.T,
            "W_hh": twin.weight_hh_l0.grad.T,
            "b_h": twin.bias_ih_l0.grad,
        }
    else:
        grads = {name: getattr(twin.cell, name).grad for name in layer.params}
    theirs = {"hs": hs.detach(), "last": last.detach(), "dx": x.grad, "dfirst": state.grad, **grads}
    assert_equal(ours, theirs, atol=1e-13)


@pytest.mark.skipif(not KERAS_HAS_FLOAT64, reason="the gradient tape is TensorFlow's")
@pytest.mark.parametrize(("N", "T", "D", "H"), SIZES)
@pytest.mark.parametrize("library", [False, True], ids=["cell", "SimpleRNN"])
def test_backward_is_the_gradient_tape(rng, N, T, D, H, library):
    import tensorflow as tf

    layer, given, ours = one_pass(rng, N, T, D, H)
    options = {"return_sequences": True, "return_state": True}
    with agreement.precision("float64"):
        if library:
            twin = keras.layers.SimpleRNN(H, **options)
        else:
            twin = keras.layers.RNN(KerasRNNCell(H), **options)
        twin.build((N, T, D))
        for variable, value in zip(
            twin.trainable_variables, layer.params.values(), strict=True
        ):  # both keep them in the book's order
            variable.assign(value)
        x, state, dhs, dstate = (tf.constant(array) for array in given)
        with tf.GradientTape() as tape:
            tape.watch([x, state])
            hs, last = twin(x, initial_state=state)
            loss = tf.reduce_sum(hs * dhs) + tf.reduce_sum(last * dstate)
        sources = [x, state, *(v.value for v in twin.trainable_variables)]
        grads = tape.gradient(loss, sources)
    theirs = dict(zip(("dx", "dfirst", *layer.params), grads, strict=True))
    assert_equal(ours, {"hs": hs, "last": last, **theirs}, atol=1e-13)


def test_pytorch_models_go_on_from_the_state_they_returned(rng):
    model = randomized(NumpyRNNModel(5, 4, rng=rng, dtype=np.float64), rng)
    tokens = rng.integers(5, size=(3, 7))
    expected, last = model.forward(tokens)
    for build in (TorchRNNModel, TorchLayerModel):
        with agreement.precision("float64"):
            twin = build(5, 4)
        agreement.set_weights(twin, model.params, NAMES)
        first, state = twin(torch.tensor(tokens[:, :3]))
        second, state = twin(torch.tensor(tokens[:, 3:]), state)
        logits = torch.cat([first, second], dim=1).detach()
        np.testing.assert_allclose(logits, expected, atol=1e-13)
        np.testing.assert_allclose(state.detach().reshape(3, 4), last, atol=1e-13)


@pytest.mark.parametrize("build", [KerasRNNModel, KerasLayerModel])
def test_a_stateful_keras_model_goes_on_until_it_is_reset(rng, build):
    tokens = rng.integers(5, size=(3, 8))
    model = randomized(NumpyRNNModel(5, 4, rng=rng), rng)
    stateful, plain = build(5, 4, stateful=True), build(5, 4)
    for twin in (stateful, plain):
        twin(tokens)  # which makes the weights, and a state of the batch's size
        agreement.set_weights(twin, model.params, NAMES)
    stateful.rnn.reset_state()
    whole, _ = model.forward(tokens)
    anew, _ = model.forward(tokens[:, 4:])
    assert abs(anew - whole[:, 4:]).max() > 0.01  # the state makes a difference

    def read(twin, part):
        return keras.ops.convert_to_numpy(twin(part))

    for _ in range(2):
        for part in (slice(4), slice(4, 8)):
            np.testing.assert_allclose(read(stateful, tokens[:, part]), whole[:, part], atol=1e-5)
        stateful.rnn.reset_state()
    for part, expected in ((slice(4), whole[:, :4]), (slice(4, 8), anew)):
        np.testing.assert_allclose(read(plain, tokens[:, part]), expected, atol=1e-5)


@pytest.mark.parametrize("steps", [3, 6])
def test_truncated_training_is_the_same_in_all_three(rng, steps):
    """Keras clips too, and its mean over the slices is the mean of the others' losses."""
    V, H, N, T, rate, limit = 5, 4, 2, 12, 0.5, 0.2
    tokens, targets = rng.integers(V, size=(2, N, T))
    model = randomized(NumpyRNNModel(V, H, rng=rng, dtype=np.float64), rng)
    start = {name: param.copy() for name, param in model.params.items()}
    updates = optim.SGD(model.params, rate)
    options = {"steps": steps, "limit": limit}
    ours = numpy_truncated(model, tokens, targets, optimizer=updates, **options)
    assert len(ours) == T // steps

    for build in (TorchRNNModel, TorchLayerModel):
        with agreement.precision("float64"):
            twin = build(V, H)
        agreement.set_weights(twin, start, NAMES)
        trained = [weight for name, weight in twin.named_parameters() if "bias_hh" not in name]
        for name, weight in twin.named_parameters():
            weight.requires_grad_("bias_hh" not in name)  # the second bias would share the step
        updates = torch.optim.SGD(trained, rate)
        theirs = torch_truncated(
            twin, torch.tensor(tokens), torch.tensor(targets), optimizer=updates, **options
        )
        # PyTorch adds 1e-6 to the norm before it divides by it.
        np.testing.assert_allclose(theirs, ours, atol=1e-5)

    for build in (KerasRNNModel, KerasLayerModel):
        with agreement.precision("float64"):
            twin = build(V, H, stateful=True)
            twin(tokens[:, :steps])  # which makes the weights, and a state of the batch's size
            agreement.set_weights(twin, start, NAMES)
            twin.rnn.reset_state()
            twin.compile(
                keras.optimizers.SGD(rate, global_clipnorm=limit),
                keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            )
            mean = keras_truncated(twin, tokens, targets, steps=steps)
        np.testing.assert_allclose(mean, np.mean(ours), atol=1e-6)  # Keras logs float32
        for variable in twin.trainable_variables:
            name = agreement._place(variable.path.replace("/", "."), NAMES)
            value = keras.ops.convert_to_numpy(variable.value)
            np.testing.assert_allclose(value, model.params[name], atol=1e-6, err_msg=name)


@pytest.mark.parametrize("build", [TorchRNNModel, TorchLayerModel, KerasRNNModel, KerasLayerModel])
def test_sizes_are_at_least_one(build):
    with pytest.raises(ValueError, match="hidden_size must be a whole number of at least 1, got 0"):
        build(3, 0)
    with pytest.raises(ValueError, match="_size must be a whole number of at least 1, got 2.5"):
        build(2.5, 3)
