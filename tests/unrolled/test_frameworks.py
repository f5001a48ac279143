"""The NumPy building blocks and optimizers do what PyTorch's and Keras's do."""

import keras
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from unrolled import agreement, nn, optim

SHAPES = {"W": (3, 4), "b": (4,), "one": (1, 1)}
# On PyTorch and JAX, Keras computes in float32 whatever is asked.
KERAS = {"rtol": 1e-11} if keras.config.backend() == "tensorflow" else {"rtol": 1e-4, "atol": 1e-5}
RATE = 0.1


def draw(rng):
    return {name: rng.normal(size=shape) for name, shape in SHAPES.items()}


def test_softmax_and_cross_entropy_equal_pytorch_even_for_huge_logits(rng):
    logits = rng.normal(size=(3, 4, 6)) * np.array([1, 10, 1000])[:, None, None]
    targets = rng.integers(6, size=(3, 4))
    theirs = torch.tensor(logits, requires_grad=True)
    loss = F.cross_entropy(theirs.flatten(0, 1), torch.tensor(targets).flatten())
    loss.backward()
    np.testing.assert_allclose(nn.softmax(logits), F.softmax(theirs, -1).detach(), atol=1e-12)
    np.testing.assert_allclose(nn.cross_entropy(logits, targets), loss.item(), rtol=1e-12)
    np.testing.assert_allclose(nn.cross_entropy_backward(logits, targets), theirs.grad, atol=1e-12)


def test_sigmoid_equals_pytorch_and_keras_however_far_out(rng):
    z = np.concatenate([rng.normal(size=50), [-800, -40, 40, 800, 0]])
    np.testing.assert_allclose(nn.sigmoid(z), torch.sigmoid(torch.tensor(z)), rtol=1e-13)
    with agreement.precision("float64"):
        theirs = keras.ops.sigmoid(keras.ops.convert_to_tensor(z))
    np.testing.assert_allclose(nn.sigmoid(z), keras.ops.convert_to_numpy(theirs), **KERAS)


def test_linear_and_embedding_equal_pytorch(rng):
    V, D, M = 5, 3, 4
    embedding = nn.Embedding(V, D, rng=rng, dtype=np.float64)
    linear = nn.Linear(D, M, rng=rng, dtype=np.float64)
    linear.b[:] = rng.normal(size=M)
    tokens, dy = rng.integers(V, size=(2, 7)), rng.normal(size=(2, 7, M))
    E, W, b = (torch.tensor(w, requires_grad=True) for w in (embedding.E, linear.W, linear.b))
    theirs = F.linear(F.embedding(torch.tensor(tokens), E), W.T, b)
    theirs.backward(torch.tensor(dy))
    ours = linear.forward(embedding.forward(tokens))
    embedding.backward(linear.backward(dy))
    np.testing.assert_allclose(ours, theirs.detach(), atol=1e-14)
    for mine, their in ((embedding.dE, E), (linear.dW, W), (linear.db, b)):
        np.testing.assert_allclose(mine, their.grad, atol=1e-14)


@pytest.mark.parametrize("name", agreement.OPTIMIZERS)
def test_twenty_steps_of_each_optimizer_are_those_of_pytorch_and_keras(rng, name):
    options = agreement.OPTIMIZERS[name]
    ours, gradients = draw(rng), [draw(rng) for _ in range(20)]
    theirs = {key: torch.tensor(value, requires_grad=True) for key, value in ours.items()}
    with agreement.precision("float64"):
        kerass = {key: keras.Variable(value, dtype="float64") for key, value in ours.items()}
        their_updates = getattr(torch.optim, name)(theirs.values(), lr=RATE, **options["torch"])
        keras_updates = getattr(keras.optimizers, name)(RATE, **options["keras"])
        our_updates = getattr(optim, name)(ours, RATE, **options["numpy"])
        for grads in gradients:
            our_updates.step(grads)
            for key, grad in grads.items():
                theirs[key].grad = torch.tensor(grad)
            their_updates.step()
            tensors = [
                keras.ops.convert_to_tensor(grad, dtype="float64") for grad in grads.values()
            ]
            keras_updates.apply(tensors, list(kerass.values()))
    for key, value in ours.items():
        np.testing.assert_allclose(value, theirs[key].detach(), rtol=1e-12, err_msg=key)
        np.testing.assert_allclose(
            value, keras.ops.convert_to_numpy(kerass[key].value), **KERAS, err_msg=key
        )


@pytest.mark.skipif(keras.config.backend() != "tensorflow", reason="Keras computes in float32")
def test_without_rounded_betas_keras_goes_another_way():
    ours = {"w": np.array([1.0])}
    with agreement.precision("float64"):
        theirs = keras.Variable([1.0], dtype="float64")
        keras_updates = keras.optimizers.Adam(RATE, epsilon=agreement.EPSILON)
        our_updates = optim.Adam(ours, RATE, epsilon=agreement.EPSILON)
        for g in (0.3, -0.2, 0.5):
            our_updates.step({"w": np.array([g])})
            keras_updates.apply([keras.ops.convert_to_tensor([g], dtype="float64")], [theirs])
    assert 1e-9 < abs(ours["w"][0] - float(theirs.value[0])) < 1e-5


def test_clipping_by_value_equals_pytorch(rng):
    grads = draw(rng)
    theirs = [torch.zeros(shape) for shape in SHAPES.values()]
    for tensor, grad in zip(theirs, grads.values(), strict=True):
        tensor.grad = torch.tensor(grad, dtype=torch.float32)
    optim.clip_by_value(grads, 0.5)
    torch.nn.utils.clip_grad_value_(theirs, 0.5)
    for tensor, grad in zip(theirs, grads.values(), strict=True):
        np.testing.assert_allclose(grad, tensor.grad, rtol=1e-6)


@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_clipping_by_norm_equals_pytorch_and_keras(rng, limit):
    grads = draw(rng)
    with agreement.precision("float64"):
        theirs = [torch.zeros(shape) for shape in SHAPES.values()]
        for tensor, grad in zip(theirs, grads.values(), strict=True):
            tensor.grad = torch.tensor(grad)
        # A step of rate 1 from zero ends at minus the gradient, clipped.
        kerass = [keras.Variable(np.zeros(shape), dtype="float64") for shape in SHAPES.values()]
        keras.optimizers.SGD(1.0, global_clipnorm=limit).apply(
            [keras.ops.convert_to_tensor(grad, dtype="float64") for grad in grads.values()], kerass
        )
        norm = optim.clip_by_norm(grads, limit)
        their_norm = torch.nn.utils.clip_grad_norm_(theirs, limit)
    np.testing.assert_allclose(norm, their_norm.item(), rtol=1e-14)
    for tensor, variable, grad in zip(theirs, kerass, grads.values(), strict=True):
        # PyTorch adds 1e-6 to the norm before it divides.
        np.testing.assert_allclose(grad, tensor.grad, rtol=1e-6 / norm * 1.01)
        np.testing.assert_allclose(grad, -keras.ops.convert_to_numpy(variable.value), **KERAS)
